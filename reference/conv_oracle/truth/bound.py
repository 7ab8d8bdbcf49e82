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
overflow the format, nothing is promised and the bound is infinite. Where the answer is compared with correctly rounded
truth or exact sums, the third line is left out.

An `Arithmetic` says what else is allowed:

    truncating     u is twice as large for products and sums
    factors        both are rounded to a shorter format (v, h) before they are multiplied: a factor changes by
                   v |a| + h / 2 at most, a product by (2 v + v^2) |x w| + (1 + v) h (|x| + |w|) / 2 + h^2 / 4, and A
                   grows by as much.
                   A factor that overflows promises nothing. v is twice as large where they are truncated
    flushing       what is subnormal in the format of operands or sums may be taken for zero: terms with a subnormal
                   factor may vanish, and each product, addition and the result may lose the smallest normal number

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
from conv_oracle.passes import Array, DoubleBackward
from conv_oracle.problem import Problem
from conv_oracle.truth.contraction import fast
from conv_oracle.truth.formats import COMPONENT, FORMATS, Format, format_of
from conv_oracle.truth.sums import Parts, Product, Sums, of_bias, of_double_backward, of_problem

_MARGIN = 2.0**-44
"""More than the float64 roundings of the formulas below come to: they make fewer than 64."""


_Part = Callable[[Array], Array]


@dataclass(frozen=True)
class Arithmetic:
    """What an implementation may do.

    sums                the format of products and sums, a name of FORMATS
    factors             the format that factors are rounded to before they are multiplied, or None
    truncating          products and sums may be truncated instead of rounded
    truncating_factors  factors may be
    flushing            subnormal numbers may be taken for zero
    """

    sums: str
    factors: str | None = None
    truncating: bool = False
    truncating_factors: bool = False
    flushing: bool = False


@dataclass(frozen=True, eq=False)
class Magnitudes:
    """For every output, as float64: how many terms are not zero, and their magnitude, the sum of absolute values."""

    terms: Array
    magnitude: Array


@dataclass(frozen=True, eq=False)
class _Way:
    """One way to make a real sum: its terms, their magnitude, and the sums of |x| + |w| and of terms that flush."""

    terms: Array
    magnitude: Array
    factors: Array | float = 0.0
    flushed: Array | float = 0.0
    beyond: Array | bool = False


def truth(problem: Problem, operands: Mapping[str, Array]) -> Array:
    """The operation's result as float64 or complex128 sums, not rounded to the problem's dtype.

    problem and operands are those of `error_bound`.
    """
    return problem.compute(fast, {name: _wide(operand) for name, operand in operands.items()})


def magnitudes(problem: Problem, operands: Mapping[str, Array]) -> tuple[Magnitudes, ...]:
    """Of the real part, and of the imaginary part of what is complex. A bias that is not zero is a term.

    problem, operands and the errors are those of `error_bound`.
    """
    return tuple(
        Magnitudes(_terms(sums).reshape(sums.shape), _magnitude(sums).reshape(sums.shape))
        for sums in of_problem(problem, operands)
    )


def error_bound(
    problem: Problem,
    operands: Mapping[str, Array],
    *,
    accumulate: str | None = None,
    arithmetic: Arithmetic | None = None,
    exact: bool = False,
) -> Array:
    """The largest |answer - truth(problem, operands)| of a right implementation, for every output.

    problem     one convolution, or a gradient of it; its dtype is the format of operands and answer
    operands    by PyTorch's names ("input", "weight", "bias", "grad_output"), in arrays that hold them exactly
    accumulate  the format of products and sums: float64 for float64 and complex128, otherwise float32, unless given
    arithmetic  all that an implementation may do, in place of accumulate
    exact       give the largest distance from the exact result instead

    Returns float64 with the shape of the answer; for complex problems complex128: the bound of the real part and, as
    its imaginary part, the bound of the imaginary part. The formula is at the top of this module (Higham, lemma 3.1).
    Raises OperandError for a dtype or format that is none of FORMATS, and for operands that are not finite.
    """
    return parts_bound(
        of_problem(problem, operands), problem.dtype, _arithmetic(problem.dtype, accumulate, arithmetic), exact
    )


def bias_error_bound(
    grad_output: Array,
    *,
    dimensions: int,
    dtype: str,
    accumulate: str | None = None,
    arithmetic: Arithmetic | None = None,
    exact: bool = False,
) -> Array:
    """The same for `conv_bias`, which adds without products, and so with one rounding less.

    grad_output is (N, M, *O) or (M, *O) with `dimensions` spatial axes, and dtype the format of it and of the answer;
    accumulate, arithmetic, exact and the errors are those of `error_bound`.
    """
    parts = of_bias(grad_output, dimensions=dimensions)
    return parts_bound(parts, dtype, _arithmetic(dtype, accumulate, arithmetic), exact)


def double_backward_error_bound(
    problem: Problem,
    operands: Mapping[str, Array],
    *,
    accumulate: str | None = None,
    arithmetic: Arithmetic | None = None,
    exact: bool = False,
) -> DoubleBackward:
    """The same for the double backward of a forward problem; two contractions are added in the format of the sums.

    operands are input, weight, grad_output, grad_grad_input, grad_grad_weight and perhaps grad_grad_bias, by name;
    problem, accumulate, arithmetic, exact and the errors are those of `error_bound`.
    """
    given = _arithmetic(problem.dtype, accumulate, arithmetic)
    every = of_double_backward(problem, operands)
    return DoubleBackward(*(parts_bound(parts, problem.dtype, given, exact) for parts in every))  # type: ignore[arg-type]


def parts_bound(parts: Parts, dtype: str, arithmetic: Arithmetic, exact: bool = False) -> Array:
    """The same for the parts of any result."""
    result = format_of(dtype)
    if len(parts) == 1:
        sums = parts[0]
        way = _way(sums, _terms(sums), arithmetic, result)
        return _component(sums, [way], result, arithmetic, exact).reshape(sums.shape)
    real, imaginary = parts
    terms = _complex_terms(real, imaginary)
    ways = [_way(sums, _terms(sums), arithmetic, result) for sums in parts]
    bound = np.empty(real.shape, np.complex128)
    for target, sums, way, other in (
        (bound.real, real, ways[0], ways[1]),
        (bound.imag, imaginary, ways[1], ways[0]),
    ):
        three = _Way(
            terms + 4,
            way.magnitude + 2 * other.magnitude,
            2 * (np.asarray(way.factors) + other.factors),
            np.asarray(way.flushed) + 2 * np.asarray(other.flushed),
            np.asarray(way.beyond) | other.beyond,
        )
        limit = np.where(terms == 0, 0.0, _component(sums, [way, three], result, arithmetic, exact, empty=terms == 0))
        target[...] = limit.reshape(sums.shape)
    return bound


def exceeds(answer: Array, expected: Array, bound: Array) -> Array:
    """Where an answer is farther from the expected value than its bound; NaN is, unless nothing is promised.

    answer, expected (as `truth` gives it), bound (as `error_bound` gives it) and the result, bool, have one shape.
    """
    wide = _wide(answer)
    with np.errstate(invalid="ignore"):
        if np.iscomplexobj(bound):
            return exceeds(wide.real, expected.real, bound.real) | exceeds(wide.imag, expected.imag, bound.imag)
        beyond: Array = ~((np.abs(wide - expected) <= bound) | np.isposinf(bound))
    return beyond


def _arithmetic(dtype: str, accumulate: str | None, arithmetic: Arithmetic | None) -> Arithmetic:
    format_of(dtype)
    component = COMPONENT.get(dtype, dtype)
    given = arithmetic or Arithmetic(accumulate or ("float64" if component == "float64" else "float32"))
    for name, value in (("accumulate", given.sums), ("factors", given.factors)):
        if value is not None and value not in FORMATS:
            raise OperandError(f"accumulate and factors name a format: {name}={value}; {', '.join(FORMATS)} would fit")
    return given


def _way(sums: Sums, terms: Array, arithmetic: Arithmetic, result: Format) -> _Way:
    """The plain way: product by product."""
    factors: Array | float = 0.0
    flushed: Array | float = 0.0
    beyond: Array | bool = False
    if arithmetic.factors is not None:
        largest = FORMATS[arithmetic.factors].largest
        factors = _total(sums, np.abs, _there) + _total(sums, _there, np.abs)
        over = [_total(sums, *pair) for pair in ((_over(largest), _there), (_there, _over(largest)))]
        beyond = (over[0] + over[1]) > 0
    if arithmetic.flushing:
        tiny = max(result.smallest_normal, FORMATS[arithmetic.sums].smallest_normal)
        flushed = _total(sums, _under(tiny), np.abs) + _total(sums, np.abs, _under(tiny))
        if sums.constant is not None:
            flushed = flushed + _under(tiny)(sums.constant)
    return _Way(terms, _magnitude(sums), factors, flushed, beyond)


def _there(a: Array) -> Array:
    return np.where(a != 0, 1.0, 0.0)


def _over(largest: float) -> _Part:
    return lambda a: np.where(np.abs(a) > largest, 1.0, 0.0)


def _under(tiny: float) -> _Part:
    return lambda a: np.where(np.abs(a) < tiny, np.abs(a), 0.0)


def _total(sums: Sums, first: _Part, second: _Part) -> Array:
    total = np.zeros(sums.products[0].shape)
    for product in sums.products:
        total += product.compute(first(product.first), second(product.second))
    return total


def _terms(sums: Sums) -> Array:
    terms = _total(sums, _there, _there)
    return terms if sums.constant is None else terms + _there(sums.constant)


def _magnitude(sums: Sums) -> Array:
    with np.errstate(over="ignore"):
        magnitude = _total(sums, np.abs, np.abs)
        if sums.constant is not None:
            magnitude += np.abs(sums.constant)
    return np.asarray(magnitude)


def _complex_terms(real: Sums, imaginary: Sums) -> Array:
    """How many complex terms are not zero, a bias among them: the real part has both parts' products in turn."""
    total = np.zeros(real.products[0].shape)
    pairs: zip[tuple[Product, Product]] = zip(real.products[::2], real.products[1::2], strict=True)
    for one, other in pairs:
        total += one.compute(
            _there(np.abs(one.first) + np.abs(other.first)), _there(np.abs(one.second) + np.abs(other.second))
        )
    if real.constant is None or imaginary.constant is None:
        return total
    return total + _there(np.abs(real.constant) + np.abs(imaginary.constant))


def _component(
    sums: Sums, ways: list[_Way], result: Format, arithmetic: Arithmetic, exact: bool, empty: Array | None = None
) -> Array:
    """The bound of a real sum that may be made in several ways."""
    form = FORMATS[arithmetic.sums]
    with np.errstate(over="ignore", invalid="ignore"):
        error = np.max([_sum_error(way, form, arithmetic) for way in ways], axis=0)
        reference = _sum_error(ways[0], FORMATS["float64"], Arithmetic("float64"))
        if result.unit > form.unit:
            y = _total(sums, _same, _same)
            y = y if sums.constant is None else y + sums.constant
            below = result.smallest_normal if arithmetic.flushing else result.smallest / 2
            error = (1 + result.unit) * error + result.unit * (np.abs(y) + reference) + below
        largest = np.max([way.magnitude for way in ways], axis=0) + error
        beyond = np.any([np.broadcast_to(way.beyond, largest.shape) for way in ways], axis=0)
        total = (error + (0 if exact else reference)) * (1 + _MARGIN)
        bound = np.where(beyond | ~(largest <= min(result.largest, form.largest)), np.inf, total)
    return np.where(ways[0].terms == 0 if empty is None else empty, 0.0, bound)


def _sum_error(way: _Way, form: Format, arithmetic: Arithmetic) -> Array:
    """The lemma's g A + (1 + g) n eta / 2, and what factors and flushing add."""
    growing = growth(way.terms, form.unit * (1 + arithmetic.truncating))
    magnitude = way.magnitude * (1 + 2 * growth(way.terms, FORMATS["float64"].unit))
    changed: Array | float = 0.0
    if arithmetic.factors is not None:
        short = FORMATS[arithmetic.factors]
        unit, half = (
            short.unit * (1 + arithmetic.truncating_factors),
            short.smallest / 2 * (1 + arithmetic.truncating_factors),
        )
        changed = (2 * unit + unit**2) * magnitude + (1 + unit) * half * way.factors + half**2 * way.terms
    below = form.smallest / 2 * (1 + arithmetic.truncating)
    if arithmetic.flushing:
        below = 2 * form.smallest_normal
        changed = changed + way.flushed
    error: Array = growing * (magnitude + changed) + (1 + growing) * way.terms * below + changed
    return error


def _same(a: Array) -> Array:
    return a


def growth(terms: Array, unit: float) -> Array:
    """The lemma's n u / (1 - n u) for n terms and the unit roundoff u, infinite from n u = 1 on."""
    share = terms * unit
    found: Array = np.divide(share, 1 - share, out=np.full(share.shape, np.inf), where=share < 1)
    return found


def _wide(operand: Array) -> Array:
    return operand.astype(np.complex128 if operand.dtype.kind == "c" else np.float64, copy=False)
