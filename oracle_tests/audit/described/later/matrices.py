"""Convolutions by matrix products, transforms and rearranged operands."""

import numpy as np
from later_common import biased, by_taps, mixed, plan, surrounded, under

ARENA = {"memory": np.zeros(0)}
LEFT = np.array([[1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.0, 0.0, 1.0]])


def conv2d_one_gemm(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Columns of all examples beside each other: one product per group."""
    stride, padding, dilation, (oh, ow) = plan(input, weight, stride, padding, dilation)
    padded = surrounded(input, padding)
    n, filters = len(input), len(weight) // groups
    per_group, kh, kw = weight.shape[1:]
    out = np.zeros((n, len(weight), oh, ow), input.dtype)
    for g in range(groups):
        part = padded[:, g * per_group : (g + 1) * per_group]
        taps = [part[under(tap, (oh, ow), stride, dilation)] for tap in np.ndindex(kh, kw)]
        columns = np.stack(taps, axis=2).transpose(1, 2, 0, 3, 4).reshape(per_group * kh * kw, n * oh * ow)
        rows = weight[g * filters : (g + 1) * filters].reshape(filters, -1)
        product = rows @ columns
        out[:, g * filters : (g + 1) * filters] = product.reshape(n, filters, oh, ow)
    return biased(out, bias)


def conv1d_real_fft(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """The correlation theorem, with transforms of real numbers."""
    (s,), padding, (d,), (size,) = plan(input, weight, stride, padding, dilation)
    padded = surrounded(input, padding)
    n, channels = input.shape[:2]
    filters, per_group, k = weight.shape
    points = padded.shape[-1] + (k - 1) * d
    bins = points // 2 + 1
    if points < 3:
        return biased(by_taps(padded, weight, (size,), (s,), (d,), groups), bias)
    spread = np.zeros((filters, per_group, (k - 1) * d + 1))
    spread[..., ::d] = weight
    signal = np.fft.rfft(padded, points).reshape(n, groups, channels // groups, bins)
    kernel = np.conj(np.fft.rfft(spread, points)).reshape(groups, filters // groups, per_group, bins)
    spectrum = np.einsum("ngcf,gmcf->ngmf", signal, kernel).reshape(n, filters, bins)
    full = np.fft.irfft(spectrum)
    return biased(full[..., np.arange(size) * s % full.shape[-1]].astype(input.dtype), bias)


def conv1d_winograd(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """F(2, 3) where the kernel has three elements; elsewhere the sum over taps."""
    (s,), padding, (d,), (size,) = plan(input, weight, stride, padding, dilation)
    padded = surrounded(input, padding)
    if (weight.shape[-1], s, d) != (3, 1, 1):
        return biased(by_taps(padded, weight, (size,), (s,), (d,), groups), bias)
    tiles = (size + 1) // 2
    room = np.zeros((*padded.shape[:2], 2 * tiles + 2), padded.dtype)
    room[..., : padded.shape[-1]] = padded
    d0, d1, d2, d3 = (room[..., at : at + 2 * tiles : 2] for at in range(4))
    kernels = np.einsum("ij,mcj->imc", LEFT, weight).astype(weight.dtype)
    first, second, third, fourth = (
        mixed(part, kernel, groups) for part, kernel in zip((d0 - d2, d1 + d2, d2 - d1, d1 - d3), kernels, strict=True)
    )
    out = np.stack([first + second + third, second - third - fourth], axis=-1)
    out = out.reshape(len(input), len(weight), 2 * tiles)[..., :size]
    return biased(np.rint(out).astype(input.dtype), bias)


def conv1d_either_layout(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Accepts channels last as well, as exporters of other frameworks write it."""
    channels = weight.shape[1] * groups
    x = input
    if input.shape[-1] == channels:
        x = input.transpose(0, 2, 1)
    stride, padding, dilation, sizes = plan(x, weight, stride, padding, dilation)
    return biased(by_taps(surrounded(x, padding), weight, sizes, stride, dilation, groups), bias)


def conv2d_space_to_depth(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Every sh by sw block becomes channels, and so does the kernel, filled up to whole blocks: stride one is left."""
    (sh, sw), padding, (dh, dw), (oh, ow) = plan(input, weight, stride, padding, dilation)
    kh, kw = weight.shape[2:]
    bh, bw = ((kh - 1) * dh + sh) // sh, ((kw - 1) * dw + sw) // sw
    filled = np.zeros((*weight.shape[:2], bh * sh, bw * sw), weight.dtype)
    top, left = bh * sh - (kh - 1) * dh - 1, bw * sw - (kw - 1) * dw - 1
    used = np.zeros((bh * sh, bw * sw), bool)
    filled[:, :, top : top + (kh - 1) * dh + 1 : dh, left : left + (kw - 1) * dw + 1 : dw] = weight
    used[top : top + (kh - 1) * dh + 1 : dh, left : left + (kw - 1) * dw + 1 : dw] = True
    padded = surrounded(input, padding)
    high, wide = (oh + bh - 1) * sh, (ow + bw - 1) * sw
    room = np.zeros((*padded.shape[:2], high, wide), padded.dtype)
    crop = padded[:, :, :high, :wide]
    room[:, :, : crop.shape[2], : crop.shape[3]] = crop
    out = np.zeros((len(input), len(weight), oh, ow), input.dtype)
    blocks = room.reshape(*padded.shape[:2], oh + bh - 1, sh, ow + bw - 1, sw)
    for i, j in zip(*np.nonzero(used), strict=True):
        seen = blocks[:, :, i // sh : i // sh + oh, i % sh, j // sw : j // sw + ow, j % sw]
        out += mixed(seen, filled[:, :, i, j], groups)
    return biased(out, bias)


def conv2d_parts(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Without a padded copy: a tap adds to the part of the output for which it lies inside the input."""
    stride, padding, dilation, sizes = plan(input, weight, stride, padding, dilation)
    out = np.zeros((len(input), len(weight), *sizes), input.dtype)
    for tap in np.ndindex(*weight.shape[2:]):
        reads, writes = [], []
        for axis, (s, p, d) in enumerate(zip(stride, padding, dilation, strict=True)):
            shift = tap[axis] * d - p
            skipped = max(0, -(shift // s))
            start = max(0, shift)
            count = max(0, min(sizes[axis] - skipped, -(-(input.shape[2 + axis] - start) // s)))
            reads.append(slice(start, start + count * s, s))
            writes.append(slice(skipped, skipped + count))
        out[(..., *writes)] += mixed(input[(..., *reads)], weight[(..., *tap)], groups)
    return biased(out, bias)


def conv1d_scatter(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Each sample is multiplied by all taps, and the products are added where they belong."""
    (s,), (p,), (d,), (size,) = plan(input, weight, stride, padding, dilation)
    n, length = len(input), input.shape[-1]
    out = np.zeros((size, n, len(weight)), input.dtype)
    moved = np.arange(length)[:, None] + p - np.arange(weight.shape[-1]) * d
    used = (moved >= 0) & (moved % s == 0) & (moved // s < size)
    products = np.stack([mixed(input, weight[..., tap], groups) for tap in range(weight.shape[-1])])
    products = products.transpose(3, 0, 1, 2)[used]
    out[moved[used] // s] += products
    return biased(np.ascontiguousarray(out.transpose(1, 2, 0)), bias)


def conv2d_arena(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Columns lie in memory that is kept from call to call; taps in the padding are left out when they are copied."""
    (sh, sw), (ph, pw), (dh, dw), (oh, ow) = plan(input, weight, stride, padding, dilation)
    n, c, height, width = input.shape
    kh, kw = weight.shape[2:]
    need = n * c * kh * kw * oh * ow
    if ARENA["memory"].size < need:
        ARENA["memory"] = np.zeros(need)
    columns = ARENA["memory"][:need].reshape(n, c, kh, kw, oh, ow)
    for a, b in np.ndindex(kh, kw):
        y, x = np.arange(oh) * sh - ph + a * dh, np.arange(ow) * sw - pw + b * dw
        rows, cols = np.flatnonzero((y >= 0) & (y < height)), np.flatnonzero((x >= 0) & (x < width))
        columns[:, :, a, b, rows[:, None], cols] = input[:, :, y[rows][:, None], x[cols]]
    split = columns.reshape(n, groups, c // groups, kh, kw, oh, ow)
    kernel = weight.reshape(groups, len(weight) // groups, c // groups, kh, kw)
    out = np.einsum("ngcabhw,gmcab->ngmhw", split, kernel).reshape(n, len(weight), oh, ow)
    return biased(out.astype(input.dtype), bias)


def conv3d_shared_gaps(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Slices above each other in one tall image; the gap between two is the padding of both."""
    stride, (pd, ph, pw), dilation, sizes = plan(input, weight, stride, padding, dilation)
    n, c, _, height, _ = input.shape
    wide = surrounded(input, (pd, 0, pw))
    depth, width = wide.shape[2], wide.shape[4]
    gap = min(ph, weight.shape[3] // 2)
    pitch = height + gap
    tall = np.zeros((n, c, ph + depth * pitch + ph, width), input.dtype)
    for z in range(depth):
        tall[:, :, ph + z * pitch : ph + z * pitch + height] = wide[:, :, z]
    out = np.zeros((n, len(weight), *sizes), input.dtype)
    zs, ys, xs = (np.arange(size) * s for size, s in zip(sizes, stride, strict=True))
    for a, b, e in np.ndindex(*weight.shape[2:]):
        rows = (zs + a * dilation[0])[:, None] * pitch + ys + b * dilation[1]
        seen = tall[:, :, rows[..., None], xs + e * dilation[2]]
        out += mixed(seen, weight[:, :, a, b, e], groups)
    return biased(out, bias)


def conv2d_bias_as_channel(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Homogeneous coordinates: one more channel per group, of ones, whose weight is the bias."""
    stride, padding, dilation, sizes = plan(input, weight, stride, padding, dilation)
    (n, c), per_group = input.shape[:2], weight.shape[1]
    if bias is None:
        return by_taps(surrounded(input, padding), weight, sizes, stride, dilation, groups)
    kernel = np.zeros((len(weight), per_group + 1, *weight.shape[2:]), weight.dtype)
    kernel[:, :per_group] = weight
    kernel[:, per_group, 0, 0] = bias
    split = input.reshape(n, groups, c // groups, *input.shape[2:])
    split = np.concatenate([split, np.ones_like(split[:, :, :1])], axis=2)
    padded = surrounded(split.reshape(n, c + groups, *input.shape[2:]), padding)
    return by_taps(padded, kernel, sizes, stride, dilation, groups)
