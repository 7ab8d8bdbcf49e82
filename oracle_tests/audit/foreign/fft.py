"""Convolutions by Fourier transforms; each but `right` makes one mistake."""

import numpy as np


def check(x, w, stride, padding):
    sizes = [(i + 2 * p - k) // s + 1 for i, k, s, p in zip(x.shape[2:], w.shape[2:], stride, padding, strict=True)]
    if min(sizes) < 1:
        raise ValueError("the kernel does not fit")
    return sizes


def right(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    oh, ow = check(x, w, stride, padding)
    x = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    shape = x.shape[2:]
    X, W = np.fft.rfft2(x, shape), np.fft.rfft2(w, shape)
    y = np.fft.irfft2(np.einsum("ncij,mcij->nmij", X, W.conj()), shape)
    y = y[:, :, :: stride[0], :: stride[1]][:, :, :oh, :ow]
    return y if bias is None else y + bias[:, None, None]


def without_conjugate(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    oh, ow = check(x, w, stride, padding)
    x = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    shape = x.shape[2:]
    X, W = np.fft.rfft2(x, shape), np.fft.rfft2(w, shape)
    y = np.fft.irfft2(np.einsum("ncij,mcij->nmij", X, W), shape)
    y = y[:, :, w.shape[2] - 1 :: stride[0], w.shape[3] - 1 :: stride[1]][:, :, :oh, :ow]
    return y if bias is None else y + bias[:, None, None]


def circular(x, w, bias=None, stride=(1,), padding=(0,)):
    """The padding is left to the transform, which is periodic."""
    (o,), (p,), (s,) = check(x, w, stride, padding), padding, stride
    size = max(x.shape[2], w.shape[2])
    X, W = np.fft.rfft(x, size), np.fft.rfft(w, size)
    full = np.fft.irfft(np.einsum("nci,mci->nmi", X, W.conj()), size)
    y = full[:, :, (np.arange(o) * s - p) % size]
    return y if bias is None else y + bias[:, None]


def in_single_precision(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    oh, ow = check(x, w, stride, padding)
    x = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    shape = x.shape[2:]
    X, W = (np.fft.rfft2(a.astype(np.float32), shape).astype(np.complex64) for a in (x, w))
    y = np.fft.irfft2(np.einsum("ncij,mcij->nmij", X, W.conj()), shape).astype(x.dtype)
    y = y[:, :, :: stride[0], :: stride[1]][:, :, :oh, :ow]
    return y if bias is None else y + bias[:, None, None]


def stride_from_the_second(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    """Every s-th output is taken, beginning with number s - 1."""
    oh, ow = check(x, w, stride, padding)
    x = np.pad(x, ((0, 0), (0, 0), (padding[0], padding[0] + stride[0]), (padding[1], padding[1] + stride[1])))
    shape = x.shape[2:]
    X, W = np.fft.rfft2(x, shape), np.fft.rfft2(w, shape)
    y = np.fft.irfft2(np.einsum("ncij,mcij->nmij", X, W.conj()), shape)
    y = y[:, :, stride[0] - 1 :: stride[0], stride[1] - 1 :: stride[1]][:, :, :oh, :ow]
    return y if bias is None else y + bias[:, None, None]
