"""The command: its exit codes, its one-line errors, its report and its JSON."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from conv_oracle.cli import main

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "scripts" / "example"
FAULTY = Path(__file__).with_name("faulty_subjects.py")

pytestmark = pytest.mark.usefixtures("quick_is_brief")


def run(*arguments):
    return CliRunner().invoke(main, ["audit", *map(str, arguments)])


def test_the_shipped_example_is_found_faulty_and_its_sibling_conforms():
    result = run(f"{EXAMPLE}/faulty.py:conv2d", "--level", "quick")
    assert result.exit_code == 1
    assert "kernel-flipped: the kernel is read backwards along the width" in result.output
    assert "on every problem that can show it: with kernel > 1 on axis 1" in result.output
    assert "reads x[o - k + 1], the formula says x[o + k - 1]" in result.output
    assert "1 2 . . . .    1 0 . . . ." in result.output
    assert "should be" in result.output
    lines = result.output.splitlines()
    assert f"  repeat    conv-oracle replay 'conv2d x1x1x1x2 w1x1x1x2 float64' {EXAMPLE}/faulty.py:conv2d" in lines
    assert "  learn     conv-oracle explain kernel-flipped" in lines
    assert max(len(line) for line in lines if str(EXAMPLE) not in line) <= 80
    assert not any(line.endswith(" ") for line in lines)
    assert "\x1b" not in result.output
    result = run(f"{EXAMPLE}/conforming.py:conv2d", "--level", "quick")
    assert result.exit_code == 0
    assert "conforms within the scope below" in " ".join(result.output.split())


def test_json_carries_the_verdict(tmp_path):
    file = tmp_path / "verdict.json"
    result = run(f"{FAULTY}:bias_of_the_first_group", "--op", "conv2d", "--level", "quick", "--seed", 7, "--json", file)
    assert result.exit_code == 1
    document = json.loads(file.read_text())
    assert document["schema"] == 2
    assert document["verdict"] == "faulty"
    assert document["op"] == "conv2d"
    assert document["seed"] == 7
    assert document["seconds"] > 0
    assert document["arithmetic"] == "exact"
    assert {"conv-oracle", "python", "numpy", "subject's numpy"} <= set(document["versions"])
    assert document["scope"]["outputs"] > 1000
    (finding,) = document["findings"]
    assert finding["fault"] == finding["diagnosis"]["fault"] == "bias-wrong"
    assert finding["diagnosis"]["title"] == "the bias is wrong: every group gets the first group's"
    assert finding["evidence"]["operands"].keys() == {"input", "weight", "bias"}
    assert finding["kind"] == "wrong-value"
    assert finding["problem"].startswith("conv2d x1x2x1x1 w2x1x1x1 g2 bias float64")
    assert finding["summary"] == "values are wrong"
    assert finding["evidence"]["terms"][0]["left"] == "input"


def test_json_on_standard_output_stands_alone():
    result = run(f"{FAULTY}:refuses_everything", "--op", "conv2d", "--level", "quick", "--json", "-")
    assert result.exit_code == 3
    assert json.loads(result.stdout)["verdict"] == "no-verdict"


def test_a_warning_becomes_a_fault_under_strict_arguments(tmp_path):
    subject = tmp_path / "lenient.py"
    subject.write_text(
        f"import sys; sys.path.insert(0, {str(FAULTY.parent)!r})\n"
        "from faulty_subjects import right\n"
        "def conv2d(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):\n"
        "    return right(x, w, bias, stride, padding, tuple(max(1, d) for d in dilation), groups)\n"
    )
    lenient = run(f"{subject}:conv2d", "--level", "quick")
    assert lenient.exit_code == 0
    assert "dilation is 1 or more: dilation=0; 1 would fit" in " ".join(lenient.output.split())
    strict = run(f"{subject}:conv2d", "--level", "quick", "--strict-arguments")
    assert strict.exit_code == 1
    assert "accepted-but-invalid" in strict.output


LOADING = {
    "nonsense": "a target is package.module:name",
    "no_such_file.py:conv2d": "the target's file must exist",
    "no_such_module_at_all:conv2d": "ModuleNotFoundError",
    f"{FAULTY}:no_such_conv2d": "AttributeError",
    f"{FAULTY}:FAULTS_conv2d": "AttributeError",
    f"{FAULTY}:right": "the operation cannot be inferred from the name",
    "json:conv2d": "AttributeError",
}


@pytest.mark.parametrize(("target", "says"), LOADING.items())
def test_a_target_that_cannot_be_loaded_is_one_line_and_exit_code_2(target, says):
    result = run(target)
    assert result.exit_code == 2
    assert says in result.output
    assert len(result.output.strip().splitlines()) == 1
    assert "Traceback" not in result.output


OPTIONS = [
    (["--op", "conv4d"], "op is one of conv1d"),
    (["--level", "endless"], "level is one of quick"),
    (["--dtype", "float31"], "dtype is one of float64"),
    (["--arrays", "jax"], "arrays is one of numpy, torch"),
    (["--python", "/no/such/python"], "--python takes a Python interpreter"),
]


@pytest.mark.parametrize(("options", "says"), OPTIONS)
def test_a_wrong_option_is_one_line_and_exit_code_2(options, says):
    result = run(f"{EXAMPLE}/faulty.py:conv2d", *options)
    assert result.exit_code == 2
    assert says in result.output
    assert len(result.output.strip().splitlines()) == 1


BROKEN = {
    "def conv2d(x, w, extra): pass": "parameter='extra'",
    "def conv2d(x): pass": "a subject must take input, weight",
    "conv2d = 7": "is not callable: it is of type int",
    "import sys; sys.exit(0)": "SystemExit",
    "import os; os._exit(0)": "must load",
    "def conv2d(x, w) return": "SyntaxError",
}


@pytest.mark.parametrize(("source", "says"), BROKEN.items())
def test_a_module_that_breaks_is_one_line_and_exit_code_2(tmp_path, source, says):
    (tmp_path / "broken.py").write_text(source)
    result = run(f"{tmp_path}/broken.py:conv2d")
    assert result.exit_code == 2
    assert says in result.output
    assert len(result.output.strip().splitlines()) == 1


def test_the_subjects_interpreter_needs_no_conv_oracle(tmp_path):
    (tmp_path / "conv_oracle.py").write_text("raise ImportError('not in this interpreter')")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    result = run(f"{EXAMPLE}/conforming.py:conv2d", "--level", "quick", "--python", python)
    assert result.exit_code == 0, result.output
    spoiled = tmp_path / "needs_it.py"
    spoiled.write_text("import conv_oracle\nconv2d = print")
    result = run(f"{spoiled}:conv2d", "--python", python)
    assert result.exit_code == 2
    assert "not in this interpreter" in result.output


def test_a_module_is_found_from_the_working_directory(tmp_path):
    (tmp_path / "kernels.py").write_text((EXAMPLE / "faulty.py").read_text())
    command = [sys.executable, "-m", "conv_oracle", "audit", "kernels:conv2d", "--level", "quick"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert "faulty" in done.stdout
