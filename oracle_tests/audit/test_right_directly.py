"""Right subjects in many styles: each is right by itself, where it is called directly and no audit takes part."""

from dataclasses import replace

import numpy as np
import pytest

from audit.direct_calls import (
    as_array,
    as_operand,
    assert_equal,
    call_subject,
    compare_gradients,
    exact_operands,
    load_subject,
    random_problems,
    silenced,
    terms_of,
    with_cotangents,
    wrapping,
)
from audit.right.registry import CONV, HERE, SUBJECTS, TRANSPOSED
from conv_oracle.operation import operation
from conv_oracle.problem import parse
from conv_oracle.space import solvable
from conv_oracle.truth import fast

PROBLEMS = 24
"""How many problems are compared, of each subject."""

REFUSED = ("NotImplementedError", "UnsupportedError")


def name_of(entry):
    return entry.name


@pytest.fixture(autouse=True)
def _beside_each_other(monkeypatch):
    """The modules of subjects import each other, as in the worker of an audit."""
    monkeypatch.syspath_prepend(str(HERE))


@pytest.mark.parametrize("entry", [entry for entry in SUBJECTS if not entry.known], ids=name_of)
def test_a_right_subject_is_right_by_itself(entry):
    """Its answers are those of the truth's fast form, which the sweep proves against PyTorch; operands are kept."""
    rng = np.random.default_rng(7)
    compared = 0
    with silenced():
        subject = load_subject(entry.target)
        for tried, problem in enumerate(random_problems(entry)):
            if compared == PROBLEMS or tried == 20 * PROBLEMS:
                break
            shapes = with_cotangents(problem) if entry.gradients else problem.operand_shapes
            terms = 2 * terms_of(problem) if entry.gradients else terms_of(problem)
            values = exact_operands(shapes, terms, problem.dtype, rng, small=entry.arithmetic == "inexact")
            operands = {name: as_operand(entry, value, problem.dtype) for name, value in values.items()}
            copies = {name: as_operand(entry, value, problem.dtype) for name, value in values.items()}
            if entry.gradients:
                compare_gradients(entry, subject, problem, values, operands, twice=not entry.limit)
                compared += 1
                continue
            try:
                answer = call_subject(entry, subject, problem, operands)
            except Exception as error:
                if type(error).__name__ not in REFUSED:
                    raise AssertionError(f"{entry.name}: {problem}") from error
                continue
            assert_equal(entry, problem, answer, problem.compute(fast, {n: wrapping(v) for n, v in values.items()}))
            for name, copy in copies.items():
                assert np.array_equal(as_array(operands[name])[1], as_array(copy)[1])
            compared += 1
    assert compared == 0 if entry.expected == "no-verdict" else compared > PROBLEMS / 2


NO_OUTPUT = {
    "conv": "{op} x2x3{sizes} w2x3{kernels}",
    "conv_transpose": "{op} x2x3{sizes} w3x2{kernels} p3",
}


@pytest.mark.parametrize("entry", [e for e in SUBJECTS if e.op in (*CONV, *TRANSPOSED)], ids=name_of)
def test_a_right_subject_invents_no_output(entry):
    """A kernel longer than the input on one axis, and padding that eats the whole output."""
    family, axes = operation(entry.op).family, operation(entry.op).axes
    sizes, kernels = (("x3" * axes, "x5" + "x2" * (axes - 1)), ("x2" * axes, "x2" * axes))[family == "conv_transpose"]
    impossible = parse(NO_OUTPUT[family].format(op=entry.op, sizes=sizes, kernels=kernels))
    assert not solvable(impossible)
    impossible = replace(impossible, dtype=entry.dtypes[0], bias=False)
    shapes = {"input": impossible.input_shape, "weight": impossible.weight_shape}
    operands = {name: as_operand(entry, np.ones(shape), entry.dtypes[0]) for name, shape in shapes.items()}
    if entry.needs_bias:
        operands["bias"] = as_operand(entry, np.ones(impossible.weight_shape[0]), entry.dtypes[0])
        impossible = replace(impossible, bias=True)
    with silenced():
        subject = load_subject(entry.target)
        try:
            answer = call_subject(entry, subject, impossible, operands)
        except Exception:
            return
    assert 0 in answer.shape


def test_the_direct_comparison_refuses_wrong_answers():
    """Each differs from the right answer in one thing: a value, the dtype, the shape, the order of axes."""
    entry = next(entry for entry in SUBJECTS if entry.name == "windows:im2col as conv2d")
    problem = parse("conv2d x2x4x7x9 w6x2x3x2 s2,3 p1,2 d2,1 g2 float64")
    rng = np.random.default_rng(1)
    values = exact_operands(problem.operand_shapes, terms_of(problem), "float64", rng, small=False)
    right = call_subject(entry, load_subject(entry.target), problem, values)
    truth = problem.compute(fast, values)
    assert_equal(entry, problem, right, truth)
    off_by_one = right.copy()
    off_by_one[-1, -1, -1, -1] += 1
    for wrong in (off_by_one, right.astype(np.float32), right[:, :, :1], right.swapaxes(2, 3)):
        with pytest.raises(AssertionError):
            assert_equal(entry, problem, wrong, truth)
