"""The adapters that ship: what each says by itself; SciPy, ONNX and onnxruntime as they are, and with a fault planted.

The other libraries are audited where they are: `-m slow` with CONV_ORACLE_PYTHONS="jax=/path/to/python mlx=...", or
installed here. scripts/prove_adapters.py audits all of their operations.
"""

import ast
import importlib.util
import os
import shlex
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from audit.brief import BRIEF
from audit.brief import HURRIED as BRIEFEST
from audit.finding_script import run_script
from conv_oracle import adapters
from conv_oracle.adapters import ADAPTERS, HERE, shipped
from conv_oracle.auditing import LEVELS, AuditOptions, audit
from conv_oracle.auditing.targets import ORDER
from conv_oracle.cli import main
from conv_oracle.errors import TargetError
from conv_oracle.operation import operation_within
from conv_oracle.report import script

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "reference" / "targets_libraries.md").read_text(encoding="utf-8")
SLOW = pytest.mark.slow
HURRIED = replace(BRIEFEST, seconds=20.0)
"""Never cut short by a machine that is busy."""

FILES = sorted({HERE / where.partition(":")[0] for where in ADAPTERS.values()})
MODULES = {"opencv": "cv2"}
"""The module of a library, where that is not its short name."""

KNOWN = {
    "tensorflow": {"output-invented"},
    "mlx": {"output-invented", "crashes"},
    "paddle": {"output-invented"},
    "opencv": {"output-invented", "crashes", "varies", "nonfinite-dropped", "saturates", "output-misplaced"},
}
"""What conv2d of a library may be found to do wrong; the versions stand in its adapter's file."""


def functions(tree):
    """The parameters of each function of a file."""
    return {
        node.name: [one.arg for one in (*node.args.args, *node.args.kwonlyargs)]
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    }


def public_names(tree):
    """The names of the operations that a file defines."""
    found = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        found |= {one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)}
    return {name for name in found if operation_within(name)}


def out_of_order(tree):
    """The functions of a file whose parameters are not PyTorch's, in its order."""
    wrong = []
    for name, parameters in functions(tree).items():
        order = next((ORDER[known] for known in ORDER if name == known), ())
        own = [one for one in parameters if one != "running"]
        if order and own != [one for one in order if one in own]:
            wrong.append(name)
    return wrong


def changed(tmp_path, file, *edits):
    """A copy of an adapter with some text replaced."""
    text = (HERE / file).read_text(encoding="utf-8")
    for before, after in edits:
        assert text.count(before) >= 1, before
        text = text.replace(before, after)
    (tmp_path / file).write_text(text, encoding="utf-8")
    return tmp_path / file


def named(verdict):
    return {finding.fault or finding.kind for finding in verdict.findings}


@pytest.mark.parametrize(
    ("target", "file"),
    [
        ("jax:conv2d", "with_jax.py:conv2d"),
        ("onnxruntime:conv1d", "with_onnx.py:runtime.conv1d"),
        ("scipy:conv2d_correlate2d", "with_scipy.py:conv2d_correlate2d"),
    ],
)
def test_a_short_name_is_an_adapter(target, file):
    assert shipped(target) == str(HERE / file)
    assert AuditOptions(target=target).target == target
    assert Path(AuditOptions(target=target).loaded.partition(":")[0]).is_file()


@pytest.mark.parametrize("target", ["jax:lax.conv2d", "my.jax:conv2d", "./jax.py:conv2d", "numpy:convolve"])
def test_any_other_target_is_itself(target):
    assert shipped(target) == target


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)
def test_an_adapter_has_the_parameters_of_pytorch(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    assert {"conv1d", "conv2d", "conv3d"} <= public_names(tree)
    assert out_of_order(tree) == []


def test_parameters_in_another_order_are_seen():
    assert out_of_order(ast.parse("def conv(input, weight, stride=1, bias=None): ...")) == ["conv"]
    assert out_of_order(ast.parse("def conv(input, weight, *, padding=0): ...")) == []


OF_SCIPY = [
    "conv1d",
    *(pytest.param(op, marks=SLOW) for op in ("conv2d", "conv_transpose1d", "conv3d_input", "conv2d_correlate2d")),
]


@pytest.mark.parametrize("op", OF_SCIPY)
def test_scipy_conforms_within_its_scope(op):
    verdict = audit(f"scipy:{op}", level=HURRIED, seed=1)
    assert named(verdict) == set()
    assert verdict.verdict == "conforms"
    assert any("SciPy pads for full, same or valid" in line for line in verdict.scope.narrowed)


@SLOW
def test_a_planted_fault_of_scipy_is_named(tmp_path):
    file = changed(tmp_path, "with_scipy.py", ("signal.correlate(x, w.conj()", "signal.convolve(x, w"))
    assert "kernel-flipped" in named(audit(f"{file}:conv2d", level=HURRIED, fail_fast=True, seed=1))


@SLOW
def test_ndimage_of_scipy_leaves_out_small_weights():
    verdict = audit("scipy:conv2d_ndimage", level=BRIEF, seed=1)
    assert verdict.findings[0].fault == "small-values-skipped"
    assert "scaled by powers of two" in verdict.findings[0].condition


@SLOW
def test_conv_of_the_onnx_reference_multiplies_infinity_by_zeros_of_its_own():
    """Its kernel is stuffed with zeros for a dilation, so that 0 * Inf appears; all other numbers are right."""
    verdict = audit("onnx:conv2d", level=HURRIED, seed=1)
    (finding,) = verdict.findings
    assert finding.kind == "special-value"
    assert finding.fault == "reads-outside-support"


def test_conv_transpose_of_the_onnx_reference_is_faulty_where_it_is_grouped(tmp_path):
    verdict = audit("onnx:conv_transpose2d", level=BRIEF, seed=1)
    found = {finding.kind: finding for finding in reversed(verdict.findings)}
    assert verdict.verdict == "faulty"
    assert "every group gets the first group's" in found["wrong-value"].diagnosis.title
    raised = [f.evidence.text for f in verdict.findings if f.kind == "raised" and "groups > 1" in f.condition]
    assert any("cannot reshape array" in text for text in raised)
    done = run_script(script(found["wrong-value"], verdict), tmp_path)
    assert "AssertionError" in done.stderr


@SLOW
@pytest.mark.parametrize("op", ["conv1d", "conv_transpose2d"])
def test_onnxruntime_conforms(op):
    verdict = audit(f"onnxruntime:{op}", level=HURRIED, dtypes=["float32"], seed=1)
    assert named(verdict) == set()
    assert verdict.verdict == "conforms"


def test_the_first_example_of_the_page_runs(monkeypatch):
    monkeypatch.setitem(LEVELS, "standard", HURRIED)
    command = next(line for line in PAGE.splitlines() if line.startswith("conv-oracle audit onnxruntime:"))
    done = CliRunner().invoke(main, shlex.split(command)[1:])
    assert done.exit_code == 0, done.output
    assert "onnxruntime:conv2d as conv2d: conforms" in done.output


def test_the_page_and_the_extras_have_every_adapter():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert {*ADAPTERS} <= {*extras}
    listed = [line.split("|")[1].strip() for line in PAGE.splitlines() if line.startswith("| ")]
    assert [name for name in listed if name in ADAPTERS] == [*ADAPTERS]


def test_a_planted_fault_of_onnxruntime_is_named(tmp_path, monkeypatch):
    each = '"dilations": _each(dilation, axes)'
    file = changed(tmp_path, "with_onnx.py", (each, f"{each}[::-1]"))
    monkeypatch.setattr(adapters, "HERE", tmp_path)
    verdict = audit("onnxruntime:conv2d", level=HURRIED, dtypes=["float32"], fail_fast=True, seed=1)
    (finding,) = (one for one in verdict.findings if one.fault == "dilation-axes-exchanged")
    text = script(finding, verdict)
    assert "AssertionError" in run_script(text, tmp_path).stderr
    file.write_text(file.read_text(encoding="utf-8").replace(f"{each}[::-1]", each), encoding="utf-8")
    assert run_script(text, tmp_path).returncode == 0


def interpreter(library):
    """The interpreter that has a library; None where there is none."""
    said = dict(one.split("=", 1) for one in os.environ.get("CONV_ORACLE_PYTHONS", "").split())
    here = importlib.util.find_spec(MODULES.get(library, library))
    return said.get(library) or ("" if here else None)


@SLOW
@pytest.mark.parametrize("library", sorted({*ADAPTERS} - {"scipy", "onnx", "onnxruntime"}))
def test_a_library_does_nothing_wrong_that_is_not_known(library):
    python = interpreter(library)
    if python is None:
        pytest.skip(f"{library} is not installed: CONV_ORACLE_PYTHONS='{library}=/path/to/python' would fit")
    verdict = audit(f"{library}:conv2d", level=replace(BRIEF, seconds=120.0), dtypes=["float32"], python=python, seed=1)
    assert named(verdict) <= KNOWN.get(library, set())
    assert verdict.findings or verdict.verdict == "conforms"
    assert verdict.scope.problems > 10


def test_a_library_that_is_not_installed_is_told(tmp_path):
    file = changed(tmp_path, "with_jax.py", ("import jax\n", "import jax_that_is_not_there\n"))
    with pytest.raises(TargetError, match=r"No module named 'jax_that_is_not_there'; the --python of an interpreter"):
        audit(f"{file}:conv2d", level=HURRIED)


def test_a_name_that_an_adapter_lacks_is_told():
    with pytest.raises(TargetError, match=r"cannot be loaded.*conv3d_weight"):
        audit("scipy:conv3d_weight", level=HURRIED)
