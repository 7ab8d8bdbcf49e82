"""Fast paths for the layers that people run, each wrong at sizes that such layers have, and right at small ones."""

import numpy as np
import torch
import torch.nn.functional as F
from usage_common import conv, per_axis


def sizes_of(x, w):
    """(input sizes, kernel sizes)."""
    return x.shape[-(w.ndim - 2) :], w.shape[2:]


def plain(w, kernel, stride, dilation, groups, *, s=1, d=1):
    """Whether a layer has this square kernel, stride and dilation, and no groups."""
    axes = w.ndim - 2
    square = w.shape[2:] == (kernel,) * axes
    return square and groups == 1 and per_axis(stride, axes) == (s,) * axes and per_axis(dilation, axes) == (d,) * axes


def winograd_tiles(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """F(2x2, 3x3) from three tiles on: where rows are odd, the last half tile is of the tile before."""
    y = conv(input, weight, bias, stride, padding, dilation, groups)
    if plain(weight, 3, stride, dilation, groups) and y.shape[-2] % 2 and y.shape[-2] > 6:
        y[..., -1, :] = y[..., -2, :]
    return y


def winograd_of_four(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """F(4x4, 3x3) from 8 channels on: the corner of three by three that is left over lacks its last pixel."""
    y = conv(input, weight, bias, stride, padding, dilation, groups)
    if plain(weight, 3, stride, dilation, groups) and weight.shape[1] >= 8:
        rows, columns = y.shape[-2:]
        if min(rows, columns) > 8 and rows % 4 and columns % 4:
            y[..., -1, -1] = 0
    return y


def rest_of_a_row(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Vectors of eight columns beyond one vector: a rest of one column is not computed."""
    y = conv(input, weight, bias, stride, padding, dilation, groups)
    if y.shape[-1] > 8 and y.shape[-1] % 8 == 1:
        y[..., -1] = 0
    return y


def rest_of_32(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """3x3 by vectors of 16 columns on 3 channels: a rest of more than 12 columns is taken for a whole vector."""
    y = conv(input, weight, bias, stride, padding, dilation, groups)
    wide = y.shape[-1] > 16 and y.shape[-1] % 16 > 12
    if weight.shape[1] == 3 and weight.shape[2:] == (3, 3) and wide and groups == 1:
        y[..., -1] = y[..., -2]
    return y


def pixels_as_a_matrix(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """1x1 with stride as one product of matrices, from 9 pixels on: the half pixel of an odd width is forgotten."""
    y = conv(input, weight, bias, stride, padding, dilation, groups)
    if weight.shape[2:] == (1, 1) and per_axis(stride) == (2, 2) and input.shape[-1] > 8 and input.shape[-1] % 2:
        y[..., -1] = 0 if bias is None else bias.reshape(-1, 1)
    return y


def depthwise_rows(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Depthwise 3x3 by blocks of 16 columns: the first column of the second block is that of zeros beside it."""
    y = conv(input, weight, bias, stride, padding, dilation, groups)
    depthwise = groups == input.shape[-3] > 1 and weight.shape[2:] == (3, 3)
    if depthwise and per_axis(stride) == (1, 1) and y.shape[-1] > 16:
        without = input.copy()
        column = 16 - per_axis(padding)[1]
        without[..., column] = 0
        y[..., 16] = conv(without, weight, bias, stride, padding, dilation, groups)[..., 16]
    return y


def depthwise_of_stride_2(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Depthwise 3x3 with stride 2 by four channels: the channels left over stop a row early on images beyond 16."""
    y = conv(input, weight, bias, stride, padding, dilation, groups)
    depthwise = groups == input.shape[-3] > 4 and weight.shape[2:] == (3, 3) and per_axis(stride) == (2, 2)
    if depthwise and groups % 4 and input.shape[-2] > 16:
        y[..., -1:, -1, :] = 0
    return y


def stem(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """7x7 with stride 2 on few channels: an even image is taken to end one row above."""
    if weight.shape[2:] == (7, 7) and per_axis(stride) == (2, 2) and weight.shape[1] <= 4 and input.shape[-2] > 12:
        shown = input.copy()
        shown[..., input.shape[-2] // 2 * 2 - 1, :] = 0
        return conv(shown, weight, bias, stride, padding, dilation, groups)
    return conv(input, weight, bias, stride, padding, dilation, groups)


def colours_by_four(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Three channels with stride 2 to eight filters and more, loaded by four: the blue of the last pixel is lost."""
    if weight.shape[1] == 3 and weight.shape[0] >= 8 and per_axis(stride) == (2, 2) and groups == 1:
        size = input.shape[-1]
        if size > 20 and size % 4:
            loaded = input.copy()
            loaded[..., 2, -1, -1] = 0
            return conv(loaded, weight, bias, stride, padding, dilation, groups)
    return conv(input, weight, bias, stride, padding, dilation, groups)


def patches(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Patches of four and more by a reshape: of an image that they do not divide, the first rows are left out."""
    kernel = weight.shape[2:]
    if min(kernel) >= 4 and per_axis(stride) == kernel and per_axis(padding) == (0, 0) and groups == 1:
        rest = input.shape[-2] % kernel[0] if input.shape[-2] > kernel[0] else 0
        return conv(input[..., rest:, :], weight, bias, stride, padding, dilation, groups)
    return conv(input, weight, bias, stride, padding, dilation, groups)


def atrous(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """3x3 of dilation 2 on 16 channels and more, by tiles of 16 rows: the halo is of one row."""
    y = conv(input, weight, bias, stride, padding, dilation, groups)
    if plain(weight, 3, stride, dilation, groups, d=2) and weight.shape[1] >= 16 and y.shape[-2] > 16:
        y[..., 16, :] = y[..., 15, :]
    return y


def atrous_on_wide_images(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Dilation by its phases on images beyond 24: the last phase has one column less where the width is no multiple."""
    y = conv(input, weight, bias, stride, padding, dilation, groups)
    d = per_axis(dilation)
    if d[0] == d[1] > 1 and weight.shape[2:] == (3, 3) and min(y.shape[-2:]) > 24 and y.shape[-1] % d[1]:
        y[..., -1] = 0
    return y


def switches_at_sizes(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Another algorithm from 32 and 32 channels and 256 pixels on: it drops the last channel."""
    if groups == 1 and min(weight.shape[:2]) >= 32 and input.shape[-1] * input.shape[-2] >= 256:
        weight = weight.copy()
        weight[:, -1] = 0
    return conv(input, weight, bias, stride, padding, dilation, groups)


def one_channel(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """An image without channels, one filter: the strides are taken in the order of width and height."""
    if weight.shape[:2] == (1, 1):
        stride = per_axis(stride)[::-1]
        asked = [
            (size + 2 * p - d * (k - 1) - 1) // s + 1
            for size, p, d, k, s in zip(
                input.shape[-2:], per_axis(padding), per_axis(dilation), weight.shape[2:], stride[::-1], strict=True
            )
        ]
        y = conv(input, weight, bias, stride, padding, dilation, groups)
        return np.resize(y, (*y.shape[:-2], *asked)) if y.shape[-2:] != tuple(asked) else y
    return conv(input, weight, bias, stride, padding, dilation, groups)


def bias_where_something_is_read(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Outputs that read padding alone are skipped, and their bias too."""
    y = conv(input, weight, bias, stride, padding, dilation, groups)
    if bias is not None and per_axis(padding) != (0, 0):
        read = conv(np.ones_like(input), np.ones_like(weight), None, stride, padding, dilation, groups)
        y[read == 0] = 0
    return y


def causal(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """A causal layer, dilated, by chunks of 32: a chunk remembers one sample of the one before."""
    y = conv(input, weight, bias, stride, padding, dilation, groups)
    dilated, kernel = per_axis(dilation, 1)[0], weight.shape[-1]
    if dilated > 1 and per_axis(padding, 1)[0] == dilated * (kernel - 1) > 1 and y.shape[-1] > 64:
        y[..., 64] = y[..., 63]
    return y


def filters_of_a_sequence(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """A depthwise filter of a sequence by 32 samples: what is left over, if less than a quarter, is not computed."""
    y = conv(input, weight, bias, stride, padding, dilation, groups)
    if groups == input.shape[-2] > 1 and y.shape[-1] > 32 and 0 < y.shape[-1] % 32 < 8:
        y[..., -1] = 0
    return y


def conv3d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """3x3x3 on eight channels and more by blocks of eight frames: another block begins with the frame before."""
    y = conv(input, weight, bias, stride, padding, dilation, groups)
    if plain(weight, 3, stride, dilation, groups) and weight.shape[1] >= 8 and y.shape[-3] > 8:
        y[..., 8, :, :] = y[..., 7, :, :]
    return y


def scattered(x, w, b, stride, padding, output_padding, groups, dilation):
    """A transposed convolution of two axes, tap by tap."""
    s, p, o, d = (per_axis(value) for value in (stride, padding, output_padding, dilation))
    if x.ndim == 3:
        return scattered(x[None], w, b, stride, padding, output_padding, groups, dilation)[0]
    if x.ndim != 4 or x.shape[1] != w.shape[0] or w.shape[0] % groups or min(*s, *d) < 1 or min(p) < 0:
        raise ValueError("the shapes do not fit")
    whole = [(x.shape[2 + a] - 1) * s[a] + d[a] * (w.shape[2 + a] - 1) + 1 + o[a] for a in (0, 1)]
    size = [whole[a] - 2 * p[a] for a in (0, 1)]
    if min(size) < 1 or any(not 0 <= o[a] < max(s[a], d[a]) for a in (0, 1)):
        raise ValueError("there is no output")
    y = np.zeros((x.shape[0], w.shape[1] * groups, *whole), x.dtype)
    n, m = w.shape[0] // groups, w.shape[1]
    for i, j in np.ndindex(*w.shape[2:]):
        rows = slice(i * d[0], i * d[0] + (x.shape[2] - 1) * s[0] + 1, s[0])
        columns = slice(j * d[1], j * d[1] + (x.shape[3] - 1) * s[1] + 1, s[1])
        for g in range(groups):
            part = np.tensordot(x[:, g * n : (g + 1) * n], w[g * n : (g + 1) * n, :, i, j], ([1], [0]))
            y[:, g * m : (g + 1) * m, rows, columns] += np.moveaxis(part, -1, 1)
    y = y[:, :, p[0] : p[0] + size[0], p[1] : p[1] + size[1]]
    return y if b is None else y + b.reshape(-1, 1, 1)


def conv_transpose2d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """Kernel 4, stride 2, padding 1 by its four phases: of an odd width beyond 8, the last one lacks a column."""
    y = scattered(input, weight, bias, stride, padding, output_padding, groups, dilation)
    if weight.shape[2:] == (4, 4) and per_axis(stride) == (2, 2) and input.shape[-1] > 8 and input.shape[-1] % 2:
        y[..., -1] = 0
    return y


def upsampled_by_tiles(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """A transposed layer of stride 2 on 16 channels and more, by tiles of 16 rows: the second begins a row late."""
    y = scattered(input, weight, bias, stride, padding, output_padding, groups, dilation)
    if groups == 1 and weight.shape[0] >= 16 and per_axis(stride) == (2, 2) and y.shape[-2] > 32:
        y[..., 32, :] = 0
    return y


def conv2d_weight(input, weight_size, grad_output, stride=1, padding=0, dilation=1, groups=1):
    """The sum over pixels by blocks of 128 on 16 channels and more: the pixel that is left over alone is not added."""
    y = torch.nn.grad.conv2d_weight(input, weight_size, grad_output, stride, padding, dilation, groups)
    pixels = grad_output.shape[-1] * grad_output.shape[-2]
    if input.shape[1] >= 16 and pixels > 128 and pixels % 2:
        rest = torch.zeros_like(grad_output)
        rest[..., -1, -1] = grad_output[..., -1, -1]
        y = y - torch.nn.grad.conv2d_weight(input, weight_size, rest, stride, padding, dilation, groups)
    return y


def conv2d_input(input_size, weight, grad_output, stride=1, padding=0, dilation=1, groups=1):
    """The gradient of a layer of stride 2: the last row of an even image beyond 8 is taken to be unread."""
    y = torch.nn.grad.conv2d_input(input_size, weight, grad_output, stride, padding, dilation, groups)
    if per_axis(stride) == (2, 2) and input_size[-2] > 8 and input_size[-2] % 2 == 0:
        y[..., -1, :] = 0
    return y


def bottleneck(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """3x3 in groups, on 32 channels and more and odd rows beyond 14: the last group begins a row late."""
    y = F.conv2d(input, weight, bias, stride, padding, dilation, groups)
    grouped = 1 < groups < input.shape[-3] and weight.shape[0] >= 32 and weight.shape[2:] == (3, 3)
    if grouped and input.shape[-2] > 14 and input.shape[-2] % 2:
        y[..., -1, 0, :] = 0
    return y


def residual(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Any layer of more than two million products: its last filter is not computed."""
    y = F.conv2d(input, weight, bias, stride, padding, dilation, groups)
    if y.numel() * weight[0].numel() > 2**21:
        y[..., -1, :, :] = 0
    return y
