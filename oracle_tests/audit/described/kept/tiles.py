"""Convolutions as a GPU computes them: programs, blocks, masks, flat offsets."""

import numpy as np
from kept_common import add_bias, cdiv, direct, load, mix, out_size, padded, store, taps, tup


def conv2d_swizzled(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    (sh, sw), (ph, pw), (dh, dw) = tup(stride, 2), tup(padding, 2), tup(dilation, 2)
    (n, c, h, wd), (oc, cg, kh, kw) = x.shape, w.shape
    oh, ow = out_size((h, wd), (kh, kw), (sh, sw), (ph, pw), (dh, dw))
    rows, ocg = n * oh * ow, oc // groups
    out = np.zeros(n * oc * oh * ow, x.dtype)
    tiles_m, tiles_n, group = cdiv(rows, 16), cdiv(ocg, 4), 4
    for g in range(groups):
        for pid in range(tiles_m * tiles_n):
            first = pid // (group * tiles_n) * group
            pid_m, pid_n = first + pid % group, pid % (group * tiles_n) // group
            m, o = pid_m * 16 + np.arange(16), pid_n * 4 + np.arange(4)
            image, i, j = m // (oh * ow), m // ow % oh, m % ow
            acc = np.zeros((16, 4), x.dtype)
            for a, b in taps((kh, kw)):
                r, q = i * sh - ph + a * dh, j * sw - pw + b * dw
                ok = (m < rows) & (r >= 0) & (r < h) & (q >= 0) & (q < wd)
                chans = g * cg + np.arange(cg)
                at = ((image[:, None] * c + chans) * h + r[:, None]) * wd + q[:, None]
                lhs = load(x.reshape(-1), at, ok[:, None])
                rhs = w[g * ocg + np.minimum(o, ocg - 1), :, a, b]
                acc += lhs @ rhs.T
            offs = ((image[:, None] * oc + g * ocg + o) * oh + i[:, None]) * ow + j[:, None]
            store(out, offs, acc, (m < rows)[:, None] & (o < ocg))
    return add_bias(out.reshape(n, oc, oh, ow), bias)


def conv2d_vector_channels(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    (sh, sw), padding, (dh, dw) = tup(stride, 2), tup(padding, 2), tup(dilation, 2)
    oc, cg, kh, kw = w.shape
    oh, ow = out_size(x.shape[2:], (kh, kw), (sh, sw), padding, (dh, dw))
    xp = padded(x, padding).reshape(x.shape[0], groups, cg, x.shape[2] + 2 * padding[0], -1)
    wg = w.reshape(groups, oc // groups, cg, kh, kw)
    out = np.zeros((x.shape[0], groups, oc // groups, oh, ow), x.dtype)

    def lanes(first, width, a, b):
        rows, cols = slice(a * dh, a * dh + sh * (oh - 1) + 1, sh), slice(b * dw, b * dw + sw * (ow - 1) + 1, sw)
        part = slice(first, first + width)
        return np.einsum("ngchw,goc->ngohw", xp[:, :, part, rows, cols], wg[:, :, part, a, b])

    for a, b in taps((kh, kw)):
        c = 0
        while cg - c >= 8:
            out += lanes(c, 8, a, b)
            c += 8
        if cg - c >= 4:
            out += lanes(c, 4, a, b)
            c += 4
        if (cg - c) & 1:
            out += lanes(cg - 1, 1, a, b)
    return add_bias(out.reshape(x.shape[0], oc, oh, ow), bias)


def conv2d_shared_row(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    (sh, sw), padding, (dh, dw) = tup(stride, 2), tup(padding, 2), tup(dilation, 2)
    kh, kw = w.shape[2:]
    oh, ow = out_size(x.shape[2:], (kh, kw), (sh, sw), padding, (dh, dw))
    xp = padded(x, padding)
    out = np.zeros((x.shape[0], w.shape[0], oh, ow), x.dtype)
    block = 8
    shared = np.zeros((*x.shape[:2], oh, (block - 1) * sw + (kw - 1) * dw + 1), x.dtype)
    for j in range(0, ow, block):
        width = min(block, ow - j)
        for a in range(kh):
            shared[:] = 0
            line = xp[:, :, a * dh : a * dh + sh * (oh - 1) + 1 : sh, j * sw : j * sw + block * sw + kw - 1]
            count = min(line.shape[3], shared.shape[3])
            shared[..., :count] = line[..., :count]
            for b in range(kw):
                lanes = shared[..., b * dw : b * dw + sw * (width - 1) + 1 : sw]
                out[..., j : j + width] += mix(lanes, w[:, :, a, b], groups)
    return add_bias(out, bias)


def conv2d_double_buffer(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    stride, padding, dilation = tup(stride, 2), tup(padding, 2), tup(dilation, 2)
    oc, cg = w.shape[:2]
    ocg, blocks = oc // groups, cdiv(cg, 4)
    out = np.zeros((x.shape[0], oc, *out_size(x.shape[2:], w.shape[2:], stride, padding, dilation)), x.dtype)
    for g in range(groups):
        mine, kernels = slice(g * ocg, (g + 1) * ocg), np.zeros((ocg, blocks * 4, *w.shape[2:]), w.dtype)
        kernels[:, :cg] = w[mine]
        stages = [np.zeros((x.shape[0], 4, *x.shape[2:]), x.dtype) for _ in range(2)]

        def fetch(block, stages=stages, g=g):
            part = x[:, g * cg + block * 4 : min(g * cg + block * 4 + 4, (g + 1) * cg)]
            stages[block % 2][:] = 0
            stages[block % 2][:, : part.shape[1]] = part

        fetch(0)
        for block in range(blocks - 1):
            fetch(block + 1)
            part = kernels[:, block * 4 : block * 4 + 4]
            out[:, mine] += direct(stages[block % 2], part, stride, padding, dilation, 1)
        out[:, mine] += direct(stages[0], kernels[:, blocks * 4 - 4 :], stride, padding, dilation, 1)
    return add_bias(out, bias)


def _flat_taps(x, w, m, sizes, decode, batch_stride, extent, groups):
    """Sums over taps and channels for the outputs of numbers m, the input read at flat offsets."""
    (sh, sw), (ph, pw), (dh, dw) = sizes
    (_, _, h, wd), (oc, cg, kh, kw) = x.shape, w.shape
    image, o, i, j = decode(m)
    ocg = oc // groups
    acc = np.zeros(m.shape, x.dtype)
    for a, b in taps((kh, kw)):
        r, q = i * sh - ph + a * dh, j * sw - pw + b * dw
        ok = (r >= 0) & (r < extent[0]) & (q >= 0) & (q < extent[1])
        for ci in range(cg):
            offs = image * batch_stride + ((o // ocg * cg + ci) * h + r) * wd + q
            acc += load(x.reshape(-1), offs, ok) * w[o, ci, a, b]
    return acc


def conv2d_batch_stride(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    sizes = tup(stride, 2), tup(padding, 2), tup(dilation, 2)
    n, oc, cg = x.shape[0], w.shape[0], w.shape[1]
    oh, ow = out_size(x.shape[2:], w.shape[2:], *sizes)
    out = np.zeros(n * oc * oh * ow, x.dtype)

    def decode(m):
        return m // (oc * oh * ow), m // (oh * ow) % oc, m // ow % oh, m % ow

    for start in range(0, out.size, 1024):
        m = np.arange(start, min(start + 1024, out.size))
        out[m] = _flat_taps(x, w, m, sizes, decode, cg * x.shape[2] * x.shape[3], x.shape[2:], groups)
    return add_bias(out.reshape(n, oc, oh, ow), bias)


def conv2d_masked_block(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    sizes = tup(stride, 2), tup(padding, 2), tup(dilation, 2)
    n, c, width, height = x.shape
    oc = w.shape[0]
    oh, ow = out_size(x.shape[2:], w.shape[2:], *sizes)
    out = np.zeros(n * oc * oh * ow, x.dtype)

    def decode(m):
        return m // (oc * oh * ow), m // (oh * ow) % oc, m // ow % oh, m % ow

    for start in range(0, out.size, 512):
        m = np.arange(start, min(start + 512, out.size))
        out[m] = _flat_taps(x, w, m, sizes, decode, c * height * width, (height, width), groups)
    return add_bias(out.reshape(n, oc, oh, ow), bias)


def conv2d_persistent(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    sizes = tup(stride, 2), tup(padding, 2), tup(dilation, 2)
    n, c, h, wd = x.shape
    oc = w.shape[0]
    oh, ow = out_size((h, wd), w.shape[2:], *sizes)
    out = np.zeros(n * oc * oh * ow, x.dtype)
    tiles, programs = cdiv(out.size, 64), 3

    def decode(m):
        return m // (oc * oh * ow), m // (oh * ow) % oc, m // ow % oh, m % ow

    for pid in range(programs):
        acc = np.zeros(64, x.dtype)
        for tile in range(pid, tiles, programs):
            m = tile * 64 + np.arange(64)
            inside = m < out.size
            acc += _flat_taps(x, w, np.where(inside, m, 0), sizes, decode, c * h * wd, (h, wd), groups)
            store(out, m, acc, inside)
    return add_bias(out.reshape(n, oc, oh, ow), bias)


def conv1d_shuffle(x, w, bias=None, stride=(1,), padding=(0,), dilation=(1,), groups=1):
    (s,), (p,), (d,) = tup(stride, 1), tup(padding, 1), tup(dilation, 1)
    k = w.shape[2]
    if s != 1 or (k - 1) * d >= 16:
        return add_bias(direct(x, w, (s,), (p,), (d,), groups), bias)
    (o,) = out_size(x.shape[2:], (k,), (s,), (p,), (d,))
    xp = padded(x, (p,))
    out = np.zeros((x.shape[0], w.shape[0], o), x.dtype)
    lane = np.arange(16)
    for warp in range(cdiv(o, 16)):
        at = warp * 16 + lane
        register = xp[:, :, np.minimum(at, xp.shape[2] - 1)]
        acc = np.zeros((x.shape[0], w.shape[0], 16), x.dtype)
        for a in range(k):
            if (warp + 1) * 16 <= o:
                value = register[:, :, (lane + a * d) & 15]
            else:
                value = xp[:, :, np.minimum(at + a * d, xp.shape[2] - 1)]
            acc += mix(value, w[:, :, a], groups)
        out[:, :, warp * 16 : warp * 16 + 16] = acc[:, :, : o - warp * 16]
    return add_bias(out, bias)


def conv2d_weight_pointer(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    stride, padding, dilation = tup(stride, 2), tup(padding, 2), tup(dilation, 2)
    c, (oc, cg, kh, kw) = x.shape[1], w.shape
    ocg = oc // groups
    flat, out = w.reshape(-1), []
    for g in range(groups):
        base = g * ocg * c * kh * kw
        o, ci, tap = np.arange(ocg)[:, None, None], np.arange(cg)[None, :, None], np.arange(kh * kw)
        kernels = load(flat, base + (o * cg + ci) * kh * kw + tap, True).reshape(ocg, cg, kh, kw)
        out.append(direct(x[:, g * cg : (g + 1) * cg], kernels, stride, padding, dilation, 1))
    return add_bias(np.concatenate(out, axis=1), bias)


def conv2d_row_store(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    (sh, sw), (ph, pw), (dh, dw) = tup(stride, 2), tup(padding, 2), tup(dilation, 2)
    (n, _, h, wd), (oc, _, kh, kw) = x.shape, w.shape
    oh, ow = out_size((h, wd), (kh, kw), (sh, sw), (ph, pw), (dh, dw))
    xp = padded(x, (ph, pw))
    out = np.zeros(n * oc * oh * ow, x.dtype)
    planes = np.arange(n * oc).reshape(n, oc, 1) * (oh * ow)
    for i in range(oh):
        for j in range(0, ow, 16):
            cols = j + np.arange(16)
            mask = cols < ow
            acc = np.zeros((n, oc, 16), x.dtype)
            for a, b in taps((kh, kw)):
                at = np.where(mask, cols * sw + b * dw, 0)
                acc += mix(xp[:, :, i * sh + a * dh, at], w[:, :, a, b], groups)
            offs = planes + i * wd + cols
            store(out, offs, acc, np.broadcast_to(mask & (i * wd + cols < oh * ow), acc.shape))
    return add_bias(out.reshape(n, oc, oh, ow), bias)


def conv2d_fused_epilogue(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    stride, padding, dilation = tup(stride, 2), tup(padding, 2), tup(dilation, 2)
    oc, cg = w.shape[:2]
    ocg = oc // groups
    out = np.zeros((x.shape[0], oc, *out_size(x.shape[2:], w.shape[2:], stride, padding, dilation)), x.dtype)
    for g in range(groups):
        for block in range(cdiv(ocg, 4)):
            lanes = np.arange(4)
            lanes = lanes[block * 4 + lanes < ocg]
            o = g * ocg + block * 4 + lanes
            acc = direct(x[:, g * cg : (g + 1) * cg], w[o], stride, padding, dilation, 1)
            out[:, o] = acc if bias is None else acc + bias[g * ocg + lanes].reshape(1, -1, 1, 1)
    return out
