"""Transposed convolutions, and the gradients of convolutions."""

import numpy as np
from kept_common import add_bias, cdiv, mix_back, pad_or_crop, padded, taps, tup, window


def _grown(size, kernel, stride, padding, dilation, extra):
    """The output's extent along each axis of a transposed convolution."""
    rows = zip(size, kernel, stride, padding, dilation, extra, strict=True)
    return tuple((h - 1) * s - 2 * p + d * (k - 1) + 1 + e for h, k, s, p, d, e in rows)


def _scattered(x, w, stride, dilation, groups):
    """The transposed convolution without padding."""
    n, kernel = len(stride), w.shape[2:]
    size = _grown(x.shape[2:], kernel, stride, (0,) * n, dilation, (0,) * n)
    full = np.zeros((x.shape[0], w.shape[1] * groups, *size), x.dtype)
    for tap in taps(kernel):
        full[(..., *window(tap, x.shape[2:], stride, dilation))] += mix_back(x, w[(..., *tap)], groups)
    return full


def _spread(x, stride):
    """Zeros between the elements."""
    out = np.zeros((*x.shape[:2], *((h - 1) * s + 1 for h, s in zip(x.shape[2:], stride, strict=True))), x.dtype)
    out[(..., *(slice(None, None, s) for s in stride))] = x
    return out


def conv_transpose1d_indexed(x, w, bias=None, stride=(1,), padding=(0,), output_padding=(0,), groups=1, dilation=(1,)):
    (s,), (p,), (e,), (d,) = (tup(v, 1) for v in (stride, padding, output_padding, dilation))
    (length, k), (o,) = (x.shape[2], w.shape[2]), _grown(x.shape[2:], w.shape[2:], (s,), (p,), (d,), (e,))
    at = np.arange(k)[:, None] * d + np.arange(length) * s
    values = np.stack([mix_back(x, w[:, :, a], groups) for a in range(k)], axis=2)
    full = np.zeros((*values.shape[:2], o + 2 * p), x.dtype)
    full[:, :, at.reshape(-1)] += values.reshape(*values.shape[:2], -1)
    return add_bias(full[:, :, p : p + o], bias)


def conv_transpose2d_zero_insert(
    x, w, bias=None, stride=(1, 1), padding=(0, 0), output_padding=(0, 0), groups=1, dilation=(1, 1)
):
    stride, padding, extra, dilation = (tup(v, 2) for v in (stride, padding, output_padding, dilation))
    size = _grown(x.shape[2:], w.shape[2:], stride, padding, dilation, extra)
    room = [d * (k - 1) - p for d, k, p in zip(dilation, w.shape[2:], padding, strict=True)]
    spread = pad_or_crop(_spread(x, stride), [r + e for r, e in zip(room, extra, strict=True)], room)
    out = np.zeros((x.shape[0], w.shape[1] * groups, *size), x.dtype)
    for tap in taps(w.shape[2:]):
        out += mix_back(spread[(..., *window(tap, size, (1, 1), dilation))], w[:, :, ::-1, ::-1][(..., *tap)], groups)
    return add_bias(out, bias)


def conv_transpose2d_channel_loop(
    x, w, bias=None, stride=(1, 1), padding=(0, 0), output_padding=(0, 0), groups=1, dilation=(1, 1)
):
    stride, padding, extra, dilation = (tup(v, 2) for v in (stride, padding, output_padding, dilation))
    ic, ocg = w.shape[:2]
    oh, ow = _grown(x.shape[2:], w.shape[2:], stride, padding, dilation, extra)
    full = np.zeros((x.shape[0], ocg * groups, oh + 2 * padding[0], ow + 2 * padding[1]), x.dtype)
    for o in range(ocg * groups):
        first = o // ocg * (ic // groups)
        for tap in taps(w.shape[2:]):
            for c in range(first, first + ic // groups):
                place = (slice(None), o, *window(tap, x.shape[2:], stride, dilation))
                full[place] += x[:, c] * w[(c, o // groups, *tap)]
    return add_bias(full[:, :, padding[0] : padding[0] + oh, padding[1] : padding[1] + ow], bias)


def conv_transpose2d_crop(
    x, w, bias=None, stride=(1, 1), padding=(0, 0), output_padding=(0, 0), groups=1, dilation=(1, 1)
):
    stride, (ph, pw), (eh, ew), dilation = (tup(v, 2) for v in (stride, padding, output_padding, dilation))
    full = _scattered(x, w, stride, dilation, groups)
    core = full[:, :, ph : full.shape[2] - ph, pw : full.shape[3] - pw]
    return add_bias(np.pad(core, ((0, 0), (0, 0), (0, eh), (0, ew))), bias)


def conv_transpose3d_late_bias(
    x, w, bias=None, stride=(1, 1, 1), padding=(0, 0, 0), output_padding=(0, 0, 0), groups=1, dilation=(1, 1, 1)
):
    stride, padding, extra, dilation = (tup(v, 3) for v in (stride, padding, output_padding, dilation))
    full = pad_or_crop(_scattered(x, w, stride, dilation, groups), (0, 0, 0), extra)
    size = _grown(x.shape[2:], w.shape[2:], stride, padding, dilation, extra)
    out = full[(..., *(slice(p, p + o) for p, o in zip(padding, size, strict=True)))].copy()
    if bias is not None:
        core = _grown(x.shape[2:], w.shape[2:], stride, padding, dilation, (0, 0, 0))
        out[(..., *map(slice, core))] += bias.reshape(1, -1, 1, 1, 1)
    return out


def conv_transpose2d_gather(
    x, w, bias=None, stride=(1, 1), padding=(0, 0), output_padding=(0, 0), groups=1, dilation=(1, 1)
):
    (sh, sw), padding, extra, (dh, dw) = (tup(v, 2) for v in (stride, padding, output_padding, dilation))
    (h, wd), (kh, kw) = x.shape[2:], w.shape[2:]
    oh, ow = _grown((h, wd), (kh, kw), (sh, sw), padding, (dh, dw), extra)
    rows, cols = np.arange(oh)[:, None] + padding[0], np.arange(ow) + padding[1]
    out = np.zeros((x.shape[0], w.shape[1] * groups, oh, ow), x.dtype)
    for a, b in taps((kh, kw)):
        r, q = rows - a * dh, cols - b * dw
        valid = (r % sh == 0) & (q % sh == 0)
        i, j = r // sh, q // sw
        valid = valid & (i >= 0) & (i < h) & (j >= 0) & (j < wd)
        values = x[:, :, np.clip(i, 0, h - 1), np.clip(j, 0, wd - 1)] * valid
        out += mix_back(values.astype(x.dtype), w[:, :, a, b], groups)
    return add_bias(out, bias)


def conv_transpose3d_spread(
    x, w, bias=None, stride=(1, 1, 1), padding=(0, 0, 0), output_padding=(0, 0, 0), groups=1, dilation=(1, 1, 1)
):
    stride, padding, extra, dilation = (tup(v, 3) for v in (stride, padding, output_padding, dilation))
    size = _grown(x.shape[2:], w.shape[2:], stride, padding, dilation, extra)
    before = [max(d * (k - 1) - p, 0) for d, k, p in zip(dilation, w.shape[2:], padding, strict=True)]
    reach = [d * (k - 1) for d, k in zip(dilation, w.shape[2:], strict=True)]
    spread = pad_or_crop(_spread(x, stride), before, [r + e for r, e in zip(reach, extra, strict=True)])
    flipped = w[:, :, ::-1, ::-1, ::-1]
    out = np.zeros((x.shape[0], w.shape[1] * groups, *size), x.dtype)
    for tap in taps(w.shape[2:]):
        out += mix_back(spread[(..., *window(tap, size, (1, 1, 1), dilation))], flipped[(..., *tap)], groups)
    return add_bias(out, bias)


def conv_transpose1d_phases(x, w, bias=None, stride=(1,), padding=(0,), output_padding=(0,), groups=1, dilation=(1,)):
    (s,), (p,), (e,), (d,) = (tup(v, 1) for v in (stride, padding, output_padding, dilation))
    (length, k), (o,) = (x.shape[2], w.shape[2]), _grown(x.shape[2:], w.shape[2:], (s,), (p,), (d,), (e,))
    out = np.zeros((x.shape[0], w.shape[1] * groups, o), x.dtype)
    for phase in range(min(s, o)):
        places = np.arange(phase, o, s)
        for a in range((phase + p) % s, k, s):
            source = (places + p - a * d) // s
            inside = (source >= 0) & (source < length)
            out[:, :, places[inside]] += mix_back(x[:, :, source[inside]], w[:, :, a], groups)
    return add_bias(out, bias)


def conv_transpose2d_col2im(
    x, w, bias=None, stride=(1, 1), padding=(0, 0), output_padding=(0, 0), groups=1, dilation=(1, 1)
):
    stride, (ph, pw), extra, dilation = (tup(v, 2) for v in (stride, padding, output_padding, dilation))
    oh, ow = _grown(x.shape[2:], w.shape[2:], stride, (ph, pw), dilation, extra)
    image = np.zeros((w.shape[1] * groups, oh + 2 * ph, ow + 2 * pw), x.dtype)
    out = np.empty((x.shape[0], w.shape[1] * groups, oh, ow), x.dtype)
    for n in range(x.shape[0]):
        for tap in taps(w.shape[2:]):
            part = mix_back(x[n : n + 1], w[(..., *tap)], groups)[0]
            image[(..., *window(tap, x.shape[2:], stride, dilation))] += part
        out[n] = image[:, ph : ph + oh, pw : pw + ow]
    return add_bias(out, bias)


def conv_transpose2d_folded(
    x, w, bias=None, stride=(1, 1), padding=(0, 0), output_padding=(0, 0), groups=1, dilation=(1, 1)
):
    stride, (ph, pw), extra, dilation = (tup(v, 2) for v in (stride, padding, output_padding, dilation))
    full = _scattered(x, w, stride, dilation, groups)
    count = _scattered(np.ones_like(x[:1, :1]), np.ones((1, 1, *w.shape[2:]), x.dtype), stride, dilation, 1)
    full = pad_or_crop(full / np.maximum(count, 1), (0, 0), extra)
    oh, ow = _grown(x.shape[2:], w.shape[2:], stride, (ph, pw), dilation, extra)
    return add_bias(full[:, :, ph : ph + oh, pw : pw + ow], bias)


def _weight_tap(x, g, groups):
    """The gradient of one tap (OC, C/groups) of the weight."""
    n, c, oc = x.shape[0], x.shape[1] // groups, g.shape[1] // groups
    split = g.reshape(n, groups, oc, -1), x.reshape(n, groups, c, -1)
    return np.einsum("ngol,ngcl->goc", *split).reshape(oc * groups, c)


def conv2d_weight_pairs(x, weight_size, grad_output, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    stride, padding, dilation = tup(stride, 2), tup(padding, 2), tup(dilation, 2)
    xp, n = padded(x, padding), x.shape[0]
    out = np.zeros(weight_size, x.dtype)
    for first in range(0, n, 2):
        pair = slice(max(min(first, n - 2), 0), min(first + 2, n))
        for tap in taps(weight_size[2:]):
            part = xp[(pair, slice(None), *window(tap, grad_output.shape[2:], stride, dilation))]
            out[(..., *tap)] += _weight_tap(part, grad_output[pair], groups)
    return out


def conv2d_weight_inner(x, weight_size, grad_output, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    (sh, sw), (ph, pw), (dh, dw) = tup(stride, 2), tup(padding, 2), tup(dilation, 2)
    xp = padded(x, (0, pw))
    out = np.zeros(weight_size, x.dtype)
    (h, _), (oh, ow) = x.shape[2:], grad_output.shape[2:]
    for a, b in taps(weight_size[2:]):
        first, last = min(cdiv(ph, sh), oh), min((h - 1 + ph - a * dh) // sh + 1, oh)
        if last <= first:
            continue
        rows = slice(first * sh - ph + a * dh, (last - 1) * sh - ph + a * dh + 1, sh)
        part = xp[:, :, rows, b * dw : b * dw + sw * (ow - 1) + 1 : sw]
        out[:, :, a, b] = _weight_tap(part, grad_output[:, :, first:last], groups)
    return out


def conv1d_weight_correlate(x, weight_size, grad_output, stride=(1,), padding=(0,), dilation=(1,), groups=1):
    (s,), (p,), (d,) = tup(stride, 1), tup(padding, 1), tup(dilation, 1)
    xp, o, k = padded(x, (p,)), grad_output.shape[2], weight_size[2]
    span = s * (o - 1) + 1
    slots = range(0, xp.shape[2] - span + 1, d)
    lags = [_weight_tap(xp[:, :, t : t + span : s], grad_output, groups) for t in slots]
    return np.stack(lags, axis=2)[:, :, -k:]


def conv3d_input_channels(
    input_size, w, grad_output, stride=(1, 1, 1), padding=(0, 0, 0), dilation=(1, 1, 1), groups=1
):
    stride, padding, dilation = tup(stride, 3), tup(padding, 3), tup(dilation, 3)
    n, c = input_size[:2]
    ocg = w.shape[0] // groups
    full = np.zeros((n, c, *(h + 2 * p for h, p in zip(input_size[2:], padding, strict=True))), grad_output.dtype)
    for ci in range(c):
        g, slot = ci % groups, ci // groups
        kernels = w[g * ocg : (g + 1) * ocg, slot]
        for tap in taps(w.shape[2:]):
            part = np.einsum("no...,o->n...", grad_output[:, g * ocg : (g + 1) * ocg], kernels[(..., *tap)])
            full[(slice(None), ci, *window(tap, grad_output.shape[2:], stride, dilation))] += part
    return full[(..., *(slice(p, p + h) for p, h in zip(padding, input_size[2:], strict=True)))]


def conv1d_input_gather(input_size, w, grad_output, stride=(1,), padding=(0,), dilation=(1,), groups=1):
    (s,), (p,), (d,) = tup(stride, 1), tup(padding, 1), tup(dilation, 1)
    o = grad_output.shape[2]
    out = np.zeros(input_size, grad_output.dtype)
    for i in range(input_size[2]):
        for a in range(w.shape[2]):
            j, rest = divmod(i + p - a * d, s)
            if rest or abs(j) >= o:
                continue
            out[:, :, i] += mix_back(grad_output[:, :, j], w[:, :, a], groups)
    return out


def conv3d_weight_planes(
    x, weight_size, grad_output, stride=(1, 1, 1), padding=(0, 0, 0), dilation=(1, 1, 1), groups=1
):
    stride, padding, dilation = tup(stride, 3), tup(padding, 3), tup(dilation, 3)
    xp, (od, oh, ow) = padded(x, (0, *padding[1:])), grad_output.shape[2:]
    out = np.zeros(weight_size, x.dtype)
    for tap in taps(weight_size[2:]):
        for f in range(od):
            plane = f * dilation[0] + tap[0] * stride[0] - padding[0]
            if 0 <= plane < x.shape[2]:
                part = xp[(slice(None), slice(None), plane, *window(tap[1:], (oh, ow), stride[1:], dilation[1:]))]
                out[(..., *tap)] += _weight_tap(part, grad_output[:, :, f], groups)
    return out


def conv2d_weight_groups(x, weight_size, grad_output, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    stride, padding, dilation = tup(stride, 2), tup(padding, 2), tup(dilation, 2)
    oc, cg = weight_size[:2]
    xp, out = padded(x, padding), np.zeros(weight_size, x.dtype)
    for g in range(groups):
        mine = slice(g * oc // groups, (g + 1) * oc // groups)
        for tap in taps(weight_size[2:]):
            part = xp[(slice(None), slice(g * cg, (g + 1) * cg), *window(tap, grad_output.shape[2:], stride, dilation))]
            out[(mine, slice(None), *tap)] = _weight_tap(part, grad_output[:, g::groups], 1)
    return out


def conv2d_input_scatter(input_size, w, grad_output, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    stride, (ph, pw), dilation = tup(stride, 2), tup(padding, 2), tup(dilation, 2)
    n, c, h, wd = input_size
    disjoint = all(s >= k for s, k in zip(stride, w.shape[2:], strict=True))
    full = np.zeros((n, c, h + 2 * ph, wd + 2 * pw), grad_output.dtype)
    for tap in taps(w.shape[2:]):
        place = (..., *window(tap, grad_output.shape[2:], stride, dilation))
        part = mix_back(grad_output, w[(..., *tap)], groups)
        if disjoint:
            full[place] = part
        else:
            full[place] += part
    return full[:, :, ph : ph + h, pw : pw + wd]
