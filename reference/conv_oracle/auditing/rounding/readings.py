"""What the answers to the probes say by themselves: bits of operands and of sums, truncation, flushed numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from conv_oracle.auditing.operands import DTYPES
from conv_oracle.auditing.rounding.carriers import Pass
from conv_oracle.auditing.rounding.kinds import (
    LEFT,
    NEAR_CHANNELS,
    NEAR_TAPS,
    RIGHT,
    SUBNORMALS,
    SUMS,
    TRUNCATION,
    SuiteKind,
)
from conv_oracle.auditing.rounding.measures import Sample, least_normal, ratio
from conv_oracle.auditing.rounding.reductions import REDUCTIONS, Reduced, Reduction
from conv_oracle.passes import Array

USUAL = (2.0**-6, 2.0**8)
"""Numbers that every format has exponents for."""

MANY = 24
"""So many roundings do not all go to one side by chance."""

OFTEN = 0.1
"""Of the sums of a truncated probe, an eighth and more is off by so much; by a fast algorithm it was one in 13."""

KEPT_BETWEEN = 0.6
"""Of the small numbers that sums of few bits would lose: where more survive, sums are rounded now and then alone."""


@dataclass(frozen=True)
class Answers:
    """The answers of one pass to its suites and probes, in the order in which they were asked."""

    of: Pass
    samples: tuple[Sample, ...]

    @cached_property
    def data(self) -> tuple[Sample, ...]:
        """Those to data suites, on which a class must hold."""
        return tuple(s for s in self.samples if not s.kind.probe)

    @cached_property
    def rounded_once(self) -> tuple[Sample, ...]:
        """Those to probes whose sums are exact, or rounded once: all but the one of subnormal numbers."""
        return tuple(s for s in self.samples if s.kind.probe and s.kind is not SUBNORMALS)

    @property
    def normal(self) -> tuple[Sample, ...]:
        """All but those to the probe of subnormal numbers."""
        return (*self.data, *self.rounded_once)

    def to(self, *kinds: SuiteKind) -> list[Sample]:
        """Those to suites and probes of these kinds."""
        return [s for s in self.samples if s.kind in kinds]


@dataclass(frozen=True, kw_only=True)
class Readings:
    """What the probes say.

    sums: the bits that an accumulator keeps of a small number beside a large one. left, right: those that an operand
    keeps through a factor of one, by the probe. All three are infinite where all bits are kept.
    truncates: whether sums are truncated, not rounded. flushes: what becomes of subnormal numbers that are not kept.
    """

    sums: float
    left: float
    right: float
    truncates: bool
    flushes: tuple[str, ...]

    @property
    def inputs(self) -> float:
        """The bits of the operand that keeps fewer."""
        return min(self.left, self.right)

    @property
    def lossy(self) -> SuiteKind:
        """The probe that shows the operand that keeps fewer bits."""
        return LEFT if self.left <= self.right else RIGHT


def readings(answers: Answers) -> Readings:
    """Everything that probes say of one pass."""
    return Readings(
        sums=_sum_bits(answers),
        left=_operand_bits(answers, LEFT),
        right=_operand_bits(answers, RIGHT),
        truncates=_truncates(answers),
        flushes=_flushes(answers),
    )


def _sum_bits(answers: Answers) -> float:
    """-log2 of what is lost of a small number, relative to the large one beside it, at most."""
    lost = [_lost(s)[0].max(initial=0.0) for s in answers.to(SUMS, NEAR_TAPS, NEAR_CHANNELS)]
    worst = float(max(lost, default=0.0))
    return -math.log2(worst) if worst else np.inf


def lossless(s: Sample) -> bool:
    """Whether no small number beside a large one is changed."""
    return not bool((_lost(s)[0] > 0).any())


def _lost(s: Sample) -> tuple[Array, Array]:
    """(what is lost of the small number, relative to the large one; how small it is) where all three were read."""
    count = 10 if DTYPES[s.of.problem.dtype].kind == "c" else 3
    here = (s.terms == count) & (np.abs(s.y) < s.magnitude / 8) & (s.y != 0)
    big = (s.magnitude[here] - np.abs(s.y[here])) / 2
    lost = s.error[here] / big
    return np.where(np.isfinite(lost), lost, 1.0), np.abs(s.y[here]) / big


def _truncates(answers: Answers) -> bool:
    """Whether a sum that is three quarters of a unit above a number becomes that number.

    In 16 bits little else shows of a fast algorithm: it is off by so much in few sums, or by more than a unit in some.
    """
    unit = 2.0 ** (1 - answers.of.bits)
    lost = np.concatenate([_lost(s)[0] for s in answers.to(TRUNCATION)] or [np.zeros(0)]) / unit
    cut = (lost > 0.6) & (lost < 0.9)
    if DTYPES[answers.of.format].narrow and cut.any():
        return bool((lost <= 1).all() and cut.mean() > OFTEN)
    return bool(cut.any())


def rounded_in_between(answers: Answers, sums: float) -> bool:
    """Whether small numbers survive between large ones that are neighbours, in sums that keep so many bits."""
    unit = 2.0**-answers.of.bits
    for kind in (NEAR_TAPS, NEAR_CHANNELS):
        told = [_lost(s) for s in answers.to(kind)] or [(np.zeros(0), np.zeros(0))]
        lost, small = (np.concatenate(each) for each in zip(*told, strict=True))
        would = small < 2.0 ** -(sums + 1)
        if would.any() and (lost[would] < unit * 2).mean() >= KEPT_BETWEEN:
            return True
    return False


def one_sided(answers: Answers) -> bool:
    """Whether all that is not exact is below the exact sum, or above it, or nearer to zero, or farther from it."""
    off, y = [np.zeros(0)], [np.zeros(0)]
    for s in answers.normal:
        here = np.isfinite(s.error) & (s.error > 2 * s.slack)
        off.append(((s.got - s.y) - s.low)[here])
        y.append(s.y[here])
    every = np.concatenate(off)
    up, away = every > 0, every * np.concatenate(y) > 0
    return up.size >= MANY and any(bool((side == side[0]).all()) for side in (up, away))


def _operand_bits(answers: Answers, probe: SuiteKind) -> float:
    """-log2 of the largest relative error of a number that comes back through a factor of one."""
    single = [(s, _single(s) & np.isfinite(s.error)) for s in answers.to(probe)]
    usual = [(s, one & (np.abs(s.y) > USUAL[0]) & (np.abs(s.y) < USUAL[1])) for s, one in single]
    told = usual if any(here.any() for _, here in usual) else single
    over = [ratio(s.error[here], np.abs(s.y[here])).max(initial=0.0) for s, here in told]
    worst = float(max(over, default=0.0))
    return -math.log2(min(worst, 1.0)) if worst else np.inf


def _single(s: Sample) -> Array:
    """Where one term is read that is not zero."""
    count = 6 if DTYPES[s.of.problem.dtype].kind == "c" else 1
    here: Array = (s.terms == count) & (s.y != 0)
    return here


def known_reductions(answers: Answers, read: Readings) -> Iterator[Reduced]:
    """The formats that operands may have been rounded to: every answer is that rounding."""
    sides = [kind for kind, bits in ((LEFT, read.left), (RIGHT, read.right)) if bits != np.inf]
    in_one = len(sides) < 2 and not answers.of.of_bias
    for reduction in REDUCTIONS:
        told = [_is_reduction(s, reduction) for s in answers.to(*sides)]
        if all(same for same, _ in told) and any(some for _, some in told):
            yield Reduced(reduction, reduction.bits, in_one)


def _is_reduction(s: Sample, reduction: Reduction) -> tuple[bool, bool]:
    """(whether all single numbers came back in a format, whether there were any)."""
    here = _single(s)
    wanted, got = reduction.round(s.y[here]), s.got[here]
    told = np.isfinite(wanted) & np.isfinite(got)
    return np.array_equal(got[told], wanted[told]), bool(told.any())


def _flushes(answers: Answers) -> tuple[str, ...]:
    """What becomes of subnormal numbers, where they are not kept."""
    dtype = answers.of.component
    least = 2.0 ** round(math.log2(least_normal(dtype)))
    results = operands = False
    for s in answers.to(SUBNORMALS):
        y, here = np.abs(s.y), _single(s)
        small = here & (y < least) & (y >= least * 2.0 ** (1 - DTYPES[dtype].bits))
        results |= bool((s.got[small] == 0).any())
        operands |= bool((s.got[here & (y >= least)] == 0).any())
    return ("subnormal results become zero",) * results + ("subnormal operands become zero",) * operands


def not_finite(answers: Answers) -> Sample | None:
    """The first sample with an answer that is not finite, where every format holds operands, sums and answer."""
    return next((s for s in answers.normal if s.kind.finite and not np.isfinite(s.error).all()), None)
