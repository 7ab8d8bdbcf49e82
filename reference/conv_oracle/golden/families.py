"""What a set of golden vectors is made of, and the order of its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from conv_oracle.errors import ConvOracleError

Entry = dict[str, Any]
"""One case, as its JSON object."""

Stored = npt.NDArray[np.float32]
"""An array as the files hold it; a complex one has a last axis of two, real and imaginary."""

ANSWERS = {
    "conv": "y",
    "conv_transpose": "y",
    "conv_input": "dx",
    "conv_weight": "dw",
    "conv_bias": "db",
}
"""The families whose cases have arrays, and the result that each is about. All of them hold every result."""

FAMILIES = (*ANSWERS, "output_size", "sequence")


class FixtureError(ConvOracleError, ValueError):
    """A set of golden vectors that is not what was written."""


@dataclass(frozen=True)
class Family:
    """The cases of one operation, sorted by id, and their arrays by `id/name`, in the order of the cases."""

    name: str
    cases: tuple[Entry, ...]
    arrays: Mapping[str, Stored]


def stored(array: npt.NDArray[Any]) -> Stored:
    """Integers (or complex integers) as the files hold them. Refuses what float32 does not hold exactly."""
    parts = np.stack([array.real, array.imag], axis=-1) if array.dtype.kind == "c" else np.asarray(array)
    if parts.size and np.abs(parts).max() > 2**24:
        raise FixtureError(f"a stored value is an integer of at most 2^24: {int(np.abs(parts).max())}")
    return parts.astype(np.float32) + np.float32(0)


def numbers(array: Stored, *, of_complex: bool) -> npt.NDArray[Any]:
    """The integers (int64) or complex integers (complex128) that a stored array means."""
    if of_complex:
        pairs = array.astype(np.float64)
        return np.asarray(pairs[..., 0] + 1j * pairs[..., 1])
    return array.astype(np.int64)
