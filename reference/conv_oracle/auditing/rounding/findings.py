"""Classes of arithmetic that are not allowed, as findings: each on the smallest problem that shows it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from conv_oracle.auditing.diagnosis import ROLES, Role, listed, number, sum_at
from conv_oracle.auditing.finding import Diagnosis, Evidence, Finding, Term
from conv_oracle.auditing.judging import Session
from conv_oracle.auditing.operands import DTYPES
from conv_oracle.auditing.problems import smaller
from conv_oracle.auditing.rounding.allowed import Allowed
from conv_oracle.auditing.rounding.carriers import Pass
from conv_oracle.auditing.rounding.classes import LOW_PRECISION, PARTIAL_SUMS, REDUCED_INPUTS, Measured
from conv_oracle.auditing.rounding.measures import Sample, bound
from conv_oracle.auditing.rounding.measuring import Measurements, measure
from conv_oracle.faults import CATALOGUE
from conv_oracle.passes import Array

MOST_TERMS = 12
"""Of a sum that is shown product by product."""

MOST_MULTIPLY_ADDS = 20_000
"""Of a problem of which one sum is looked up."""

PARTS = {
    "output": "output",
    "grad_input": "gradient by the input",
    "grad_weight": "gradient by the weight",
    "grad_bias": "gradient by the bias",
}

OF_FEW_BITS = (REDUCED_INPUTS, PARTIAL_SUMS, LOW_PRECISION)
"""What sums of few bits may be taken for, where they are short."""

SECONDS_EACH = 1.0
"""For one smaller problem."""


def rounding_findings(session: Session, told: Measurements, allowed: Allowed) -> tuple[Finding, ...]:
    """One finding per part, dtype and class that is not allowed, on the smallest problem that shows it.

    The double backward has one of its own where the same sum of the first order is not as coarse.
    """
    groups: dict[tuple[str, str, str, str], list[Measured]] = {}
    wrong = [one for one in told.measured if not allowed.holds(one)]
    known = {_like(one) for one in wrong if not one.of.second}
    for one in wrong:
        if not (one.of.second and _like(one) in known):
            groups.setdefault((one.of.returned, one.of.problem.dtype, one.name, one.variety), []).append(one)
    return tuple(_finding(session, told, group, allowed) for group in _of_causes(groups.values()))


def _of_causes(groups: Iterable[Sequence[Measured]]) -> list[Sequence[Measured]]:
    """The groups, without those of a part and dtype that the coarse sums of another one explain.

    Operands that are reduced are so in every sum, and leave three numbers of few bits as exact as they were. So where
    sums of some problems are coarse, what looks like reduced operands in others are products that are rounded.
    """
    listed = list(groups)
    kept = dict[tuple[str, str], Sequence[Measured]]()
    for group in listed:
        if group[0].arithmetic in (PARTIAL_SUMS, LOW_PRECISION):
            at = group[0].of.returned, group[0].of.problem.dtype
            kept[at] = max(kept.get(at, ()), group, key=len)

    def explained(group: Sequence[Measured]) -> bool:
        cause = kept.get((group[0].of.returned, group[0].of.problem.dtype))
        return cause is not None and group is not cause and group[0].arithmetic in OF_FEW_BITS

    return [group for group in listed if not explained(group)]


def _like(one: Measured) -> tuple[str, str, str, str]:
    """What a sum and the same sum of a double backward have in common."""
    return one.of.part, one.of.problem.dtype, one.name, one.detail


def _finding(session: Session, told: Measurements, group: Sequence[Measured], allowed: Allowed) -> Finding:
    """The finding of passes that are of one part, dtype and class."""
    end = time.monotonic() + session.level.rounding_reduction_seconds
    smallest = min(group, key=lambda one: one.of.problem.multiply_adds)
    best: Measured | None = smallest
    while best is not None and time.monotonic() < end:
        smallest = best
        best = _less(session, smallest, allowed, end)
    fault = CATALOGUE[smallest.fault]
    like = [one for one in told.measured if one.of.returned == smallest.of.returned]
    return Finding(
        kind="rounding",
        problem=smallest.of.problem,
        summary=smallest.said,
        condition=_where(group, [one for one in like if one not in group], smallest),
        problems=len(group),
        asked=len(like),
        evidence=_evidence(session, smallest),
        fault=fault.slug,
        diagnosis=replace(Diagnosis.of_fault(fault), title=": ".join(filter(None, (fault.title, smallest.detail)))),
    )


def _less(session: Session, like: Measured, allowed: Allowed, end: float) -> Measured | None:
    """The same class on a smaller problem; None where there is none, or no time."""
    for problem in smaller(like.of.problem):
        if time.monotonic() > end:
            return None
        of = replace(like.of, problem=problem)
        fits = (
            session.binding.refuses(problem) is None and problem.multiply_adds and not (of.of_bias and not problem.bias)
        )
        if fits and (again := measure(session, [of], SECONDS_EACH).measured):
            same = (again[0].name, again[0].variety) == (like.name, like.variety)
            if same and not allowed.holds(again[0]):
                return again[0]
    return None


def _where(group: Sequence[Measured], others: Sequence[Measured], shown: Measured) -> str:
    """From which length of sums on, where that tells; the part, where there are several."""
    least, most = (pick(one.of.rows_and_columns[1] for one in group) for pick in (min, max))
    said = (
        f"in sums of {least:,} to {most:,} terms" if least < most else f"in sums of {least:,} term{'s' * (least != 1)}"
    )
    right = [one.of.rows_and_columns[1] for one in others]
    if right and max(right) < least:
        said += f", not in those of at most {max(right):,}"
    elif right:
        said += f"; {len(right)} of {len(right) + len(group)} layers are allowed"
    if not shown.of.with_gradients:
        return said
    return f"{shown.of.returned if shown.of.second else PARTS[shown.of.part]}: {said}"


def _evidence(session: Session, of: Measured) -> Evidence:
    """The answer that shows a class, and the output in it."""
    call = session.binding.written(of.of.problem, session.function)
    s = of.evidence
    if s is None or not s.got.size:
        return Evidence(call=call, part=of.of.returned)
    index = s.index(of.place)
    problem, operands = of.of.problem, of.of.given(s.suite.operands)
    limit = bound(s, 2.0**-of.bits)
    beyond = s.error > 0 if s.kind.exact else s.error > limit
    shows = bool(s.error[of.place] > limit[of.place])
    few = problem.multiply_adds <= MOST_MULTIPLY_ADDS and s.terms[of.place] <= MOST_TERMS and not of.of.of_bias
    biased = problem.bias and of.of.part == "output" and few
    return Evidence(
        call=call,
        text=f"{s.kind.name}: {s.kind.said}. Off by {_share(s, of.place)}{_bits(of)}",
        index=index,
        got=number(s.got[of.place]),
        expected=number(s.y[of.place]),
        terms=_terms(of.of, operands, index) if few else (),
        bias=number(operands["bias"][index[-problem.dimensions - 1]]) if biased else "",
        differing=int(beyond.sum()),
        outputs=int(s.got.size),
        part=of.of.returned,
        operands=shown_operands(of.of, operands) if shows else {},
        within=float(limit[of.place]) if shows else 0.0,
        by=of.of.gradients.by if of.of.gradients else (),
        second=bool(of.of.second),
    )


def _bits(of: Measured) -> str:
    """What else is known of a class that is shown."""
    if of.arithmetic is REDUCED_INPUTS:
        return f"; {of.inputs:.0f} bits of an operand are kept"
    if of.arithmetic in (LOW_PRECISION, PARTIAL_SUMS):
        return f"; {of.sums:.0f} bits of a sum are kept"
    if of.growth:
        return f"; the error is {of.growth:.3g} units of its norms, {of.most_growth:.3g} are allowed"
    return ""


def _terms(of: Pass, operands: Mapping[str, Array], index: tuple[int, ...]) -> tuple[Term, ...]:
    """The products of one sum that are not zero."""
    every = sum_at(of.problem, operands, _roles(of), index)
    return tuple(term for term in every if "0" not in (term.left_value, term.right_value))


def _roles(of: Pass) -> Role:
    """Who takes part in a product, by the names of the call."""
    (left, at_left), (right, at_right), at_result = ROLES[of.problem.transposed, of.part]
    return (of.named(left), at_left), (of.named(right), at_right), at_result


def shown_operands(of: Pass, operands: Mapping[str, Array]) -> dict[str, object]:
    """The operands of a call of real numbers as nested lists, where they are small enough for a reader."""
    return listed(operands) if DTYPES[of.problem.dtype].kind == "f" else {}


def _share(s: Sample, place: int) -> str:
    """An error in words, relative to the terms where there are some."""
    size = s.magnitude[place]
    if not np.isfinite(s.error[place]) or not size:
        return f"{s.error[place]:.3g}"
    return f"{s.error[place] / size:.2g} of the sum of its terms' absolute values"
