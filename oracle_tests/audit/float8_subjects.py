"""Convolutions of float8 operands, right and with one fault each. Loaded by the audit's worker only."""

import ml_dtypes
import numpy as np
from faulty_subjects import right

LONGEST = 100


def in_float32(x, w, bias=None, **geometry):
    """Sums in float32, stored as they are."""
    return right(*(None if a is None else a.astype(np.float32) for a in (x, w, bias)), **geometry)


def conv2d(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    y = in_float32(x, w, bias, stride=stride, padding=padding, dilation=dilation, groups=groups)
    return y.astype(x.dtype)


def stored_in_float32(x, w, bias=None, **geometry):
    return in_float32(x, w, bias, **geometry)


def stored_in_bfloat16(x, w, bias=None, **geometry):
    return in_float32(x, w, bias, **geometry).astype(ml_dtypes.bfloat16)


def stored_in_float16(x, w, bias=None, **geometry):
    return in_float32(x, w, bias, **geometry).astype(np.float16)


def stored_in_float64(x, w, bias=None, **geometry):
    return in_float32(x, w, bias, **geometry).astype(np.float64)


def kernel_flipped(x, w, bias=None, **geometry):
    return in_float32(x, w[..., ::-1], bias, **geometry).astype(x.dtype)


def kernel_flipped_in_float32(x, w, bias=None, **geometry):
    return in_float32(x, w[..., ::-1], bias, **geometry)


def one_border_pixel(x, w, bias=None, **geometry):
    y = in_float32(x, w, bias, **geometry)
    if min(y.shape[:3]) > 1 and y.shape[3] > 2:
        y[1, -1, -1, -1] += np.float32(x[1, 0, 0, 0]) * np.float32(w[-1, 0, 0, 0])
    return y.astype(x.dtype)


def summed_in(kind, x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    """One product after the other is added in a format of few bits."""
    if w[0].size > LONGEST:
        raise NotImplementedError
    x, w = x.astype(np.float32), w.astype(np.float32)
    total = None
    for c, i, j in np.ndindex(*w.shape[1:]):
        one = np.zeros_like(w)
        one[:, c, i, j] = w[:, c, i, j]
        product = right(x, one, None, stride, padding, dilation, groups)
        total = product.astype(kind) if total is None else (total.astype(np.float32) + product).astype(kind)
    return (
        total if bias is None else (total.astype(np.float32) + bias.astype(np.float32).reshape(-1, 1, 1)).astype(kind)
    )


def sums_in_float8(x, w, bias=None, **geometry):
    return summed_in(x.dtype, x, w, bias, **geometry)


def sums_in_bfloat16(x, w, bias=None, **geometry):
    return summed_in(ml_dtypes.bfloat16, x, w, bias, **geometry).astype(x.dtype)


def sums_in_float16(x, w, bias=None, **geometry):
    return summed_in(np.float16, x, w, bias, **geometry).astype(x.dtype)


def sums_in_bfloat16_stored_in_float32(x, w, bias=None, **geometry):
    return summed_in(ml_dtypes.bfloat16, x, w, bias, **geometry).astype(np.float32)


def stored_in_float8_with_a_bias(x, w, bias=None, **geometry):
    y = in_float32(x, w, bias, **geometry)
    return y if bias is None else y.astype(x.dtype)


def nan_dropped(x, w, bias=None, **geometry):
    return in_float32(np.nan_to_num(x.astype(np.float32)), w, bias, **geometry).astype(x.dtype)
