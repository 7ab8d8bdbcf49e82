"""Convolutions for the tests of guard pages: right ones, and ones that touch a byte beside an operand."""

import ctypes

import numpy as np

from conv_oracle import conv2d as right_conv2d


def right(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    return right_conv2d(x, w, b, stride, padding, dilation, groups)


def reads_behind_its_bias(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    if b is not None:
        ctypes.string_at(b.ctypes.data + b.nbytes, 1)
    return right_conv2d(x, w, b, stride, padding, dilation, groups)


def writes_before_its_weight(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    before = ctypes.c_uint32.from_address(w.ctypes.data - 4)
    before.value ^= 0xFFFFFFFF
    return right_conv2d(x, w, b, stride, padding, dilation, groups)


def returns_a_view_over_the_edge(x, w, b=None, **_):  # noqa: ARG001 - as anybody's
    return np.lib.stride_tricks.as_strided(x.reshape(-1), (x.size + 1,), (x.itemsize,))


def dies_elsewhere(x, w, b=None, **_):  # noqa: ARG001 - as anybody's
    ctypes.string_at(0)


def wants_sixteen_bytes(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    x, w = np.ascontiguousarray(x), np.ascontiguousarray(w)
    if x.ctypes.data % 16 or w.ctypes.data % 16:
        raise ValueError("operands must be aligned to 16 bytes")
    return right_conv2d(x, w, b, stride, padding, dilation, groups)
