"""Convolutions as matrix products, views and transforms."""

import numpy as np
from kept_common import add_bias, cdiv, direct, mix, out_size, padded, taps, tup, window


def _columns(x, kernel, stride, padding, dilation):
    """(N, C, KH*KW, OH*OW) and the output's extents."""
    out = out_size(x.shape[2:], kernel, stride, padding, dilation)
    xp = padded(x, padding)
    cols = np.stack([xp[(..., *window(tap, out, stride, dilation))] for tap in taps(kernel)], axis=2)
    return cols.reshape(*cols.shape[:3], -1), out


def conv2d_patches(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    stride, padding, dilation = tup(stride, 2), tup(padding, 2), tup(dilation, 2)
    cols, (oh, ow) = _columns(x, w.shape[2:], stride, padding, dilation)
    n, c, _, places = cols.shape
    cols = cols.reshape(n, groups, c // groups, -1, places).transpose(0, 1, 4, 3, 2)
    patches = cols.reshape(n, groups, places, -1)
    matrix = w.reshape(groups, w.shape[0] // groups, -1)
    out = np.einsum("nglk,gok->ngol", patches, matrix)
    return add_bias(out.reshape(n, w.shape[0], oh, ow), bias)


def conv2d_fft(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    (sh, sw), (ph, pw), (dh, dw) = tup(stride, 2), tup(padding, 2), tup(dilation, 2)
    (n, _, h, wd), (oc, cg, kh, kw) = x.shape, w.shape
    oh, ow = out_size((h, wd), (kh, kw), (sh, sw), (ph, pw), (dh, dw))
    size = (max(h + ph, dh * (kh - 1) + 1 + ph), max(wd, dw * (kw - 1) + 1))
    spread = np.zeros((oc, cg, dh * (kh - 1) + 1, dw * (kw - 1) + 1), w.dtype)
    spread[:, :, ::dh, ::dw] = w
    fx = np.fft.rfft2(x, size).reshape(n, groups, cg, size[0], -1)
    fw = np.conj(np.fft.rfft2(spread, size)).reshape(groups, oc // groups, cg, size[0], -1)
    full = np.fft.irfft2(np.einsum("ngchw,gochw->ngohw", fx, fw), size).reshape(n, oc, *size)
    rows, cols = (np.arange(oh) * sh - ph) % size[0], (np.arange(ow) * sw - pw) % size[1]
    return add_bias(full[:, :, rows[:, None], cols].astype(x.dtype), bias)


def conv1d_overlap_blocks(x, w, bias=None, stride=(1,), padding=(0,), dilation=(1,), groups=1):
    (s,), (p,), (d,) = tup(stride, 1), tup(padding, 1), tup(dilation, 1)
    k = w.shape[2]
    (o,) = out_size(x.shape[2:], (k,), (s,), (p,), (d,))
    xp = padded(x, (p,))
    reach = d * (k - 1)
    full = np.zeros((x.shape[0], w.shape[0], xp.shape[2] + reach), x.dtype)
    for start in range(0, xp.shape[2], 16):
        block = xp[:, :, start : start + 16]
        piece = np.zeros((x.shape[0], w.shape[0], block.shape[2] + reach), x.dtype)
        for a in range(k):
            at = reach - a * d
            piece[:, :, at : at + block.shape[2]] += mix(block, w[:, :, a], groups)
        full[:, :, start : start + piece.shape[2]] = piece
    return add_bias(full[:, :, reach : reach + s * (o - 1) + 1 : s], bias)


def conv1d_winograd(x, w, bias=None, stride=(1,), padding=(0,), dilation=(1,), groups=1):
    stride, padding, dilation = tup(stride, 1), tup(padding, 1), tup(dilation, 1)
    xp = padded(x, padding)
    if w.shape[2] != 3 or stride != (1,) or dilation != (1,) or xp.shape[2] < 4:
        return add_bias(direct(x, w, stride, padding, dilation, groups), bias)
    o = xp.shape[2] - 2
    g0, g1, g2 = (w[:, :, a] for a in range(3))
    plus, minus = (g0 + g1 + g2) / 2, (g0 - g1 + g2) / 2
    out = np.empty((x.shape[0], w.shape[0], o), x.dtype)
    for t in range(0, o, 2):
        at = min(t, o - 2)
        d0, d1, d2, d3 = (xp[:, :, at + r] for r in range(4))
        m0, m1 = mix(d0 - d2, g0, groups), mix(d1 + d2, plus, groups)
        m2, m3 = mix(d2 - d1, minus, groups), mix(d1 - d3, g2, groups)
        out[:, :, t] = m0 + m1 + m2
        if t + 1 < o:
            out[:, :, t + 1] = m1 - m2 - m3
    return add_bias(out, bias)


def conv2d_group_einsum(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    stride, padding, dilation = tup(stride, 2), tup(padding, 2), tup(dilation, 2)
    cols, (oh, ow) = _columns(x, w.shape[2:], stride, padding, dilation)
    n, c, k, places = cols.shape
    cols = cols.reshape(n, groups, c // groups, k, places)
    kernels = w.reshape(groups, w.shape[0] // groups, c // groups, k)
    out = np.einsum("ngckl,gock->nogl", cols, kernels)
    return add_bias(np.ascontiguousarray(out).reshape(n, w.shape[0], oh, ow), bias)


def conv2d_split_product(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    stride, padding, dilation = tup(stride, 2), tup(padding, 2), tup(dilation, 2)
    cols, (oh, ow) = _columns(x, w.shape[2:], stride, padding, dilation)
    n, _, _, places = cols.shape
    cols = cols.reshape(n, groups, -1, places)
    matrix = w.reshape(groups, w.shape[0] // groups, -1)
    length = matrix.shape[2]
    step = min(8, length)
    out = np.zeros((n, groups, matrix.shape[1], places), x.dtype)
    for start in range(0, length, step):
        part = slice(min(start, length - step), min(start, length - step) + step)
        out += np.einsum("ngkl,gok->ngol", cols[:, :, part], matrix[:, :, part])
    return add_bias(out.reshape(n, w.shape[0], oh, ow), bias)


def conv3d_by_depth(x, w, bias=None, stride=(1, 1, 1), padding=(0, 0, 0), dilation=(1, 1, 1), groups=1):
    stride, padding, dilation = tup(stride, 3), tup(padding, 3), tup(dilation, 3)
    od, oh, ow = out_size(x.shape[2:], w.shape[2:], stride, padding, dilation)
    out = np.zeros((x.shape[0], w.shape[0], od, oh, ow), x.dtype)
    for f in range(od):
        for e in range(w.shape[2]):
            plane = (f * stride[0] + e) * dilation[0] - padding[0]
            if 0 <= plane < x.shape[2]:
                out[:, :, f] += direct(x[:, :, plane], w[:, :, e], stride[1:], padding[1:], dilation[1:], groups)
    return add_bias(out, bias)


def conv2d_pointwise(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    stride, padding, dilation = tup(stride, 2), tup(padding, 2), tup(dilation, 2)
    if w.shape[2:] != (1, 1):
        return add_bias(direct(x, w, stride, padding, dilation, groups), bias)
    (sh, sw), (ph, pw) = stride, padding
    oh, ow = out_size(x.shape[2:], (1, 1), stride, padding, dilation)
    top, left = cdiv(ph, sh), cdiv(pw, sw)
    inner = mix(x[:, :, ::sh, ::sw], w[:, :, 0, 0], groups)[:, :, : oh - top, : ow - left]
    out = np.zeros((x.shape[0], w.shape[0], oh, ow), x.dtype)
    out[:, :, top : top + inner.shape[2], left : left + inner.shape[3]] = inner
    return add_bias(out, bias)


def conv2d_one_product(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    stride, padding, dilation = tup(stride, 2), tup(padding, 2), tup(dilation, 2)
    n, (oc, cg) = x.shape[0], w.shape[:2]
    out = []
    for g in range(groups):
        cols, (oh, ow) = _columns(x[:, g * cg : (g + 1) * cg], w.shape[2:], stride, padding, dilation)
        matrix = w[g * oc // groups : (g + 1) * oc // groups].reshape(oc // groups, -1)
        product = matrix @ cols.reshape(matrix.shape[1], n * oh * ow)
        out.append(product.reshape(oc // groups, n, oh, ow).swapaxes(0, 1))
    return add_bias(np.concatenate(out, axis=1), bias)
