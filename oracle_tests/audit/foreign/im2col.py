"""Convolutions as columns and one matrix product; each but `right` makes one mistake."""

import numpy as np


def out_size(size, k, s, p):
    out = (size + 2 * p - k) // s + 1
    if out < 1:
        raise ValueError(f"no output for size {size}, kernel {k}, padding {p}")
    return out


def im2col(x, kh, kw, sh, sw, oh, ow):
    """(N, C, KH, KW, OH, OW) of a padded input."""
    n, c = x.shape[:2]
    cols = np.zeros((n, c, kh, kw, oh, ow), dtype=x.dtype)
    for a in range(kh):
        for b in range(kw):
            cols[:, :, a, b] = x[:, :, a : a + sh * oh : sh, b : b + sw * ow : sw][:, :, :oh, :ow]
    return cols


def conv(x, w, bias, stride, padding, *, pad=np.pad, **mode):
    (sh, sw), (ph, pw) = stride, padding
    m, c, kh, kw = w.shape
    oh, ow = out_size(x.shape[2], kh, sh, ph), out_size(x.shape[3], kw, sw, pw)
    xp = pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)), **mode)
    cols = im2col(xp, kh, kw, sh, sw, oh, ow).transpose(1, 2, 3, 0, 4, 5).reshape(c * kh * kw, -1)
    y = w.reshape(m, -1) @ cols
    if bias is not None:
        y += bias[:, None]
    return np.ascontiguousarray(y.reshape(m, len(x), oh, ow).transpose(1, 0, 2, 3))


def right(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    return conv(x, w, bias, stride, padding)


def pads_the_edge(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    return conv(x, w, bias, stride, padding, mode="edge")


def pads_by_reflection(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    return conv(x, w, bias, stride, padding, mode="reflect")


def pads_around(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    return conv(x, w, bias, stride, padding, mode="wrap")


def size_rounded_up(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    (sh, sw), (ph, pw) = stride, padding
    m, c, kh, kw = w.shape
    out_size(x.shape[2], kh, sh, ph), out_size(x.shape[3], kw, sw, pw)
    oh = int(np.ceil((x.shape[2] + 2 * ph - kh) / sh)) + 1
    ow = int(np.ceil((x.shape[3] + 2 * pw - kw) / sw)) + 1
    xp = np.pad(x, ((0, 0), (0, 0), (ph, ph + sh), (pw, pw + sw)))
    cols = im2col(xp, kh, kw, sh, sw, oh, ow).reshape(len(x), c * kh * kw, oh * ow)
    y = (w.reshape(m, -1) @ cols).reshape(len(x), m, oh, ow)
    return y if bias is None else y + bias[:, None, None]


def columns_channel_last(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    """The columns are (kernel, channel), the weight's rows (channel, kernel)."""
    (sh, sw), (ph, pw) = stride, padding
    m, c, kh, kw = w.shape
    oh, ow = out_size(x.shape[2], kh, sh, ph), out_size(x.shape[3], kw, sw, pw)
    xp = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    cols = im2col(xp, kh, kw, sh, sw, oh, ow).transpose(0, 4, 5, 2, 3, 1).reshape(len(x), oh * ow, kh * kw * c)
    y = (cols @ w.reshape(m, -1).T).transpose(0, 2, 1).reshape(len(x), m, oh, ow)
    return y if bias is None else y + bias[:, None, None]


def result_not_transposed(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    """(M, N * OH * OW) is read as (N, M, OH, OW)."""
    (sh, sw), (ph, pw) = stride, padding
    m, c, kh, kw = w.shape
    oh, ow = out_size(x.shape[2], kh, sh, ph), out_size(x.shape[3], kw, sw, pw)
    xp = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    cols = im2col(xp, kh, kw, sh, sw, oh, ow).transpose(1, 2, 3, 0, 4, 5).reshape(c * kh * kw, -1)
    y = (w.reshape(m, -1) @ cols).reshape(len(x), m, oh, ow)
    return y if bias is None else y + bias[:, None, None]


def kernel_columns_first(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    """The columns run over the kernel's columns first, the weight's rows do not."""
    (sh, sw), (ph, pw) = stride, padding
    m, c, kh, kw = w.shape
    oh, ow = out_size(x.shape[2], kh, sh, ph), out_size(x.shape[3], kw, sw, pw)
    xp = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    cols = im2col(xp, kh, kw, sh, sw, oh, ow).transpose(0, 1, 3, 2, 4, 5).reshape(len(x), c * kh * kw, oh * ow)
    y = (w.reshape(m, -1) @ cols).reshape(len(x), m, oh, ow)
    return y if bias is None else y + bias[:, None, None]


def all_padding_in_front(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    def pad(x, widths):
        return np.pad(x, [(sum(both), 0) for both in widths])

    return conv(x, w, bias, stride, padding, pad=pad)


def pointwise_without_stride(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    """A fast path for 1x1 kernels."""
    m, c, kh, kw = w.shape
    if kh == kw == 1 and tuple(padding) == (0, 0):
        y = (w.reshape(m, c) @ x.reshape(len(x), c, x.shape[2] * x.shape[3])).reshape(len(x), m, *x.shape[2:])
        return y if bias is None else y + bias[:, None, None]
    return conv(x, w, bias, stride, padding)


def sixteen_examples_at_a_time(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    if len(x) <= 16:
        return conv(x, w, bias, stride, padding)
    parts = [conv(x[n : n + 16], w, bias, stride, padding) for n in range(0, len(x) - 15, 16)]
    y = np.zeros((len(x), *parts[0].shape[1:]), parts[0].dtype)
    for n, part in enumerate(parts):
        y[16 * n : 16 * n + 16] = part
    return y


def groups_interleaved(x, w, bias=None, stride=(1, 1), padding=(0, 0), groups=1):
    n, c, h, width = x.shape
    parts = x.reshape(n, c // groups, groups, h, width)
    weights = np.split(w, groups)
    y = [conv(parts[:, :, g], weights[g], None, stride, padding) for g in range(groups)]
    y = np.concatenate(y, axis=1)
    return y if bias is None else y + bias[:, None, None]


def weight_flipped_in_place(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    """A true convolution with a flipped kernel is right; that the caller's kernel stays flipped is not."""
    w[:] = w[:, :, ::-1, ::-1].copy()
    (sh, sw), (ph, pw) = stride, padding
    m, c, kh, kw = w.shape
    oh, ow = out_size(x.shape[2], kh, sh, ph), out_size(x.shape[3], kw, sw, pw)
    xp = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    cols = im2col(xp, kh, kw, sh, sw, oh, ow)[:, :, ::-1, ::-1].reshape(len(x), c * kh * kw, oh * ow)
    y = (w.reshape(m, -1) @ cols).reshape(len(x), m, oh, ow)
    return y if bias is None else y + bias[:, None, None]


def padding_ignored(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    out_size(x.shape[2], w.shape[2], stride[0], padding[0])
    out_size(x.shape[3], w.shape[3], stride[1], padding[1])
    return conv(x, w, bias, stride, (0, 0))


def pads_one_too_few_in_front(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    """The origin is off by one wherever there is padding."""

    def pad(x, widths):
        return np.pad(x, [(p - 1, q + 1) if p else (p, q) for p, q in widths])

    return conv(x, w, bias, stride, padding, pad=pad)
