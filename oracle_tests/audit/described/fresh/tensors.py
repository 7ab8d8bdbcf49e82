"""Convolutions of torch tensors."""

import torch
import torch.nn.functional as F
from fresh_common import each, extents


def _with_bias(out, bias):
    return out if bias is None else out + bias.reshape(-1, *[1] * (out.dim() - 2))


def conv2d_unfolded(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    stride, padding, dilation = each(stride, 2), each(padding, 2), each(dilation, 2)
    m, cg, kh, kw = weight.shape
    oh, ow = extents(input.shape[2:], (kh, kw), stride, padding, dilation)
    n = input.shape[0]
    cols = F.unfold(input, (kh, kw), dilation=dilation, padding=padding, stride=stride)
    cols = cols.view(n, groups, cg * kh * kw, oh * ow)
    out = weight.reshape(groups, m // groups, -1) @ cols
    out = out.view(n, m, ow, oh).transpose(2, 3)
    return _with_bias(out.reshape(n, m, oh, ow), bias)


def conv2d_padded_windows(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    (sh, sw), (ph, pw), (dh, dw) = each(stride, 2), each(padding, 2), each(dilation, 2)
    m, cg, kh, kw = weight.shape
    x = F.pad(input, (ph, ph, pw, pw))
    windows = x.unfold(2, dh * (kh - 1) + 1, sh).unfold(3, dw * (kw - 1) + 1, sw)[..., ::dh, ::dw]
    n, c, oh, ow = windows.shape[:4]
    windows = windows.reshape(n, groups, c // groups, oh, ow, kh, kw)
    out = torch.einsum("ngchwab,gmcab->ngmhw", windows, weight.reshape(groups, m // groups, cg, kh, kw))
    return _with_bias(out.reshape(n, m, oh, ow), bias)


_MODULES = {}


def conv2d_kept_modules(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    stride, padding, dilation = each(stride, 2), each(padding, 2), each(dilation, 2)
    m, cg, kh, kw = weight.shape
    key = (cg * groups, m, kh, kw, stride, padding, groups, input.dtype)
    if key not in _MODULES:
        _MODULES[key] = torch.nn.Conv2d(
            cg * groups, m, (kh, kw), stride, padding, dilation, groups, bias=True, dtype=input.dtype
        )
    module = _MODULES[key]
    with torch.no_grad():
        module.weight.copy_(weight)
        if bias is None:
            module.bias.zero_()
        else:
            module.bias.copy_(bias)
        return module(input)


def conv1d_half_operands(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    (s,), (p,), (d,) = each(stride, 1), each(padding, 1), each(dilation, 1)
    m, cg, k = weight.shape
    n = input.shape[0]
    x, w = F.pad(input, (p, p)).bfloat16(), weight.bfloat16()
    windows = x.unfold(2, d * (k - 1) + 1, s)[..., ::d]
    size = windows.shape[2]
    windows = windows.reshape(n, groups, cg, size, k).to(input.dtype)
    out = torch.einsum("ngclk,gmck->ngml", windows, w.to(input.dtype).reshape(groups, m // groups, cg, k))
    return _with_bias(out.reshape(n, m, size), bias)


def conv3d_frames(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    stride, padding, dilation = each(stride, 3), each(padding, 3), each(dilation, 3)
    n, c = input.shape[:2]
    sizes = extents(input.shape[2:], weight.shape[2:], stride, padding, dilation)
    x = F.pad(input, (0, 0, 0, 0, padding[0], padding[0]))
    total = 0
    for e in range(weight.shape[2]):
        first = e * dilation[0]
        frames = x[:, :, first : first + (sizes[0] - 1) * stride[0] + 1 : stride[0]]
        frames = frames.transpose(1, 2).reshape(n * sizes[0], c, *x.shape[3:])
        total = total + F.conv2d(frames, weight[:, :, e], None, stride[1:], padding[1:], dilation[1:], groups)
    out = total.reshape(sizes[0], n, *total.shape[1:]).transpose(0, 1)
    return _with_bias(out.transpose(1, 2).contiguous(), bias)


def conv2d_two_halves(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    stride, padding, dilation = each(stride, 2), each(padding, 2), each(dilation, 2)
    _, ow = extents(input.shape[2:], weight.shape[2:], stride, padding, dilation)
    x = F.pad(input, (padding[1], padding[1], padding[0], padding[0]))
    reach = dilation[1] * (weight.shape[3] - 1) + 1
    if ow < 8:
        return F.conv2d(x, weight, bias, stride, 0, dilation, groups)
    left_outputs = ow // 2
    seam = left_outputs * stride[1]
    wanted = (left_outputs - 1) * stride[1] + reach
    left = x[..., :seam]
    if wanted > seam:
        left = F.pad(left, (0, wanted - seam))
    halves = [left[..., :wanted], x[..., seam:]]
    return torch.cat([F.conv2d(half, weight, bias, stride, 0, dilation, groups) for half in halves], dim=3)


def conv2d_repeated_channels(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    (sh, sw), (ph, pw), (dh, dw) = each(stride, 2), each(padding, 2), each(dilation, 2)
    if groups != input.shape[1]:
        return F.conv2d(input, weight, bias, (sh, sw), (ph, pw), (dh, dw), groups)
    m, _, kh, kw = weight.shape
    oh, ow = extents(input.shape[2:], (kh, kw), (sh, sw), (ph, pw), (dh, dw))
    x = F.pad(input.repeat(1, m // groups, 1, 1), (pw, pw, ph, ph))
    out = torch.zeros(x.shape[0], m, oh, ow, dtype=input.dtype)
    for a in range(kh):
        for b in range(kw):
            seen = x[:, :, a * dh : a * dh + sh * (oh - 1) + 1 : sh, b * dw : b * dw + sw * (ow - 1) + 1 : sw]
            out += seen * weight[:, 0, a, b].reshape(1, -1, 1, 1)
    return _with_bias(out, bias)
