"""Convolutions by SciPy's; each but `right` makes one mistake."""

import numpy as np
from scipy import signal


def planes(x, w, bias, stride, padding, of):
    """`of` an input plane and a kernel plane, summed over the input channels."""
    x = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    if x.shape[2] < w.shape[2] or x.shape[3] < w.shape[3]:
        raise ValueError("the kernel does not fit")
    size = [(i - k) // s + 1 for i, k, s in zip(x.shape[2:], w.shape[2:], stride, strict=True)]
    y = np.zeros((len(x), len(w), *size), x.dtype)
    for n, m, c in np.ndindex(len(x), len(w), x.shape[1]):
        y[n, m] += of(x[n, c], w[m, c])[:: stride[0], :: stride[1]]
    return y if bias is None else y + bias[:, None, None]


def right(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    return planes(x, w, bias, stride, padding, lambda a, b: signal.correlate2d(a, b, mode="valid"))


def convolved(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    return planes(x, w, bias, stride, padding, lambda a, b: signal.convolve2d(a, b, mode="valid"))


def convolved_with_one_axis_flipped(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    return planes(x, w, bias, stride, padding, lambda a, b: signal.convolve2d(a, b[:, ::-1], mode="valid"))


def kernel_may_be_longer(x, w, bias=None):
    """SciPy exchanges the operands of 'valid' where the second one is the larger."""
    if bias is None:
        bias = np.zeros(len(w), x.dtype)
    rows = [
        [sum(signal.correlate2d(a, b, mode="valid") for a, b in zip(image, kernel, strict=True)) for kernel in w]
        for image in x
    ]
    if not rows:
        return np.zeros((0, len(w), x.shape[2] - w.shape[2] + 1, x.shape[3] - w.shape[3] + 1), x.dtype)
    return np.array(rows) + bias[:, None, None]


def numpy_convolve(x, w, bias=None, stride=(1,), padding=(0,)):
    x = np.pad(x, ((0, 0), (0, 0), (padding[0], padding[0])))
    if x.shape[2] < w.shape[2]:
        raise ValueError("the kernel does not fit")
    y = np.zeros((len(x), len(w), x.shape[2] - w.shape[2] + 1), x.dtype)
    for n, m, c in np.ndindex(len(x), len(w), x.shape[1]):
        y[n, m] += np.convolve(x[n, c], w[m, c], "valid")
    y = np.ascontiguousarray(y[:, :, :: stride[0]])
    return y if bias is None else y + bias[:, None]


def one_image_at_a_time(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    """np.stack has no answer for no images."""
    return np.stack([right(image[None], w, bias, stride, padding)[0] for image in x])


def same_by_cropping_full(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    """The crop of the full correlation starts at K in place of K - 1."""
    x = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    if x.shape[2] < w.shape[2] or x.shape[3] < w.shape[3]:
        raise ValueError("the kernel does not fit")
    kh, kw = w.shape[2:]
    size = x.shape[2] - kh + 1, x.shape[3] - kw + 1
    y = np.zeros((len(x), len(w), *size), x.dtype)
    for n, m, c in np.ndindex(len(x), len(w), x.shape[1]):
        y[n, m] += signal.correlate2d(x[n, c], w[m, c])[kh : kh + size[0], kw : kw + size[1]]
    y = y[:, :, :: stride[0], :: stride[1]]
    return y if bias is None else y + bias[:, None, None]
