"""Convolutions on views of windows; each but `right` makes one mistake."""

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view

_workspace = {}
_prepared = {}


def padded(x, padding):
    return np.pad(x, [(0, 0), (0, 0)] + [(p, p) for p in padding]) if any(padding) else x


def conv(x, w, bias, stride):
    """Of a padded input."""
    views = sliding_window_view(x, w.shape[2:], axis=(2, 3))[:, :, :: stride[0], :: stride[1]]
    y = np.tensordot(views, w, ((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2)
    return y if bias is None else y + bias[:, None, None]


def right(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    return conv(padded(x, padding), w, bias, stride)


def strides_as_if_contiguous(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    x = padded(x, padding)
    (n, c, h, width), (kh, kw), (sh, sw), b = x.shape, w.shape[2:], stride, x.itemsize
    oh, ow = (h - kh) // sh + 1, (width - kw) // sw + 1
    if oh < 1 or ow < 1:
        raise ValueError("the kernel does not fit")
    steps = c * h * width * b, h * width * b, sh * width * b, sw * b, width * b, b
    views = as_strided(x, (n, c, oh, ow, kh, kw), steps)
    y = np.tensordot(views, w, ((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2)
    return y if bias is None else y + bias[:, None, None]


def steps_swapped(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    views = sliding_window_view(padded(x, padding), w.shape[2:], axis=(2, 3))[:, :, :: stride[1], :: stride[0]]
    y = np.tensordot(views, w, ((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2)
    return y if bias is None else y + bias[:, None, None]


def same_pads_more_in_front(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    if padding == "same":
        extra = [k - 1 for k in w.shape[2:]]
        widths = [(e - e // 2, e // 2) for e in extra]
    elif padding == "valid":
        widths = [(0, 0), (0, 0)]
    else:
        widths = [(p, p) for p in padding]
    return conv(np.pad(x, [(0, 0), (0, 0), *widths]), w, bias, stride)


def centre_of_even_kernels(x, w, bias=None, stride=(1,), padding=(0,), dilation=(1,)):
    """Taps are counted from the kernel's centre: k // 2 here, (k - 1) // 2 there."""
    (s,), (p,), (d,), k = stride, padding, dilation, w.shape[2]
    size = x.shape[2]
    out = (size + 2 * p - d * (k - 1) - 1) // s + 1
    if out < 1:
        raise ValueError("the kernel does not fit")
    far = d * k + p
    x = np.pad(x, ((0, 0), (0, 0), (far, far)))
    first_centre = far - p + d * ((k - 1) // 2)
    y = np.zeros((len(x), len(w), out), x.dtype)
    for tap in range(k):
        start = first_centre + d * (tap - k // 2)
        y += np.einsum("nci,mc->nmi", x[:, :, start : start + s * (out - 1) + 1 : s], w[:, :, tap])
    return y if bias is None else y + bias[:, None]


def eight_channels_at_a_time(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    x = padded(x, padding)
    c = x.shape[1]
    if c < 8:
        return conv(x, w, bias, stride)
    y = sum(conv(x[:, i : i + 8], w[:, i : i + 8], None, stride) for i in range(0, c - 7, 8))
    return y if bias is None else y + bias[:, None, None]


def returns_its_workspace(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    y = conv(padded(x, padding), w, bias, stride)
    out = _workspace.setdefault(y.shape, np.empty(y.shape, y.dtype))
    out[...] = y
    return out


def weight_prepared_by_shape(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    if w.shape not in _prepared:
        _prepared[w.shape] = np.ascontiguousarray(w.copy())
    return conv(padded(x, padding), _prepared[w.shape], bias, stride)


def border_not_initialised(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    (n, c, h, width), (ph, pw) = x.shape, padding
    big = np.empty((n, c, h + 2 * ph, width + 2 * pw), x.dtype)
    big[:, :, ph : ph + h, pw : pw + width] = x
    return conv(big, w, bias, stride)


def input_cleared_in_place(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    """Clears what it has used in the caller's array."""
    y = conv(padded(x, padding), w, bias, stride)
    x[...] = 0
    return y


def last_dilated_tap(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1)):
    """The span of a dilated kernel is d*k - 1 where it should be d*(k - 1) + 1."""
    x = padded(x, padding)
    span = [d * k - 1 if d > 1 else k for d, k in zip(dilation, w.shape[2:], strict=True)]
    views = sliding_window_view(x, span, axis=(2, 3))
    views = views[:, :, :: stride[0], :: stride[1], :: dilation[0], :: dilation[1]]
    y = np.tensordot(views, w, ((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2)
    return y if bias is None else y + bias[:, None, None]
