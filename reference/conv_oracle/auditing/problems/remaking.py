"""A problem taken apart into axes, channels and batch, and put together again with some of them changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from conv_oracle.problem import Problem
from conv_oracle.space import AxisSetting, Channels, compose


def axes_of(problem: Problem) -> list[AxisSetting]:
    """The setting of every axis; a padding given as a word counts as none."""
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


def channels_of(problem: Problem) -> Channels:
    """The channels and groups of the convolution; of a gradient, those of the convolution that it is of."""
    inputs = problem.input_shape[-problem.dimensions - 1]
    first, second = problem.weight_shape[:2]
    return Channels(inputs, second * problem.groups if problem.transposed else first, problem.groups)


def batch_of(problem: Problem) -> int | None:
    """The examples; None where the input is unbatched."""
    return problem.input_shape[0] if problem.batched else None


def remade(
    problem: Problem,
    *,
    axes: Sequence[AxisSetting] | None = None,
    channels: Channels | None = None,
    batch: int | None = -1,
    bias: bool | None = None,
) -> Problem:
    """The same problem with what is given changed; a batch of -1 stays. It need not have a solution."""
    word = problem.padding if isinstance(problem.padding, str) else None
    made = compose(
        problem.operation.family,
        axes_of(problem) if axes is None else axes,
        channels_of(problem) if channels is None else channels,
        batch_of(problem) if batch == -1 else batch,
        padding=word,
        bias=problem.bias if bias is None else bias,
        dtype=problem.dtype,
    )
    return replace(made, operation=problem.operation)


def longer(problem: Problem) -> tuple[Problem, Problem]:
    """One kernel element and two outputs more along each axis; the same with stride 1. Neither must be solvable."""
    more = [
        replace(axis, size=axis.size + axis.dilation + 2 * axis.stride, kernel=axis.kernel + 1)
        for axis in axes_of(problem)
    ]
    return remade(problem, axes=more), remade(problem, axes=[replace(axis, stride=1) for axis in more])
