"""Operand values on which every order of summation is exact, and the bytes that carry them.

Integers with n * R^2 + R <= 2^p make every partial sum an integer of at most 2^p. So every order of summation, fused
or not, gives the same bits, and an answer is right or wrong without any tolerance. Drawn uniformly from s values, they
let one wrong bilinear output survive with a probability of at most 1 - (1 - 1/s)^2 (Schwartz and Zippel, twice).

Scaled by powers of two, they stay as exact: so faults that hang on magnitude (clamps, thresholds, skips) show as well.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from conv_oracle.auditing import float8
from conv_oracle.auditing.forms import FORMS, Layout
from conv_oracle.geometry import Shape
from conv_oracle.passes import Array
from conv_oracle.problem import Problem

GUARD_BITS = 8
"""Bits kept free where an answer may be inexact: the error of Winograd and FFT arithmetic stays below 1/2 there."""

ACCUMULATOR_BITS = 24
"""A 16-bit convolution sums in float32 or better, and rounds once."""

TRANSFORM_BITS = 24
"""Room for what a Fourier transform sums on its way."""

ALIGNMENT = 64
SPARSE = 0.15
DEVIATIONS, GUARDED_DEVIATIONS = 4, 8
"""Sums of a float8 format are exact in it as far as so many standard deviations; so are all partial sums, guarded."""

_PHILOX = np.random.Generator(np.random.Philox(0))
_BUFFER = np.zeros(4, dtype=np.uint64)

Style = Literal["sparse", "wide", "positive", "negative", "extreme", "constant", "zero"]
STYLES: tuple[Style, ...] = ("sparse", "wide", "positive", "extreme", "wide", "negative", "constant", "zero")
"""What a draw may look like besides uniform, in turn. No confidence is claimed for these: each is there for a kind of
fault that hangs on values (skipped zeros, a fused activation, saturation; of `wide`, which has one operand of many bits
and +-1 in the others: operands that are rounded)."""


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

    @cached_property
    def kind(self) -> str:
        """f, c, i or u."""
        return "f" if "float" in self.name else np.dtype(self.storage).kind

    @cached_property
    def itemsize(self) -> int:
        """Bytes per number."""
        return np.dtype(self.storage).itemsize

    @cached_property
    def narrow(self) -> bool:
        """Whether sums are rounded to the format, and not made in it."""
        return self.kind == "f" and self.bits < ACCUMULATOR_BITS

    @cached_property
    def short(self) -> bool:
        """Whether it is a float8: sums of few integers are beyond its bits, and soon beyond its range."""
        return self.name in float8.LARGEST

    @property
    def exponents(self) -> tuple[int, int]:
        """Powers of two between which numbers are normal, with room for a sum of integers that is exact."""
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


SCALED: Mapping[str, tuple[int, int, int]] = {
    "input": (1, 0, 0),
    "weight": (0, 1, 0),
    "grad_output": (0, 0, 1),
    "bias": (1, 1, 0),
    "grad_grad_input": (1, 0, 0),
    "grad_grad_weight": (0, 1, 0),
    "grad_grad_bias": (1, 1, 0),
}
"""How often the scale of (input, weight, grad_output) is in an operand, so that no sum mixes scales."""


@dataclass(frozen=True)
class Draws:
    """Several draws of a problem's operands, each a block of memory in which they lie.

    integers: (draws, numbers of a block); exponents: (draws, 3), the power of two of input, weight and grad_output.
    places: per operand its layout, and where in the block that begins. kept: the share of numbers that were not set to
    zero; returned: the format that sums are stored in, where it is a wider one.
    """

    problem: Problem
    radius: int
    guarded: bool
    places: Mapping[str, tuple[Layout, int]]
    integers: Array
    exponents: npt.NDArray[np.int64]
    uniform: int
    styles: tuple[Style, ...] = ()
    kept: float = 1.0
    returned: str = ""

    def __len__(self) -> int:
        return len(self.integers)

    def stacked(self, name: str) -> Array:
        """All draws of an operand as integers: (draws, *shape)."""
        return self._view(self.integers, name)

    def operands(self, number: int) -> dict[str, Array]:
        """One draw's operands by name, scaled."""
        return {name: self._view(self._scaled()[number : number + 1], name)[0] for name in self.places}

    def memory(self, number: int) -> Array:
        """The block that one draw's operands lie in, scaled."""
        block: Array = self._scaled()[number]
        return block

    def payload(self) -> bytes:
        """The blocks, one after the other, in the problem's dtype."""
        return to_bytes(self._scaled(), DTYPES[self.problem.dtype])

    def scale(self, times: tuple[int, int, int]) -> Array:
        """2 to the power that every draw has in something that scales with (input, weight, grad_output) like this."""
        scale: Array = np.ldexp(1.0, self.exponents @ np.array(times))
        return scale

    def survival(self, *, largest: float | None = None) -> float:
        """The largest probability that one of them misses a wrong output."""
        return survival(self.problem, self.radius, largest=largest, kept=self.kept, returned=self.returned)

    @cached_property
    def scaled(self) -> bool:
        """Whether any draw is."""
        return bool(self.exponents.any())

    def _scaled(self) -> Array:
        if not self.scaled:
            return self.integers
        blocks = self.integers.copy()
        for name, (layout, start) in self.places.items():
            blocks[:, start : start + layout.size] *= self.scale(SCALED[name])[:, None]
        return blocks

    def _view(self, blocks: Array, name: str) -> Array:
        layout, start = self.places[name]
        part = blocks[:, start : start + layout.size]
        if layout.contiguous:
            return part.reshape(len(part), *layout.shape)
        steps = tuple(stride * part.itemsize for stride in layout.strides)
        first = part[:, layout.start :] if layout.size else part
        return np.lib.stride_tricks.as_strided(first, (len(part), *layout.shape), (part.strides[0], *steps))


def products_per_output(problem: Problem, *, gradients: bool = False) -> int:
    """n: at most so many products are summed in one output; with gradients, in one output of any pass.

    The double backward adds two sums of products.
    """
    g = problem.geometry
    taps = math.prod(g.kernel_size)
    by_weight = g.batch * math.prod(g.output_size)
    if gradients:
        return 2 * max(by_weight, max(g.in_channels_per_group, g.out_channels_per_group) * taps)
    if problem.operation.endswith("_weight"):
        return by_weight
    gathers = problem.transposed != problem.operation.endswith("_input")
    return (g.out_channels_per_group if gathers else g.in_channels_per_group) * taps


def exact_radius(problem: Problem, *, guarded: bool = False, gradients: bool = False, returned: str = "") -> int:
    """The largest R with n * R^2 + R <= 2^bits, for operands from -R to R; 0 where there is none.

    A 16-bit format has the bits of its accumulator, and its answer is the exact sum rounded once. `guarded` leaves room
    for an arithmetic that is not exact, and asks a 16-bit format for no more than it can store; so do gradients, where
    sums are stored and summed again.

    A float8 format is asked for so little that it stores usual sums exactly, but for 1 at least; see `density`.
    `returned`: the format that its sums are stored in, where that is known to be a wider one.
    """
    dtype = DTYPES[problem.dtype]
    n = max(1, products_per_output(problem, gradients=gradients)) * dtype.products
    if dtype.short and not gradients and not returned:
        return max(1, int((math.sqrt(1 + 12 * _deviation(problem, guarded)) - 1) / 2))
    form = DTYPES[returned or problem.dtype]
    stored = form.narrow and (guarded or gradients)
    bits = ACCUMULATOR_BITS if form.narrow else form.bits
    budget = 2 ** (form.bits if stored else bits - GUARD_BITS * (guarded and form.kind in "fc"))
    if form.name == "float16":
        budget = min(budget, 65504)
    radius = (math.isqrt(1 + 4 * n * budget) - 1) // (2 * n)
    if dtype.kind in "iu":
        return min(radius, int(np.iinfo(dtype.storage).max))
    return min(radius, int(2**dtype.bits)) if dtype.narrow else radius


def density(problem: Problem, radius: int, *, guarded: bool = False) -> float:
    """The share of operands that are not set to zero: 1, but for float8, where dense sums are too large to be exact.

    A product of two integers from -R to R, each kept with probability d, has the deviation d R (R + 1) / 3, and a sum
    of n is to have 2^bits / DEVIATIONS. So few terms are left of a long sum that none is beyond the format's range.
    """
    if not DTYPES[problem.dtype].short:
        return 1.0
    return min(1.0, 3 * _deviation(problem, guarded) / (radius * (radius + 1)))


def _deviation(problem: Problem, guarded: bool) -> float:
    """That of a product, where sums are to be exact in the format itself."""
    sums = 2.0 ** DTYPES[problem.dtype].bits / (GUARDED_DEVIATIONS if guarded else DEVIATIONS)
    return sums / math.sqrt(max(1, products_per_output(problem)))


def survival(
    problem: Problem, radius: int, *, largest: float | None = None, kept: float = 1.0, returned: str = ""
) -> float:
    """The largest probability that one draw misses a wrong output: 1 - (1 - 1/s)^2, s the number of values.

    Where a share d is kept, zero is drawn with probability 1 - d (1 - 1/s), and that is in the place of 1/s.

    Where integers of k bits wrap, zero has divisors: (k + 2) / 2^(k + 1) for a wrong read, if that is more.

    Where sums are rounded to a 16-bit format, `largest` is the largest of them, with a spacing t: a difference of less
    than t may be rounded away. A wrong read makes it a sum of c_j w_j with integers c_j from the other operand, of
    which some |c| is not 0, so one w_j of s has at most 2 t / |c| + 1 bad values; the mean of 1 / |c| is 2 H_R / s.
    """
    dtype = DTYPES[problem.dtype]
    s = (radius + 1 if dtype.kind == "u" else 2 * radius + 1) ** (2 if dtype.kind == "c" else 1)
    bits = 8 * dtype.itemsize
    told = kept * (1 - 1 / s)
    missed = max(1 - told**2, (bits + 2) / 2.0 ** (bits + 1) if dtype.kind in "iu" else 0.0)
    form = DTYPES[returned or problem.dtype]
    if largest is not None and form.narrow and largest > 2**form.bits:
        spacing = 2.0 ** (math.frexp(largest)[1] - form.bits)
        missed += 2 * spacing * 2 * (math.log(radius) + 1) / s**2
    return min(missed, 1.0)


def draw(
    problem: Problem,
    names: Mapping[str, Shape],
    radius: int,
    rng: np.random.Generator,
    *,
    guarded: bool = False,
    uniform: int = 1,
    styles: Sequence[Style] = (),
    scaled: bool = False,
    forms: Mapping[str, str] | None = None,
    most: int = 2**53,
    kept: float = 1.0,
    returned: str = "",
) -> Draws:
    """`uniform` draws of independent integers of at most `radius`, then one of every style.

    `scaled`: every second draw has its operands multiplied by powers of two. `forms`: those that are not contiguous.
    most: no integer is larger, in any style. kept: the share of numbers that are not set to zero; see `density`.
    """
    dtype = DTYPES[problem.dtype]
    places, size = _placed(names, forms or {}, dtype)
    if dtype.kind == "u":
        styles = [style for style in styles if style != "negative"]
    count = uniform + len(styles)
    parts = 2 if dtype.kind == "c" else 1
    values = rng.integers(0 if dtype.kind == "u" else -radius, radius + 1, (parts, count, size)).astype(np.float64)
    if kept < 1:
        values *= rng.random(values.shape) < kept
    blocks: Array = values[0] + 1j * values[1] if parts == 2 else values[0]
    for row, style in zip(blocks[uniform:], styles, strict=True):
        _restyle(row, style, radius, places, rng, dtype, most)
    exponents = np.zeros((count, 3), dtype=np.int64)
    least, most = dtype.exponents
    if scaled and (least or most):
        exponents[1::2] = rng.integers(-(-least // 2), most // 2 + 1, (len(exponents[1::2]), 3))
    return Draws(problem, radius, guarded, places, blocks, exponents, uniform, tuple(styles), kept, returned)


def holds_all(problem: Problem, radius: int, *, guarded: bool) -> bool:
    """Whether float8 has a number for every sum of integers from -R to R, whatever they are; guarded, all of them."""
    dtype = DTYPES[problem.dtype]
    if not dtype.short:
        return True
    largest = 2**dtype.bits if guarded else float8.LARGEST[dtype.name]
    return products_per_output(problem) * radius**2 + radius <= largest


def given(problem: Problem, names: Mapping[str, Shape], operands: Sequence[Mapping[str, Array]]) -> Draws:
    """Draws that are these operands, and were not drawn."""
    dtype = DTYPES[problem.dtype]
    places, size = _placed(names, {}, dtype)
    blocks: Array = np.zeros((len(operands), size), np.complex128 if dtype.kind == "c" else np.float64)
    for row, arrays in zip(blocks, operands, strict=True):
        for name, (layout, start) in places.items():
            row[start : start + layout.size] = arrays[name].ravel()
    return Draws(problem, 0, False, places, blocks, np.zeros((len(operands), 3), dtype=np.int64), 0)


def _restyle(
    row: Array,
    style: Style,
    radius: int,
    places: Mapping[str, tuple[Layout, int]],
    rng: np.random.Generator,
    dtype: DType,
    most: int,
) -> None:
    if style == "sparse":
        row *= rng.random(row.size) < SPARSE
    elif style == "wide":
        _widen(row, min(radius**2, most), places, rng, dtype)
    elif style in ("positive", "negative"):
        row[:] = np.abs(row.real) * (-1 if style == "negative" else 1)
    elif style == "extreme":
        row[:] = radius * np.sign(row.real)
    else:
        for layout, start in places.values():
            row[start : start + layout.size] = row[start : start + 1] if style == "constant" else 0


def _widen(
    row: Array, most: int, places: Mapping[str, tuple[Layout, int]], rng: np.random.Generator, dtype: DType
) -> None:
    """R^2 in one operand and 1 in the others: n products of them make no larger sum than n of R and R.

    A bias stays as it is: it is added, and multiplied by nothing.
    """
    names = [name for name in places if "bias" not in name]
    chosen = names[int(rng.integers(len(names)))]
    most = min(most, int(np.iinfo(dtype.storage).max) if dtype.kind in "iu" else 2**dtype.bits)
    for name in names:
        layout, start = places[name]
        part = row[start : start + layout.size]
        if name == chosen:
            part[:] = rng.integers(0 if dtype.kind == "u" else -most, most + 1, layout.size)
        else:
            part[:] = np.sign(part.real) if dtype.kind != "u" else part.real > 0


def _placed(
    names: Mapping[str, Shape], forms: Mapping[str, str], dtype: DType
) -> tuple[dict[str, tuple[Layout, int]], int]:
    """Every operand's layout and place in the block, and the block's size, in numbers."""
    unit = ALIGNMENT // dtype.itemsize
    places, start = {}, 0
    for name, shape in names.items():
        layout = FORMS[forms.get(name, "contiguous")](shape)
        places[name] = (layout, start)
        start += -(-max(layout.size, 1) // unit) * unit
    return places, start


def generator(seed: int, problem: Problem, salt: int = 0) -> np.random.Generator:
    """The random numbers of one problem: they depend on the seed and the problem, not on what was asked before.

    Philox counts: the seed is its key, and every problem has 2^128 numbers of its own. To set the counter costs a tenth
    of a new generator. The one that is returned is valid until the next is asked for.
    """
    key = np.array([seed % 2**64, 0], dtype=np.uint64)
    counter = np.array([0, 0, zlib.crc32(problem.notation.encode()), salt], dtype=np.uint64)
    _PHILOX.bit_generator.state = {
        "bit_generator": "Philox",
        "state": {"counter": counter, "key": key},
        "buffer": _BUFFER,
        "buffer_pos": 4,
        "has_uint32": 0,
        "uinteger": 0,
    }
    return _PHILOX


def to_bytes(array: Array, dtype: DType) -> bytes:
    """The values in C order; those that a 16-bit or 8-bit format does not hold are rounded, half to even."""
    if dtype.short:
        return float8.codes(array, dtype.name).tobytes()
    if dtype.name == "bfloat16":
        bits = array.astype("<f4").view("<u4")
        array, dtype = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16, DTYPES["uint16"]
    data: bytes = array.astype(dtype.storage).tobytes()
    return data


def from_bytes(data: bytes, dtype: DType, shape: tuple[int, ...]) -> Array:
    """The numbers that an answer's bytes are; bfloat16 and float8 as float32."""
    array: Array = np.frombuffer(data, dtype.storage)
    if dtype.short:
        array = float8.numbers(array, dtype.name)
    if dtype.name == "bfloat16":
        array = (array.astype("<u4") << 16).view("<f4")
    return array.reshape(shape)
