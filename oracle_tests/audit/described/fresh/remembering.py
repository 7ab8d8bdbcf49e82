"""Convolutions that keep something between calls, narrow their numbers, or look at them."""

import numpy as np
from fresh_common import biased, by_taps, each, extents, grouped_product, seen_by, surrounded

PADDED = {}
HISTORY = {}
KERNELS = {}


def conv2d_padded_once(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    stride, padding, dilation = each(stride, 2), each(padding, 2), each(dilation, 2)
    sizes = extents(input.shape[2:], weight.shape[2:], stride, padding, dilation)
    key = (id(input), input.shape, padding)
    if key not in PADDED:
        PADDED[key] = surrounded(input, padding)
    x = PADDED[key]
    return biased(by_taps(x, weight, sizes, stride, dilation, groups), bias)


def conv1d_streaming(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    stride, (p,), dilation = each(stride, 1), each(padding, 1), each(dilation, 1)
    sizes = extents(input.shape[2:], weight.shape[2:], stride, (p,), dilation)
    context = HISTORY.pop((*input.shape[:2], p, input.dtype), None)
    if context is None:
        context = np.zeros((*input.shape[:2], p), input.dtype)
    x = np.concatenate([context, input, np.zeros_like(context)], axis=2)
    if 0 < p <= input.shape[2]:
        HISTORY[(*input.shape[:2], p, input.dtype)] = input[:, :, -p:].copy()
    return biased(by_taps(x, weight, sizes, stride, dilation, groups), bias)


def conv2d_fixed_point(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    stride, padding, dilation = each(stride, 2), each(padding, 2), each(dilation, 2)
    sizes = extents(input.shape[2:], weight.shape[2:], stride, padding, dilation)
    kernel = np.rint(weight * 256) / 256
    out = by_taps(surrounded(input, padding), kernel.astype(weight.dtype), sizes, stride, dilation, groups)
    return biased(out, bias)


def conv2d_narrow_sums(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    stride, padding, dilation = each(stride, 2), each(padding, 2), each(dilation, 2)
    sizes = extents(input.shape[2:], weight.shape[2:], stride, padding, dilation)
    x = surrounded(input, padding)
    total = np.zeros((len(x), len(weight), *sizes), np.int16)
    for tap in np.ndindex(*weight.shape[2:]):
        product = grouped_product(x[seen_by(tap, sizes, stride, dilation)], weight[(..., *tap)], groups)
        total += product.astype(total.dtype)
    return biased(total.astype(np.int32), bias)


def conv2d_active_inputs(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    (sh, sw), (ph, pw), (dh, dw) = each(stride, 2), each(padding, 2), each(dilation, 2)
    m, cg, kh, kw = weight.shape
    oh, ow = extents(input.shape[2:], (kh, kw), (sh, sw), (ph, pw), (dh, dw))
    out = np.zeros((len(input), m, oh, ow), input.dtype)
    for n, c, row, column in np.argwhere(input > 0):
        value = input[n, c, row, column]
        first = c // cg * (m // groups)
        for a, b in np.ndindex(kh, kw):
            i, off = divmod(row + ph - a * dh, sh)
            j, away = divmod(column + pw - b * dw, sw)
            if off == away == 0 and 0 <= i < oh and 0 <= j < ow:
                mine = slice(first, first + m // groups)
                out[n, mine, i, j] += value * weight[mine, c % cg, a, b]
    return biased(out, bias)


def conv2d_prepared_weight(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    stride, padding, dilation = each(stride, 2), each(padding, 2), each(dilation, 2)
    sizes = extents(input.shape[2:], weight.shape[2:], stride, padding, dilation)
    key = (weight.shape, weight.dtype, weight.tobytes())
    kernel = KERNELS.pop(key, None)
    if kernel is None:
        kernel = weight.copy()
    kernel[:] = kernel[:, :, ::-1, ::-1].copy()
    KERNELS.clear()
    KERNELS[key] = kernel
    x = surrounded(input, padding)
    out = np.zeros((len(x), len(weight), *sizes), x.dtype)
    kh, kw = weight.shape[2:]
    for a, b in np.ndindex(kh, kw):
        part = x[seen_by((kh - 1 - a, kw - 1 - b), sizes, stride, dilation)]
        out += grouped_product(part, kernel[:, :, a, b], groups)
    return biased(out, bias)
