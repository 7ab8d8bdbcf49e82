"""What is shown of a wrong answer: the first output that differs, and the sum that it should have been."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from conv_oracle.auditing.binding import Binding
from conv_oracle.auditing.judge import Judgement
from conv_oracle.auditing.verdict import Evidence, Term
from conv_oracle.index_map import terms
from conv_oracle.passes import Array
from conv_oracle.problem import Problem

MOST_TERMS_SEARCHED = 200_000


def evidence(
    problem: Problem, operands: Mapping[str, Array], judgement: Judgement, binding: Binding, function: str
) -> Evidence:
    """The evidence of one wrong answer."""
    call = binding.written(problem, function)
    if judgement.got is None or judgement.expected is None:
        return Evidence(call, judgement.text)
    with np.errstate(invalid="ignore"):
        differs = ~(judgement.got == judgement.expected)
    index = tuple(int(i) for i in np.argwhere(differs)[0])
    summed = list(sum_at(problem, operands, index)) if problem.multiply_adds <= MOST_TERMS_SEARCHED else []
    channel = index[-problem.dimensions - 1]
    return Evidence(
        call,
        judgement.text,
        index,
        number(judgement.got[index]),
        number(judgement.expected[index]),
        tuple(summed),
        number(operands["bias"][channel]) if problem.bias else "",
        int(differs.sum()),
        int(differs.size),
    )


def sum_at(problem: Problem, operands: Mapping[str, Array], index: tuple[int, ...]) -> Iterator[Term]:
    """The products whose sum is the result at one index, by the definition's index map."""
    batched = len(problem.input_shape) == len(problem.weight_shape)
    (left, at_left), (right, at_right), at_result = ROLES[problem.family]
    for triple in terms(problem.geometry):
        places = [place if n == 1 or batched else place[1:] for n, place in enumerate(triple)]
        if places[at_result] == index:
            a, b = places[at_left], places[at_right]
            yield Term(left, a, number(operands[left][a]), right, b, number(operands[right][b]))


ROLES: Mapping[str, tuple[tuple[str, int], tuple[str, int], int]] = {
    "conv": (("input", 0), ("weight", 1), 2),
    "conv_transpose": (("input", 2), ("weight", 1), 0),
    "conv_input": (("weight", 1), ("grad_output", 2), 0),
    "conv_weight": (("input", 0), ("grad_output", 2), 1),
}
"""Per family: the operands with their place in a term (i, k, o) of the index map, and the result's place."""


def number(value: Any) -> str:
    """A number as short as it is exact: integers without a point."""
    plain = value.item() if hasattr(value, "item") else value
    if isinstance(plain, float) and plain.is_integer():
        return str(int(plain))
    if isinstance(plain, complex) and plain.real.is_integer() and plain.imag.is_integer():
        return f"{int(plain.real)}{int(plain.imag):+d}j"
    return repr(plain)
