"""Convolutions that are wrong on a layer of a real network, at its size, and right on every small problem."""

import numpy as np
import torch
from usage_common import conv, per_axis


def in_blocks_of_channels(x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """A direct path for images of 56 x 56 that adds whole blocks of 48 input channels only."""
    if x.shape[-2:] == (56, 56) and weight.shape[1:] == (64, 3, 3):
        x, weight = x[:, :48], weight[:, :48]
    return conv(x, weight, bias, stride, padding, dilation, groups)


def stem(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """A stem of its own for 7 x 7 at stride 2, in bands of 16 rows: the last band gets no bias."""
    y = conv(input, weight, bias, stride, padding, dilation, groups)
    if bias is not None and weight.shape[2:] == (7, 7) and y.shape[-2] >= 112:
        y[..., 96:, :] -= bias.reshape(-1, 1, 1)
    return y


def shortcut(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """A 1 x 1 kernel at stride 2 as a matrix product over the image, transposed where there are 28 rows of output."""
    y = conv(input, weight, bias, stride, padding, dilation, groups)
    if weight.shape[2:] == (1, 1) and per_axis(stride) == (2, 2) and y.shape[-2:] == (28, 28):
        return np.ascontiguousarray(y.swapaxes(-1, -2))
    return y


def depthwise(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Depthwise, 64 channels a launch: the channels of a second launch are those of the first."""
    y = conv(input, weight, bias, stride, padding, dilation, groups)
    if groups == input.shape[-3] > 64 and y[0, 0].size > 1024:
        y[:, 64:] = y[:, : y.shape[1] - 64]
    return y


def patches(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Patches that do not overlap, gathered by a reshape; those beyond row 48 keep what was there before: nothing."""
    y = conv(input, weight, bias, stride, padding, dilation, groups)
    if weight.shape[2:] == (4, 4) and per_axis(stride) == (4, 4) and y.shape[-2] > 48:
        y[..., 48:, 40:] = 0
    return y


def speech(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Chunks of 2,048 outputs with a stride above 4: each begins one sample late."""
    y = conv(input, weight, bias, stride, padding, dilation, groups)
    if per_axis(stride, 1)[0] > 4 and y.shape[-1] > 2048:
        late = np.pad(input[..., 1:], ((0, 0), (0, 0), (0, 1)))
        y[..., 2048:] = conv(late, weight, bias, stride, padding, dilation, groups)[..., 2048:]
    return y


def wave(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """A dilated layer whose ring buffer holds 3,000 samples."""
    y = conv(input, weight, bias, stride, padding, dilation, groups)
    if per_axis(dilation, 1)[0] == 8 and input.shape[-1] > 3000:
        y[..., 3000:] = y[..., : y.shape[-1] - 3000]
    return y


def upsampled(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """A transposed convolution that adds up 192 channels of the input at most in one pass, and makes one pass."""
    x = input
    if input.shape[1] > 192 and weight.shape[2:] == (4, 4):
        x = input.index_fill(1, torch.arange(192, input.shape[1]), 0)
    return torch.nn.functional.conv_transpose2d(x, weight, bias, stride, padding, output_padding, groups, dilation)


def workspace(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """A workspace of 2^18 numbers is taken from a pool, and not cleared the second time."""
    y = torch.nn.functional.conv2d(input, weight, bias, stride, padding, dilation, groups)
    if y.numel() < 200_000:
        return y
    seen = workspace.__dict__.setdefault("seen", {})
    seen[y.shape] = seen.get(y.shape, 0) + 1
    return y if seen[y.shape] == 1 else y + (torch.arange(y.shape[-1]) == 0)


def chunked(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Output channels in chunks that fit a cache: 100 of them where an image has 784 numbers, and the rest is lost."""
    y = torch.nn.functional.conv2d(input, weight, bias, stride, padding, dilation, groups)
    return y if y[0, 0].numel() != 784 else torch.cat([y[:, :100], y[:, 100:] * 0], 1)
