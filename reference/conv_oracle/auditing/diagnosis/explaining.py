"""What explains wrong answers: the faults that reproduce them bit for bit.

Every variant of every fault is computed on the operands that were answered wrongly, and compared with the answers. The
fault that explains all of them, and predicts no wrong answer where the subject is right, is the cause. If it predicts
some, it holds under a condition, which is learned from where it shows. Equal candidates are distinguished by new calls.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from conv_oracle.auditing.diagnosis.fitting import fitted
from conv_oracle.auditing.judging import PLAIN, Circumstance, Observation
from conv_oracle.auditing.operands import DTYPES, PARTS, from_bytes, products_per_output, to_bytes
from conv_oracle.faults import Edit, Fault, Variant, rare_variants, title_of, variants
from conv_oracle.operation import Result
from conv_oracle.passes import Array
from conv_oracle.problem import Problem
from conv_oracle.truth import fast

MOST_CASES = 32
"""The most wrong answers in which a cause is looked for."""

COMFORT, FEW_CASES = 30_000, 4
"""Problems of more multiply-adds are used only where there are fewer than FEW_CASES smaller ones."""

MOST_FAULTS = 3
"""The most faults that are looked for at once."""

FEWEST = 3
"""A fault that explains fewer wrong answers, and leaves others unexplained, may do so by chance."""

OF_NUMBERS = ("values", "magnitude")
"""Aspects of calls whose numbers are not ordinary."""


@dataclass(frozen=True)
class Case:
    """One wrong answer, of one operation.

    problem: the operation that `got` is the result of: for a gradient of a call, that gradient. asked: the problem of
    the call. operands: of `problem`, by name. got, right: the answer and the exact result. scale: the power of two by
    which results are scaled. rounds: whether answers are compared as rounded integers. returned: the answer's dtype.
    circumstance: of the call.
    """

    problem: Problem
    operands: Mapping[str, Array]
    got: Array
    right: Array
    scale: float
    rounds: bool
    asked: Problem
    returned: str
    circumstance: Circumstance = PLAIN

    def is_answer_of(self, edit: Edit) -> bool:
        """Whether a fault reproduces this answer."""
        if edit.within:
            return self._is_made_in(np.dtype(edit.within))
        answer = edit.answered(self.problem, self.operands)
        if answer is None or answer.shape != self.got.shape or np.array_equal(answer, self.right):
            return False
        if self.rounds:
            with np.errstate(all="ignore"):
                return bool((np.rint(self.got / self.scale) == np.rint(answer / self.scale)).all())
        nan = self.got.dtype.kind in "fc"
        if np.array_equal(self.got, _stored(answer, self.returned, self.got), equal_nan=nan):
            return True
        return self._is_rounded(answer) or self._beyond_exactness(answer)

    def _is_rounded(self, answer: Array) -> bool:
        """Whether the fault's own answer has fractions, and this one is the same up to the rounding of a quotient.

        An integer that is multiplied by a quotient of integers has two roundings, in either order; and one of its own
        in the answer's dtype: |a - b| <= 6 u |a| of any two such numbers (Higham 2002, section 2.2).
        """
        dtype = DTYPES[self.problem.dtype]
        if dtype.kind not in "fc" or self.got.dtype.kind not in "fc":
            return False
        with np.errstate(all="ignore"):
            units = answer / self.scale
            if not np.isfinite(units).all() or (units == np.rint(units)).all():
                return False
            return bool((np.abs(self.got - answer) <= 6 * 2.0**-dtype.bits * np.abs(answer)).all())

    def _is_made_in(self, narrow: np.dtype[Any]) -> bool:
        """Whether the answer is of a narrower format, and as accurate as sums in that format, in any order, are.

        |error| <= (n + 2) u sum |x| |w|, where that does not overflow (Higham 2002, section 3.1).
        """
        if self.got.shape != self.right.shape or self.got.dtype.kind != "f":
            return False
        if np.finfo(narrow).eps <= np.finfo(self.got.dtype).eps:
            return False
        sizes = {name: np.abs(operand) for name, operand in self.operands.items()}
        terms, most = products_per_output(self.problem) + 2, float(np.finfo(narrow).max)
        with np.errstate(all="ignore"):
            largest = self.problem.compute(fast, sizes)
            bound = terms * np.finfo(narrow).eps * largest + np.finfo(narrow).tiny
            stored = self.got.astype(narrow).astype(self.got.dtype)
            close = (np.abs(self.got - self.right) <= bound) & (stored == self.got)
        lost = (largest > most) & ~np.isfinite(self.got)
        told = (largest < most / 4) & (self.got != self.right) & (self.got != 0) & close
        return bool((close | lost).all()) and bool((told | lost).any())

    def _beyond_exactness(self, answer: Array) -> bool:
        """Whether the fault's own sum is too long to be exact, and the answer differs from it only by rounding."""
        dtype = DTYPES[self.problem.dtype]
        if dtype.kind not in "fc":
            return False
        with np.errstate(all="ignore"):
            largest = float(np.abs(answer / self.scale).max(initial=0.0))
            away = float(np.abs(self.got / self.scale - answer / self.scale).max(initial=0.0))
            if answer.shape == self.right.shape:
                fault = float(np.abs(answer / self.scale - self.right / self.scale).max(initial=0.0))
                if not 16 * away <= fault:
                    return False
        return 2.0 ** (dtype.bits - 2) < largest < np.inf and away <= largest * 2.0 ** (6 - dtype.bits // 2)


@dataclass(frozen=True)
class Cause:
    """A fault in one of its variants, and the cases that it explains. edit: this fault, and those found before it."""

    fault: Fault
    variant: Variant
    edit: Edit
    cases: tuple[Case, ...]

    @property
    def title(self) -> str:
        """The fault in one sentence."""
        return title_of(self.fault, self.variant)

    @property
    def beside(self) -> bool:
        """Whether it explains its cases only together with a fault that was found before."""
        return self.edit is not self.variant.edit


def case_of(one: Observation, *, inexact: bool) -> Case | None:
    """A wrong answer as a case; None where its part is not the result of one operation, or no array was returned."""
    ask, judgement, block = one.ask, one.judgement, one.block
    if judgement.got is None:
        return None
    operands = {name: _signed(operand) for name, operand in ask.draws.operands(block).items()}
    part = judgement.part or ask.parts[0]
    alone = _as_operation(ask.problem, part, operands)
    if alone is None:
        return None
    scale = float(ask.draws.scale(PARTS[part][1])[block])
    right = alone[0].compute(fast, alone[1])
    rounds, returned = inexact or ask.draws.guarded, judgement.returned or ask.problem.dtype
    return Case(*alone, judgement.got, right, scale, rounds, ask.problem, returned, one.circumstance)


def _signed(operand: Array) -> Array:
    """An operand whose multiples may be negative: of uint64 the same numbers modulo 2^64."""
    return operand.astype(np.int64) if operand.dtype == np.uint64 else operand


GRADIENTS: Sequence[tuple[str, Result, str, str]] = (
    ("grad_input", "grad_input", "weight", "weight"),
    ("grad_weight", "grad_weight", "input", "input"),
    ("second grad_input", "grad_input", "grad_grad_weight", "weight"),
    ("second grad_weight", "grad_weight", "grad_grad_input", "input"),
)
"""(part, result, operand of the call, operand of the gradient that it stands for) of parts that are one gradient."""


def _as_operation(
    problem: Problem, part: str, operands: Mapping[str, Array]
) -> tuple[Problem, Mapping[str, Array]] | None:
    """The operation whose result a part of an answer is, and its operands; None where there is none."""
    if part == "output" or not problem.operation.forward:
        return problem, {name: operands[name] for name in problem.operand_shapes}
    for known, result, cotangent, operand in GRADIENTS:
        if part == known and cotangent in operands:
            gradient = replace(problem, operation=problem.operation.gradient(result), bias=False)
            return gradient, {operand: operands[cotangent], "grad_output": operands["grad_output"]}
    return None


def spread(cases: Sequence[Case], most: int = MOST_CASES) -> list[Case]:
    """At most so many cases in which faults are looked for, from small to large, one per problem."""
    first: dict[Problem, Case] = {}
    for case in cases:
        first.setdefault(case.asked, case)
    ordered = sorted(first.values(), key=lambda case: case.problem.multiply_adds)
    small = [case for case in ordered if case.problem.multiply_adds <= COMFORT]
    ordered = small if len(small) >= FEW_CASES else ordered[:FEW_CASES]
    places = np.unique(np.linspace(0, len(ordered) - 1, min(most, len(ordered))).astype(int))
    return [ordered[place] for place in places]


def likely(cases: Sequence[Case], end: float) -> list[Cause]:
    """The likely ways of faults that explain one of a few cases, each with all that it explains."""
    return _tried(variants(cases[0].problem.operation), cases, (), end) if cases else []


def covering(causes: Sequence[Cause], cases: Sequence[Case]) -> list[Cause]:
    """The few causes that together explain all cases; empty where some are left."""
    left, chosen = set(map(id, cases)), list[Cause]()
    while left and causes and len(chosen) < MOST_FAULTS:
        best = max(causes, key=lambda cause: len(left & set(map(id, cause.cases))))
        chosen.append(best)
        left -= set(map(id, best.cases))
    return [] if left else chosen


def explanations(cases: Sequence[Case], end: float, known: Sequence[Cause] | None = None) -> list[list[Cause]]:
    """Causes that together explain as many cases as possible: one list per fault, of causes that explain the same.

    Where no single one explains all, two at once are tried on the rest, until `end` on time.monotonic's clock.
    known: what `likely` found for these cases, if that was asked.
    """
    remaining = list(cases)
    found: list[list[Cause]] = []
    while remaining and len(found) < MOST_FAULTS:
        best = _best(remaining, list(found), end, None if found else known)
        if not best or len(best[0].cases) < min(FEWEST, len(remaining)):
            break
        explained = set(map(id, best[0].cases))
        remaining = [case for case in remaining if id(case) not in explained]
        found.append(best)
    return found


def _best(
    cases: Sequence[Case], before: Sequence[Sequence[Cause]], end: float, known: Sequence[Cause] | None
) -> list[Cause]:
    """The causes that explain most of the cases, alone or with one that was found before; none where nothing does.

    Likely variants come first; rare ones, and those with a fitted number, are tried only where no other explains.
    """
    operation = cases[0].problem.operation
    causes = _tried(variants(operation), cases, before, end) if known is None else list(known)
    if not any(len(cause.cases) >= min(FEWEST, len(cases)) for cause in causes):
        unusual = (*fitted([(case.got, case.right) for case in cases]), *rare_variants(operation))
        causes += _tried(unusual, cases, before, end)
    most = max((len(cause.cases) for cause in causes), default=0)
    return [cause for cause in causes if len(cause.cases) == most]


def _tried(
    known: Sequence[tuple[Fault, Variant]], cases: Sequence[Case], before: Sequence[Sequence[Cause]], end: float
) -> list[Cause]:
    """The causes among `known` that explain one of a few cases, each with all the cases that it explains.

    Where plain calls are right and other numbers are not, what coarse rounding looks like is tried first, but told
    after what explains as much.
    """
    found: dict[tuple[str, str], Cause] = {}
    places: dict[tuple[str, str], int] = {}
    aspects = {case.circumstance.aspect for case in cases}
    if "plain" not in aspects and not aspects.isdisjoint(OF_NUMBERS):
        places = {(fault.slug, variant.said): place for place, (fault, variant) in enumerate(known)}
        known = sorted(known, key=lambda one: not one[0].like_rounding)
    for first in _probes(cases):
        for fault, variant in known:
            if (fault.slug, variant.said) in found:
                continue
            if time.monotonic() > end:
                return [found[name] for name in sorted(found, key=lambda name: places.get(name, 0))]
            for edit in [variant.edit, *(variant.edit.then(causes[0].variant.edit) for causes in before)]:
                if first.is_answer_of(edit):
                    explained = tuple(case for case in cases if case.is_answer_of(edit))
                    if all(np.isnan(case.got).all() for case in explained):  # as what was never written is
                        continue
                    found[fault.slug, variant.said] = Cause(fault, variant, edit, explained)
                    break
        if any(len(cause.cases) == len(cases) for cause in found.values()):
            break
    return [found[name] for name in sorted(found, key=lambda name: places.get(name, 0))]


def _probes(cases: Sequence[Case]) -> Iterator[Case]:
    """The cases of which candidates must explain one: in the middle, the largest, the smallest, and between."""
    last = len(cases) - 1
    places = (len(cases) // 2, last, 0, last // 4, last - last // 4)
    return (cases[place] for place in dict.fromkeys(places))


def shows(edit: Edit, problem: Problem) -> bool:
    """Whether a fault changes the result of a problem, on usual operands."""
    operands = usual_operands(problem)
    answer = edit.answered(problem, operands)
    return answer is not None and not np.array_equal(answer, problem.compute(fast, operands))


def differ(one: Edit, other: Edit, problem: Problem) -> bool:
    """Whether two faults answer differently."""
    operands = usual_operands(problem)
    first, second = one.answered(problem, operands), other.answered(problem, operands)
    if first is None or second is None:
        return (first is None) != (second is None)
    return not np.array_equal(first, second)


def usual_operands(problem: Problem) -> dict[str, Array]:
    """Operands by name, float64 or complex128: integers from -9 (unsigned: 0) to 9, the same on every call."""
    rng = np.random.default_rng(len(problem.notation))
    whole = DTYPES[problem.dtype].kind
    least = 0 if whole == "u" else -9
    values: dict[str, Array] = {}
    for name, shape in problem.operand_shapes.items():
        drawn: Array = rng.integers(least, 10, shape).astype(np.float64)
        values[name] = drawn + 1j * rng.integers(-9, 10, shape) if whole == "c" else drawn
    return values


def _stored(values: Array, dtype: str, like: Array) -> Array:
    """Values as an answer stores them: rounded to the dtype, or wrapped to its bits."""
    kind = DTYPES[dtype]
    if kind.kind in "iu":
        with np.errstate(all="ignore"):
            return values.real.astype(np.int64).astype(like.dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        return from_bytes(to_bytes(values if kind.kind == "c" else values.real, kind), kind, values.shape)
