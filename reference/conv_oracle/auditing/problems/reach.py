"""A layer made smaller until its products, and its numbers, are within a limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from conv_oracle.auditing.problems.extents import MOST_NUMBERS, numbers
from conv_oracle.operation import Operation
from conv_oracle.problem import Problem
from conv_oracle.space import AxisSetting, Channels, compose, solvable

FEWEST_OUTPUTS = 4
"""Of so many output channels and fewer, none is taken away."""


@dataclass(frozen=True)
class Layer:
    """A layer and what it runs on, before it is known whether that is too large."""

    axes: tuple[AxisSetting, ...]
    channels: Channels
    batch: int = 1
    bias: bool = False


def within(op: Operation, layer: Layer, most: int, *, keep_channels: bool) -> Problem | None:
    """The layer as a problem of at most so many multiply-adds; None where there is none.

    Output channels are halved first, then the longest axis loses pairs of elements, so that odd stays odd; with
    `keep_channels` the axes alone give way. What has no output at first gets longer axes.
    """
    axes, channels = _with_outputs(op, layer.axes), layer.channels
    while True:
        made = compose(op.family, axes, channels, layer.batch, bias=layer.bias and op.forward)
        made = made if made.operation == op else replace(made, operation=op)
        if not solvable(made):
            return None
        if made.multiply_adds <= most and numbers(made) <= MOST_NUMBERS:
            return made
        if not keep_channels and channels.groups == 1 and channels.outputs > FEWEST_OUTPUTS:
            channels = channels._replace(outputs=channels.outputs // 2)
            continue
        size, place = max((axis.size, place) for place, axis in enumerate(axes))
        if size <= FEWEST_OUTPUTS:
            return None
        shorter = replace(axes[place], size=size - 2 * max(1, size // 16))
        axes = (*axes[:place], shorter, *axes[place + 1 :])


def _with_outputs(op: Operation, axes: Sequence[AxisSetting]) -> tuple[AxisSetting, ...]:
    """The axes of a convolution, each at least as long as its kernel wants."""
    if op.transposed:
        return tuple(axes)
    least = [axis.dilation * (axis.kernel - 1) + 1 - sum(axis.padding) for axis in axes]
    return tuple(replace(axis, size=max(axis.size, size)) for axis, size in zip(axes, least, strict=True))
