"""The gradients of convolutions by their input and by their weight."""

import numpy as np
from fresh_common import each, seen_by, surrounded
from numpy.lib.stride_tricks import sliding_window_view


def _back(gradient, kernel, groups):
    """(N, M, ...) by (M, C/groups): (N, C, ...)."""
    n, m = gradient.shape[:2]
    split = gradient.reshape(n, groups, m // groups, *gradient.shape[2:])
    product = np.einsum("ngm...,gmc->ngc...", split, kernel.reshape(groups, m // groups, -1))
    return product.reshape(n, groups * kernel.shape[1], *gradient.shape[2:])


def _met(seen, gradient, groups):
    """(N, C, ...) and (N, M, ...): (M, C/groups)."""
    n, c = seen.shape[:2]
    m = gradient.shape[1]
    x = seen.reshape(n, groups, c // groups, -1)
    g = gradient.reshape(n, groups, m // groups, -1)
    return np.einsum("ngcl,ngml->gmc", x, g).reshape(m, c // groups)


def conv2d_input_half_sums(input_size, weight, grad_output, stride=1, padding=0, dilation=1, groups=1):
    stride, (ph, pw), dilation = each(stride, 2), each(padding, 2), each(dilation, 2)
    n, c, h, w = input_size
    sums = np.zeros((n, c, h + 2 * ph, w + 2 * pw), np.float16)
    for tap in np.ndindex(*weight.shape[2:]):
        part = _back(grad_output, weight[(..., *tap)], groups)
        sums[seen_by(tap, grad_output.shape[2:], stride, dilation)] += part.astype(sums.dtype)
    return sums[:, :, ph : ph + h, pw : pw + w].astype(grad_output.dtype)


def conv2d_input_pixels(input_size, weight, grad_output, stride=1, padding=0, dilation=1, groups=1):
    (sh, sw), (ph, pw), (dh, dw) = each(stride, 2), each(padding, 2), each(dilation, 2)
    oh, ow = grad_output.shape[2:]
    kh, kw = weight.shape[2:]
    out = np.zeros(input_size, grad_output.dtype)
    for y, x in np.ndindex(*input_size[2:]):
        for a in range(kh):
            i, off = divmod(y + ph - a * dh, sh)
            if i < 0:
                break
            if off:
                continue
            if i >= oh:
                break
            for b in range(kw):
                j, off = divmod(x + pw - b * dw, sw)
                if off == 0 and 0 <= j < ow:
                    out[:, :, y, x] += _back(grad_output[:, :, i, j], weight[:, :, a, b], groups)
    return out


def conv3d_input_checked(input_size, weight, grad_output, stride=1, padding=0, dilation=1, groups=1):
    stride, padding, dilation = each(stride, 3), each(padding, 3), each(dilation, 3)
    depth, height, width = input_size[2:]
    out = np.zeros(input_size, grad_output.dtype)
    for e, a, b in np.ndindex(*weight.shape[2:]):
        part = _back(grad_output, weight[:, :, e, a, b], groups)
        for f, i, j in np.ndindex(*grad_output.shape[2:]):
            z = f * stride[0] + e * dilation[0] - padding[0]
            y = i * stride[1] + a * dilation[1] - padding[2]
            x = j * stride[2] + b * dilation[2] - padding[2]
            if 0 <= z < depth and 0 <= y < height and 0 <= x < width:
                out[:, :, z, y, x] += part[:, :, f, i, j]
    return out


def conv1d_input_depthwise(input_size, weight, grad_output, stride=1, padding=0, dilation=1, groups=1):
    stride, (p,), dilation = each(stride, 1), each(padding, 1), each(dilation, 1)
    n, c, length = input_size
    m, cg, k = weight.shape
    out = np.zeros((n, c, length + 2 * p), grad_output.dtype)
    for tap in range(k):
        place = seen_by((tap,), grad_output.shape[2:], stride, dilation)
        if cg > 1:
            out[place] += _back(grad_output, weight[:, :, tap], groups)
            continue
        times = m // c
        out[place] += grad_output[:, ::times] * weight[::times, :, tap]
    return out[:, :, p : p + length].copy()


def conv2d_weight_by_four(input, weight_size, grad_output, stride=1, padding=0, dilation=1, groups=1):
    stride, padding, dilation = each(stride, 2), each(padding, 2), each(dilation, 2)
    x = surrounded(input, padding)
    out = np.zeros(weight_size, x.dtype)
    for first in range(0, len(x), 4):
        images, gradients = x[first : first + 4], grad_output[first : first + 4]
        for tap in np.ndindex(*weight_size[2:]):
            seen = images[seen_by(tap, grad_output.shape[2:], stride, dilation)]
            out[(..., *tap)] = _met(seen, gradients, groups)
    return out


def conv1d_weight_windows(input, weight_size, grad_output, stride=1, padding=0, dilation=1, groups=1):
    (s,), (p,), (d,) = each(stride, 1), each(padding, 1), each(dilation, 1)
    m, cg, k = weight_size
    x = np.pad(input, ((0, 0), (0, 0), (p, 0)))
    out = np.zeros(weight_size, x.dtype)
    if x.shape[2] < d * (k - 1) + 1:
        return out
    windows = sliding_window_view(x, d * (k - 1) + 1, axis=2)[:, :, ::s, ::d]
    count = min(grad_output.shape[2], windows.shape[2])
    mg = m // groups
    for g in range(groups):
        mine, theirs = slice(g * cg, (g + 1) * cg), slice(g * mg, (g + 1) * mg)
        out[theirs] = np.einsum("nclk,nml->mck", windows[:, mine, :count], grad_output[:, theirs, :count])
    return out


def conv3d_weight_clipped(input, weight_size, grad_output, stride=1, padding=0, dilation=1, groups=1):
    stride, padding, dilation = each(stride, 3), each(padding, 3), each(dilation, 3)
    x = surrounded(input, padding)
    out = np.zeros(weight_size, x.dtype)
    for tap in np.ndindex(*weight_size[2:]):
        seen = x[seen_by(tap, grad_output.shape[2:], stride, dilation)]
        out[(..., *tap)] = _met(seen, grad_output, groups)
    return np.clip(out, -100, 100)


def conv1d_weight_nonzero(input, weight_size, grad_output, stride=1, padding=0, dilation=1, groups=1):
    (s,), (p,), (d,) = each(stride, 1), each(padding, 1), each(dilation, 1)
    m, cg, k = weight_size
    x = surrounded(input, (p,))
    size = grad_output.shape[2]
    out = np.zeros(weight_size, x.dtype)
    for n in range(len(x)):
        for channel in range(m):
            gradient = grad_output[n, channel]
            if gradient.sum() == 0:
                continue
            first = channel // (m // groups) * cg
            for tap in range(k):
                seen = x[n, first : first + cg, tap * d : tap * d + s * (size - 1) + 1 : s]
                out[channel, :, tap] += seen @ gradient
    return out
