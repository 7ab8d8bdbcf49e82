"""Layer classes as people write them; the name of each faulty one says what is wrong."""

import numpy as np
from common import conv, gradients


class Conv2D:
    """Weights as attributes, gradients kept beside them."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0):
        """Random weights."""
        size = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
        self.W = np.random.default_rng(0).normal(size=(out_channels, in_channels, *size))
        self.b = np.zeros(out_channels)
        self.stride, self.padding = stride, padding

    def forward(self, x):
        """The output; the input is kept for the way back."""
        self.x = x
        return conv(x, self.W, self.b, self.stride, self.padding)

    def backward(self, dout):
        """The gradient by the input."""
        dx, self.dW, self.db = gradients(self.x, self.W, dout, self.stride, self.padding)
        return dx


class Conv2DBiasGradientOfOneExample(Conv2D):
    """The same, whose bias gradient is that of the first example."""

    def backward(self, dout):
        """The gradient by the input."""
        dx = super().backward(dout)
        self.db = dout[:1].sum(axis=(0, 2, 3))
        return dx


class Conv2DKeepsItsFirstWeight(Conv2D):
    """The same, which copies its weight at the first call."""

    def forward(self, x):
        """The output of the weight that was there first."""
        self.kept = getattr(self, "kept", None)
        if self.kept is None:
            self.kept = self.W.copy()
        self.x = x
        return conv(x, self.kept, self.b, self.stride, self.padding)


class Convolution:
    """Weights as arguments of the constructor."""

    def __init__(self, W, b, stride=1, pad=0):
        """Nothing is copied."""
        self.W, self.b, self.stride, self.pad = W, b, stride, pad

    def forward(self, x):
        """The output."""
        return conv(x, self.W, self.b, self.stride, self.pad)


class ConvolutionOffByOne(Convolution):
    """The same, one element on."""

    def forward(self, x):
        """The output."""
        return conv(np.roll(x, -1, axis=3), self.W, self.b, self.stride, self.pad)


class ChannelsLast:
    """NHWC and HWIO, a bias of (1, 1, 1, C), weights in a dictionary."""

    def __init__(self, n_filters, filter_size, c_in, stride=1):
        """Random weights."""
        size = (filter_size, filter_size) if isinstance(filter_size, int) else filter_size
        self.params = {"W": np.ones((*size, c_in, n_filters)), "b": np.zeros((1, 1, 1, n_filters))}
        self.stride = stride

    def __call__(self, x):
        """The output."""
        w, b = self.params["W"].transpose(3, 2, 0, 1), self.params["b"].ravel()
        return conv(x.transpose(0, 3, 1, 2), w, b, self.stride).transpose(0, 2, 3, 1)


class ChannelsLastSecondChannelTwice(ChannelsLast):
    """The same, which reads the second input channel in place of the first."""

    def __call__(self, x):
        """The output."""
        x = x.copy()
        x[..., 0] = x[..., min(1, x.shape[-1] - 1)]
        return super().__call__(x)


class OneMatrix:
    """A weight that is kept as one row for each output channel, gradients in a dictionary."""

    def __init__(self, in_ch, n_filters, ksize, stride=1, pad=0):
        """Random weights."""
        size = (ksize, ksize) if isinstance(ksize, int) else tuple(ksize)
        self.shape = (n_filters, in_ch, *size)
        self.params = {"W": np.ones((n_filters, in_ch * size[0] * size[1])), "b": np.zeros((n_filters, 1))}
        self.grads = {}
        self.stride, self.pad = stride, pad

    def forward(self, x):
        """The output."""
        self.x, w = x, self.params["W"].reshape(self.shape)
        return conv(x, w, self.params["b"].ravel(), self.stride, self.pad)

    def backward(self, dout):
        """The gradient by the input; the others are kept."""
        dx, dw, db = gradients(self.x, self.params["W"].reshape(self.shape), dout, self.stride, self.pad)
        self.grads = {"W": dw.reshape(len(dw), -1), "b": db}
        return dx


class OneMatrixFlipped(OneMatrix):
    """The same, which reads its kernel backwards along the width."""

    def forward(self, x):
        """The output."""
        self.x, w = x, self.params["W"].reshape(self.shape)[..., ::-1]
        return conv(x, w, self.params["b"].ravel(), self.stride, self.pad)
