"""Operands on which every order of summation is exact, and the probability that a wrong index shows on them.

Integers with n * R^2 + R <= 2^p make every partial sum an integer of at most 2^p. So every order of summation, fused
or not, gives the same bits, and an answer is right or wrong without any tolerance. Drawn uniformly from s values, they
leave one wrong bilinear output undetected with a probability of at most 1 - (1 - 1/s)^2 (Schwartz and Zippel, twice).
"""

from __future__ import annotations

import math

import numpy as np

from conv_oracle.auditing.operands import float8
from conv_oracle.auditing.operands.formats import ACCUMULATOR_BITS, DTYPES
from conv_oracle.problem import Problem

GUARD_BITS = 8
"""Bits kept free where an answer may be inexact: the error of Winograd and FFT arithmetic stays below 1/2 there."""

DEVIATIONS, GUARDED_DEVIATIONS = 4, 8
"""Sums of a float8 format are exact in it as far as so many standard deviations; so are all partial sums, guarded."""


def products_per_output(problem: Problem, *, gradients: bool = False) -> int:
    """n, the largest number of products that are summed in one element; with gradients, of any pass.

    The double backward adds two sums of products.
    """
    g = problem.geometry
    taps = math.prod(g.kernel_size)
    by_weight = g.batch * math.prod(g.output_size)
    if gradients:
        return 2 * max(by_weight, max(g.in_channels_per_group, g.out_channels_per_group) * taps)
    if problem.operation.by_weight:
        return by_weight
    return (g.in_channels_per_group if problem.operation.gathers else g.out_channels_per_group) * taps


def exact_radius(problem: Problem, *, guarded: bool = False, gradients: bool = False, returned: str = "") -> int:
    """The largest R with n * R^2 + R <= 2^bits, for operands from -R to R; 0 where there is none.

    A 16-bit format has the bits of its accumulator, and its result is the exact sum rounded once. `guarded` leaves room
    for inexact arithmetic, and keeps the sums of a 16-bit format within what it can store; so do `gradients`, where
    sums are stored and summed again.

    In a float8 format R is so small that typical sums are stored exactly, but at least 1; see `density`.
    `returned`: the dtype of the result, where it is a wider one: sums have the bits of the accumulator all the same,
    and gradients, which are stored as their operands are, those of the problem's dtype.
    """
    dtype = DTYPES[problem.dtype]
    n = max(1, products_per_output(problem, gradients=gradients)) * dtype.products
    if dtype.short and not gradients and not returned:
        return max(1, int((math.sqrt(1 + 12 * _deviation(problem, guarded)) - 1) / 2))
    form = dtype if gradients or not returned else DTYPES[returned]
    stored = form.narrow and (guarded or gradients)
    bits = ACCUMULATOR_BITS if form.narrow else min(form.bits, max(dtype.bits, ACCUMULATOR_BITS))
    budget = 2 ** (form.bits if stored else bits - GUARD_BITS * (guarded and form.kind in "fc"))
    if form.name == "float16":
        budget = min(budget, 65504)
    radius = (math.isqrt(1 + 4 * n * budget) - 1) // (2 * n)
    if dtype.kind in "iu":
        return min(radius, int(np.iinfo(dtype.storage).max))
    return min(radius, int(2**dtype.bits)) if dtype.narrow else radius


def density(problem: Problem, radius: int, *, guarded: bool = False) -> float:
    """The share of elements that are not set to zero: 1, except in float8, where dense sums are too large to be exact.

    A product of two integers from -R to R, each kept with probability d, has the deviation d R (R + 1) / 3, and a sum
    of n is to have 2^bits / DEVIATIONS. So few terms are left of a long sum that none is beyond the format's range.
    """
    if not DTYPES[problem.dtype].short:
        return 1.0
    return min(1.0, 3 * _deviation(problem, guarded) / (radius * (radius + 1)))


def _deviation(problem: Problem, guarded: bool) -> float:
    """That of a product, where sums are to be exact in the format itself."""
    sums = 2.0 ** DTYPES[problem.dtype].bits / (GUARDED_DEVIATIONS if guarded else DEVIATIONS)
    return sums / math.sqrt(max(1, products_per_output(problem)))


def survival(
    problem: Problem, radius: int, *, largest: float | None = None, kept: float = 1.0, returned: str = ""
) -> float:
    """The largest probability that one draw misses a wrong output: 1 - (1 - 1/s)^2, s the number of values.

    (Schwartz and Zippel, applied to each of the two factors.) radius: the largest magnitude of an integer operand.

    Where a share d is kept, zero is drawn with probability 1 - d (1 - 1/s), which takes the place of 1/s.

    Where integers of k bits wrap, zero has divisors: (k + 2) / 2^(k + 1) for a wrong read, if that is more.

    Where sums are rounded to a 16-bit format, `largest` is the largest of them, with a spacing t: a difference of less
    than t may be rounded away. A wrong read makes it a sum of c_j w_j with integers c_j from the other operand, of
    which some |c| is not 0, so one w_j of s has at most 2 t / |c| + 1 bad values; the mean of 1 / |c| is 2 H_R / s.
    """
    dtype = DTYPES[problem.dtype]
    s = (radius + 1 if dtype.kind == "u" else 2 * radius + 1) ** (2 if dtype.kind == "c" else 1)
    bits = 8 * dtype.itemsize
    told = kept * (1 - 1 / s)
    missed = max(1 - told**2, (bits + 2) / 2.0 ** (bits + 1) if dtype.kind in "iu" else 0.0)
    form = DTYPES[returned or problem.dtype]
    if largest is not None and form.narrow and largest > 2**form.bits:
        spacing = 2.0 ** (math.frexp(largest)[1] - form.bits)
        missed += 2 * spacing * 2 * (math.log(radius) + 1) / s**2
    return min(missed, 1.0)


def holds_all(problem: Problem, radius: int, *, guarded: bool) -> bool:
    """Whether no sum of integers from -R to R leaves the range of float8; guarded, whether all are exact in it."""
    dtype = DTYPES[problem.dtype]
    if not dtype.short:
        return True
    largest = 2**dtype.bits if guarded else float8.LARGEST[dtype.name]
    return products_per_output(problem) * radius**2 + radius <= largest
