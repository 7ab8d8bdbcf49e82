"""The convolution that the other modules restrict, wrap or delay: windows of the padded input, and einsum."""

import numpy as np


def each(value, axes):
    """One number per axis: an int stands for all of them."""
    return (value,) * axes if isinstance(value, int) else tuple(value)


def correlated(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    """y[n, m, o] = b[m] + sum over c, k of w[m, c, k] * x[n, first(m) + c, o*s + k*d - p], on 1 to 3 axes."""
    axes = w.ndim - 2
    stride, padding, dilation = (each(value, axes) for value in (stride, padding, dilation))
    if x.ndim != w.ndim:
        raise ValueError(f"the input has {w.ndim} axes: {x.shape=}")
    x = np.pad(x, [(0, 0), (0, 0), *((p, p) for p in padding)])
    spans = tuple(d * (k - 1) + 1 for k, d in zip(w.shape[2:], dilation, strict=True))
    view = np.lib.stride_tricks.sliding_window_view(x, spans, tuple(range(2, 2 + axes)))
    steps = [slice(None, None, step) for step in (*stride, *dilation)]
    view = view[(slice(None), slice(None), *steps)]
    o, k = "pqr"[:axes], "ijk"[:axes]
    view = view.reshape(len(x), groups, w.shape[1], *view.shape[2:])
    w = w.reshape(groups, len(w) // groups, *w.shape[1:])
    y = np.einsum(f"ngc{o}{k},gmc{k}->ngm{o}", view, w)
    y = y.reshape(len(x), w.shape[0] * w.shape[1], *y.shape[3:])
    return y if b is None else y + b.reshape(-1, *(1,) * axes)
