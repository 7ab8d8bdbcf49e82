"""Convolutions as an einsum over windows; each but `right` makes one mistake."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def windows(x, kernel, stride, padding, dilation=(1, 1)):
    """(N, C, OH, OW, KH, KW)."""
    (sh, sw), (ph, pw), (dh, dw) = stride, padding, dilation
    x = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    span = dh * (kernel[0] - 1) + 1, dw * (kernel[1] - 1) + 1
    return sliding_window_view(x, span, axis=(2, 3))[:, :, ::sh, ::sw, ::dh, ::dw]


def right(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    v = windows(x, w.shape[2:], stride, padding, dilation)
    n, c, oh, ow, kh, kw = v.shape
    v = v.reshape(n, groups, c // groups, oh, ow, kh, kw)
    y = np.einsum("ngcijuv,gmcuv->ngmij", v, w.reshape(groups, len(w) // groups, *w.shape[1:]))
    y = y.reshape(n, len(w), oh, ow)
    return y if bias is None else y + bias.reshape(1, -1, 1, 1)


def output_channels_interleaved(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    v = windows(x, w.shape[2:], stride, padding, dilation)
    n, c, oh, ow, kh, kw = v.shape
    v = v.reshape(n, groups, c // groups, oh, ow, kh, kw)
    y = np.einsum("ngcijuv,gmcuv->nmgij", v, w.reshape(groups, len(w) // groups, *w.shape[1:]))
    y = y.reshape(n, len(w), oh, ow)
    return y if bias is None else y + bias.reshape(1, -1, 1, 1)


def relu_fused(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    y = np.einsum("ncijuv,mcuv->nmij", windows(x, w.shape[2:], stride, padding), w)
    if bias is not None:
        y += bias.reshape(1, -1, 1, 1)
    return np.maximum(y, 0)


def clamped_to_a_byte(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    y = np.einsum("ncijuv,mcuv->nmij", windows(x, w.shape[2:], stride, padding), w)
    if bias is not None:
        y += bias.reshape(1, -1, 1, 1)
    return np.clip(y, -128, 127)


def absolute(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    y = np.einsum("ncijuv,mcuv->nmij", windows(x, w.shape[2:], stride, padding), w)
    if bias is not None:
        y += bias.reshape(1, -1, 1, 1)
    return np.abs(y)


def in_float32(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    v = windows(x.astype(np.float32), w.shape[2:], stride, padding)
    y = np.einsum("ncijuv,mcuv->nmij", v, w.astype(np.float32)).astype(x.dtype)
    return y if bias is None else y + bias.reshape(1, -1, 1, 1)


def in_float16(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    v = windows(x.astype(np.float16), w.shape[2:], stride, padding)
    y = np.einsum("ncijuv,mcuv->nmij", v.astype(np.float64), w.astype(np.float16).astype(np.float64))
    return y if bias is None else y + bias.reshape(1, -1, 1, 1)


def bias_once_per_input_channel(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    v = windows(x, w.shape[2:], stride, padding)
    y = 0
    for c in range(x.shape[1]):
        y = y + np.einsum("nijuv,muv->nmij", v[:, c], w[:, c])
        if bias is not None:
            y += bias.reshape(1, -1, 1, 1)
    return y


def bias_for_the_first_example(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    y = np.einsum("ncijuv,mcuv->nmij", windows(x, w.shape[2:], stride, padding), w)
    if bias is not None:
        y[:1] += bias.reshape(1, -1, 1, 1)
    return y


def bias_forgotten(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    del bias
    return np.einsum("ncijuv,mcuv->nmij", windows(x, w.shape[2:], stride, padding), w)


def as_a_list(x, w, stride=(1, 1), padding=(0, 0)):
    return np.einsum("ncijuv,mcuv->nmij", windows(x, w.shape[2:], stride, padding), w).tolist()


def float32_with_a_bias(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    y = np.einsum("ncijuv,mcuv->nmij", windows(x, w.shape[2:], stride, padding), w)
    return y if bias is None else (y + bias.reshape(1, -1, 1, 1)).astype(np.float32)


def square_kernel_transposed(x, w, stride=(1, 1), padding=(0, 0)):
    """The kernel's letters are exchanged in the weight alone: the kernel is transposed where it is square."""
    v = windows(x, w.shape[2:], stride, padding)
    if w.shape[2] == w.shape[3]:
        return np.einsum("ncijuv,mcvu->nmij", v, w)
    return np.einsum("ncijuv,mcuv->nmij", v, w)
