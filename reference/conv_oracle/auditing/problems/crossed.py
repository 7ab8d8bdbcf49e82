"""The sizes of a layer, crossed in threes: classes of channels and of every side, with layers that people build.

A covering array has any three classes together; the number of a class is drawn from the seed of the audit, and where
the array begins, too. So what is wrong where three numbers are odd, or large, is met, and no list of sizes is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from conv_oracle.auditing.problems.reach import Layer, within
from conv_oracle.operation import Operation
from conv_oracle.problem import Problem
from conv_oracle.space import AxisSetting, Channels, covering_array

Setting = tuple[int, int, int, int]
"""Kernel, stride, padding and dilation."""

CONVOLUTIONS: tuple[Setting, ...] = (
    (3, 1, 1, 1),
    (3, 1, 0, 1),
    (3, 2, 1, 1),
    (1, 1, 0, 1),
    (3, 1, 2, 2),
    (2, 2, 0, 1),
    (5, 1, 2, 1),
    (1, 2, 0, 1),
)
TRANSPOSED: tuple[Setting, ...] = (
    (4, 2, 1, 1),
    (2, 2, 0, 1),
    (3, 2, 1, 1),
    (3, 1, 1, 1),
    (3, 1, 0, 1),
    (1, 1, 0, 1),
    (3, 1, 2, 2),
    (4, 4, 0, 1),
)
INPUTS: tuple[Sequence[int], ...] = ((1, 2), (3,), range(4, 17, 4), range(5, 16, 2), range(16, 49, 8), range(17, 50, 2))
OUTPUTS: tuple[Sequence[int], ...] = ((1, 2, 3), range(4, 17, 4), range(5, 16, 2), range(16, 65, 16))
SIZES: tuple[Sequence[int], ...] = (
    range(3, 8, 2),
    range(4, 9, 2),
    range(9, 16, 2),
    range(10, 17, 2),
    range(17, 40, 2),
    range(18, 41, 2),
)
"""The classes: odd and even, below and beyond 8, 16 and what follows."""

LONG: tuple[Sequence[int], ...] = (range(65, 200, 2), range(64, 201, 2))
"""Of one axis alone."""

SPLITS = ("plain", "groups", "depthwise", "plain")
MOST_MULTIPLY_ADDS = 250_000


def crossed(op: Operation, rng: np.random.Generator) -> Iterator[Problem]:
    """Each row of the covering array once, with drawn sizes; some rows have no problem within the limit."""
    settings = TRANSPOSED if op.transposed else CONVOLUTIONS
    sides = SIZES if op.axes > 1 else (*SIZES, *LONG)
    levels = (len(settings), len(INPUTS), len(OUTPUTS), len(SPLITS), 2, *(len(sides),) * op.axes)
    rows = covering_array(levels)
    most = MOST_MULTIPLY_ADDS // (1 + op.axes // 3)
    for turn, row in enumerate(np.roll(rows, int(rng.integers(len(rows))), axis=0).tolist()):
        kernel, stride, padding, dilation = settings[row[0]]
        sizes = [int(rng.choice(sides[level])) for level in row[5:]]
        if not op.transposed and turn % 2:
            sizes = [(size - 1) * stride + dilation * (kernel - 1) + 1 - 2 * padding for size in sizes]
        axes = tuple(AxisSetting(max(size, 1), kernel, stride, (padding, padding), dilation) for size in sizes)
        channels = _channels(int(rng.choice(INPUTS[row[1]])), int(rng.choice(OUTPUTS[row[2]])), SPLITS[row[3]])
        layer = Layer(axes, channels, 1 + turn % 3 // 2, bias=bool(row[4]))
        problem = within(op, layer, most, keep_channels=turn % 4 > 1)
        if problem is not None:
            yield problem


def _channels(inputs: int, outputs: int, split: str) -> Channels:
    """About so many channels: in two or three groups, which divide them, or each by itself."""
    if split == "depthwise":
        return Channels(inputs, inputs * (1 + outputs % 2), inputs)
    groups = 1 if split == "plain" else 2 + inputs % 2
    return Channels(-(-inputs // groups) * groups, -(-outputs // groups) * groups, groups)
