"""Answers beside the truth: for every output the error, and what bounds it.

With n the terms of an output that are not zero, A the sum of their absolute values and y the exact sum, an answer whose
sums are made with a unit u and which is stored with a unit U is within

    U |y| + (1 + U) (g(n, u) + 2 v + v^2) A + underflow,     g(n, u) = n u / (1 - n u)

of y, in any order, with or without fused multiply-add (Higham, lemma 3.1; conv_oracle.truth.bound derives it). v is
that of operands which are rounded as they are read. U is 0 where the sum's own format is that of the answer. Truncation
doubles u.

A complex number is two real ones here: each component of a sum of n products is a sum of 2n + 4 roundings at most of
terms that come to no more than (|xr| + |xi|) (|wr| + |wi|) summed, whether products are made of four or of three.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from conv_oracle.auditing.operands import DTYPES
from conv_oracle.auditing.rounding.carriers import Pass
from conv_oracle.auditing.rounding.data import Suite, stored
from conv_oracle.auditing.rounding.kinds import SuiteKind
from conv_oracle.passes import Array
from conv_oracle.truth import fast
from conv_oracle.truth.bound import growth
from conv_oracle.truth.rounded import exact_bias_sums, exact_sums

UNIT_OF_TRUTH, UNIT_OF_EXACT = 2.0**-53, 2.0**-96
"""What the truth may be off by, in units of the sum of a sum's absolute values: float64, and two float64 numbers."""

COMPENSATED = 3
"""A compensated sum is within 2 u A of the sum of its terms, which are rounded products: 3 u A, though n is 2."""


@dataclass(frozen=True)
class Sample:
    """An answer to one suite. All arrays are flat and of float64: one entry per output, two of a complex one.

    got: the answer. y + low: the exact sum, but for `slack`. error: |got - y - low|, infinite where got is not finite.
    magnitude: A, the sum of the absolute values of the terms. terms: n, how many of them are not zero.
    """

    of: Pass
    suite: Suite
    got: Array
    y: Array
    low: Array
    error: Array
    magnitude: Array
    terms: Array
    slack: Array

    @property
    def kind(self) -> SuiteKind:
        """The suite's."""
        return self.suite.kind

    def index(self, place: int) -> tuple[int, ...]:
        """The index in the part's array of an entry."""
        shape = shape_of(self.of)
        place = place // 2 if DTYPES[self.of.problem.dtype].kind == "c" else place
        return tuple(int(i) for i in np.unravel_index(place, shape))


def shape_of(of: Pass) -> tuple[int, ...]:
    """The shape of the part that a pass computes."""
    problem = of.problem
    if of.of_bias:
        return (problem.out_channels,)
    return {"grad_input": problem.input_shape, "grad_weight": problem.weight_shape}.get(of.part, problem.output_shape)


def sample(of: Pass, suite: Suite, got: Array) -> Sample:
    """An answer beside the truth, not judged.

    got: the part's array as the subject returned it, in the shape `shape_of(of)` and in any dtype.
    """
    y, low = _sums(of, suite.operands)
    magnitude, terms = _magnitude(of, suite.operands), _terms(of, suite.operands)
    answer = got.astype(np.complex128 if got.dtype.kind == "c" else np.float64)
    if np.iscomplexobj(y):
        answer = answer.astype(np.complex128)
        magnitude, terms = np.repeat(magnitude.ravel(), 2), np.repeat(np.where(terms > 0, 2 * terms + 4, 0).ravel(), 2)
    answer, y, low, magnitude, terms = (_real(array) for array in (answer, y, low, magnitude, terms))
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.abs((answer - y) - low)
    error = np.where(np.isfinite(answer), error, np.inf)
    doubled = DTYPES[of.format].bits == 53
    slack = (UNIT_OF_EXACT if doubled else (terms + 2) * UNIT_OF_TRUTH) * magnitude
    return Sample(of, suite, answer, y, low, error, magnitude, terms, slack)


def least_normal(dtype: str) -> float:
    """The smallest normal number of a format."""
    return float(2.0 ** DTYPES[dtype].exponents[0])


def bound(
    s: Sample,
    sums: float,
    *,
    inputs: float = 0.0,
    stored_in: float | None = None,
    flushes: bool = False,
    through: str = "",
    bias_after: bool = False,
) -> Array:
    """The largest error of an arithmetic per entry of a sample, in float64; infinite where it has none (n u >= 1).

    sums, inputs: the units u and v, as 2^-24 is that of float32. stored_in: U, that of the result, by default of its
    format where sums are finer. flushes: whether subnormal numbers become zero. through: a format that the result is
    rounded to, in place of its own. bias_after: whether the sum is rounded before the bias is added to it: U |y - b|
    more, with all that is summed off by g A. The formula stands above; of a fast algorithm the bound is in `growth`.
    """
    dtype = through or s.of.format
    own = 2.0 ** -DTYPES[dtype].bits
    U = stored_in if stored_in is not None else own if sums < own else 0.0
    growing = growth(np.where(s.terms > 1, np.maximum(s.terms, COMPENSATED), s.terms), sums)
    least = least_normal(dtype)
    once = DTYPES[dtype].short and not flushes
    underflow = least * (1.0 if flushes else own) * (1.0 if once else s.terms + 1)
    summed = (growing + 2 * inputs + inputs**2) * s.magnitude
    if bias_after:
        summed = (1 + U) * summed + U * products(s) + underflow
    whole = U * np.abs(s.y) + (1 + U) * summed + underflow
    return np.where(s.terms == 0, 0.0, whole * (1 + 2.0**-40) + s.slack)


def products(s: Sample) -> Array:
    """|y - b| per entry of a sample: the sum of the products alone, where the output has a bias."""
    if "bias" not in s.suite.operands or s.of.part != "output":
        return np.abs(s.y)
    bias = s.suite.operands["bias"].reshape(-1, *(1,) * s.of.problem.dimensions)
    whole = _real(np.broadcast_to(bias.astype(s.suite.operands["input"].dtype), shape_of(s.of)))
    alone: Array = np.abs(s.y - whole)
    return alone


def ratio(error: Array, limit: Array) -> Array:
    """Error over bound, entry by entry: 0 where either there is no error or no bound, infinite where a bound is 0."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        over = np.where(error == 0, 0.0, np.where(limit > 0, error / limit, np.inf))
    return np.where(np.isnan(over), np.where(np.isinf(limit), 0.0, np.inf), over)


def is_rounded(s: Sample) -> tuple[Array, Array]:
    """Two masks: where the rounding of the truth is certain, and where the answer is that."""
    dtype = s.of.format
    if DTYPES[dtype].bits == 53:
        certain = np.abs(s.low) + s.slack < np.spacing(np.abs(s.y)) / 2
        return certain | (s.terms == 0), s.got == s.y
    low, high = stored(s.y - s.slack, dtype), stored(s.y + s.slack, dtype)
    return low == high, s.got == low


def _sums(of: Pass, given: Mapping[str, Array]) -> tuple[Array, Array]:
    """The sums as an unevaluated sum of two float64 numbers; of narrower results float64 alone is near enough."""
    if DTYPES[of.format].bits < DTYPES["float64"].bits:
        y = _computed(of, given)
        return y, np.zeros_like(y)
    if of.of_bias:
        return exact_bias_sums(given["grad_output"], dimensions=of.problem.dimensions)
    return exact_sums(of.alone, {name: given[name] for name in of.alone.operand_shapes})


def _magnitude(of: Pass, given: Mapping[str, Array]) -> Array:
    def size(array: Array) -> Array:
        return np.abs(array.real) + np.abs(array.imag) if array.dtype.kind == "c" else np.abs(array)

    return _computed(of, {name: size(array) for name, array in given.items()})


def _terms(of: Pass, given: Mapping[str, Array]) -> Array:
    return _computed(of, {name: (array != 0).astype(np.float64) for name, array in given.items()})


def _computed(of: Pass, given: Mapping[str, Array]) -> Array:
    if of.of_bias:
        return fast.conv_bias(given["grad_output"], dimensions=of.problem.dimensions)
    alone = of.alone
    return alone.compute(fast, {name: given[name] for name in alone.operand_shapes})


def _real(array: Array) -> Array:
    """Flat, a complex number as its two components."""
    flat = np.ascontiguousarray(array).ravel()
    return flat.view(np.float64) if flat.dtype.kind == "c" else flat.astype(np.float64)
