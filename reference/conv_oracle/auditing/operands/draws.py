"""Random operands: integers that every order of summation adds exactly, in blocks of memory.

Scaled by powers of two they stay exact, so that faults that depend on magnitude (clamps, thresholds) show as well.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from conv_oracle.auditing.operands.exactness import survival
from conv_oracle.auditing.operands.formats import DTYPES, DType, to_bytes
from conv_oracle.auditing.operands.layouts import FORMS, Layout, viewed
from conv_oracle.auditing.operands.styles import FEW_EXPONENTS, Looks, Style, exponents_of, fits, restyle
from conv_oracle.geometry import Shape
from conv_oracle.passes import Array
from conv_oracle.problem import Problem

ALIGNMENT = 64

_PHILOX = np.random.Generator(np.random.Philox(0))
_KEY, _COUNTER, _BUFFER = np.zeros(2, np.uint64), np.zeros(4, np.uint64), np.zeros(4, np.uint64)

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
    integers: (draws, elements of a block), float64 or complex128; int64 (of uint64, uint64) where the ends of an
    integer dtype are among them, which wrap as it does; exponents: (draws, 3), the powers of two that input,
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
        return self._survival if largest is None else self._surviving(largest)

    @cached_property
    def _survival(self) -> float:
        return self._surviving(None)

    def _surviving(self, largest: float | None) -> float:
        return survival(self.problem, self.radius, largest=largest, kept=self.kept, returned=self.returned)

    @cached_property
    def scaled(self) -> bool:
        """Whether any draw is scaled."""
        return bool(self.exponents.any())

    def _scaled(self) -> Array:
        if not self.scaled:
            return self.integers
        blocks = self.integers.copy()
        times = np.array([SCALED[name] for name in self.places])
        for (layout, start), scale in zip(self.places.values(), np.ldexp(1.0, times @ self.exponents.T), strict=True):
            blocks[:, start : start + layout.size] *= scale[:, None]
        return blocks

    def _view(self, blocks: Array, name: str) -> Array:
        return viewed(blocks, *self.places[name])


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
    """`uniform` draws of independent integers of magnitude at most `radius`, then one per style that fits the problem.

    shapes: of the operands by name. rng: the source of randomness. guarded: noted in the result.
    scaled: whether every second draw has its operands multiplied by powers of two. forms: the layout of operands that
    are not in C order, by name. most: the largest magnitude in any style. kept: the share of elements that are not set
    to zero; see `density`. returned: the dtype of the result, where it is a wider one; noted.
    """
    dtype = DTYPES[problem.dtype]
    places, size = _placed(shapes, forms or {}, dtype)
    styles = [style for style in styles if fits(style, problem)]
    count = uniform + len(styles)
    parts = 2 if dtype.kind == "c" else 1
    values = rng.integers(0 if dtype.kind == "u" else -radius, radius + 1, (parts, count, size)).astype(np.float64)
    if kept < 1:
        values *= rng.random(values.shape) < kept
    blocks: Array = values[0] + 1j * values[1] if parts == 2 else values[0]
    exponents = np.zeros((count, 3), dtype=np.int64)
    lowest, highest = dtype.exponents
    if scaled and (lowest or highest):
        exponents[1::2] = rng.integers(-(-lowest // 2), highest // 2 + 1, (len(exponents[1::2]), 3))
    least = lowest if scaled else max(lowest, FEW_EXPONENTS)
    if dtype.kind in "iu" and "extreme" in styles:  # float64 holds the ends of 64 bits no more than their sums
        blocks = blocks.astype(np.uint64 if dtype.name == "uint64" else np.int64)
    for number, style in enumerate(styles, uniform):
        looks = Looks(places, problem.dimensions, radius, most, dtype, least, whole=kept == 1)
        restyle(blocks[number], style, looks, rng)
        if (own := exponents_of(style, looks)) is not None:
            exponents[number] = own
    return Draws(problem, radius, guarded, places, blocks, exponents, uniform, tuple(styles), kept, returned)


def given(problem: Problem, shapes: Mapping[str, Shape], operands: Sequence[Mapping[str, Array]]) -> Draws:
    """These operands as draws: one mapping by name per draw, arrays of these shapes, in C order."""
    dtype = DTYPES[problem.dtype]
    places, size = _placed(shapes, {}, dtype)
    wide = np.dtype(np.complex128 if dtype.kind == "c" else np.float64)
    if dtype.kind in "iu" and operands:  # of 64 bits, float64 does not hold all
        wide = np.result_type(*(array.dtype for one in operands for array in one.values()))
    blocks: Array = np.zeros((len(operands), size), wide)
    for row, arrays in zip(blocks, operands, strict=True):
        for name, (layout, start) in places.items():
            row[start : start + layout.size] = arrays[name].ravel()
    return Draws(problem, 0, False, places, blocks, np.zeros((len(operands), 3), dtype=np.int64), 0)


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
    _KEY[0] = seed % 2**64
    _COUNTER[2], _COUNTER[3] = zlib.crc32(problem.notation.encode()), salt
    _PHILOX.bit_generator.state = {
        "bit_generator": "Philox",
        "state": {"counter": _COUNTER, "key": _KEY},
        "buffer": _BUFFER,
        "buffer_pos": 4,
        "has_uint32": 0,
        "uinteger": 0,
    }
    return _PHILOX
