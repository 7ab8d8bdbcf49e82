"""How far a right implementation can be from the truth: a proved bound for every output, and no tolerance.

A right implementation of a real contraction makes the products in a format with unit roundoff u, adds them in any
order, with or without fused multiply-add, in any blocks, and rounds the sum once to the format of the result. With

    n   the number of terms of an output that are not zero (a bias is one): 0 * a and s + 0 are exact
    A   the sum of the terms' absolute values
    y   the exact sum
    g   n u / (1 - n u), infinite from n u = 1 on

every term passes at most n roundings (its product's, and that of each addition that involves it), each a factor 1 + e
with |e| <= u, and a product of n such factors lies within 1 +- g (Higham, Accuracy and Stability of Numerical
Algorithms, lemma 3.1). Hence, for each line a reason:

    |sum - y| <= g A                     the lemma, summed over the terms, whatever the order
        + (1 + g) n eta / 2              a product may underflow, gradually, by half of the smallest subnormal eta;
                                         sums of subnormals are exact
    |answer - y| <= (1 + U) |sum - y|    one rounding to the format of the result (U, H), if that is narrower
        + U |y| + H / 2
    |reference - y|                      the first two lines with u = 2^-53: the truth that one compares with is a
                                         float64 sum itself

and the bound is the sum of the last two. An output of no terms is exactly zero, and its bound is 0. Where A might
overflow the format, nothing is promised and the bound is infinite.

A complex product is made of four real ones, or of three. With n counting complex terms, Ar = sum |xr wr| + |xi wi| and
Ai = sum |xr wi| + |xi wr|,

    four     each component is a real sum of 2 n products: g(2 n) Ar and g(2 n) Ai
    three    re = k1 - k3, im = k1 + k2, where k1 = wr (xr + xi), k2 = xr (wi - wr), k3 = xi (wr + wi); or as PyTorch,
             re = a - b, im = c - a - b, where a = xr wr, b = xi wi, c = (xr + xi) (wr + wi).
             The terms of re come to at most Ar + 2 Ai in absolute value, those of im to Ai + 2 Ar, and a term passes at
             most n + 4 roundings: two operand sums, a product, n - 1 additions, two closing sums.
             g(n + 4) (Ar + 2 Ai) and g(n + 4) (Ai + 2 Ar)

and the bound is the larger one, so that it holds for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from conv_oracle.errors import OperandError
from conv_oracle.passes import Array, Passes
from conv_oracle.problem import Problem
from conv_oracle.truth.contraction import to_input, to_output, to_weight


@dataclass(frozen=True)
class Format:
    """A binary floating-point format: unit roundoff, smallest subnormal, largest number."""

    unit: float
    smallest: float
    largest: float


FORMATS = {
    "float64": Format(2.0**-53, 2.0**-1074, float(np.finfo(np.float64).max)),
    "float32": Format(2.0**-24, 2.0**-149, (2 - 2.0**-23) * 2.0**127),
    "float16": Format(2.0**-11, 2.0**-24, 65504.0),
    "bfloat16": Format(2.0**-8, 2.0**-133, (2 - 2.0**-7) * 2.0**127),
}
_COMPONENT = {"complex128": "float64", "complex64": "float32"}

_MARGIN = 2.0**-44
"""More than the float64 roundings of the formulas below come to: they make fewer than 64."""

_passes = Passes(to_output, to_input, to_weight)

_Compute = Callable[[Mapping[str, Array]], Array]
_Part = Callable[[Array], Array]


def truth(problem: Problem, operands: Mapping[str, Array]) -> Array:
    """The operation's result as float64 or complex128 sums, not rounded to the problem's dtype."""
    return problem.compute(_passes, {name: _wide(operand) for name, operand in operands.items()})


def error_bound(problem: Problem, operands: Mapping[str, Array], *, accumulate: str | None = None) -> Array:
    """The largest |answer - truth(problem, operands)| of a right implementation, for every output.

    problem.dtype is the format of operands and answer; `accumulate` that of products and sums: float64 for float64 and
    complex128, otherwise float32, unless given. For complex problems the result is complex: the bound of
    the real part and, as its imaginary part, the bound of the imaginary part.
    """
    return _bound(lambda given: problem.compute(_passes, given), operands, problem.dtype, accumulate)


def bias_error_bound(grad_output: Array, *, dimensions: int, dtype: str, accumulate: str | None = None) -> Array:
    """The same for `conv_bias`, which adds without products, and so with one rounding less."""
    return _bound(
        lambda given: _passes.conv_bias(given["grad_output"], dimensions=dimensions),
        {"grad_output": grad_output},
        dtype,
        accumulate,
    )


def exceeds(answer: Array, expected: Array, bound: Array) -> Array:
    """Where an answer is farther from the expected value than its bound; NaN is, unless nothing is promised."""
    wide = _wide(answer)
    with np.errstate(invalid="ignore"):
        if np.iscomplexobj(bound):
            return exceeds(wide.real, expected.real, bound.real) | exceeds(wide.imag, expected.imag, bound.imag)
        beyond: Array = ~((np.abs(wide - expected) <= bound) | np.isposinf(bound))
    return beyond


def _bound(compute: _Compute, operands: Mapping[str, Array], dtype: str, accumulate: str | None) -> Array:
    result, sums = _formats(dtype, accumulate)
    wide = {name: _wide(operand) for name, operand in operands.items()}
    for name, operand in wide.items():
        if not np.isfinite(operand).all():
            raise OperandError(f"a bound holds for finite numbers: {name} has {operand[~np.isfinite(operand)][0]}")
    y = compute(wide)
    terms = compute({name: (operand != 0).astype(np.float64) for name, operand in wide.items()})
    if dtype not in _COMPONENT:
        magnitude = compute({name: np.abs(operand) for name, operand in wide.items()})
        return _component(y, [(terms, magnitude)], result, sums)
    real = _cross(compute, wide, [(np.real, np.real), (np.imag, np.imag)])
    imaginary = _cross(compute, wide, [(np.imag, np.real), (np.real, np.imag)])
    bound = np.empty(y.shape, np.complex128)
    bound.real = _component(y.real, [(2 * terms, real), (terms + 4, real + 2 * imaginary)], result, sums)
    bound.imag = _component(y.imag, [(2 * terms, imaginary), (terms + 4, imaginary + 2 * real)], result, sums)
    bound[terms == 0] = 0
    return bound


def _formats(dtype: str, accumulate: str | None) -> tuple[Format, Format]:
    """(of the result, of the sums)."""
    component = _COMPONENT.get(dtype, dtype)
    if component not in FORMATS:
        raise OperandError(f"a bound is for numbers that round: dtype={dtype}; {', '.join(FORMATS)} would fit")
    sums = accumulate or ("float64" if component == "float64" else "float32")
    if sums not in FORMATS:
        raise OperandError(f"sums are made in a format: accumulate={accumulate}; {', '.join(FORMATS)} would fit")
    return FORMATS[component], FORMATS[sums]


def _cross(compute: _Compute, operands: Mapping[str, Array], pairs: list[tuple[_Part, _Part]]) -> Array:
    """The contraction of absolute values, summed over pairs of (part of one operand, part of the other).

    The first pair's first part is the component that they are the terms of, and so the part that a bias adds.
    """
    factors = [name for name in operands if name != "bias"]
    sums: list[Array] = []
    for pair in pairs[: len(factors)]:
        given = {name: np.abs(part(operands[name])) for name, part in zip(factors, pair, strict=False)}
        if "bias" in operands and not sums:
            given["bias"] = np.abs(pair[0](operands["bias"]))
        sums.append(compute(given))
    total: Array = np.sum(sums, axis=0)
    return total


def _component(y: Array, ways: list[tuple[Array, Array]], result: Format, sums: Format) -> Array:
    """The bound of a real sum y that may be made in several ways, each with its (terms, magnitude)."""
    error, reference = _sum_error(ways, sums), _sum_error(ways[:1], FORMATS["float64"])
    if result.unit > sums.unit:
        error = (1 + result.unit) * error + result.unit * (np.abs(y) + reference) + result.smallest / 2
    largest = np.max([magnitude for _, magnitude in ways], axis=0) + error
    bound = np.where(largest > min(result.largest, sums.largest), np.inf, (error + reference) * (1 + _MARGIN))
    return np.where(ways[0][0] == 0, 0.0, bound)


def _sum_error(ways: list[tuple[Array, Array]], sums: Format) -> Array:
    """The largest over the ways of g A + (1 + g) n eta / 2."""
    errors = []
    for terms, magnitude in ways:
        growth = _growth(terms, sums.unit)
        exact = magnitude * (1 + 2 * _growth(terms, FORMATS["float64"].unit))
        errors.append(growth * exact + (1 + growth) * terms * sums.smallest / 2)
    largest: Array = np.max(errors, axis=0)
    return largest


def _growth(terms: Array, unit: float) -> Array:
    """The lemma's n u / (1 - n u), infinite from n u = 1 on."""
    share = terms * unit
    growth: Array = np.divide(share, 1 - share, out=np.full(share.shape, np.inf), where=share < 1)
    return growth


def _wide(operand: Array) -> Array:
    return operand.astype(np.complex128 if operand.dtype.kind == "c" else np.float64, copy=False)
