"""What the identities are stated in: polynomials in z, exact integers, and equality that says where it fails."""

from __future__ import annotations

from typing import Any

import numpy as np

from conv_oracle.passes import Array, Passes


def same(got: Any, expected: Any, relation: str) -> None:
    """Assert that two sides of a relation are equal, in shape and in every number."""
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape, f"{relation}: got shape {got.shape}, expected {expected.shape}"
    wrong = np.argwhere(np.atleast_1d(got != expected))
    assert len(wrong) == 0, f"{relation}: {len(wrong)} of {got.size} differ, first at {tuple(map(int, wrong[0]))}"


def at(coefficients: Array, z: list[int]) -> Array:
    """(A, B): the polynomial of every (a, b) at z, one exact integer each."""
    value = np.array([int(c) for c in coefficients.flat], dtype=object).reshape(coefficients.shape)
    for base in reversed(z):
        value = (value * np.array([base**n for n in range(value.shape[-1])], dtype=object)).sum(axis=-1)
    return value


def channels(x: Array, w: Array, groups: int) -> Array:
    """Each group's matrix product of (N, C / g) and (M / g, C / g), side by side."""
    pairs = zip(np.split(x, groups, axis=1), np.split(w, groups), strict=True)
    return np.concatenate([part @ block.T for part, block in pairs], axis=1)


def stuffed(w: Array, dilation: tuple[int, ...]) -> Array:
    """The kernel with zeros between its elements."""
    spread = np.zeros((*w.shape[:2], *(d * (k - 1) + 1 for d, k in zip(dilation, w.shape[2:], strict=True))), w.dtype)
    spread[:, :, *(slice(None, None, d) for d in dilation)] = w
    return spread


def true_convolution(passes: Passes, f: Array, g: Array) -> Array:
    """f * g of one channel: a flipped kernel and full padding."""
    kernel = np.flip(g, tuple(range(2, g.ndim)))
    return passes.conv(f, kernel, padding=[(k - 1, k - 1) for k in g.shape[2:]])


def polynomial_product(a: Array, b: Array) -> Array:
    """The coefficients of the product of two polynomials."""
    result = np.zeros([m + n - 1 for m, n in zip(a.shape, b.shape, strict=True)], np.int64)
    for index, value in np.ndenumerate(a):
        result[tuple(slice(i, i + n) for i, n in zip(index, b.shape, strict=True))] += value * b
    return result
