"""What arithmetic is allowed: the default, and what `--arithmetic` declares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from conv_oracle.auditing.rounding.classes import LADDER, ClassName, Measured

FULL = 1 << 10
TILES = 32
"""What tiles make of an operand's rounding: F(4, 3) came to 13 of its units on two axes."""

NARROWEST = 8
"""Bits of the narrowest format that partial sums are rounded to."""


@dataclass(frozen=True)
class Allowed:
    """The last class of the ladder that needs no more words, and the bits that operands and sums must keep beyond it.

    tiles: whether fast algorithms may be used. between: whether partial sums may be rounded to the storage's bits.
    few_exponents: whether operands may be those of float16.
    """

    name: str
    said: str
    last: ClassName = "any-order"
    inputs: int = FULL
    sums: int = FULL
    tiles: bool = True
    between: bool = False
    few_exponents: bool = False

    @property
    def bits(self) -> tuple[int, int]:
        """Those that an operand, and a sum, of integers may have to be exact."""
        within = self.sums if not self.between else min(self.sums, NARROWEST)
        return min(self.inputs, within), within

    def holds(self, of: Measured) -> bool:
        """Whether a measured class is allowed."""
        if of.growth:
            more = TILES * 2.0 ** (of.bits - self.inputs) if self.inputs < of.bits else 0.0
            return self.tiles and of.growth <= of.most_growth + more
        if of.rank <= LADDER.index(self.last):
            return True
        if of.name == "reduced-inputs":
            return of.inputs >= self.inputs and (self.few_exponents or not of.kind.startswith("float16"))
        if of.name == "partial-sums":
            return self.between or of.sums >= self.sums
        return of.name == "low-precision-sums" and of.sums >= self.sums and (of.inputs >= min(self.inputs, self.sums))


ALLOWED: Mapping[str, Allowed] = {
    allowed.name: allowed
    for allowed in (
        Allowed("correctly-rounded", "the exact sum, rounded once", "correctly-rounded", tiles=False),
        Allowed("wide", "within one rounding of the result", "wide", tiles=False),
        Allowed("direct", "sums in float32 or better, in any order, by no fast algorithm", tiles=False),
        Allowed("any-order", "sums in float32 or better, in any order, or a fast algorithm within its bound"),
        Allowed("truncating", "the same, cut in place of rounded", "result-cut"),
        Allowed("bf16x2", "operands of 16 bits, as bfloat16 twice", "result-cut", inputs=16),
        Allowed("tf32", "operands of 11 bits, as TF32", "result-cut", inputs=10),
        Allowed("fp16", "operands in float16", "result-cut", inputs=10, few_exponents=True),
        Allowed("bf16", "operands in bfloat16", "result-cut", inputs=7),
        Allowed("partial-sums", "partial sums rounded to the format of the result", "result-cut", between=True),
        Allowed("fp16-sums", "sums in float16", "result-cut", inputs=10, sums=10, between=True, few_exponents=True),
        Allowed("bf16-sums", "sums in bfloat16", "result-cut", inputs=7, sums=7, between=True),
    )
}
"""By the name that the command takes, from strict to loose."""

DEFAULT = "any-order"
