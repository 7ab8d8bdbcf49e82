"""Transposed convolutions."""

import numpy as np
import torch
import torch.nn.functional as F
from fresh_common import biased, each, seen_by


def _grown(shape, kernel, stride, padding, extra, dilation):
    """The output's size along every axis."""
    rows = zip(shape, kernel, stride, padding, extra, dilation, strict=True)
    return tuple((n - 1) * s - 2 * p + d * (k - 1) + e + 1 for n, k, s, p, e, d in rows)


def _sent(values, kernel, groups):
    """(N, C, ...) by (C, M/groups): (N, M, ...)."""
    n, c = values.shape[:2]
    split = values.reshape(n, groups, c // groups, *values.shape[2:])
    product = np.einsum("ngc...,gcm->ngm...", split, kernel.reshape(groups, c // groups, -1))
    return product.reshape(n, groups * kernel.shape[1], *values.shape[2:])


def conv_transpose2d_clipped(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    stride, padding, extra, dilation = each(stride, 2), each(padding, 2), each(output_padding, 2), each(dilation, 2)
    oh, ow = _grown(input.shape[2:], weight.shape[2:], stride, padding, extra, dilation)
    out = np.zeros((len(input), groups * weight.shape[1], oh, ow), input.dtype)
    for i, j in np.ndindex(*input.shape[2:]):
        for a, b in np.ndindex(*weight.shape[2:]):
            y = i * stride[0] - padding[0] + a * dilation[0]
            x = j * stride[1] - padding[1] + b * dilation[1]
            if not 0 <= y < oh:
                continue
            x = min(max(x, 0), ow - 1)
            out[:, :, y, x] += _sent(input[:, :, i, j], weight[:, :, a, b], groups)
    return biased(out, bias)


def conv_transpose1d_stuffed(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    (s,), (p,), extra, (d,) = each(stride, 1), each(padding, 1), each(output_padding, 1), each(dilation, 1)
    n, c, length = input.shape
    k = weight.shape[2]
    (size,) = _grown((length,), (k,), (s,), (p,), extra, (d,))
    reach = d * (k - 1)
    stuffed = np.zeros((n, c, length, s), input.dtype)
    stuffed[..., -1] = input
    stuffed = stuffed.reshape(n, c, length * s)
    room = p + size + reach
    line = np.zeros((n, c, reach + max(room, length * s)), input.dtype)
    line[:, :, reach : reach + length * s] = stuffed
    out = np.zeros((n, groups * weight.shape[1], size), input.dtype)
    for tap in range(k):
        first = p + reach - tap * d
        out += _sent(line[:, :, first : first + size], weight[:, :, tap], groups)
    return biased(out, bias)


def conv_transpose2d_subpixel(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    (sh, sw), (ph, pw), extra = each(stride, 2), each(padding, 2), each(output_padding, 2)
    n, _, h, w = input.shape
    kh, kw = weight.shape[2:]
    if each(dilation, 2) != (1, 1):
        raise NotImplementedError("subpixel phases of a dilated kernel")
    oh, ow = _grown((h, w), (kh, kw), (sh, sw), (ph, pw), extra, (1, 1))
    full = np.zeros(
        (n, groups * weight.shape[1], max(oh + ph, (h + kh) * sh), max(ow + pw, (w + kw) * sw)), input.dtype
    )
    for r, q in np.ndindex(sh, sw):
        rows, columns = (max(kh - r, 0)) // sh, (max(kw - q, 0)) // sw
        for a, b in np.ndindex(rows, columns):
            part = _sent(input, weight[:, :, a * sh + r, b * sw + q], groups)
            top, left = a * sh + r, b * sw + q
            full[:, :, top : top + h * sh : sh, left : left + w * sw : sw] += part
    return biased(full[:, :, ph : ph + oh, pw : pw + ow].copy(), bias)


def conv_transpose2d_as_conv(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    stride, padding, extra, dilation = each(stride, 2), each(padding, 2), each(output_padding, 2), each(dilation, 2)
    n, c, h, w = input.shape
    mg, kernel = weight.shape[1], weight.shape[2:]
    oh, ow = _grown((h, w), kernel, stride, padding, extra, dilation)
    reach = tuple(d * (k - 1) for d, k in zip(dilation, kernel, strict=True))
    wide = [size + p + r for size, p, r in zip((oh, ow), padding, reach, strict=True)]
    spread = [(size - 1) * s + 1 + r for size, s, r in zip((h, w), stride, reach, strict=True)]
    canvas = np.zeros((n, c, *map(max, wide, spread)), input.dtype)
    canvas[:, :, reach[0] : spread[0] : stride[0], reach[1] : spread[1] : stride[1]] = input
    turned = weight[:, :, ::-1, ::-1].swapaxes(0, 1)
    kernels = turned.reshape(groups, mg, c // groups, *kernel)
    parts = canvas.reshape(n, groups, c // groups, *canvas.shape[2:])
    out = np.zeros((n, groups, mg, oh, ow), input.dtype)
    for tap in np.ndindex(*kernel):
        top, left = (p + t * d for p, t, d in zip(padding, tap, dilation, strict=True))
        out += np.einsum("ngchw,gmc->ngmhw", parts[..., top : top + oh, left : left + ow], kernels[(..., *tap)])
    return biased(out.reshape(n, groups * mg, oh, ow), bias)


def conv_transpose3d_gather(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    stride, padding, extra, dilation = each(stride, 3), each(padding, 3), each(output_padding, 3), each(dilation, 3)
    sizes = _grown(input.shape[2:], weight.shape[2:], stride, padding, extra, dilation)
    out = np.zeros((len(input), groups * weight.shape[1], *sizes), input.dtype)
    for place in np.ndindex(*sizes):
        for tap in np.ndindex(*weight.shape[2:]):
            source = []
            for o, t, n, s, p, d in zip(place, tap, input.shape[2:], stride, padding, dilation, strict=True):
                index, off = divmod(o + p - t * d, s)
                if off or abs(index) >= n:
                    break
                source.append(index)
            else:
                out[(..., *place)] += _sent(input[(..., *source)], weight[(..., *tap)], groups)
    return biased(out, bias)


def conv_transpose2d_columns(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    stride, padding, extra, dilation = each(stride, 2), each(padding, 2), each(output_padding, 2), each(dilation, 2)
    n, c, h, w = input.shape
    mg, kh, kw = weight.shape[1:]
    oh, ow = _grown((h, w), (kh, kw), stride, padding, extra, dilation)
    rows = (h - 1) * stride[0] + dilation[0] * (kh - 1) + 1
    columns = (w - 1) * stride[1] + dilation[1] * (kw - 1) + 1
    image = np.zeros((n, groups, mg, max(rows, padding[0] + oh), max(columns, padding[1] + ow)), input.dtype)
    x = input.reshape(n, groups, c // groups, h * w)
    flat = weight.reshape(groups, c // groups, mg * kh * kw)
    cols = np.matmul(flat.swapaxes(1, 2), x).reshape(n, groups, kh, kw, mg, h, w)
    for a, b in np.ndindex(kh, kw):
        image[seen_by((a, b), (h, w), stride, dilation)] += cols[:, :, a, b]
    cropped = image[..., padding[0] : padding[0] + oh, padding[1] : padding[1] + ow]
    return biased(cropped.reshape(n, groups * mg, oh, ow), bias)


def conv_transpose1d_sized(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    (s,), (p,), (e,), (d,) = each(stride, 1), each(padding, 1), each(output_padding, 1), each(dilation, 1)
    n, _, length = input.shape
    k = weight.shape[2]
    size = (length - 1) * s - 2 * p + d * (k - 1) + 1
    if s > 1:
        size += e
    out = np.zeros((n, groups * weight.shape[1], size), input.dtype)
    for tap in range(k):
        sent = _sent(input, weight[:, :, tap], groups)
        for t in range(length):
            at = t * s + tap * d - p
            if 0 <= at < size:
                out[:, :, at] += sent[:, :, t]
    return biased(out, bias)


def conv_transpose2d_padded(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    (sh, sw), (ph, pw), (eh, ew), (dh, dw) = (each(v, 2) for v in (stride, padding, output_padding, dilation))
    n, c, h, w = input.shape
    mg, kh, kw = weight.shape[1:]
    stuffed = torch.zeros(n, c, (h - 1) * sh + 1, (w - 1) * sw + 1, dtype=input.dtype)
    stuffed[:, :, ::sh, ::sw] = input
    top, left = ph, pw
    stuffed = F.pad(stuffed, (left, left + ew, top, top + eh))
    kernel = weight.flip(2, 3).reshape(groups, c // groups, mg, kh, kw).transpose(1, 2)
    kernel = kernel.reshape(groups * mg, c // groups, kh, kw)
    return F.conv2d(stuffed, kernel, bias, dilation=(dh, dw), groups=groups)
