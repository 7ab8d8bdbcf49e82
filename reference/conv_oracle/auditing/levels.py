"""The problems of a level: a fixed list, the most revealing first, and the problems that must be refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import count, zip_longest
from math import gcd
from typing import Literal, TypeVar

from conv_oracle.problem import Problem
from conv_oracle.space import (
    CHANNELS,
    AxisSetting,
    Channels,
    Family,
    axis_settings,
    compose,
    covering_problems,
    solvable,
)

Item = TypeVar("Item")
LevelName = Literal["quick", "standard", "exhaustive"]


@dataclass(frozen=True)
class Level:
    """How much is asked: covering problems and one-axis problems, how surely, and in how many seconds at most."""

    name: LevelName
    covering: int | None
    one_axis: int | None
    survival: float
    seconds: float


LEVELS: dict[str, Level] = {
    level.name: level
    for level in (
        Level("quick", 600, 400, 1e-2, 5.0),
        Level("standard", None, 6000, 1e-12, 30.0),
        Level("exhaustive", None, None, 1e-12, 600.0),
    )
}

REVEALING = (AxisSetting(8, 3, 2, (1, 1), 1), AxisSetting(9, 2, 1, (1, 1), 3), AxisSetting(6, 3, 2, (2, 2), 2))
"""Every number differs between the axes where it can; the sizes leave a remainder on the strided axes."""

WIDE = (Channels(4, 6, 2), Channels(6, 4, 2), Channels(3, 2, 1), Channels(3, 6, 3))


@lru_cache
def problems(op: str, level: LevelName) -> tuple[Problem, ...]:
    """The problems of a level that have a solution, most revealing first."""
    family, dimensions, gradient = _parts(op)
    chosen = LEVELS[level]
    covering = _spread(covering_problems(family, dimensions), chosen.covering)
    one_axis = _spread(_one_axis(family, dimensions, every_pattern=level == "exhaustive"), chosen.one_axis)
    listed = [*_revealing(family, dimensions), *(p for pair in zip_longest(covering, one_axis) for p in pair if p)]
    return tuple(dict.fromkeys(p for candidate in listed for p in _as_operation(candidate, op, gradient)))


def unsolvable(op: str) -> tuple[Problem, ...]:
    """Problems without an output, which every subject must refuse: the kernel is longer than the padded input."""
    family, dimensions, gradient = _parts(op)
    if gradient:
        return ()
    settings = [setting for setting in axis_settings(family) if not solvable(compose(family, [setting], WIDE[2], 2))]
    whole = (AxisSetting(5, 2, 1, (0, 0), 1),) * dimensions
    return tuple(
        compose(family, [*whole[:axis], setting, *whole[axis + 1 :]], WIDE[2], 2, bias=False)
        for number, setting in enumerate(_spread(settings, 12 * dimensions))
        for axis in [number % dimensions]
    )


def invalid_arguments(op: str) -> tuple[Problem, ...]:
    """Problems whose arguments contradict each other, or mean nothing."""
    family, dimensions, gradient = _parts(op)
    if gradient:
        return ()
    whole = (AxisSetting(5, 2, 2, (1, 1), 1), *(AxisSetting(6, 3, 2, (1, 1), 1),) * (dimensions - 1))
    right = compose(family, whole, Channels(4, 6, 2), 2, bias=False)
    x, w = right.input_shape, right.weight_shape
    wrong = [
        replace(right, input_shape=(x[0], x[1] + 1, *x[2:])),
        replace(right, weight_shape=(w[0], w[1] + 1, *w[2:])) if family == "conv" else replace(right, groups=3),
        replace(right, weight_shape=(w[0] + 1, *w[1:])),
        replace(right, stride=(0,) * dimensions),
        replace(right, dilation=(0,) * dimensions),
        replace(right, padding=((-1, -1),) * dimensions),
        replace(right, groups=0),
    ]
    if family == "conv_transpose":
        wrong.append(replace(right, output_padding=(2,) * dimensions))
    return tuple(p for p in wrong if not solvable(p))


def smaller(problem: Problem) -> Iterator[Problem]:
    """Problems with a little less of everything: what a failing problem may be reduced to, boldest first."""
    channel_sets = [Channels(1, 1, 1), Channels(2, 1, 1), Channels(1, 2, 1), Channels(2, 2, 2), Channels(2, 4, 2)]
    channel_sets += [Channels(4, 2, 2), Channels(4, 4, 2)]
    family, _, _ = _parts(problem.operation)
    axes = _axes(problem)
    batched = len(problem.input_shape) == len(problem.weight_shape)
    batch = problem.input_shape[0] if batched else None
    word = problem.padding if isinstance(problem.padding, str) else None
    channels = _channels(problem, family)

    def build(axes: Sequence[AxisSetting], channels: Channels, batch: int | None, bias: bool) -> Iterator[Problem]:
        candidate = compose(family, axes, channels, batch, padding=word, bias=bias, dtype=problem.dtype)
        candidate = replace(candidate, operation=problem.operation)
        if candidate != problem and solvable(candidate) and (candidate.multiply_adds > 0 or not batch):
            yield candidate

    for fewer in channel_sets:
        if (fewer.inputs, fewer.outputs) <= (channels.inputs, channels.outputs) and fewer.groups <= channels.groups:
            yield from build(axes, fewer, batch, problem.bias)
    if batch is not None and batch > 1:
        yield from build(axes, channels, 1, problem.bias)
        yield from build(axes, channels, batch - 1, problem.bias)
    if problem.bias:
        yield from build(axes, channels, batch, False)
    for number, axis in enumerate(axes):
        for less in _less(axis):
            yield from build([*axes[:number], less, *axes[number + 1 :]], channels, batch, problem.bias)


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


def _parts(op: str) -> tuple[Family, int, bool]:
    """(family of the space, number of axes, whether it is a gradient)."""
    family: Family = "conv_transpose" if op.startswith("conv_transpose") else "conv"
    return family, int(op.removeprefix(family)[0]), op.endswith(("_input", "_weight"))


def _revealing(family: Family, dimensions: int) -> Iterator[Problem]:
    for channels in WIDE:
        for turn in range(3):
            axes = [(REVEALING * 2)[turn + axis] for axis in range(dimensions)]
            for bias in (True, False):
                yield compose(family, axes, channels, 2, bias=bias)


def _one_axis(family: Family, dimensions: int, *, every_pattern: bool) -> Iterator[Problem]:
    """The space of one axis on every axis, with little on the others; the channel patterns in turn, or each of them."""
    from_space = [setting for setting in axis_settings(family) if solvable(compose(family, [setting], WIDE[2], 1))]
    for number, setting in enumerate(from_space):
        for axis in range(dimensions):
            others = [AxisSetting(2 + other, 1 + other % 2, 1, (0, 0), 1) for other in range(dimensions - 1)]
            axes = [*others[:axis], setting, *others[axis:]]
            turn = number + axis
            for channels in CHANNELS[1:] if every_pattern else (WIDE[turn % len(WIDE)],):
                yield compose(family, axes, channels, (2, 1, 3)[turn % 3], bias=bool(turn % 2))


def _as_operation(candidate: Problem, op: str, gradient: bool) -> Iterator[Problem]:
    """The candidate as a problem of the operation; torch.nn.grad has no words, no bias and no unbatched input."""
    if not gradient:
        yield candidate
    elif not isinstance(candidate.padding, str) and len(candidate.input_shape) == len(candidate.weight_shape):
        yield replace(candidate, operation=op, bias=False)


def _spread(items: Iterable[Item], most: int | None) -> list[Item]:
    """At most so many of the items, taken from all over, in an order that is spread as well."""
    listed = list(items)
    if not listed:
        return []
    stride = next(s for s in count(int(len(listed) * 0.618) + 1) if gcd(s, len(listed)) == 1)
    wanted = len(listed) if most is None else min(most, len(listed))
    return [listed[number * stride % len(listed)] for number in range(wanted)]
