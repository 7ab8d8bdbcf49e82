"""Faults with a number of their own: it is read from wrong answers, and nothing is read where none explains them."""

import numpy as np
import pytest

from conv_oracle.auditing import audit
from conv_oracle.auditing.diagnosis.explaining import Case
from conv_oracle.auditing.diagnosis.fitting import fitted
from conv_oracle.faults import Edit
from conv_oracle.problem import parse
from conv_oracle.truth import fast

PROBLEM = parse("conv1d x1x1x5 w1x1x2")
RIGHT = np.array([[[5.0, -3.0, 40.0, 0.0]], [[-60.0, 7.0, 2.0, 1.0]]])


def told(change):
    """(fault, what is said of it) of everything that explains answers that were changed."""
    pairs = [(change(right.copy()), right) for right in RIGHT]
    found = []
    for fault, variant in fitted(pairs):
        (answer,) = variant.edit.answer
        if all(np.array_equal(answer(PROBLEM, {}, right), got) for got, right in pairs):
            found.append((fault.slug, variant.said))
    return found


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda y: y / 3, ("result-scaled", "divided by 3")),
        (lambda y: y * 0.75, ("result-scaled", "multiplied by 0.75")),
        (lambda y: np.clip(y, -9, 9), ("result-clamped", "to -9 ... 9")),
        (lambda y: np.minimum(y, 6), ("result-clamped", "to at most 6")),
        (lambda y: np.maximum(y, -2), ("result-clamped", "to at least -2")),
        (lambda y: np.where(np.abs(y) < 4, 0, y), ("small-values-skipped", "results of at most 3 in magnitude")),
    ],
)
def test_a_number_is_read_from_what_came(change, expected):
    assert told(change) == [expected]


@pytest.mark.parametrize(
    "change",
    [lambda y: y + 1, lambda y: y[..., ::-1], lambda y: y[..., :-1], lambda y: y * np.nan, lambda y: y * [1, 1, 2, 1]],
)
def test_nothing_is_read_where_no_number_explains_it(change):
    assert told(change) == []


RARE = """
import sys; sys.path.insert(0, {place!r})
import numpy as np
from faulty_subjects import right
def conv2d(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    {edit}
    return right(x, w, bias, stride, padding, dilation, groups)
"""

EDITS = {
    "reduction-tail-dropped": "shape, size = w.shape, w[0].size; w = w.reshape(len(w), -1).copy(); "
    "w[:, size // 25 * 25 or size :] = 0; w = w.reshape(shape)",
    "index-overflow": "size = x[0, 0].size or 1; read = np.arange(size).astype(np.int8).astype(int) % size; "
    "x = x.reshape(*x.shape[:2], size)[..., read].reshape(x.shape) if x.size else x",
}
ASKED = (
    "conv2d x2x9x5x6 w3x9x3x2 p1",
    "conv2d x2x5x12x13 w3x5x3x2",
    "conv2d x2x12x4x9 w3x12x3x2",
    "conv2d x2x2x11x12 w3x2x3x2",
)


@pytest.mark.parametrize("fault", EDITS)
@pytest.mark.sampled(2)
def test_a_rare_way_is_found_where_nothing_likely_explains_it(fault, tmp_path, pytestconfig):
    file, place = tmp_path / "rare.py", pytestconfig.rootpath / "oracle_tests" / "audit"
    file.write_text(RARE.format(place=str(place), edit=EDITS[fault]))
    verdict = audit(f"{file}:conv2d", only=list(map(parse, ASKED)), seed=1)
    assert verdict.findings[0].fault == fault


@pytest.mark.parametrize(("away", "same"), [(0, True), (2, True), (40, False)])
def test_a_quotient_explains_answers_that_were_rounded_in_another_order(away, same):
    """Up to a few units in the last place, and no more."""
    problem = parse("conv1d x1x1x5 w1x1x3 float64")
    operands = {"input": np.arange(5.0)[None, None], "weight": np.array([[[1.0, 2.0, 4.0]]])}
    right = problem.compute(fast, operands)
    got = right * (7 / 3) + away * np.spacing(right * (7 / 3))
    case = Case(problem, operands, got, right, 1.0, False, problem, "float64")
    assert case.is_answer_of(Edit(answer=(lambda _, __, found: found * 7 / 3,))) == same
    assert not case.is_answer_of(Edit(answer=(lambda _, __, found: found * 2,)))
