"""Convolutions as they are written in courses and tutorials: loops, im2col, one int per parameter, asserts."""

import numpy as np


def naive(x, w, b, stride=1, pad=0):
    """Four loops; the sizes must come out even, and there is always a bias."""
    N, _, H, W = x.shape
    F, _, HH, WW = w.shape
    assert (H + 2 * pad - HH) % stride == 0, "width does not work"
    assert (W + 2 * pad - WW) % stride == 0, "height does not work"
    out_h = 1 + (H + 2 * pad - HH) // stride
    out_w = 1 + (W + 2 * pad - WW) // stride
    x_pad = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), mode="constant")
    out = np.zeros((N, F, out_h, out_w), dtype=x.dtype)
    for n in range(N):
        for f in range(F):
            for i in range(out_h):
                for j in range(out_w):
                    window = x_pad[n, :, i * stride : i * stride + HH, j * stride : j * stride + WW]
                    out[n, f, i, j] = np.sum(window * w[f]) + b[f]
    return out


def forward_with_cache(x, w, b, conv_param):
    """What the exercise asks for: the output, and what the backward pass will need."""
    stride, pad = conv_param["stride"], conv_param["pad"]
    out = naive(x, w, b, stride, pad)
    return out, (x, w, b, conv_param)


def without_its_cache(x, w, b, stride=1, pad=0):
    """The output of a forward pass that returns a cache beside it."""
    out, _ = forward_with_cache(x, w, b, {"stride": stride, "pad": pad})
    return out


def im2col_rows(x, w, b=None, stride=1, padding=0):
    """A row of numbers per output position; NumPy cannot infer the -1 of an empty batch."""
    f, c, kh, kw = w.shape
    n, _, h, width = x.shape
    oh = (h + 2 * padding - kh) // stride + 1
    ow = (width + 2 * padding - kw) // stride + 1
    img = np.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)], "constant")
    col = np.zeros((n, c, kh, kw, oh, ow), dtype=x.dtype)
    for i in range(kh):
        for j in range(kw):
            col[:, :, i, j] = img[:, :, i : i + stride * oh : stride, j : j + stride * ow : stride]
    col = col.transpose(0, 4, 5, 1, 2, 3).reshape(n * oh * ow, -1)
    out = col @ w.reshape(f, -1).T
    if b is not None:
        out = out + b
    return out.reshape(n, oh, ow, -1).transpose(0, 3, 1, 2)


def _window_indices(C, HH, WW, out_height, out_width, stride):
    i0 = np.tile(np.repeat(np.arange(HH), WW), C)
    j0 = np.tile(np.arange(WW), HH * C)
    i1 = stride * np.repeat(np.arange(out_height), out_width)
    j1 = stride * np.tile(np.arange(out_width), out_height)
    k = np.repeat(np.arange(C), HH * WW).reshape(-1, 1)
    return k, i0.reshape(-1, 1) + i1.reshape(1, -1), j0.reshape(-1, 1) + j1.reshape(1, -1)


def by_fancy_indices(x, w, b, stride=1, padding=0):
    """Three tables of indices, and columns in which the batch runs fastest."""
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    if (H + 2 * padding - HH) % stride or (W + 2 * padding - WW) % stride:
        raise Exception("Invalid output dimension!")  # noqa: TRY002 - as the course does
    h_out = (H + 2 * padding - HH) // stride + 1
    w_out = (W + 2 * padding - WW) // stride + 1
    x_padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)), mode="constant")
    k, i, j = _window_indices(C, HH, WW, h_out, w_out, stride)
    cols = x_padded[:, k, i, j].transpose(1, 2, 0).reshape(HH * WW * C, -1)
    out = w.reshape(F, -1) @ cols + b.reshape(-1, 1)
    return out.reshape(F, h_out, w_out, N).transpose(3, 0, 1, 2)


def square_by_int(x, w, b=None, stride=1, padding=0):
    """(H - K + 2P) / S + 1 by a true division and int(), for square images and square kernels."""
    n, _, h, width = x.shape
    m, _, k, k2 = w.shape
    assert h == width, "square images only"
    assert k == k2, "square kernels only"
    size = int((h - k + 2 * padding) / stride + 1)
    assert h + 2 * padding >= k
    padded = np.zeros((n, x.shape[1], h + 2 * padding, h + 2 * padding), x.dtype)
    padded[:, :, padding : padding + h, padding : padding + h] = x
    out = np.zeros((n, m, size, size), x.dtype)
    for i in range(size):
        for j in range(size):
            patch = padded[:, :, i * stride : i * stride + k, j * stride : j * stride + k]
            out[:, :, i, j] = np.tensordot(patch, w, axes=([1, 2, 3], [1, 2, 3]))
    return out if b is None else out + b.reshape(1, -1, 1, 1)


def _single_step(a_slice, W, b):
    return float(np.sum(a_slice * W)) + float(b)


def step_by_step(A_prev, W, b, stride, pad):
    """Channels last inside, a function for a single step, and nothing that has a default."""
    A_prev, W = A_prev.transpose(0, 2, 3, 1), W.transpose(2, 3, 1, 0)
    m, n_H_prev, n_W_prev, _ = A_prev.shape
    f, f2, _, n_C = W.shape
    if f != f2:
        raise ValueError("the filter must be f x f")
    n_H = int((n_H_prev - f + 2 * pad) / stride) + 1
    n_W = int((n_W_prev - f + 2 * pad) / stride) + 1
    if min(n_H_prev, n_W_prev) + 2 * pad < f:
        raise ValueError("the filter is larger than the image")
    Z = np.zeros((m, n_H, n_W, n_C))
    A_prev_pad = np.pad(A_prev, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    for i in range(m):
        for h in range(n_H):
            for w in range(n_W):
                a_slice = A_prev_pad[i, h * stride : h * stride + f, w * stride : w * stride + f, :]
                for c in range(n_C):
                    Z[i, h, w, c] = _single_step(a_slice, W[..., c], b[c])
    return Z.transpose(0, 3, 1, 2)


def odd_and_centred(image, kernel, b=None, padding=0):
    """A kernel with a middle, whose half is the padding: the output is as large as the image."""
    k = kernel.shape[-1]
    if kernel.shape[-2] != k or k % 2 == 0:
        raise ValueError("the kernel must be square and odd")
    half = k // 2
    if padding != half:
        raise ValueError(f"only same convolutions: {padding=}, {half} would fit")
    n, _, height, width = image.shape
    canvas = np.pad(image, ((0, 0), (0, 0), (half, half), (half, half)))
    result = np.zeros((n, len(kernel), height, width), image.dtype)
    for y in range(height):
        for x in range(width):
            region = canvas[:, None, :, y : y + k, x : x + k]
            result[:, :, y, x] = (region * kernel[None]).sum(axis=(2, 3, 4))
    return result if b is None else result + b[None, :, None, None]


def conv1d_dots(signal, kernel, stride=1):
    """A dot product per output."""
    n, c, length = signal.shape
    m, _, k = kernel.shape
    out_length = (length - k) // stride + 1
    if out_length < 1:
        raise ValueError("kernel longer than signal")
    out = np.empty((n, m, out_length), dtype=signal.dtype)
    flat = [np.ascontiguousarray(kernel[j]).ravel() for j in range(m)]
    for i in range(n):
        for t in range(out_length):
            piece = signal[i, :, t * stride : t * stride + k].reshape(c * k)
            for j in range(m):
                out[i, j, t] = np.dot(piece, flat[j])
    return out


def conv1d_correlate(x, w):
    """np.correlate, channel by channel; it would swap its arguments where the kernel is the longer one."""
    if w.shape[2] > x.shape[2]:
        raise ValueError("the kernel must not be longer than the signal")
    out = np.zeros((x.shape[0], w.shape[0], x.shape[2] - w.shape[2] + 1), x.dtype)
    for n, example in enumerate(x):
        for m, kernel in enumerate(w):
            for channel, taps in zip(example, kernel, strict=True):
                out[n, m] += np.correlate(channel, taps, mode="valid")
    return out


def conv3d_loops(video, kernel, b=None, stride=1):
    """Frames, rows and columns, one int for the stride."""
    n, _, d, h, w = video.shape
    m, _, kd, kh, kw = kernel.shape
    sizes = [(size - k) // stride + 1 for size, k in ((d, kd), (h, kh), (w, kw))]
    out = np.zeros((n, m, *sizes), dtype=video.dtype)
    for t in range(sizes[0]):
        for i in range(sizes[1]):
            for j in range(sizes[2]):
                t0, i0, j0 = t * stride, i * stride, j * stride
                block = video[:, :, t0 : t0 + kd, i0 : i0 + kh, j0 : j0 + kw]
                out[:, :, t, i, j] = np.einsum("nctij,mctij->nm", block, kernel)
    return out if b is None else out + b.reshape(1, -1, 1, 1, 1)


def divides_evenly(x, w, b=None, stride=1, padding=0):
    """Refuses what the stride does not divide, and a batch of nothing, in one sentence for all."""
    span_h = x.shape[2] + 2 * padding - w.shape[2]
    span_w = x.shape[3] + 2 * padding - w.shape[3]
    if len(x) == 0 or span_h < 0 or span_w < 0 or span_h % stride or span_w % stride:
        raise ValueError("Invalid dimensions!")
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    y = np.zeros((len(x), len(w), span_h // stride + 1, span_w // stride + 1), x.dtype)
    for u in range(w.shape[2]):
        for v in range(w.shape[3]):
            piece = x[:, :, u : u + span_h + 1 : stride, v : v + span_w + 1 : stride]
            y += np.einsum("nchw,mc->nmhw", piece, w[:, :, u, v])
    return y if b is None else y + b[:, None, None]


def no_empty_batch(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    """Everything but an empty batch, which it says by a ValueError; ints or tuples."""
    if x.size == 0:
        raise ValueError("empty batch")
    if x.ndim != 4:
        raise ValueError("expected 4 dimensions")
    (sh, sw), (ph, pw), (dh, dw) = (np.broadcast_to(v, 2).tolist() for v in (stride, padding, dilation))
    m, c, kh, kw = w.shape
    oh = (x.shape[2] + 2 * ph - dh * (kh - 1) - 1) // sh + 1
    ow = (x.shape[3] + 2 * pw - dw * (kw - 1) - 1) // sw + 1
    x = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    y = np.zeros((len(x), m, oh, ow), x.dtype)
    for g in range(groups):
        mine, rows = x[:, g * c : g * c + c], slice(g * (m // groups), (g + 1) * (m // groups))
        for i in range(kh):
            for j in range(kw):
                top, left = i * dh, j * dw
                taken = mine[:, :, top : top + (oh - 1) * sh + 1 : sh, left : left + (ow - 1) * sw + 1 : sw]
                y[:, rows] += np.tensordot(taken, w[rows, :, i, j], (1, 1)).transpose(0, 3, 1, 2)
    return y if b is None else y + b[None, :, None, None]
