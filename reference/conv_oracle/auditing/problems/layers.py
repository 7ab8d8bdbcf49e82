"""The layers that people build: the same kernel, stride, padding and dilation on every axis.

Libraries have special paths for many of them, selected by exactly these parameters. So each is tested by itself, in
addition to the covering arrays, in which the axes differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from conv_oracle.auditing.problems.extents import affordable
from conv_oracle.geometry import kernel_span
from conv_oracle.operation import Family, Operation
from conv_oracle.problem import Problem
from conv_oracle.space import AxisSetting, Channels, compose, solvable

Setting = tuple[int, int, int, int]
"""Kernel, stride, padding and dilation."""

FAMOUS: tuple[Setting, ...] = (
    (3, 1, 1, 1),
    (3, 2, 1, 1),
    (1, 1, 0, 1),
    (1, 2, 0, 1),
    (7, 2, 3, 1),
    (5, 1, 2, 1),
    (4, 2, 1, 1),
    (3, 1, 2, 2),
    (2, 2, 0, 1),
    (4, 4, 0, 1),
    (5, 2, 2, 1),
    (7, 1, 3, 1),
    (3, 1, 4, 4),
    (11, 4, 2, 1),
    (4, 1, 3, 1),
    (16, 16, 0, 1),
    (8, 4, 2, 1),
    (7, 4, 3, 1),
    (9, 1, 4, 1),
    (3, 1, 6, 6),
    (10, 5, 0, 1),
    (16, 8, 4, 1),
    (5, 2, 0, 1),
    (3, 1, 12, 12),
    (3, 1, 18, 18),
    (3, 1, 24, 24),
    (3, 1, 36, 36),
    (2, 1, 0, 32),
    (2, 1, 64, 64),
)
"""Of residual, generative and segmenting networks, of patches, and of stacks of dilated layers: tested first."""

KERNELS, STRIDES, DILATIONS = (3, 1, 2, 5, 4, 7, 6, 8, 9, 11), (1, 2, 4, 3, 5, 8), (1, 2, 4, 3, 5, 6, 8)
LONGEST_DILATED = 5
MOST_MULTIPLY_ADDS = 400_000
POINT = AxisSetting(3, 1, 1, (0, 0), 1)
PADDED = AxisSetting(3, 3, 1, (1, 1), 1)
"""An axis along which nothing is summed, and that of time in a first layer of video."""

CHANNELS = (Channels(4, 6, 2), Channels(3, 3, 3), Channels(2, 4, 2), Channels(8, 16, 1), Channels(6, 4, 2))
PLAIN = (Channels(3, 4, 1), Channels(2, 3, 1), Channels(1, 2, 1))
FAMOUS_CHANNELS = (PLAIN[0], Channels(3, 3, 3), Channels(4, 6, 2), Channels(64, 64, 32))


def layers(op: Operation) -> Iterator[Problem]:
    """Every layer without groups, and with one of the other channel patterns, the famous ones first."""
    family, dimensions = op.family, op.axes
    for turn, (kernel, stride, padding, dilation) in enumerate(settings()):
        largest = max(stride, dilation) - 1 if family == "conv_transpose" else 0
        extras = dict.fromkeys((0, largest)) if turn < len(FAMOUS) else (largest * (turn % 2),)
        for extra in extras:
            axis = _axis(family, kernel, stride, padding, dilation, extra, turn)
            for axes, channels in _arranged(axis, dimensions, turn):
                candidate = compose(family, axes, channels, 1 + turn % 2, bias=bool(turn % 3 == 0))
                candidate = replace(candidate, operation=op, bias=candidate.bias and op.forward)
                if solvable(candidate) and affordable(candidate) and candidate.multiply_adds <= MOST_MULTIPLY_ADDS:
                    yield candidate


def _arranged(axis: AxisSetting, dimensions: int, turn: int) -> Iterator[tuple[list[AxisSetting], Channels]]:
    """The setting on every axis, with and without groups.

    A famous one with more channels, too; along each axis alone, along all but each, with a stride along all but each,
    and behind a first axis of kernel 3.
    """
    whole = [axis] * dimensions
    if turn >= len(FAMOUS):
        yield from ((whole, channels) for channels in (PLAIN[turn % len(PLAIN)], CHANNELS[turn % len(CHANNELS)]))
        return
    yield from ((whole, channels) for channels in FAMOUS_CHANNELS)
    if dimensions == 1:
        return
    for along in range(dimensions):
        others = [POINT, replace(axis, stride=1)] if axis.stride > 1 else [POINT]
        mixed = [[other if number == along else axis for number in range(dimensions)] for other in others]
        mixed.append([axis if number == along else POINT for number in range(dimensions)])
        for number, axes in enumerate(mixed):
            yield axes, FAMOUS_CHANNELS[(turn + number) % 3]
    yield [PADDED, *whole[1:]], PLAIN[0]


def settings() -> list[Setting]:
    """The famous ones, then every combination whose padding has a reason: none, half, 'same', 'full'."""
    found = list(FAMOUS)
    for kernel, stride, dilation in product(KERNELS, STRIDES, DILATIONS):
        if dilation > 1 and not 1 < kernel <= LONGEST_DILATED:
            continue
        reach = dilation * (kernel - 1)
        usual = kernel <= LONGEST_DILATED and stride <= 2
        paddings = (0, reach // 2, reach, 1) if usual else (0, reach // 2)
        found += [(kernel, stride, padding, dilation) for padding in paddings]
    return list(dict.fromkeys(found))


def _axis(family: Family, kernel: int, stride: int, padding: int, dilation: int, extra: int, turn: int) -> AxisSetting:
    """With two or three outputs, in every second layer a remainder, and wide enough for two elements of the kernel."""
    span = kernel_span(kernel, dilation)
    if family == "conv":
        size = (
            max(span - 2 * padding, dilation if dilation > 1 else 1)
            + stride * (1 + turn % 2)
            + (stride - 1) * (turn % 3 == 1)
        )
    else:
        size = 2 + turn % 2 + max(0, 2 * padding - span) // stride
    return AxisSetting(size, kernel, stride, (padding, padding), dilation, extra)
