"""The candidates to which a failing problem may be reduced."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from conv_oracle.operation import Family
from conv_oracle.problem import Problem
from conv_oracle.space import AxisSetting, Channels, compose, solvable


def smaller(problem: Problem) -> Iterator[Problem]:
    """Problems that are smaller in one respect (channels, batch, bias, one axis), the largest reductions first."""
    channel_sets = [Channels(1, 1, 1), Channels(2, 1, 1), Channels(1, 2, 1), Channels(2, 2, 2), Channels(2, 4, 2)]
    channel_sets += [Channels(4, 2, 2), Channels(4, 4, 2)]
    family = problem.operation.family
    axes = _axes(problem)
    batch = problem.input_shape[0] if problem.batched else None
    word = problem.padding if isinstance(problem.padding, str) else None
    channels = _channels(problem, family)

    def build(axes: Sequence[AxisSetting], channels: Channels, batch: int | None, bias: bool) -> Iterator[Problem]:
        candidate = compose(family, axes, channels, batch, padding=word, bias=bias, dtype=problem.dtype)
        candidate = replace(candidate, operation=problem.operation)
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


def _axes(problem: Problem) -> list[AxisSetting]:
    padding = ((0, 0),) * problem.dimensions if isinstance(problem.padding, str) else problem.padding
    return [
        AxisSetting(*setting)
        for setting in zip(
            problem.input_shape[-problem.dimensions :],
            problem.weight_shape[2:],
            problem.stride,
            padding,
            problem.dilation,
            problem.output_padding,
            strict=True,
        )
    ]


def _channels(problem: Problem, family: Family) -> Channels:
    inputs = problem.input_shape[-problem.dimensions - 1]
    first, second = problem.weight_shape[:2]
    return Channels(inputs, second * problem.groups if family == "conv_transpose" else first, problem.groups)
