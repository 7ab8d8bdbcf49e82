"""Convolutions of torch tensors by other functions of torch."""

import torch
import torch.nn.functional as F
from torch import nn


def _two(value):
    return (value, value) if isinstance(value, int) else tuple(value)


def unfolded(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Columns and a product per group."""
    stride, padding, dilation = _two(stride), _two(padding), _two(dilation)
    kernel = tuple(w.shape[2:])
    rows, columns = (
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, p, d, k, s in zip(x.shape[2:], padding, dilation, kernel, stride, strict=True)
    )
    cols = F.unfold(x, kernel, dilation, padding, stride)
    cols = cols.reshape(x.shape[0], groups, -1, cols.shape[2])
    out = (w.reshape(groups, w.shape[0] // groups, -1) @ cols).reshape(x.shape[0], w.shape[0], rows, columns)
    return out if bias is None else out + bias[:, None, None]


def conv_transpose2d_folded(x, w, bias=None, stride=1, padding=0, dilation=1):
    """A product, and F.fold to add up what overlaps."""
    stride, padding, dilation = _two(stride), _two(padding), _two(dilation)
    kernel = tuple(w.shape[2:])
    size = [
        (n - 1) * s - 2 * p + d * (k - 1) + 1
        for n, s, p, d, k in zip(x.shape[2:], stride, padding, dilation, kernel, strict=True)
    ]
    cols = w.reshape(w.shape[0], -1).t() @ x.flatten(2)
    out = F.fold(cols, size, kernel, dilation, padding, stride)
    return out if bias is None else out + bias.view(1, -1, 1, 1)


class _Own(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w, bias, stride, padding):
        ctx.save_for_backward(x, w)
        ctx.stride, ctx.padding = stride, padding
        return F.conv2d(x, w, bias, stride, padding)

    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        dx = dw = db = None
        if ctx.needs_input_grad[0]:
            dx = nn.grad.conv2d_input(x.shape, w, dy, ctx.stride, ctx.padding)
        if ctx.needs_input_grad[1]:
            dw = nn.grad.conv2d_weight(x, w.shape, dy, ctx.stride, ctx.padding)
        if ctx.needs_input_grad[2]:
            db = dy.sum(dim=(0, 2, 3))
        return dx, dw, db, None, None


def own_function(x, w, bias=None, stride=1, padding=0):
    """A backward pass by hand."""
    return _Own.apply(x, w, bias, stride, padding)


class OwnConv2d(nn.Module):
    """A module that computes by itself."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, groups=1):
        super().__init__()
        self.stride, self.padding, self.groups = stride, padding, groups
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels // groups, *_two(kernel_size)) / 10)
        self.bias = nn.Parameter(torch.zeros(out_channels))

    def forward(self, x):
        """Columns."""
        return unfolded(x, self.weight, self.bias, self.stride, self.padding, 1, self.groups)


def conv1d_as_conv2d(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """An image of one row."""
    s, p, d = (one if isinstance(one, int) else one[0] for one in (stride, padding, dilation))
    return F.conv2d(x[:, :, None], w[:, :, None], bias, (1, s), (0, p), (1, d), groups)[:, :, 0]
