"""Fast algorithms: how they are told, and the bounds that they are held to.

They are told by what no other arithmetic does: they answer where there is nothing to sum, or are off by more than all
terms together come to. Their bounds are relative to norms, not to each output's own terms.

Transforms and tiles, for FFT and Winograd, with norms over whole images and kernels:

    |error| <= u (growth + a m) sum_c |x_c|_2 |w_c|_2

over the channels c that are summed (images, where a gradient sums those), of which m have anything to sum. The growth
is 4 log2(size) for FFT (Higham, Accuracy and Stability of Numerical Algorithms, chapter 24, has a constant of that
size; a sixth of it was measured), and GROWTH for Winograd. The rest is what sums in the transformed domain add: m
terms there are off by m u sum_c |X_c| |W_c| at most, in any order, and the transform back makes of that a = 1 times the
norms for FFT (Cauchy and Schwarz, then Parseval), and AMPLIFIES for a tile. What has few terms (the suites `sparse` and
`spot`) is held to as little as ever, however many channels there are: a sum with zeros is exact.

Blocks, for Strassen's product and Winograd's form of it, which mix channels, positions and images:

    |error| <= u (BLOCKS + n) max_m sum_k |w_mk| max |x|

with n the most terms that an output has. (Higham, chapter 23, has 12^l and 18^l for the growth of l levels, in the
worst case; the growth by three levels was measured as 46, by two as 16, by one as 5.)
"""

from __future__ import annotations

import math

import numpy as np

from conv_oracle.auditing.operands import DTYPES
from conv_oracle.auditing.rounding.carriers import Pass
from conv_oracle.auditing.rounding.classes import Algorithm
from conv_oracle.auditing.rounding.data import FEW, scale_of
from conv_oracle.auditing.rounding.kinds import CONTRAST
from conv_oracle.auditing.rounding.measures import Sample, least_normal, products, shape_of
from conv_oracle.auditing.rounding.readings import Answers, Readings
from conv_oracle.passes import Array

MIXES = 1.5
"""An error beyond so many times the sum of all terms is no rounding of that output's own terms."""

LOSES = 2.0**-6
"""An error of so much of all terms is no rounding either, where operands and sums keep far more bits than that."""

FAR_MORE = 12
"""Bits of float32, and so many fewer than float64 has: a format with these has the exponents too."""

GROWTH = {1: 90.0, 2: 300.0, 3: 1500.0}
"""By the number of axes: the error of F(6, 3), the least accurate tile in use, came to 29 of these units on one axis,
to 97 on two and to 1,018 on three; tiles of operands in TF32 to 2,300 and more. The data suite `spot` makes it sharp:
one nonzero per image. Sums of FEW channels are included."""

GROWTH_BY_WEIGHT = {1: 40.0, 2: 120.0, 3: 400.0}
"""The same of a gradient by the weight, where F(3, 6) came to 12, 39 and 132, and operands in TF32 to 840 and more."""

AMPLIFIES = 22.0
"""On every axis, by F(6, 3): the largest of sum_i |A_oi| |G_i| |B_i|, as a norm of matrices; 17 by F(4, 3)."""

BLOCKS = 150.0
"""Of Strassen's product and Winograd's form, three levels of which came to 46. Operands of 15 bits come to 170 and
more, in TF32 to 2,100."""

MORE_LEVELS = 8
"""Bits that three levels lose of a small number beside a large one: 6 were measured."""

FAR = 16
"""Positions beyond a kernel or two: no tile in use reaches as far."""


def mixing(answers: Answers, read: Readings) -> Sample | None:
    """The first sample whose errors are no rounding of an output's own terms; None where there is none."""
    for s in answers.normal:
        finite = np.isfinite(s.error)
        if bool((finite & (s.error > MIXES * s.magnitude + step_of(s.of))).any()):
            return s
    if read.sums >= answers.of.bits - MORE_LEVELS and read.inputs >= enough_bits(answers.of):
        for s in answers.data:
            last = step_of(s.of) + unit_of_result(s.of) * np.abs(s.y) if DTYPES[s.of.format].short else 0.0
            lost = np.isfinite(s.error) & (s.error > LOSES * s.magnitude + last)
            if s.kind.far_apart and bool(lost.any()):
                return s
    return None


def unit_of_result(of: Pass) -> float:
    """Half a unit in the last place of 1, in the format of a pass's result."""
    return float(2.0 ** -DTYPES[of.format].bits)


def step_of(of: Pass) -> float:
    """What rounding may add to any result of a float8, however small; 0 for other formats."""
    return least_normal(of.format) * unit_of_result(of) if DTYPES[of.format].short else 0.0


def algorithm_of(answers: Answers) -> Algorithm:
    """FFT where errors come from far away, Winograd where from near."""
    of = answers.of
    if of.part == "grad_weight" or of.of_bias:
        return "Winograd- or FFT-like"
    told = False
    for s in answers.to(CONTRAST):
        whole = shape_of(of)
        shape = whole[-of.problem.dimensions :]
        least = 32 * 2.0 ** (scale_of(of).tiny or -1074)
        wrong = np.isfinite(s.error) & (s.error > MIXES * s.magnitude + least)
        wrong = wrong.reshape(-1, *shape, s.got.size // math.prod(whole))
        for axis, size in enumerate(shape):
            far = np.arange(size) > FAR + 2 * of.problem.weight_shape[2 + axis]
            told |= bool(far.any())
            if far.any() and bool(np.compress(far, wrong, axis=1 + axis).any()):
                return "FFT-like"
    return "Winograd-like" if told else "Winograd- or FFT-like"


def most_growth(of: Pass) -> float:
    """The growth of a right fast algorithm at most: that of tiles, where taps can be saved, or of a transform."""
    geometry = of.problem.geometry
    size = math.prod(geometry.input_size) * max(1, geometry.batch)
    transform = max(16.0, 4 * math.log2(size))
    tiles = GROWTH_BY_WEIGHT if of.part == "grad_weight" else GROWTH
    return max(transform, tiles[of.problem.dimensions]) if tiled(of) else transform


def tiled(of: Pass) -> bool:
    """Whether tiles can save products."""
    return not of.of_bias and max(of.problem.weight_shape[2:]) > 1


def enough_bits(of: Pass) -> int:
    """Bits of an operand that leave no room for large errors: no format with so many lacks the exponents."""
    full = DTYPES[of.component].bits
    return full - FAR_MORE if full > FAR_MORE else full


def errors_and_norms(s: Sample, *, bias_after: bool = True, counted: bool = True) -> tuple[Array, Array]:
    """(the error that is not the result's own rounding, the bound of transforms and tiles) for every entry.

    bias_after: whether what was transformed may be rounded, too, before a bias is added. counted: whether sums in the
    transformed domain are.
    """
    norms, summed = _norms(s)
    each = AMPLIFIES**s.of.problem.dimensions if tiled(s.of) else 1.0
    most = most_growth(s.of) + (each * np.maximum(summed - FEW, 0) if counted else 0.0)
    return _beyond_the_last(s, bias_after=bias_after), 2.0**-s.of.bits * most * norms + s.slack


def errors_and_blocks(s: Sample, *, bias_after: bool = True) -> tuple[Array, Array]:
    """The same with the bound of products by blocks."""
    of = s.of
    rows, other = np.abs(of.rows(s.suite.operands[of.carrier])), np.abs(s.suite.operands[of.other])
    largest = float(rows.sum(axis=1).max(initial=0.0) * other.max(initial=0.0))
    most = BLOCKS + s.terms.max(initial=0.0)
    limit = np.full(s.error.shape, 2.0**-of.bits * most * largest) + s.slack
    return _beyond_the_last(s, bias_after=bias_after), limit


def _beyond_the_last(s: Sample, *, bias_after: bool) -> Array:
    """The error that is not the result's own rounding: a bias is added to what was transformed, and rounded."""
    own = unit_of_result(s.of)
    last = own * np.abs(s.y) + step_of(s.of)
    if bias_after and s.of.biased_in_few_bits:
        last = (1 + own) * (last + own * products(s))
    return np.maximum(s.error - last, 0)


def _norms(s: Sample) -> tuple[Array, Array]:
    """(sum_c |x_c|_2 |w_c|_2, how many products are summed in the transformed domain) for every entry of a sample."""
    of, problem, given = s.of, s.of.problem, s.suite.operands
    if of.of_bias:
        return s.magnitude, np.zeros_like(s.terms)
    d, g, batched = problem.dimensions, problem.groups, problem.batched
    axes = tuple(range(-d, 0))

    def images(array: Array) -> Array:
        array = array if batched else array[None]
        return array.reshape(len(array), g, -1)

    def summed(first: Array, second: Array) -> Array:
        if of.carrier == "weight":
            kernels = second.reshape(g, -1, problem.weight_shape[1])
            found: Array = np.einsum("ngc,gmc->ngm" if of.by_rows else "ngm,gmc->ngc", images(first), kernels)
        else:
            found = np.einsum("ngm,ngc->gmc", images(first), images(second))
        return np.repeat(found.ravel(), s.got.size // found.size)

    first, second = of.other, "weight"
    if of.carrier != "weight":
        first, second = ("input", "grad_output") if problem.transposed else ("grad_output", "input")
    lengths = [np.sqrt(np.sum(np.abs(given[name]) ** 2, axis=axes)) for name in (first, second)]
    used = [(length > 0).astype(np.float64) for length in lengths]
    if of.carrier != "weight":  # tiles of an image are summed, too: no more than have a number in the carrier
        used[(first, second).index(of.carrier)] = np.sum(given[of.carrier] != 0, axis=axes).astype(np.float64)
    return summed(*lengths), summed(*used)
