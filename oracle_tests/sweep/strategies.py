"""Hypothesis strategies: any problem with channels and sizes to 64 and at most 10^7 multiply-adds."""

from math import prod

import hypothesis
from hypothesis import strategies as st

from conv_oracle.geometry import kernel_span
from conv_oracle.operation import Family
from conv_oracle.problem import Problem
from conv_oracle.space import AxisSetting, Channels, compose, solvable
from sweep.operands import fits

LARGEST = 64
MOST_MULTIPLY_ADDS = 10**7
MOST_ELEMENTS = 2**20


@st.composite
def problems(draw: st.DrawFn, family: Family, dtype: str) -> Problem:
    """Any problem of the family, small ones as often as large ones."""
    dimensions = draw(st.integers(1, 3))
    groups = draw(st.sampled_from([1, 1, 2, 3, 4, 8, 16, 32]))
    most = draw(st.sampled_from([1, 2, 4, 8, 16])) if groups < 8 else 2
    channels = Channels(
        groups * draw(st.integers(1, min(most, LARGEST // groups))),
        groups * draw(st.integers(1, min(most, LARGEST // groups))),
        groups,
    )
    batch = draw(st.sampled_from([None, 0, 1, 2, 3, 5, 16]))
    longest = {1: LARGEST, 2: 24, 3: 10}[dimensions]
    axes = [draw(axis(family, longest)) for _ in range(dimensions)]
    mode = (
        draw(st.sampled_from(["zeros", "zeros", "reflect", "replicate", "circular"])) if family == "conv" else "zeros"
    )
    word = draw(st.sampled_from([None, None, None, "valid", "same"])) if family == "conv" and mode == "zeros" else None
    problem = compose(
        family, axes, channels, batch, padding=word, padding_mode=mode, bias=draw(st.booleans()), dtype=dtype
    )
    hypothesis.assume(solvable(problem) and problem.multiply_adds <= MOST_MULTIPLY_ADDS and fits(problem))
    hypothesis.assume(prod(problem.input_shape) + prod(problem.output_shape) <= MOST_ELEMENTS)
    return problem


@st.composite
def axis(draw: st.DrawFn, family: Family, longest: int) -> AxisSetting:
    """A setting of one axis that most often has a solution."""
    kernel, dilation = draw(st.integers(1, 7)), draw(st.integers(1, 4))
    stride = draw(st.integers(1, 5))
    padding = draw(st.integers(0, 4)), draw(st.integers(0, 4))
    if draw(st.booleans()):
        padding = (padding[0], padding[0])
    span = kernel_span(kernel, dilation)
    least = max(1, span - sum(padding)) if family == "conv" else 1
    size = draw(st.integers(least, max(least, longest)))
    extra = draw(st.integers(0, max(stride, dilation) - 1)) if family == "conv_transpose" else 0
    return AxisSetting(size, kernel, stride, padding, dilation, extra)
