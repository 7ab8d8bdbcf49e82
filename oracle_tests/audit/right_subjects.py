"""Right convolutions in different styles, with different signatures. Loaded by the audit's worker only."""

import functools
import time

import numpy as np
from faulty_subjects import conv_transpose2d_right, right

conv_transpose2d = conv_transpose2d_right


def loops_conv1d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Plain ints, plain loops, no batch of its own: products in the order of the formula."""
    if not isinstance(stride, int):
        raise TypeError("an int, please")
    n, _, size = input.shape
    m, c_group, k = weight.shape
    out_size = (size + 2 * padding - dilation * (k - 1) - 1) // stride + 1
    if out_size < 1:
        raise ValueError("no output")
    out = np.zeros((n, m, out_size), dtype=input.dtype)
    for b, o, p in np.ndindex(out.shape):
        total = bias[o] if bias is not None else input.dtype.type(0)
        for ci in range(c_group):
            for t in range(k):
                at = p * stride + t * dilation - padding
                if 0 <= at < size:
                    total += input[b, o // (m // groups) * c_group + ci, at] * weight[o, ci, t]
        out[b, o, p] = total
    return out


def bare(x, w):
    """Neither geometry nor bias: the windows of einsum."""
    if any(k > size for k, size in zip(w.shape[2:], x.shape[2:], strict=True)):
        raise IndexError("too long")
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], axis=(2, 3))
    return np.einsum("nchwij,mcij->nmhw", windows, w)


def keywords_only(*, x, w, b=None, strides=(1, 1), pads=(0, 0)):
    return right(x, w, b, strides, pads)


def positional_only(x, w, b, stride, padding, dilation, groups, /):
    return right(x, w, b, stride, padding, dilation, groups)


def anything(*args, **kwargs):
    return right(*args, **kwargs)


def passes_on(image, psf, **kwargs):
    """Its own names for the operands; what `right` does not take is refused with a TypeError."""
    return without_groups(image, psf, **kwargs)


def without_groups(x, w, *, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1)):
    return right(x, w, bias, stride, padding, dilation)


only_stride = functools.partial(right, groups=1)


class Layer:
    def __call__(self, x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
        return right(x, w, bias, stride, padding, dilation, groups)


layer = Layer()


def needs_a_bias(x, w, b, stride=(1, 1), padding=(0, 0)):
    return right(x, w, stride=stride, padding=padding) + b[:, None, None]


def words(x, w, bias=None, stride=(1, 1), padding="valid", dilation=(1, 1), groups=1):
    """Paddings in words, with PyTorch's side for the odd element; and an unbatched input."""
    if x.ndim == 3:
        return words(x[None], w, bias, stride, padding, dilation, groups)[0]
    if padding == "same":
        if max(stride) > 1:
            raise ValueError("same is for stride 1")
        totals = [d * (k - 1) for d, k in zip(dilation, w.shape[2:], strict=True)]
        x = np.pad(x, ((0, 0), (0, 0), *((t // 2, t - t // 2) for t in totals)))
    return right(x, w, bias, stride, (0, 0) if isinstance(padding, str) else padding, dilation, groups)


def fortran_order(x, w, bias=None, **geometry):
    return np.asfortranarray(right(x, w, bias, **geometry))


def read_only_and_reversed(x, w, bias=None, **geometry):
    out = right(x, w, bias, **geometry)[:, ::-1].copy()[:, ::-1]
    out.flags.writeable = False
    return out


def refuses_dilation_and_groups(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    assert dilation == (1, 1), "no dilation"
    if groups > 1:
        raise NotImplementedError("no groups")
    return right(x, w, bias, stride, padding)


def by_fft(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    """In the frequency domain: right, but for its rounding."""
    if groups > 1:
        raise NotImplementedError
    (sh, sw), (dh, dw) = stride, dilation
    if not len(x):
        return right(x, w, bias, stride, padding, dilation)
    x = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    spread = np.zeros((*w.shape[:2], dh * (w.shape[2] - 1) + 1, dw * (w.shape[3] - 1) + 1))
    spread[:, :, ::dh, ::dw] = w
    sizes = [a - b + 1 for a, b in zip(x.shape[2:], spread.shape[2:], strict=True)]
    if min(sizes) < 1:
        raise ValueError("no output")
    product = np.einsum("nchw,mchw->nmhw", np.fft.rfft2(x), np.fft.rfft2(spread, x.shape[2:]).conj())
    out = np.fft.irfft2(product, x.shape[2:])[:, :, : sizes[0] : sh, : sizes[1] : sw].astype(x.dtype)
    return out if bias is None else out + bias[:, None, None]


def wide_integers(x, w, bias=None, **geometry):
    return right(x.astype(np.int64), w.astype(np.int64), None if bias is None else bias.astype(np.int64), **geometry)


def noisy(x, w, bias=None, **geometry):
    print("computing", x.shape, flush=True)  # noqa: T201
    return right(x, w, bias, **geometry)


def slow(x, w, bias=None, **geometry):
    time.sleep(0.02)
    return right(x, w, bias, **geometry)
