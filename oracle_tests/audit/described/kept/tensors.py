"""Convolutions of torch tensors."""

import torch
import torch.nn.functional as F
from kept_common import cdiv, out_size, tup


def _mix(values, tap, groups):
    """(N, C, ...) times one tap of the weight (OC, C/groups)."""
    n, c = values.shape[:2]
    split = values.reshape(n, groups, c // groups, *values.shape[2:])
    mixed = torch.einsum("ngc...,goc->ngo...", split, tap.reshape(groups, -1, tap.shape[1]))
    return mixed.reshape(n, tap.shape[0], *values.shape[2:])


def _with_bias(out, bias):
    return out if bias is None else out + bias.view(1, -1, *[1] * (out.dim() - 2))


def conv1d_left_padded(x, w, bias=None, stride=(1,), padding=(0,), dilation=(1,), groups=1):
    (s,), (p,), (d,) = tup(stride, 1), tup(padding, 1), tup(dilation, 1)
    k = w.shape[2]
    windows = F.pad(x, (2 * p, 0)).unfold(2, d * (k - 1) + 1, s)[..., ::d]
    n, c, o, _ = windows.shape
    windows = windows.reshape(n, groups, c // groups, o, k)
    out = torch.einsum("ngclk,gock->ngol", windows, w.reshape(groups, -1, c // groups, k))
    return _with_bias(out.reshape(n, w.shape[0], o), bias)


def conv2d_channels_last(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    (sh, sw), (ph, pw), (dh, dw) = tup(stride, 2), tup(padding, 2), tup(dilation, 2)
    n, c, h, wd = x.shape
    kh, kw = w.shape[2:]
    oh, ow = out_size((h, wd), (kh, kw), (sh, sw), (ph, pw), (dh, dw))
    nhwc = F.pad(x.reshape(n, h, wd, c), (0, 0, pw, pw, ph, ph))
    out = torch.zeros(n, w.shape[0], oh, ow, dtype=x.dtype)
    for a in range(kh):
        for b in range(kw):
            part = nhwc[:, a * dh : a * dh + sh * (oh - 1) + 1 : sh, b * dw : b * dw + sw * (ow - 1) + 1 : sw]
            out += _mix(part.permute(0, 3, 1, 2), w[:, :, a, b], groups)
    return _with_bias(out, bias)


def conv2d_accumulator(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    (sh, sw), (ph, pw), (dh, dw) = tup(stride, 2), tup(padding, 2), tup(dilation, 2)
    kh, kw = w.shape[2:]
    oh, ow = out_size(x.shape[2:], (kh, kw), (sh, sw), (ph, pw), (dh, dw))
    xp = F.pad(x, (pw, pw, ph, ph))
    acc = torch.zeros(x.shape[0], w.shape[0], oh, ow)
    for a in range(kh):
        for b in range(kw):
            part = xp[:, :, a * dh : a * dh + sh * (oh - 1) + 1 : sh, b * dw : b * dw + sw * (ow - 1) + 1 : sw]
            acc += _mix(part, w[:, :, a, b], groups)
    return _with_bias(acc.to(x.dtype), bias)


def conv2d_example_list(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    stride, padding, dilation = tup(stride, 2), tup(padding, 2), tup(dilation, 2)
    size = out_size(x.shape[2:], w.shape[2:], stride, padding, dilation)
    ocg, cg = w.shape[0] // groups, w.shape[1]
    results = [torch.zeros(w.shape[0], *size, dtype=x.dtype)] * x.shape[0]
    for image, result in zip(x, results, strict=True):
        for g in range(groups):
            part = image[None, g * cg : (g + 1) * cg]
            cols = F.unfold(part, tuple(w.shape[2:]), dilation=dilation, padding=padding, stride=stride)[0]
            kernels = w[g * ocg : (g + 1) * ocg].reshape(ocg, -1)
            result[g * ocg : (g + 1) * ocg] = (kernels @ cols).view(ocg, *size)
    return _with_bias(torch.stack(results), bias)


def conv2d_subsampled(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    stride, (ph, pw), (dh, dw) = tup(stride, 2), tup(padding, 2), tup(dilation, 2)
    kh, kw = w.shape[2:]
    oh, ow = out_size(x.shape[2:], (kh, kw), stride, (ph, pw), (dh, dw))
    xp = F.pad(x, (pw, pw, ph, ph))
    fh, fw = xp.shape[2] - dh * (kh - 1), xp.shape[3] - dw * (kw - 1)
    dense = torch.zeros(x.shape[0], w.shape[0], fh, fw, dtype=x.dtype)
    for a in range(kh):
        for b in range(kw):
            dense += _mix(xp[:, :, a * dh : a * dh + fh, b * dw : b * dw + fw], w[:, :, a, b], groups)
    rows = (torch.arange(oh) * stride[0] + stride[0] // 2).clamp(max=fh - 1)
    cols = (torch.arange(ow) * stride[1] + stride[1] // 2).clamp(max=fw - 1)
    return _with_bias(dense[:, :, rows][..., cols], bias)


def conv3d_depth_sum(x, w, bias=None, stride=(1, 1, 1), padding=(0, 0, 0), dilation=(1, 1, 1), groups=1):
    stride, padding, dilation = tup(stride, 3), tup(padding, 3), tup(dilation, 3)
    (sd, pd, dd), depth = (stride[0], padding[0], dilation[0]), x.shape[2]
    size = out_size(x.shape[2:], w.shape[2:], stride, padding, dilation)
    out = torch.zeros(x.shape[0], w.shape[0], *size, dtype=x.dtype)
    for e in range(w.shape[2]):
        shift = e * dd - pd
        first, last = max(cdiv(-shift, sd), 0), min((depth - shift) // sd, size[0])
        for f in range(first, last):
            plane = x[:, :, f * sd + shift]
            out[:, :, f] += F.conv2d(plane, w[:, :, e], None, stride[1:], padding[1:], dilation[1:], groups)
    return _with_bias(out, bias)


def conv2d_row_parts(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    (sh, sw), (ph, pw), (dh, dw) = tup(stride, 2), tup(padding, 2), tup(dilation, 2)
    kh, kw = w.shape[2:]
    oh, ow = out_size(x.shape[2:], (kh, kw), (sh, sw), (ph, pw), (dh, dw))
    xp = F.pad(x, (pw, pw, ph, ph))
    parts = []
    for a in range(kh):
        rows = xp[:, :, a * dh : a * dh + sh * (oh - 1) + 1 : sh]
        slots = [rows[..., b * dw : b * dw + sw * (ow - 1) + 1 : sw] for b in range(kw)]
        parts.append(torch.stack([_mix(slot, w[:, :, a, b], groups) for b, slot in enumerate(slots)]).sum(0))
    return _with_bias(torch.stack(parts).mean(0), bias)


def conv1d_gather(x, w, bias=None, stride=(1,), padding=(0,), dilation=(1,), groups=1):
    (s,), (p,), (d,) = tup(stride, 1), tup(padding, 1), tup(dilation, 1)
    (n, c, length), k = x.shape, w.shape[2]
    (o,) = out_size((length,), (k,), (s,), (p,), (d,))
    at = torch.arange(o)[:, None] * s - p + torch.arange(k) * d
    keep = (at >= 0).to(x.dtype)
    windows = x[:, :, at.clamp(0, length - 1)] * keep
    windows = windows.reshape(n, groups, c // groups, o, k)
    out = torch.einsum("ngclk,gock->ngol", windows, w.reshape(groups, -1, c // groups, k))
    return _with_bias(out.reshape(n, w.shape[0], o), bias)


def conv2d_tap_columns(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    (sh, sw), (ph, pw), (dh, dw) = tup(stride, 2), tup(padding, 2), tup(dilation, 2)
    n, c = x.shape[:2]
    kh, kw = w.shape[2:]
    oh, ow = out_size(x.shape[2:], (kh, kw), (sh, sw), (ph, pw), (dh, dw))
    xp = F.pad(x, (pw, pw, ph, ph))
    slots = [
        xp[:, :, a * dh : a * dh + sh * (oh - 1) + 1 : sh, b * dw : b * dw + sw * (ow - 1) + 1 : sw]
        for b in range(kw)
        for a in range(kh)
    ]
    cols = torch.stack(slots, dim=2).reshape(n, groups, c // groups * kh * kw, oh * ow)
    out = w.reshape(groups, w.shape[0] // groups, -1) @ cols
    return _with_bias(out.reshape(n, w.shape[0], oh, ow), bias)
