"""What is seen of one pass as a whole: the readings of its probes, and the errors beside the bounds of classes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from conv_oracle.auditing.operands import DTYPES
from conv_oracle.auditing.rounding.carriers import Pass
from conv_oracle.auditing.rounding.classes import (
    ANY_ORDER,
    BIAS_AFTER,
    CORRECTLY_ROUNDED,
    REDUCED_INPUTS,
    TRUNCATED_RESULT,
    TRUNCATED_SUMS,
    WIDE,
    ArithmeticClass,
    Beside,
)
from conv_oracle.auditing.rounding.growth import (
    FAR_MORE,
    MORE_LEVELS,
    enough_bits,
    errors_and_blocks,
    errors_and_norms,
    mixing,
    unit_of_result,
)
from conv_oracle.auditing.rounding.kinds import SuiteKind
from conv_oracle.auditing.rounding.measures import Sample, bound, ratio
from conv_oracle.auditing.rounding.readings import Answers, Readings
from conv_oracle.passes import Array

NEARLY = 5
"""A small transform mixes little, and errs by a few bits: F(6, 3) on one axis by 29 units."""


@dataclass(frozen=True)
class Worst:
    """The largest ratio of an error to a bound, with the sample and the place in it."""

    ratio: float = 0.0
    sample: Sample | None = None
    place: int = 0

    @property
    def kind(self) -> SuiteKind | None:
        """The suite's."""
        return self.sample.kind if self.sample else None


@dataclass(frozen=True)
class Seen:
    """The answers of one pass, what the probes say of them, and how far the errors go."""

    answers: Answers
    read: Readings

    @property
    def of(self) -> Pass:
        """The pass."""
        return self.answers.of

    @property
    def full(self) -> int:
        """The bits of an operand."""
        return DTYPES[self.of.component].bits

    @property
    def unit(self) -> float:
        """That of the working precision."""
        return float(2.0**-self.of.bits)

    @cached_property
    def any_order(self) -> Worst:
        """How far the answers are from sums in the working precision."""
        return self.worst(bound_of(self, ANY_ORDER))

    @property
    def beside(self) -> tuple[Beside, ...]:
        """Of sums of each length, by powers of two, the error nearest to the bound of the working precision."""
        found: dict[int, tuple[float, Beside]] = {}
        for s in self.answers.data:
            limit = bound_of(self, ANY_ORDER)(s)
            over = np.where((s.terms > 0) & (s.magnitude > 0), ratio(s.error, limit), -1.0)
            lengths = np.frexp(s.terms)[1]
            for length in map(int, np.unique(lengths[over >= 0])):
                at = int(np.where(lengths == length, over, -1.0).argmax())
                if length not in found or over[at] > found[length][0]:
                    unit = self.unit * float(s.magnitude[at])
                    told = float(s.error[at]) / unit, float(limit[at]) / unit
                    found[length] = float(over[at]), Beside(terms=int(s.terms[at]), error=told[0], bound=told[1])
        return tuple(beside for _, (_, beside) in sorted(found.items()))

    @cached_property
    def growth(self) -> Worst:
        """How far the answers are from transforms and tiles."""
        return worst_of(self.answers.data, errors_and_norms)

    @cached_property
    def blocks(self) -> Worst:
        """How far the answers, those to probes included, are from products by blocks."""
        return worst_of(self.answers.normal if not self.of.of_bias else (), errors_and_blocks)

    @cached_property
    def mixing(self) -> Sample | None:
        """The first sample whose errors are no rounding of an output's own terms."""
        return mixing(self.answers, self.read)

    @cached_property
    def within_growth(self) -> bool:
        """Whether the bound of transforms and tiles holds."""
        return self.growth.ratio <= 1

    @cached_property
    def within_blocks(self) -> bool:
        """Whether the bound of products by blocks holds."""
        return not self.of.of_bias and self.blocks.ratio <= 1

    @property
    def keeps(self) -> bool:
        """Whether no probe shows fewer bits than those of the working precision."""
        return self.read.sums >= self.of.bits - 1 and self.read.inputs >= self.full and not self.read.truncates

    @property
    def adds_bias_late(self) -> bool:
        """Whether a bias is added to a sum that was rounded, by a fast algorithm."""
        if not self.of.biased_in_few_bits:
            return False
        every = (errors_and_norms, self.answers.data), (errors_and_blocks, self.answers.normal)
        return min(worst_of(samples, partial(measure, bias_after=False)).ratio for measure, samples in every) > 1

    @cached_property
    def mixed(self) -> bool:
        """Whether the bound of transforms and tiles holds, of operands and sums whose bits leave no room for more.

        Where no number is seen to mix with others, their sums are not counted: long ones of few bits have the room.
        """
        enough = FAR_MORE if self.of.component == "float32" else self.full - NEARLY if self.full > NEARLY else self.full
        uncounted = worst_of(self.answers.data, partial(errors_and_norms, counted=False))
        return uncounted.ratio <= 1 and min(self.read.inputs, self.read.sums) >= enough

    @property
    def mixed_by_blocks(self) -> bool:
        """The same of products by blocks, which cost more bits."""
        enough = self.read.inputs >= enough_bits(self.of) and self.read.sums >= self.of.bits - MORE_LEVELS
        return enough and self.within_blocks

    def bound(self, s: Sample, sums: float, **further: Any) -> Array:
        """The bound of a sample, which leaves room for flushed numbers where some are: see measures.bound."""
        return bound(s, sums, flushes=bool(self.read.flushes), **further)

    def worst(self, limit: Callable[[Sample], Array], among: Sequence[Sample] | None = None) -> Worst:
        """The largest ratio to a bound on the data suites, or on some of them."""
        return worst_of(self.answers.data if among is None else among, lambda s: (s.error, limit(s)))

    def holds(self, arithmetic: ArithmeticClass) -> bool:
        """Whether every error is within the bound of a class."""
        return self.worst(bound_of(self, arithmetic)).ratio <= 1


def bound_of(seen: Seen, arithmetic: ArithmeticClass, inputs: float = np.inf) -> Callable[[Sample], Array]:
    """The bound of a class as a function of a sample; of one that has none, that of sums in the working precision.

    inputs: the bits of operands, of `reduced-inputs` alone.
    """
    own, wide = unit_of_result(seen.of), 2.0**-53 if seen.of.bits < 53 else 2.0**-100
    if arithmetic in (CORRECTLY_ROUNDED, WIDE):
        return lambda s: seen.bound(s, wide, stored_in=own)
    if arithmetic is BIAS_AFTER:
        return lambda s: seen.bound(s, seen.unit, bias_after=True)
    if arithmetic is TRUNCATED_SUMS:
        return lambda s: seen.bound(s, 2 * seen.unit)
    if arithmetic is TRUNCATED_RESULT:
        return lambda s: seen.bound(s, seen.unit, stored_in=2 * own)
    if arithmetic is REDUCED_INPUTS:
        return lambda s: seen.bound(s, seen.unit, inputs=2.0**-inputs)
    return lambda s: seen.bound(s, seen.unit)


def worst_of(samples: Iterable[Sample], measure: Callable[[Sample], tuple[Array, Array]]) -> Worst:
    """The first of the largest ratios of (error, bound) in all samples."""
    worst = Worst()
    for s in samples:
        if s.error.size:
            over = ratio(*measure(s))
            at = int(over.argmax())
            if worst.sample is None or over[at] > worst.ratio:
                worst = Worst(float(over[at]), s, at)
    return worst
