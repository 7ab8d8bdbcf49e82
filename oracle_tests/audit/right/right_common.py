"""What the right subjects share: sizes, zero padding, bias, and the format that 16-bit numbers are summed in."""

import math

import numpy as np


def output_sizes(x, w, stride, padding, dilation):
    axes = zip(x.shape[2:], w.shape[2:], stride, padding, dilation, strict=True)
    sizes = tuple((i + 2 * p - d * (k - 1) - 1) // s + 1 for i, k, s, p, d in axes)
    if min(sizes) < 1:
        raise ValueError(f"no output: sizes={sizes}")
    return sizes


def check_dense(*sizes):
    """A dense matrix is for small problems."""
    if math.prod(sizes) > 1 << 22:
        raise NotImplementedError(f"a matrix of at most 4,194,304 numbers: {sizes=}")


def zero_padded(x, padding):
    return np.pad(x, [(0, 0), (0, 0), *((p, p) for p in padding)])


def summed_in(dtype):
    """16-bit floats are summed in float32 and rounded once; ml_dtypes' are of kind V."""
    return np.dtype(np.float32) if dtype.itemsize == 2 and dtype.kind in "fV" else dtype


def with_bias(y, bias):
    return y if bias is None else y + bias.astype(y.dtype).reshape(-1, *(1,) * (y.ndim - 2))


def transposed_sizes(x, w, stride, padding, output_padding, dilation):
    axes = zip(x.shape[2:], w.shape[2:], stride, padding, output_padding, dilation, strict=True)
    sizes = tuple((i - 1) * s - 2 * p + d * (k - 1) + o + 1 for i, k, s, p, o, d in axes)
    if min(sizes) < (1 if len(x) else 0):
        raise ValueError(f"no output: sizes={sizes}")
    return sizes
