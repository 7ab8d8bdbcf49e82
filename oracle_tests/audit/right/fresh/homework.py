"""Convolutions as students hand them in."""

import numpy as np


def conv_forward_naive(x, w, b, conv_param):
    """Four loops and a cache."""
    stride, pad = conv_param["stride"], conv_param["pad"]
    N, _, H, W = x.shape
    F, _, HH, WW = w.shape
    H_out = 1 + (H + 2 * pad - HH) // stride
    W_out = 1 + (W + 2 * pad - WW) // stride
    padded = np.pad(x, ((0,), (0,), (pad,), (pad,)), mode="constant")
    out = np.zeros((N, F, H_out, W_out), dtype=x.dtype)
    for n in range(N):
        for f in range(F):
            for i in range(H_out):
                for j in range(W_out):
                    top, left = i * stride, j * stride
                    out[n, f, i, j] = (padded[n, :, top : top + HH, left : left + WW] * w[f]).sum() + b[f]
    cache = (x, w, b, conv_param)
    return out, cache


def conv_forward_strides(x, w, b, conv_param):
    """Loops over the output alone."""
    stride, pad = conv_param["stride"], conv_param["pad"]
    HH, WW = w.shape[2:]
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    H_out = (padded.shape[2] - HH) // stride + 1
    W_out = (padded.shape[3] - WW) // stride + 1
    out = np.empty((len(x), len(w), H_out, W_out), x.dtype)
    for i in range(H_out):
        for j in range(W_out):
            region = padded[:, :, i * stride : i * stride + HH, j * stride : j * stride + WW]
            out[:, :, i, j] = np.tensordot(region, w, axes=((1, 2, 3), (1, 2, 3))) + b
    return out, (padded, w, stride, pad)


def conv_backward_strides(dout, cache):
    """The gradients of the one above."""
    padded, w, stride, pad = cache
    HH, WW = w.shape[2:]
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            rows, columns = slice(i * stride, i * stride + HH), slice(j * stride, j * stride + WW)
            here = dout[:, :, i, j]
            dpadded[:, :, rows, columns] += np.einsum("nf,fchw->nchw", here, w)
            dw += np.einsum("nf,nchw->fchw", here, padded[:, :, rows, columns])
    H, W = padded.shape[2] - 2 * pad, padded.shape[3] - 2 * pad
    return dpadded[:, :, pad : pad + H, pad : pad + W], dw, dout.sum(axis=(0, 2, 3))


def conv_forward(A_prev, W, b, hparameters):
    """Channels last, square filters, and a bias of four axes."""
    stride, pad = hparameters["stride"], hparameters["pad"]
    m, n_H_prev, n_W_prev, _ = A_prev.shape
    f, _, _, n_C = W.shape
    n_H = int((n_H_prev + 2 * pad - f) / stride) + 1
    n_W = int((n_W_prev + 2 * pad - f) / stride) + 1
    Z = np.zeros((m, n_H, n_W, n_C))
    A_prev_pad = np.pad(A_prev, ((0, 0), (pad, pad), (pad, pad), (0, 0)), mode="constant", constant_values=0)
    for i in range(m):
        a_prev_pad = A_prev_pad[i]
        for h in range(n_H):
            for w in range(n_W):
                a_slice = a_prev_pad[h * stride : h * stride + f, w * stride : w * stride + f]
                for c in range(n_C):
                    Z[i, h, w, c] = np.sum(a_slice * W[..., c]) + b[0, 0, 0, c]
    assert Z.shape == (m, n_H, n_W, n_C)
    return Z, (A_prev, W, b, hparameters)


def corr2d(X, K):
    """One image and one kernel."""
    h, w = K.shape
    Y = np.zeros((X.shape[0] - h + 1, X.shape[1] - w + 1))
    for i in range(Y.shape[0]):
        for j in range(Y.shape[1]):
            Y[i, j] = (X[i : i + h, j : j + w] * K).sum()
    return Y


def corr2d_multi_in(X, K):
    """All channels of one image."""
    return sum(corr2d(x, k) for x, k in zip(X, K, strict=True))


def corr2d_multi_in_out(X, K):
    """Every output channel of one image."""
    return np.stack([corr2d_multi_in(X, k) for k in K], 0)


def forward_with_column_bias(x, w, b, stride=1, padding=0):
    """Columns, and a bias of shape (F, 1)."""
    F, C, HH, WW = w.shape
    assert b.shape == (F, 1)
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    rows, columns = (x.shape[2] - HH) // stride + 1, (x.shape[3] - WW) // stride + 1
    out = np.zeros((len(x), F, rows, columns), x.dtype)
    for n, image in enumerate(x):
        cols = np.empty((C * HH * WW, rows * columns), x.dtype)
        for i in range(rows):
            for j in range(columns):
                patch = image[:, i * stride : i * stride + HH, j * stride : j * stride + WW]
                cols[:, i * columns + j] = patch.ravel()
        out[n] = (w.reshape(F, -1) @ cols + b).reshape(F, rows, columns)
    return out


def same_filter(image, kernels):
    """An image (H, W, C) stays as large as it is; kernels are odd."""
    kh, kw, _, count = kernels.shape
    if kh % 2 == 0 or kw % 2 == 0:
        raise ValueError("odd kernels only")
    height, width = image.shape[:2]
    framed = np.pad(image, ((kh // 2, kh // 2), (kw // 2, kw // 2), (0, 0)))
    result = np.zeros((height, width, count), image.dtype)
    for y in range(height):
        for x in range(width):
            result[y, x] = np.einsum("abc,abco->o", framed[y : y + kh, x : x + kw], kernels)
    return result


def lists_inside(x, w, bias=None, stride=(1, 1)):
    """No NumPy but at the doors."""
    images, kernels, (sh, sw) = x.tolist(), w.tolist(), (stride, stride) if isinstance(stride, int) else stride
    kh, kw = w.shape[2:]
    rows, columns = (x.shape[2] - kh) // sh + 1, (x.shape[3] - kw) // sw + 1
    found = []
    for image in images:
        for m, kernel in enumerate(kernels):
            for i in range(rows):
                for j in range(columns):
                    total = 0.0
                    for plane, taps in zip(image, kernel, strict=True):
                        for a in range(kh):
                            for b in range(kw):
                                total += plane[i * sh + a][j * sw + b] * taps[a][b]
                    found.append(total + (float(bias[m]) if bias is not None else 0.0))
    return np.array(found, dtype=x.dtype).reshape(len(images), len(kernels), rows, columns)


def convolve(image, kernel):
    """What signal processing calls a convolution: the kernel is turned round."""
    return corr2d(image, np.rot90(kernel, 2))


def square_images(x, w, stride=1, padding=0):
    """Square everything, asserted."""
    n, c, size, other = x.shape
    m, c2, k, k2 = w.shape
    assert size == other, "square images"
    assert k == k2, "square kernels"
    assert c == c2, "no groups"
    side = (size + 2 * padding - k) // stride + 1
    grown = np.zeros((n, c, size + 2 * padding, size + 2 * padding), x.dtype)
    grown[:, :, padding : padding + size, padding : padding + size] = x
    y = np.zeros((n, m, side, side), x.dtype)
    for i in range(side):
        for j in range(side):
            field = grown[:, :, i * stride : i * stride + k, j * stride : j * stride + k].reshape(n, -1)
            y[:, :, i, j] = field @ w.reshape(m, -1).T
    return y


def padding_mode(x, w, padding="valid", stride=1):
    """'valid', 'same' with stride 1, or an int."""
    if isinstance(stride, tuple):
        raise TypeError("stride is an int")
    kh, kw = w.shape[2:]
    if padding == "same":
        if stride != 1:
            raise ValueError("same needs stride 1")
        sides = [((k - 1) // 2, k - 1 - (k - 1) // 2) for k in (kh, kw)]
    elif padding == "valid":
        sides = [(0, 0), (0, 0)]
    elif isinstance(padding, int):
        sides = [(padding, padding)] * 2
    else:
        raise TypeError("padding is 'same', 'valid' or an int")
    x = np.pad(x, [(0, 0), (0, 0), *sides])
    windows = np.lib.stride_tricks.sliding_window_view(x, (kh, kw), (2, 3))[:, :, ::stride, ::stride]
    return np.einsum("nchwab,mcab->nmhw", windows, w)


def in_a_dictionary(x, w, bias=None, stride=1):
    """The answer is an entry of a dictionary."""
    if not isinstance(stride, int):
        stride = stride[0] if len(set(stride)) == 1 else None
    if stride is None:
        raise ValueError("one stride for both axes")
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], (2, 3))[:, :, ::stride, ::stride]
    out = np.tensordot(windows, w, ((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2)
    return {"out": out if bias is None else out + bias[:, None, None], "input": x}


def settings(x, w, b=None, settings=None):
    """Everything else in a dictionary that may be left out."""
    given = {"stride": 1, "padding": 0, "dilation": 1, **(settings or {})}
    (sh, sw), (ph, pw), (dh, dw) = (np.broadcast_to(given[name], 2) for name in ("stride", "padding", "dilation"))
    kh, kw = w.shape[2:]
    x = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    rows, columns = (x.shape[2] - dh * (kh - 1) - 1) // sh + 1, (x.shape[3] - dw * (kw - 1) - 1) // sw + 1
    y = np.zeros((len(x), len(w), rows, columns), x.dtype)
    for i in range(kh):
        for j in range(kw):
            part = x[:, :, i * dh : i * dh + (rows - 1) * sh + 1 : sh, j * dw : j * dw + (columns - 1) * sw + 1 : sw]
            y += np.einsum("nchw,mc->nmhw", part, w[:, :, i, j])
    return y if b is None else y + b.reshape(1, -1, 1, 1)
