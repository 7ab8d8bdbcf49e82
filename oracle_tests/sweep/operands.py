"""Operands: small integers, different everywhere, that make every partial sum exact in the problem's dtype.

They follow from the seed and the problem's notation alone, so that one line repeats a problem.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from math import prod
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

from conv_oracle.problem import Problem

Array = npt.NDArray[Any]

SIGNIFICAND = {
    "float64": 53,
    "float32": 24,
    "complex128": 53,
    "complex64": 24,
    "float16": 11,
    "bfloat16": 8,
}
POOL = 1 << 15
RANGES = (16, 9, 5, 3, 2)
DOUBLE_BACKWARD_EVERY = 10


@dataclass(frozen=True, slots=True)
class Case:
    """A problem with its operands: what each pass takes, and for double backward the cotangents of its gradients."""

    problem: Problem
    notation: str
    key: int
    double: bool
    input: Array
    weight: Array
    bias: Array
    grad_output: Array
    grad_grad_input: Array
    grad_grad_weight: Array
    grad_grad_bias: Array


def make_case(problem: Problem, seed: int, *, double: bool | None = None) -> Case:
    """The case of a problem under a seed; one in DOUBLE_BACKWARD_EVERY also has a double backward."""
    notation = str(problem)
    key = zlib.crc32(notation.encode(), seed)
    shapes = (problem.input_shape, problem.weight_shape, (problem.out_channels,), problem.output_shape)
    sizes = [prod(shape) for shape in shapes]
    total = 2 * sum(sizes)
    r = largest(problem)
    if total < POOL // 2:
        numbers, start = _pool(problem.dtype, r, seed), (key >> 8) % (POOL - total)
    else:
        numbers, start = _draw(np.random.default_rng([seed, key]), total, problem.dtype, r), 0
    arrays = []
    for shape, size in zip((*shapes, *shapes[:3]), (*sizes, *sizes[:3]), strict=True):
        arrays.append(numbers[start : start + size].reshape(shape))
        start += size
    return Case(problem, notation, key, key % DOUBLE_BACKWARD_EVERY == 0 if double is None else double, *arrays)


def fits(problem: Problem) -> bool:
    """Whether some alphabet keeps every partial sum of every pass exact in the problem's dtype."""
    return _most(problem) >= RANGES[-1]


def largest(problem: Problem) -> int:
    """R: the operands are integers from -R to R without 0, with n R^2 + R <= 2^p for the longest sum of n terms."""
    most = _most(problem)
    for r in RANGES:
        if r <= most:
            return r
    raise ValueError(f"no alphabet keeps the sums exact: {problem}")


def _most(problem: Problem) -> int:
    """2 n R^2 + R <= 2^p: two sums meet in a double backward, and a complex product is two real ones."""
    g = problem.geometry
    taps = prod(g.kernel_size)
    terms = max(g.in_channels_per_group * taps, g.out_channels_per_group * taps, g.batch * prod(g.output_size), 1)
    if problem.transposed:
        terms = max(terms, g.batch * prod(g.input_size))
    products = terms * (4 if problem.dtype.startswith("complex") else 2)
    return math.isqrt((2 ** SIGNIFICAND[problem.dtype] - RANGES[0]) // products)


def disturbed_pools() -> list[str]:
    """The pools that changed since they were drawn: nobody may write into an operand."""
    return [
        f"{dtype} of -{r} to {r}"
        for (dtype, r, _), (numbers, checksum) in _POOLS.items()
        if zlib.crc32(numbers.tobytes()) != checksum
    ]


_POOLS: dict[tuple[str, int, int], tuple[Array, int]] = {}


def _pool(dtype: str, r: int, seed: int) -> Array:
    if (dtype, r, seed) not in _POOLS:
        numbers = _draw(np.random.default_rng([seed, r]), POOL, dtype, r)
        _POOLS[dtype, r, seed] = numbers, zlib.crc32(numbers.tobytes())
    return _POOLS[dtype, r, seed][0]


def _draw(random: np.random.Generator, size: int, dtype: str, r: int) -> Array:
    """Integers from -r to r without 0, no two neighbours equal."""
    alphabet = np.array([*range(-r, 0), *range(1, r + 1)])
    parts = alphabet[np.cumsum(random.integers(1, 2 * r, (2, size)), axis=1) % (2 * r)]
    if dtype.startswith("complex"):
        return (parts[0] + 1j * parts[1]).astype(dtype)
    return parts[0].astype(numpy_dtype(dtype))


def numpy_dtype(name: str) -> np.dtype[Any]:
    """The dtype of a problem; bfloat16 is ml_dtypes' extension of NumPy."""
    return np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)
