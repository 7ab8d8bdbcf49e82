"""Number formats: the bits in which their sums are exact, their exponents, and their bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from conv_oracle.auditing.operands import float8
from conv_oracle.passes import Array

ACCUMULATOR_BITS = 24
"""A convolution of 16-bit operands sums in float32 or better, and rounds once."""

TRANSFORM_BITS = 24
"""Room for the intermediate sums of a Fourier transform."""


@dataclass(frozen=True)
class DType:
    """A number format.

    name: that of NumPy or ml_dtypes. bits: those of the significand, in which sums of integers are exact; integers
    wrap, which is exact as well, and have the bits of the truth. storage: the NumPy dtype of the bytes.
    products: the largest number of real products that one product takes, however it is computed; 4 for complex ones.
    """

    name: str
    bits: int
    storage: str
    products: int = 1

    @cached_property
    def kind(self) -> str:
        """The kind as in NumPy: f, c, i or u."""
        return "f" if "float" in self.name else np.dtype(self.storage).kind

    @cached_property
    def itemsize(self) -> int:
        """Bytes per element."""
        return np.dtype(self.storage).itemsize

    @cached_property
    def narrow(self) -> bool:
        """Whether sums are made in a wider format and then rounded to this one."""
        return self.kind == "f" and self.bits < ACCUMULATOR_BITS

    @cached_property
    def short(self) -> bool:
        """Whether it is a float8 format: sums of few integers exceed its bits, and soon its range."""
        return self.name in float8.LARGEST

    @property
    def exponents(self) -> tuple[int, int]:
        """The exponents (least, most) of normal numbers, with room for an exact sum of integers."""
        if self.kind in "iu":
            return 0, 0
        least, most = EXPONENTS.get(self.name, (-126, 127))
        return least, most - (most if most < 127 else max(self.bits, ACCUMULATOR_BITS) + TRANSFORM_BITS)


EXPONENTS: Mapping[str, tuple[int, int]] = {
    "float64": (-1022, 1023),
    "complex128": (-1022, 1023),
    "float16": (-14, 15),
    "float8_e4m3fn": (-6, 8),
    "float8_e5m2": (-14, 15),
}
"""The least and the largest of normal numbers, where they are not those of float32."""

DTYPES: Mapping[str, DType] = {
    dtype.name: dtype
    for dtype in (
        DType("float64", 53, "<f8"),
        DType("float32", 24, "<f4"),
        DType("float16", 11, "<f2"),
        DType("bfloat16", 8, "<u2"),
        DType("float8_e4m3fn", 4, "<u1"),
        DType("float8_e5m2", 3, "<u1"),
        DType("complex128", 53, "<c16", 4),
        DType("complex64", 24, "<c8", 4),
        *(DType(f"int{bits}", 53, f"<i{bits // 8}") for bits in (8, 16, 32, 64)),
        *(DType(f"uint{bits}", 53, f"<u{bits // 8}") for bits in (8, 16, 32, 64)),
    )
}


def to_bytes(array: Array, dtype: DType) -> bytes:
    """The bytes of an array in C order; values that a 16-bit or 8-bit format lacks are rounded half to even."""
    if dtype.short:
        return float8.codes(array, dtype.name).tobytes()
    if dtype.name == "bfloat16":
        bits = array.astype("<f4").view("<u4")
        array, dtype = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16, DTYPES["uint16"]
    with np.errstate(over="ignore", invalid="ignore"):
        data: bytes = array.astype(dtype.storage).tobytes()
    return data


def from_bytes(data: bytes, dtype: DType, shape: tuple[int, ...]) -> Array:
    """The array of this shape in these bytes; bfloat16 and float8 as float32. Raises ValueError on a mismatch."""
    array: Array = np.frombuffer(data, dtype.storage)
    if dtype.short:
        array = float8.numbers(array, dtype.name)
    if dtype.name == "bfloat16":
        array = (array.astype("<u4") << 16).view("<f4")
    return array.reshape(shape)
