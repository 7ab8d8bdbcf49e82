"""The problems on which a subject is tried before it is audited: generic ones, and the layers that people support."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from conv_oracle.auditing.problems import axes_of, remade
from conv_oracle.operation import Operation
from conv_oracle.problem import Problem
from conv_oracle.space import AxisSetting, Channels, compose, solvable


def _made(op: Operation, axes: Sequence[AxisSetting], channels: Channels, batch: int = 1) -> Problem:
    return replace(compose(op.family, axes, channels, batch, bias=False), operation=op)


def generic(op: Operation, seed: int) -> list[Problem]:
    """Problems that a function without restrictions answers: every number differs, sizes drawn from the seed."""
    rng = np.random.default_rng([seed, 1])
    listed = []
    for number, kernels in enumerate(((3, 2, 3), (4, 5, 2), (1, 3, 4), (5, 4, 3))):
        first = 2 * (_least(op) if op.axes > 2 else int(rng.integers(4, 6))) + number % 2
        axes = [AxisSetting(first + axis, kernels[axis], 1, (0, 0), 1) for axis in range(op.axes)]
        listed.append(_made(op, axes, Channels(3, 5, 1), 2))
    return listed


def _least(op: Operation) -> int:
    """Half the size of an image of three axes: a transposed convolution needs no room for its kernel."""
    return 2 if op.transposed else 3


def fullest(op: Operation, seed: int) -> list[Problem]:
    """Problems with every parameter at another value than the default, and at another one on each axis.

    Between them, sizes, kernels and outputs are odd and even, and the channels of a group are of several numbers.
    """
    rng = np.random.default_rng([seed, 3])
    listed = []
    for number, channels in enumerate((Channels(4, 6, 2), Channels(3, 5, 1), Channels(9, 3, 3))):
        first = 2 * (_least(op) if op.axes > 2 else int(rng.integers(5, 8))) + number
        kernels, more = ((3, 2, 3), (2, 4, 1), (4, 3, 2))[number], op.family == "conv_transpose"
        settings = ((2, (1, 1), 2), (1, (2, 2), 3), (3, (0, 0), 1))
        axes = [
            AxisSetting(first + axis, kernels[axis], *settings[axis], more * extra)
            for axis, extra in enumerate((1, 0, 2)[: op.axes])
        ]
        listed.append(replace(compose(op.family, axes, channels, 2, bias=op.forward), operation=op))
    return [problem for problem in listed if solvable(problem)]


def usual(op: Operation, seed: int) -> list[Problem]:
    """A generic problem, and then those that a restricted function takes, the least restricted first.

    Square kernels and images, one channel, channels in sixteens, one example, pointwise, patches, one group per
    channel, a padding that keeps the size; all without stride, padding and dilation, but where these are the point.
    """
    rng = np.random.default_rng([seed, 2])
    valid, whole, most = (6, 8, 16) if op.axes > 2 else (10, 16, 64)

    def square(kernel: int, size: int, stride: int = 1, padding: int = 0) -> list[AxisSetting]:
        return [AxisSetting(size, kernel, stride, (padding, padding), 1)] * op.axes

    size = 6 if op.axes > 2 else 2 * int(rng.integers(4, 7))
    wide = (Channels(3, 4, 1), Channels(16, 16, 1), Channels(12, 24, 1))
    grouped = (Channels(4, 4, 4), Channels(16, 16, 16), Channels(12, 12, 12))
    narrow = (Channels(1, 1, 1), Channels(1, 4, 1), Channels(most, most, 1))
    listed = [*generic(op, seed), _made(op, square(3, size), Channels(3, 4, 1), 2)]
    for channels in (*wide, *grouped, *narrow):
        listed += [_made(op, square(3, valid), channels), _made(op, square(3, whole, 1, 1), channels)]
        listed += [_made(op, square(kernel, whole), channels) for kernel in (1, 5, 2)]
        listed += [_made(op, square(4, whole, 4), channels), _made(op, square(2, whole, 2), channels)]
        listed += [_made(op, square(3, whole, 2, 1), channels), _made(op, square(4, whole, 2, 1), channels)]
    return [problem for problem in dict.fromkeys(listed) if solvable(problem)]


def parameter_samples(sample: Problem, name: str) -> Iterator[Problem]:
    """Problems with another value of one parameter, the most general first."""
    axes = axes_of(sample)
    more = 0 if sample.operation.transposed else 4 if sample.dimensions > 2 else 16
    roomy = [replace(axis, size=axis.size + more) for axis in axes]
    if name == "stride":
        for more in (1, 0):  # with something left over, and without
            strided = [replace(axis, stride=2) for axis in roomy]
            yield remade(sample, axes=[replace(axis, size=axis.size + (_rest(axis) + more) % 2) for axis in strided])
        yield remade(sample, axes=[replace(axis, stride=axis.kernel, size=4 * axis.kernel) for axis in axes])
        yield remade(sample, axes=[replace(axis, stride=3, size=axis.size + (-_rest(axis)) % 3) for axis in roomy])
    elif name == "padding":
        for side in (2, 1):
            yield remade(sample, axes=[replace(axis, padding=(side, side)) for axis in roomy])
        yield remade(sample, axes=[replace(axis, padding=((axis.kernel - 1) // 2,) * 2) for axis in roomy])
        yield remade(sample, axes=[replace(axis, padding=(axis.kernel - 1,) * 2) for axis in roomy])
    elif name == "dilation":
        wide = [replace(axis, kernel=max(axis.kernel, 2), size=axis.size + more) for axis in axes]
        yield remade(sample, axes=[replace(axis, dilation=3) for axis in wide])
        yield remade(sample, axes=[replace(axis, dilation=2) for axis in wide])
        yield remade(sample, axes=[replace(axis, dilation=2, kernel=3) for axis in wide])
    elif name == "output_padding":
        yield remade(sample, axes=[replace(axis, stride=3, output_padding=2) for axis in axes])
        yield remade(sample, axes=[replace(axis, stride=2, output_padding=1) for axis in axes])
    elif name == "groups":
        for channels in (Channels(6, 9, 3), Channels(4, 4, 2), Channels(3, 3, 3), Channels(16, 16, 16)):
            yield remade(sample, channels=channels)


def _rest(axis: AxisSetting) -> int:
    return (axis.size - axis.dilation * (axis.kernel - 1) - 1) % axis.stride
