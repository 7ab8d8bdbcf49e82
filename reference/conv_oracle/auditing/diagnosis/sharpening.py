"""The exact constant of a condition: problems between the largest that is right and the smallest that fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from conv_oracle.auditing.diagnosis.conditions import Condition, at_least, measures
from conv_oracle.auditing.problems import axes_of, batch_of, channels_of, remade
from conv_oracle.problem import Problem
from conv_oracle.space import AxisSetting, Channels, solvable

MOST_ASKED = 8

IsWrong = Callable[[Problem], bool | None]
"""Whether a problem is answered wrongly; None where that cannot be told."""


def sharpened(condition: Condition, failing: Sequence[Problem], is_wrong: IsWrong, end: float) -> Condition:
    """A threshold with its exact constant, where problems between its two sides can be asked before `end`.

    failing: the problems that meet the condition. Other conditions come back as they are.
    """
    if condition.edge is None:
        return condition
    name, low, high = condition.edge
    base = min((p for p in failing if measures(p)[name] == high), key=lambda p: p.multiply_adds, default=None)
    asked = 0
    while base is not None and high - low > 1 and asked < MOST_ASKED and time.monotonic() < end:
        between = _between(base, name, low, high)
        wrong = None if between is None else is_wrong(between)
        if between is None or wrong is None:
            break
        asked += 1
        value = measures(between)[name]
        low, high = (low, value) if wrong else (value, high)
    if not asked or high - low > 1:
        return condition
    return at_least(name, high, condition.cost)


def _between(base: Problem, name: str, low: int, high: int) -> Problem | None:
    """A problem like another, whose measure is as near as possible to the middle between two."""
    middle = (low + high) // 2
    for away in range(high - low):
        for value in dict.fromkeys((middle - away, middle + away)):
            made = _resized(base, name, value) if low < value < high else None
            if made is not None and measures(made).get(name) == value:
                return made
    return None


def _resized(problem: Problem, name: str, value: int) -> Problem | None:
    """A problem with another extent; None where that is not one extent, or has no solution."""
    channels, axes, batch = channels_of(problem), list(axes_of(problem)), batch_of(problem)
    groups = channels.groups
    if isinstance(problem.padding, str):
        return None
    what, _, axis = name.rpartition(" ")
    if name == "batch" and batch is not None:
        batch = value
    elif name in ("in_channels", "in_channels/group"):
        inputs = value * groups if name.endswith("group") else value
        channels = Channels(inputs, channels.outputs, groups)
    elif name in ("out_channels", "out_channels/group"):
        outputs = value * groups if name.endswith("group") else value
        channels = Channels(channels.inputs, outputs, groups)
    elif what in ("input", "kernel") and axis.isdigit():
        place = int(axis)
        axes[place] = _longer(axes[place], what, value)
    elif what in ("the largest", "the smallest") and axis in ("input", "kernel"):
        axes = [_longer(one, axis, value) for one in axes]
    else:
        return None
    if channels.inputs % groups or channels.outputs % groups:
        return None
    made = remade(problem, axes=axes, channels=channels, batch=batch, bias=problem.bias)
    return made if solvable(made) and made.multiply_adds else None


def _longer(axis: AxisSetting, what: str, value: int) -> AxisSetting:
    return replace(axis, size=value) if what == "input" else replace(axis, kernel=value)
