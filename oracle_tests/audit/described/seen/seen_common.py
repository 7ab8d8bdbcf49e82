"""What the convolutions of this folder share: sizes, padding, columns, bias, masked loads."""

import itertools
import math

import numpy as np

EVERY = slice(None)


def sizes(extent, kernel, stride, padding, dilation):
    rows = zip(extent, kernel, stride, padding, dilation, strict=True)
    return tuple((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in rows)


def wide_sizes(extent, kernel, stride, padding, output_padding, dilation):
    rows = zip(extent, kernel, stride, padding, output_padding, dilation, strict=True)
    return tuple((n - 1) * s - 2 * p + d * (k - 1) + op + 1 for n, k, s, p, op, d in rows)


def pad(x, padding):
    return np.pad(x, [(0, 0), (0, 0), *((p, p) for p in padding)])


def taps(kernel):
    return itertools.product(*(range(k) for k in kernel))


def window(tap, out, stride, dilation):
    rows = zip(tap, out, stride, dilation, strict=True)
    return (EVERY, EVERY, *(slice(t * d, t * d + (o - 1) * s + 1, s) for t, o, s, d in rows))


def columns(x, kernel, stride, padding, dilation):
    """(N, C, *kernel, *out)."""
    out = sizes(x.shape[2:], kernel, stride, padding, dilation)
    xp = pad(x, padding)
    cols = np.empty((*x.shape[:2], *kernel, *out), x.dtype)
    for tap in taps(kernel):
        cols[(EVERY, EVERY, *tap)] = xp[window(tap, out, stride, dilation)]
    return cols


def with_bias(y, bias):
    return y if bias is None else y + bias.reshape(-1, *[1] * (y.ndim - 2))


def contract(cols, w, groups):
    """The sums over channels and taps of columns, group by group."""
    out = cols.shape[w.ndim :]
    depth = w[0].size
    flat = cols.reshape(cols.shape[0], groups, depth, math.prod(out))
    y = w.reshape(groups, -1, depth) @ flat
    return y.reshape(cols.shape[0], w.shape[0], *out)


def load(flat, index, mask):
    """A masked load from a flat buffer, zero elsewhere and past the buffer."""
    mask = mask & (index >= 0) & (index < flat.size)
    return np.where(mask, flat[np.where(mask, index, 0)], 0)
