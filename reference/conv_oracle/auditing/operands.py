"""Operand values on which every order of summation is exact, and the bytes that carry them.

Integers with n * R^2 + R <= 2^p make every partial sum an integer of at most 2^p. So every order of summation, fused
or not, gives the same bits, and an answer is right or wrong without any tolerance. Drawn uniformly from s values, they
let one wrong bilinear output survive with a probability of at most 1 - (1 - 1/s)^2 (Schwartz and Zippel, twice).
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from conv_oracle.passes import Array
from conv_oracle.problem import Problem

GUARD_BITS = 8
"""Bits kept free where an answer may be inexact: the error of Winograd and FFT arithmetic stays below 1/2 there."""

ALIGNMENT = 64


@dataclass(frozen=True)
class DType:
    """A number format: the bits its sums are exact in, and the NumPy dtype that its bytes are read by.

    Integers wrap, which is exact as well: there `bits` are those in which the truth is computed.

    `products` counts the real products, of either sign, behind one product and whatever way it is computed.
    """

    name: str
    bits: int
    storage: str
    products: int = 1

    @property
    def kind(self) -> str:
        """f, c, i or u."""
        return "f" if self.name == "bfloat16" else np.dtype(self.storage).kind

    @property
    def itemsize(self) -> int:
        """Bytes per number."""
        return np.dtype(self.storage).itemsize


DTYPES: Mapping[str, DType] = {
    dtype.name: dtype
    for dtype in (
        DType("float64", 53, "<f8"),
        DType("float32", 24, "<f4"),
        DType("float16", 11, "<f2"),
        DType("bfloat16", 8, "<u2"),
        DType("complex128", 53, "<c16", 4),
        DType("complex64", 24, "<c8", 4),
        *(DType(f"int{bits}", 53, f"<i{bits // 8}") for bits in (8, 16, 32, 64)),
        *(DType(f"uint{bits}", 53, f"<u{bits // 8}") for bits in (8, 16, 32, 64)),
    )
}


def products_per_output(problem: Problem) -> int:
    """n: at most so many products are summed in one output."""
    g = problem.geometry
    if problem.operation.endswith("_weight"):
        return g.batch * math.prod(g.output_size)
    per_tap = g.out_channels_per_group if problem.transposed or problem.operation.endswith("_input") else None
    return (g.in_channels_per_group if per_tap is None else per_tap) * math.prod(g.kernel_size)


def exact_radius(problem: Problem, *, guard: int = 0) -> int:
    """The largest R with n * R^2 + R <= 2^(p - guard), for operands from -R to R; 0 where there is none."""
    dtype = DTYPES[problem.dtype]
    n = max(1, products_per_output(problem)) * dtype.products
    budget: int = 2 ** (dtype.bits - guard)
    radius = (math.isqrt(1 + 4 * n * budget) - 1) // (2 * n)
    return min(radius, int(np.iinfo(dtype.storage).max)) if dtype.kind in "iu" else radius


def survival(problem: Problem, radius: int) -> float:
    """The largest probability that one draw misses a wrong output: 1 - (1 - 1/s)^2, s the number of values.

    Where integers of k bits wrap, zero has divisors: (k + 2) / 2^(k + 1) for a wrong read, if that is more.
    """
    dtype = DTYPES[problem.dtype]
    s = (radius + 1 if dtype.kind == "u" else 2 * radius + 1) ** (2 if dtype.kind == "c" else 1)
    bits = 8 * dtype.itemsize
    return max(1 - (1 - 1 / s) ** 2, (bits + 2) / 2.0 ** (bits + 1) if dtype.kind in "iu" else 0.0)


def draw(problem: Problem, radius: int, rng: np.random.Generator) -> dict[str, Array]:
    """The operands by name: independent integers of at most `radius`, in float64 or complex128."""
    kind = DTYPES[problem.dtype].kind
    shapes = problem.operand_shapes
    counts = [math.prod(shape) for shape in shapes.values()]
    parts = 2 if kind == "c" else 1
    values = rng.integers(0 if kind == "u" else -radius, radius + 1, (parts, sum(counts))).astype(np.float64)
    numbers: npt.NDArray[Any] = values[0] + 1j * values[1] if kind == "c" else values[0]
    operands, start = {}, 0
    for (name, shape), count in zip(shapes.items(), counts, strict=True):
        operands[name] = numbers[start : start + count].reshape(shape)
        start += count
    return operands


def generator(seed: int, problem: Problem) -> np.random.Generator:
    """The random numbers of one problem: they depend on the seed and the problem, not on what was asked before."""
    return np.random.default_rng([seed, zlib.crc32(str(problem).encode())])


def pack(operands: Mapping[str, Array], dtype: DType) -> tuple[list[tuple[str, list[int], int]], bytes]:
    """(dtype, shape, offset) of every operand, and their bytes."""
    layout, parts, start = [], [], 0
    for array in operands.values():
        data = to_bytes(array, dtype)
        layout.append((dtype.name, list(array.shape), start))
        padding = -len(data) % ALIGNMENT
        parts += [data, b"\0" * padding]
        start += len(data) + padding
    return layout, b"".join(parts)


def to_bytes(array: Array, dtype: DType) -> bytes:
    """The values, which the format holds exactly, in C order."""
    if dtype.name == "bfloat16":
        return (array.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()
    return array.astype(dtype.storage).tobytes()


def from_bytes(data: bytes, dtype: DType, shape: tuple[int, ...]) -> Array:
    """The numbers that an answer's bytes are; bfloat16 as float32."""
    array: Array = np.frombuffer(data, dtype.storage)
    if dtype.name == "bfloat16":
        array = (array.astype("<u4") << 16).view("<f4")
    return array.reshape(shape)
