"""assert_conforms: passes what conforms, fails with ten lines that can be read, and with what no longer shows."""

import importlib
import os
import sys
from dataclasses import replace

import pytest

from conv_oracle.auditing import Verdict
from conv_oracle.errors import TargetError
from conv_oracle.report import brief
from conv_oracle.testing import assert_conforms, asserting
from workplaces.conftest import EXAMPLE


@pytest.fixture
def audited(monkeypatch):
    """assert_conforms on a verdict that is there, with the options that it was asked with."""
    asked = []

    def of(verdict, **given):
        monkeypatch.setattr(asserting, "audit", lambda target, **options: asked.append((target, options)) or verdict)
        result = assert_conforms(f"{EXAMPLE}/faulty.py:conv2d", **given)
        return result, asked[-1]

    return of


def test_what_conforms_passes(audited, conforming):
    verdict, (target, options) = audited(conforming, arrays="torch", seconds=None)
    assert verdict is conforming
    assert target == f"{EXAMPLE}/faulty.py:conv2d"
    assert {**options, "seed": 1} == {"level": "quick", "arrays": "torch", "seed": 1}


def test_what_is_faulty_fails_in_ten_lines_with_a_replay(audited, faulty):
    with pytest.raises(AssertionError) as caught:
        audited(faulty)
    lines = str(caught.value).splitlines()
    assert len(lines) <= 10
    assert lines[0].endswith("faulty.py:conv2d as conv2d: faulty: 1 finding (level quick, seed 1)")
    assert lines[1] == "kernel-flipped: the kernel is read backwards along the width"
    assert any("should be" in line for line in lines)
    assert lines[-1].startswith("  repeat    conv-oracle replay 'conv2d ")


def test_the_longest_failure_has_ten_lines_of_text_alone(faulty):
    one = faulty.findings[0]
    told = replace(one, evidence=replace(one.evidence, text="\x1b[31mred\nand " + "long " * 200))
    lines = brief(replace(faulty, findings=(told, replace(one, fault="bias-wrong"))))
    assert len(lines) == 10
    assert lines[-1] == "  and       bias-wrong"
    assert all(line.isprintable() for line in lines)
    assert len(max(lines, key=len)) < 500


def test_an_expected_fault_passes_until_it_no_longer_shows(audited, faulty, conforming):
    expected = {"kernel-flipped": "mirrored, see issue 12"}
    verdict, _ = audited(faulty, expected_faults=expected)
    assert isinstance(verdict, Verdict)
    assert verdict.ignored[0].reason == "expected: mirrored, see issue 12"
    with pytest.raises(AssertionError, match=r"no longer shows\nkernel-flipped \(expected: mirrored"):
        audited(conforming, expected_faults=expected)
    with pytest.raises(AssertionError, match="faulty: 1 finding"):
        audited(faulty, expected_faults={"bias-wrong": "another one"})
    with pytest.raises(TargetError, match="kernel-flipped"):
        audited(faulty, expected_faults={"kernel-fliped": "a slip"})


def test_without_a_verdict_it_fails_and_says_what_is_missing(audited, without_verdict):
    with pytest.raises(
        AssertionError, match=r"no verdict: 1 of \d+ essential problems were answered rightly; --seconds 9"
    ):
        audited(without_verdict)


def test_a_section_of_pyproject_says_what_the_call_does_not(audited, conforming, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text('[tool.conv-oracle]\nlevel = "standard"\ndtype = ["float32"]\n')
    _, (_, options) = audited(conforming, dtypes=["float16"])
    assert (options["level"], options["dtypes"]) == ("standard", ["float16"])


def test_a_baseline_is_read(audited, faulty, tmp_path):
    file = tmp_path / "known.json"
    file.write_text('{"baseline": 1, "findings": []}')
    with pytest.raises(AssertionError, match="faulty"):
        audited(faulty, baseline=file)
    entry = '"op": "conv2d", "fault": "kernel-flipped", "reason": "r"'
    target = f'"target": "{os.path.relpath(EXAMPLE, tmp_path)}/faulty.py:conv2d"'
    file.write_text(f'{{"baseline": 1, "findings": [{{{target}, {entry}}}]}}')
    assert audited(faulty, baseline=file)[0].verdict == "conforms"


def test_an_object_of_a_package_is_audited_in_its_own_process(tmp_path, monkeypatch):
    """A module with a relative import, of a package that only this process can find."""
    package = tmp_path / "someones_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "own.py").write_text((EXAMPLE / "conforming.py").read_text())
    (package / "kernels.py").write_text(
        "from .own import conv2d as own\n\ndef conv2d(*a, **k):\n    return own(*a, **k)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    kernels = importlib.import_module("someones_package.kernels")
    try:
        verdict = assert_conforms(kernels.conv2d, level="fixtures", seed=1)
    finally:
        for name in [name for name in sys.modules if name.startswith("someones_package")]:
            del sys.modules[name]
    assert verdict.options.target == "someones_package.kernels:conv2d"
