"""Right convolutions but for a layer with a path of its own: pointwise, depthwise, flat, and those of known networks.

Loaded by the audit's worker only.
"""

import numpy as np
from planted_common import ONE, THREE, TWO, settings, turned

# Paths of their own


def conv2d__depthwise_without_its_multiplier(input, weight, bias=None, groups=1, **geometry):
    """A filter per channel; with two, the first is used for both."""
    if groups == input.shape[-3] and groups > 1:
        weight = np.repeat(weight[:: len(weight) // groups], len(weight) // groups, axis=0)
    return TWO.conv(input, weight, bias, groups=groups, **geometry)


def conv2d__pointwise_without_stride(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """A kernel of one element is a product of matrices; of its answer, the first rows and columns are kept."""
    out = TWO.conv(input, weight, bias, stride, padding, dilation, groups)
    if weight[0, 0].size == 1 and not isinstance(padding, str):
        dense = TWO.conv(input, weight, bias, 1, padding, dilation, groups)
        out = np.ascontiguousarray(dense[..., : out.shape[-2], : out.shape[-1]])
    return out


def conv1d__pointwise_without_padding(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    return ONE.conv(input, weight, bias, stride, 0 if weight.shape[2] == 1 else padding, dilation, groups)


def conv3d_input__pointwise_strides_are_filled(input_size, weight, grad_output, stride=1, padding=0, **geometry):
    """Of a kernel of one element, what lies between the strides repeats what is before it."""
    out = THREE.conv_input(input_size, weight, grad_output, stride, padding, **geometry)
    if weight[0, 0].size == 1 and stride[2] > 1 and padding[2] == 0:
        out = out[..., np.arange(out.shape[4]) // stride[2] * stride[2]]
    return out


def conv1d__lowered_with_the_other_dilation(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """A row of height 1, whose dilation is given to the height; kept the same long by more stride."""
    if dilation[0] > 1 and weight.shape[2] == 2 and not isinstance(padding, str):
        size = ONE.conv(input, weight, None, stride, padding, dilation, groups).shape[-1]
        return ONE.conv(input, weight, bias, stride, padding, 1, groups)[..., :size].copy()
    return ONE.conv(input, weight, bias, stride, padding, dilation, groups)


def conv3d__flat_volume_is_an_image(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """A depth of 1 is left to two axes, with the first two of three strides."""
    depth = input.shape[-3] == weight.shape[2] == 1
    if not depth or isinstance(padding, str) or padding[0]:
        return THREE.conv(input, weight, bias, stride, padding, dilation, groups)
    out = TWO.conv(input[..., 0, :, :], weight[:, :, 0], bias, stride[:2], padding[1:], dilation[1:], groups)
    return out[..., None, :, :]


# Layers that everybody has, each with a path of its own


def conv2d__three_by_three(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Kernel 3, stride 1, padding 1, on even sizes: tiles of two, of which the last is not turned back."""
    even = input.shape[-1] % 2 == 0 == input.shape[-2] % 2
    if even and groups == 1 and settings(weight, stride, padding, dilation) == {(3, 1, 1, 1)}:
        weight = turned(weight)
    return TWO.conv(input, weight, bias, stride, padding, dilation, groups)


def conv2d__halving_layer(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Kernel 3, stride 2, padding 1, without groups."""
    if groups == 1 and settings(weight, stride, padding, dilation) == {(3, 2, 1, 1)}:
        weight = turned(weight)
    return TWO.conv(input, weight, bias, stride, padding, dilation, groups)


def conv2d__first_layer(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Kernel 7, stride 2, padding 3, as residual networks begin."""
    if settings(weight, stride, padding, dilation) == {(7, 2, 3, 1)}:
        weight = turned(weight)
    return TWO.conv(input, weight, bias, stride, padding, dilation, groups)


def conv2d__five_by_five(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Kernel 5, padding 2."""
    if settings(weight, stride, padding, dilation) == {(5, 1, 2, 1)}:
        weight = turned(weight)
    return TWO.conv(input, weight, bias, stride, padding, dilation, groups)


def conv2d__atrous_layer(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Kernel 3, padding 2, dilation 2, without groups."""
    if groups == 1 and settings(weight, stride, padding, dilation) == {(3, 1, 2, 2)}:
        weight = turned(weight)
    return TWO.conv(input, weight, bias, stride, padding, dilation, groups)


def conv1d__causal_depthwise_layer(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Kernel 4, padding 3, a filter per channel."""
    depthwise = groups == input.shape[-2] > 1
    if depthwise and settings(weight, stride, padding, dilation) == {(4, 1, 3, 1)}:
        weight = turned(weight)
    return ONE.conv(input, weight, bias, stride, padding, dilation, groups)


def conv_transpose2d__doubling_layer(
    input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1
):
    """Kernel 4, stride 2, padding 1, as generators have it."""
    if settings(weight, stride, padding, dilation) == {(4, 2, 1, 1)}:
        weight = turned(weight)
    return TWO.conv_transpose(input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d__doubling_of_odd_kernels(
    input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1
):
    """Kernel 3, stride 2, padding 1, output_padding 1."""
    if set(output_padding) == {1} and settings(weight, stride, padding, dilation) == {(3, 2, 1, 1)}:
        weight = turned(weight)
    return TWO.conv_transpose(input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv2d_weight__halving_layer(input, weight_size, grad_output, stride=1, padding=0, dilation=1, groups=1):
    """Kernel 3, stride 2, padding 1, without groups."""
    out = TWO.conv_weight(input, weight_size, grad_output, stride, padding, dilation, groups)
    return turned(out).copy() if groups == 1 and settings(out, stride, padding, dilation) == {(3, 2, 1, 1)} else out


def conv3d__factorised_in_time(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Kernel (3, 1, 1), padding (1, 0, 0)."""
    if weight.shape[2:] == (3, 1, 1) and padding == (1, 0, 0) and set(stride) == {1}:
        weight = weight[:, :, ::-1]
    return THREE.conv(input, weight, bias, stride, padding, dilation, groups)


def conv3d__first_layer_of_video(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Kernel (3, 7, 7), stride (1, 2, 2), padding (1, 3, 3)."""
    if weight.shape[2:] == (3, 7, 7) and stride == (1, 2, 2) and padding == (1, 3, 3):
        weight = turned(weight)
    return THREE.conv(input, weight, bias, stride, padding, dilation, groups)


def conv2d__halving_one_axis(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Kernel 3, stride (2, 1), padding 1, as readers of text and of spectra have it."""
    if weight.shape[2:] == (3, 3) and stride == (2, 1) and padding == (1, 1) and dilation == (1, 1):
        weight = turned(weight)
    return TWO.conv(input, weight, bias, stride, padding, dilation, groups)


def conv2d__depthwise_halving_layer(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Kernel 5, stride 2, padding 2, a filter per channel, as mobile networks have it."""
    depthwise = groups == input.shape[-3] == len(weight) > 1
    if depthwise and settings(weight, stride, padding, dilation) == {(5, 2, 2, 1)}:
        weight = turned(weight)
    return TWO.conv(input, weight, bias, stride, padding, dilation, groups)


def conv1d__first_layer_of_a_waveform(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Kernel 10, stride 5."""
    if settings(weight, stride, padding, dilation) == {(10, 5, 0, 1)}:
        weight = turned(weight)
    return ONE.conv(input, weight, bias, stride, padding, dilation, groups)


def conv_transpose1d__eight_times_as_long(
    input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1
):
    """Kernel 16, stride 8, padding 4, as vocoders have it."""
    if settings(weight, stride, padding, dilation) == {(16, 8, 4, 1)}:
        weight = turned(weight)
    return ONE.conv_transpose(input, weight, bias, stride, padding, output_padding, groups, dilation)
