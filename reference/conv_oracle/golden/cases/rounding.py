"""Cases of rounding: real-valued operands in five dtypes, among them long sums and numbers of many sizes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class RoundingCase:
    """A problem in a dtype, of which the results are rounded to the dtype `returns`.

    Operands are v * 2^(exponent + e), v from -limit to limit and e from -spread to spread, neither of them 0; with
    spread 0 there is no e.
    """

    id: str
    comment: str
    problem: str
    returns: str
    limit: int
    exponent: int
    spread: int = 0
    since: int = 2


@dataclass(frozen=True)
class _DType:
    """As many bits as its significand has; the dtype that results are rounded to; how far sizes are spread."""

    bits: int
    returns: str
    spread: int


DTYPES = {
    "float32": _DType(24, "float32", 20),
    "float16": _DType(11, "float16", 3),
    "bfloat16": _DType(8, "bfloat16", 20),
    "float8_e4m3fn": _DType(4, "bfloat16", 3),
    "float8_e5m2": _DType(3, "float32", 6),
}
PROBLEMS = {
    "conv1d": ("A stride, a padding and a bias", "conv1d x2x3x9 w4x3x3 s2 p1 bias", False),
    "conv2d-long": ("Sums of 108 products", "conv2d x1x12x4x5 w3x12x3x3 p1 bias", False),
    "conv2d-grouped": ("Two groups, dilated", "conv2d x2x4x5x6 w6x2x2x3 p1,2 d2,1 g2 bias", False),
    "conv2d-spread": ("Numbers of many sizes", "conv2d x2x3x5x6 w4x3x3x2 p1 bias", True),
    "conv3d": ("Three axes", "conv3d x1x3x3x4x5 w2x3x2x3x2 s1,2,1 p1 bias", False),
    "conv_transpose1d": ("Windows that overlap", "conv_transpose1d x2x5x6 w5x3x4 s2 p1 bias", False),
    "conv_transpose2d-spread": ("Numbers of many sizes", "conv_transpose2d x1x4x3x4 w4x3x3x2 s2,1 bias", True),
}
"""By the operation and a word: what it is about, the problem without its dtype, and whether the sizes are spread."""


def _cases() -> Iterator[RoundingCase]:
    for dtype, of in DTYPES.items():
        for name, (said, notation, spread) in PROBLEMS.items():
            operation, _, more = name.partition("-")
            yield RoundingCase(
                "-".join(filter(None, (operation, "rounding", more, dtype.replace("_", "")))),
                f"{said}; {dtype}.",
                f"{notation} {dtype}",
                of.returns,
                2**of.bits - 1,
                1 - of.bits,
                of.spread if spread else 0,
            )


ROUNDING = tuple(_cases())
