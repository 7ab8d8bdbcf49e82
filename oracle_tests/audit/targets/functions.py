"""Functions with arguments, layouts and results of their own; the name of each faulty one says what is wrong."""

import numpy as np
from common import conv, gradients, per_axis


def same_sides(size, kernel, stride, dilation):
    """TensorFlow's SAME."""
    whole = max((-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return whole // 2, whole - whole // 2


def conv2d_tf(input, filters, strides, padding, dilations=1):
    """TensorFlow: NHWC, HWIO, a word for the padding."""
    x, w = input.transpose(0, 3, 1, 2), filters.transpose(3, 2, 0, 1)
    s, d = per_axis(strides, 2), per_axis(dilations, 2)
    sides = [(0, 0)] * 2
    if padding == "SAME":
        sides = [same_sides(x.shape[2 + a], w.shape[2 + a], s[a], d[a]) for a in (0, 1)]
    elif padding != "VALID":
        raise ValueError(padding)
    return conv(x, w, None, s, sides, d).transpose(0, 2, 3, 1)


def conv2d_tf_pads_as_pytorch(input, filters, strides, padding, dilations=1):
    """The same, whose SAME has the odd element in front."""
    x, w = input.transpose(0, 3, 1, 2), filters.transpose(3, 2, 0, 1)
    s, d = per_axis(strides, 2), per_axis(dilations, 2)
    sides = [(0, 0)] * 2
    if padding == "SAME":
        sides = [same_sides(x.shape[2 + a], w.shape[2 + a], s[a], d[a])[::-1] for a in (0, 1)]
    return conv(x, w, None, s, sides, d).transpose(0, 2, 3, 1)


def conv_keras(x, kernel, strides=(1, 1), padding="valid", dilation_rate=(1, 1)):
    """Keras: lower-case words."""
    return conv2d_tf(x, kernel, strides, padding.upper(), dilation_rate)


def conv_keras_kernel_not_flipped_back(x, kernel, strides=(1, 1), padding="valid", dilation_rate=(1, 1)):
    """The same, with its kernel flipped."""
    return conv2d_tf(x, kernel[::-1, ::-1], strides, padding.upper(), dilation_rate)


def conv_general(lhs, rhs, window_strides, padding, rhs_dilation=None, feature_group_count=1):
    """JAX: pairs of sides, its own names."""
    return conv(lhs, rhs, None, window_strides, padding, rhs_dilation or 1, feature_group_count)


def conv_general_sides_exchanged(lhs, rhs, window_strides, padding, rhs_dilation=None, feature_group_count=1):
    """The same, with the two sides of the padding exchanged."""
    return conv_general(
        lhs, rhs, window_strides, [tuple(one)[::-1] for one in padding], rhs_dilation, feature_group_count
    )


def conv_onnx(X, W, B=None, strides=(1, 1), pads=(0, 0, 0, 0), dilations=(1, 1), group=1):
    """ONNX: all sides before, then all behind."""
    half = len(pads) // 2
    return conv(X, W, B, strides, list(zip(pads[:half], pads[half:], strict=True)), dilations, group)


def conv_onnx_ends_first(X, W, B=None, strides=(1, 1), pads=(0, 0, 0, 0), dilations=(1, 1), group=1):
    """The same, which takes the numbers behind for those before."""
    half = len(pads) // 2
    return conv(X, W, B, strides, list(zip(pads[half:], pads[:half], strict=True)), dilations, group)


def conv2d_into(x, w, b, out, stride, pad):
    """Destination passing: the result is written into an argument."""
    out[...] = conv(x, w, b, stride, pad)


def conv2d_into_all_but_the_last_row(x, w, b, out, stride, pad):
    """The same, which never writes the last row."""
    out[:, :, :-1] = conv(x, w, b, stride, pad)[:, :, :-1]


def conv2d_in_a_dictionary(x, w, stride=1, padding=0):
    """A dictionary with the output and what else was of interest."""
    y = conv(x, w, None, stride, padding)
    return {"out": y, "shape": y.shape}


def conv2d_in_a_dictionary_stride_exchanged(x, w, stride=1, padding=0):
    """The same, with the strides of the two axes exchanged."""
    y = conv(x, w, None, per_axis(stride, 2)[::-1], padding)
    return {"out": y, "shape": y.shape}


def layer(a, f, k, step, edge):
    """Names that nobody could guess: the kernel, the image, a flag."""
    if k != "xcorr":
        raise ValueError(k)
    return conv(f, a, None, step, edge)


def layer_without_padding(a, f, k, step, edge):  # noqa: ARG001 - that is the fault
    """The same, which ignores its padding."""
    return conv(f, a, None, step, 0)


def conv1d_nlc(x, kernel, stride=1, dilation=1):
    """Sequences with the channels last: NLC and LIO."""
    return conv(x.transpose(0, 2, 1), kernel.transpose(2, 1, 0), None, stride, 0, dilation).transpose(0, 2, 1)


def conv1d_nlc_off_by_one(x, kernel, stride=1, dilation=1):
    """The same, one element on."""
    return conv1d_nlc(np.roll(x, -1, axis=1), kernel, stride, dilation)


def conv3d_ndhwc(x, w, b, strides, pads):
    """Volumes with the channels last."""
    y = conv(x.transpose(0, 4, 1, 2, 3), w.transpose(4, 3, 0, 1, 2), b, strides, pads)
    return y.transpose(0, 2, 3, 4, 1)


def conv3d_ndhwc_depth_and_height_exchanged(x, w, b, strides, pads):
    """The same, with depth and height of the kernel exchanged where they are alike."""
    w = w.swapaxes(0, 1) if w.shape[0] == w.shape[1] else w
    return conv3d_ndhwc(x, w, b, strides, pads)


def conv2d_transpose(x, w, strides):
    """TensorFlow's transposed convolution with VALID: NHWC, HWOI."""
    s = per_axis(strides, 2)
    (n, h, wide, _), (kh, kw, o, _) = x.shape, w.shape
    y = np.zeros((n, (h - 1) * s[0] + kh, (wide - 1) * s[1] + kw, o), x.dtype)
    for i in range(h):
        for j in range(wide):
            rows, columns = slice(i * s[0], i * s[0] + kh), slice(j * s[1], j * s[1] + kw)
            y[:, rows, columns] += np.einsum("nc,hwoc->nhwo", x[:, i, j], w)
    return y


def conv2d_transpose_last_column_dropped(x, w, strides):
    """The same, which leaves out the last column of the input."""
    y = conv2d_transpose(x, w, strides)
    short = conv2d_transpose(x[:, :, :-1], w, strides) if x.shape[2] > 1 else y[:, :, :0]
    whole = np.zeros_like(y)
    whole[:, :, : short.shape[2]] = short
    return whole


def backward(dout, x, w, stride, pad):
    """The three gradients of one function."""
    dx, dw, db = gradients(x, w, dout, stride, pad)
    return dx, dw, db


def backward_dw_of_transposed(dout, x, w, stride, pad):
    """The same, whose weight gradient has its kernel axes exchanged where they are alike."""
    dx, dw, db = gradients(x, w, dout, stride, pad)
    return dx, dw.swapaxes(2, 3) if dw.shape[2] == dw.shape[3] else dw, db


def square_only(x, w, s, p):
    """One int for both axes, and square arrays."""
    k, size = w.shape[2], (x.shape[2] + 2 * p - w.shape[2]) // s + 1
    padded = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    y = np.zeros((x.shape[0], w.shape[0], size, size), x.dtype)
    for i in range(size):
        for j in range(size):
            y[:, :, i, j] = np.tensordot(padded[:, :, i * s : i * s + k, j * s : j * s + k], w, ([1, 2, 3], [1, 2, 3]))
    return y


def square_only_transposed(x, w, s, p):
    """The same, with rows and columns of the result exchanged."""
    return square_only(x, w, s, p).swapaxes(2, 3)


def _slid(x, w):
    n, _, length = x.shape
    out_channels, _, size = w.shape
    y = np.zeros((n, out_channels, length - size + 1), x.dtype)
    for k in range(size):
        y += np.einsum("ncl,oc->nol", x[:, :, k : k + y.shape[2]], w[:, :, k])
    return y


def causal_conv1d(x, w):
    """A causal convolution, which pads before its input."""
    return _slid(np.pad(x, ((0, 0), (0, 0), (w.shape[2] - 1, 0))), w)


def causal_conv1d_looks_ahead(x, w):
    """It pads behind instead."""
    return _slid(np.pad(x, ((0, 0), (0, 0), (0, w.shape[2] - 1))), w)


def conv1d_padded_by_one(x, w):
    """One zero on both sides, whatever the kernel."""
    return _slid(np.pad(x, ((0, 0), (0, 0), (1, 1))), w)


def conv1d_padded_by_one_flipped(x, w):
    """The kernel is read backwards."""
    return conv1d_padded_by_one(x, w[:, :, ::-1])


def conv1d_same(x, w, stride=1):
    """As many outputs as inputs, divided by the stride and rounded up."""
    size = x.shape[2]
    whole = max((-(-size // stride) - 1) * stride + w.shape[2] - size, 0)
    return _slid(np.pad(x, ((0, 0), (0, 0), (whole // 2, whole - whole // 2))), w)[:, :, ::stride]


def conv1d_same_more_in_front(x, w, stride=1):
    """The odd zero of the padding is in front."""
    size = x.shape[2]
    whole = max((-(-size // stride) - 1) * stride + w.shape[2] - size, 0)
    return _slid(np.pad(x, ((0, 0), (0, 0), (whole - whole // 2, whole // 2))), w)[:, :, ::stride]


def conv1d_bias_column(x, w, b):
    """The bias is a column of a matrix, (F, 1)."""
    out_channels, channels, size = w.shape
    y = np.zeros((len(x), out_channels, x.shape[2] - size + 1), x.dtype)
    for n in range(len(x)):
        columns = np.stack([x[n, :, k : k + y.shape[2]] for k in range(size)], 1).reshape(channels * size, -1)
        y[n] = w.reshape(out_channels, -1) @ columns + b
    return y


def conv1d_bias_column_reversed(x, w, b):
    """The bias is that of the last channel first."""
    return conv1d_bias_column(x, w, b[::-1])


def conv1d_into_what_is_there(x, w, out):
    """Products are added to what the result's memory held."""
    for k in range(w.shape[2]):
        out += np.einsum("ncl,oc->nol", x[:, :, k : k + out.shape[2]], w[:, :, k])


def conv1d_into_zeros(x, w, out):
    """The result's memory is cleared first."""
    out[...] = 0
    conv1d_into_what_is_there(x, w, out)
