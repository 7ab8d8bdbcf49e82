"""What several modules of plants share: the right passes by number of axes, and edits and settings of operands."""

import numpy as np
from maps import passes

RIGHT = passes("right", "always", "columns")
ONE, TWO, THREE = (RIGHT.named(axes) for axes in (1, 2, 3))


def zero_padded(input, sides):
    """The input with (before, after) zeros on each of its last axes."""
    return np.pad(input, [(0, 0)] * (input.ndim - len(sides)) + list(sides))


def turned(weight):
    """What a path computes that takes a convolution for a correlation."""
    return weight[..., ::-1]


def settings(weight, stride, padding, dilation):
    """(kernel, stride, padding, dilation) of every axis."""
    padding = (padding,) * (weight.ndim - 2) if isinstance(padding, str) else padding
    return set(zip(weight.shape[2:], stride, padding, dilation, strict=True))
