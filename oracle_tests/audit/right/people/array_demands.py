"""Convolutions that ask something of their arrays or of the type of their arguments, as extensions do."""

import numpy as np
from plainly import correlated


def contiguous(input, weight, b=None, stride=1, padding=0, dilation=1, groups=1):
    """C order, said by a ValueError."""
    for array in (input, weight):
        if not array.flags.c_contiguous:
            raise ValueError("the array must be C-contiguous")
    return correlated(input, weight, b, stride, padding, dilation, groups)


def bytes_of(x, w):
    """Through the buffer protocol: cast() takes contiguous memory that is not empty."""
    flat = memoryview(x).cast("B")
    taps = memoryview(w).cast("B")
    x = np.frombuffer(flat, x.dtype).reshape(x.shape)
    w = np.frombuffer(taps, w.dtype).reshape(w.shape)
    return correlated(x, w)


def float32_alone(input, weight, b=None, stride=1, padding=0, dilation=1, groups=1):
    """One dtype, as it is compiled for it."""
    if input.dtype != np.float32 or weight.dtype != np.float32:
        raise TypeError("expected float32 arrays")
    return correlated(input, weight, b, stride, padding, dilation, groups)


def four_axes(input, weight, b=None, stride=1, padding=0):
    """NCHW and OIHW, asserted."""
    assert input.ndim == 4, "expected NCHW"
    assert weight.ndim == 4, "expected OIHW"
    return correlated(input, weight, b, stride, padding)


def writeable(input, weight, b=None, stride=1, padding=0):
    """Arrays that are read-only are refused, as an interface without `const` does."""
    for array in (input, weight, *([] if b is None else [b])):
        if not array.flags.writeable:
            raise ValueError("buffer source array is read-only")
    return correlated(input, weight, b, stride, padding)


def positive_strides(x, w, b=None, stride=1):
    """No views that run backwards."""
    if any(step < 0 for array in (x, w) for step in array.strides):
        raise ValueError("at least one stride is negative; make a copy with array.copy()")
    return correlated(x, w, b, stride)


def carray(x, w, b, stride):
    """Everything is given, everything is contiguous and writeable."""
    for array in (x, w, b):
        if not array.flags.carray:
            raise TypeError("need a C-contiguous, aligned, writeable array")
    return correlated(x, w, b, stride)


def ints_alone(x, w, b=None, stride=1, padding=0, dilation=1):
    """isinstance, as the type of the argument is part of the interface."""
    for name, value in (("stride", stride), ("padding", padding), ("dilation", dilation)):
        if not isinstance(value, int):
            raise TypeError(f"{name} must be an int, not {type(value).__name__}")
    return correlated(x, w, b, stride, padding, dilation)


def tuples_alone(x, w, b=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1)):
    """len() of every parameter: an int has none."""
    if not len(stride) == len(padding) == len(dilation) == 2:
        raise ValueError("two numbers each")
    if isinstance(padding, str):
        raise TypeError("padding in numbers")
    return correlated(x, w, b, stride, padding, dilation)


def conv1d_either(x, w, b=None, stride=1, padding=0):
    """An int, a tuple or a list of one; an int is what it works with."""
    stride = stride if isinstance(stride, int) else stride[0]
    padding = padding if isinstance(padding, int) else padding[0]
    n, c, length = x.shape
    m, _, k = w.shape
    padded = np.zeros((n, c, length + 2 * padding), x.dtype)
    padded[:, :, padding : padding + length] = x
    count = (length + 2 * padding - k) // stride + 1
    if count < 1:
        raise ValueError("no output")
    y = np.zeros((n, m, count), x.dtype)
    for t in range(k):
        y += np.matmul(w[:, :, t], padded[:, :, t : t + stride * (count - 1) + 1 : stride])
    return y if b is None else y + b[:, None]


def square_and_whole(x, w, b, stride=1):
    """A bias always, square images and square kernels; an int, or two equal ones."""
    if w.shape[2] != w.shape[3] or x.shape[2:] != x.shape[:1:-1][:2] or x.shape[0] == 0:
        raise NotImplementedError("square images and kernels, and at least one of them")
    if not isinstance(stride, int) and len(set(stride)) > 1:
        raise NotImplementedError("one stride")
    if x.ndim != 4:
        raise NotImplementedError("a batch")
    return correlated(x, w, b, stride)


def square_kernels(x, w, b=None, stride=1, padding=0):
    """Square kernels, one int each: what an int and a tuple would do is seen after the kernel alone."""
    if w.shape[2] != w.shape[3] or x.shape[0] == 0:
        raise NotImplementedError
    k = w.shape[2]
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (k, k), (2, 3))[:, :, ::stride, ::stride]
    y = np.einsum("nchwij,mcij->nmhw", windows, w)
    return y if b is None else y + b[:, None, None]


def nothing_but_data(x, w):
    """f(x, w), loops over the taps."""
    kh, kw = w.shape[2:]
    oh, ow = x.shape[2] - kh + 1, x.shape[3] - kw + 1
    out = np.zeros((x.shape[0], w.shape[0], oh, ow), x.dtype)
    for u in range(kh):
        for v in range(kw):
            out += np.einsum("nchw,mc->nmhw", x[:, :, u : u + oh, v : v + ow], w[:, :, u, v])
    return out
