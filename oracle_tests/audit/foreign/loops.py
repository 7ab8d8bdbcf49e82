"""Convolutions in nested loops, as in a course exercise; each but `right` makes one mistake."""

import numpy as np


def sizes_of(x, w, stride, padding, dilation):
    sizes = [
        (x.shape[2 + a] + 2 * padding[a] - dilation[a] * (w.shape[2 + a] - 1) - 1) // stride[a] + 1
        for a in range(x.ndim - 2)
    ]
    if min(sizes) < 1:
        raise ValueError("the kernel is larger than the input")
    return sizes


def right(x, w, b=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1)):
    N, _, H, W = x.shape
    M, _, KH, KW = w.shape
    OH, OW = sizes_of(x, w, stride, padding, dilation)
    y = np.zeros((N, M, OH, OW))
    for i in range(OH):
        for j in range(OW):
            for u in range(KH):
                for v in range(KW):
                    r = i * stride[0] + u * dilation[0] - padding[0]
                    c = j * stride[1] + v * dilation[1] - padding[1]
                    if 0 <= r < H and 0 <= c < W:
                        y[:, :, i, j] += x[:, :, r, c] @ w[:, :, u, v].T
    return y if b is None else y + b[:, None, None]


def kernel_flipped(x, w, b=None, stride=(1, 1), padding=(0, 0)):
    N, _, H, W = x.shape
    M, _, KH, KW = w.shape
    OH, OW = sizes_of(x, w, stride, padding, (1, 1))
    y = np.zeros((N, M, OH, OW))
    for i in range(OH):
        for j in range(OW):
            for u in range(KH):
                for v in range(KW):
                    r, c = i * stride[0] + u - padding[0], j * stride[1] + v - padding[1]
                    if 0 <= r < H and 0 <= c < W:
                        y[:, :, i, j] += x[:, :, r, c] @ w[:, :, KH - 1 - u, KW - 1 - v].T
    return y if b is None else y + b[:, None, None]


def strides_swapped(x, w, b=None, stride=(1, 1), padding=(0, 0)):
    N, _, H, W = x.shape
    M, _, KH, KW = w.shape
    OH, OW = sizes_of(x, w, stride, padding, (1, 1))
    y = np.zeros((N, M, OH, OW))
    for i in range(OH):
        for j in range(OW):
            for u in range(KH):
                for v in range(KW):
                    r, c = i * stride[1] + u - padding[0], j * stride[0] + v - padding[1]
                    if 0 <= r < H and 0 <= c < W:
                        y[:, :, i, j] += x[:, :, r, c] @ w[:, :, u, v].T
    return y if b is None else y + b[:, None, None]


def padded(x, padding):
    (ph, pw) = padding
    return np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))


def last_row_missing(x, w, b=None, stride=(1, 1), padding=(0, 0)):
    KH, KW = w.shape[2:]
    OH, OW = sizes_of(x, w, stride, padding, (1, 1))
    x = padded(x, padding)
    y = np.zeros((len(x), len(w), OH, OW))
    for i in range(OH - 1):
        for j in range(OW):
            r, c = i * stride[0], j * stride[1]
            y[:, :, i, j] = np.tensordot(x[:, :, r : r + KH, c : c + KW], w, ((1, 2, 3), (1, 2, 3)))
    return y if b is None else y + b.reshape(1, -1, 1, 1)


def first_row_unread(x, w, b=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1)):
    N, _, H, W = x.shape
    OH, OW = sizes_of(x, w, stride, padding, dilation)
    y = np.zeros((N, len(w), OH, OW))
    for i in range(OH):
        for j in range(OW):
            for u in range(w.shape[2]):
                for v in range(w.shape[3]):
                    r = i * stride[0] + u * dilation[0] - padding[0]
                    c = j * stride[1] + v * dilation[1] - padding[1]
                    if r > 0 and c >= 0 and r < H and c < W:
                        y[:, :, i, j] += x[:, :, r, c] @ w[:, :, u, v].T
    return y if b is None else y + b[:, None, None]


def last_column_of_the_kernel_missing(x, w, b=None, stride=(1, 1), padding=(0, 0)):
    KH, KW = w.shape[2:]
    OH, OW = sizes_of(x, w, stride, padding, (1, 1))
    x = padded(x, padding)
    y = np.zeros((len(x), len(w), OH, OW))
    for i in range(OH):
        for j in range(OW):
            for u in range(KH):
                for v in range(KW - 1):
                    y[:, :, i, j] += x[:, :, i * stride[0] + u, j * stride[1] + v] @ w[:, :, u, v].T
    return y if b is None else y + b[:, None, None]


def dilation_not_read(x, w, b=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1)):
    KH, KW = w.shape[2:]
    OH, OW = sizes_of(x, w, stride, padding, dilation)
    x = padded(x, padding)
    y = np.zeros((len(x), len(w), OH, OW))
    for i in range(OH):
        for j in range(OW):
            r, c = i * stride[0], j * stride[1]
            y[:, :, i, j] = np.tensordot(x[:, :, r : r + KH, c : c + KW], w, ((1, 2, 3), (1, 2, 3)))
    return y if b is None else y + b[:, None, None]


def dilation_not_in_the_size(x, w, b=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1)):
    N, _, H, W = x.shape
    sizes_of(x, w, stride, padding, dilation)
    OH, OW = sizes_of(x, w, stride, padding, (1, 1))
    y = np.zeros((N, len(w), OH, OW))
    for i in range(OH):
        for j in range(OW):
            for u in range(w.shape[2]):
                for v in range(w.shape[3]):
                    r = i * stride[0] + u * dilation[0] - padding[0]
                    c = j * stride[1] + v * dilation[1] - padding[1]
                    if 0 <= r < H and 0 <= c < W:
                        y[:, :, i, j] += x[:, :, r, c] @ w[:, :, u, v].T
    return y if b is None else y + b[:, None, None]


def group_offset_missing(x, w, b=None, stride=(1, 1), padding=(0, 0), groups=1):
    KH, KW = w.shape[2:]
    OH, OW = sizes_of(x, w, stride, padding, (1, 1))
    x = padded(x, padding)
    y = np.zeros((len(x), len(w), OH, OW))
    per_group = x.shape[1] // groups
    for i in range(OH):
        for j in range(OW):
            r, c = i * stride[0], j * stride[1]
            for m in range(len(w)):
                y[:, m, i, j] = np.sum(x[:, :per_group, r : r + KH, c : c + KW] * w[m], axis=(1, 2, 3))
    return y if b is None else y + b[:, None, None]


def weight_as_in_out(x, w, b=None, stride=(1, 1), padding=(0, 0)):
    M, C, KH, KW = w.shape
    w = w.reshape(C, M, KH, KW)
    OH, OW = sizes_of(x, w, stride, padding, (1, 1))
    x = padded(x, padding)
    y = np.zeros((len(x), M, OH, OW))
    for i in range(OH):
        for j in range(OW):
            r, c = i * stride[0], j * stride[1]
            y[:, :, i, j] = np.tensordot(x[:, :, r : r + KH, c : c + KW], w, ((1, 2, 3), (0, 2, 3)))
    return y if b is None else y + b[:, None, None]


def depthwise_multiplier_first(x, w, b=None, stride=(1, 1), padding=(0, 0), groups=1):
    """Depthwise only: one input channel per group."""
    C = x.shape[1]
    if groups != C:
        raise NotImplementedError("depthwise only")
    KH, KW = w.shape[2:]
    OH, OW = sizes_of(x, w, stride, padding, (1, 1))
    x = padded(x, padding)
    y = np.zeros((len(x), len(w), OH, OW))
    for m in range(len(w)):
        for i in range(OH):
            for j in range(OW):
                r, c = i * stride[0], j * stride[1]
                y[:, m, i, j] = np.sum(x[:, m % C, r : r + KH, c : c + KW] * w[m, 0], axis=(1, 2))
    return y if b is None else y + b[:, None, None]


def bias_of_the_first_group(x, w, b=None, stride=(1, 1), padding=(0, 0), groups=1):
    KH, KW = w.shape[2:]
    OH, OW = sizes_of(x, w, stride, padding, (1, 1))
    x = padded(x, padding)
    y = np.zeros((len(x), len(w), OH, OW))
    c_in, c_out = x.shape[1] // groups, len(w) // groups
    for g in range(groups):
        part = x[:, g * c_in : (g + 1) * c_in]
        for m in range(c_out):
            for i in range(OH):
                for j in range(OW):
                    r, c = i * stride[0], j * stride[1]
                    window = part[:, :, r : r + KH, c : c + KW]
                    y[:, g * c_out + m, i, j] = np.sum(window * w[g * c_out + m], axis=(1, 2, 3))
                    if b is not None:
                        y[:, g * c_out + m, i, j] += b[m]
    return y


def first_example_for_all(x, w, b=None, stride=(1, 1), padding=(0, 0)):
    KH, KW = w.shape[2:]
    OH, OW = sizes_of(x, w, stride, padding, (1, 1))
    x = padded(x, padding)
    y = np.zeros((len(x), len(w), OH, OW))
    for n in range(len(x)):
        for i in range(OH):
            for j in range(OW):
                r, c = i * stride[0], j * stride[1]
                y[n, :, i, j] = np.tensordot(w, x[0, :, r : r + KH, c : c + KW], 3)
    return y if b is None else y + b[:, None, None]


def paddings_swapped(x, w, b=None, stride=(1, 1), padding=(0, 0)):
    N, _, H, W = x.shape
    OH, OW = sizes_of(x, w, stride, padding, (1, 1))
    y = np.zeros((N, len(w), OH, OW))
    for i in range(OH):
        for j in range(OW):
            for u in range(w.shape[2]):
                for v in range(w.shape[3]):
                    r, c = i * stride[0] + u - padding[1], j * stride[1] + v - padding[0]
                    if 0 <= r < H and 0 <= c < W:
                        y[:, :, i, j] += x[:, :, r, c] @ w[:, :, u, v].T
    return y if b is None else y + b[:, None, None]


def negative_index(x, w, b=None, stride=(1,), padding=(0,), dilation=(1,)):
    (N, _, L), (M, _, K) = x.shape, w.shape
    (O,) = sizes_of(x, w, stride, padding, dilation)
    y = np.zeros((N, M, O))
    for o in range(O):
        for k in range(K):
            i = o * stride[0] + k * dilation[0] - padding[0]
            if -L <= i < L:
                y[:, :, o] += x[:, :, i] @ w[:, :, k].T
    return y if b is None else y + b[:, None]


def first_stride_for_both(x, w, b=None, stride=(1, 1), padding=(0, 0)):
    s = stride[0]
    KH, KW = w.shape[2:]
    OH, OW = sizes_of(x, w, (s, s), padding, (1, 1))
    x = padded(x, padding)
    y = np.zeros((len(x), len(w), OH, OW))
    for i in range(OH):
        for j in range(OW):
            window = x[:, :, i * s : i * s + KH, j * s : j * s + KW]
            y[:, :, i, j] = np.tensordot(window, w, ((1, 2, 3), (1, 2, 3)))
    return y if b is None else y + b[:, None, None]


def first_dilation_for_all(x, w, stride=(1, 1, 1), padding=(0, 0, 0), dilation=(1, 1, 1)):
    N, _, D, H, W = x.shape
    sizes = sizes_of(x, w, stride, padding, dilation)
    y = np.zeros((N, len(w), *sizes))
    d = dilation[0]
    for at in np.ndindex(*sizes):
        for tap in np.ndindex(*w.shape[2:]):
            z, r, c = (at[a] * stride[a] + tap[a] * d - padding[a] for a in range(3))
            if 0 <= z < D and 0 <= r < H and 0 <= c < W:
                y[(slice(None), slice(None), *at)] += x[:, :, z, r, c] @ w[(slice(None), slice(None), *tap)].T
    return y
