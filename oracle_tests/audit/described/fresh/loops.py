"""Convolutions in plain loops."""

import numpy as np
from fresh_common import biased, each, extents, grouped_product, surrounded


def conv2d_by_group(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    stride, padding, dilation = each(stride, 2), each(padding, 2), each(dilation, 2)
    m, cg, kh, kw = weight.shape
    oh, ow = extents(input.shape[2:], (kh, kw), stride, padding, dilation)
    x = surrounded(input, padding)
    mg = m // groups
    out = np.empty((len(x), m, oh, ow), x.dtype)
    for g in range(groups):
        mine = x[:, g * cg : (g + 1) * cg]
        for local in range(mg):
            channel = g * mg + local
            plane = np.zeros((len(x), oh, ow), x.dtype)
            if bias is not None:
                plane += bias[local]
            for c in range(cg):
                for a in range(kh):
                    for b in range(kw):
                        top, left = a * dilation[0], b * dilation[1]
                        rows = slice(top, top + stride[0] * (oh - 1) + 1, stride[0])
                        columns = slice(left, left + stride[1] * (ow - 1) + 1, stride[1])
                        plane += weight[channel, c, a, b] * mine[:, c, rows, columns]
            out[:, channel] = plane
    return out


def conv2d_tap_limits(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    (sh, sw), (ph, pw), (dh, dw) = each(stride, 2), each(padding, 2), each(dilation, 2)
    height, width = input.shape[2:]
    kh, kw = weight.shape[2:]
    oh, ow = extents((height, width), (kh, kw), (sh, sw), (ph, pw), (dh, dw))
    out = np.zeros((len(input), len(weight), oh, ow), input.dtype)
    for i in range(oh):
        top = i * sh - ph
        first_a = max(0, -top // dh)
        last_a = min(kh, (height - top + dh - 1) // dh)
        for j in range(ow):
            left = j * sw - pw
            first_b = max(0, -(left // dw))
            last_b = min(kw, (width - left + dw - 1) // dw)
            for a in range(first_a, last_a):
                for b in range(first_b, last_b):
                    pixel = input[:, :, top + a * dh, left + b * dw]
                    out[:, :, i, j] += grouped_product(pixel, weight[:, :, a, b], groups)
    return biased(out, bias)


def conv2d_leaves_early(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    (sh, sw), (ph, pw), (dh, dw) = each(stride, 2), each(padding, 2), each(dilation, 2)
    height = input.shape[2]
    kh, kw = weight.shape[2:]
    oh, ow = extents(input.shape[2:], (kh, kw), (sh, sw), (ph, pw), (dh, dw))
    x = surrounded(input, (0, pw))
    out = np.zeros((len(x), len(weight), oh, ow), x.dtype)
    for i in range(oh):
        row = i * sh - ph
        for a in range(kh):
            if row >= height - 1:
                break
            if row >= 0:
                for b in range(kw):
                    line = x[:, :, row, b * dw : b * dw + sw * (ow - 1) + 1 : sw]
                    out[:, :, i] += grouped_product(line, weight[:, :, a, b], groups)
            row += dh
    return biased(out, bias)


def conv1d_shift_register(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    (s,), (p,), (d,) = each(stride, 1), each(padding, 1), each(dilation, 1)
    n, c, length = input.shape
    m, _, k = weight.shape
    reach = d * (k - 1) + 1
    (size,) = extents((length,), (k,), (s,), (p,), (d,))
    out = np.zeros((n, m, size), input.dtype)
    register = np.zeros((c, reach), input.dtype)
    for example in range(n):
        clock = 0
        for t in range(min(0, reach - 1 - p), length + p):
            register[:, :-1] = register[:, 1:]
            register[:, -1] = input[example, :, t] if 0 <= t < length else 0
            start = t + p - reach + 1
            if start < 0 or start % s:
                continue
            window = register[:, ::d]
            for channel in range(m):
                g = channel // (m // groups)
                own = window[g * (c // groups) : (g + 1) * (c // groups)]
                out[example, channel, clock] = (own * weight[channel]).sum()
            clock += 1
            if clock == size:
                break
    return biased(out, bias)


def conv2d_multiplier(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    (sh, sw), padding, (dh, dw) = each(stride, 2), each(padding, 2), each(dilation, 2)
    m, cg, kh, kw = weight.shape
    oh, ow = extents(input.shape[2:], (kh, kw), (sh, sw), padding, (dh, dw))
    x = surrounded(input, padding)
    channels = x.shape[1]
    out = np.zeros((len(x), m, oh, ow), x.dtype)
    depthwise = groups == channels and cg == 1
    times = m // channels
    for a in range(kh):
        for b in range(kw):
            seen = x[:, :, a * dh :: sh, b * dw :: sw][:, :, :oh, :ow]
            if not depthwise:
                out += grouped_product(seen, weight[:, :, a, b], groups)
                continue
            for c in range(channels):
                for q in range(times):
                    out[:, q * channels + c] += weight[c * times + q, 0, a, b] * seen[:, c]
    return biased(out, bias)


def conv3d_six_loops(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    stride, padding, dilation = each(stride, 3), each(padding, 3), each(dilation, 3)
    depth, height, width = input.shape[2:]
    sizes = extents(input.shape[2:], weight.shape[2:], stride, padding, dilation)
    out = np.zeros((len(input), len(weight), *sizes), input.dtype)
    for f, i, j in np.ndindex(*sizes):
        for e, a, b in np.ndindex(*weight.shape[2:]):
            z = f * stride[0] + e * dilation[0] - padding[0]
            y = i * stride[1] + a * dilation[1] - padding[1]
            x = j * stride[2] + b * dilation[1] - padding[2]
            if z < 0 or y < 0 or x < 0 or z >= depth or y >= height or x >= width:
                continue
            out[:, :, f, i, j] += grouped_product(input[:, :, z, y, x], weight[:, :, e, a, b], groups)
    return biased(out, bias)


def conv1d_sized(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    (s,), (p,), (d,) = each(stride, 1), each(padding, 1), each(dilation, 1)
    m, cg, k = weight.shape
    size = (input.shape[2] + 2 * p - k * d) // s + 1
    x = surrounded(input, (p,))
    out = np.zeros((len(x), m, size), x.dtype)
    for channel in range(m):
        first = channel // (m // groups) * cg
        for t in range(size):
            window = x[:, first : first + cg, t * s : t * s + d * (k - 1) + 1 : d]
            out[:, channel, t] = (window * weight[channel]).sum(axis=(1, 2))
    return biased(out, bias)


def conv2d_flat_taps(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    (sh, sw), (ph, pw), (dh, dw) = each(stride, 2), each(padding, 2), each(dilation, 2)
    height, width = input.shape[2:]
    m, cg, kh, kw = weight.shape
    oh, ow = extents((height, width), (kh, kw), (sh, sw), (ph, pw), (dh, dw))
    flat = weight.reshape(m, cg, kh * kw)
    out = np.zeros((len(input), m, oh, ow), input.dtype)
    for tap in range(kh * kw):
        a, b = divmod(tap, kh)
        for i in range(oh):
            row = i * sh - ph + a * dh
            if not 0 <= row < height:
                continue
            for j in range(ow):
                column = j * sw - pw + b * dw
                if 0 <= column < width:
                    out[:, :, i, j] += grouped_product(input[:, :, row, column], flat[:, :, tap], groups)
    return biased(out, bias)


def conv1d_offset_table(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    (s,), (p,), (d,) = each(stride, 1), each(padding, 1), each(dilation, 1)
    k = weight.shape[2]
    (size,) = extents(input.shape[2:], (k,), (s,), (p,), (d,))
    x = surrounded(input, (p,))
    table = np.zeros((k, size), np.uint8)
    for tap in range(k):
        table[tap] = np.arange(tap * d, tap * d + size * s, s).astype(table.dtype)
    out = np.zeros((len(x), len(weight), size), x.dtype)
    for tap in range(k):
        out += grouped_product(x[:, :, table[tap]], weight[:, :, tap], groups)
    return biased(out, bias)
