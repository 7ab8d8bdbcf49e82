"""Convolutions as functions of torch.autograd with a backward pass of their own."""

import torch
import torch.nn.functional as F
from fresh_common import each
from torch.nn.grad import conv1d_weight, conv2d_input, conv2d_weight


class _MeanBias(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input, weight, bias, where):
        ctx.save_for_backward(input, weight)
        ctx.where = where
        return F.conv2d(input, weight, bias, *where)

    @staticmethod
    def backward(ctx, gradient):
        x, weight = ctx.saved_tensors
        to_input = conv2d_input(x.shape, weight, gradient, *ctx.where)
        to_weight = conv2d_weight(x, weight.shape, gradient, *ctx.where)
        to_bias = gradient.mean(0).sum((1, 2)) if ctx.needs_input_grad[2] else None
        return to_input, to_weight, to_bias, None


def conv2d_mean_bias(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    return _MeanBias.apply(input, weight, bias, (each(stride, 2), each(padding, 2), each(dilation, 2), groups))


class _WhenNeeded(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input, weight, bias, where):
        ctx.save_for_backward(input, weight)
        ctx.where = where
        return F.conv2d(input, weight, bias, *where)

    @staticmethod
    def backward(ctx, gradient):
        x, weight = ctx.saved_tensors
        to_input = to_weight = to_bias = None
        if ctx.needs_input_grad[0]:
            to_input = conv2d_input(x.shape, weight, gradient, *ctx.where)
        if ctx.needs_input_grad[0]:
            to_weight = conv2d_weight(x, weight.shape, gradient, *ctx.where)
        if ctx.needs_input_grad[2]:
            to_bias = gradient.sum((0, 2, 3))
        return to_input, to_weight, to_bias, None


def conv2d_when_needed(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    return _WhenNeeded.apply(input, weight, bias, (each(stride, 2), each(padding, 2), each(dilation, 2), groups))


class _Detached(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input, weight, bias, where):
        ctx.save_for_backward(input, weight)
        ctx.where = where
        return F.conv2d(input, weight, bias, *where)

    @staticmethod
    def backward(ctx, gradient):
        x, weight = ctx.saved_tensors
        to_input = conv2d_input(x.shape, weight, gradient, *ctx.where)
        to_weight = conv2d_weight(x.detach(), weight.shape, gradient, *ctx.where)
        to_bias = gradient.sum((0, 2, 3)) if ctx.needs_input_grad[2] else None
        return to_input, to_weight, to_bias, None


def conv2d_detached(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    return _Detached.apply(input, weight, bias, (each(stride, 2), each(padding, 2), each(dilation, 2), groups))


class _ShortGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input, weight, bias, where):
        ctx.save_for_backward(input, weight)
        ctx.where = where
        return F.conv1d(input, weight, bias, *where)

    @staticmethod
    def backward(ctx, gradient):
        x, weight = ctx.saved_tensors
        (s,), (p,), (d,), groups = ctx.where
        missing = (x.shape[2] + 2 * p - d * (weight.shape[2] - 1) - 1) % s
        short = F.conv_transpose1d(gradient, weight, None, s, p, 0, groups, d)
        to_input = F.pad(short, (0, missing))
        to_weight = conv1d_weight(x, weight.shape, gradient, s, p, d, groups)
        to_bias = gradient.sum((0, 2)) if ctx.needs_input_grad[2] else None
        return to_input, to_weight, to_bias, None


def conv1d_short_gradient(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    return _ShortGradient.apply(input, weight, bias, (each(stride, 1), each(padding, 1), each(dilation, 1), groups))
