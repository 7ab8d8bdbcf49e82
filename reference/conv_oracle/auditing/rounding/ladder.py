"""Which arithmetic gave these answers: the checks of CHECKS, one after the other; the first that finds a class decides.

    mixes_numbers      an error beyond an output's own terms: fast, or, beyond its bound, unclassified
    gives_no_number    where every format holds the numbers: unclassified
    other_numbers      less than two bits are left of an operand, or of a sum: unclassified
    full_precision     within the bound of sums in any order, and no probe says otherwise: the best class that holds
    bias_added_last    within that of a bias which is added to a rounded sum: bias-after-rounding
    rounded_on_the_way of results that are wider than operands: all are numbers of the operands' format: narrow-result
    few_bits_of_sums   fewer bits than the working precision: reduced-inputs, partial-sums or
                       low-precision-accumulation, or unclassified where ordinary numbers are further off than that
    always_one_side    all errors have one direction: truncated-result
    mixes_a_little     within the bound of fast algorithms, by operands and sums of nearly full length: fast
    reduced_operands   reduced-inputs
    truncated_sums     truncated-sums
    truncated_result   truncated-result
    stored_in_between  within the bound of sums in the format of the result: partial-sums
    still_mixed        within the bound of fast algorithms after all: fast
    nothing_else       unclassified

A class holds where the error is within its bound on every data suite (`measures.bound`, `growth`); a probe must agree.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from conv_oracle.auditing.operands import DTYPES
from conv_oracle.auditing.rounding.carriers import Pass
from conv_oracle.auditing.rounding.classes import (
    ANY_ORDER,
    BIAS_AFTER,
    BY_BLOCKS,
    CORRECTLY_ROUNDED,
    FAST,
    LOW_PRECISION,
    NARROW_RESULT,
    PARTIAL_SUMS,
    REDUCED_INPUTS,
    TRUNCATED_RESULT,
    TRUNCATED_SUMS,
    UNCLASSIFIED,
    WIDE,
    Algorithm,
    ArithmeticClass,
    Measured,
)
from conv_oracle.auditing.rounding.data import stored
from conv_oracle.auditing.rounding.growth import BLOCKS, algorithm_of, most_growth, unit_of_result
from conv_oracle.auditing.rounding.kinds import SPARSE, SUMS, TRUNCATION, SuiteKind
from conv_oracle.auditing.rounding.measures import Sample, is_rounded
from conv_oracle.auditing.rounding.readings import (
    Answers,
    known_reductions,
    lossless,
    not_finite,
    one_sided,
    readings,
    rounded_in_between,
)
from conv_oracle.auditing.rounding.reductions import Reduced
from conv_oracle.auditing.rounding.seen import NEARLY, Seen, Worst, bound_of, worst_of
from conv_oracle.passes import Array

LEAST_KEPT = 1.5
"""Bits of a number times one, or of the largest of a sum: with fewer it is another number, as 0 and its half are. No
format keeps so few."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """A class that was found: the bits of sums and of operands, and the kind of operands that shows it."""

    arithmetic: ArithmeticClass
    sums: float = np.inf
    inputs: float = np.inf
    reduced: Reduced | None = None
    algorithm: Algorithm | None = None
    shown_by: SuiteKind | None = None


def measured(of: Pass, samples: Iterable[Sample]) -> Measured:
    """The class of a pass, from its answers to all suites of `data.suites` and `probes.probes`, in that order."""
    answers = Answers(of, tuple(samples))
    seen = Seen(answers, readings(answers))
    found = next(found for check in CHECKS if (found := check(seen)) is not None)
    worst = seen.worst(bound_of(seen, found.arithmetic, found.inputs))
    largest, growth, most = worst.ratio, 0.0, most_growth(of)
    if seen.mixing is not None or found.arithmetic is FAST:
        worst, most = (seen.blocks, BLOCKS) if found.algorithm == BY_BLOCKS else (seen.growth, most)
        largest = worst.ratio
        growth = largest * most
    if found.arithmetic.rank > FAST.rank:
        worst = _shown(seen, found.shown_by)
    return Measured(
        of=of,
        arithmetic=found.arithmetic,
        inputs=found.inputs,
        sums=found.sums,
        ratio=largest,
        evidence=worst.sample,
        place=worst.place,
        reduced=found.reduced,
        algorithm=found.algorithm,
        growth=growth,
        most_growth=most,
        bias_after=found.arithmetic is BIAS_AFTER or (found.arithmetic is FAST and seen.adds_bias_late),
        flushes=seen.read.flushes,
        outputs=sum(len(s.got) for s in answers.data),
        beside=seen.beside,
    )


def _shown(seen: Seen, kind: SuiteKind | None) -> Worst:
    """Where a class shows: in answers to the kind of operands that revealed it, else to the worst suite."""
    shown = worst_of(seen.answers.to(kind) if kind else (), lambda s: (s.error, seen.bound(s, seen.unit)))
    return shown if shown.ratio > 1 else seen.any_order


def mixes_numbers(seen: Seen) -> Found | None:
    """An error beyond an output's own terms: a fast algorithm, within its bound or not."""
    if seen.mixing is None:
        return None
    if seen.within_growth:
        return Found(arithmetic=FAST, algorithm=algorithm_of(seen.answers), shown_by=seen.mixing.kind)
    if seen.within_blocks:
        return Found(arithmetic=FAST, algorithm=BY_BLOCKS, shown_by=seen.mixing.kind)
    return Found(arithmetic=UNCLASSIFIED, shown_by=seen.mixing.kind)


def gives_no_number(seen: Seen) -> Found | None:
    """An answer that is not finite, where every format holds the operands, the sums and the answer."""
    broken = not_finite(seen.answers)
    return None if broken is None else Found(arithmetic=UNCLASSIFIED, shown_by=broken.kind)


def other_numbers(seen: Seen) -> Found | None:
    """Too few bits are left for a rounding: other numbers were read, or summed."""
    read = seen.read
    if min(read.inputs, read.sums) >= LEAST_KEPT:
        return None
    return Found(arithmetic=UNCLASSIFIED, shown_by=read.lossy if read.inputs < LEAST_KEPT else SUMS)


def full_precision(seen: Seen) -> Found | None:
    """Sums in the working precision, in any order, or better."""
    read = seen.read
    if not seen.keeps or seen.any_order.ratio > 1:
        return None
    return Found(arithmetic=_best(seen), sums=read.sums, inputs=read.inputs)


def bias_added_last(seen: Seen) -> Found | None:
    """Sums in the working precision are rounded to the result's format; a bias is added, and the sum rounded again."""
    if not (seen.of.biased_in_few_bits and seen.keeps and seen.holds(BIAS_AFTER)):
        return None
    return Found(arithmetic=BIAS_AFTER, sums=seen.read.sums, inputs=seen.read.inputs)


def rounded_on_the_way(seen: Seen) -> Found | None:
    """Results that could be wider than operands are no more than numbers of the operands' format."""
    of = seen.of
    if not (of.wider and DTYPES[of.component].narrow) or seen.read.inputs < seen.full:
        return None
    told = [s for s in seen.answers.data if np.isfinite(s.error).all()]
    stored_so = all(np.array_equal(stored(s.got, of.component), s.got) for s in told)
    within = seen.worst(lambda s: seen.bound(s, seen.unit, through=of.component), told).ratio <= 1
    kind = seen.any_order.kind
    bits = DTYPES[of.component].bits
    return Found(arithmetic=NARROW_RESULT, sums=bits, shown_by=kind) if told and stored_so and within else None


def _best(seen: Seen) -> ArithmeticClass:
    """The best class of full precision."""
    certain = [is_rounded(s) for s in seen.answers.normal]
    if all(bool((is_it | ~sure).all()) for sure, is_it in certain):
        return CORRECTLY_ROUNDED
    return WIDE if all(map(lossless, seen.answers.rounded_once)) and seen.holds(WIDE) else ANY_ORDER


def few_bits_of_sums(seen: Seen) -> Found | None:
    """Sums keep fewer bits than the working precision has, and more than a small transform explains."""
    read, of = seen.read, seen.of
    if read.sums >= of.bits - 2 or (seen.mixed and read.sums >= of.bits - NEARLY):
        return None
    if read.inputs + 1 < read.sums and (lost := _reduced(seen, read.sums)) is not None:
        return lost
    if not _ordinary_within(seen):
        return Found(arithmetic=UNCLASSIFIED, shown_by=SUMS)
    bits = DTYPES[of.format].bits
    exact_blocks = read.sums >= bits + 1 and not DTYPES[of.component].short
    if exact_blocks or rounded_in_between(seen.answers, read.sums):
        kept = bits if DTYPES[of.format].narrow and not of.wider else min(bits, math.floor(read.sums + 0.01))
        return Found(arithmetic=PARTIAL_SUMS, sums=kept, inputs=read.inputs, shown_by=SUMS)
    return Found(arithmetic=LOW_PRECISION, sums=math.floor(read.sums + 0.01), inputs=read.inputs, shown_by=SUMS)


def _ordinary_within(seen: Seen) -> bool:
    """Whether ordinary numbers are no further off than sums of so many bits, of operands of so many, can be."""
    read = seen.read
    unit = 2.0 ** (1 - min(math.floor(read.sums), DTYPES[seen.of.format].bits))
    lost = unit if read.inputs == np.inf else max(unit, 2.0 ** -math.floor(read.inputs))
    ordinary = [s for s in seen.answers.data if s.kind.ordinary]
    beyond = [np.isfinite(s.error) & (s.error > seen.bound(s, unit, inputs=lost)) for s in ordinary]
    return not any(bool(over.any()) for over in beyond)


def always_one_side(seen: Seen) -> Found | None:
    """All errors have one direction, and are those of a result that is truncated."""
    if one_sided(seen.answers) and seen.holds(TRUNCATED_RESULT):
        return Found(arithmetic=TRUNCATED_RESULT, sums=seen.read.sums, inputs=seen.read.inputs, shown_by=SPARSE)
    return None


def mixes_a_little(seen: Seen) -> Found | None:
    """A fast algorithm whose errors could be roundings of an output's own terms."""
    little = seen.mixed and seen.read.inputs >= seen.full - NEARLY and not seen.read.truncates
    return still_mixed(seen) if little else None


def reduced_operands(seen: Seen) -> Found | None:
    """Operands lose bits as they are read; their products are summed in the working precision."""
    return _reduced(seen, seen.of.bits)


def _reduced(seen: Seen, sums: float) -> Found | None:
    """Reduced operands, in a known format or with so many bits, and sums in as many bits as they have."""
    read = seen.read
    if read.inputs >= seen.full:
        return None
    unit = 2.0 ** -math.floor(sums)
    for reduced in (*known_reductions(seen.answers, read), Reduced(None, math.floor(read.inputs) - 1)):

        def limit(s: Sample, bits: int = reduced.bits) -> Array:
            return seen.bound(s, unit, inputs=2.0**-bits)

        if reduced.bits > 0 and seen.worst(limit, _in_range(seen, reduced)).ratio <= 1:
            return Found(
                arithmetic=REDUCED_INPUTS, sums=sums, inputs=reduced.bits, reduced=reduced, shown_by=read.lossy
            )
    return None


def _in_range(seen: Seen, reduced: Reduced) -> list[Sample]:
    """The suites that a format's exponents have room for: of one that is not known, those that are answered."""
    data, component = seen.answers.data, seen.of.component
    if reduced.known is None:
        return [s for s in data if np.isfinite(s.error).all()]
    if component == "float64" or (reduced.few_exponents and component != "float16"):
        return [s for s in data if not s.kind.far_apart]
    return list(data)


def truncated_sums(seen: Seen) -> Found | None:
    """Sums are truncated, not rounded."""
    if seen.read.truncates and seen.holds(TRUNCATED_SUMS):
        return Found(arithmetic=TRUNCATED_SUMS, sums=seen.read.sums, inputs=seen.read.inputs, shown_by=TRUNCATION)
    return None


def truncated_result(seen: Seen) -> Found | None:
    """The result alone is not rounded to nearest."""
    if seen.holds(TRUNCATED_RESULT):
        return Found(arithmetic=TRUNCATED_RESULT, sums=seen.read.sums, inputs=seen.read.inputs, shown_by=SPARSE)
    return None


def stored_in_between(seen: Seen) -> Found | None:
    """Sums in the format of the result, where that is narrower than the working precision."""
    own = unit_of_result(seen.of)
    if own > seen.unit and seen.worst(lambda s: seen.bound(s, own)).ratio <= 1:
        bits = DTYPES[seen.of.format].bits
        return Found(arithmetic=PARTIAL_SUMS, sums=bits, inputs=seen.read.inputs, shown_by=seen.any_order.kind)
    return None


def still_mixed(seen: Seen) -> Found | None:
    """What looks truncated, or reduced, is a rounding of other numbers: a fast algorithm."""
    if not (seen.mixed or seen.mixed_by_blocks):
        return None
    algorithm, read = algorithm_of(seen.answers) if seen.mixed else BY_BLOCKS, seen.read
    return Found(arithmetic=FAST, sums=read.sums, inputs=read.inputs, algorithm=algorithm, shown_by=seen.any_order.kind)


def nothing_else(seen: Seen) -> Found:
    """No class that is known."""
    return Found(arithmetic=UNCLASSIFIED, sums=seen.read.sums, inputs=seen.read.inputs, shown_by=seen.any_order.kind)


CHECKS: tuple[Callable[[Seen], Found | None], ...] = (
    mixes_numbers,
    gives_no_number,
    other_numbers,
    full_precision,
    bias_added_last,
    rounded_on_the_way,
    few_bits_of_sums,
    always_one_side,
    mixes_a_little,
    reduced_operands,
    truncated_sums,
    truncated_result,
    stored_in_between,
    still_mixed,
    nothing_else,
)
"""In the order in which they are asked, as the table above has them."""
