"""The two float8 formats that ml_dtypes and PyTorch share, as codes of one byte.

    float8_e4m3fn    sign, 4 bits of exponent, 3 of fraction; no infinity, 0x7f is NaN, the largest number is 448
    float8_e5m2      sign, 5 bits of exponent, 2 of fraction; 0x7c is infinity, the largest number is 57344

Without the sign, codes are in the order of their values, and an even code has an even fraction.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from conv_oracle.passes import Array

LARGEST: Mapping[str, float] = {"float8_e4m3fn": 448.0, "float8_e5m2": 57344.0}

SIGN, NAN = 0x80, 0x7F

_BIAS: Mapping[str, tuple[int, int]] = {"float8_e4m3fn": (3, 7), "float8_e5m2": (2, 15)}
"""Bits of the fraction, and the bias of the exponent."""


def _sizes(name: str) -> Array:
    """The numbers of the codes from 0 to the one beyond the largest number, as if all of them were finite."""
    fraction, bias = _BIAS[name]
    codes = np.arange(SIGN)
    exponent, rest = codes >> fraction, (codes & ((1 << fraction) - 1)) / 2.0**fraction
    sizes: Array = np.ldexp(rest + (exponent > 0), np.maximum(exponent, 1) - bias)
    return sizes[: np.searchsorted(sizes, LARGEST[name]) + 2]


_SIZES = {name: _sizes(name) for name in LARGEST}
_MIDPOINTS = {name: (sizes[:-1] + sizes[1:]) / 2 for name, sizes in _SIZES.items()}


def codes(values: Array, name: str) -> Array:
    """The uint8 codes of real values, rounded half to even; beyond the largest, infinity or, without one, NaN."""
    sizes = np.abs(values)
    below, above = (np.searchsorted(_MIDPOINTS[name], sizes, side) for side in ("left", "right"))
    found = np.where(below % 2 == 0, below, above)
    found = np.where(np.isnan(values), NAN, found) | np.where(np.signbit(values), SIGN, 0)
    return found.astype(np.uint8)


def numbers(found: Array, name: str) -> Array:
    """The values of uint8 codes, as float32."""
    sizes = np.full(SIGN, np.nan)
    sizes[: len(_SIZES[name]) - 1] = _SIZES[name][:-1]
    if name == "float8_e5m2":
        sizes[len(_SIZES[name]) - 1] = np.inf
    return np.concatenate([sizes, -sizes]).astype(np.float32)[found]
