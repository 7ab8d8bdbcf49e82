"""The evidence of a wrong answer: the first element that differs, and the sum that it should be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from conv_oracle.auditing.finding import Evidence, Repetition, Term
from conv_oracle.auditing.judging import Observation
from conv_oracle.auditing.operands import DTYPES, expected, from_bytes, to_bytes
from conv_oracle.auditing.sandbox import EARLIER, Binding
from conv_oracle.index_map import terms
from conv_oracle.passes import Array
from conv_oracle.problem import Problem

MOST_TERMS_SEARCHED = 200_000
MOST_LISTED = 4_000
"""The most elements of all operands together that are listed."""

MOST_REPEATED = 300_000
"""The same for a repetition of the calls: enough for a batch of 65,537."""


def evidence(one: Observation, binding: Binding, function: str, *, inexact: bool = False) -> Evidence:
    """The evidence of one wrong answer. function: the subject's name; inexact: whether its arithmetic is."""
    problem, judgement = one.problem, one.judgement
    call = binding.written(problem, function, one.ask.use.form)
    operands = one.ask.draws.operands(one.block)
    told, again = listed(operands), repetition(one, binding, function, inexact=inexact)
    if judgement.got is None or judgement.expected is None:
        wanted = judgement.wanted
        return Evidence(call=call, text=judgement.text, expected=wanted, operands=told, repetition=again)
    with np.errstate(invalid="ignore"):
        differs = ~(judgement.got == judgement.expected)
    index = tuple(int(i) for i in np.argwhere(differs)[0]) if differs.any() else (0,) * differs.ndim
    roles = ROLES.get((problem.transposed, judgement.part))
    few = roles is not None and problem.multiply_adds <= MOST_TERMS_SEARCHED
    summed = tuple(sum_at(problem, operands, roles, index)) if few and roles else ()
    with_bias = problem.bias and judgement.part == "output"
    return Evidence(
        call=call,
        text=judgement.text,
        index=index,
        got=number(judgement.got[index]),
        expected=number(judgement.expected[index]),
        terms=summed,
        bias=number(operands["bias"][index[-problem.dimensions - 1]]) if with_bias else "",
        differing=int(differs.sum()),
        outputs=int(differs.size),
        part=judgement.part,
        operands=told,
        repetition=again,
    )


def repetition(one: Observation, binding: Binding, function: str, *, inexact: bool) -> Repetition | None:
    """The steps up to the wrong answer, with all that they need; None beyond MOST_REPEATED elements."""
    ask, step, judgement = one.ask, one.step, one.judgement
    steps, draws = ask.steps[: step + 1], ask.draws
    used = sorted({which for kind, which in steps if kind != "reread"})
    if len(used) * draws.integers.shape[1] > MOST_REPEATED:
        return None
    part = judgement.part or ask.parts[0]
    right = expected(ask.problem, draws, gradients=ask.gradients is not None)[part]
    dtype, gradients = DTYPES[judgement.returned or ask.problem.dtype], ask.gradients
    places = draws.places.items()
    stored = [from_bytes(to_bytes(right[which], dtype), dtype, right[which].shape) for which in used]
    return Repetition(
        steps=tuple((kind, which if kind == "reread" else used.index(which)) for kind, which in steps),
        layouts={name: (at.shape, at.strides, begin + at.start, at.writable) for name, (at, begin) in places},
        memory=tuple(_numbers(draws.memory(which)) for which in used),
        expected=tuple(map(_numbers, stored)),
        number=ask.parts.index(part),
        by=gradients.by if gradients else (),
        second=bool(gradients and gradients.second),
        between=bool(gradients and gradients.between),
        way=gradients.way if gradients else "",
        use=ask.use.said,
        earlier=binding.written(ask.earlier, function, image=EARLIER) if ask.earlier else "",
        apart=bool(ask.forms or gradients or ask.use.said or ask.steps[step][0] != "call"),
        rounded=inexact,
    )


def _numbers(array: Array) -> tuple[object, ...]:
    """The elements in C order; complex values, NaN and infinity as text, as JSON has none."""
    if array.dtype.kind == "c" or not np.isfinite(array).all():
        return tuple(map(number, array.ravel()))
    whole = bool((array == np.rint(array)).all()) and float(np.abs(array).max(initial=0)) < 2.0**53
    return tuple((array.astype(np.int64) if whole else array).ravel().tolist())


def listed(operands: Mapping[str, Array]) -> dict[str, object]:
    """Operands as nested lists; empty where they have more than MOST_LISTED elements."""
    if sum(array.size for array in operands.values()) > MOST_LISTED:
        return {}
    return {name: _nested(array) for name, array in operands.items()}


def _nested(array: Array) -> object:
    flat = np.empty(array.size, dtype=object)
    flat[:] = _numbers(array)
    return flat.reshape(array.shape).tolist()


Role = tuple[tuple[str, int], tuple[str, int], int]


def sum_at(problem: Problem, operands: Mapping[str, Array], roles: Role, index: tuple[int, ...]) -> Iterator[Term]:
    """The products whose sum is the result at `index`, by the definition's index map. roles: an entry of ROLES."""
    (left, at_left), (right, at_right), at_result = roles
    for triple in terms(problem.geometry):
        places = [place if n == 1 or problem.batched else place[1:] for n, place in enumerate(triple)]
        if places[at_result] == index:
            a, b = places[at_left], places[at_right]
            yield Term(
                left=left,
                left_index=a,
                left_value=number(operands[left][a]),
                right=right,
                right_index=b,
                right_value=number(operands[right][b]),
            )


ROLES: Mapping[tuple[bool, str], Role] = {
    (False, "output"): (("input", 0), ("weight", 1), 2),
    (False, "grad_input"): (("weight", 1), ("grad_output", 2), 0),
    (False, "grad_weight"): (("input", 0), ("grad_output", 2), 1),
    (True, "output"): (("input", 2), ("weight", 1), 0),
    (True, "grad_input"): (("weight", 1), ("grad_output", 0), 2),
    (True, "grad_weight"): (("input", 2), ("grad_output", 0), 1),
}
"""By (transposed, part): both operands with their position in a term (i, k, o) of the index map, and the result's."""


def number(value: Any) -> str:
    """The shortest exact text of a value: integers up to 2^53 without a decimal point."""
    plain = value.item() if hasattr(value, "item") else value
    if isinstance(plain, float) and _counts(plain):
        return str(int(plain))
    if isinstance(plain, complex) and _counts(plain.real) and _counts(plain.imag):
        return f"{int(plain.real)}{int(plain.imag):+d}j"
    return repr(plain)


def _counts(value: float) -> bool:
    return value.is_integer() and abs(value) <= 2.0**53
