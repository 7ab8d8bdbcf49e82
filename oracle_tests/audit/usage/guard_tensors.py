"""The same of PyTorch's tensors: what touches memory beside an operand does so by its address."""

import ctypes

import torch
import torch.nn.functional as F


def read(tensor, offset):
    """Read one byte at an offset from the tensor's first."""
    ctypes.string_at(tensor.data_ptr() + offset, 1)


def one_behind_weight(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """An element behind the weight is read, and dropped."""
    weight = weight.contiguous()
    read(weight, weight.numel() * weight.element_size())
    return F.conv2d(input, weight, bias, stride, padding, dilation, groups)


def input_by_lines(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """The input is copied in lines of 64 bytes, counted from its first, the last of them whole."""
    plain = input.contiguous()
    size = plain.numel() * plain.element_size()
    lines = ctypes.string_at(plain.data_ptr(), -(-size // 64) * 64)
    copied = torch.frombuffer(bytearray(lines[:size]), dtype=plain.dtype).view(plain.shape)
    return F.conv2d(copied, weight, bias, stride, padding, dilation, groups)


def zero_written_behind_bias(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """A zero is stored behind the bias, as if it had one more channel."""
    if bias is not None:
        bias = bias.contiguous()
        ctypes.memset(bias.data_ptr() + bias.numel() * bias.element_size(), 0, bias.element_size())
    return F.conv2d(input, weight, bias, stride, padding, dilation, groups)


def before_weight_of_even_kernels(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """The middle of an even kernel is rounded down: one element before its first."""
    weight = weight.contiguous()
    if weight.shape[3] % 2 == 0:
        read(weight, -weight.element_size())
    return F.conv2d(input, weight, bias, stride, padding, dilation, groups)


class _Backward(torch.autograd.Function):
    """A right convolution whose backward pass reads behind the cotangent."""

    @staticmethod
    def forward(ctx, input, weight, stride, padding, dilation, groups):
        ctx.save_for_backward(input, weight)
        ctx.layer = (stride, padding, dilation, groups)
        return F.conv2d(input, weight, None, stride, padding, dilation, groups)

    @staticmethod
    def backward(ctx, grad_output):
        image, weight = ctx.saved_tensors
        grad_output = grad_output.contiguous()
        read(grad_output, grad_output.numel() * grad_output.element_size())
        by_input = torch.nn.grad.conv2d_input(image.shape, weight, grad_output, *ctx.layer)
        by_weight = torch.nn.grad.conv2d_weight(image, weight.shape, grad_output, *ctx.layer)
        return by_input, by_weight, None, None, None, None


def backward_behind_its_cotangent(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    y = _Backward.apply(input, weight, stride, padding, dilation, groups)
    return y if bias is None else y + bias.view(-1, 1, 1)
