"""Products as columns: the components of their indices, and the parameters of their problems, by the words for them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from conv_oracle.auditing.reading.expressions import Columns
from conv_oracle.passes import Array
from conv_oracle.problem import Problem

I_AT, K_AT, O_AT = range(3)
"""The places of the map's input, weight and output in a term."""


def named(problem: Problem) -> tuple[str, str]:
    """The letters for a channel of the map's output, and for one of its input within the group."""
    return ("c", "m") if problem.transposed else ("m", "c")


def positions(problem: Problem) -> tuple[str, str]:
    """The letters for a position of the map's output, and for one of its input; large ones are the sizes."""
    return ("i", "o") if problem.transposed else ("o", "i")


def totals(problem: Problem) -> tuple[str, str]:
    """The letters for how many channels the map's output has, and its input."""
    return ("C", "M") if problem.transposed else ("M", "C")


def parameters(problem: Problem) -> dict[str, int]:
    """The parameters of a problem that all axes share."""
    g = problem.geometry
    small, large = totals(problem)
    found = {"N": g.batch, small: g.out_channels, large: g.in_channels}
    return found | ({"groups": problem.groups} | per_group(problem) if problem.groups > 1 else {})


def per_group(problem: Problem) -> dict[str, int]:
    """The channels of a group."""
    g = problem.geometry
    small, large = totals(problem)
    return {f"{small}/groups": g.out_channels_per_group, f"{large}/groups": g.in_channels_per_group}


def lengths(problem: Problem) -> dict[str, int]:
    """How many elements a kernel has, and how many products a sum of the forward convolution."""
    g = problem.geometry
    taps = math.prod(g.kernel_size)
    return {"kernel elements": taps, "reduction length": taps * g.in_channels_per_group}


def of_axis(problem: Problem, axis: int) -> dict[str, int]:
    """The parameters of one axis."""
    g = problem.geometry
    before, after = g.padding[axis]
    found = {"stride": g.stride[axis], "dilation": g.dilation[axis], "padding": before}
    if after != before:
        found["padding behind"] = after
    small, large = (letter.upper() for letter in positions(problem))
    found |= {large: g.input_size[axis], "K": g.kernel_size[axis], small: g.output_size[axis]}
    if problem.transposed:
        found["output_padding"] = problem.output_padding[axis]
    return found


def of_others(problem: Problem, axis: int) -> dict[str, int]:
    """The parameters of the other axes, with the axis in brackets."""
    return {
        f"{name}[{other}]": value
        for other in range(problem.dimensions)
        if other != axis
        for name, value in of_axis(problem, other).items()
        if name != "padding behind"
    }


def repeated(known: Sequence[tuple[dict[str, int], int]]) -> Columns:
    """Parameters of several problems, each as often as it has terms; those that some problem lacks are left out."""
    common = [name for name in known[0][0] if all(name in values for values, _ in known)] if known else []
    counts = [count for _, count in known]
    return {name: np.repeat([values[name] for values, _ in known], counts) for name in common}


def joined(parts: Sequence[Columns]) -> Columns:
    """Columns of several problems, one after the other."""
    common = [name for name in parts[0] if all(name in part for part in parts)] if parts else []
    return {name: np.concatenate([part[name] for part in parts]) for name in common}


def components(problem: Problem, places: Array) -> Columns:
    """Every component of the indices of terms."""
    small, within = named(problem)
    per_small, o_channel = problem.geometry.out_channels_per_group, places[:, O_AT, 1]
    found = {
        "n": places[:, O_AT, 0],
        small: o_channel,
        "g": o_channel // per_small,
        f"{small} within the group": o_channel % per_small,
        within: places[:, K_AT, 1],
        "row": places[:, K_AT, 0],
        "channel": places[:, I_AT, 1],
    }
    if problem.groups == 1:
        found = {name: values for name, values in found.items() if name != f"{small} within the group"}
    for axis in range(problem.dimensions):
        found |= {mark(problem, letter, axis): values for letter, values in position(problem, places, axis).items()}
    found["channel right"] = right_channel(problem, places)
    return found


def position(problem: Problem, places: Array, axis: int) -> Columns:
    """The positions of terms along one axis, by letter."""
    small, large = positions(problem)
    at = {small: O_AT, "k": K_AT, large: I_AT}
    return {letter: places[:, place, 2 + axis] for letter, place in at.items()}


def mark(problem: Problem, letter: str, axis: int) -> str:
    """A letter with its axis in brackets, where there are several."""
    return f"{letter}[{axis}]" if problem.dimensions > 1 else letter


def right_channel(problem: Problem, places: Array) -> Array:
    """The channel of the map's input by the formula."""
    g = problem.geometry
    group = places[:, O_AT, 1] // g.out_channels_per_group
    channel: Array = group * g.in_channels_per_group + places[:, K_AT, 1]
    return channel


def right_position(problem: Problem, places: Array, axis: int) -> Array:
    """The position of the map's input along one axis by the formula."""
    g = problem.geometry
    at = places[:, O_AT, 2 + axis] * g.stride[axis] + places[:, K_AT, 2 + axis] * g.dilation[axis]
    position: Array = at - g.padding[axis][0]
    return position
