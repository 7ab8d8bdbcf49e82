"""Transposed convolutions and the gradients by input and by weight."""

import numpy as np
from seen_common import columns, contract, pad, sizes, taps, wide_sizes, window, with_bias


def spread_out(x, w, g, groups, tap):
    """What one tap of group g sends from every position: (N, O/groups, *positions)."""
    mine = slice(g * x.shape[1] // groups, (g + 1) * x.shape[1] // groups)
    return np.einsum("nc...,co->no...", x[:, mine], w[(mine, slice(None), *tap)])


def transposed2d_crop(x, w, bias=None, stride=(1, 1), padding=(0, 0), output_padding=(0, 0), groups=1, dilation=(1, 1)):
    OH, OW = wide_sizes(x.shape[2:], w.shape[2:], stride, padding, output_padding, dilation)
    og = w.shape[1]
    full = np.zeros((x.shape[0], og * groups, OH + 2 * padding[0], OW + 2 * padding[1]), x.dtype)
    core = full[:, :, output_padding[0] :, output_padding[1] :]
    for g in range(groups):
        for tap in taps(w.shape[2:]):
            at = window(tap, x.shape[2:], stride, dilation)
            core[:, g * og : (g + 1) * og][at] += spread_out(x, w, g, groups, tap)
    return with_bias(full[:, :, padding[0] : padding[0] + OH, padding[1] : padding[1] + OW], bias)


def transposed1d_checked(x, w, bias=None, stride=(1,), padding=(0,), output_padding=(0,), groups=1, dilation=(1,)):
    (s,), (p,), (d,) = stride, padding, dilation
    length, og = x.shape[2], w.shape[1]
    extent = (length - 1) * s - 2 * p + d * (w.shape[2] - 1) + 1
    y = np.zeros((x.shape[0], og * groups, extent + output_padding[0]), x.dtype)
    for g in range(groups):
        for k in range(w.shape[2]):
            sent = spread_out(x, w, g, groups, (k,))
            for i in range(length):
                o = i * s - p + k * d
                if 0 <= o < extent:
                    y[:, g * og : (g + 1) * og, o] += sent[:, :, i]
    return with_bias(y, bias)


def transposed2d_gemm(x, w, bias=None, stride=(1, 1), padding=(0, 0), output_padding=(0, 0), groups=1, dilation=(1, 1)):
    OH, OW = wide_sizes(x.shape[2:], w.shape[2:], stride, padding, output_padding, dilation)
    cg, og = x.shape[1] // groups, w.shape[1]
    full = np.zeros((x.shape[0], og * groups, OH + 2 * padding[0], OW + 2 * padding[1]), x.dtype)
    for g in range(groups):
        matrix = w[g * cg : (g + 1) * cg].reshape(og, cg, *w.shape[2:])
        for kh, kw in taps(w.shape[2:]):
            sent = np.einsum("nchw,oc->nohw", x[:, g * cg : (g + 1) * cg], matrix[:, :, kh, kw])
            full[:, g * og : (g + 1) * og][window((kh, kw), x.shape[2:], stride, dilation)] += sent
    return with_bias(full[:, :, padding[0] : padding[0] + OH, padding[1] : padding[1] + OW], bias)


def transposed2d_gather(
    x, w, bias=None, stride=(1, 1), padding=(0, 0), output_padding=(0, 0), groups=1, dilation=(1, 1)
):
    (sh, sw), (ph, pw), (dh, dw) = stride, padding, dilation
    (H, W), (KH, KW) = x.shape[2:], w.shape[2:]
    OH, OW = wide_sizes((H, W), (KH, KW), stride, padding, output_padding, dilation)
    og = w.shape[1]
    y = np.zeros((x.shape[0], og * groups, OH, OW), x.dtype)
    for g, kh, kw in np.ndindex(groups, KH, KW):
        sent = spread_out(x, w, g, groups, (kh, kw))
        for oh, ow in np.ndindex(OH, OW):
            ih, rest = divmod(oh + ph - kh * dh, sh)
            iw = (ow + pw - kw * dw) // sw
            if rest == 0 and 0 <= ih < H and 0 <= iw < W:
                y[:, g * og : (g + 1) * og, oh, ow] += sent[:, :, ih, iw]
    return with_bias(y, bias)


def as_forward(w, groups):
    """The kernels of the ordinary convolution that a transposed one is: (O, C/groups, *kernel)."""
    split = w.reshape(groups, w.shape[0] // groups, *w.shape[1:]).swapaxes(1, 2)
    return split.reshape(groups * w.shape[1], w.shape[0] // groups, *w.shape[2:])


def transposed2d_zero_insert(
    x, w, bias=None, stride=(1, 1), padding=(0, 0), output_padding=(0, 0), groups=1, dilation=(1, 1)
):
    (sh, sw), (H, W), (KH, KW) = stride, x.shape[2:], w.shape[2:]
    OH, OW = wide_sizes((H, W), (KH, KW), stride, padding, output_padding, dilation)
    reach_h, reach_w = dilation[0] * (KH - 1), dilation[1] * (KW - 1)
    wide = np.zeros((*x.shape[:2], OH + 2 * padding[0] + reach_h, OW + 2 * padding[1] + reach_w), x.dtype)
    wide[:, :, reach_h : reach_h + (H - 1) * sh + 1 : sh, reach_w : reach_w + (W - 1) * sw + 1 : sw] = x
    kernels = as_forward(w, groups)[:, :, ::-1]
    y = contract(columns(wide, (KH, KW), (1, 1), (0, 0), dilation), kernels, groups)
    return with_bias(y[:, :, padding[0] : padding[0] + OH, padding[1] : padding[1] + OW], bias)


def transposed2d_as_conv(
    x, w, bias=None, stride=(1, 1), padding=(0, 0), output_padding=(0, 0), groups=1, dilation=(1, 1)
):
    (sh, sw), (H, W) = stride, x.shape[2:]
    OH, OW = wide_sizes((H, W), w.shape[2:], stride, padding, output_padding, dilation)
    wide = np.zeros((*x.shape[:2], (H - 1) * sh + 1, (W - 1) * sw + 1), x.dtype)
    wide[:, :, ::sh, ::sw] = x
    margins = [(0, 0), (0, 0)]
    for k, d, p, op in zip(w.shape[2:], dilation, padding, output_padding, strict=True):
        margin = max(d * (k - 1) - p, 0)
        margins.append((margin, margin + op))
    kernels = as_forward(w, groups)[:, :, ::-1, ::-1]
    y = contract(columns(np.pad(wide, margins), w.shape[2:], (1, 1), (0, 0), dilation), kernels, groups)
    return with_bias(y[:, :, :OH, :OW], bias)


def transposed1d_scatter(x, w, bias=None, stride=(1,), padding=(0,), output_padding=(0,), groups=1, dilation=(1,)):
    (s,), (p,), (d,) = stride, padding, dilation
    (out,) = wide_sizes(x.shape[2:], w.shape[2:], stride, padding, output_padding, dilation)
    N, length, cg, og = x.shape[0], x.shape[2], x.shape[1] // groups, w.shape[1]
    index = (np.arange(length)[:, None] * s + np.arange(w.shape[2]) * d).reshape(-1)
    full = np.zeros((N, groups, og, out + 2 * p), x.dtype)
    sent = np.einsum("ngcl,gcok->ngolk", x.reshape(N, groups, cg, length), w.reshape(groups, cg, og, w.shape[2]))
    full[..., index] += sent.reshape(N, groups, og, index.size)
    return with_bias(full.reshape(N, groups * og, out + 2 * p)[:, :, p : p + out], bias)


def transposed1d_phases(x, w, bias=None, stride=(1,), padding=(0,), output_padding=(0,), groups=1, dilation=(1,)):
    (s,), (p,), (d,) = stride, padding, dilation
    (out,) = wide_sizes(x.shape[2:], w.shape[2:], stride, padding, output_padding, dilation)
    length, og = x.shape[2], w.shape[1]
    y = np.zeros((x.shape[0], og * groups, out), x.dtype)
    for g in range(groups):
        sent = [spread_out(x, w, g, groups, (k,)) for k in range(w.shape[2])]
        for phase in range(min(s, out)):
            mine = [k for k in range(w.shape[2]) if (k * d - phase) % s == 0]
            for o in range(phase, out, s):
                for k in mine:
                    i = (o + p - k * d) // s
                    if 0 <= i < length:
                        y[:, g * og : (g + 1) * og, o] += sent[k][:, :, i]
    return with_bias(y, bias)


def transposed3d_planes(
    x, w, bias=None, stride=(1, 1, 1), padding=(0, 0, 0), output_padding=(0, 0, 0), groups=1, dilation=(1, 1, 1)
):
    (_, sh, sw), (pd, ph, pw), og = stride, padding, w.shape[1]
    out = wide_sizes(x.shape[2:], w.shape[2:], stride, padding, output_padding, dilation)
    y = np.zeros((x.shape[0], og * groups, out[0], out[1] + 2 * ph, out[2] + 2 * pw), x.dtype)
    for g in range(groups):
        for kd, kh, kw in taps(w.shape[2:]):
            sent = spread_out(x, w, g, groups, (kd, kh, kw))
            at = window((kh, kw), x.shape[3:], (sh, sw), dilation[1:])
            for z in range(x.shape[2]):
                od = z * sh - pd + kd * dilation[0]
                if 0 <= od < out[0]:
                    y[:, g * og : (g + 1) * og, od][at] += sent[:, :, z]
    return with_bias(y[:, :, :, ph : ph + out[1], pw : pw + out[2]], bias)


def transposed2d_col2im(
    x, w, bias=None, stride=(1, 1), padding=(0, 0), output_padding=(0, 0), groups=1, dilation=(1, 1)
):
    (ph, pw), og = padding, w.shape[1]
    OH, OW = wide_sizes(x.shape[2:], w.shape[2:], stride, padding, output_padding, dilation)
    y = np.empty((x.shape[0], og * groups, OH, OW), x.dtype)
    image = np.zeros((1, og * groups, OH + 2 * ph, OW + 2 * pw), x.dtype)
    for n in range(x.shape[0]):
        for g in range(groups):
            for tap in taps(w.shape[2:]):
                at = window(tap, x.shape[2:], stride, dilation)
                image[:, g * og : (g + 1) * og][at] += spread_out(x[n : n + 1], w, g, groups, tap)
        y[n] = image[0, :, ph : ph + OH, pw : pw + OW]
    return with_bias(y, bias)


def sent_back(w, gy, g, groups, tap):
    """What one tap of group g sends back from every output: (N, C/groups, *out)."""
    mine = slice(g * gy.shape[1] // groups, (g + 1) * gy.shape[1] // groups)
    return np.einsum("no...,oc->nc...", gy[:, mine], w[(mine, slice(None), *tap)])


def input2d_aligned(input_size, weight, grad_output, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    (H, W), (ph, pw) = input_size[2:], padding
    reach = wide_sizes(grad_output.shape[2:], weight.shape[2:], stride, (0, 0), (0, 0), dilation)
    full = np.zeros((*input_size[:2], H + 2 * ph, W + 2 * pw), grad_output.dtype)
    covered = full[:, :, full.shape[2] - reach[0] :, full.shape[3] - reach[1] :]
    cg = weight.shape[1]
    for g in range(groups):
        for tap in taps(weight.shape[2:]):
            at = window(tap, grad_output.shape[2:], stride, dilation)
            covered[:, g * cg : (g + 1) * cg][at] += sent_back(weight, grad_output, g, groups, tap)
    return full[:, :, ph : ph + H, pw : pw + W]


def input2d_flat_atomics(input_size, weight, grad_output, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    (sh, sw), (ph, pw), (dh, dw) = stride, padding, dilation
    H, W = input_size[2:]
    OH, OW = grad_output.shape[2:]
    cg = weight.shape[1]
    gx = np.zeros((*input_size[:2], H * W), grad_output.dtype)
    for g in range(groups):
        for kh, kw in taps(weight.shape[2:]):
            sent = sent_back(weight, grad_output, g, groups, (kh, kw))
            for oh, ow in np.ndindex(OH, OW):
                cell = (oh * sh - ph + kh * dh) * W + ow * sw - pw + kw * dw
                if 0 <= cell < H * W:
                    gx[:, g * cg : (g + 1) * cg, cell] += sent[:, :, oh, ow]
    return gx.reshape(input_size)


def input3d_grouped(input_size, weight, grad_output, stride=(1, 1, 1), padding=(0, 0, 0), dilation=(1, 1, 1), groups=1):
    full = np.zeros((*input_size[:2], *(n + 2 * p for n, p in zip(input_size[2:], padding, strict=True))), weight.dtype)
    cg, og = weight.shape[1], weight.shape[0] // groups
    for g in range(groups):
        part = grad_output[:, g * og : (g + 1) * og]
        for tap in taps(weight.shape[2:]):
            sent = np.einsum("nodhw,oc->ncdhw", part, weight[(slice(og), slice(None), *tap)])
            full[:, g * cg : (g + 1) * cg][window(tap, part.shape[2:], stride, dilation)] += sent
    return full[(..., *(slice(p, p + n) for n, p in zip(input_size[2:], padding, strict=True)))]


def input2d_disjoint(input_size, weight, grad_output, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    (H, W), (ph, pw), cg = input_size[2:], padding, weight.shape[1]
    og = weight.shape[0] // groups
    spans = [(k - 1) * d + 1 for k, d in zip(weight.shape[2:], dilation, strict=True)]
    disjoint = stride[0] >= spans[0] and stride[1] >= spans[1]
    full = np.zeros((*input_size[:2], H + 2 * ph, W + 2 * pw), grad_output.dtype)
    for o in range(weight.shape[0]):
        mine = full[:, o // og * cg : (o // og + 1) * cg]
        for kh, kw in taps(weight.shape[2:]):
            at = window((kh, kw), grad_output.shape[2:], stride, dilation)
            sent = grad_output[:, o, None] * weight[o, :, kh, kw, None, None]
            if disjoint:
                mine[at] = sent
            else:
                mine[at] += sent
    return full[:, :, ph : ph + H, pw : pw + W]


def weight2d_per_example(input, weight_size, grad_output, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    N, O = grad_output.shape[:2]
    cols = columns(input, weight_size[2:], stride, padding, dilation)
    a = cols.reshape(N, groups, weight_size[1] * weight_size[2] * weight_size[3], cols.shape[4] * cols.shape[5])
    b = grad_output.reshape(N, groups, O // groups, cols.shape[4] * cols.shape[5])
    return (b @ a.swapaxes(2, 3)).mean(0).reshape(weight_size)


def weight2d_correlate(input, weight_size, grad_output, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    (sh, sw), (ph, pw), (dh, dw) = stride, padding, dilation
    (H, W), (OH, OW) = input.shape[2:], grad_output.shape[2:]
    cg, og = weight_size[1], weight_size[0] // groups
    gw = np.zeros(weight_size, input.dtype)
    for kh, kw in taps(weight_size[2:]):
        ih, iw = np.arange(OH) * dh + kh * sh - ph, np.arange(OW) * dw + kw * sw - pw
        r, c = np.flatnonzero((ih >= 0) & (ih < H)), np.flatnonzero((iw >= 0) & (iw < W))
        for g in range(groups):
            part = input[:, g * cg : (g + 1) * cg][:, :, ih[r]][:, :, :, iw[c]]
            back = grad_output[:, g * og : (g + 1) * og][:, :, r][:, :, :, c]
            gw[g * og : (g + 1) * og, :, kh, kw] = np.einsum("nchw,nohw->oc", part, back)
    return gw


def weight3d_planes(input, weight_size, grad_output, stride=(1, 1, 1), padding=(0, 0, 0), dilation=(1, 1, 1), groups=1):
    cg, og, out = weight_size[1], weight_size[0] // groups, grad_output.shape[2:]
    xp = pad(input, padding)
    planes = sizes(input.shape[2:], weight_size[2:], stride, padding, dilation)[0]
    gw = np.zeros(weight_size, input.dtype)
    for g in range(groups):
        for tap in taps(weight_size[2:]):
            part = xp[:, g * cg : (g + 1) * cg][window(tap, out, stride, dilation)]
            for od in range(max(planes - 1, 1)):
                back = grad_output[:, g * og : (g + 1) * og, od]
                gw[(slice(g * og, (g + 1) * og), slice(None), *tap)] += np.einsum("nchw,nohw->oc", part[:, :, od], back)
    return gw


def weight1d_per_channel(input, weight_size, grad_output, stride=(1,), padding=(0,), dilation=(1,), groups=1):
    assert input.shape[1] == weight_size[1] * groups
    cols = columns(input, weight_size[2:], stride, padding, dilation)
    gw = np.zeros(weight_size, input.dtype)
    for o in range(weight_size[0]):
        for c in range(weight_size[1]):
            gw[o, c] = np.einsum("nkl,nl->k", cols[:, c], grad_output[:, o])
    return gw
