"""The problems of a level, the most revealing first: a fixed list, and what the seed draws; what must be refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import count, islice
from math import gcd
from typing import TypeVar

import numpy as np

from conv_oracle.auditing.level import Level
from conv_oracle.auditing.problems.crossed import crossed
from conv_oracle.auditing.problems.early import BEFORE, early
from conv_oracle.auditing.problems.edges import on_edges, ordinary
from conv_oracle.auditing.problems.essential import essential
from conv_oracle.auditing.problems.extents import TAILS, Request, drawn, large, lopsided, pairs, solve, tails
from conv_oracle.auditing.problems.layers import layers
from conv_oracle.auditing.problems.remaking import axes_of
from conv_oracle.auditing.problems.sorts import beyond, drawn_sorts
from conv_oracle.geometry import Shape, conv_output_size, conv_transpose_output_size
from conv_oracle.operation import Family, Operation
from conv_oracle.problem import Problem
from conv_oracle.space import (
    CHANNELS,
    AxisSetting,
    Channels,
    axis_settings,
    compose,
    covering_problems,
    solvable,
)

Item = TypeVar("Item")
Streams = tuple[Sequence[Problem], ...]
NONE_DRAWN: Streams = ((), (), ())


WEIGHTS = (3, 3, 3, 1, 1, 1, 3, 2, 1, 1)
"""How many of covering, one axis, tails, pairs, large, layers, mined, sorts, crossed and drawn are taken per round."""

REVEALING = (AxisSetting(8, 3, 2, (1, 1), 1), AxisSetting(9, 2, 1, (1, 1), 3), AxisSetting(6, 3, 2, (2, 2), 2))
"""Every number differs between the axes where it can; the sizes leave a remainder on the strided axes."""

KNOWN_SHAPES = 12
"""Of so many essential problems, the shapes are asked again with other parameters."""

GRID, BEFORE_MANY = 65_535, 120
"""A batch of more does not fit one axis of a GPU's grid; such problems come after so many others, long as they are."""

CHEAP_BITS = 11
"""Problems of fewer multiply-adds than 2 to this are ordered only by how much they reveal."""

WIDE = (Channels(4, 6, 2), Channels(6, 4, 2), Channels(3, 2, 1), Channels(3, 6, 3))


@lru_cache
def problems(op: Operation, level: Level, mined: tuple[Problem, ...] = (), *, seed: int = 0) -> tuple[Problem, ...]:
    """The ordinary problems of a level, the essential ones first; `mined` are those of the subject's source.

    seed: what the extents of a part of them are drawn from; the essential ones do not depend on it.
    """
    own = _drawn(op, level, seed)
    plain = [p for whole in _listed(op, level, mined, own) if (p := ordinary(whole)) is not None and solvable(p)]
    first = essential(op)
    many = [p for p in plain if p.geometry.batch > GRID]
    listed = (*plain[:BEFORE_MANY], *many, *plain)
    return tuple(dict.fromkeys((*first[:BEFORE], *early(op), *first[BEFORE:], *_of_known_shapes(op), *listed)))


@lru_cache
def _drawn(op: Operation, level: Level, seed: int) -> Streams:
    """Layers that people run, sizes crossed in threes and extents, as the seed draws them; a few layers are larger."""
    rng = np.random.default_rng([seed, *op.name.encode()])
    real = _cheap_first(islice(drawn_sorts(op, rng), level.sorts))
    half = len(real) // 2
    return (
        [*real[:half], *beyond(op, rng, level.beyond), *real[half:]],
        _cheap_first(islice(crossed(op, rng), level.crossed)),
        _solved(op, drawn(op, rng, level.drawn), None),
    )


def _of_known_shapes(op: Operation) -> Iterator[Problem]:
    """Essential problems once more, on the same shapes with another stride and another dilation.

    What is remembered by shape shows on them; a stride with the same number of outputs comes first.
    """
    for problem in essential(op)[:KNOWN_SHAPES]:
        bare = replace(problem, output_padding=(0,) * problem.dimensions)
        longer = [replace(bare, stride=tuple(value + more for value in problem.stride)) for more in (1, 2)]
        alike = [one for one in longer if solvable(one) and one.output_shape == problem.output_shape]
        dilated = replace(bare, dilation=tuple(3 - min(value, 2) for value in problem.dilation))
        for other in (*(alike[:1] or longer[:1]), dilated):
            if solvable(other) and other.multiply_adds:
                yield other


@lru_cache
def edges(op: Operation, level: Level) -> tuple[Problem, ...]:
    """The problems of a level that have a solution and are on an edge."""
    return tuple(on_edges(_listed(op, level), level.edges))


def _listed(
    op: Operation, level: Level, mined: tuple[Problem, ...] = (), own: Streams = NONE_DRAWN
) -> tuple[Problem, ...]:
    """The problems of a level that have a solution, the most revealing first. own: those that the seed draws."""
    streams = [*_fixed(op, level), _cheap_first(mined[: level.constants]), *own]
    revealing = _as_operation(_revealing(op.family, op.axes), op)
    return tuple(dict.fromkeys(p for p in (*revealing, *_in_turns(streams))))


@lru_cache
def _fixed(op: Operation, level: Level) -> Streams:
    """The problems of a level that depend on nothing else: covering, one axis, tails, pairs, large and layers."""
    family, dimensions = op.family, op.axes
    every = level.name == "exhaustive"
    covering = _spread((p for p in covering_problems(family, dimensions) if solvable(p)), level.covering)
    walked = _spread(_one_axis(family, dimensions, every_pattern=every), level.one_axis)
    paired = pairs(op, TAILS, every=3) if every else pairs(op)
    return (
        _cheap_first(_as_operation(covering, op)),
        _cheap_first(_as_operation((_with_little(family, *each) for each in walked), op)),
        _solved(op, tails(op)[: level.tails], None),
        _solved(op, paired, level.pairs),
        _cheap_first([*lopsided(op), *_solved(op, large(op), level.large)]),
        list(islice(layers(op), level.layers)),
    )


def unsolvable(op: Operation) -> tuple[Problem, ...]:
    """Problems without an output, which every subject must refuse: the kernel is longer than the padded input."""
    family, dimensions = op.family, op.axes
    if not op.forward:
        return ()
    settings = [setting for setting in axis_settings(family) if not _has_output(family, setting)]
    whole = (AxisSetting(5, 2, 1, (0, 0), 1),) * dimensions
    plain = AxisSetting(2, 3, 1, (0, 0), 1) if family == "conv" else AxisSetting(1, 2, 1, (1, 1), 1)
    everywhere = compose(family, [plain] * dimensions, Channels(1, 1, 1), 1, bias=False)
    return everywhere, *(
        compose(family, [*whole[:axis], setting, *whole[axis + 1 :]], WIDE[2], 2, bias=False)
        for number, setting in enumerate(_spread(settings, 12 * dimensions))
        for axis in [number % dimensions]
    )


def invalid_arguments(op: Operation) -> tuple[Problem, ...]:
    """Problems whose arguments contradict each other or are out of range.

    A gradient has none: the shape of its grad_output is what a valid problem gives.
    """
    family, dimensions = op.family, op.axes
    if not op.forward:
        return ()
    whole = (AxisSetting(5, 2, 2, (1, 1), 1), *(AxisSetting(6, 3, 2, (1, 1), 1),) * (dimensions - 1))
    right = compose(family, whole, Channels(4, 6, 2), 2, bias=False)
    x, w = right.input_shape, right.weight_shape
    wrong = [
        replace(right, input_shape=(x[0], x[1] + 1, *x[2:])),
        replace(right, input_shape=(x[0], x[1] - 1, *x[2:])),
        replace(right, input_shape=(*x, 5)),
        replace(right, input_shape=x[2:]),
        replace(right, weight_shape=(w[0], w[1] + 1, *w[2:])) if family == "conv" else replace(right, groups=3),
        replace(right, weight_shape=(w[0] + 1, *w[1:])),
        replace(right, groups=0),
        replace(right, groups=-2),
        replace(right, groups=4 if family == "conv" else 8),
    ]
    for axis in range(dimensions):
        wrong += [replace(right, stride=_set(right.stride, axis, value)) for value in (0, -1)]
        wrong += [replace(right, dilation=_set(right.dilation, axis, value)) for value in (0, -1)]
        sides = [right.padding[number] for number in range(dimensions)]
        wrong.append(replace(right, padding=(*sides[:axis], (-1, -1), *sides[axis + 1 :])))  # type: ignore[arg-type]
        wrong.append(replace(right, weight_shape=_set(w, 2 + axis, 0)))
        if family == "conv_transpose":
            wrong += [replace(right, output_padding=_set(right.output_padding, axis, value)) for value in (2, -1)]
    if family == "conv":
        wrong.append(replace(right, padding="same"))
    return tuple(p for p in wrong if not solvable(p))


def _set(sizes: Shape, index: int, value: int) -> Shape:
    return (*sizes[:index], value, *sizes[index + 1 :])


def _revealing(family: Family, dimensions: int) -> Iterator[Problem]:
    for channels in WIDE:
        for turn in range(3):
            axes = [(REVEALING * 2)[turn + axis] for axis in range(dimensions)]
            for bias in (True, False):
                yield compose(family, axes, channels, 2, bias=bias)


def _one_axis(
    family: Family, dimensions: int, *, every_pattern: bool
) -> Iterator[tuple[tuple[AxisSetting, ...], Channels, int]]:
    """The space of one axis on every axis, with little on the others; the channel patterns in turn, or each of them."""
    others = tuple(AxisSetting(2 + other, 1 + other % 2, 1, (0, 0), 1) for other in range(dimensions - 1))
    for number, setting in enumerate(s for s in axis_settings(family) if _has_output(family, s)):
        for axis in range(dimensions):
            turn = number + axis
            for channels in CHANNELS[1:] if every_pattern else (WIDE[turn % len(WIDE)],):
                yield (*others[:axis], setting, *others[axis:]), channels, turn


def _with_little(family: Family, axes: Sequence[AxisSetting], channels: Channels, turn: int) -> Problem:
    return compose(family, axes, channels, (2, 1, 3)[turn % 3], bias=bool(turn % 2))


def lacks_output(problem: Problem) -> bool:
    """Whether the formula of the output's size gives 0 or less on an axis; else, other arguments are contradictory."""
    if isinstance(problem.padding, str) or min(*problem.stride, *problem.dilation) < 1:
        return False
    return not all(_has_output(problem.operation.family, axis) for axis in axes_of(problem))


def _has_output(family: Family, axis: AxisSetting) -> bool:
    size, kernel, stride, (before, after), dilation = axis.size, axis.kernel, axis.stride, axis.padding, axis.dilation
    if family == "conv":
        return conv_output_size(size, kernel, stride, before, after, dilation) > 0
    return conv_transpose_output_size(size, kernel, stride, before, after, axis.output_padding, dilation) > 0


def _as_operation(candidates: Iterable[Problem], op: Operation) -> list[Problem]:
    """The candidates as problems of the operation; torch.nn.grad has no string padding, bias or unbatched input."""
    if op.forward:
        return list(candidates)
    return [replace(p, operation=op, bias=False) for p in candidates if not isinstance(p.padding, str) and p.batched]


def _solved(op: Operation, requests: Iterable[Request], most: int | None) -> list[Problem]:
    """The problems of at most so many of the requests."""
    return _cheap_first(p for request in _spread(requests, most) if (p := solve(op, request)) is not None)


def _cheap_first(listed: Iterable[Problem]) -> list[Problem]:
    """The same order, but for what costs eight times as much, and eight times that: a slow subject gets further."""
    return sorted(listed, key=lambda p: max(0, p.multiply_adds.bit_length() - CHEAP_BITS) // 3)


def _in_turns(streams: Sequence[Sequence[Item]]) -> Iterator[Item]:
    """A few of each stream by its weight, until all are at their end."""
    sources = [iter(stream) for stream in streams]
    for _ in range(max(map(len, streams))):
        for source, weight in zip(sources, WEIGHTS, strict=True):
            yield from islice(source, weight)


def _spread(items: Iterable[Item], most: int | None) -> list[Item]:
    """At most so many of the items, evenly spread over the list, in an order that is spread as well."""
    listed = list(items)
    if not listed:
        return []
    stride = next(s for s in count(int(len(listed) * 0.618) + 1) if gcd(s, len(listed)) == 1)
    wanted = len(listed) if most is None else min(most, len(listed))
    return [listed[number * stride % len(listed)] for number in range(wanted)]
