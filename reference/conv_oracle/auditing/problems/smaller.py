"""The candidates to which a failing problem may be reduced."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from conv_oracle.auditing.problems.remaking import axes_of, batch_of, channels_of, remade
from conv_oracle.problem import Problem
from conv_oracle.space import AxisSetting, Channels, solvable


def smaller(problem: Problem) -> Iterator[Problem]:
    """Problems that are smaller in one respect (channels, batch, bias, one axis), the largest reductions first."""
    channel_sets = [Channels(1, 1, 1), Channels(2, 1, 1), Channels(1, 2, 1), Channels(2, 2, 2), Channels(2, 4, 2)]
    channel_sets += [Channels(4, 2, 2), Channels(4, 4, 2)]
    axes = axes_of(problem)
    batch = batch_of(problem)
    word = problem.padding if isinstance(problem.padding, str) else None
    channels = channels_of(problem)

    def build(axes: Sequence[AxisSetting], channels: Channels, batch: int | None, bias: bool) -> Iterator[Problem]:
        candidate = remade(problem, axes=axes, channels=channels, batch=batch, bias=bias)
        if candidate != problem and solvable(candidate) and (candidate.multiply_adds > 0 or not batch):
            yield candidate

    if word is not None:
        sides = problem.geometry.padding
        if all(before == after for before, after in sides) and not problem.transposed and problem.operation.forward:
            yield replace(problem, padding=sides)
    for fewer in channel_sets:
        if (fewer.inputs, fewer.outputs) <= (channels.inputs, channels.outputs) and fewer.groups <= channels.groups:
            yield from build(axes, fewer, batch, problem.bias)
    if batch is not None and batch > 1:
        for examples in dict.fromkeys((1, batch // 2, batch - batch // 4, batch - 1)):
            yield from build(axes, channels, examples, problem.bias)
    for fewer in _fewer(channels):
        yield from build(axes, fewer, batch, problem.bias)
    if problem.bias:
        yield from build(axes, channels, batch, False)
    for number, axis in enumerate(axes):
        for less in _less(axis):
            yield from build([*axes[:number], less, *axes[number + 1 :]], channels, batch, problem.bias)


def _fewer(channels: Channels) -> Iterator[Channels]:
    """Half of the channels or of the groups, then one less per group, on one side or on both."""
    inputs, outputs, groups = channels.inputs // channels.groups, channels.outputs // channels.groups, channels.groups
    for n in dict.fromkeys((1, groups // 2, groups - 1)):
        if 1 <= n < groups:
            yield Channels(inputs * n, outputs * n, n)
    for c, m in ((inputs // 2, outputs // 2), (inputs - 1, outputs - 1)):
        for less in ((c, m), (c, outputs), (inputs, m)):
            if min(less) >= 1:
                yield Channels(less[0] * groups, less[1] * groups, groups)


def _less(axis: AxisSetting) -> Iterator[AxisSetting]:
    yield AxisSetting(1, 1, 1, (0, 0), 1)
    for name, least in (("size", 1), ("kernel", 1), ("stride", 1), ("dilation", 1), ("output_padding", 0)):
        value = getattr(axis, name)
        for less in dict.fromkeys((least, value // 2, value - 1)):
            if least <= less < value:
                yield replace(axis, **{name: less})
    before = axis.padding[0]
    for less in dict.fromkeys((0, before // 2, before - 1)):
        if 0 <= less < before:
            yield replace(axis, padding=(less, less))
