"""Comparison: exact equality, or a proved bound. Each says what differs, or None."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def difference(got: object, expected: Array) -> str | None:
    """How `got` differs from `expected` in type, dtype, shape or any number; a NaN differs from everything."""
    if type(got) is not np.ndarray:
        return f"got a {type(got).__name__}, expected an array"
    if got.dtype != expected.dtype:
        return f"got dtype {got.dtype}, expected {expected.dtype}"
    if got.shape != expected.shape:
        return f"got shape {got.shape}, expected {expected.shape}"
    equal = got == expected
    return None if equal.all() else _where(~equal, got, expected)


def beyond_bound(got: object, expected: Array, bound: Array) -> str | None:
    """Where |got - expected| exceeds the bound, all in exact numbers (object arrays of Fraction); NaN exceeds it."""
    if type(got) is not np.ndarray:
        return f"got a {type(got).__name__}, expected an array"
    if not got.shape == expected.shape == bound.shape:
        return f"got shape {got.shape}, expected {expected.shape} with a bound of shape {bound.shape}"
    finite = np.isfinite(got.astype(np.float64))
    if not finite.all():
        return _where(~finite, got, expected)
    within = np.array([abs(exactly(g) - e) <= b for g, e, b in zip(got.flat, expected.flat, bound.flat, strict=True)])
    return None if within.all() else _where(~within.reshape(got.shape), got, expected)


def exactly(number: Any) -> Fraction:
    """A machine float as the rational that it is."""
    return Fraction(float(number))


def _where(wrong: Array, got: Array, expected: Array) -> str:
    index = tuple(int(i) for i in np.argwhere(wrong)[0])
    return (
        f"first at {index}: got {got[index]!s}, expected {expected[index]!s}; "
        f"{np.count_nonzero(wrong)} of {wrong.size} differ"
    )
