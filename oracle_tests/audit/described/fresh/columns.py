"""Convolutions as matrix products, contractions and transforms."""

import numpy as np
from fresh_common import biased, by_taps, each, extents, grouped_product, seen_by, surrounded
from numpy.lib.stride_tricks import as_strided, sliding_window_view


def conv2d_taps_first(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    stride, padding, dilation = each(stride, 2), each(padding, 2), each(dilation, 2)
    m, cg, kh, kw = weight.shape
    oh, ow = extents(input.shape[2:], (kh, kw), stride, padding, dilation)
    x = surrounded(input, padding)
    n, c = x.shape[:2]
    cols = np.empty((n, kh * kw, c, oh * ow), x.dtype)
    for t, tap in enumerate(np.ndindex(kh, kw)):
        cols[:, t] = x[seen_by(tap, (oh, ow), stride, dilation)].reshape(n, c, -1)
    kernels = weight.transpose(0, 2, 3, 1).reshape(groups, m // groups, kh * kw * cg)
    parts = cols.reshape(n, groups, kh * kw * cg, oh * ow)
    return biased(np.matmul(kernels, parts).reshape(n, m, oh, ow), bias)


def conv2d_windows_einsum(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    (sh, sw), padding, (dh, dw) = each(stride, 2), each(padding, 2), each(dilation, 2)
    m, cg, kh, kw = weight.shape
    x = surrounded(input, padding)
    reach = (dh * (kh - 1) + 1, dw * (kw - 1) + 1)
    windows = sliding_window_view(x, reach, axis=(2, 3))[:, :, ::sh, ::sw, ::dh, ::dw]
    n, c, oh, ow = windows.shape[:4]
    windows = windows.reshape(n, groups, c // groups, oh, ow, kh, kw)
    kernels = weight.reshape(m // groups, groups, cg, kh, kw).swapaxes(0, 1)
    out = np.einsum("ngchwab,gmcab->ngmhw", windows, kernels)
    return biased(out.reshape(n, m, oh, ow), bias)


def conv1d_tensordot(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    (s,), (p,), (d,) = each(stride, 1), each(padding, 1), each(dilation, 1)
    m, cg, k = weight.shape
    (size,) = extents(input.shape[2:], (k,), (s,), (p,), (d,))
    x = surrounded(input, (p,))
    if d == 1:
        windows = sliding_window_view(x, k, axis=2)[:, :, ::s]
    else:
        shifted = [x[:, :, t * d : t * d + (size - 1) * s + 1 : s] for t in reversed(range(k))]
        windows = np.stack(shifted, axis=-1)
    out = np.empty((len(x), m, size), x.dtype)
    mg = m // groups
    for g in range(groups):
        part = np.tensordot(windows[:, g * cg : (g + 1) * cg], weight[g * mg : (g + 1) * mg], axes=([1, 3], [1, 2]))
        out[:, g * mg : (g + 1) * mg] = np.moveaxis(part, 2, 1)
    return biased(out, bias)


def conv2d_toeplitz(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    (sh, sw), (ph, pw), (dh, dw) = each(stride, 2), each(padding, 2), each(dilation, 2)
    n, _, height, width = input.shape
    m, cg, kh, kw = weight.shape
    oh, ow = extents((height, width), (kh, kw), (sh, sw), (ph, pw), (dh, dw))
    span = width + 2 * pw - dw * (kw - 1) - 1
    out = np.zeros((n, m, oh, ow), input.dtype)
    for channel in range(m):
        base = channel // (m // groups) * cg
        for k in range(cg):
            for a in range(kh):
                matrix = np.zeros((width, ow), input.dtype)
                for j in range((span + sw - 1) // sw):
                    for b in range(kw):
                        column = j * sw - pw + b * dw
                        if 0 <= column < width:
                            matrix[column, j] = weight[channel, k, a, b]
                for i in range(oh):
                    row = i * sh - ph + a * dh
                    if 0 <= row < height:
                        out[:, channel, i] += input[:, base + k, row] @ matrix
    return biased(out, bias)


def conv2d_fft_full(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    (sh, sw), padding, (dh, dw) = each(stride, 2), each(padding, 2), each(dilation, 2)
    m, cg, kh, kw = weight.shape
    oh, ow = extents(input.shape[2:], (kh, kw), (sh, sw), padding, (dh, dw))
    x = surrounded(input, padding)
    spread = np.zeros((m, cg, dh * (kh - 1) + 1, dw * (kw - 1) + 1), weight.dtype)
    spread[:, :, ::dh, ::dw] = weight[:, :, ::-1, ::-1]
    size = tuple(a + b - 1 for a, b in zip(x.shape[2:], spread.shape[2:], strict=True))
    images, kernels = np.fft.rfft2(x, size), np.fft.rfft2(spread, size)
    n, c = x.shape[:2]
    images = images.reshape(n, groups, c // groups, *images.shape[2:])
    kernels = kernels.reshape(groups, m // groups, cg, *kernels.shape[2:])
    product = np.einsum("ngchw,gmchw->ngmhw", images, kernels)
    full = np.fft.irfft2(product, size).reshape(n, m, *size)
    top, left = kh - 1, kw - 1
    out = full[:, :, top : top + sh * (oh - 1) + 1 : sh, left : left + sw * (ow - 1) + 1 : sw].astype(x.dtype)
    return biased(out, bias)


def conv1d_polyphase(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    (s,), (p,), (d,) = each(stride, 1), each(padding, 1), each(dilation, 1)
    k = weight.shape[2]
    (size,) = extents(input.shape[2:], (k,), (s,), (p,), (d,))
    x = surrounded(input, (p,))
    room = -(-(x.shape[2] + s) // s) * s
    x = np.concatenate([x, np.zeros((*x.shape[:2], room - x.shape[2]), x.dtype)], axis=2)
    phases = x.reshape(*x.shape[:2], room // s, s)
    out = np.zeros((len(x), len(weight), size), x.dtype)
    for tap in range(k):
        phase = tap * d % s
        first = -(-tap * d // s)
        out += grouped_product(phases[:, :, first : first + size, phase], weight[:, :, tap], groups)
    return biased(out, bias)


def conv3d_depth_as_channels(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    stride, padding, dilation = each(stride, 3), each(padding, 3), each(dilation, 3)
    m, cg, kd, kh, kw = weight.shape
    sizes = extents(input.shape[2:], (kd, kh, kw), stride, padding, dilation)
    x = surrounded(input, padding)
    mg = m // groups
    out = np.zeros((len(x), m, *sizes), x.dtype)
    for g in range(groups):
        mine = x[:, g * cg : (g + 1) * cg]
        kernels = weight[g * mg : (g + 1) * mg].reshape(mg, cg * kd, kh, kw)
        for f in range(sizes[0]):
            planes = [mine[:, :, f * stride[0] + e * dilation[0]] for e in range(kd)]
            folded = np.stack(planes, axis=1).reshape(len(x), cg * kd, *x.shape[3:])
            out[:, g * mg : (g + 1) * mg, f] = by_taps(folded, kernels, sizes[1:], stride[1:], dilation[1:], 1)
    return biased(out, bias)


def conv2d_view_of_memory(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    (sh, sw), padding, (dh, dw) = each(stride, 2), each(padding, 2), each(dilation, 2)
    m, cg, kh, kw = weight.shape
    oh, ow = extents(input.shape[2:], (kh, kw), (sh, sw), padding, (dh, dw))
    x = surrounded(input, padding) if any(padding) else input
    n, c, height, width = x.shape
    item = x.itemsize
    by_n, by_c, by_h, by_w = (c * height * width * item, height * width * item, width * item, item)
    view = as_strided(
        x,
        (n, groups, c // groups, kh, kw, oh, ow),
        (by_n, by_c * (c // groups), by_c, by_h * dh, by_w * dw, by_h * sh, by_w * sw),
        writeable=False,
    )
    kernels = weight.reshape(groups, m // groups, cg, kh, kw)
    out = np.einsum("ngcabhw,gmcab->ngmhw", view, kernels).reshape(n, m, oh, ow)
    return biased(out, bias)


def conv2d_winograd_rows(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    stride, padding, dilation = each(stride, 2), each(padding, 2), each(dilation, 2)
    kh, kw = weight.shape[2:]
    oh, ow = extents(input.shape[2:], (kh, kw), stride, padding, dilation)
    x = surrounded(input, padding)
    if kw != 3 or stride[1] != 1 or dilation[1] != 1:
        return biased(by_taps(x, weight, (oh, ow), stride, dilation, groups), bias)
    if ow % 2:
        x = np.pad(x, ((0, 0), (0, 0), (0, 0), (0, 1)))
    out = np.zeros((len(x), len(weight), oh, ow + ow % 2), x.dtype)
    for a in range(kh):
        g0, g1, g2 = (weight[:, :, a, b] for b in range(3))
        first = a * dilation[0]
        rows = x[:, :, first : first + stride[0] * (oh - 1) + 1 : stride[0]]
        d0, d1, d2, d3 = (rows[..., t : t + ow + ow % 2 - 1 : 2] for t in range(4))
        m0 = grouped_product(d0 - d2, g0, groups)
        m1 = grouped_product(d1 + d2, (g0 + g1 + g2) / 2, groups)
        m2 = grouped_product(d2 - d1, (g0 - g1 + g2) / 2, groups)
        m3 = grouped_product(d1 - d3, g2, groups)
        out[..., ::2] += m0 + m1 + m2
        out[..., 1::2] += m1 - m2 + m3
    return biased(out[..., :ow].copy(), bias)
