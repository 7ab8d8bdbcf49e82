"""The revealing probes: operands on which one property of an arithmetic is read off the answer.

    left, right   one term per output, times 1 or -1 in the carrier, or in the other operand: the answer is the number
                  of the other one, or of the carrier, as it was read
    sums          1, a small s and -1 at random places, all else zero: what is left of s shows the accumulator's bits
    near taps     the same at places side by side, s in the middle: sums that are rounded in between
    near channels
    truncation    the same with s = (k + 3/4) units in the last place of 1: it is off by 1/4 unit where sums are rounded
                  to nearest, and by 3/4 where they are truncated
    subnormals    numbers and products below the smallest normal one: kept, or flushed to zero

A sum of these three terms is rounded once, whatever its order, and products by 1 are exact. So in an accumulator of p
bits that rounds to nearest, s is off by at most 2^-p: no order, no blocks and no fused multiply-add make it worse, and
compensated sums are as good where s is no tie. s has six bits, so that operands of fewer bits keep it, and a narrow
result holds it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from conv_oracle.auditing.operands import DTYPES
from conv_oracle.auditing.rounding.carriers import Pass
from conv_oracle.auditing.rounding.data import Suite, chosen, operands, scale_of, significands
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
from conv_oracle.passes import Array

SMALL = (5, 7, 9, 11, 14, 17, 19)
"""s is about 2 to the minus these, beside 1; for float64 with 14 and 28 more."""

SMALL_FLOAT8 = tuple(range(4, 20))
"""The same for float8, whose s has few bits, so that its exponent alone tells those of a sum."""

EVERY_WAY = 60_000
"""Numbers of a problem's operands, up to which that is so."""

BIG = {"float16": 2.0**9, "float8_e4m3fn": 2.0**8, "float8_e5m2": 2.0**14}
"""What stands for 1 where s must not be a subnormal number."""

LEAST_ROWS = 20
"""So many rows of each kind are asked, in several suites where a problem has fewer."""

SUBNORMAL = {
    "float8_e4m3fn": (-8, -6),
    "float8_e5m2": (-16, -14),
    "float16": (-17, -14),
    "bfloat16": (-130, -126),
    "float32": (-140, -126),
    "complex64": (-140, -126),
    "float64": (-1060, -1022),
    "complex128": (-1060, -1022),
}
"""The exponent of a subnormal number, and that of the smallest normal one."""


def probes(of: Pass, rng: np.random.Generator) -> Iterator[Suite]:
    """Every probe of a pass; those of sums where an output has three terms. No bias, which would be a term."""
    shape = of.shapes[of.other]

    def suite(kind: SuiteKind, rows: Array, other: Array) -> Suite:
        return Suite(kind, operands(of, rows, other, rng, biased=False))

    again = repeats(of)
    if not of.of_bias:
        one = chosen(of, rng, 1)
        yield suite(LEFT, one * rng.choice((-1.0, 1.0), one.shape), _everywhere(of, rng, shape))
    for _ in range(again):
        one = chosen(of, rng, 1)
        yield suite(RIGHT, _everywhere(of, rng, one.shape) * one, rng.choice((-1.0, 1.0), shape))
    for kind in (SUMS, TRUNCATION, *adjacent(of)):
        if of.rows_and_columns[1] >= 3:
            for _ in range(again):
                yield suite(kind, _triples(of, rng, kind), np.ones(shape))
    yield suite(SUBNORMALS, *_subnormal(of, rng))


def repeats(of: Pass) -> int:
    """How often a probe of single rows is asked, so that there are enough of them; less often where it is large."""
    rows, columns = of.rows_and_columns
    size = rows * columns + math.prod(of.shapes[of.other])
    return max(1, min(-(-LEAST_ROWS // rows), EVERY_WAY // size))


def adjacent(of: Pass) -> list[SuiteKind]:
    """The probes of neighbours that a pass has room for: three taps of a channel, a tap of three channels."""
    columns, taps = of.rows_and_columns[1], of.taps
    return [NEAR_TAPS] * (taps >= 3) + [NEAR_CHANNELS] * (columns // taps >= 3)


def _everywhere(of: Pass, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Numbers of full length: half of them near 1, others so small that a format of fewer exponents lacks them.

    Real ones, as a complex product may be made of three real ones, in which a factor 1 is not exact.
    """
    least = scale_of(of).spread * (rng.random(shape) < 0.5)
    scale: Array = 2.0 ** rng.integers(-least, 1)
    return significands(rng, shape, of.component) * scale


def _triples(of: Pass, rng: np.random.Generator, kind: SuiteKind) -> Array:
    """A large number, a small one and the large one's opposite, in every row."""
    rows, columns = of.rows_and_columns
    big = BIG.get(of.problem.dtype, 1.0)
    bits = of.bits
    if kind is TRUNCATION:
        small = (rng.integers(0, 4, rows) + 0.75) * 2.0 ** (1 - bits)
    else:
        smalls = SMALL_FLOAT8 if DTYPES[of.problem.dtype].short else SMALL
        sizes = [b + further for further in ((0, 14, 28) if bits == 53 else (0,)) for b in smalls]
        small = (2 * rng.integers(16, 32, rows) + 1) / 32 * 2.0 ** -np.resize(rng.permutation(sizes), rows)
    small *= big * rng.choice((-1.0, 1.0), rows)
    laid = np.zeros((rows, columns))
    places = np.stack([_places(of, rng, kind) for _ in range(rows)])
    at = np.arange(rows)
    laid[at, places[:, 0]], laid[at, places[:, 1]], laid[at, places[:, 2]] = big, small, -big
    return laid


def _places(of: Pass, rng: np.random.Generator, kind: SuiteKind) -> Array:
    """Three columns: anywhere, or of one tap; near: side by side, the small number in the middle."""
    columns, taps = of.rows_and_columns[1], of.taps
    channels = columns // taps
    if kind is NEAR_TAPS:
        return np.arange(3) + int(rng.integers(channels) * taps + rng.integers(taps - 2))
    if kind is NEAR_CHANNELS:
        return taps * np.arange(3) + int(rng.integers(columns - 2 * taps))
    if channels >= 3 and rng.random() < 0.75:
        return taps * rng.choice(channels, 3, replace=False) + rng.integers(taps)
    return rng.choice(columns, 3, replace=False)


def _subnormal(of: Pass, rng: np.random.Generator) -> tuple[Array, Array]:
    """One term per output: of three rows one keeps subnormal numbers, one makes them, one makes them normal."""
    low, least = SUBNORMAL[of.problem.dtype]
    one, shape = chosen(of, rng, 1), of.shapes[of.other]
    if of.of_bias:
        return one * 2.0**low, np.ones(shape)
    factors = np.array([1.0, 2.0 ** (low - least), 2.0 ** (least - low)])[np.arange(len(one)) % 3]
    return one * factors[:, None], np.where(rng.random(shape) < 0.5, 2.0**least, 2.0**low)
