"""Random operands: integers that every order of summation adds exactly, in blocks of memory.

Scaled by powers of two they stay exact, so that faults that depend on magnitude (clamps, thresholds) show as well.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from conv_oracle.auditing.operands.exactness import survival
from conv_oracle.auditing.operands.formats import DTYPES, DType, to_bytes
from conv_oracle.auditing.operands.layouts import FORMS, Layout
from conv_oracle.geometry import Shape
from conv_oracle.passes import Array
from conv_oracle.problem import Problem

ALIGNMENT = 64
SPARSE = 0.15

_PHILOX = np.random.Generator(np.random.Philox(0))
_BUFFER = np.zeros(4, dtype=np.uint64)
Style = Literal["sparse", "wide", "positive", "negative", "extreme", "constant", "zero"]
STYLES: tuple[Style, ...] = ("sparse", "wide", "positive", "extreme", "wide", "negative", "constant", "zero")
"""What a draw may look like besides uniform, in turn. No confidence is claimed for these: each is there for a kind of
value-dependent fault (skipped zeros, a fused activation, saturation; of `wide`, which has one operand of many bits
and +-1 in the others: operands that are rounded)."""

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

    problem: whose operands they are. radius: the largest magnitude of an integer; guarded: whether sums leave room for
    rounding. places: per operand its layout, and the element of the block at which that begins.
    integers: (draws, elements of a block), float64 or complex128; exponents: (draws, 3), the powers of two that input,
    weight and grad_output are scaled by. uniform: how many draws are uniform; one per entry of `styles` follows.
    kept: the share of elements that were not set to zero. returned: the dtype of the result, where it is a wider one.
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
        """All draws of an operand, not scaled: (draws, *shape)."""
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
        """(draws,) factors of an array that scales with the given powers of (input, weight, grad_output)."""
        scale: Array = np.ldexp(1.0, self.exponents @ np.array(times))
        return scale

    def survival(self, *, largest: float | None = None) -> float:
        """The largest probability that one draw misses a wrong output; see `exactness.survival`."""
        return survival(self.problem, self.radius, largest=largest, kept=self.kept, returned=self.returned)

    @cached_property
    def scaled(self) -> bool:
        """Whether any draw is scaled."""
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


def draw(
    problem: Problem,
    shapes: Mapping[str, Shape],
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
    """`uniform` draws of independent integers of magnitude at most `radius`, then one draw per style.

    shapes: of the operands by name. rng: the source of randomness. guarded: noted in the result.
    scaled: whether every second draw has its operands multiplied by powers of two. forms: the layout of operands that
    are not in C order, by name. most: the largest magnitude in any style. kept: the share of elements that are not set
    to zero; see `density`. returned: the dtype of the result, where it is a wider one; noted.
    """
    dtype = DTYPES[problem.dtype]
    places, size = _placed(shapes, forms or {}, dtype)
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
    lowest, highest = dtype.exponents
    if scaled and (lowest or highest):
        exponents[1::2] = rng.integers(-(-lowest // 2), highest // 2 + 1, (len(exponents[1::2]), 3))
    return Draws(problem, radius, guarded, places, blocks, exponents, uniform, tuple(styles), kept, returned)


def given(problem: Problem, shapes: Mapping[str, Shape], operands: Sequence[Mapping[str, Array]]) -> Draws:
    """These operands as draws: one mapping by name per draw, arrays of these shapes, in C order."""
    dtype = DTYPES[problem.dtype]
    places, size = _placed(shapes, {}, dtype)
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
    shapes: Mapping[str, Shape], forms: Mapping[str, str], dtype: DType
) -> tuple[dict[str, tuple[Layout, int]], int]:
    """Every operand's layout and place in the block, and the block's size, in numbers."""
    unit = ALIGNMENT // dtype.itemsize
    places, start = {}, 0
    for name, shape in shapes.items():
        layout = FORMS[forms.get(name, "contiguous")](shape)
        places[name] = (layout, start)
        start += -(-max(layout.size, 1) // unit) * unit
    return places, start


def generator(seed: int, problem: Problem, salt: int = 0) -> np.random.Generator:
    """The random numbers of one problem: they depend on the seed, the problem and the salt alone.

    Philox counts: the seed is its key, and every problem has 2^128 numbers of its own. Setting the counter costs a
    tenth of a new generator. The one that is returned is valid until the next is asked for.
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
