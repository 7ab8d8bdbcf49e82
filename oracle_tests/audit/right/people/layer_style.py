"""Layers of somebody's little framework, each wrapped into a function that sets its weights and calls it."""

import numpy as np
from plainly import correlated


class Conv:
    """A layer with square kernels and one int per parameter, as most are written."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0):
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        self.weight = np.random.default_rng(0).standard_normal((out_channels, in_channels, kernel_size, kernel_size))
        self.bias = np.zeros(out_channels)
        self.last_input = None

    def forward(self, x):
        """The output; the input is kept for a backward pass."""
        self.last_input = x
        k, s, p = self.kernel_size, self.stride, self.padding
        x = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        height, width = (x.shape[2] - k) // s + 1, (x.shape[3] - k) // s + 1
        out = np.zeros((x.shape[0], self.out_channels, height, width), x.dtype)
        for i in range(height):
            for j in range(width):
                patch = x[:, :, i * s : i * s + k, j * s : j * s + k]
                out[:, :, i, j] = np.tensordot(patch, self.weight, ([1, 2, 3], [1, 2, 3]))
        return out + self.bias.reshape(1, -1, 1, 1)


def one_layer_a_call(x, weight, bias, stride=1, padding=0):
    """A layer is made for the call, and gets the weights."""
    out_channels, in_channels, k, k2 = weight.shape
    if k != k2:
        raise ValueError("kernel_size is one int: the kernel must be square")
    layer = Conv(in_channels, out_channels, k, stride, padding)
    layer.weight, layer.bias = weight, bias
    return layer.forward(x)


LAYERS = {}


def kept_layers(x, weight, bias=None, stride=1, padding=0):
    """Layers are kept by all that they are made of; the weights are set for every call."""
    out_channels, in_channels, k, k2 = weight.shape
    assert k == k2, "square kernels"
    key = (in_channels, out_channels, k, stride, padding)
    if key not in LAYERS:
        LAYERS[key] = Conv(*key)
    layer = LAYERS[key]
    layer.weight = weight
    layer.bias = np.zeros(out_channels, weight.dtype) if bias is None else bias
    return layer.forward(x)


class ChannelsLast:
    """Images (N, H, W, C) and weights (H, W, I, O), as TensorFlow has them."""

    def __init__(self, kernel, strides, pads):
        self.kernel, self.strides, self.pads = kernel, strides, pads

    def call(self, images):
        """(N, H, W, C) to (N, H', W', O)."""
        (top, left), (sh, sw) = self.pads, self.strides
        images = np.pad(images, ((0, 0), (top, top), (left, left), (0, 0)))
        kh, kw, _, o = self.kernel.shape
        h, w = (images.shape[1] - kh) // sh + 1, (images.shape[2] - kw) // sw + 1
        out = np.zeros((len(images), h, w, o), images.dtype)
        for i in range(kh):
            for j in range(kw):
                out += images[:, i : i + sh * (h - 1) + 1 : sh, j : j + sw * (w - 1) + 1 : sw] @ self.kernel[i, j]
        return out


def channels_last(x, w, strides=(1, 1), pads=(0, 0)):
    """Transposes at the edge; tuples only, as they are taken apart."""
    layer = ChannelsLast(w.transpose(2, 3, 1, 0), strides, pads)
    return layer.call(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


class Pad:
    """Zeros around the image."""

    def __init__(self, amount):
        self.amount = amount

    def __call__(self, x):
        p = self.amount
        return np.pad(x, ((0, 0), (0, 0), (p, p), (p, p))) if p else x


class Valid:
    """A convolution without padding or stride."""

    def __init__(self, weight):
        self.weight = weight

    def __call__(self, x):
        view = np.lib.stride_tricks.sliding_window_view(x, self.weight.shape[2:], (2, 3))
        return np.tensordot(view, self.weight, ([1, 4, 5], [1, 2, 3])).transpose(0, 3, 1, 2)


class Every:
    """Every so-manieth row and column."""

    def __init__(self, step):
        self.step = step

    def __call__(self, x):
        return x[:, :, :: self.step, :: self.step]


def sequential(x, w, stride=1, padding=0):
    """Three layers one after the other: pad, convolve, keep some."""
    for layer in (Pad(padding), Valid(w), Every(stride)):
        x = layer(x)
    return x.copy()


BUILT = {}


class Depthwise1d:
    """A kernel per channel, built once for a shape."""

    def __init__(self, channels, taps):
        self.channels, self.taps = channels, taps

    @classmethod
    def of(cls, channels, taps):
        """The layer of this shape."""
        return BUILT.setdefault((channels, taps), cls(channels, taps))

    def __call__(self, x, kernel, step):
        length = (x.shape[2] - self.taps) // step + 1
        if length < 1:
            raise ValueError("too short")
        out = np.zeros((len(x), self.channels, length), x.dtype)
        for t in range(self.taps):
            out += x[:, :, t : t + step * (length - 1) + 1 : step] * kernel[:, t][:, None]
        return out


def conv1d_depthwise(x, w, bias=None, stride=1, groups=1):
    """Depthwise alone, with multiplier 1."""
    assert groups == x.shape[1] == len(w), "depthwise only"
    y = Depthwise1d.of(len(w), w.shape[2])(x, w[:, 0], int(stride))
    return y if bias is None else y + bias[:, None]


class Causal:
    """A callable object that is its own function, with a setting that no caller changes."""

    padding_value = 0.0

    def __call__(self, x, w, bias=None, stride=1, padding=0, dilation=1):
        if x.ndim != 3:
            raise ValueError("(batch, channels, time)")
        return correlated(x, w, bias, stride, padding, dilation)


conv1d = Causal()
