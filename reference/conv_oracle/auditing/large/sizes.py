"""Layers whose arrays, or the workspace of which, have more elements or bytes than an index of some bits counts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from conv_oracle.auditing.operands import DTYPES
from conv_oracle.auditing.options import BESIDES
from conv_oracle.auditing.sandbox import Binding
from conv_oracle.geometry import Shape, conv_transpose_output_size
from conv_oracle.operation import Operation
from conv_oracle.problem import Problem, parse, problem
from conv_oracle.space import solvable

BEYOND = 32
"""An array has one element in so many more than an index counts."""

MOST_MULTIPLY_ADDS_PER_INDEX = 5
"""With 2^31: some 10^10."""

LARGEST_DENSE = 1 << 24
"""The most elements of an array, and a quarter of the multiply-adds, of what other levels ask, with room."""

MANY = 70_001
"""The most channels or examples: more than 16 bits count."""

LAYERS: dict[int, tuple[str, ...]] = {
    1: ("x1x1x160000 w512x1x400 s160", "x4x1024x16384 w1024x1x31 p15 g1024", "x4x256x8192 w256x256x3 p1"),
    2: (
        "x8x384x56x56 w384x1x7x7 p3 g384",
        "x8x64x56x56 w64x64x3x3 p1",
        "x1x256x65x65 w256x256x3x3 p12 d12",
        "x32x3x224x224 w64x3x7x7 s2 p3",
        "x2x256x64x64 w512x256x3x3 p1",
    ),
    3: ("x1x64x16x56x56 w64x64x3x1x1 p1,0,0", "x1x32x32x56x56 w64x32x3x3x3 p1"),
}
"""Layers of real size that people build, of 10^8 to 10^10 multiply-adds."""


@dataclass(frozen=True)
class Roles:
    """The arrays of a problem by their place in the index map, and the workspace that may be made of them.

    x: the side that is read with strides, (N, C, *I); w: (M, C / groups, *K); y: the other side, (N, M, *O).
    ko, ok: the workspace of im2col, (C, *K, *O) or (*O, C, *K), for one image. names: PyTorch's name of each.
    """

    shapes: dict[str, Shape]
    names: dict[str, str]

    @property
    def sizes(self) -> dict[str, int]:
        """The elements of each."""
        return {name: math.prod(shape) for name, shape in self.shapes.items()}


def roles(asked: Problem) -> Roles:
    """The arrays of a problem by their roles."""
    g, op = asked.geometry, asked.operation
    taps, positions = (g.in_channels, *g.kernel_size), g.output_size
    shapes = {"x": g.input_shape, "w": g.weight_shape, "y": g.output_shape}
    read, written = ("output", "input") if op.transposed else ("input", "output")
    names = {"x": read, "w": "weight", "y": written}
    if not op.forward:
        names |= {role: f"grad_{name}" for role, name in names.items() if f"grad_{name}" == op.returns}
        names |= {role: "grad_output" for role, name in names.items() if name == "output"}
    names |= {"ko": "workspace", "ok": "workspace"}
    return Roles({**shapes, "ko": (*taps, *positions), "ok": (*positions, *taps)}, names)


def is_large(asked: Problem) -> bool:
    """Whether a problem is so large that level large alone can ask it."""
    if not solvable(asked):
        return False
    return max(roles(asked).sizes[role] for role in "xwy") > LARGEST_DENSE or asked.multiply_adds > 4 * LARGEST_DENSE


def result_role(asked: Problem) -> str:
    """The role of the array that the operation returns."""
    names = roles(asked).names
    return next(role for role in "xwy" if names[role] == asked.operation.returns)


def thresholds(dtype: str, bits: int) -> tuple[int, ...]:
    """So many elements, or bytes, an index of `bits` bits counts, or one of a bit more: in elements, the most first."""
    size = DTYPES[dtype].itemsize
    return tuple(sorted({(1 << b) // unit for b in (bits, bits + 1) for unit in (1, size)}, reverse=True))


def bytes_of(asked: Problem, *, workspace: bool) -> int:
    """The bytes of a problem's arrays together, and of its workspace."""
    sizes = roles(asked).sizes
    count = sizes["x"] + sizes["w"] + sizes["y"] + (sizes["ko"] if workspace else 0)
    return count * DTYPES[asked.dtype].itemsize


@dataclass(frozen=True)
class Wanted:
    """An array to ask beyond an index, by its role, in several ways: the first that a subject takes is asked."""

    role: str
    ways: tuple[Problem, ...]


@dataclass(frozen=True)
class Choice:
    """Problems for one purpose, the largest first: the next one is asked where one is not answered.

    array: the one that is beyond an index in them; '' for a layer of real size. problems: none where none fits.
    """

    array: str
    problems: tuple[Problem, ...]


def choices(op: Operation, dtype: str, binding: Binding, bits: int, memory: int) -> list[Choice]:
    """What is asked in one dtype, the cheapest first of what reveals most; with no problem where none fits.

    bits: those of the shortest index. memory: in bytes, what a process may hold.
    """
    found = list[Choice]()
    limits = thresholds(dtype, bits)
    for wanted in zip(*(_wanted(op, limit + limit // BEYOND + 1) for limit in limits), strict=True):
        fitting = (_first(*one, dtype, binding, bits, memory) for one in zip(wanted, limits, strict=True))
        array = roles(wanted[0].ways[0]).names[wanted[0].role]
        found.append(Choice(array, tuple(dict.fromkeys(one for one in fitting if one is not None))))
    return found + _layers(op, dtype, binding, bits, memory)


def _first(wanted: Wanted, threshold: int, dtype: str, binding: Binding, bits: int, memory: int) -> Problem | None:
    """The first way that the subject takes; None where there is none."""
    ways = (binding.fitted(replace(way, dtype=dtype)) for way in wanted.ways)
    return next((one for one in ways if _fits(one, wanted.role, threshold, binding, bits, memory)), None)


def _layers(op: Operation, dtype: str, binding: Binding, bits: int, memory: int) -> list[Choice]:
    """Layers of real size, as far as the subject takes them."""
    listed = (binding.fitted(replace(_as(op, notation), dtype=dtype)) for notation in LAYERS[op.axes])
    return [Choice("", (one,)) for one in dict.fromkeys(listed) if _fits(one, "", 0, binding, bits, memory)]


def _fits(asked: Problem, role: str, threshold: int, binding: Binding, bits: int, memory: int) -> bool:
    """Whether the subject takes a problem, the array is beyond the threshold in it, and it is not beyond the memory."""
    if not solvable(asked) or binding.refuses(asked) is not None:
        return False
    cheap = asked.multiply_adds <= MOST_MULTIPLY_ADDS_PER_INDEX << bits
    held = bytes_of(asked, workspace=role == "ko") + BESIDES
    return cheap and held <= memory and (not role or roles(asked).sizes[role] > threshold)


def _wanted(op: Operation, elements: int) -> Iterator[Wanted]:
    """Every array with at least so many elements: in one channel, over many, over many examples, and in groups."""
    d = op.axes
    line = (1,) * (d - 1)
    deep, few = min(MANY, max(2, elements // 200)), min(MANY, max(2, elements // 600))
    steps = {1: 64, 2: 8, 3: 4}[d]
    pair = (*line, 2)

    def strided(batch: int, channels: int, out: int, groups: int, stride: Sequence[int], kernel: int = 3) -> Problem:
        """An image of so many elements, of which few are left."""
        sizes = _spread(math.ceil(elements / (batch * channels)), d)
        left = [math.ceil(max(size - kernel, 0) / s) + 1 for size, s in zip(sizes, stride, strict=True)]
        return _problem(op, batch, channels, out, groups, left, (kernel,) * d, stride)

    def dense(batch: int, channels: int, out: int, over: int, kernel: Sequence[int]) -> Problem:
        """An image with an output of as many positions as make so many elements of `over` at each."""
        return _problem(op, batch, channels, out, 1, _spread(math.ceil(elements / over), d), kernel, (1,) * d)

    far = (*line, 64)
    yield Wanted("x", (strided(1, 1, 1, 1, far), strided(1, 1, 1, 1, (steps,) * d), dense(1, 1, 1, 1, (*line, 3))))
    yield Wanted("y", (dense(1, 1, deep, deep, pair), dense(1, 1, deep, deep, (2,) * d)))
    taps, wide = {1: 31, 2: 121, 3: 125}[d], {1: (31,), 2: (11, 11), 3: (5, 5, 5)}[d]
    yield Wanted("ko", (dense(1, 16, 1, 16 * taps, wide), dense(1, 64, 1, 64 * 3**d, (3,) * d)))
    across = (*line, 2)
    outs = math.ceil(elements / (64 * 3**d))
    yield Wanted("w", (_problem(op, 1, 64, outs, 1, across, (3,) * d, (1,) * d),))
    yield Wanted("x", (strided(few, 3, 1, 1, (*line, 16)), strided(few, 3, 1, 1, (steps,) * d)))
    yield Wanted("y", (dense(few, 1, 64, few * 64, pair), dense(few, 1, 64, few * 64, (2,) * d)))
    yield Wanted("x", (dense(1, deep, 1, deep, pair), dense(1, deep, 1, deep, (1,) * d)))
    yield Wanted("x", (strided(1, 61, 61, 61, far), strided(1, 61, 61, 61, (steps,) * d)))
    yield Wanted("w", (_problem(op, 1, outs, 64, 1, across, (3,) * d, (1,) * d),))
    yield Wanted("y", (dense(1, 1, 1, 1, pair),))


def _spread(elements: int, axes: int) -> tuple[int, ...]:
    """Sizes of so many axes with at least so many elements, none equal to another where they are large."""
    sizes: list[int] = []
    for left in range(axes, 1, -1):
        sizes.append(max(1, int(elements ** (1 / left)) - left))
        elements = math.ceil(elements / sizes[-1])
    return (*sizes, max(1, elements))


def _problem(
    op: Operation,
    batch: int,
    channels: int,
    out: int,
    groups: int,
    positions: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
) -> Problem:
    """The problem whose index map has these sizes: x is (batch, channels, ...), y is (batch, out, *positions)."""
    image = tuple((o - 1) * s + k for o, s, k in zip(positions, stride, kernel, strict=True))
    x, y = (batch, channels, *image), (batch, out, *positions)
    weight = (out, channels // groups, *kernel)
    return problem(op, y if op.transposed else x, weight, stride=tuple(stride), groups=groups)


def _as(op: Operation, notation: str) -> Problem:
    """A layer, as a convolution is written, with its index map in another operation."""
    forward = parse(f"conv{op.axes}d {notation}")
    if not op.transposed:
        return replace(forward, operation=op)
    g = forward.geometry
    made = replace(forward, operation=op, input_shape=g.output_shape)
    rest = zip(g.input_size, g.output_size, g.kernel_size, g.stride, g.padding, g.dilation, strict=True)
    more = tuple(i - conv_transpose_output_size(o, k, s, p[0], p[1], 0, d) for i, o, k, s, p, d in rest)
    return replace(made, output_padding=more)
