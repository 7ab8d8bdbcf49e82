"""Convolutions of float8 tensors. Loaded by the audit's worker only."""

import torch
import torch.nn.functional as F


def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    return in_float32(input, weight, bias, stride, padding, dilation, groups).to(input.dtype)


def in_float32(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    bias = None if bias is None else bias.float()
    return F.conv2d(input.float(), weight.float(), bias, stride, padding, dilation, groups)


def stored_in_bfloat16(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    return in_float32(input, weight, bias, stride, padding, dilation, groups).bfloat16()


def kernel_transposed(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    if weight.shape[2] == weight.shape[3]:
        weight = weight.float().transpose(2, 3).to(weight.dtype)
    return in_float32(input, weight, bias, stride, padding, dilation, groups).to(input.dtype)


def another_float8(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    other = torch.float8_e5m2 if input.dtype == torch.float8_e4m3fn else torch.float8_e4m3fn
    return in_float32(input, weight, bias, stride, padding, dilation, groups).to(other)
