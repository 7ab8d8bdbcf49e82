"""The plugin for pytest, in runs of pytest inside of this one: marker, fixture, options, report, xdist."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from workplaces.conftest import EXAMPLE

pytest_plugins = ["pytester"]
REFERENCE = Path(__file__).parents[2] / "reference"
LEVEL = "fixtures"
"""What an audit asks here: few problems, however busy the machine is."""
MARKED = f"""
import pytest
from faulty import conv2d as wrong
from conforming import conv2d as right

pytestmark = pytest.mark.conv_oracle(level="{LEVEL}")

@pytest.mark.parametrize("level", ["quick"])
def test_right(level):
    return right

def test_wrong():
    return wrong
"""


@pytest.fixture
def project(pytester, monkeypatch):
    """A project with two kernels, and a run of pytest in it."""
    monkeypatch.setenv("PYTHONPATH", f"{REFERENCE}:{pytester.path}")
    pytester.syspathinsert()
    for name in ("faulty", "conforming"):
        (pytester.path / f"{name}.py").write_text((EXAMPLE / f"{name}.py").read_text())
    words = ("-p", "pytest_conv_oracle", "-p", "no:cacheprovider")

    def run(text, *options, apart=False):
        pytester.makepyfile(test_kernels=text)
        how = pytester.runpytest_subprocess if apart else pytester.runpytest_inprocess
        return how(*words, *options)

    return run


def test_marked_tests_fail_with_the_finding_alone_and_are_reported_under_xdist(project, pytester):
    result = project(MARKED, "--conv-oracle-report", "report.json", "-n", "2", "-W", "error", apart=True)
    result.assert_outcomes(passed=1, failed=1)
    text = result.stdout.str()
    told = json.loads((pytester.path / "report.json").read_text())
    assert f"conv-oracle: audits have --conv-oracle-seed={told['seed']}" in text
    assert "conv-oracle: 2 verdicts in" in text
    seen = {one["test"]: (one["verdict"]["verdict"], one["verdict"]["seed"]) for one in told["audits"]}
    assert seen == {
        "test_kernels.py::test_right[quick]": ("conforms", told["seed"]),
        "test_kernels.py::test_wrong": ("faulty", told["seed"]),
    }
    lines = text.partition("test_wrong ___")[2].partition("conv-oracle: 2")[0].strip("_ \n").splitlines()
    failure = [line for line in lines if not line.startswith("[gw")]
    assert len(failure) <= 10
    head = f"faulty.py:conv2d as conv2d: faulty: 1 finding (level fixtures, seed {told['seed']})"
    assert failure[:2] == [head, "kernel-flipped: the kernel is read backwards along the width"]
    assert failure[-1].startswith("  repeat    conv-oracle replay ")


FIXTURE = """
from faulty import conv2d
from conv_oracle.testing import assert_conforms

def test_expected(conv_oracle):
    conv_oracle(conv2d, expected_faults={"kernel-flipped": "mirrored"})

def test_by_import():
    assert_conforms(conv2d)

def test_a_lambda(conv_oracle):
    conv_oracle(lambda x, w: x)
"""


def test_a_call_has_the_options_and_is_in_the_report(project, pytester):
    pytester.makeini("[pytest]\nconv_oracle_level = exhaustive\nconv_oracle_seed = 11\n")
    result = project(FIXTURE, "--conv-oracle-level", LEVEL, "--conv-oracle-report", "report.json")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(
        ["*TargetError: a subject is found again by its name in a module: subject=*is a lambda*"]
    )
    told = json.loads((pytester.path / "report.json").read_text())["audits"]
    assert [(one["verdict"]["seed"], one["verdict"]["options"]["level"]) for one in told] == [(11, LEVEL)] * 2
    assert "asserting.py" not in result.stdout.str()  # the traceback ends where the test calls


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--conv-oracle-seed", "-3"], "the seed of audits is an integer from 0: seed=-3; 0 would fit"),
        (["-o", "conv_oracle_seed=x"], "the seed of audits is an integer from 0: seed='x'; 0 would fit"),
        (["--conv-oracle-report", "none/report.json"], "--conv-oracle-report needs a file in an existing directory"),
    ],
)
def test_a_wrong_option_is_one_line(project, options, said):
    result = project(MARKED, *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert said in result.stderr.str()
    assert "Traceback" not in result.stderr.str()


MARKERS = {
    "": ("None", "returns what is audited: it returned None"),
    "'quick'": ("conv2d", "takes options by name: args=('quick',)"),
    "levle='quick'": ("conv2d", "takes options of an audit: levle='quick'; level"),
    "level='quack'": ("conv2d", "level is one of quick"),
}


def test_a_wrong_marker_is_told_and_a_test_without_one_left_alone(project):
    lines = ["import pytest", "from faulty import conv2d", "def test_plain(): pass"]
    for number, (mark, (returned, _)) in enumerate(MARKERS.items()):
        lines += [f"@pytest.mark.conv_oracle({mark})", f"def test_{number}(): return {returned}"]
    result = project("\n".join(lines), "--strict-markers", "-W", "error")
    result.assert_outcomes(passed=1, failed=len(MARKERS))
    for _, said in MARKERS.values():
        assert said in result.stdout.str()


def test_the_plugin_imports_nothing_before_an_audit():
    code = "import sys, pytest_conv_oracle; print([n for n in ('numpy', 'conv_oracle', 'rich') if n in sys.modules])"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONPATH": str(REFERENCE)})
    assert done.stdout.strip() == "[]"
