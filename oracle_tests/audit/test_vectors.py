"""Level `fixtures`: a subject is asked the golden vectors' problems, on the operands that the files hold."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from conv_oracle.auditing.level import LEVELS
from conv_oracle.auditing.sandbox import Binding
from conv_oracle.auditing.targets import ORDER
from conv_oracle.auditing.vectors import OPERANDS, PUBLISHED, refused, vectors
from conv_oracle.cli import main
from conv_oracle.golden import load
from conv_oracle.operation import operation, torch_operations
from conv_oracle.problem import parse
from conv_oracle.space import solvable

ROOT = Path(__file__).resolve().parents[2]

SUBJECTS = """
import conv_oracle
from conv_oracle import conv2d, conv_transpose1d, conv2d_input, conv3d_weight

def flipped(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    return conv2d(input, weight[..., ::-1], bias, stride, padding, dilation, groups)

def once(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    y = conv2d(input, weight, bias, stride, padding, dilation, groups)
    if input.shape == (3, 4, 8, 7):
        y[0, 0, 0, 0] += 1
    return y

def biasless(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    odd = input.shape == (2, 1, 5, 4) and weight.shape == (3, 1, 3, 2)
    return conv2d(input, weight, None if odd else bias, stride, padding, dilation, groups)

def plain(x, w):
    return conv2d(x, w)

def inventing(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    try:
        return conv2d(input, weight, bias, stride, padding, dilation, groups)
    except ValueError:
        return input
"""


@pytest.fixture(scope="module")
def stored():
    return {family.name: family for family in load(ROOT / "fixtures")}


CONV2D = operation("conv2d")


def everything(op):
    return Binding(ORDER[op.nd_name], {})


@pytest.mark.parametrize("op", [*torch_operations()], ids=str)
@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "complex64", "int32"])
def test_the_operands_are_those_of_the_files(op, dtype, stored):
    found = vectors(op, [dtype], everything(op), gradients=False)
    names = {theirs: own for own, theirs in OPERANDS.items()}
    by_id = {entry["id"]: (family, entry) for family in stored.values() for entry in family.cases}
    compared = 0
    for problem, ids in found.ids.items():
        assert len(ids) == len(found.draws[problem])
        for number, case in enumerate(ids):
            family, entry = by_id[case]
            for name, operand in found.draws[problem].operands(number).items():
                array = family.arrays[f"{case}/{names[name]}"].astype(np.float64)
                array = array[..., 0] + 1j * array[..., 1] if entry["parameters"]["dtype"] == "complex64" else array
                assert np.array_equal(operand, array), (case, name)
                compared += 1
    assert compared > 2 * (20 if dtype != "bfloat16" else 10)


def test_what_is_not_exact_is_not_asked():
    wide = {"conv2d-wide-input", "conv2d-wide-weight"}
    for dtype, holds in (("float32", True), ("float16", False), ("bfloat16", False), ("int8", False), ("int32", True)):
        ids = {
            name
            for names in vectors(CONV2D, [dtype], everything(CONV2D), gradients=False).ids.values()
            for name in names
        }
        assert (wide <= ids) == holds, dtype
        assert ("conv2d-tiny-input" in ids) == (dtype in ("float32", "bfloat16")), dtype
        assert "conv2d-complex" not in ids
    found = vectors(CONV2D, ["uint8"], everything(CONV2D), gradients=False)
    assert not found.draws
    assert found.left[-1] == PUBLISHED


def test_refusals_are_those_of_the_cases(stored):
    for op in torch_operations():
        empty, invalid = refused(op)
        assert not any(map(solvable, (*empty, *invalid)))
        ids = {
            entry["problem"]: entry["result"]
            for family in stored.values()
            for entry in family.cases
            if "problem" in entry
        }
        assert all(ids[str(problem)] == "acceptable" for problem in empty)
        assert all(ids[str(problem)] == "invalid" for problem in invalid)
        assert bool(empty) == (op.forward and op.name not in ("conv_transpose2d", "conv_transpose3d"))


def test_a_level_of_its_own():
    assert LEVELS["fixtures"].constants == 0


@pytest.mark.parametrize(
    ("target", "op", "code", "fault"),
    [
        ("conv2d", "conv2d", 0, None),
        pytest.param("conv_transpose1d", "conv_transpose1d", 0, None, marks=pytest.mark.slow),
        pytest.param("conv2d_input", "conv2d_input", 0, None, marks=pytest.mark.slow),
        ("conv3d_weight", "conv3d_weight", 0, None),
        pytest.param("plain", "conv2d", 0, None, marks=pytest.mark.slow),
        ("flipped", "conv2d", 1, "kernel-flipped"),
        ("once", "conv2d", 1, None),
        ("inventing", "conv2d", 1, "output-invented"),
        ("biasless", "conv2d", 1, "bias-wrong"),
    ],
)
@pytest.mark.sampled(2)
def test_a_subject_is_audited_on_the_vectors_alone(tmp_path, target, op, code, fault):
    file = tmp_path / "subjects.py"
    file.write_text(SUBJECTS)
    arguments = ["audit", f"{file}:{target}", "--op", op, "--level", "fixtures", "--jobs", "1", "--json", "-"]
    arguments += ["--dtype", "float32"] * (target == "biasless")
    done = CliRunner().invoke(main, arguments)
    told = json.loads(done.stdout)
    assert done.exit_code == code, told["findings"]
    assert told["scope"]["level"] == "fixtures"
    assert told["scope"]["problems"] == told["scope"]["planned"] > 1
    assert PUBLISHED in told["scope"]["narrowed"]
    if fault:
        assert told["findings"][0]["fault"] == fault
    failed = [line for line in told["scope"]["narrowed"] if line.startswith("cases that failed: ")]
    if target == "once":
        assert failed == ["cases that failed: conv2d-everything"]
        assert parse(told["findings"][0]["problem"]).input_shape == (3, 4, 8, 7)
    if target == "flipped":
        assert failed[0].startswith("cases that failed: conv2d-plain, ")
    assert bool(failed) == (code == 1 and target != "inventing")


@pytest.mark.slow
def test_gradients_are_asked_on_the_vectors_too():
    arguments = [
        "audit",
        "torch.nn.functional:conv1d",
        "--arrays",
        "torch",
        "--gradients",
        "--level",
        "fixtures",
        "--json",
        "-",
    ]
    told = json.loads(CliRunner().invoke(main, arguments).stdout)
    assert told["verdict"] == "conforms"
    assert not any("double backward" in line for line in told["scope"]["narrowed"])
    assert told["scope"]["problems"] > 40
