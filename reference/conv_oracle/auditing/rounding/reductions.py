"""The ways in which operands lose bits as they are read: TF32, bfloat16, float16, two bfloat16 numbers, float32."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from conv_oracle.passes import Array


@dataclass(frozen=True)
class Reduction:
    """A known format of operands.

    round: a real array in that format, as float64. bits: those that are left of a product's accuracy.
    few_exponents: whether it lacks exponents that float32 has, so that large numbers become infinite.
    """

    name: str
    round: Callable[[Array], Array]
    bits: int
    few_exponents: bool = False


@dataclass(frozen=True)
class Reduced:
    """What operands were found to be reduced to.

    known: the format, where it is one of REDUCTIONS. bits: those that are left.
    in_one: one operand is reduced, the other is not.
    """

    known: Reduction | None
    bits: int
    in_one: bool = False

    @property
    def format(self) -> str:
        """The format in words; nothing where it is not known."""
        return f"{self.known.name}{' in one operand' * self.in_one}" if self.known else ""

    @property
    def said(self) -> str:
        """The format, or the number of bits."""
        return self.format or f"{self.bits} bits"

    @property
    def few_exponents(self) -> bool:
        """Whether the format is known to lack exponents."""
        return self.known is not None and self.known.few_exponents


def kept(x: Array, bits: int, how: Callable[[Array], Array] = np.rint) -> Array:
    """X with so many bits of significand, in float64; `how` makes integers of numbers: np.rint, np.trunc."""
    significand, exponent = np.frexp(x)
    found: Array = np.ldexp(how(significand * 2.0**bits), exponent - bits)
    return found


def _away(x: Array) -> Array:
    """To the nearest integer, and of two the one away from zero."""
    moved: Array = np.trunc(x + np.copysign(0.5, x))
    return moved


def _half(x: Array) -> Array:
    with np.errstate(over="ignore"):
        return x.astype(np.float16).astype(np.float64)


REDUCTIONS: tuple[Reduction, ...] = (
    Reduction("TF32", lambda x: kept(x, 11), 11),
    Reduction("TF32, truncated", lambda x: kept(x, 11, np.trunc), 10),
    Reduction("TF32, ties away from zero", lambda x: kept(x, 11, _away), 11),
    Reduction("float16", _half, 11, few_exponents=True),
    Reduction("bfloat16", lambda x: kept(x, 8), 8),
    Reduction("bfloat16, truncated", lambda x: kept(x, 8, np.trunc), 7),
    Reduction("two bfloat16 numbers", lambda x: kept(x, 8) + kept(x - kept(x, 8), 8), 16),
    Reduction("float32", lambda x: kept(x, 24), 24),
    Reduction("float32, truncated", lambda x: kept(x, 24, np.trunc), 23),
)
"""In the order in which they are tried. Two bfloat16 numbers: without the product of their low halves, 2^-16 of a
product is lost."""
