"""A right convolution for the pieces of this folder, and gradients of it, on NumPy arrays in PyTorch's layout."""

import numpy as np


def per_axis(value, axes):
    """An int on every axis."""
    return (value,) * axes if isinstance(value, int | np.integer) else tuple(value)


def sides_of(padding, axes):
    """(before, behind) on every axis."""
    return [(p, p) if isinstance(p, int | np.integer) else tuple(p) for p in per_axis(padding, axes)]


def windows(x, w, stride, padding, dilation):
    """The padded input, and for each tap the slices that its outputs read."""
    axes = w.ndim - 2
    s, d, sides = per_axis(stride, axes), per_axis(dilation, axes), sides_of(padding, axes)
    padded = np.pad(x, [(0, 0), (0, 0), *sides])
    sizes = [(padded.shape[2 + a] - d[a] * (w.shape[2 + a] - 1) - 1) // s[a] + 1 for a in range(axes)]
    if min(sizes) < 1:
        raise ValueError("there is no output")
    taps = {
        k: tuple(slice(k[a] * d[a], k[a] * d[a] + (sizes[a] - 1) * s[a] + 1, s[a]) for a in range(axes))
        for k in np.ndindex(*w.shape[2:])
    }
    return padded, taps, sizes


def conv(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    """The cross-correlation, on any number of axes."""
    axes = w.ndim - 2
    padded, taps, sizes = windows(x, w, stride, padding, dilation)
    y = np.zeros((x.shape[0], w.shape[0], *sizes), x.dtype)
    inner, outer = w.shape[1], w.shape[0] // groups
    for k, seen in taps.items():
        for g in range(groups):
            part = padded[(slice(None), slice(g * inner, (g + 1) * inner), *seen)]
            rows = slice(g * outer, (g + 1) * outer)
            y[:, rows] += np.moveaxis(np.tensordot(part, w[(rows, slice(None), *k)], ([1], [1])), -1, 1)
    return y if b is None else y + b.reshape(-1, *[1] * axes).astype(y.dtype)


def gradients(x, w, dy, stride=1, padding=0):
    """dx, dw and db, without groups."""
    padded, taps, _ = windows(x, w, stride, padding, 1)
    wide, dw = np.zeros_like(padded), np.zeros_like(w)
    for k, seen in taps.items():
        here, own = (slice(None), slice(None), *seen), (slice(None), slice(None), *k)
        wide[here] += np.moveaxis(np.tensordot(dy, w[own], ([1], [0])), -1, 1)
        spatial = list(range(2, w.ndim))
        dw[own] = np.tensordot(dy, padded[here], ([0, *spatial], [0, *spatial]))
    sides = sides_of(padding, w.ndim - 2)
    inner = tuple(slice(one[0], one[0] + size) for one, size in zip(sides, x.shape[2:], strict=True))
    return wide[(slice(None), slice(None), *inner)], dw, dy.sum(axis=(0, *range(2, dy.ndim)))
