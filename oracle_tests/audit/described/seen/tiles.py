"""Kernels in the manner of CUDA and Triton: flat program ids, blocks, masks, tiles, vectors."""

import numpy as np
from seen_common import columns, contract, load, pad, sizes, with_bias


def conv2d_flat_threads(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    (sh, sw), (ph, pw), (dh, dw) = stride, padding, dilation
    (N, C, H, W), (O, cg, KH, KW) = x.shape, w.shape
    OH, OW = sizes((H, W), (KH, KW), stride, padding, dilation)
    flat, wf = x.reshape(-1), w.reshape(-1)
    thread = np.arange(N * O * OH * OW)
    ow = thread % OW
    oh = thread // OH % OH
    o = thread // (OH * OW) % O
    n = thread // (O * OH * OW)
    acc = np.zeros(thread.size, x.dtype)
    for c, kh, kw in np.ndindex(cg, KH, KW):
        ih, iw = oh * sh - ph + kh * dh, ow * sw - pw + kw * dw
        mask = (ih >= 0) & (ih < H) & (iw >= 0) & (iw < W)
        channel = o // (O // groups) * cg + c
        acc += load(flat, ((n * C + channel) * H + ih) * W + iw, mask) * wf[((o * cg + c) * KH + kh) * KW + kw]
    return with_bias(acc.reshape(N, O, OH, OW), bias)


def conv2d_base_pointers(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    (sh, sw), (ph, pw), (dh, dw) = stride, padding, dilation
    (N, _, H, W), (O, cg, KH, KW) = x.shape, w.shape
    OH, OW = sizes((H, W), (KH, KW), stride, padding, dilation)
    flat, og = x.reshape(-1), O // groups
    y = np.zeros((N, O, OH, OW), x.dtype)
    oh, ow = np.arange(OH)[:, None], np.arange(OW)[None, :]
    for n, o in np.ndindex(N, O):
        base = n * O * H * W + o // og * cg * H * W
        for c, kh, kw in np.ndindex(cg, KH, KW):
            ih, iw = oh * sh - ph + kh * dh, ow * sw - pw + kw * dw
            mask = (ih >= 0) & (ih < H) & (iw >= 0) & (iw < W)
            y[n, o] += load(flat, base + (c * H + ih) * W + iw, mask) * w[o, c, kh, kw]
    return with_bias(y, bias)


def conv2d_reduction_blocks(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    (sh, sw), (ph, pw), (dh, dw) = stride, padding, dilation
    (N, C, H, W), (O, cg, KH, KW) = x.shape, w.shape
    OH, OW = sizes((H, W), (KH, KW), stride, padding, dilation)
    flat, wf, depth, block = x.reshape(-1), w.reshape(-1), cg * KH * KW, 16
    m = np.arange(N * OH * OW)[:, None]
    n, oh, ow = m // (OH * OW), m // OW % OH, m % OW
    y = np.zeros((N * OH * OW, O), x.dtype)
    for o in range(O):
        for start in range(0, depth, block):
            k = start + np.arange(block)[None, :]
            c, kh, kw = k // (KH * KW), k // KW % KH, k % KW
            ih, iw = oh * sh - ph + kh * dh, ow * sw - pw + kw * dw
            mask = (ih >= 0) & (ih < H) & (iw >= 0) & (iw < W)
            channel = o // (O // groups) * cg + c
            a = load(flat, ((n * C + channel) * H + ih) * W + iw, mask)
            y[:, o] += (a * load(wf, o * depth + k, k >= 0)).sum(1)
    return with_bias(y.reshape(N, OH, OW, O).transpose(0, 3, 1, 2), bias)


def conv2d_vector4(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    (sh, sw), (dh, dw) = stride, dilation
    OH, OW = sizes(x.shape[2:], w.shape[2:], stride, padding, dilation)
    xp, cg, og = pad(x, padding), w.shape[1], w.shape[0] // groups
    starts = list(range(0, OW - 3, 4))
    if OW % 4:
        starts.append(max(OW - 4, 0))
    y = np.zeros((x.shape[0], w.shape[0], OH, OW), x.dtype)
    for g, kh, kw in np.ndindex(groups, *w.shape[2:]):
        rows = xp[:, g * cg : (g + 1) * cg, kh * dh : kh * dh + (OH - 1) * sh + 1 : sh]
        for start in starts:
            ow = np.arange(start, min(start + 4, OW))
            lanes = rows[..., kw * dw + ow * sw]
            y[:, g * og : (g + 1) * og, :, ow[0] : ow[-1] + 1] += np.einsum(
                "nchv,oc->nohv", lanes, w[g * og : (g + 1) * og, :, kh, kw]
            )
    return with_bias(y, bias)


def conv2d_channels_by_8(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    cols = columns(x, w.shape[2:], stride, padding, dilation)
    cg, og = w.shape[1], w.shape[0] // groups
    whole = cg - cg % 8
    y = np.zeros((x.shape[0], w.shape[0], *cols.shape[4:]), x.dtype)
    for g in range(groups):
        xs, ws = cols[:, g * cg : (g + 1) * cg], w[g * og : (g + 1) * og]
        mine = y[:, g * og : (g + 1) * og]
        for c in range(0, whole, 8):
            mine += np.einsum("ncklhw,ockl->nohw", xs[:, c : c + 8], ws[:, c : c + 8])
        for tail in range(cg % 8):
            mine += np.einsum("nklhw,okl->nohw", xs[:, whole + tail], ws[:, tail])
    return with_bias(y, bias)


def conv2d_shared_halo(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    (sh, sw), (KH, KW), T = stride, w.shape[2:], 4
    OH, OW = sizes(x.shape[2:], w.shape[2:], stride, padding, dilation)
    xp = pad(x, padding)
    span = [(T - 1) * s + (k - 1) * d + 1 for s, k, d in zip(stride, (KH, KW), dilation, strict=True)]
    halo_h, halo_w = (T - 1) * sh + KH, (T - 1) * sw + KW
    y = np.zeros((x.shape[0], w.shape[0], OH, OW), x.dtype)
    for top in range(0, OH, T):
        for left in range(0, OW, T):
            shared = np.zeros((*x.shape[:2], *span), x.dtype)
            r, c = top * sh, left * sw
            part = xp[:, :, r : r + min(halo_h, span[0]), c : c + min(halo_w, span[1])]
            shared[:, :, : part.shape[2], : part.shape[3]] = part
            tile = contract(columns(shared, (KH, KW), stride, (0, 0), dilation), w, groups)
            y[:, :, top : top + T, left : left + T] = tile[:, :, : OH - top, : OW - left]
    return with_bias(y, bias)


def conv2d_shared_tile(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    (H, W), T = x.shape[2:], 4
    OH, OW = sizes((H, W), w.shape[2:], stride, padding, dilation)
    span = [(T - 1) * s + (k - 1) * d + 1 for s, k, d in zip(stride, w.shape[2:], dilation, strict=True)]
    shared = np.zeros((1, x.shape[1], *span), x.dtype)
    y = np.zeros((x.shape[0], w.shape[0], OH, OW), x.dtype)
    for n in range(x.shape[0]):
        for top in range(0, OH, T):
            for left in range(0, OW, T):
                ih = top * stride[0] - padding[0] + np.arange(span[0])
                iw = left * stride[1] - padding[1] + np.arange(span[1])
                r, c = np.flatnonzero((ih >= 0) & (ih < H)), np.flatnonzero((iw >= 0) & (iw < W))
                shared[0][:, r[:, None], c] = x[n][:, ih[r][:, None], iw[c]]
                tile = contract(columns(shared, w.shape[2:], stride, (0, 0), dilation), w, groups)[0]
                y[n, :, top : top + T, left : left + T] = tile[:, : OH - top, : OW - left]
    return with_bias(y, bias)


def conv1d_split_channels(x, w, bias=None, stride=(1,), padding=(0,), dilation=(1,), groups=1):
    cols = columns(x, w.shape[2:], stride, padding, dilation)
    cg, og, split = w.shape[1], w.shape[0] // groups, 4
    y = np.zeros((x.shape[0], w.shape[0], cols.shape[3]), x.dtype)
    for g in range(groups):
        for c in range(0, cg, split):
            last = min(c + split, cg)
            part = np.einsum("nckl,ock->nol", cols[:, g * cg + c : g * cg + last], w[g * og : (g + 1) * og, c:last])
            if bias is not None:
                part = part + bias[g * og : (g + 1) * og, None]
            y[:, g * og : (g + 1) * og] += part
    return y


def conv2d_swizzled(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1)):
    cols = columns(x, w.shape[2:], stride, padding, dilation)
    (N, O), out, depth = (x.shape[0], w.shape[0]), cols.shape[4:], w[0].size
    a = cols.reshape(N, depth, out[0] * out[1]).transpose(0, 2, 1).reshape(-1, depth)
    b = w.reshape(O, depth).T
    y = np.zeros((a.shape[0], O), x.dtype)
    block_m, block_n, group_m = 16, 8, 4
    num_m, num_n = -(-a.shape[0] // block_m), -(-O // block_n)
    for pid in range(num_m * num_n):
        first = pid // (group_m * num_n) * group_m
        within = pid % (group_m * num_n)
        pid_m, pid_n = first + within % group_m, within // group_m
        if pid_m >= num_m:
            continue
        m, n = pid_m * block_m, pid_n * block_n
        y[m : m + block_m, n : n + block_n] = a[m : m + block_m] @ b[:, n : n + block_n]
    return with_bias(y.reshape(N, *out, O).transpose(0, 3, 1, 2), bias)


def conv3d_grid_z(x, w, bias=None, stride=(1, 1, 1), padding=(0, 0, 0), dilation=(1, 1, 1), groups=1):
    cols = columns(x, w.shape[2:], stride, padding, dilation)
    N, OD, OH, OW = x.shape[0], *cols.shape[5:]
    wg = w.reshape(groups, w.shape[0] // groups, -1)
    y = np.zeros((N * OD, w.shape[0], OH, OW), x.dtype)
    for z in range(N * OD):
        n, od = z % N, z // N
        a = cols[n, :, :, :, :, od].reshape(groups, wg.shape[2], OH * OW)
        y[z] = (wg @ a).reshape(w.shape[0], OH, OW)
    return with_bias(y.reshape(N, OD, w.shape[0], OH, OW).transpose(0, 2, 1, 3, 4), bias)


def conv1d_warp_reduce(x, w, bias=None, stride=(1,), padding=(0,), dilation=(1,), groups=1):
    cols = columns(x, w.shape[2:], stride, padding, dilation)
    N, O, out, depth = x.shape[0], w.shape[0], cols.shape[3], w[0].size
    lanes = 16
    a = cols.reshape(N, groups, 1, depth, out)
    terms = (a * w.reshape(groups, O // groups, depth, 1)).reshape(N, O, depth, out)
    partial = np.zeros((N, O, lanes, out), x.dtype)
    for k in range(depth):
        partial[:, :, k % lanes] += terms[:, :, k]
    offset = lanes // 2
    while offset > 1:
        partial[:, :, :offset] += partial[:, :, offset : 2 * offset]
        offset //= 2
    return with_bias(partial[:, :, 0], bias)
