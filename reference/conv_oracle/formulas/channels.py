"""Channels: a convolution of many channels is made of single-channel ones   (S12)."""

from __future__ import annotations

from typing import SupportsIndex

import numpy as np
import numpy.typing as npt

from conv_oracle.formulas.contraction import numbers, zeros
from conv_oracle.formulas.discrete import cross_correlate
from conv_oracle.geometry import check_bias, conv_geometry
from conv_oracle.passes import Array, as_array, rounded


def sum_over_channels(w: npt.ArrayLike, x: npt.ArrayLike) -> Array:
    """y[o] = sum over c of (w[c] # x[c])[o]   (S12): one kernel, with the input's channels, gives ONE output channel.

    x is (C, *I), w is (C, *K), of any numbers; the result is (*O,) in their common dtype, O = I - K + 1   (S11).
    Raises GeometryError for shapes that do not go together, and OperandError for what is not numbers.
    """
    first, second = as_array("w", w), as_array("x", x)
    geometry = conv_geometry(second.shape, (1, *first.shape))
    kernel, image = numbers(first), numbers(second)
    y = zeros(geometry.output_size)
    for c in range(geometry.in_channels):
        y = y + cross_correlate(kernel[c], image[c], "valid")
    return rounded(y, first, second)


def stack_of_kernels(
    w: npt.ArrayLike, x: npt.ArrayLike, b: npt.ArrayLike | None = None, groups: SupportsIndex = 1
) -> Array:
    """y[m] = b[m] + sum over c of w[m, c] # x[first(m) + c]: as many kernels as output channels   (S12).

    w       (M, C / groups, *K), any numbers
    x       (C, *I)
    b       (M,), or None
    groups  divides C and M: kernel m reads only the C / groups channels of its group, from first(m) on; groups = C is
            the depthwise convolution, with M / C kernels (the multiplier) on each channel

    Returns (M, *O) in the operands' common dtype, O = I - K + 1   (S11).
    Raises GeometryError for shapes that do not go together, and OperandError for what is not numbers.
    """
    kernels, image = as_array("w", w), as_array("x", x)
    bias = np.zeros(len(kernels), dtype=kernels.dtype) if b is None else as_array("b", b)
    geometry = conv_geometry(image.shape, kernels.shape, groups=groups)
    check_bias(bias.shape, geometry.out_channels)
    width = geometry.in_channels_per_group
    y = zeros((geometry.out_channels, *geometry.output_size))
    for m in range(geometry.out_channels):
        first = m // geometry.out_channels_per_group * width
        y[m] = numbers(bias)[m] + sum_over_channels(numbers(kernels)[m], numbers(image)[first : first + width])
    return rounded(y, kernels, image, bias)
