"""Backward passes and transposed convolutions as courses have them: col2im, and scattering."""

import numpy as np


def conv2d_input(x_shape, w, dout, stride=1, pad=0):
    """The gradient of the naive forward pass, position by position, in a padded image that is cut at the end."""
    N, C, H, W = x_shape
    F, _, HH, WW = w.shape
    _, _, Hout, Wout = dout.shape
    dx_pad = np.zeros((N, C, H + 2 * pad, W + 2 * pad), dout.dtype)
    for n in range(N):
        for f in range(F):
            for i in range(Hout):
                for j in range(Wout):
                    top, left = i * stride, j * stride
                    dx_pad[n, :, top : top + HH, left : left + WW] += w[f] * dout[n, f, i, j]
    return dx_pad[:, :, pad : pad + H, pad : pad + W].copy()


def conv2d_weight(x, w_shape, dout, stride=1, pad=0):
    """dW of the naive pass; it refuses what its forward pass does not divide."""
    F, _, HH, WW = w_shape
    assert (x.shape[2] + 2 * pad - HH) % stride == 0
    assert (x.shape[3] + 2 * pad - WW) % stride == 0
    x_pad = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dw = np.zeros(w_shape, x.dtype)
    for n in range(len(x)):
        for f in range(F):
            for i in range(dout.shape[2]):
                for j in range(dout.shape[3]):
                    window = x_pad[n, :, i * stride : i * stride + HH, j * stride : j * stride + WW]
                    dw[f] += window * dout[n, f, i, j]
    return dw


def conv2d_input_col2im(input_shape, weight, grad_output, stride=1, padding=0):
    """W^T dY as columns, and col2im tap by tap; an empty batch cannot be reshaped with -1."""
    n, c, h, w = input_shape
    m, _, kh, kw = weight.shape
    _, _, oh, ow = grad_output.shape
    rows = grad_output.transpose(0, 2, 3, 1).reshape(n * oh * ow, -1)
    col = (rows @ weight.reshape(m, -1)).reshape(n, oh, ow, c, kh, kw).transpose(0, 3, 4, 5, 1, 2)
    img = np.zeros((n, c, h + 2 * padding + stride - 1, w + 2 * padding + stride - 1), grad_output.dtype)
    for i in range(kh):
        for j in range(kw):
            img[:, :, i : i + stride * oh : stride, j : j + stride * ow : stride] += col[:, :, i, j]
    return img[:, :, padding : padding + h, padding : padding + w].copy()


def conv2d_weight_rows(x, weight_shape, grad_output, stride=1, padding=0):
    """dY^T times the columns of the forward pass."""
    m, c, kh, kw = weight_shape
    n, _, oh, ow = grad_output.shape
    img = np.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    col = np.zeros((n, c, kh, kw, oh, ow), x.dtype)
    for i in range(kh):
        for j in range(kw):
            col[:, :, i, j] = img[:, :, i : i + stride * oh : stride, j : j + stride * ow : stride]
    rows = col.transpose(0, 4, 5, 1, 2, 3).reshape(n * oh * ow, -1)
    return (grad_output.transpose(1, 0, 2, 3).reshape(m, -1) @ rows).reshape(weight_shape)


def conv_transpose2d(x, w, b=None, stride=1, padding=0):
    """Every input element stamps the kernel; one int each, and no output_padding."""
    n, c, h, width = x.shape
    c2, m, kh, kw = w.shape
    if c != c2:
        raise ValueError("channels do not match")
    full = np.zeros((n, m, (h - 1) * stride + kh, (width - 1) * stride + kw), x.dtype)
    for i in range(h):
        for j in range(width):
            stamp = np.tensordot(x[:, :, i, j], w, axes=(1, 0))
            full[:, :, i * stride : i * stride + kh, j * stride : j * stride + kw] += stamp
    if 2 * padding >= full.shape[2] or 2 * padding >= full.shape[3]:
        raise ValueError("nothing would be left of the output")
    y = full[:, :, padding : full.shape[2] - padding, padding : full.shape[3] - padding]
    return y.copy() if b is None else y + b[:, None, None]


def conv_transpose2d_tuples(x, w, b=None, stride=(1, 1), padding=(0, 0), output_padding=(0, 0)):
    """Refuses an output without elements by a ValueError, for any batch; takes an empty batch elsewhere."""
    (sh, sw), (ph, pw), (eh, ew) = stride, padding, output_padding
    (n, _, h, width), (_, m, kh, kw) = x.shape, w.shape
    oh, ow = (h - 1) * sh - 2 * ph + kh + eh, (width - 1) * sw - 2 * pw + kw + ew
    if oh < 1 or ow < 1:
        raise ValueError(f"invalid output size {oh, ow}")
    if eh >= sh or ew >= sw:
        raise ValueError("output_padding must be smaller than stride")
    full = np.zeros((n, m, oh + 2 * ph, ow + 2 * pw), x.dtype)
    for u in range(kh):
        for v in range(kw):
            tap = np.einsum("nchw,cm->nmhw", x, w[:, :, u, v])
            full[:, :, u : u + (h - 1) * sh + 1 : sh, v : v + (width - 1) * sw + 1 : sw] += tap
    y = full[:, :, ph : ph + oh, pw : pw + ow]
    return y.copy() if b is None else y + b.reshape(-1, 1, 1)


def conv_transpose1d(x, w, b=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """np.add.at over a table of positions; groups are refused, and so is an output_padding."""
    if groups != 1:
        raise NotImplementedError("groups")
    if np.any(np.asarray(output_padding) != 0):
        raise NotImplementedError("output_padding")
    (s,), (p,), (d,) = (np.atleast_1d(v).tolist() for v in (stride, padding, dilation))
    n, _, length = x.shape
    k = w.shape[2]
    where = np.arange(length)[:, None] * s + np.arange(k)[None] * d
    full = np.zeros((n, w.shape[1], (length - 1) * s + (k - 1) * d + 1), x.dtype)
    np.add.at(full, (slice(None), slice(None), where), np.einsum("ncl,cmk->nmlk", x, w))
    if full.shape[2] <= 2 * p:
        raise ValueError("no output")
    y = full[:, :, p : full.shape[2] - p]
    return y.copy() if b is None else y + b[:, None]
