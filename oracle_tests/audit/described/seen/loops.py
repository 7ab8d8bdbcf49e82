"""Plain loops."""

import numpy as np
from seen_common import columns, contract, sizes, with_bias


def conv1d_nested(x, w, bias=None, stride=(1,), padding=(0,), dilation=(1,), groups=1):
    (s,), (p,), (d,) = stride, padding, dilation
    (length,), (taps,) = x.shape[2:], w.shape[2:]
    (out,) = sizes(x.shape[2:], w.shape[2:], stride, padding, dilation)
    cg, og = w.shape[1], w.shape[0] // groups
    y = np.zeros((x.shape[0], w.shape[0], out), x.dtype)
    for g in range(groups):
        xg, wg = x[:, g * cg : (g + 1) * cg], w[g * og : (g + 1) * og]
        for i in range(out):
            for k in range(taps):
                j = i * s - p + k * d
                if j < 0:
                    continue
                y[:, g * og : (g + 1) * og, i] += xg[:, :, min(j, length - 1)] @ wg[:, :, k].T
    return with_bias(y, bias)


def conv2d_by_channel(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    cols = columns(x, w.shape[2:], stride, padding, dilation)
    cg = w.shape[1]
    y = np.zeros((x.shape[0], w.shape[0], *cols.shape[4:]), x.dtype)
    for o in range(w.shape[0]):
        g = o % groups
        for c in range(cg):
            y[:, o] += np.einsum("nklhw,kl->nhw", cols[:, g * cg + c], w[o, c])
        if bias is not None:
            y[:, o] += bias[o]
    return y


def conv2d_checked(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    (sh, sw), (ph, pw), (dh, dw) = stride, padding, dilation
    (H, W), (KH, KW) = x.shape[2:], w.shape[2:]
    OH, OW = sizes((H, W), (KH, KW), stride, padding, dilation)
    cg, og = w.shape[1], w.shape[0] // groups
    y = np.zeros((x.shape[0], w.shape[0], OH, OW), x.dtype)
    for g, oh, ow in np.ndindex(groups, OH, OW):
        xg, wg = x[:, g * cg : (g + 1) * cg], w[g * og : (g + 1) * og]
        for kh, kw in np.ndindex(KH, KW):
            ih = oh * sh + (kh - ph) * dh
            iw = ow * sw + (kw - pw) * dw
            if 0 <= ih < H and 0 <= iw < W:
                y[:, g * og : (g + 1) * og, oh, ow] += xg[:, :, ih, iw] @ wg[:, :, kh, kw].T
    return with_bias(y, bias)


def conv1d_clipped_taps(x, w, bias=None, stride=(1,), padding=(0,), dilation=(1,), groups=1):
    (s,), (p,), (d,) = stride, padding, dilation
    (length,), (taps,) = x.shape[2:], w.shape[2:]
    (out,) = sizes(x.shape[2:], w.shape[2:], stride, padding, dilation)
    cg, og = w.shape[1], w.shape[0] // groups
    y = np.zeros((x.shape[0], w.shape[0], out), x.dtype)
    for g in range(groups):
        for i in range(out):
            first = i * s - p
            low = max(0, (-first + d - 1) // d)
            high = min(taps, (length - first) // d)
            for k in range(low, high):
                at = x[:, g * cg : (g + 1) * cg, first + k * d]
                y[:, g * og : (g + 1) * og, i] += at @ w[g * og : (g + 1) * og, :, k].T
    return with_bias(y, bias)


def conv3d_checked(x, w, bias=None, stride=(1, 1, 1), padding=(0, 0, 0), dilation=(1, 1, 1), groups=1):
    (sd, sh, sw), (pd, _, pw), (dd, dh, dw) = stride, padding, dilation
    (D, H), (KD, KH, KW) = x.shape[2:4], w.shape[2:]
    OD, OH, OW = sizes(x.shape[2:], w.shape[2:], stride, padding, dilation)
    cg, og = w.shape[1], w.shape[0] // groups
    y = np.zeros((x.shape[0], w.shape[0], OD, OH, OW), x.dtype)
    xp = np.pad(x, [(0, 0)] * 4 + [(pw, pw)])
    for g, od, oh, kd, kh, kw in np.ndindex(groups, OD, OH, KD, KH, KW):
        z, r = od * sd - pd + kd * dd, oh * sh - pd + kh * dh
        if not (0 <= z < D and 0 <= r < H):
            continue
        line = xp[:, g * cg : (g + 1) * cg, z, r, kw * dw : kw * dw + (OW - 1) * sw + 1 : sw]
        y[:, g * og : (g + 1) * og, od, oh] += w[g * og : (g + 1) * og, :, kd, kh, kw] @ line
    return with_bias(y, bias)


def conv2d_running_sum(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    cols = columns(x, w.shape[2:], stride, padding, dilation)
    OH, OW = cols.shape[4:]
    cg, og = w.shape[1], w.shape[0] // groups
    y = np.empty((x.shape[0], w.shape[0], OH, OW), x.dtype)
    for g in range(groups):
        wg = w[g * og : (g + 1) * og]
        for oh in range(OH):
            acc = np.zeros((x.shape[0], og), x.dtype)
            for ow in range(OW):
                for c in range(cg):
                    acc += np.einsum("nkl,okl->no", cols[:, g * cg + c, :, :, oh, ow], wg[:, c])
                y[:, g * og : (g + 1) * og, oh, ow] = acc
    return with_bias(y, bias)


def conv2d_weight_cursor(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    (sh, sw), (ph, pw), (dh, dw) = stride, padding, dilation
    (H, W), (KH, KW) = x.shape[2:], w.shape[2:]
    OH, OW = sizes((H, W), (KH, KW), stride, padding, dilation)
    cg, og = w.shape[1], w.shape[0] // groups
    y = np.zeros((x.shape[0], w.shape[0], OH, OW), x.dtype)
    for g, oh, ow in np.ndindex(groups, OH, OW):
        xg = x[:, g * cg : (g + 1) * cg]
        wg = w[g * og : (g + 1) * og].reshape(og, cg, KH * KW)
        cursor = 0
        for ih in range(oh * sh - ph, oh * sh - ph + KH * dh, dh):
            for iw in range(ow * sw - pw, ow * sw - pw + KW * dw, dw):
                if 0 <= ih < H and 0 <= iw < W:
                    y[:, g * og : (g + 1) * og, oh, ow] += xg[:, :, ih, iw] @ wg[:, :, cursor].T
                    cursor += 1
    return with_bias(y, bias)


def conv2d_early_out(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    (sh, sw), (ph, pw), (dh, dw) = stride, padding, dilation
    (H, W), (KH, KW) = x.shape[2:], w.shape[2:]
    OH, OW = sizes((H, W), (KH, KW), stride, padding, dilation)
    cg, og = w.shape[1], w.shape[0] // groups
    y = np.zeros((x.shape[0], w.shape[0], OH, OW), x.dtype)
    for g, oh, ow, kh in np.ndindex(groups, OH, OW, KH):
        ih = oh * sh - ph + kh * dh
        if not 0 <= ih < H:
            continue
        for kw in range(KW):
            iw = ow * sw - pw + kw * dw
            if not 0 <= iw < W:
                break
            at = x[:, g * cg : (g + 1) * cg, ih, iw]
            y[:, g * og : (g + 1) * og, oh, ow] += at @ w[g * og : (g + 1) * og, :, kh, kw].T
    return with_bias(y, bias)


def conv1d_unrolled(x, w, bias=None, stride=(1,), padding=(0,), dilation=(1,), groups=1):
    cols = columns(x, w.shape[2:], stride, padding, dilation)
    taps = w.shape[2]
    cg, og = w.shape[1], w.shape[0] // groups
    y = np.zeros((x.shape[0], w.shape[0], cols.shape[3]), x.dtype)
    for o in range(w.shape[0]):
        mine = cols[:, o // og * cg : (o // og + 1) * cg]
        k = 0
        while k + 1 < taps:
            y[:, o] += np.einsum("ncl,c->nl", mine[:, :, k], w[o, :, k])
            y[:, o] += np.einsum("ncl,c->nl", mine[:, :, k + 1], w[o, :, k + 1])
            k += 2
        y[:, o] += np.einsum("ncl,c->nl", mine[:, :, taps - 1], w[o, :, taps - 1])
    return with_bias(y, bias)


def conv2d_depthwise_path(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    cols = columns(x, w.shape[2:], stride, padding, dilation)
    if groups != x.shape[1]:
        return with_bias(contract(cols, w, groups), bias)
    multiplier = w.shape[0] // groups
    y = np.zeros((x.shape[0], w.shape[0], *cols.shape[4:]), x.dtype)
    for c in range(groups):
        for m in range(multiplier):
            y[:, c * multiplier + m] = np.einsum("nklhw,kl->nhw", cols[:, c], w[c, 0])
    return with_bias(y, bias)


def conv2d_stepping(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    (sh, sw), (ph, pw), (dh, dw) = stride, padding, dilation
    (H, W), (KH, KW) = x.shape[2:], w.shape[2:]
    OH, OW = sizes((H, W), (KH, KW), stride, padding, dilation)
    xp = np.pad(x, [(0, 0), (0, 0), (ph, ph), (pw, pw)])
    span_h, span_w = (KH - 1) * dh + 1, (KW - 1) * dw + 1
    step_h, step_w = min(sh, span_h), min(sw, span_w)
    cg, og = w.shape[1], w.shape[0] // groups
    y = np.zeros((x.shape[0], w.shape[0], OH, OW), x.dtype)
    for g, oh, ow in np.ndindex(groups, OH, OW):
        top, left = oh * step_h, ow * step_w
        patch = xp[:, g * cg : (g + 1) * cg, top : top + span_h : dh, left : left + span_w : dw]
        y[:, g * og : (g + 1) * og, oh, ow] = np.einsum("nckl,ockl->no", patch, w[g * og : (g + 1) * og])
    return with_bias(y, bias)
