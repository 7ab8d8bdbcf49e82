"""Random small problems by the million: every family, number of axes and padding, drawn from a generator."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np

from conv_oracle.geometry import kernel_span
from conv_oracle.operation import Family
from conv_oracle.problem import Problem
from conv_oracle.space import AxisSetting, Channels, compose, solvable
from sweep.operands import fits

LONGEST = {1: 64, 2: 20, 3: 9}
"""The longest axis, by the number of axes."""

MOST_MULTIPLY_ADDS = 20_000
MOST_ELEMENTS = 1 << 13
GROUPS = (1, 1, 1, 2, 3, 4, 8)
BATCHES = (None, 0, 1, 1, 2, 2, 3, 5)
MODES = ("zeros", "zeros", "zeros", "reflect", "replicate", "circular")
WORDS = (None, None, None, None, "valid", "same")


def drawn_problems(random: np.random.Generator, family: Family, dtype: str) -> Iterator[Problem]:
    """Problems that have a solution, are small, and whose sums are exact in the dtype; without end."""
    while True:
        problem = _drawn(random, family, dtype)
        if not solvable(problem) or problem.multiply_adds > MOST_MULTIPLY_ADDS or not fits(problem):
            continue
        if prod(problem.input_shape) + prod(problem.output_shape) <= MOST_ELEMENTS:
            yield problem


def _drawn(random: np.random.Generator, family: Family, dtype: str) -> Problem:
    axes, groups = int(random.integers(1, 4)), GROUPS[random.integers(len(GROUPS))]
    most = 5 if groups < 8 else 3
    channels = Channels(groups * int(random.integers(1, most)), groups * int(random.integers(1, most)), groups)
    settings = [_axis(random, family, LONGEST[axes]) for _ in range(axes)]
    mode = MODES[random.integers(len(MODES))] if family == "conv" else "zeros"
    word = WORDS[random.integers(len(WORDS))] if family == "conv" and mode == "zeros" else None
    return compose(
        family,
        settings,
        channels,
        BATCHES[random.integers(len(BATCHES))],
        padding=word,
        padding_mode=mode,
        bias=bool(random.integers(2)),
        dtype=dtype,
    )


def _axis(random: np.random.Generator, family: Family, longest: int) -> AxisSetting:
    """A setting of one axis that most often has a solution."""
    kernel, dilation, stride = (int(random.integers(1, most)) for most in (6, 4, 5))
    before, after = (int(padding) for padding in random.integers(0, 4, 2))
    after = before if random.integers(2) else after
    least = max(1, kernel_span(kernel, dilation) - before - after) if family == "conv" else 1
    size = int(random.integers(least, max(least, longest) + 1))
    extra = int(random.integers(0, max(stride, dilation))) if family == "conv_transpose" else 0
    return AxisSetting(size, kernel, stride, (before, after), dilation, extra)
