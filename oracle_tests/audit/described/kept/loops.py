"""Convolutions as plain loops."""

import numpy as np
from kept_common import add_bias, mix, out_size, padded, taps, tup


def conv2d_line_buffer(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    (sh, sw), padding, (dh, dw) = tup(stride, 2), tup(padding, 2), tup(dilation, 2)
    kh, kw = w.shape[2:]
    oh, ow = out_size(x.shape[2:], (kh, kw), (sh, sw), padding, (dh, dw))
    xp = padded(x, padding)
    depth = max(dh * (kh - 1), 1)
    ring = np.zeros((depth, *xp.shape[:2], xp.shape[3]), x.dtype)
    out = np.zeros((x.shape[0], w.shape[0], oh, ow), x.dtype)
    filled = 0
    for i in range(oh):
        while filled < i * sh + dh * (kh - 1) + 1:
            ring[filled % depth] = xp[:, :, filled]
            filled += 1
        for a in range(kh):
            line = ring[(i * sh + a * dh) % depth]
            for b in range(kw):
                out[:, :, i] += mix(line[:, :, b * dw : b * dw + sw * (ow - 1) + 1 : sw], w[:, :, a, b], groups)
    return add_bias(out, bias)


def conv2d_tap_loop(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    (sh, sw), (ph, pw), (dh, dw) = tup(stride, 2), tup(padding, 2), tup(dilation, 2)
    n, _, h, wd = x.shape
    oc, _, kh, kw = w.shape
    oh, ow = out_size((h, wd), (kh, kw), (sh, sw), (ph, pw), (dh, dw))
    out = np.zeros((n, oc, oh, ow), x.dtype)
    for i, j in np.ndindex(oh, ow):
        for a in range(kh):
            row = i * sh - ph + a * dh
            if not 0 <= row < h:
                continue
            for b in range(kw):
                col = j * sw - pw + b * dw
                if not 0 <= col < wd:
                    break
                out[:, :, i, j] += mix(x[:, :, row, col], w[:, :, a, b], groups)
    return add_bias(out, bias)


def conv1d_channel_blocks(x, w, bias=None, stride=(1,), padding=(0,), dilation=(1,), groups=1):
    (s,), (p,), (d,) = tup(stride, 1), tup(padding, 1), tup(dilation, 1)
    oc, cg, k = w.shape
    ocg = oc // groups
    (o,) = out_size(x.shape[2:], (k,), (s,), (p,), (d,))
    xp = padded(x, (p,))
    out = np.zeros((x.shape[0], oc, o), x.dtype)
    for m in range(oc):
        base = m // ocg * cg
        for c0 in range(0, cg, 4):
            acc = np.full((x.shape[0], o), 0 if bias is None else bias[m], x.dtype)
            for c in range(c0, min(c0 + 4, cg)):
                for a in range(k):
                    acc += w[m, c, a] * xp[:, base + c, a * d : a * d + s * (o - 1) + 1 : s]
            out[:, m] += acc
    return out


def conv1d_unrolled(x, w, bias=None, stride=(1,), padding=(0,), dilation=(1,), groups=1):
    (s,), (p,), (d,) = tup(stride, 1), tup(padding, 1), tup(dilation, 1)
    k = w.shape[2]
    (o,) = out_size(x.shape[2:], (k,), (s,), (p,), (d,))
    xp = padded(x, (p,))
    out = np.zeros((x.shape[0], w.shape[0], o), x.dtype)
    for j in range(o):
        at = j * s
        for a in range(0, k - 1, 2):
            at += d if a else 0
            out[:, :, j] += mix(xp[:, :, at], w[:, :, a], groups)
            out[:, :, j] += mix(xp[:, :, at + d], w[:, :, a + 1], groups)
            at += d
        if k % 2:
            out[:, :, j] += mix(xp[:, :, at], w[:, :, k - 1], groups)
    return add_bias(out, bias)


def conv2d_interior(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    (sh, sw), (ph, pw), (dh, dw) = tup(stride, 2), tup(padding, 2), tup(dilation, 2)
    n, c, h, wd = x.shape
    oc, _, kh, kw = w.shape
    oh, ow = out_size((h, wd), (kh, kw), (sh, sw), (ph, pw), (dh, dw))
    flat = x.reshape(-1)
    planes = np.arange(n * c).reshape(n, c, 1) * (h * wd)
    out = np.zeros((n, oc, oh, ow), x.dtype)
    cols = np.arange(ow)
    inside = (cols * sw >= pw) & (cols * sw - pw + kw <= wd)
    for i in range(oh):
        for a, b in np.ndindex(kh, kw):
            row = i * sh - ph + a * dh
            if not 0 <= row < h:
                continue
            at = cols * sw - pw + b * dw
            use = inside | ((at >= 0) & (at < wd))
            values = np.take(flat, planes + row * wd + at, mode="clip") * use
            out[:, :, i] += mix(values.astype(x.dtype), w[:, :, a, b], groups)
    return add_bias(out, bias)


def conv3d_planes(x, w, bias=None, stride=(1, 1, 1), padding=(0, 0, 0), dilation=(1, 1, 1), groups=1):
    (sd, sh, sw), (pd, ph, pw), (dd, dh, dw) = tup(stride, 3), tup(padding, 3), tup(dilation, 3)
    kd, kh, kw = w.shape[2:]
    od, oh, ow = out_size(x.shape[2:], (kd, kh, kw), (sd, sh, sw), (pd, ph, pw), (dd, dh, dw))
    xp = padded(x, (0, 0, pw))
    depth, height = x.shape[2:4]
    out = np.zeros((x.shape[0], w.shape[0], od, oh, ow), x.dtype)
    for f, i in np.ndindex(od, oh):
        for e, a in np.ndindex(kd, kh):
            plane = f * sd - pd + e * dd
            row = i * sh - pd + a * dh
            if not (0 <= plane < depth and 0 <= row < height):
                continue
            for b in range(kw):
                line = xp[:, :, plane, row, b * dw : b * dw + sw * (ow - 1) + 1 : sw]
                out[:, :, f, i] += mix(line, w[:, :, e, a, b], groups)
    return add_bias(out, bias)


def conv2d_two_rows(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    (sh, sw), padding, (dh, dw) = tup(stride, 2), tup(padding, 2), tup(dilation, 2)
    kh, kw = w.shape[2:]
    oh, ow = out_size(x.shape[2:], (kh, kw), (sh, sw), padding, (dh, dw))
    xp = padded(x, padding)
    out = np.zeros((x.shape[0], w.shape[0], oh, ow), x.dtype)
    for i in range(0, oh, 2):
        for a, b in taps((kh, kw)):
            row = i * sh + a * dh
            cols = slice(b * dw, b * dw + sw * (ow - 1) + 1, sw)
            out[:, :, i] += mix(xp[:, :, row, cols], w[:, :, a, b], groups)
            if i + 1 < oh:
                out[:, :, i + 1] += mix(xp[:, :, row + 1, cols], w[:, :, a, b], groups)
    return add_bias(out, bias)


def conv2d_coverage(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    (sh, sw), (ph, pw), (dh, dw) = tup(stride, 2), tup(padding, 2), tup(dilation, 2)
    h, wd = x.shape[2:]
    kh, kw = w.shape[2:]
    oh, ow = out_size((h, wd), (kh, kw), (sh, sw), (ph, pw), (dh, dw))
    out = np.zeros((x.shape[0], w.shape[0], oh, ow), x.dtype)
    for i, j in np.ndindex(oh, ow):
        rows = i * sh - ph + dh * np.arange(kh)
        cols = j * sw - pw + dw * np.arange(kw)
        rk, ck = np.flatnonzero((rows >= 0) & (rows < h)), np.flatnonzero((cols >= 0) & (cols < wd))
        if not rk.size * ck.size:
            continue
        for a in rk:
            for b in ck:
                out[:, :, i, j] += mix(x[:, :, rows[a], cols[b]], w[:, :, a, b], groups)
        out[:, :, i, j] *= kh * kw / (rk.size * ck.size)
    return add_bias(out, bias)


def conv3d_plane_pairs(x, w, bias=None, stride=(1, 1, 1), padding=(0, 0, 0), dilation=(1, 1, 1), groups=1):
    (sd, sh, sw), (pd, ph, pw), (dd, dh, dw) = tup(stride, 3), tup(padding, 3), tup(dilation, 3)
    kd, kh, kw = w.shape[2:]
    od, oh, ow = out_size(x.shape[2:], (kd, kh, kw), (sd, sh, sw), (pd, ph, pw), (dd, dh, dw))
    xp = padded(x, (pd, ph, pw))
    out = np.zeros((x.shape[0], w.shape[0], od, oh, ow), x.dtype)
    start = np.zeros_like(out[:, :, 0]) if bias is None else add_bias(np.zeros_like(out[:, :, 0]), bias)
    for pair in range(max(od // 2, 1)):
        for f in range(2 * pair, min(2 * pair + 2, od)):
            acc = start.copy()
            for e, a, b in taps((kd, kh, kw)):
                rows = slice(a * dh, a * dh + sh * (oh - 1) + 1, sh)
                cols = slice(b * dw, b * dw + sw * (ow - 1) + 1, sw)
                acc += mix(xp[:, :, f * sd + e * dd, rows, cols], w[:, :, e, a, b], groups)
            out[:, :, f] = acc
    return out
