"""Flat offsets: where the components of an index are multiplied by the wrong extents to find an element in memory.

A kernel that finds `x[n, c, i]` at `n*A + c*B + i` reads whatever lies there where A or B is wrong: another channel of
another example, the end of the row before. No component of what is read tells that; the offsets do, as sums.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from conv_oracle.auditing.operands import roles_of
from conv_oracle.auditing.reading import columns as of
from conv_oracle.auditing.reading.columns import I_AT, K_AT, O_AT
from conv_oracle.auditing.reading.departures import Parted, result_place
from conv_oracle.auditing.reading.expressions import TERM, Bank
from conv_oracle.passes import Array
from conv_oracle.problem import Problem

MOST_LEAVES = 4
MISPLACED = "output-misplaced"
OF_OPERANDS = {
    "n": "example-misread",
    "g": "input-channel-misread",
    "channel": "input-channel-misread",
    "position": "position-misread",
}
OF_THE_WEIGHT = {
    "g": "weight-slice-misread",
    "channel": "weight-slice-misread",
    "c": "weight-slice-misread",
    "position": "kernel-element-misread",
}
"""The fault that a wrong extent is, by the component that it multiplies."""

Extents = Mapping[str, tuple[int, int]]


@dataclass(frozen=True)
class Offset:
    """A component that is multiplied by the wrong extent. slug: the fault; said: the extent beside the right one."""

    slug: str
    said: str


def wrong_offset(parts: Sequence[Parted], end: float) -> Offset | None:
    """The one component that is multiplied by a wrong extent, in an operand or the result; None where that is not all.

    end: when to look no further for a formula, on time.monotonic's clock.
    """
    known = [part for part in parts if len(part.read)]
    for place, by_group in product((I_AT, O_AT, K_AT), (False, True)):
        found = [one for part in known if (one := _departing(part, place, by_group=by_group)) is not None]
        names = {name for one in found for name in one}
        if len(found) < len(known) or len(names) != 1:
            continue
        name = names.pop()
        telling = [(part.problem, one[name]) for part, one in zip(known, found, strict=True) if one]
        slugs = OF_THE_WEIGHT if place == K_AT else OF_OPERANDS
        slug = MISPLACED if place == result_place(known[0].problem) else slugs[name.split("[")[0]]
        return Offset(slug, _said(telling, place, name, end))
    return None


def _departing(part: Parted, place: int, *, by_group: bool) -> Extents | None:
    """(extent, right one) of the components whose extent is wrong; None where offsets are no sum of components."""
    problem, shape = part.problem, _shape(part.problem, place)
    columns = _components(problem, part.read, place, by_group=by_group)
    if columns is None:
        return None
    flat = np.ravel_multi_index(tuple(part.read[:, place].T), shape)
    right = _extents(problem, shape, place)
    varying = [name for name, values in columns.items() if np.ptp(values)]
    still = sum(right[name] * values for name, values in columns.items() if name not in varying)
    matrix = np.stack([columns[name] for name in varying], axis=1) if varying else np.zeros((len(flat), 0), np.int64)
    if np.linalg.matrix_rank(matrix) < len(varying):
        as_it_should = (matrix @ np.array([right[name] for name in varying]) + still == flat).all()
        return {} if as_it_should else None
    solved = np.rint(np.linalg.lstsq(matrix.astype(float), (flat - still).astype(float), rcond=None)[0]).astype(int)
    if (matrix @ solved + still != flat).any():
        return None
    extents = dict(zip(varying, solved.tolist(), strict=True))
    return {name: (extent, right[name]) for name, extent in extents.items() if extent != right[name]}


def _components(problem: Problem, places: Array, place: int, *, by_group: bool) -> dict[str, Array] | None:
    """What the components of a place should be, by those of the other two; None where there is no such element."""
    g, (i, k, o) = problem.geometry, (places[:, at] for at in (I_AT, K_AT, O_AT))
    padded = [i[:, 2 + axis] + g.padding[axis][0] for axis in range(problem.dimensions)]
    steps = list(g.stride)
    if place == I_AT:
        found = {"n": o[:, 0], "g": o[:, 1] // g.out_channels_per_group, "channel": k[:, 1]}
        within = [of.right_position(problem, places, axis) for axis in range(problem.dimensions)]
        steps = [1] * problem.dimensions
    elif place == O_AT:
        found = {"n": i[:, 0], "g": i[:, 1] // g.in_channels_per_group, "channel": k[:, 0] % g.out_channels_per_group}
        within = [padded[axis] - k[:, 2 + axis] * g.dilation[axis] for axis in range(problem.dimensions)]
    else:
        found = {"g": o[:, 1] // g.out_channels_per_group, "channel": o[:, 1] % g.out_channels_per_group}
        found["c"] = i[:, 1] % g.in_channels_per_group
        within = [padded[axis] - o[:, 2 + axis] * g.stride[axis] for axis in range(problem.dimensions)]
        steps = list(g.dilation)
    if not by_group:
        per_group = g.in_channels_per_group if place == I_AT else g.out_channels_per_group
        found["channel"] = found.pop("g") * per_group + found["channel"]
    if any((values % step).any() for values, step in zip(within, steps, strict=True)):
        return None
    for axis, (values, step) in enumerate(zip(within, steps, strict=True)):
        found[of.mark(problem, "position", axis)] = values // step
    return found


def _extents(problem: Problem, shape: Sequence[int], place: int) -> dict[str, int]:
    """What each component is multiplied by, of an array without gaps."""
    g = problem.geometry
    steps = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
    positions = {of.mark(problem, "position", axis): steps[2 + axis] for axis in range(problem.dimensions)}
    if place == K_AT:
        return {"g": g.out_channels_per_group * steps[0], "channel": steps[0], "c": steps[1], **positions}
    within = g.in_channels_per_group if place == I_AT else g.out_channels_per_group
    return {"n": steps[0], "g": within * steps[1], "channel": steps[1], **positions}


def _shape(problem: Problem, place: int) -> tuple[int, ...]:
    g = problem.geometry
    return (g.input_shape, g.weight_shape, g.output_shape)[place]


def _said(telling: Sequence[tuple[Problem, tuple[int, int]]], place: int, name: str, end: float) -> str:
    """`offset in input: n*C/groups*I, should be n*C*I`; empty where no short expression gives the extent."""
    problem = telling[0][0]
    grouped = any(one.groups > 1 for one, _ in telling)
    rows = [of.parameters(one) | (of.per_group(one) if grouped else {}) for one, _ in telling]
    for row, (one, _) in zip(rows, telling, strict=True):
        for axis in range(one.dimensions):
            row |= {of.mark(one, key, axis): value for key, value in of.of_axis(one, axis).items() if len(key) == 1}
    bank = Bank.of(of.repeated([(row, 1) for row in rows]), (1, 2))
    found = [bank.giving(np.array([pair[at] for _, pair in telling]), end, MOST_LEAVES) for at in (0, 1)]
    if found[0] is None or found[1] is None:
        return ""
    operand = {at: called for called, at in roles_of(problem).items()}[place]
    mine, right = (one.within(TERM) for one in found if one is not None)
    return f"offset in {operand}: {name}*{mine}, should be {name}*{right}"
