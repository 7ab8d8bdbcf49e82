"""Correctly rounded truth: the exact result of every pass, rounded once.

Integers are summed as integers. Other numbers are summed

1. by float64 contractions in blocks of some 512 terms, exact where the operands have few bits, and otherwise with a
   proved bound of their error. Where both ends of that error round to the same number, that is the answer (Ziv's
   test). The error is (roundings that a term passes) 2^-53 times a bound of the sum of absolute values, by Cauchy and
   Schwarz;
2. what is left, when it is much or the format is float64 itself: by an error-free splitting (`slices`), level by level;
3. the few that are left then, each by itself (`terms`).

Measured on normal float32 operands and 65,536 sums of 576 terms, 22 are left
after 1: the bound overstates the sum of absolute values, which would take a second contraction.

A result that cancels to zero, or lies on a midpoint, is never certain while the error is not zero: it is distinguished
from its neighbours in 2, where the slices come to an end and leave no error, or in 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from conv_oracle.passes import Array, DoubleBackward
from conv_oracle.problem import Problem
from conv_oracle.truth.contraction import fast
from conv_oracle.truth.formats import FORMATS, Format, format_of, nearest, two_sum
from conv_oracle.truth.slices import Splitting
from conv_oracle.truth.sums import Parts, Sums, of_bias, of_double_backward, of_problem
from conv_oracle.truth.terms import exactly

TERM = 2500
"""How many multiply-adds of a contraction take as long as one term that is added by itself."""

MANY = 20
"""One output in so many is worth a contraction."""

SAMPLE = 2000
"""Outputs that are looked at before the next level is chosen."""

CACHED = 1 << 14
"""Outputs that are rounded together."""

_STORED: dict[str, Any] = {"bfloat16": np.float32}


def rounded(problem: Problem, operands: Mapping[str, Array], dtype: str | None = None) -> Array:
    """The exact result of a problem's operation, correctly rounded (to nearest, ties to even) to a dtype.

    problem   one convolution, or a gradient of it
    operands  by PyTorch's names ("input", "weight", "bias", "grad_output"), in arrays that hold them exactly
    dtype     of the result; the problem's unless given

    Returns an array of that dtype; for bfloat16, float32 that bfloat16 holds. Underflow is gradual, overflow infinite.
    Integers wrap as their dtype does. Raises OperandError for operands that are not finite.
    """
    dtype = dtype or problem.dtype
    if np.dtype(_STORED.get(dtype, dtype)).kind in "iu":
        wide = np.uint64 if np.dtype(dtype).kind == "u" else np.int64
        whole = {name: np.asarray(operand).astype(wide) for name, operand in operands.items()}
        return problem.compute(fast, whole).astype(dtype)
    return round_parts(of_problem(problem, operands), dtype)


def rounded_bias(grad_output: Array, *, dimensions: int, dtype: str) -> Array:
    """The same for the gradient by the bias, `conv_bias`: (M,).

    grad_output is (N, M, *O) or (M, *O) with `dimensions` spatial axes; dtype is that of the result.
    """
    if np.dtype(_STORED.get(dtype, dtype)).kind in "iu":
        return fast.conv_bias(grad_output, dimensions=dimensions).astype(dtype)
    return round_parts(of_bias(grad_output, dimensions=dimensions), dtype)


def rounded_double_backward(
    problem: Problem, operands: Mapping[str, Array], dtype: str | None = None
) -> DoubleBackward:
    """The same for the double backward of a forward problem: (input, weight, grad_output).

    operands are input, weight, grad_output, grad_grad_input, grad_grad_weight and perhaps grad_grad_bias, by name;
    dtype is that of the results, the problem's unless given.
    """
    parts = of_double_backward(problem, operands)
    return DoubleBackward(*(round_parts(part, dtype or problem.dtype) for part in parts))  # type: ignore[arg-type]


def exact_sums(problem: Problem, operands: Mapping[str, Array]) -> tuple[Array, Array]:
    """(high, low) in float64 or complex128: the exact result as high + low, with high = RN(high + low).

    problem, operands and the errors are those of `rounded`.

    |exact - (high + low)| <= 2^-96 A, with A the sum of the terms' absolute values: what cancels to zero may leave so
    much, where `rounded` says 0. `difference` tells how far an answer is from it. high is infinite where float64
    overflows, and low is short of bits where it underflows.
    """
    return sum_parts(of_problem(problem, operands))


def exact_bias_sums(grad_output: Array, *, dimensions: int) -> tuple[Array, Array]:
    """The same for the gradient by the bias; grad_output and dimensions are those of `rounded_bias`."""
    return sum_parts(of_bias(grad_output, dimensions=dimensions))


def exact_double_backward(problem: Problem, operands: Mapping[str, Array]) -> tuple[DoubleBackward, DoubleBackward]:
    """The same for the double backward: (high, low), each (input, weight, grad_output).

    problem and operands are those of `rounded_double_backward`.
    """
    pairs = [sum_parts(part) for part in of_double_backward(problem, operands)]  # type: ignore[arg-type]
    return DoubleBackward(*(high for high, _ in pairs)), DoubleBackward(*(low for _, low in pairs))


def difference(answer: Array, sums: tuple[Array, Array]) -> Array:
    """|answer - exact| in float64, of sums = (high, low), to a relative 2^-50 and what (high, low) is short of.

    answer is an array of any dtype, with the shape of the sums, which are those of `exact_sums`.

    Of complex numbers the real part's and, as imaginary part, the imaginary part's.
    """
    high, low = sums
    if np.iscomplexobj(high):
        result = np.empty(high.shape, np.complex128)
        wide = np.asarray(answer).astype(np.complex128)
        result.real = difference(wide.real, (high.real, low.real))
        result.imag = difference(wide.imag, (high.imag, low.imag))
        return result
    with np.errstate(invalid="ignore", over="ignore"):
        apart, rest = two_sum(np.asarray(answer).astype(np.float64), -high)
        near: Array = np.abs(apart + (np.where(np.isfinite(rest), rest, 0) - low))
    return near


def round_parts(parts: Parts, dtype: str) -> Array:
    """Every part of a result rounded to a dtype, or to its components."""
    stored = np.dtype(_STORED.get(dtype, dtype))
    values = [_rounded(sums, format_of(dtype)) for sums in parts]
    if stored.kind != "c":
        return values[0].astype(stored)
    return _complex([*values, np.zeros_like(values[0])]).astype(stored)


def sum_parts(parts: Parts) -> tuple[Array, Array]:
    """(high, low) of every part of a result."""
    pairs = [_summed(sums) for sums in parts]
    if len(pairs) == 1:
        return pairs[0]
    return _complex([high for high, _ in pairs]), _complex([low for _, low in pairs])


def _complex(parts: list[Array]) -> Array:
    whole = np.empty(parts[0].shape, np.complex128)
    whole.real, whole.imag = parts[0], parts[1]
    return whole


def _rounded(sums: Sums, form: Format) -> Array:
    splitting = Splitting(sums)
    shape = sums.products[0].shape
    level = 0 if form.unit > FORMATS["float64"].unit or splitting.exact else 2
    certain: Array | None = None
    while True:
        high, low, error = splitting.sum(level)
        result, open_ = _certified(high, low, error, splitting.exponent, form)
        if certain is None and len(open_) > result.size // MANY:
            certain = splitting.empty().reshape(-1)
        if certain is not None:
            open_ = open_[~certain[open_]]
        target = _next(level, high, error, open_, splitting, form)
        if not _go_on(len(open_), result.size, level, target, splitting):
            break
        level = target
    if len(open_):
        high, low, exponent = exactly(sums, open_)
        result.reshape(-1)[open_] = nearest(high, low, exponent, form)
    return result.reshape(shape).reshape(sums.shape)


def _next(level: int, high: Array, error: Array | float, open_: Array, splitting: Splitting, form: Format) -> int:
    """The level to go to: the end where most of what is open may be zero, or else where what is left costs least."""
    some = open_[:: max(1, len(open_) // SAMPLE)]
    if len(some) < MANY:
        return level + 1
    size, wide = np.abs(high.reshape(-1)[some]), np.broadcast_to(error, high.shape).reshape(-1)[some]
    if np.count_nonzero(size <= wide) > len(some) // 2:
        return max(level + 1, splitting.end)
    with np.errstate(divide="ignore"):
        short = np.ceil((np.log2(wide / size) + form.bits + 3) / splitting.bits)

    def cost(target: int) -> float:
        left = np.count_nonzero(short > target - level) / len(some) * len(open_)
        further = splitting.contractions(target, target + 1) * high.size
        return splitting.contractions(level, target) * high.size + min(left * TERM, further)

    return min(range(max(2, level + 1), level + 4), key=cost)


def _summed(sums: Sums) -> tuple[Array, Array]:
    splitting = Splitting(sums)
    smallest = splitting.absolute() * 2.0**-97
    if not smallest.all():
        smallest[splitting.empty()] = np.inf
    level = 0 if splitting.exact else splitting.level_for(float(np.quantile(smallest, 1 / MANY, method="lower")))
    while True:
        high, low, error = splitting.sum(level)
        open_ = np.flatnonzero(np.broadcast_to(error > smallest, high.shape))
        if not _go_on(len(open_), high.size, level, level + 1, splitting):
            break
        level += 1
    low = np.zeros_like(high) if low is None else low
    with np.errstate(over="ignore", under="ignore"):
        high, low = np.ldexp(high, splitting.exponent), np.ldexp(low, splitting.exponent)
        if len(open_):
            one, rest, exponent = exactly(sums, open_)
            high.reshape(-1)[open_], low.reshape(-1)[open_] = np.ldexp(one, exponent), np.ldexp(rest, exponent)
    return high.reshape(sums.shape), low.reshape(sums.shape)


def _certified(
    high: Array, low: Array | None, error: Array | float, exponent: int, form: Format
) -> tuple[Array, Array]:
    """(rounded, the flat places where the error leaves a choice), block by block for the cache's sake."""
    flat, rests = high.reshape(-1), None if low is None else low.reshape(-1)
    errors = np.broadcast_to(error, high.shape).reshape(-1) if np.ndim(error) else None
    result, found = np.empty(high.size), []
    for start in range(0, high.size, CACHED):
        part = slice(start, start + CACHED)
        some, rest = flat[part], None if rests is None else rests[part]
        result[part] = nearest(some, rest, exponent, form)
        if errors is None and error == 0:
            continue
        open_ = _open(some, rest, error if errors is None else errors[part], exponent, form)
        if open_.any():
            found.append(np.flatnonzero(open_) + start)
    return result.reshape(high.shape), np.concatenate(found) if found else np.zeros(0, np.int64)


def _open(high: Array, low: Array | None, error: Array | float, exponent: int, form: Format) -> Array:
    """Whether the two ends of the error round to different numbers."""
    apart: Array
    if low is None and form.bits < 52:
        wider = np.abs(high)
        wider *= 2.0**-52
        wider += error
        apart = nearest(high - wider, None, exponent, form) != nearest(high + wider, None, exponent, form)
        return apart
    rest = np.zeros_like(high) if low is None else low
    wider = error * (1 + 2.0**-50) + np.abs(rest) * 2.0**-52
    if form.unit == FORMATS["float64"].unit and abs(exponent) < 900:
        size = np.abs(high)
        if (size > 2.0**-60).all() and (size < 2.0**60).all():
            apart = (high + (rest - wider)) != (high + (rest + wider))
            return apart & (np.asarray(error) > 0)
    ends = [nearest(*two_sum(high, rest + side), exponent, form) for side in (-wider, wider)]
    apart = (ends[0] != ends[1]) & (np.asarray(error) > 0)
    return apart


def _go_on(left: int, outputs: int, level: int, target: int, splitting: Splitting) -> bool:
    """Whether another level is cheaper than what is left, term by term."""
    return left > 0 and not splitting.ended(level) and left * TERM > splitting.contractions(level, target) * outputs
