"""What explains wrong answers: the faults whose answers are, bit for bit, those that came.

Every way to have a fault is computed on the very operands that a subject got wrong, and compared with what it answered.
What explains all of them, and shows nowhere that the subject is right, is the cause. What shows elsewhere too holds
under a condition, which is learned from where it shows. Several that cannot be told apart are asked apart.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from conv_oracle.auditing.diagnosis.fitting import fitted
from conv_oracle.auditing.judging import Observation
from conv_oracle.auditing.operands import DTYPES, PARTS, from_bytes, products_per_output, to_bytes
from conv_oracle.faults import Edit, Fault, Variant, rare_variants, title_of, variants
from conv_oracle.operation import Result
from conv_oracle.passes import Array
from conv_oracle.problem import Problem
from conv_oracle.truth import fast

MOST_CASES = 32
"""Wrong answers that a cause is looked for in."""

COMFORT, FEW_CASES = 30_000, 4
"""Larger problems are looked at only where there are so few smaller ones."""

MOST_FAULTS = 3
"""So many at once are looked for."""

FEWEST = 3
"""What explains fewer wrong answers, and leaves others unexplained, may do so by chance."""


@dataclass(frozen=True)
class Case:
    """One wrong answer: the operation that was computed, on which operands, and what came."""

    problem: Problem
    operands: Mapping[str, Array]
    got: Array
    right: Array
    scale: float
    rounds: bool
    asked: Problem
    returned: str

    def is_answer_of(self, edit: Edit) -> bool:
        """Whether a fault answers the same."""
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
        return self._beyond_exactness(answer)

    def _is_made_in(self, narrow: np.dtype[Any]) -> bool:
        """Whether it is a number of a narrower format, as near to the right one as its sums in any order are.

        |error| <= (n + 2) u sum |x| |w|, where that does not overflow (Higham).
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
        """Whether a fault's sum is too long to be exact, and what came is the same but for the order of summation."""
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
    """A fault in one of its ways, and the cases that it explains. `edit` is all that is wrong there."""

    fault: Fault
    variant: Variant
    edit: Edit
    cases: tuple[Case, ...]

    @property
    def title(self) -> str:
        """The fault in one sentence."""
        return title_of(self.fault, self.variant)


def case_of(one: Observation, *, inexact: bool) -> Case | None:
    """A wrong answer as a case; None where it is not of one operation on arrays."""
    ask, judgement, block = one.ask, one.judgement, one.block
    if judgement.got is None:
        return None
    operands = ask.draws.operands(block)
    part = judgement.part or ask.parts[0]
    alone = _as_operation(ask.problem, part, operands)
    if alone is None:
        return None
    scale = float(ask.draws.scale(PARTS[part][1])[block])
    right = alone[0].compute(fast, alone[1])
    rounds, returned = inexact or ask.draws.guarded, judgement.returned or ask.problem.dtype
    return Case(*alone, judgement.got, right, scale, rounds, ask.problem, returned)


GRADIENTS: Sequence[tuple[str, Result, str, str]] = (
    ("grad_input", "grad_input", "weight", "weight"),
    ("grad_weight", "grad_weight", "input", "input"),
    ("second grad_input", "grad_input", "grad_grad_weight", "weight"),
    ("second grad_weight", "grad_weight", "grad_grad_input", "input"),
)
"""Parts of an answer that are a gradient alone: which, and the operand of the call that takes an operand's place."""


def _as_operation(
    problem: Problem, part: str, operands: Mapping[str, Array]
) -> tuple[Problem, Mapping[str, Array]] | None:
    """The operation whose result a part of an answer is: of a gradient, the gradient."""
    if part == "output" or not problem.operation.forward:
        return problem, {name: operands[name] for name in problem.operand_shapes}
    for known, result, cotangent, operand in GRADIENTS:
        if part == known and cotangent in operands:
            gradient = replace(problem, operation=problem.operation.gradient(result), bias=False)
            return gradient, {operand: operands[cotangent], "grad_output": operands["grad_output"]}
    return None


def spread(cases: Sequence[Case], most: int = MOST_CASES) -> list[Case]:
    """Cases from small to large, a few of each problem: those that faults are looked for in."""
    first: dict[Problem, Case] = {}
    for case in cases:
        first.setdefault(case.asked, case)
    ordered = sorted(first.values(), key=lambda case: case.problem.multiply_adds)
    small = [case for case in ordered if case.problem.multiply_adds <= COMFORT]
    ordered = small if len(small) >= FEW_CASES else ordered[:FEW_CASES]
    places = np.unique(np.linspace(0, len(ordered) - 1, min(most, len(ordered))).astype(int))
    return [ordered[place] for place in places]


def explanations(cases: Sequence[Case], end: float) -> list[list[Cause]]:
    """Causes that together explain as many cases as they can: one list per fault, of those that explain the same.

    Where no single one explains all, two at once are tried on what remains, as long as there is time: until `end`.
    """
    remaining = list(cases)
    found: list[list[Cause]] = []
    while remaining and len(found) < MOST_FAULTS:
        best = _best(remaining, list(found), end)
        if not best or len(best[0].cases) < min(FEWEST, len(remaining)):
            break
        explained = set(map(id, best[0].cases))
        remaining = [case for case in remaining if id(case) not in explained]
        found.append(best)
    return found


def _best(cases: Sequence[Case], before: Sequence[Sequence[Cause]], end: float) -> list[Cause]:
    """The causes that explain most of the cases, alone or with one that was found before; none where nothing does.

    What is likely comes first: ways with a number of their own, and rare ones, only where nothing else explains.
    """
    operation = cases[0].problem.operation
    causes = _tried(variants(operation), cases, before, end)
    if not any(len(cause.cases) >= min(FEWEST, len(cases)) for cause in causes):
        unusual = (*fitted([(case.got, case.right) for case in cases]), *rare_variants(operation))
        causes += _tried(unusual, cases, before, end)
    most = max((len(cause.cases) for cause in causes), default=0)
    return [cause for cause in causes if len(cause.cases) == most]


def _tried(
    known: Sequence[tuple[Fault, Variant]], cases: Sequence[Case], before: Sequence[Sequence[Cause]], end: float
) -> list[Cause]:
    """The causes among the known ones that explain a probe, each with all the cases that it explains."""
    found: dict[tuple[str, str], Cause] = {}
    for first in _probes(cases):
        for fault, variant in known:
            if (fault.slug, variant.said) in found:
                continue
            if time.monotonic() > end:
                return list(found.values())
            for edit in [variant.edit, *(variant.edit.then(causes[0].variant.edit) for causes in before)]:
                if first.is_answer_of(edit):
                    explained = tuple(case for case in cases if case.is_answer_of(edit))
                    found[fault.slug, variant.said] = Cause(fault, variant, edit, explained)
                    break
        if any(len(cause.cases) == len(cases) for cause in found.values()):
            break
    return list(found.values())


def _probes(cases: Sequence[Case]) -> Iterator[Case]:
    """The cases whose explanations are tried: one in the middle, the largest, the smallest."""
    places = (len(cases) // 2, len(cases) - 1, 0)
    return (cases[place] for place in dict.fromkeys(places))


def shows(edit: Edit, problem: Problem) -> bool:
    """Whether a fault can be seen on a problem, with usual operands."""
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
    """Operands of small integers of both signs, always the same of a problem."""
    rng = np.random.default_rng(len(problem.notation))
    whole = DTYPES[problem.dtype].kind
    least = 0 if whole == "u" else -9
    values: dict[str, Array] = {}
    for name, shape in problem.operand_shapes.items():
        drawn: Array = rng.integers(least, 10, shape).astype(np.float64)
        values[name] = drawn + 1j * rng.integers(-9, 10, shape) if whole == "c" else drawn
    return values


def _stored(values: Array, dtype: str, like: Array) -> Array:
    """Values as an answer holds them: rounded to the format, or wrapped to its bits."""
    kind = DTYPES[dtype]
    if kind.kind in "iu":
        with np.errstate(all="ignore"):
            return values.real.astype(np.int64).astype(like.dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        return from_bytes(to_bytes(values if kind.kind == "c" else values.real, kind), kind, values.shape)
