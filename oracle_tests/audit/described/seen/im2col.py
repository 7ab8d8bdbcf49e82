"""Columns and matrix products, strided views, Fourier transforms."""

import numpy as np
from numpy.lib.stride_tricks import as_strided
from scipy import signal
from seen_common import columns, contract, pad, sizes, with_bias


def conv2d_one_gemm(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    cols = columns(x, w.shape[2:], stride, padding, dilation)
    N, O = x.shape[0], w.shape[0]
    OH, OW = cols.shape[4:]
    depth = w[0].size
    matrix = cols.reshape(N, groups, depth, OH * OW).transpose(1, 2, 0, 3).reshape(groups, depth, N * OH * OW)
    y = w.reshape(groups, O // groups, depth) @ matrix
    return with_bias(y.reshape(N, O, OH, OW), bias)


def conv2d_strided_view(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    (sh, sw), (dh, dw) = stride, dilation
    xp = np.ascontiguousarray(pad(x, padding))
    out = sizes(x.shape[2:], w.shape[2:], stride, padding, dilation)
    batch_step, channel_step, _, item = xp.strides
    row = x.shape[3] * item
    view = as_strided(
        xp,
        (*x.shape[:2], *w.shape[2:], *out),
        (batch_step, channel_step, row * dh, item * dw, row * sh, item * sw),
        writeable=False,
    )
    return with_bias(contract(view, w, groups), bias)


def conv1d_fourier(x, w, bias=None, stride=(1,), padding=(0,), dilation=(1,), groups=1):
    (s,), (p,), (d,) = stride, padding, dilation
    (out,) = sizes(x.shape[2:], w.shape[2:], stride, padding, dilation)
    length, span = x.shape[2], (w.shape[2] - 1) * d + 1
    spread = np.zeros((*w.shape[:2], span), w.dtype)
    spread[:, :, ::d] = w
    period = max(length, length + p - 1, span)
    fx = np.fft.rfft(x, period).reshape(x.shape[0], groups, w.shape[1], period // 2 + 1)
    fw = np.fft.rfft(spread, period).conj().reshape(groups, w.shape[0] // groups, w.shape[1], -1)
    y = np.fft.irfft(np.einsum("ngcf,gocf->ngof", fx, fw), period)
    y = y.reshape(x.shape[0], w.shape[0], period)[:, :, (np.arange(out) * s - p) % period]
    return with_bias(y.astype(x.dtype), bias)


def conv2d_blocked_gemm(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    cols = columns(x, w.shape[2:], stride, padding, dilation)
    depth, block = w[0].size, 64
    a = w.reshape(groups, -1, depth)
    b = cols.reshape(x.shape[0], groups, depth, cols.shape[4] * cols.shape[5])
    y = np.zeros((x.shape[0], groups, a.shape[1], b.shape[3]), x.dtype)
    for k in range(0, max(depth - block + 1, 1), block):
        y += a[:, :, k : k + block] @ b[:, :, k : k + block]
    return with_bias(y.reshape(x.shape[0], w.shape[0], *cols.shape[4:]), bias)


def conv2d_scipy_same(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    (sh, sw), (dh, dw) = stride, dilation
    OH, OW = sizes(x.shape[2:], w.shape[2:], stride, padding, dilation)
    xp = pad(x, padding)
    span = [(k - 1) * d + 1 for k, d in zip(w.shape[2:], dilation, strict=True)]
    spread = np.zeros((*w.shape[:2], *span), w.dtype)
    spread[:, :, ::dh, ::dw] = w
    top, left = span[0] // 2, span[1] // 2
    cg, og = w.shape[1], w.shape[0] // groups
    y = np.zeros((x.shape[0], w.shape[0], OH, OW), x.dtype)
    for n, o, c in np.ndindex(x.shape[0], w.shape[0], cg):
        same = signal.correlate2d(xp[n, o // og * cg + c], spread[o, c], mode="same")
        y[n, o] += same[top : top + (OH - 1) * sh + 1 : sh, left : left + (OW - 1) * sw + 1 : sw]
    return with_bias(y, bias)


def conv1d_spread_kernel(x, w, bias=None, stride=(1,), padding=(0,), dilation=(1,), groups=1):
    (d,) = dilation
    span = (w.shape[2] - 1) * d + 1
    spread = np.repeat(w, d, axis=2)[:, :, :span]
    cols = columns(x, (span,), stride, padding, (1,))
    return with_bias(contract(cols, spread, groups), bias)


def conv3d_by_slices(x, w, bias=None, stride=(1, 1, 1), padding=(0, 0, 0), dilation=(1, 1, 1), groups=1):
    (sd, pd, dd), depth = (stride[0], padding[0], dilation[0]), x.shape[2]
    out = sizes(x.shape[2:], w.shape[2:], stride, padding, dilation)
    y = np.zeros((x.shape[0], w.shape[0], *out), x.dtype)
    for z in range(-min(pd, depth), depth):
        cols = columns(x[:, :, z], w.shape[3:], stride[1:], padding[1:], dilation[1:])
        for kd in range(w.shape[2]):
            od, rest = divmod(z + pd - kd * dd, sd)
            if rest == 0 and 0 <= od < out[0]:
                y[:, :, od] += contract(cols, w[:, :, kd], groups)
    return with_bias(y, bias)


def conv2d_pointwise_path(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    if w.shape[2:] != (1, 1):
        return with_bias(contract(columns(x, w.shape[2:], stride, padding, dilation), w, groups), bias)
    (sh, sw), (ph, pw) = stride, padding
    out = sizes(x.shape[2:], (1, 1), stride, padding, dilation)
    y = np.zeros((x.shape[0], w.shape[0], *out), x.dtype)
    top, left = -(-ph // sh), -(-pw // sw)
    inside = x[:, :, top * sh - ph :: sh, left * sw - pw :: sw]
    bottom, right = top + inside.shape[2], left + inside.shape[3]
    flat = inside.reshape(x.shape[0], groups, w.shape[1], inside.shape[2] * inside.shape[3])
    core = (w.reshape(groups, -1, w.shape[1]) @ flat).reshape(x.shape[0], w.shape[0], *inside.shape[2:])
    y[:, :, top:bottom, left:right] = with_bias(core, bias)
    return y
