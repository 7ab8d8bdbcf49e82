"""Problems to ask among the first: one channel with a stride per axis, and whole taps in padding beside a bias."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from conv_oracle.operation import Operation
from conv_oracle.problem import Problem
from conv_oracle.space import AxisSetting, Channels, compose, solvable

ONE = Channels(1, 1, 1)
STRIDES = ((2, 1, 3), (1, 2, 2), (3, 2, 1))
UNREACHED = AxisSetting(3, 2, 4, (0, 0), 1, 2)
BEFORE = 12
"""So many essential problems are asked before these."""


def early(op: Operation) -> list[Problem]:
    """A few small problems, of every axis."""
    made = (*_one_channel(op), *_in_padding(op))
    made = tuple(one if op.forward else replace(one, operation=op, bias=False) for one in made)
    return [one for one in dict.fromkeys(made) if solvable(one)]


def _one_channel(op: Operation) -> Iterator[Problem]:
    """One channel, where a shape is easily taken for another, with another stride on each axis."""
    for turn, strides in enumerate(STRIDES):
        axes = [AxisSetting(7 + 2 * axis, 3 - axis % 2, strides[axis], (0, 0), 1) for axis in range(op.axes)]
        yield compose(op.family, axes, ONE, 1 + turn % 2, bias=turn == 1)


def _in_padding(op: Operation) -> Iterator[Problem]:
    """Along one axis, whole outputs read padding alone; a transposed output there is one that no input reaches."""
    for along in range(op.axes):
        padded = AxisSetting(3, 2 + along % 2, 1, (4, 4), 1)
        special = UNREACHED if op.transposed else padded
        axes = [special if axis == along else AxisSetting(4, 2, 1, (0, 0), 1) for axis in range(op.axes)]
        yield compose(op.family, axes, Channels(2, 3, 1), 2, bias=True)
