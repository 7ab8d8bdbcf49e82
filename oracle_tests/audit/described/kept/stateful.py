"""Convolutions with workspaces, plans and results kept between calls, and such as look at the numbers."""

import numpy as np
from kept_common import add_bias, direct, mix, out_size, padded, taps, tup, window
from scipy.signal import convolve

_MEMORY = {"workspace": np.zeros(0)}
_OFFSETS = {}
_RESULTS = {}
_SUMS = {}


def conv2d_workspace(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    stride, (ph, pw), dilation = tup(stride, 2), tup(padding, 2), tup(dilation, 2)
    n, c, h, wd = x.shape
    shape = (n, c, h + 2 * ph, wd + 2 * pw)
    need = int(np.prod(shape))
    if _MEMORY["workspace"].size < need or _MEMORY["workspace"].dtype != x.dtype:
        _MEMORY["workspace"] = np.zeros(need, x.dtype)
    xp = _MEMORY["workspace"][:need].reshape(shape)
    xp[:, :, ph : ph + h, pw : pw + wd] = x
    out = direct(xp, w, stride, (0, 0), dilation, groups)
    return add_bias(out, bias)


def conv2d_offset_plan(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    (sh, sw), padding, (dh, dw) = tup(stride, 2), tup(padding, 2), tup(dilation, 2)
    kh, kw = w.shape[2:]
    oh, ow = out_size(x.shape[2:], (kh, kw), (sh, sw), padding, (dh, dw))
    xp = padded(x, padding)
    pitch = xp.shape[3]
    key = (kh, kw, dh, dw)
    if key not in _OFFSETS:
        _OFFSETS[key] = [a * dh * pitch + b * dw for a, b in taps((kh, kw))]
    base = (np.arange(oh)[:, None] * sh * pitch + np.arange(ow) * sw).reshape(-1)
    flat = xp.reshape(*xp.shape[:2], -1)
    out = np.zeros((x.shape[0], w.shape[0], oh * ow), x.dtype)
    for (a, b), offset in zip(taps((kh, kw)), _OFFSETS[key], strict=True):
        out += mix(np.take(flat, base + offset, axis=2, mode="clip"), w[:, :, a, b], groups)
    return add_bias(out.reshape(x.shape[0], w.shape[0], oh, ow), bias)


def conv2d_result_pool(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    stride, padding, dilation = tup(stride, 2), tup(padding, 2), tup(dilation, 2)
    size = out_size(x.shape[2:], w.shape[2:], stride, padding, dilation)
    key = (x.shape[0], w.shape[0], *size, x.dtype)
    if key not in _RESULTS:
        _RESULTS[key] = np.empty(key[:4], x.dtype)
    out = _RESULTS[key]
    out[:] = 0
    xp = padded(x, padding)
    for tap in taps(w.shape[2:]):
        out += mix(xp[(..., *window(tap, size, stride, dilation))], w[(..., *tap)], groups)
    if bias is not None:
        out += bias.reshape(1, -1, 1, 1)
    return out


def conv2d_sparse_taps(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    stride, padding, dilation = tup(stride, 2), tup(padding, 2), tup(dilation, 2)
    size = out_size(x.shape[2:], w.shape[2:], stride, padding, dilation)
    xp = padded(x, padding)
    out = np.zeros((x.shape[0], w.shape[0], *size), x.dtype)
    for tap in taps(w.shape[2:]):
        kernel = w[(..., *tap)]
        live = np.where(np.abs(kernel) > 0.05, kernel, 0)
        if live.any():
            out += mix(xp[(..., *window(tap, size, stride, dilation))], live.astype(w.dtype), groups)
    return add_bias(out, bias)


def conv1d_partial_sums(x, w, bias=None, stride=(1,), padding=(0,), dilation=(1,), groups=1):
    (s,), (p,), (d,) = tup(stride, 1), tup(padding, 1), tup(dilation, 1)
    k = w.shape[2]
    (o,) = out_size(x.shape[2:], (k,), (s,), (p,), (d,))
    shape = (x.shape[0], w.shape[0], o)
    sums = _SUMS.setdefault((shape, x.dtype), np.zeros(shape, x.dtype))
    xp = padded(x, (p,))
    for a in range(k):
        sums += mix(xp[:, :, a * d : a * d + s * (o - 1) + 1 : s], w[:, :, a], groups)
    return add_bias(sums.copy(), bias)


def conv2d_scipy(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    (sh, sw), padding, (dh, dw) = tup(stride, 2), tup(padding, 2), tup(dilation, 2)
    oc, cg, kh, kw = w.shape
    oh, ow = out_size(x.shape[2:], (kh, kw), (sh, sw), padding, (dh, dw))
    w[:] = w[:, :, ::-1, ::-1].copy()
    spread = np.zeros((oc, cg, dh * (kh - 1) + 1, dw * (kw - 1) + 1), w.dtype)
    spread[:, :, ::dh, ::dw] = w
    xp = padded(x, padding)
    out = np.zeros((x.shape[0], oc, oh, ow), x.dtype)
    for n, o, c in np.ndindex(x.shape[0], oc, cg):
        source = xp[n, o // (oc // groups) * cg + c]
        out[n, o] += convolve(source, spread[o, c], mode="valid", method="direct")[::sh, ::sw]
    return add_bias(out, bias)
