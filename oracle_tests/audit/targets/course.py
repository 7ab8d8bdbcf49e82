"""Functions as courses have people write them: caches, parameter dictionaries, one backward function."""

import numpy as np


def conv_forward_naive(x, w, b, conv_param):
    """cs231n: (N, C, H, W) and (F, C, HH, WW), a dictionary of parameters, the result and a cache."""
    stride, pad = conv_param["stride"], conv_param["pad"]
    n, _, h, wide = x.shape
    f, _, hh, ww = w.shape
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    rows, columns = 1 + (h + 2 * pad - hh) // stride, 1 + (wide + 2 * pad - ww) // stride
    out = np.zeros((n, f, rows, columns), x.dtype)
    for i in range(rows):
        for j in range(columns):
            window = padded[:, :, i * stride : i * stride + hh, j * stride : j * stride + ww]
            out[:, :, i, j] = np.tensordot(window, w, ([1, 2, 3], [1, 2, 3])) + b
    cache = (x, w, b, conv_param)
    return out, cache


def conv_backward_naive(dout, cache):
    """cs231n: the three gradients, from the cache."""
    x, w, _, conv_param = cache
    stride, pad = conv_param["stride"], conv_param["pad"]
    _, _, hh, ww = w.shape
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    wide, dw = np.zeros_like(padded), np.zeros_like(w)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            here = (slice(None), slice(None), slice(i * stride, i * stride + hh), slice(j * stride, j * stride + ww))
            wide[here] += np.tensordot(dout[:, :, i, j], w, ([1], [0]))
            dw += np.tensordot(dout[:, :, i, j], padded[here], ([0], [0]))
    dx = wide[:, :, pad : pad + x.shape[2], pad : pad + x.shape[3]]
    db = dout.sum(axis=(0, 2, 3))
    return dx, dw, db


def conv_forward_naive_faulty(x, w, b, conv_param):
    """The same, which reads its kernel backwards along the width."""
    stride, pad = conv_param["stride"], conv_param["pad"]
    return conv_forward_naive(x, w[..., ::-1], b, {"stride": stride, "pad": pad})


def conv_backward_naive_faulty(dout, cache):
    """The same, whose weight gradient leaves out the last row of positions."""
    dx, _, db = conv_backward_naive(dout, cache)
    short = dout.copy()
    short[:, :, -1] = 0
    return dx, conv_backward_naive(short, cache)[1], db


def conv_forward(A_prev, W, b, hparameters):
    """Ng: (m, H, W, C) and (f, f, C_prev, C), a bias of (1, 1, 1, C)."""
    stride, pad = hparameters["stride"], hparameters["pad"]
    (m, h_prev, w_prev, _), (f, _, _, n_c) = A_prev.shape, W.shape
    n_h, n_w = (h_prev - f + 2 * pad) // stride + 1, (w_prev - f + 2 * pad) // stride + 1
    z = np.zeros((m, n_h, n_w, n_c), A_prev.dtype)
    padded = np.pad(A_prev, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    for h in range(n_h):
        for w in range(n_w):
            window = padded[:, h * stride : h * stride + f, w * stride : w * stride + f]
            for c in range(n_c):
                z[:, h, w, c] = np.sum(window * W[..., c], axis=(1, 2, 3)) + b[0, 0, 0, c]
    cache = (A_prev, W, b, hparameters)
    return z, cache


def conv_forward_faulty(A_prev, W, b, hparameters):
    """The same, with the kernel's height and width exchanged."""
    return conv_forward(A_prev, W.swapaxes(0, 1), b, hparameters)


def corr2d(x, k):
    """d2l: one image and one kernel, no channels."""
    y = np.zeros((x.shape[0] - k.shape[0] + 1, x.shape[1] - k.shape[1] + 1), x.dtype)
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            y[i, j] = (x[i : i + k.shape[0], j : j + k.shape[1]] * k).sum()
    return y


def corr2d_faulty(x, k):
    """The same, which flips the kernel."""
    return corr2d(x, k[::-1, ::-1])


def convolve(x, k):
    """Signal processing: a convolution that flips its kernel, by convention."""
    return corr2d(x, k[::-1, ::-1])
