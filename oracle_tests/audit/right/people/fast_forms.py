"""Windows, strides, tensordot, Fourier transforms and SciPy, as blog posts have them."""

import numpy as np
from scipy import fft, signal


def correlate2d(x, w, b=None):
    """scipy.signal.correlate2d, channel by channel; it would swap what does not fit."""
    if x.shape[2] < w.shape[2] or x.shape[3] < w.shape[3]:
        raise ValueError("the kernel must fit the image")
    y = np.zeros((len(x), len(w), x.shape[2] - w.shape[2] + 1, x.shape[3] - w.shape[3] + 1), x.dtype)
    for n in range(len(x)):
        for m in range(len(w)):
            for c in range(w.shape[1]):
                y[n, m] += signal.correlate2d(x[n, c], w[m, c], mode="valid")
            if b is not None:
                y[n, m] += b[m]
    return y


def correlated_directly(x, w, stride=1, padding=0):
    """scipy.signal.correlate with all channels at once; every so-manieth output is kept."""
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    if any(i < k for i, k in zip(x.shape[2:], w.shape[2:], strict=True)):
        raise ValueError("valid mode needs an image that is larger than the kernel")
    y = np.empty((len(x), len(w), x.shape[2] - w.shape[2] + 1, x.shape[3] - w.shape[3] + 1), x.dtype)
    for n, image in enumerate(x):
        for m, kernel in enumerate(w):
            y[n, m] = signal.correlate(image, kernel, mode="valid", method="direct")[0]
    return y[:, :, ::stride, ::stride].copy()


def conv1d_fftconvolve(x, w, b=None):
    """The kernel is flipped, so that a convolution correlates."""
    if w.shape[2] > x.shape[2]:
        raise ValueError("kernel longer than signal")
    y = signal.fftconvolve(x[:, None], w[None, :, :, ::-1], mode="valid", axes=3).sum(axis=2)
    return y if b is None else y + b[None, :, None]


def rfft2(x, w, padding=0):
    """A product of spectra, as long as the padded image, of which the wrapped part is cut away."""
    p = int(padding)
    h, width = x.shape[2] + 2 * p, x.shape[3] + 2 * p
    if w.shape[2] > h or w.shape[3] > width:
        raise ValueError("kernel larger than image")
    images = np.fft.rfft2(np.pad(x, ((0, 0), (0, 0), (p, p), (p, p))))
    kernels = np.fft.rfft2(w, (h, width))
    y = np.fft.irfft2(np.einsum("nchw,mchw->nmhw", images, kernels.conj()), (h, width))
    return y[:, :, : h - w.shape[2] + 1, : width - w.shape[3] + 1].copy()


def conv3d_fft(x, w, b=None):
    """Three axes, a length that is fast to transform."""
    sizes = [i - k + 1 for i, k in zip(x.shape[2:], w.shape[2:], strict=True)]
    if min(sizes) < 1:
        raise ValueError(f"no output: {sizes}")
    lengths = [fft.next_fast_len(i, real=True) for i in x.shape[2:]]
    spectrum = fft.rfftn(x, lengths, axes=(2, 3, 4))[:, None] * fft.rfftn(w, lengths, axes=(2, 3, 4)).conj()[None]
    y = fft.irfftn(spectrum.sum(axis=2), lengths, axes=(2, 3, 4))
    y = y[(slice(None), slice(None), *map(slice, sizes))]
    return y.copy() if b is None else y + b[:, None, None, None]


def einsum_of_windows(x, w, b=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1)):
    """sliding_window_view with a step inside the window for the dilation."""
    (sh, sw), (ph, pw), (dh, dw) = stride, padding, dilation
    x = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    window = ((w.shape[2] - 1) * dh + 1, (w.shape[3] - 1) * dw + 1)
    view = np.lib.stride_tricks.sliding_window_view(x, window, axis=(2, 3))[:, :, ::sh, ::sw, ::dh, ::dw]
    y = np.einsum("bihwkl,oikl->bohw", view, w, optimize=True)
    return y if b is None else y + b.reshape(1, -1, 1, 1)


def as_strided(x, w, b=None, stride=1, padding=0):
    """as_strided over the padded image, and tensordot."""
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    n, c, h, width = x.shape
    kh, kw = w.shape[2:]
    oh, ow = 1 + (h - kh) // stride, 1 + (width - kw) // stride
    sn, sc, sh, sw = x.strides
    view = np.lib.stride_tricks.as_strided(
        x, (n, c, oh, ow, kh, kw), (sn, sc, sh * stride, sw * stride, sh, sw), writeable=False
    )
    y = np.tensordot(view, w, axes=((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2)
    return y if b is None else y + b[:, None, None]


def conv1d_taps(x, w, b=None, stride=1, padding=0, dilation=1):
    """A shifted, strided slice for each tap."""
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding)))
    span = dilation * (w.shape[2] - 1) + 1
    count = (x.shape[2] - span) // stride + 1
    y = np.zeros((x.shape[0], w.shape[0], count), x.dtype)
    for t in range(w.shape[2]):
        begin = t * dilation
        y += np.einsum("ncl,mc->nml", x[:, :, begin : begin + stride * (count - 1) + 1 : stride], w[:, :, t])
    return y if b is None else y + b[:, None]


def conv1d_toeplitz(x, w):
    """A banded matrix with its zeros."""
    n, c, length = x.shape
    m, _, k = w.shape
    count = length - k + 1
    matrix = np.zeros((m, count, c, length), w.dtype)
    for o in range(count):
        matrix[:, o, :, o : o + k] = w
    y = matrix.reshape(m * count, c * length) @ x.reshape(n, c * length).T
    return y.reshape(m, count, n).transpose(2, 0, 1)


def moveaxis_and_matmul(x, w, b=None, stride=1, groups=1):
    """A list of groups, concatenated at the end; one int for the stride."""
    parts = []
    for image, kernel in zip(np.split(x, groups, axis=1), np.split(w, groups, axis=0), strict=True):
        view = np.lib.stride_tricks.sliding_window_view(image, kernel.shape[2:], (2, 3))[:, :, ::stride, ::stride]
        rows = np.moveaxis(view, 1, 3)
        flat = rows.reshape(*rows.shape[:3], kernel[0].size) @ kernel.reshape(len(kernel), kernel[0].size).T
        parts.append(np.moveaxis(flat, 3, 1))
    y = np.concatenate(parts, axis=1)
    return y if b is None else y + b[:, None, None]
