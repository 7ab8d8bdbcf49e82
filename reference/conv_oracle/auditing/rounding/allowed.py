"""What arithmetic is allowed: the default, and what `--arithmetic` declares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from conv_oracle.auditing.rounding.classes import (
    BIAS_AFTER,
    CORRECTLY_ROUNDED,
    LOW_PRECISION,
    NARROW_RESULT,
    PARTIAL_SUMS,
    REDUCED_INPUTS,
    TRUNCATED_RESULT,
    WIDE,
    ArithmeticClass,
    Measured,
    working_precision,
)

FULL = 1 << 10
"""Bits that no format has: nothing may be lost."""

TILES = 32
"""What tiles make of an operand's rounding: F(4, 3) came to 13 of its units on two axes."""

NARROWEST = 8
"""Bits of the narrowest format that partial sums are rounded to."""


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """What one name of `--arithmetic` allows: every class up to `last`, and coarser ones that keep enough bits.

    said: it in words, with a place for the working precision. inputs, sums: the bits that operands and sums must keep.
    tiles: whether fast algorithms may be used. between: whether partial sums may be rounded to the storage's bits.
    few_exponents: whether operands may be those of float16.
    """

    name: str
    said: str
    last: ArithmeticClass = BIAS_AFTER
    inputs: int = FULL
    sums: int = FULL
    tiles: bool = True
    between: bool = False
    few_exponents: bool = False

    def said_of(self, dtypes: Iterable[str]) -> str:
        """It in words, of operands of these dtypes."""
        return self.said.format(working=working_precision(dtypes))

    @property
    def bits(self) -> tuple[int, int]:
        """Those that an operand, and a sum, of integers may have so that both are exact."""
        within = self.sums if not self.between else min(self.sums, NARROWEST)
        return min(self.inputs, within), within

    def holds(self, of: Measured) -> bool:
        """Whether a measured class is allowed."""
        if of.fast:
            more = TILES * 2.0 ** (of.bits - self.inputs) if self.inputs < of.bits else 0.0
            return self.tiles and of.growth <= of.most_growth + more
        if of.rank <= self.last.rank:
            return True
        if of.arithmetic is REDUCED_INPUTS:
            few_exponents = of.reduced is not None and of.reduced.few_exponents
            return of.inputs >= self.inputs and (self.few_exponents or not few_exponents)
        if of.arithmetic in (PARTIAL_SUMS, NARROW_RESULT):
            return self.between or of.sums >= self.sums
        return of.arithmetic is LOW_PRECISION and of.sums >= self.sums and of.inputs >= min(self.inputs, self.sums)


_SUMS = "sums in {working} or better, in any order"

ALLOWED: Mapping[str, Allowed] = {
    allowed.name: allowed
    for allowed in (
        Allowed(name="correctly-rounded", said="the exact sum, rounded once", last=CORRECTLY_ROUNDED, tiles=False),
        Allowed(name="wide", said="within one rounding of the result", last=WIDE, tiles=False),
        Allowed(name="direct", said=f"{_SUMS}, by no fast algorithm", tiles=False),
        Allowed(name="any-order", said=f"{_SUMS}, or a fast algorithm within its bound"),
        Allowed(name="truncated", said=f"{_SUMS}, truncated in place of rounded", last=TRUNCATED_RESULT),
        Allowed(name="bf16x2", said="operands of 16 bits, as two bfloat16 numbers", last=TRUNCATED_RESULT, inputs=16),
        Allowed(name="tf32", said="operands of 11 bits, as TF32", last=TRUNCATED_RESULT, inputs=10),
        Allowed(name="fp16", said="operands in float16", last=TRUNCATED_RESULT, inputs=10, few_exponents=True),
        Allowed(name="bf16", said="operands in bfloat16", last=TRUNCATED_RESULT, inputs=7),
        Allowed(
            name="partial-sums",
            said="partial sums rounded to the format of the result",
            last=TRUNCATED_RESULT,
            between=True,
        ),
        Allowed(
            name="fp16-sums",
            said="sums in float16",
            last=TRUNCATED_RESULT,
            inputs=10,
            sums=10,
            between=True,
            few_exponents=True,
        ),
        Allowed(name="bf16-sums", said="sums in bfloat16", last=TRUNCATED_RESULT, inputs=7, sums=7, between=True),
    )
}
"""By the name that the command takes, from strict to loose."""

DEFAULT = "any-order"
