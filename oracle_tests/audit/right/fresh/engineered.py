"""Convolutions made to be fast, careful or small."""

from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import signal


def _two(value):
    return (value, value) if isinstance(value, int) else tuple(value)


def _add(out, bias):
    return out if bias is None else out + bias.reshape(1, -1, *[1] * (out.ndim - 2))


@lru_cache(maxsize=64)
def _indices(height, width, kh, kw, sh, sw, dh, dw):
    rows = (height - dh * (kh - 1) - 1) // sh + 1
    columns = (width - dw * (kw - 1) - 1) // sw + 1
    i = np.arange(rows)[:, None, None, None] * sh + np.arange(kh)[:, None] * dh
    j = np.arange(columns)[:, None, None] * sw + np.arange(kw) * dw
    return i * width + j


def indices_remembered(x, w, bias=None, stride=1, padding=0, dilation=1):
    """The table of indices is remembered by everything that it depends on."""
    (sh, sw), (ph, pw), (dh, dw) = _two(stride), _two(padding), _two(dilation)
    x = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    table = _indices(*x.shape[2:], *w.shape[2:], sh, sw, dh, dw)
    gathered = x.reshape(*x.shape[:2], -1)[:, :, table]
    return _add(np.einsum("nchwab,mcab->nmhw", gathered, w), bias)


_SPACE = {}


def preallocated(x, w, bias=None, stride=1, padding=0):
    """A padded workspace per shape, whose border nothing writes; the answer is new."""
    (sh, sw), (ph, pw) = _two(stride), _two(padding)
    n, c, h, width = x.shape
    key = (n, c, h, width, ph, pw, x.dtype)
    if key not in _SPACE:
        _SPACE.clear()
        _SPACE[key] = np.zeros((n, c, h + 2 * ph, width + 2 * pw), x.dtype)
    space = _SPACE[key]
    np.copyto(space[:, :, ph : ph + h, pw : pw + width], x)
    windows = sliding_window_view(space, w.shape[2:], axis=(2, 3))[:, :, ::sh, ::sw]
    return _add(np.einsum("nchwab,mcab->nmhw", windows, w), bias)


def threaded(x, w, bias=None, stride=1, padding=0, groups=1):
    """An example per task."""
    (sh, sw), (ph, pw) = _two(stride), _two(padding)
    m, cg = w.shape[:2]
    kernels = w.reshape(groups, m // groups, *w.shape[1:])

    def one(image):
        image = np.pad(image, ((0, 0), (ph, ph), (pw, pw)))
        windows = sliding_window_view(image, w.shape[2:], axis=(1, 2))[:, ::sh, ::sw]
        windows = windows.reshape(groups, cg, *windows.shape[1:])
        out = np.einsum("gchwab,gmcab->gmhw", windows, kernels)
        return out.reshape(m, *out.shape[2:])

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(one, x))
    if not found:
        raise ValueError("an empty batch")
    return _add(np.stack(found), bias)


def _fields(image, kernel, stride):
    for top in range(0, image.shape[1] - kernel[0] + 1, stride[0]):
        for left in range(0, image.shape[2] - kernel[1] + 1, stride[1]):
            yield image[:, top : top + kernel[0], left : left + kernel[1]]


def by_generator(x, w, bias=None, stride=1):
    """Receptive fields come one after the other."""
    step, kernel = _two(stride), w.shape[2:]
    rows, columns = ((n - k) // s + 1 for n, k, s in zip(x.shape[2:], kernel, step, strict=True))
    flat = w.reshape(len(w), -1)
    found = [[flat @ field.ravel() for field in _fields(image, kernel, step)] for image in x]
    out = np.array(found, x.dtype).reshape(len(x), rows, columns, len(w)).transpose(0, 3, 1, 2)
    return _add(out, bias)


def tiled(x, w, bias=None, stride=1, padding=0, dilation=1):
    """Tiles of output channels and rows, each with an accumulator of its own."""
    (sh, sw), (ph, pw), (dh, dw) = _two(stride), _two(padding), _two(dilation)
    m, c, kh, kw = w.shape
    x = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    rows, columns = (x.shape[2] - dh * (kh - 1) - 1) // sh + 1, (x.shape[3] - dw * (kw - 1) - 1) // sw + 1
    out = np.empty((len(x), m, rows, columns), x.dtype)
    for m0 in range(0, m, 4):
        m1 = min(m0 + 4, m)
        for r0 in range(0, rows, 8):
            r1 = min(r0 + 8, rows)
            acc = np.zeros((len(x), m1 - m0, r1 - r0, columns), x.dtype)
            for k in range(c):
                for a in range(kh):
                    top = r0 * sh + a * dh
                    for b in range(kw):
                        part = x[:, k, top : top + (r1 - r0 - 1) * sh + 1 : sh, b * dw :: sw][..., :columns]
                        acc += part[:, None] * w[m0:m1, k, a, b][:, None, None]
            out[:, m0:m1, r0:r1] = acc
    return _add(out, bias)


def correlate2d(x, w, bias=None):
    """SciPy, channel by channel; the kernel must fit."""
    if any(k > n for n, k in zip(x.shape[2:], w.shape[2:], strict=True)):
        raise ValueError("the kernel is larger than the image")
    out = [
        [
            sum(signal.correlate2d(plane, k, mode="valid") for plane, k in zip(image, kernel, strict=True))
            for kernel in w
        ]
        for image in x
    ]
    return _add(np.array(out), bias)


def by_fft(x, w, bias=None, padding=0):
    """A product of transforms; the kernel's is conjugate."""
    ph, pw = _two(padding)
    x = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    size = x.shape[2:]
    rows, columns = (n - k + 1 for n, k in zip(size, w.shape[2:], strict=True))
    if min(rows, columns) < 1:
        raise ValueError("the kernel is larger than the image")
    product = np.einsum("nchw,mchw->nmhw", np.fft.rfft2(x), np.fft.rfft2(w, size).conj())
    return _add(np.fft.irfft2(product, size)[:, :, :rows, :columns], bias)


def windows_einsum(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Everything, in six lines."""
    (sh, sw), (ph, pw), (dh, dw) = _two(stride), _two(padding), _two(dilation)
    m, cg, kh, kw = w.shape
    x = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    v = sliding_window_view(x, (dh * (kh - 1) + 1, dw * (kw - 1) + 1), axis=(2, 3))[:, :, ::sh, ::sw, ::dh, ::dw]
    v = v.reshape(len(x), groups, cg, *v.shape[2:])
    y = np.einsum("ngchwab,gmcab->ngmhw", v, w.reshape(groups, m // groups, cg, kh, kw))
    return _add(y.reshape(len(x), m, *y.shape[3:]), bias)


def in_double(x, w, bias=None, stride=1, padding=0):
    """Sums in float64, and the answer in the format that came in."""
    wide = windows_einsum(x.astype(np.float64), w.astype(np.float64), None, stride, padding)
    return (wide if bias is None else wide + bias.astype(np.float64)[:, None, None]).astype(x.dtype)


def integers_only(x, w, stride=1):
    """Fixed-point images; sums wrap as the format does."""
    if x.dtype.kind not in "iu":
        raise TypeError("integers only")
    return windows_einsum(x, w, None, stride).astype(x.dtype)


def conv1d_numpy_convolve(x, w, bias=None):
    """np.convolve turns the kernel round, so it is turned before."""
    if w.shape[2] > x.shape[2]:
        raise ValueError("the kernel is longer than the signal")
    out = np.zeros((len(x), len(w), x.shape[2] - w.shape[2] + 1), x.dtype)
    for n, m, c in np.ndindex(len(x), *w.shape[:2]):
        out[n, m] += np.convolve(x[n, c], w[m, c, ::-1], mode="valid")
    return _add(out, bias)


def conv1d_strided_dot(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """A dot product per output."""
    s, p, d = (one if isinstance(one, int) else one[0] for one in (stride, padding, dilation))
    m, cg, k = w.shape
    x = np.pad(x, ((0, 0), (0, 0), (p, p)))
    length = (x.shape[2] - d * (k - 1) - 1) // s + 1
    out = np.empty((len(x), m, length), x.dtype)
    for channel in range(m):
        first = channel // (m // groups) * cg
        for t in range(length):
            window = x[:, first : first + cg, t * s : t * s + d * (k - 1) + 1 : d]
            out[:, channel, t] = np.tensordot(window, w[channel], 2)
    return _add(out, bias)


def conv3d_plain(x, w, bias=None, stride=1, padding=0):
    """Three loops around a product."""
    s, p = (tuple(np.broadcast_to(one, 3).tolist()) for one in (stride, padding))
    x = np.pad(x, ((0, 0), (0, 0), *((q, q) for q in p)))
    k = w.shape[2:]
    sizes = [(x.shape[2 + a] - k[a]) // s[a] + 1 for a in range(3)]
    out = np.empty((len(x), len(w), *sizes), x.dtype)
    for place in np.ndindex(*sizes):
        block = x[(..., *(slice(o * t, o * t + q) for o, t, q in zip(place, s, k, strict=True)))]
        out[(..., *place)] = np.einsum("ncdhw,mcdhw->nm", block, w)
    return _add(out, bias)


def conv_transpose2d_zeros_between(x, w, bias=None, stride=1, padding=0):
    """Zeros between the pixels, and a full correlation with the kernel turned round."""
    (sh, sw), (ph, pw) = _two(stride), _two(padding)
    n, c, h, width = x.shape
    kh, kw = w.shape[2:]
    up = np.zeros((n, c, (h - 1) * sh + 1, (width - 1) * sw + 1), x.dtype)
    up[:, :, ::sh, ::sw] = x
    up = np.pad(up, ((0, 0), (0, 0), (kh - 1, kh - 1), (kw - 1, kw - 1)))
    windows = sliding_window_view(up, (kh, kw), axis=(2, 3))
    full = np.einsum("nchwab,cmab->nmhw", windows, w[:, :, ::-1, ::-1])
    return _add(full[:, :, ph : full.shape[2] - ph, pw : full.shape[3] - pw], bias)


def conv_transpose1d_scatter(x, w, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """Every sample sends its kernel out."""
    s, p, e, d = (one if isinstance(one, int) else one[0] for one in (stride, padding, output_padding, dilation))
    (n, c, length), (_, mg, k) = x.shape, w.shape
    whole = np.zeros((n, groups * mg, (length - 1) * s + d * (k - 1) + 1 + e), x.dtype)
    for channel in range(c):
        g = channel // (c // groups)
        for t in range(length):
            for tap in range(k):
                whole[:, g * mg : (g + 1) * mg, t * s + tap * d] += x[:, channel, t, None] * w[channel, :, tap]
    return _add(whole[:, :, p : whole.shape[2] - p], bias)


def gradient_by_input(input_size, w, grad_output, stride=1, padding=0):
    """Every gradient goes back to where its window was."""
    (sh, sw), (ph, pw) = _two(stride), _two(padding)
    n, c, h, width = input_size
    kh, kw = w.shape[2:]
    dx = np.zeros((n, c, h + 2 * ph, width + 2 * pw), grad_output.dtype)
    for i in range(grad_output.shape[2]):
        for j in range(grad_output.shape[3]):
            back = np.tensordot(grad_output[:, :, i, j], w, 1)
            dx[:, :, i * sh : i * sh + kh, j * sw : j * sw + kw] += back
    return dx[:, :, ph : ph + h, pw : pw + width]


def gradient_by_weight(x, weight_size, grad_output, stride=1, padding=0):
    """A correlation of the input with the gradient."""
    (sh, sw), (ph, pw) = _two(stride), _two(padding)
    x = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    oh, ow = grad_output.shape[2:]
    dw = np.zeros(weight_size, x.dtype)
    for a in range(weight_size[2]):
        for b in range(weight_size[3]):
            seen = x[:, :, a : a + sh * (oh - 1) + 1 : sh, b : b + sw * (ow - 1) + 1 : sw]
            dw[:, :, a, b] = np.einsum("nchw,nmhw->mc", seen, grad_output)
    return dw
