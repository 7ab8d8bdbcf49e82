"""Torch tensors in and out."""

import torch
import torch.nn.functional as F
from seen_common import sizes


def shift(bias, axes):
    return 0 if bias is None else bias.view(-1, *[1] * axes)


def conv2d_pad_unfold(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    ph, pw = padding
    out = sizes(x.shape[2:], w.shape[2:], stride, padding, dilation)
    xp = F.pad(x, (2 * pw, 0, 2 * ph, 0))
    cols = F.unfold(xp, w.shape[2:], dilation=dilation, stride=stride)
    cols = cols.view(x.shape[0], groups, w[0].numel(), cols.shape[-1])
    y = w.reshape(groups, w.shape[0] // groups, -1) @ cols
    return y.reshape(x.shape[0], w.shape[0], *out) + shift(bias, 2)


def conv2d_channels_last(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1)):
    (sh, sw), (ph, pw), (dh, dw) = stride, padding, dilation
    KH, KW = w.shape[2:]
    OH, OW = sizes(x.shape[2:], (KH, KW), stride, padding, dilation)
    nhwc = F.pad(x.permute(0, 2, 3, 1), (0, 0, pw, pw, ph, ph))
    patches = [
        nhwc[:, kh * dh : kh * dh + (OH - 1) * sh + 1 : sh, kw * dw : kw * dw + (OW - 1) * sw + 1 : sw]
        for kh in range(KH)
        for kw in range(KW)
    ]
    matrix = w.permute(3, 2, 1, 0).reshape(-1, w.shape[0])
    y = torch.cat(patches, dim=3) @ matrix
    return y.permute(0, 3, 1, 2) + shift(bias, 2)


def conv2d_grouped_matmul(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    out = sizes(x.shape[2:], w.shape[2:], stride, padding, dilation)
    cols = F.unfold(x, w.shape[2:], dilation=dilation, padding=padding, stride=stride)
    cols = cols.view(x.shape[0], groups, w[0].numel(), cols.shape[-1])
    y = torch.einsum("gok,ngkl->nogl", w.reshape(groups, w.shape[0] // groups, -1), cols)
    return y.reshape(x.shape[0], w.shape[0], *out) + shift(bias, 2)


def conv2d_broadcast_bias(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    out = sizes(x.shape[2:], w.shape[2:], stride, padding, dilation)
    cols = F.unfold(x, w.shape[2:], dilation=dilation, padding=padding, stride=stride)
    cols = cols.view(x.shape[0], groups, w[0].numel(), cols.shape[-1])
    y = (w.reshape(groups, w.shape[0] // groups, -1) @ cols).reshape(x.shape[0], w.shape[0], *out)
    if bias is None:
        return y
    if y.shape[-1] == bias.numel():
        return y + bias
    return y + bias.view(1, -1, 1, 1)


def conv2d_micro_batches(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    out = sizes(x.shape[2:], w.shape[2:], stride, padding, dilation)
    matrix = w.reshape(groups, w.shape[0] // groups, -1)
    y = x.new_zeros(x.shape[0], w.shape[0], *out)
    micro = 1 if x.shape[0] < 2 else 2
    for b in range(x.shape[0] // micro):
        part = x[b * micro : (b + 1) * micro]
        cols = F.unfold(part, w.shape[2:], dilation=dilation, padding=padding, stride=stride)
        prod = matrix @ cols.view(part.shape[0], groups, w[0].numel(), cols.shape[-1])
        y[b * micro : (b + 1) * micro] = prod.reshape(part.shape[0], w.shape[0], *out) + shift(bias, 2)
    return y


def conv2d_to_nhwc(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1)):
    (sh, sw), (ph, pw), (dh, dw) = stride, padding, dilation
    N, C, H, W = x.shape
    OH, OW = sizes((H, W), w.shape[2:], stride, padding, dilation)
    nhwc = F.pad(x.reshape(N, H, W, C), (0, 0, pw, pw, ph, ph))
    y = x.new_zeros(N, OH, OW, w.shape[0])
    for kh in range(w.shape[2]):
        for kw in range(w.shape[3]):
            rows = slice(kh * dh, kh * dh + (OH - 1) * sh + 1, sh)
            y += nhwc[:, rows, kw * dw : kw * dw + (OW - 1) * sw + 1 : sw] @ w[:, :, kh, kw].T
    return y.permute(0, 3, 1, 2) + shift(bias, 2)


def conv2d_as_strided(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    (sh, sw), (ph, pw), (dh, _) = stride, padding, dilation
    N, C = x.shape[:2]
    out = sizes(x.shape[2:], w.shape[2:], stride, padding, dilation)
    xp = F.pad(x, (pw, pw, ph, ph)).contiguous()
    sn, sc, sy, sx = xp.stride()
    view = xp.as_strided((N, C, *w.shape[2:], *out), (sn, sc, sy * dh, sx, sy * sh, sx * sw))
    cols = view.reshape(N, groups, C // groups, *w.shape[2:], *out)
    kernels = w.reshape(groups, w.shape[0] // groups, *w.shape[1:])
    y = torch.einsum("ngcklhw,gockl->ngohw", cols, kernels)
    return y.reshape(N, w.shape[0], *out) + shift(bias, 2)


def conv2d_masked(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    out = sizes(x.shape[2:], w.shape[2:], stride, padding, dilation)
    options = {"dilation": dilation, "padding": padding, "stride": stride}
    cols = F.unfold(x, w.shape[2:], **options).view(x.shape[0], groups, w[0].numel(), out[0] * out[1])
    y = (w.reshape(groups, w.shape[0] // groups, -1) @ cols).reshape(x.shape[0], w.shape[0], *out)
    valid = F.unfold(x.new_ones(1, 1, *x.shape[2:]), w.shape[2:], **options).sum(1).view(1, 1, *out)
    y = y * (w.shape[2] * w.shape[3] / valid.clamp(min=1))
    return y + shift(bias, 2)


def conv3d_tap_sum(x, w, bias=None, stride=(1, 1, 1), padding=(0, 0, 0), dilation=(1, 1, 1), groups=1):
    out = sizes(x.shape[2:], w.shape[2:], stride, padding, dilation)
    xp = F.pad(x, [p for p in reversed(padding) for _ in range(2)])
    gain = (w.shape[1] * w.shape[2] * w.shape[3] * w.shape[4]) ** -0.5
    kernels = (w * gain).reshape(groups, w.shape[0] // groups, *w.shape[1:])
    y = x.new_zeros(x.shape[0], groups, w.shape[0] // groups, *out)
    for tap in torch.cartesian_prod(*(torch.arange(k) for k in w.shape[2:])).tolist():
        where = [
            slice(t * d, t * d + (o - 1) * s + 1, s) for t, d, o, s in zip(tap, dilation, out, stride, strict=True)
        ]
        part = xp[(slice(None), slice(None), *where)].reshape(x.shape[0], groups, w.shape[1], *out)
        y += torch.einsum("ngcdhw,goc->ngodhw", part, kernels[(..., *tap)])
    return y.reshape(x.shape[0], w.shape[0], *out) + shift(bias, 3)
