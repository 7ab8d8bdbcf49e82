"""The rule of the site: what it shows is computed by conv_oracle, and PyTorch says the same or nothing is built."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from conv_oracle.formulas.continuous import UNIT_ROUNDOFF
from gallery.errors import GalleryError


def tensor(array: npt.ArrayLike) -> torch.Tensor:
    """The same numbers as a float64 or complex128 tensor; small integers and dyadic fractions lose nothing."""
    values = np.asarray(array)
    return torch.tensor(values.astype(np.complex128 if values.dtype.kind == "c" else np.float64))


def agree(what: str, ours: Any, theirs: Any) -> None:
    """Raise GalleryError where our numbers and PyTorch's are not the same, every one."""
    left, right = np.asarray(ours), np.asarray(theirs)
    if left.shape != right.shape:
        raise GalleryError(f"{what}: conv_oracle and torch agree: ours has shape {left.shape}, torch's {right.shape}")
    for at in np.ndindex(left.shape):
        if not left[at] == right[at]:
            raise GalleryError(
                f"{what}: conv_oracle and torch agree: at {list(at)} ours is {left[at]}, torch's {right[at]}"
            )


def agree_within(what: str, ours: Any, theirs: Any, bound: npt.ArrayLike) -> None:
    """Raise GalleryError where two results that round are further apart than the bound, which the caller proves."""
    left, right = np.asarray(ours), np.asarray(theirs)
    if left.shape != right.shape:
        raise GalleryError(f"{what}: conv_oracle and torch agree: ours has shape {left.shape}, torch's {right.shape}")
    for at, most in np.ndenumerate(np.broadcast_to(np.asarray(bound), left.shape)):
        if not abs(left[at] - right[at]) <= most:
            raise GalleryError(
                f"{what}: conv_oracle and torch agree within {most}: at {list(at)} ours is {left[at]}, "
                f"torch's {right[at]}"
            )


def twice_the_sum_bound(f: npt.ArrayLike, g: npt.ArrayLike) -> float:
    """How far two float64 sums of products of f and g may be apart, in any order: 2 gamma_n sum |f| max |g|.

    n is the number of terms, gamma_n = n u / (1 - n u) (Higham, lemma 3.1); a complex product counts as four.
    """
    first, second = np.abs(np.asarray(f).astype(complex)), np.abs(np.asarray(g).astype(complex))
    n = 4 * (min(first.size, second.size) + 1)
    gamma = n * UNIT_ROUNDOFF / (1 - n * UNIT_ROUNDOFF)
    return float(2 * gamma * first.sum() * second.max())


def torch_name(name: str) -> str:
    """A name of PyTorch's, which must be there. Raises GalleryError where it is not."""
    found: Any = torch
    for part in name.split(".")[1:]:
        if not hasattr(found, part):
            raise GalleryError(f"PyTorch calls it by a name that it has: {name}; there is no {part}")
        found = getattr(found, part)
    return name
