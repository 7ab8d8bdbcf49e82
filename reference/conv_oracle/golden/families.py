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

WITH_ARRAYS = (*ANSWERS, "rounding", "special", "quantised", "layout")
"""The families whose arrays are stored."""

FAULTS = "faults"
HISTORY = "history"
"""No families of cases: the catalogue that flags refer to, an entry for each fault; and what every version changed."""

FAMILIES = (*WITH_ARRAYS, "layer", "output_size", "sequence", FAULTS, HISTORY)


class FixtureError(ConvOracleError, ValueError):
    """A set of golden vectors that is not what was written."""


@dataclass(frozen=True)
class Family:
    """The cases of one operation, sorted by id, and their arrays by `id/name`, in the order of the cases."""

    name: str
    cases: tuple[Entry, ...]
    arrays: Mapping[str, Stored]

    @property
    def questions(self) -> tuple[Entry, ...]:
        """Its cases, in which something is asked: none of the catalogue, and none of the history."""
        return () if self.name in (FAULTS, HISTORY) else self.cases


def stored(array: npt.NDArray[Any], exponent: int = 0) -> Stored:
    """Integers (or complex integers) times 2^exponent, as the files hold them. Refuses what float32 does not hold."""
    parts = np.stack([array.real, array.imag], axis=-1) if array.dtype.kind == "c" else np.asarray(array)
    if parts.size and np.abs(parts).max() > 2**24:
        raise FixtureError(f"a stored value is an integer of at most 2^24: {int(np.abs(parts).max())}")
    return np.ldexp(parts.astype(np.float32), exponent) + np.float32(0)


def numbers(array: Stored, *, of_complex: bool, exponent: int = 0) -> npt.NDArray[Any]:
    """The integers (int64) or complex integers (complex128) that a stored array is 2^exponent times of."""
    whole = np.ldexp(array.astype(np.float64), -exponent)
    return np.asarray(whole[..., 0] + 1j * whole[..., 1]) if of_complex else whole.astype(np.int64)


def exponents_of(given: Mapping[str, int]) -> dict[str, int]:
    """The power of two of every operand and result, from those of x, w and dy."""
    x, w, dy = (given.get(name, 0) for name in ("x", "w", "dy"))
    return {"x": x, "w": w, "b": x + w, "dy": dy, "y": x + w, "dx": w + dy, "dw": x + dy, "db": dy}
