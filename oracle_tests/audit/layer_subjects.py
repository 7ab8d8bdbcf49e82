"""Subjects that are asked somebody's own layers."""

import time

import numpy as np
import torch

LARGE = 5_000_000


def _products(weight, y):
    return y.numel() * weight[0].numel()


def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    return torch.nn.functional.conv2d(input, weight, bias, stride, padding, dilation, groups)


def without_bias_or_groups(input, weight, stride=1, padding=0):
    return torch.nn.functional.conv2d(input, weight, None, stride, padding)


def wrong_when_large(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    y = conv2d(input, weight, bias, stride, padding, dilation, groups)
    return y if _products(weight, y) < LARGE else y.flip(-1)


def slow_when_large(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    y = conv2d(input, weight, bias, stride, padding, dilation, groups)
    if _products(weight, y) >= LARGE:
        time.sleep(100)
    return y


def hungry_when_large(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    y = conv2d(input, weight, bias, stride, padding, dilation, groups)
    if _products(weight, y) >= LARGE:
        raise MemoryError("no room for 9 GiB")
    return y


def by_fft(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """A fast algorithm in float32, over the whole image."""
    full = [n + 2 * p for n, p in zip(input.shape[2:], padding, strict=True)]
    grown = np.zeros((*weight.shape[:2], *(d * (k - 1) + 1 for d, k in zip(dilation, weight.shape[2:], strict=True))))
    grown[..., :: dilation[0], :: dilation[1]] = weight
    image = torch.fft.rfft2(torch.nn.functional.pad(input, [padding[1]] * 2 + [padding[0]] * 2), s=full)
    kernel = torch.fft.rfft2(torch.from_numpy(grown.astype("f4")), s=full).conj()
    parts = image.unflatten(1, (groups, -1)), kernel.unflatten(0, (groups, -1))
    y = torch.fft.irfft2(torch.einsum("ngchw,gmchw->ngmhw", *parts).flatten(1, 2), s=full)
    sizes = [n - k + 1 for n, k in zip(full, grown.shape[2:], strict=True)]
    if min(sizes) < 1:
        raise ValueError("there is no output")
    y = y[..., : sizes[0] : stride[0], : sizes[1] : stride[1]].contiguous()
    return y if bias is None else y + bias[:, None, None]
