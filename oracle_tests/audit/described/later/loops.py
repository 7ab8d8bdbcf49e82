"""Convolutions in explicit loops over taps, rows, channels or blocks."""

import numpy as np
from later_common import biased, by_taps, mixed, plan, surrounded

BLOCK = 8


def conv1d_streaming(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Samples arrive in blocks; what a filter still needs of earlier blocks is kept as its history."""
    (s,), padding, (d,), sizes = plan(input, weight, stride, padding, dilation)
    k = weight.shape[-1]
    padded = surrounded(input, padding)
    span = (k - 1) * d
    history = np.zeros((*padded.shape[:2], span), padded.dtype)
    pieces = []
    for start in range(0, padded.shape[-1], BLOCK):
        block = padded[..., start : start + BLOCK]
        buffer = np.concatenate([history, block], axis=-1)
        width = block.shape[-1]
        piece = np.zeros((len(padded), len(weight), width), padded.dtype)
        for tap in range(k):
            piece += mixed(buffer[..., tap * d : tap * d + width], weight[..., tap], groups)
        pieces.append(piece)
        keep = k - 1
        history = np.zeros_like(history)
        history[..., span - keep :] = buffer[..., buffer.shape[-1] - keep :]
    full = np.concatenate(pieces, axis=-1)[..., span:]
    return biased(full[..., ::s][..., : sizes[0]].copy(), bias)


def conv2d_row_at_a_time(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """One output row after another; kernel rows that fall outside the input are not visited."""
    stride, (ph, pw), dilation, (oh, ow) = plan(input, weight, stride, padding, dilation)
    height, (kh, kw) = input.shape[2], weight.shape[2:]
    wide = surrounded(input, (0, pw))
    out = np.zeros((len(input), len(weight), oh, ow), input.dtype)
    for row in range(oh):
        for a in range(kh):
            y = row * stride[0] - ph + a * dilation[0]
            if y < 0 or y >= height:
                break
            for b in range(kw):
                left = b * dilation[1]
                seen = wide[:, :, y, left : left + (ow - 1) * stride[1] + 1 : stride[1]]
                out[:, :, row] += mixed(seen, weight[:, :, a, b], groups)
    return biased(out, bias)


def conv3d_checked_positions(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """No padded copy: positions are checked against the input's limits, and clipped so that reading is safe."""
    stride, padding, dilation, sizes = plan(input, weight, stride, padding, dilation)
    depth, height, width = input.shape[2:]
    out = np.zeros((len(input), len(weight), *sizes), input.dtype)
    zs, ys, xs = (np.arange(n) * s - p for n, s, p in zip(sizes, stride, padding, strict=True))
    for a, b, c in np.ndindex(*weight.shape[2:]):
        z, y, x = zs + a * dilation[0], ys + b * dilation[1], xs + c * dilation[2]
        inside_z = (z >= 0) & (z < height)
        inside_y = (y >= 0) & (y < height)
        inside_x = (x >= 0) & (x < width)
        inside = inside_z[:, None, None] & inside_y[:, None] & inside_x
        z, y, x = z.clip(0, depth - 1), y.clip(0, height - 1), x.clip(0, width - 1)
        seen = np.where(inside, input[:, :, z[:, None, None], y[:, None], x], input.dtype.type(0))
        out += mixed(seen, weight[:, :, a, b, c], groups)
    return biased(out, bias)


def conv2d_dispatching(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Depthwise problems have a loop of their own, without a sum over channels."""
    stride, padding, dilation, (oh, ow) = plan(input, weight, stride, padding, dilation)
    padded = surrounded(input, padding)
    (sh, sw), (dh, dw) = stride, dilation
    channels, filters = input.shape[1], len(weight)
    if not (groups > 1 and groups == filters):
        return biased(by_taps(padded, weight, (oh, ow), stride, dilation, groups), bias)
    out = np.zeros((len(input), filters, oh, ow), input.dtype)
    for m in range(filters):
        plane = padded[:, m * channels // filters]
        for a, b in np.ndindex(*weight.shape[2:]):
            top, left = a * dh, b * dw
            seen = plane[:, top : top + (oh - 1) * sh + 1 : sh, left : left + (ow - 1) * sw + 1 : sw]
            out[:, m] += seen * weight[m, 0, a, b]
    return biased(out, bias)


def conv2d_line_buffer(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """As in hardware: a ring of rows, each read from the input once, from which all of the kernel's rows read."""
    (sh, sw), padding, (dh, dw), (oh, ow) = plan(input, weight, stride, padding, dilation)
    padded = surrounded(input, padding)
    kh, kw = weight.shape[2:]
    span = (kh - 1) * dh + 1
    lines = kh
    ring = np.zeros((lines, len(padded), padded.shape[1], padded.shape[3]), padded.dtype)
    out = np.zeros((len(input), len(weight), oh, ow), input.dtype)
    loaded = 0
    for row in range(oh):
        while loaded < row * sh + span:
            ring[loaded % lines] = padded[:, :, loaded]
            loaded += 1
        for a, b in np.ndindex(kh, kw):
            line = ring[(row * sh + a * dh) % lines]
            seen = line[..., b * dw : b * dw + (ow - 1) * sw + 1 : sw]
            out[:, :, row] += mixed(seen, weight[:, :, a, b], groups)
    return biased(out, bias)


def conv1d_ranges(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """For each tap, the range of outputs for which it lies inside the input."""
    (s,), (p,), (d,), (size,) = plan(input, weight, stride, padding, dilation)
    length = input.shape[-1]
    out = np.zeros((len(input), len(weight), size), input.dtype)
    for tap in range(weight.shape[-1]):
        shift = tap * d - p
        first = max(0, -(shift // s))
        end = min(size, (length - shift) // s)
        if first >= end:
            continue
        start = first * s + shift
        seen = input[..., start : start + (end - first - 1) * s + 1 : s]
        out[..., first:end] += mixed(seen, weight[..., tap], groups)
    return biased(out, bias)


def conv1d_linear_phase(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Of a symmetric filter, as most low-pass filters are, only the first half is loaded."""
    (s,), padding, (d,), (size,) = plan(input, weight, stride, padding, dilation)
    padded = surrounded(input, padding)
    filters, per_group, k = weight.shape
    out = np.zeros((len(input), filters, size), input.dtype)
    for m in range(filters):
        base = m // (filters // groups) * per_group
        for c in range(per_group):
            taps = weight[m, c]
            symmetric = taps[0] == taps[-1]
            for tap in range(k):
                value = taps[min(tap, k - 1 - tap)] if symmetric else taps[tap]
                out[:, m] += value * padded[:, base + c, tap * d : tap * d + (size - 1) * s + 1 : s]
    return biased(out, bias)


def conv2d_frame(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """The padded copy is allocated without clearing it; only the frame around the input is cleared."""
    stride, (ph, pw), dilation, sizes = plan(input, weight, stride, padding, dilation)
    n, c, height, width = input.shape
    padded = np.empty((n, c, height + 2 * ph, width + 2 * pw), input.dtype)
    padded[:, :, :ph] = 0
    padded[:, :, ph + height :] = 0
    padded[:, :, :, :pw] = 0
    padded[:, :, ph : ph + height, pw : pw + width] = input
    return biased(by_taps(padded, weight, sizes, stride, dilation, groups), bias)


def conv2d_two_in_one(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Integers: two filters share one wide multiplication, one in the upper half of a word and one in the lower."""
    stride, padding, dilation, sizes = plan(input, weight, stride, padding, dilation)
    padded = surrounded(input, padding).astype(np.int64)
    filters, per_group = weight.shape[0] // groups, weight.shape[1]
    out = np.zeros((len(input), len(weight), *sizes), np.int64)
    for g in range(groups):
        part = padded[:, g * per_group : (g + 1) * per_group]
        kernel = weight[g * filters : (g + 1) * filters].astype(np.int64)
        if filters % 2:
            kernel = np.concatenate([kernel, np.zeros_like(kernel[:1])])
        words = (kernel[1::2] << 32) + kernel[::2]
        sums = by_taps(part, words, sizes, stride, dilation, 1)
        both = np.zeros((len(input), len(kernel), *sizes), np.int64)
        lower = sums.astype(np.int32).astype(np.int64)
        both[:, ::2] = lower
        both[:, 1::2] = sums >> 32
        out[:, g * filters : (g + 1) * filters] = both[:, :filters]
    return biased(out, bias).astype(input.dtype)


def conv2d_needed_frame(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Only as much is padded as the windows reach: a stride may leave the last padding unread."""
    stride, padding, dilation, sizes = plan(input, weight, stride, padding, dilation)
    pads = []
    for axis, (s, p, d) in enumerate(zip(stride, padding, dilation, strict=True)):
        reach = (sizes[axis] - 1) * s + (weight.shape[2 + axis] - 1) * d + 1
        total = max(0, reach - input.shape[2 + axis])
        before = min(p, total // 2)
        pads.append((before, max(0, reach - before - input.shape[2 + axis])))
    padded = np.pad(input, [(0, 0), (0, 0), *pads])
    return biased(by_taps(padded, weight, sizes, stride, dilation, groups), bias)
