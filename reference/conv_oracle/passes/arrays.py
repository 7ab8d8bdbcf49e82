"""Operands as arrays of numbers, and results in the operands' common dtype."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from conv_oracle.errors import OperandError

Array = npt.NDArray[Any]


def as_array(name: str, operand: npt.ArrayLike) -> Array:
    """The operand as an array of numbers of any dtype but bool. Raises OperandError, with its name, for others."""
    array = np.asarray(operand)
    if array.dtype.kind in "bSUmMT":
        raise OperandError(
            f"an operand is an array of numbers: {name}.dtype={array.dtype}; float64, int64 or object would fit"
        )
    return array


def conjugate(array: Array) -> Array:
    """The complex conjugate; the array itself where it is real."""
    return np.conjugate(array) if array.dtype.kind in "cO" else array


def accumulator(dtype: np.dtype[Any]) -> type[Any]:
    """The widest dtype of the same kind of number; NumPy's extension floats (bfloat16) count as floats."""
    return {"i": np.int64, "u": np.uint64, "c": np.complex128, "O": object}.get(dtype.kind, np.float64)


def rounded(wide: Array, *operands: Array) -> Array:
    """A wide result, rounded once to the common dtype of the operands; integers wrap as it does."""
    dtypes = [operand.dtype for operand in operands]
    if dtypes.count(wide.dtype) == len(dtypes):
        return wide
    dtype = np.result_type(*dtypes)
    if wide.dtype == dtype:
        return wide
    if dtype.kind in "iu" and wide.dtype == object:
        bits = 8 * dtype.itemsize
        wide = (wide & (2**bits - 1)).astype(np.uint64)
    elif dtype.kind not in "iucO" and wide.dtype == object:
        wide = wide.astype(np.float64)
    return wide.astype(dtype)
