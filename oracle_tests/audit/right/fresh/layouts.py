"""Convolutions of other layouts, of one kind of kernel, and as layers."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def images_last(images, filters, stride=1):
    """The batch is the last axis, as in the first kernels for GPUs; one stride."""
    if not np.isscalar(stride):
        if len(set(stride)) > 1:
            raise ValueError("one stride")
        stride = stride[0]
    channels, kh, kw, count = filters.shape
    assert channels == images.shape[0]
    rows, columns = (images.shape[1] - kh) // stride + 1, (images.shape[2] - kw) // stride + 1
    out = np.zeros((count, rows, columns, images.shape[3]), images.dtype)
    for i in range(rows):
        for j in range(columns):
            patch = images[:, i * stride : i * stride + kh, j * stride : j * stride + kw]
            out[:, i, j] = filters.reshape(-1, count).T @ patch.reshape(-1, images.shape[3])
    return out


def lite(x, w, bias=None, stride=(1, 1), dilation=(1, 1)):
    """NHWC and OHWI, with valid padding."""
    (sh, sw), (dh, dw) = (np.broadcast_to(one, 2).tolist() for one in (stride, dilation))
    count, kh, kw, _ = w.shape
    rows, columns = (x.shape[1] - dh * (kh - 1) - 1) // sh + 1, (x.shape[2] - dw * (kw - 1) - 1) // sw + 1
    y = np.zeros((len(x), rows, columns, count), x.dtype)
    for row in range(rows):
        for column in range(columns):
            for a in range(kh):
                for b in range(kw):
                    y[:, row, column] += x[:, row * sh + a * dh, column * sw + b * dw] @ w[:, a, b].T
    return y if bias is None else y + bias


def conv1d_time_major(x, kernel, bias=None, stride=1, padding=0):
    """(batch, time, channels) and (time, in, out)."""
    s, p = (one if np.isscalar(one) else one[0] for one in (stride, padding))
    x = np.pad(x, ((0, 0), (p, p), (0, 0)))
    windows = sliding_window_view(x, len(kernel), axis=1)[:, ::s]
    y = np.einsum("ntik,kio->nto", windows, kernel)
    return y if bias is None else y + bias


def conv3d_video(video, kernel, stride=1):
    """(batch, frames, rows, columns, channels)."""
    steps = np.broadcast_to(stride, 3).tolist()
    windows = sliding_window_view(video, kernel.shape[:3], axis=(1, 2, 3))
    windows = windows[:, :: steps[0], :: steps[1], :: steps[2]]
    return np.tensordot(windows, kernel, axes=((5, 6, 7, 4), (0, 1, 2, 3)))


def conv1d_causal(x, w, bias=None, dilation=1):
    """No output sees what comes after it."""
    d = dilation if np.isscalar(dilation) else dilation[0]
    k = w.shape[2]
    past = np.zeros((*x.shape[:2], d * (k - 1)), x.dtype)
    x = np.concatenate([past, x], axis=2)
    length = x.shape[2] - d * (k - 1)
    y = sum(np.einsum("nct,mc->nmt", x[:, :, t * d : t * d + length], w[:, :, t]) for t in range(k))
    return y if bias is None else y + bias[None, :, None]


def patches(x, w, bias=None, stride=1):
    """Patches side by side, as transformers cut their images."""
    n, c, h, width = x.shape
    m, _, k, k2 = w.shape
    s = stride if np.isscalar(stride) else stride[0]
    if not k == k2 == s or h % k or width % k:
        raise NotImplementedError("patches tile the image")
    cut = x.reshape(n, c, h // k, k, width // k, k).transpose(0, 2, 4, 1, 3, 5).reshape(n, h // k, width // k, -1)
    y = (cut @ w.reshape(m, -1).T).transpose(0, 3, 1, 2)
    return y if bias is None else y + bias.reshape(-1, 1, 1)


def pointwise(x, w, bias=None, stride=1):
    """A matrix for every pixel."""
    assert w.shape[2:] == (1, 1), "1x1 kernels"
    sh, sw = np.broadcast_to(stride, 2)
    y = np.einsum("nchw,mc->nmhw", x[:, :, ::sh, ::sw], w[:, :, 0, 0])
    return y if bias is None else y + bias.reshape(-1, 1, 1)


def depthwise(x, w, bias=None, stride=1, padding=0, groups=1):
    """A kernel per channel."""
    assert groups == x.shape[1] == w.shape[0], "depthwise only"
    (sh, sw), (ph, pw) = np.broadcast_to(stride, 2), np.broadcast_to(padding, 2)
    x = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    windows = sliding_window_view(x, w.shape[2:], axis=(2, 3))[:, :, ::sh, ::sw]
    y = np.einsum("nchwab,cab->nchw", windows, w[:, 0])
    return y if bias is None else y + bias.reshape(-1, 1, 1)


def depthwise_multiplier(x, w, stride=1, groups=1):
    """Every channel is repeated beside itself for its kernels."""
    if groups != x.shape[1]:
        raise NotImplementedError("groups must be the channels")
    times = w.shape[0] // groups
    y = depthwise(np.repeat(x, times, axis=1), w, stride=stride, groups=w.shape[0])
    assert y.shape[1] == w.shape[0]
    return y


class Conv2d:
    """A layer of somebody's framework."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0):
        kernel_size = (kernel_size, kernel_size) if isinstance(kernel_size, int) else tuple(kernel_size)
        self.stride = (stride, stride) if isinstance(stride, int) else tuple(stride)
        self.padding = (padding, padding) if isinstance(padding, int) else tuple(padding)
        scale = 1 / np.sqrt(in_channels * np.prod(kernel_size))
        self.weight = np.random.default_rng(0).uniform(-scale, scale, (out_channels, in_channels, *kernel_size))
        self.bias = np.zeros(out_channels)

    def forward(self, x):
        """One product per tap."""
        (sh, sw), (ph, pw) = self.stride, self.padding
        kh, kw = self.weight.shape[2:]
        x = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
        rows, columns = (x.shape[2] - kh) // sh + 1, (x.shape[3] - kw) // sw + 1
        out = np.zeros((len(x), len(self.weight), rows, columns), x.dtype)
        for a in range(kh):
            for b in range(kw):
                part = x[:, :, a : a + sh * (rows - 1) + 1 : sh, b : b + sw * (columns - 1) + 1 : sw]
                out += np.einsum("nchw,oc->nohw", part, self.weight[:, :, a, b])
        return out + self.bias[None, :, None, None]


class Conv1d:
    """A layer with a dilation and no padding."""

    def __init__(self, in_channels, out_channels, kernel_size, stride, dilation):
        size, self.step, self.spread = (
            int(one if np.isscalar(one) else one[0]) for one in (kernel_size, stride, dilation)
        )
        self.weight = np.zeros((out_channels, in_channels, size))
        self.bias = np.zeros(out_channels)

    def forward(self, x):
        """Windows of every so-manieth sample."""
        reach = self.spread * (self.weight.shape[2] - 1) + 1
        windows = sliding_window_view(x, reach, axis=2)[:, :, :: self.step, :: self.spread]
        return np.tensordot(windows, self.weight, ((1, 3), (1, 2))).transpose(0, 2, 1) + self.bias[:, None]
