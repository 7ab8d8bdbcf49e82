"""Fast algorithms: how they are told, and the bound that they are held to.

They are told by what no other arithmetic does: they answer where there is nothing to sum, or are off by more than all
terms together come to. Their bound is relative to norms, not to each output's own terms:

    |error| <= u growth sum_c |x_c|_2 |w_c|_2

over the channels c that are summed, with norms over whole images and kernels. The growth is 4 log2(size) for FFT
(Higham, Accuracy and Stability of Numerical Algorithms, chapter 24, has a constant of that size; a sixth of it was
measured), and GROWTH for Winograd.
"""

from __future__ import annotations

import math

import numpy as np

from conv_oracle.auditing.operands import DTYPES
from conv_oracle.auditing.rounding.carriers import Pass
from conv_oracle.auditing.rounding.classes import Algorithm
from conv_oracle.auditing.rounding.data import scale_of
from conv_oracle.auditing.rounding.kinds import CONTRAST
from conv_oracle.auditing.rounding.measures import Sample, least_normal, shape_of
from conv_oracle.auditing.rounding.readings import Answers, Readings
from conv_oracle.passes import Array

MIXES = 1.5
"""An error beyond so many times the sum of all terms is no rounding of that output's own terms."""

LOSES = 2.0**-6
"""An error of so much of all terms is no rounding either, where operands and sums keep far more bits than that."""

FAR_MORE = 12
"""Bits of float32: a format with so many of them has its exponents too."""

GROWTH = {1: 90.0, 2: 300.0, 3: 1500.0}
"""By the number of axes: the error of F(6, 3), the least accurate tile in use, came to 29 of these units on one axis,
to 97 on two and to 1,018 on three; tiles of operands in TF32 to 2,300 and more. The data suite `spot` makes it sharp:
one nonzero per image."""

FAR = 16
"""Positions beyond a kernel or two: no tile in use reaches as far."""


def mixing(answers: Answers, read: Readings) -> Sample | None:
    """The first sample whose errors are no rounding of an output's own terms; None where there is none."""
    for s in answers.normal:
        finite = np.isfinite(s.error)
        if bool((finite & (s.error > MIXES * s.magnitude + step_of(s.of))).any()):
            return s
    component = answers.of.component
    whole = FAR_MORE if component == "float32" else DTYPES[component].bits
    if read.sums >= answers.of.bits - 1 and read.inputs >= whole:
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
    tiles = of.part in ("output", "grad_input") and max(of.problem.weight_shape[2:]) > 1
    transform = max(16.0, 4 * math.log2(size))
    return max(transform, GROWTH[of.problem.dimensions]) if tiles else transform


def errors_and_norms(s: Sample) -> tuple[Array, Array]:
    """(the error that is not the result's own rounding, u sum_c |x_c|_2 |w_c|_2) for every entry of a sample."""
    last = unit_of_result(s.of) * np.abs(s.y) + step_of(s.of)  # a bias is added to what was transformed, and rounded
    return np.maximum(s.error - last, 0), 2.0**-s.of.bits * _norms(s) + s.slack


def _norms(s: Sample) -> Array:
    """sum_c |x_c|_2 |w_c|_2 for every entry of a sample."""
    of, problem, given = s.of, s.of.problem, s.suite.operands
    d, g, batched = problem.dimensions, problem.groups, problem.batched
    axes = tuple(range(-d, 0))

    def norm(name: str) -> Array:
        length: Array = np.sqrt(np.sum(np.abs(given[name]) ** 2, axis=axes))
        return length

    def images(name: str) -> Array:
        array = norm(name)
        array = array if batched else array[None]
        return array.reshape(len(array), g, -1)

    if of.of_bias:
        return s.magnitude
    if of.carrier == "weight":
        w = norm("weight").reshape(g, -1, problem.weight_shape[1])
        found = np.einsum("ngc,gmc->ngm" if of.by_rows else "ngm,gmc->ngc", images(of.other), w)
    else:
        first, second = ("input", "grad_output") if problem.transposed else ("grad_output", "input")
        found = np.einsum("ngm,ngc->gmc", images(first), images(second))
    whole: Array = np.repeat(found.ravel(), s.got.size // found.size)
    return whole
