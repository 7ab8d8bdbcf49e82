"""Convolutions as kernels are written: tiles, lanes, masks, flat offsets and staging buffers."""

import numpy as np
from later_common import biased, by_taps, mixed, plan, surrounded, under

TABLES = {}
LANES = 4


def conv2d_split_channels(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """The sum over channels is split; every part starts from its accumulator, and the parts are added."""
    stride, padding, dilation, sizes = plan(input, weight, stride, padding, dilation)
    per_group = weight.shape[1]
    padded = surrounded(input, padding)
    split = padded.reshape(len(input), groups, per_group, *padded.shape[2:])
    parts = []
    for start in range(0, per_group, 8):
        chosen = split[:, :, start : start + 8]
        part = chosen.reshape(len(input), groups * chosen.shape[2], *padded.shape[2:])
        sums = by_taps(part, weight[:, start : start + 8], sizes, stride, dilation, groups)
        parts.append(biased(sums, bias))
    return sum(parts[1:], parts[0])


def conv2d_staged(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Sums of four channels at a time; between two blocks they wait in a buffer of 16-bit words."""
    stride, padding, dilation, sizes = plan(input, weight, stride, padding, dilation)
    per_group = weight.shape[1]
    padded = surrounded(input, padding)
    split = padded.reshape(len(input), groups, per_group, *padded.shape[2:])
    waiting = np.zeros((len(input), len(weight), *sizes), np.float32)
    for start in range(0, per_group, 4):
        chosen = split[:, :, start : start + 4]
        part = chosen.reshape(len(input), groups * chosen.shape[2], *padded.shape[2:])
        waiting = waiting + by_taps(part, weight[:, start : start + 4], sizes, stride, dilation, groups)
        if start + 4 < per_group:
            waiting = (waiting.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)
    return biased(waiting.astype(input.dtype), bias)


def conv2d_offset_table(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Offsets of all taps from a window's first element, in a table that is kept for the next call."""
    (sh, sw), padding, (dh, dw), (oh, ow) = plan(input, weight, stride, padding, dilation)
    padded = surrounded(input, padding)
    n, c, height, width = padded.shape
    kh, kw = weight.shape[2:]
    key = (kh, kw, width)
    if key not in TABLES:
        TABLES[key] = [a * dh * width + b * dw for a, b in np.ndindex(kh, kw)]
    corner = (np.arange(oh)[:, None] * sh * width + np.arange(ow) * sw).reshape(-1)
    flat = padded.reshape(n, c, height * width)
    out = np.zeros((n, len(weight), oh * ow), input.dtype)
    for tap, offset in enumerate(TABLES[key]):
        seen = flat.take(corner + offset, axis=2, mode="clip")
        out += mixed(seen, weight.reshape(*weight.shape[:2], -1)[:, :, tap], groups)
    return biased(out.reshape(n, len(weight), oh, ow), bias)


def conv1d_last_tile_back(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Four outputs at a time; the last tile is moved back so that it is full, rather than masked."""
    (s,), padding, (d,), (size,) = plan(input, weight, stride, padding, dilation)
    padded = surrounded(input, padding)
    out = np.zeros((len(input), len(weight), size), input.dtype)
    if size < LANES:
        return biased(by_taps(padded, weight, (size,), (s,), (d,), groups), bias)
    for tile in range(-(-size // LANES)):
        start = min(tile * LANES, size - LANES)
        sums = out[..., start : start + LANES]
        for tap in range(weight.shape[-1]):
            first = start * s + tap * d
            sums += mixed(padded[..., first : first + (LANES - 1) * s + 1 : s], weight[..., tap], groups)
    return biased(out, bias)


def conv2d_masked_channels(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Eight channels are loaded at a time, with a mask; weights lie in flat memory."""
    stride, padding, dilation, sizes = plan(input, weight, stride, padding, dilation)
    padded = surrounded(input, padding)
    channels, per_group, taps = input.shape[1], weight.shape[1], weight[0, 0].size
    flat = np.ascontiguousarray(weight).reshape(-1)
    filters = len(weight) // groups
    out = np.zeros((len(input), len(weight), *sizes), input.dtype)
    for g, start in np.ndindex(groups, -(-per_group // 8)):
        lanes = start * 8 + np.arange(8)
        mine = g * filters + np.arange(filters)
        mask = g * per_group + lanes < channels
        lanes = lanes[mask]
        for at, tap in enumerate(np.ndindex(*weight.shape[2:])):
            seen = padded[under(tap, sizes, stride, dilation)][:, g * per_group + lanes]
            values = flat[(mine[:, None] * per_group + lanes) * taps + at]
            out[:, mine] += np.einsum("nchw,mc->nmhw", seen, values)
    return biased(out, bias)


def conv2d_swizzled(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Tiles of the result matrix in an order that is kind to the cache: four rows of tiles, column by column."""
    stride, padding, dilation, (oh, ow) = plan(input, weight, stride, padding, dilation)
    padded = surrounded(input, padding)
    n, filters = len(input), len(weight) // groups
    taps = [padded[under(tap, (oh, ow), stride, dilation)] for tap in np.ndindex(*weight.shape[2:])]
    columns = np.stack(taps, axis=2).transpose(0, 3, 4, 1, 2).reshape(n * oh * ow, groups, weight[0].size)
    kernel = weight.reshape(groups, filters, -1)
    out = np.zeros((n * oh * ow, groups, filters), input.dtype)
    high, wide, together = -(-len(out) // 8), -(-filters // 2), 4
    for g, program in np.ndindex(groups, high * wide):
        first = program // (together * wide) * together
        rows = together
        inside = program % (together * wide)
        i, j = (first + inside % rows) * 8, inside // rows * 2
        tile = columns[i : i + 8, g] @ kernel[g, j : j + 2].T
        out[i : i + 8, g, j : j + 2] = tile
    return biased(np.ascontiguousarray(out.reshape(n, oh, ow, len(weight)).transpose(0, 3, 1, 2)), bias)


def conv2d_ping_pong(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Two buffers of four channels and their weights, filled in turn."""
    stride, padding, dilation, sizes = plan(input, weight, stride, padding, dilation)
    padded = surrounded(input, padding)
    per_group, filters = weight.shape[1], len(weight) // groups
    out = np.zeros((len(input), len(weight), *sizes), input.dtype)
    for g in range(groups):
        images = np.zeros((2, len(input), LANES, *padded.shape[2:]), input.dtype)
        kernels = np.zeros((2, filters, LANES, *weight.shape[2:]), weight.dtype)
        mine = slice(g * filters, (g + 1) * filters)
        for turn, start in enumerate(range(0, per_group, LANES)):
            count = min(LANES, per_group - start)
            image, kernel = images[turn % 2], kernels[turn % 2]
            image[:, :count] = padded[:, g * per_group + start : g * per_group + start + count]
            kernel[:, :count] = weight[mine, start : start + count]
            used = LANES
            out[:, mine] += by_taps(image[:, :used], kernel[:, :used], sizes, stride, dilation, 1)
    return biased(out, bias)


def conv2d_magic_division(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """A flat output number becomes row and column by a multiplication and a shift in place of a division."""
    (sh, sw), padding, (dh, dw), (oh, ow) = plan(input, weight, stride, padding, dilation)
    padded = surrounded(input, padding)
    n, c, height, width = padded.shape
    flat = padded.reshape(n, c, height * width)
    bits = 8
    magic = (1 << bits) // ow + 1
    number = np.arange(oh * ow, dtype=np.int64)
    row = number * magic >> bits
    column = number - row * ow
    out = np.zeros((n, len(weight), oh * ow), input.dtype)
    for a, b in np.ndindex(*weight.shape[2:]):
        where = (row * sh + a * dh) * width + column * sw + b * dw
        out += mixed(flat.take(where, axis=2, mode="clip"), weight[:, :, a, b], groups)
    return biased(out.reshape(n, len(weight), oh, ow), bias)


def conv2d_packs_of_four(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Channels lie in packs of four, one in each lane."""
    stride, padding, dilation, sizes = plan(input, weight, stride, padding, dilation)
    padded = surrounded(input, padding)
    n, c, height, width = padded.shape
    packs = np.zeros((n, -(-c // LANES), height, width, LANES), padded.dtype)
    for channel in range(c):
        packs[:, channel // LANES, ..., channel % LANES] = padded[:, channel]
    per_group, filters = weight.shape[1], len(weight) // groups
    out = np.zeros((n, len(weight), *sizes), input.dtype)
    for g in range(groups):
        first = g * per_group // LANES * LANES
        lanes = [first + channel for channel in range(per_group)]
        part = np.stack([packs[:, lane // LANES, ..., lane % LANES] for lane in lanes], axis=1)
        mine = slice(g * filters, (g + 1) * filters)
        out[:, mine] = by_taps(part, weight[mine], sizes, stride, dilation, 1)
    return biased(out, bias)


def conv2d_shared_tile(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """A tile of four by four outputs, with what it reads in shared memory, loaded by its four by four threads."""
    (sh, sw), padding, (dh, dw), (oh, ow) = plan(input, weight, stride, padding, dilation)
    padded = surrounded(input, padding)
    kh, kw = weight.shape[2:]
    out = np.zeros((len(input), len(weight), oh, ow), input.dtype)
    for y, x in np.ndindex(-(-oh // 4), -(-ow // 4)):
        rows, columns = min(4, oh - 4 * y), min(4, ow - 4 * x)
        high, wide = (rows - 1) * sh + (kh - 1) * dh + 1, (columns - 1) * sw + (kw - 1) * dw + 1
        shared = np.zeros((*padded.shape[:2], high, wide), padded.dtype)
        for i, j in np.ndindex(2, 2):
            top, left = 4 * y * sh + 4 * i, 4 * x * sw + 4 * j
            loaded = shared[:, :, 4 * i : 4 * i + 4, 4 * j : 4 * j + 4]
            loaded[...] = padded[:, :, top : top + loaded.shape[2], left : left + loaded.shape[3]]
        sums = by_taps(shared, weight, (rows, columns), (sh, sw), (dh, dw), groups)
        out[:, :, 4 * y : 4 * y + rows, 4 * x : 4 * x + columns] = sums
    return biased(out, bias)
