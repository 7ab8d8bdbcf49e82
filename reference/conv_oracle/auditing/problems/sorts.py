"""The layers that people run, on images and channels as people have them, which the seed of an audit draws.

A path that is made for one sort of layer branches on the numbers of that sort: three channels, a width that is odd, an
image larger than a tile. So each is asked with its own channels, on images of its own sizes, time and again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from typing import Literal

import numpy as np

from conv_oracle.auditing.problems.extents import MOST_MULTIPLY_ADDS
from conv_oracle.auditing.problems.reach import Layer, within
from conv_oracle.operation import Operation
from conv_oracle.problem import Problem
from conv_oracle.space import AxisSetting, Channels

Split = Literal["plain", "groups", "depthwise"]

LEAST_BEYOND, MOST_BEYOND, TRIED = 2**21, 2**23, 40
"""The multiply-adds of the few problems beyond the limit of all others, and how many are drawn for one of them."""

PARTS = (16, 4, 8, 1, 16, 8, 4)
"""A layer has so much of the most multiply-adds, in turns: few are as large as a problem may be."""

SQUARE_EVERY = 3
BATCHES = (1, 1, 1, 2, 3)
POINT = AxisSetting(1, 1, 1, (0, 0), 1)
IN_TIME = AxisSetting(1, 3, 1, (1, 1), 1)
"""A kernel of one along an axis of an image, and along time one that keeps it as long."""


@dataclass(frozen=True)
class Sort:
    """One setting on every axis, and the channels and sizes to draw from.

    sizes: the least and the largest, of an image's sides; one axis alone is up to four times as long, three are
    half as long.
    """

    kernel: int
    stride: int
    padding: int
    dilation: int
    inputs: Sequence[int]
    outputs: Sequence[int]
    sizes: tuple[int, int]
    split: Split = "plain"
    output_padding: int = 0


COLOURS, BODY, NARROW, PIXELS = (3, 3, 1, 4), (16, 32, 64, 24, 48), (8, 16, 12, 10, 20), (14, 33)
ANY = (16, 32, 33, 64, 65, 40)

CONVOLUTIONS: tuple[Sort, ...] = (
    Sort(3, 2, 1, 1, (3,), (8, 16, 32), (17, 66)),
    Sort(3, 1, 1, 1, BODY, (16, 64, 32), PIXELS),
    Sort(3, 1, 2, 2, BODY, (4, 16, 21), (16, 40)),
    Sort(7, 2, 3, 1, COLOURS, (4, 8, 16, 64), (14, 66)),
    Sort(1, 1, 0, 1, (64, 16, 32, 128), (64, 16, 48), (7, 28)),
    Sort(3, 1, 1, 1, ANY, (), PIXELS, "depthwise"),
    Sort(16, 16, 0, 1, (3,), (8, 16), (32, 70)),
    Sort(3, 1, 0, 1, NARROW, NARROW, (9, 33)),
    Sort(3, 1, 1, 1, COLOURS, (8, 16, 64), PIXELS),
    Sort(1, 2, 0, 1, BODY, (16, 32, 64), (8, 33)),
    Sort(3, 2, 1, 1, BODY, (16, 32, 8), PIXELS),
    Sort(3, 2, 1, 1, ANY, (), PIXELS, "depthwise"),
    Sort(3, 2, 0, 1, COLOURS, (8, 16), (17, 66)),
    Sort(5, 1, 2, 1, (1, 3, 6, 16), (6, 16), (14, 33)),
    Sort(3, 1, 1, 1, BODY, (16, 64, 32), PIXELS),
    Sort(4, 4, 0, 1, (3, 1), (16, 8, 24), (16, 66)),
    Sort(4, 2, 1, 1, (3, 16, 8, 32), (8, 16), (16, 48)),
    Sort(3, 1, 1, 1, (32, 64), (32, 64), PIXELS, "groups"),
    Sort(3, 1, 4, 4, BODY, (4, 8), (16, 40)),
    Sort(5, 2, 2, 1, COLOURS, (6, 8), (16, 50)),
    Sort(2, 2, 0, 1, BODY, (16, 32), (8, 33)),
    Sort(7, 1, 3, 1, (16, 32, 24), (), (14, 33), "depthwise"),
    Sort(5, 1, 2, 1, ANY, (), (9, 33), "depthwise"),
    Sort(5, 1, 0, 1, (1, 3, 6), (6, 16), (14, 33)),
    Sort(11, 4, 2, 1, (3,), (8,), (33, 67)),
    Sort(8, 8, 0, 1, (3, 1), (8, 16), (32, 70)),
    Sort(5, 2, 2, 1, ANY, (), PIXELS, "depthwise"),
    Sort(3, 1, 6, 6, (16, 32), (4, 8), (16, 40)),
    Sort(9, 1, 4, 1, COLOURS, (4, 8), (14, 33)),
    Sort(14, 14, 0, 1, (3,), (8, 16), (28, 70)),
    Sort(3, 1, 2, 2, ANY, (), (16, 40), "depthwise"),
    Sort(7, 1, 3, 1, COLOURS, (4, 8), PIXELS),
    Sort(3, 2, 1, 1, (32, 64), (32, 64), PIXELS, "groups"),
)

TRANSPOSED: tuple[Sort, ...] = (
    Sort(4, 2, 1, 1, BODY, (8, 16, 3), (5, 33)),
    Sort(2, 2, 0, 1, BODY, (8, 16, 32), (7, 33)),
    Sort(3, 2, 1, 1, BODY, (8, 16), (7, 33), output_padding=1),
    Sort(4, 2, 1, 1, NARROW, (3, 1), (9, 33)),
    Sort(3, 1, 1, 1, NARROW, (8, 3), PIXELS),
    Sort(4, 1, 0, 1, (64, 32, 100), (16, 32), (1, 4)),
    Sort(5, 2, 2, 1, NARROW, (8, 3), (7, 28), output_padding=1),
    Sort(4, 2, 1, 1, ANY, (), (7, 33), "depthwise"),
    Sort(4, 4, 0, 1, BODY, (4, 8), (7, 17)),
    Sort(3, 2, 1, 1, BODY, (8, 16), (7, 33)),
    Sort(8, 4, 2, 1, NARROW, (3, 2), (7, 17)),
    Sort(2, 1, 0, 1, NARROW, (8, 3), PIXELS),
    Sort(16, 8, 4, 1, (8, 4), (2, 1), (4, 17)),
    Sort(4, 2, 1, 1, (16, 32), (16, 32), (7, 28), "groups"),
    Sort(3, 1, 2, 2, NARROW, (8, 4), PIXELS),
    Sort(5, 1, 2, 1, (8, 3), (6, 3), PIXELS),
)

OF_TIME: tuple[Sort, ...] = (
    Sort(2, 1, 1, 1, BODY, (16, 32), (16, 66)),
    Sort(3, 1, 2, 1, BODY, (16, 32), (16, 66)),
    Sort(3, 1, 4, 2, BODY, (16, 32), (16, 66)),
    Sort(2, 1, 4, 4, BODY, (16, 32), (16, 66)),
    Sort(10, 5, 0, 1, (1, 16), (16, 64), (20, 66)),
    Sort(31, 1, 15, 1, (16, 32, 64), (), (16, 66), "depthwise"),
    Sort(3, 1, 1, 1, (80, 40), (64, 32), (16, 50)),
    Sort(16, 8, 0, 1, (1, 2), (64, 16), (20, 66)),
    Sort(2, 1, 16, 16, BODY, (16, 8), (20, 66)),
    Sort(4, 1, 3, 1, ANY, (), (16, 66), "depthwise"),
)
"""Of sound and sequences: causal layers are padded on both sides, and what is too long is cut off behind them."""


def sorts(op: Operation) -> tuple[Sort, ...]:
    """The sorts of layers of an operation, the most common first; 3x3 comes twice."""
    if op.transposed:
        return TRANSPOSED
    if op.axes > 1:
        return CONVOLUTIONS
    ahead = len(OF_TIME)
    mixed = [one for pair in zip(OF_TIME, CONVOLUTIONS[:ahead], strict=True) for one in pair]
    return (*mixed, *CONVOLUTIONS[ahead:])


def drawn_sorts(op: Operation, rng: np.random.Generator, limits: Sequence[int] = ()) -> Iterator[Problem]:
    """Each sort in turn, without end, on sizes that are drawn; limits: of multiply-adds, which take turns too."""
    listed = sorts(op)
    limits = limits or [MOST_MULTIPLY_ADDS // (part * (1 + op.axes // 3)) for part in PARTS]
    for turn in count():
        for number, sort in enumerate(listed):
            layer = _drawn(sort, op, rng, turn)
            most = limits[(turn * len(listed) + number) % len(limits)]
            problem = within(op, layer, most, keep_channels=(turn + number) % 2 == 1)
            if problem is not None:
                yield problem


def beyond(op: Operation, rng: np.random.Generator, most: int) -> list[Problem]:
    """At most so many layers of more multiply-adds than any other problem has."""
    tried = islice(drawn_sorts(op, rng, (MOST_BEYOND,)), TRIED * most)
    return list(islice((problem for problem in tried if problem.multiply_adds > LEAST_BEYOND), most))


def _drawn(sort: Sort, op: Operation, rng: np.random.Generator, turn: int) -> Layer:
    """A layer of a sort: square in one turn of a few, else each side for itself."""
    low, high = sort.sizes
    longest = {1: 4 * high, 2: high}.get(op.axes, max(low, high // 2))
    sizes = rng.integers(low, longest + 1, op.axes).tolist()
    if turn % SQUARE_EVERY == 1:
        sizes = [sizes[0]] * op.axes
    sides = (sort.padding, sort.padding)
    axes = [
        AxisSetting(size, sort.kernel, sort.stride, sides, sort.dilation, sort.output_padding if op.transposed else 0)
        for size in sizes
    ]
    flat = {2: POINT if turn % 5 == 4 else None, 3: (None, IN_TIME, POINT)[turn % 3]}.get(op.axes)
    if flat is not None:
        place = int(rng.integers(2)) if op.axes == 2 else 0
        axes[place] = AxisSetting(sizes[place], flat.kernel, 1, flat.padding, 1)
    channels = _channels(sort, rng)
    return Layer(tuple(axes), channels, int(rng.choice(BATCHES)), bias=bool(rng.integers(2)))


def _channels(sort: Sort, rng: np.random.Generator) -> Channels:
    inputs = int(rng.choice(sort.inputs))
    if sort.split == "depthwise":
        return Channels(inputs, inputs * int(rng.choice((1, 1, 2))), inputs)
    outputs = int(rng.choice(sort.outputs))
    return Channels(inputs, outputs, int(rng.choice((2, 4, 8, 16, 32))) if sort.split == "groups" else 1)
