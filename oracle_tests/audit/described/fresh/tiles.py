"""Convolutions in tiles, with masks, flat offsets and workspaces, as kernels of a GPU have them."""

import numpy as np
from fresh_common import biased, each, extents, grouped_product, seen_by, surrounded


def _read(memory, at, allowed):
    """Elements at flat offsets; zero where it is not allowed, or there is no memory."""
    allowed = allowed & (at >= 0) & (at < memory.size)
    return np.where(allowed, memory[np.where(allowed, at, 0)], memory.dtype.type(0))


def conv2d_column_tiles(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    (sh, sw), padding, (dh, dw) = each(stride, 2), each(padding, 2), each(dilation, 2)
    kh, kw = weight.shape[2:]
    oh, ow = extents(input.shape[2:], (kh, kw), (sh, sw), padding, (dh, dw))
    x = surrounded(input, padding)
    out = np.zeros((len(x), len(weight), oh, ow), x.dtype)
    tile = min(8, ow)
    for i in range(oh):
        for block in range(ow // tile):
            first = block * tile
            count = min(tile, ow - first)
            acc = np.zeros((len(x), len(weight), count), x.dtype)
            for a, b in np.ndindex(kh, kw):
                left = first * sw + b * dw
                line = x[:, :, i * sh + a * dh, left : left + (count - 1) * sw + 1 : sw]
                acc += grouped_product(line, weight[:, :, a, b], groups)
            out[:, :, i, first : first + count] = acc if bias is None else acc + bias[:, None]
    return out


def conv2d_split_reduction(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    stride, padding, dilation = each(stride, 2), each(padding, 2), each(dilation, 2)
    m, cg, kh, kw = weight.shape
    oh, ow = extents(input.shape[2:], (kh, kw), stride, padding, dilation)
    x = surrounded(input, padding)
    n, c = x.shape[:2]
    x = x.reshape(n, groups, c // groups, *x.shape[2:])
    kernels = weight.reshape(groups, m // groups, cg, kh, kw)
    work = [(k, a, b) for k in range(cg) for a in range(kh) for b in range(kw)]
    splits = [work[first : first + 8] for first in range(0, len(work), 8)]
    partial = np.zeros((len(splits), n, groups, m // groups, oh, ow), np.float16)
    for number, split in enumerate(splits):
        acc = np.zeros(partial.shape[1:], x.dtype)
        for k, a, b in split:
            seen = x[:, :, k][seen_by((a, b), (oh, ow), stride, dilation)]
            acc += seen[:, :, None] * kernels[None, :, :, k, a, b, None, None]
        partial[number] = acc
    out = partial.astype(x.dtype).sum(axis=0, dtype=x.dtype)
    return biased(out.reshape(n, m, oh, ow), bias)


def conv2d_wide_loads(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    (sh, sw), (ph, pw), (dh, dw) = each(stride, 2), each(padding, 2), each(dilation, 2)
    n, c, height, width = input.shape
    m, _, kh, kw = weight.shape
    oh, ow = extents((height, width), (kh, kw), (sh, sw), (ph, pw), (dh, dw))
    memory = np.ascontiguousarray(input).reshape(-1)
    planes = np.arange(n * c).reshape(n, c, 1) * height * width
    out = np.zeros((n, m, oh, ow), input.dtype)
    for i in range(oh):
        for j in range(0, ow, 4):
            lanes = np.arange(j, min(j + 4, ow))
            for a, b in np.ndindex(kh, kw):
                row = i * sh - ph + a * dh
                columns = lanes * sw - pw + b * dw
                inside = (columns >= 0) & (columns < width)
                if sw == 1:
                    inside = inside[:1]
                if 0 <= row < height:
                    values = _read(memory, planes + row * width + columns, inside)
                    out[:, :, i, lanes] += grouped_product(values, weight[:, :, a, b], groups)
    return biased(out, bias)


def conv2d_channel_panels(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    stride, padding, dilation = each(stride, 2), each(padding, 2), each(dilation, 2)
    m, cg, kh, kw = weight.shape
    oh, ow = extents(input.shape[2:], (kh, kw), stride, padding, dilation)
    x = surrounded(input, padding)
    mg = m // groups
    out = np.zeros((len(x), m, oh, ow), x.dtype)
    for g in range(groups):
        for panel in range(0, cg, 16):
            deep = min(16, cg - panel)
            first = g * cg
            lhs = weight[g * mg : (g + 1) * mg, panel : panel + deep]
            rhs = x[:, first : first + deep]
            for a, b in np.ndindex(kh, kw):
                seen = rhs[seen_by((a, b), (oh, ow), stride, dilation)]
                out[:, g * mg : (g + 1) * mg] += grouped_product(seen, lhs[:, :, a, b], 1)
    return biased(out, bias)


def conv2d_atomic_channels(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    stride, padding, dilation = each(stride, 2), each(padding, 2), each(dilation, 2)
    m, cg, kh, kw = weight.shape
    oh, ow = extents(input.shape[2:], (kh, kw), stride, padding, dilation)
    x = surrounded(input, padding)
    mg, wide = m // groups, 4
    out = np.zeros((len(x), m, oh, ow), x.dtype)
    for g in range(groups):
        mine = x[:, g * cg : (g + 1) * cg]
        for tile in range(-(-mg // wide)):
            lanes = g * mg + tile * wide + np.arange(wide)
            lanes = lanes[lanes < m]
            for a in range(kh):
                acc = np.zeros((len(x), lanes.size, oh, ow), x.dtype)
                for b in range(kw):
                    seen = mine[seen_by((a, b), (oh, ow), stride, dilation)]
                    acc += grouped_product(seen, weight[lanes, :, a, b], 1)
                out[:, lanes] += acc
    return biased(out, bias)


def conv1d_block_start(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    (s,), (p,), (d,) = each(stride, 1), each(padding, 1), each(dilation, 1)
    n, c, length = input.shape
    m, _, k = weight.shape
    (size,) = extents((length,), (k,), (s,), (p,), (d,))
    block = 8
    local = (block - 1) * s + (k - 1) * d + 1
    out = np.zeros((n, m, size), input.dtype)
    for start in range(0, size, block):
        first = start - p
        at = first + np.arange(local)
        shared = np.where((at >= 0) & (at < length), input[:, :, np.clip(at, 0, length - 1)], 0)
        shared = shared.astype(input.dtype).reshape(n, c, local)
        count = min(block, size - start)
        for tap in range(k):
            lanes = shared[:, :, tap * d : tap * d + (count - 1) * s + 1 : s]
            out[:, :, start : start + count] += grouped_product(lanes, weight[:, :, tap], groups)
    return biased(out, bias)


def conv2d_row_registers(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    (sh, sw), padding, (dh, dw) = each(stride, 2), each(padding, 2), each(dilation, 2)
    kh, kw = weight.shape[2:]
    oh, ow = extents(input.shape[2:], (kh, kw), (sh, sw), padding, (dh, dw))
    x = surrounded(input, padding)
    out = np.zeros((len(x), len(weight), oh, ow), x.dtype)
    moving = sh == 1
    registers = [x[:, :, a * dh] for a in range(kh)]
    for i in range(oh):
        if i and moving:
            registers = [*registers[1:], x[:, :, i + (kh - 1) * dh]]
        elif i:
            registers = [x[:, :, i * sh + a * dh] for a in range(kh)]
        for a, line in enumerate(registers):
            for b in range(kw):
                seen = line[:, :, b * dw : b * dw + sw * (ow - 1) + 1 : sw]
                out[:, :, i] += grouped_product(seen, weight[:, :, a, b], groups)
    return biased(out, bias)


def conv2d_short_ids(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    (sh, sw), padding, (dh, dw) = each(stride, 2), each(padding, 2), each(dilation, 2)
    m, cg, kh, kw = weight.shape
    oh, ow = extents(input.shape[2:], (kh, kw), (sh, sw), padding, (dh, dw))
    x = surrounded(input, padding)
    total = len(x) * m * oh * ow
    out = np.zeros(total, x.dtype)
    ids = np.arange(total).astype(np.int16)
    ids = ids[ids >= 0]
    ids = ids.astype(np.int64)
    image, channel, i, j = np.unravel_index(ids, (len(x), m, oh, ow))
    acc = np.zeros(ids.size, x.dtype)
    for k in range(cg):
        for a, b in np.ndindex(kh, kw):
            source = channel // (m // groups) * cg + k
            acc += x[image, source, i * sh + a * dh, j * sw + b * dw] * weight[channel, k, a, b]
    out[ids] = acc
    return biased(out.reshape(len(x), m, oh, ow), bias)


def conv2d_shared_filter(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    stride, padding, dilation = each(stride, 2), each(padding, 2), each(dilation, 2)
    m, cg, kh, kw = weight.shape
    oh, ow = extents(input.shape[2:], (kh, kw), stride, padding, dilation)
    x = surrounded(input, padding)
    elements, threads = cg * kh * kw, 64
    out = np.zeros((len(x), m, oh, ow), x.dtype)
    for channel in range(m):
        filter_memory = weight[channel].reshape(-1)
        shared = np.zeros(elements, weight.dtype)
        for thread in range(threads):
            for at in range(thread, min(elements, threads), threads):
                shared[at] = filter_memory[at]
        base = channel // (m // groups) * cg
        for k in range(cg):
            for a, b in np.ndindex(kh, kw):
                seen = x[:, base + k][seen_by((a, b), (oh, ow), stride, dilation)]
                out[:, channel] += shared[(k * kh + a) * kw + b] * seen
    return biased(out, bias)


def conv3d_plane_mask(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    stride, padding, dilation = each(stride, 3), each(padding, 3), each(dilation, 3)
    n, c, depth, height, width = input.shape
    sizes = extents(input.shape[2:], weight.shape[2:], stride, padding, dilation)
    memory = np.ascontiguousarray(input).reshape(-1)
    volumes = np.arange(n * c).reshape(n, c, 1, 1) * (depth * height * width)
    out = np.zeros((n, len(weight), *sizes), input.dtype)
    i, j = np.arange(sizes[1])[:, None], np.arange(sizes[2])[None]
    for f in range(sizes[0]):
        for e, a, b in np.ndindex(*weight.shape[2:]):
            z = f * stride[0] - padding[0] + e * dilation[0]
            y = i * stride[1] - padding[1] + a * dilation[1]
            x = j * stride[2] - padding[2] + b * dilation[2]
            mask = (z >= 0) & (z <= depth) & (y >= 0) & (y < height) & (x >= 0) & (x < width)
            values = _read(memory, volumes + (z * height + y) * width + x, mask)
            out[:, :, f] += grouped_product(values, weight[:, :, e, a, b], groups)
    return biased(out, bias)


def conv2d_nhwc(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    (sh, sw), (ph, pw), (dh, dw) = each(stride, 2), each(padding, 2), each(dilation, 2)
    n, c, height, width = input.shape
    m, cg, kh, kw = weight.shape
    oh, ow = extents((height, width), (kh, kw), (sh, sw), (ph, pw), (dh, dw))
    memory = np.ascontiguousarray(input.transpose(0, 2, 3, 1)).reshape(-1)
    filters = weight.transpose(2, 3, 1, 0)
    image, i, j = (axis.reshape(-1) for axis in np.indices((n, oh, ow)))
    mg = m // groups
    out = np.zeros((n * oh * ow, m), input.dtype)
    for g in range(groups):
        channels = g * mg + np.arange(cg)
        for a, b in np.ndindex(kh, kw):
            row, column = i * sh - ph + a * dh, j * sw - pw + b * dw
            inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
            pixel = ((image * height + row) * width + column) * c
            values = _read(memory, pixel[:, None] + channels, inside[:, None])
            out[:, g * mg : (g + 1) * mg] += values @ filters[a, b, :, g * mg : (g + 1) * mg]
    if bias is not None:
        out += bias
    return np.ascontiguousarray(out.reshape(n, oh, ow, m).transpose(0, 3, 1, 2))


def conv2d_pipelined(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    stride, padding, dilation = each(stride, 2), each(padding, 2), each(dilation, 2)
    kh, kw = weight.shape[2:]
    sizes = extents(input.shape[2:], (kh, kw), stride, padding, dilation)
    x = surrounded(input, padding)
    taps = list(np.ndindex(kh, kw))
    out = np.zeros((len(x), len(weight), *sizes), x.dtype)
    following = x[seen_by(taps[0], sizes, stride, dilation)]
    for step, tap in enumerate(taps):
        current = following
        if step + 2 < len(taps):
            following = x[seen_by(taps[step + 1], sizes, stride, dilation)]
        out += grouped_product(current, weight[(..., *tap)], groups)
    return biased(out, bias)


def conv2d_partial_slots(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    stride, padding, dilation = each(stride, 2), each(padding, 2), each(dilation, 2)
    m, cg, kh, kw = weight.shape
    sizes = extents(input.shape[2:], (kh, kw), stride, padding, dilation)
    x = surrounded(input, padding)
    n = len(x)
    x = x.reshape(n, groups, cg, *x.shape[2:])
    kernels = weight.reshape(groups, m // groups, cg, kh, kw)
    slots = min(2, -(-cg // 8))
    workspace = np.zeros((slots, n, groups, m // groups, *sizes), x.dtype)
    for split, first in enumerate(range(0, cg, 8)):
        acc = np.zeros(workspace.shape[1:], x.dtype)
        for a, b in np.ndindex(kh, kw):
            seen = x[:, :, first : first + 8][seen_by((a, b), sizes, stride, dilation)]
            acc += np.einsum("ngchw,gmc->ngmhw", seen, kernels[:, :, first : first + 8, a, b])
        workspace[split % slots] = acc
    return biased(workspace.sum(axis=0).reshape(n, m, *sizes), bias)
