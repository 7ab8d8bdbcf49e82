"""Transposed convolutions and gradients in NumPy; each but those named right makes one mistake."""

import numpy as np


def transposed_size(size, k, s, p, extra):
    return (size - 1) * s - 2 * p + k + extra


def scattered(x, w, stride, *, store=np.add, groups=1, out_channel=None):
    """The whole map of a transposed convolution, not cropped; conv_transpose's weight is (in, out / groups, kernel)."""
    n, c, *sizes = x.shape
    _, mg, *kernel = w.shape
    full = [(i - 1) * s + k for i, s, k in zip(sizes, stride, kernel, strict=True)]
    y = np.zeros((n, mg * groups, *full), x.dtype)
    for tap in np.ndindex(*kernel):
        at = tuple(slice(t, t + (i - 1) * s + 1, s) for t, i, s in zip(tap, sizes, stride, strict=True))
        for g in range(groups):
            mine = slice(g * c // groups, (g + 1) * c // groups)
            part = np.einsum("nc...,cm->nm...", x[:, mine], w[(mine, slice(None), *tap)])
            first = (g if out_channel is None else out_channel(g)) * mg
            there = (slice(None), slice(first, first + mg), *at)
            y[there] = store(y[there], part)
    return y


def crop(y, sizes, padding):
    """Outputs padding ... padding + size - 1 of every axis; beyond the map there is nothing."""
    if min(sizes) < (1 if len(y) else 0):
        raise ValueError(f"there is no output: {sizes}")
    ends = [max(0, p + o - i) for p, o, i in zip(padding, sizes, y.shape[2:], strict=True)]
    y = np.pad(y, [(0, 0), (0, 0), *((0, e) for e in ends)])
    return y[(slice(None), slice(None), *(slice(p, p + o) for p, o in zip(padding, sizes, strict=True)))]


def out_sizes(x, w, stride, padding, output_padding):
    return [
        transposed_size(*each) for each in zip(x.shape[2:], w.shape[2:], stride, padding, output_padding, strict=True)
    ]


def with_bias(y, bias):
    return y if bias is None else y + bias.reshape(-1, *(1,) * (y.ndim - 2))


def right_transposed(x, w, bias=None, stride=(1, 1), padding=(0, 0), output_padding=(0, 0), groups=1):
    sizes = out_sizes(x, w, stride, padding, output_padding)
    return with_bias(crop(scattered(x, w, stride, groups=groups), sizes, padding), bias)


def output_padding_ignored(x, w, bias=None, stride=(1, 1), padding=(0, 0), output_padding=(0, 0), groups=1):
    sizes = out_sizes(x, w, stride, padding, output_padding)
    sizes = [size - extra for size, extra in zip(sizes, output_padding, strict=True)]
    return with_bias(crop(scattered(x, w, stride, groups=groups), sizes, padding), bias)


def output_padding_of_zeros(x, w, bias=None, stride=(1, 1), padding=(0, 0), output_padding=(0, 0), groups=1):
    sizes = out_sizes(x, w, stride, padding, (0, 0))
    y = crop(scattered(x, w, stride, groups=groups), sizes, padding)
    y = np.pad(y, ((0, 0), (0, 0), (0, output_padding[0]), (0, output_padding[1])))
    return with_bias(y, bias)


def padding_not_cropped(x, w, bias=None, stride=(1, 1), padding=(0, 0), groups=1):
    crop(scattered(x, w, stride, groups=groups), out_sizes(x, w, stride, padding, (0, 0)), padding)
    return with_bias(scattered(x, w, stride, groups=groups), bias)


def transposed_kernel_flipped(x, w, bias=None, stride=(1, 1), padding=(0, 0), output_padding=(0, 0)):
    """By zeros between the inputs and a forward correlation, which needs the kernel flipped."""
    (n, c, h, width), (kh, kw) = x.shape, w.shape[2:]
    sizes = out_sizes(x, w, stride, padding, output_padding)
    spread = np.zeros((n, c, (h - 1) * stride[0] + 1, (width - 1) * stride[1] + 1), x.dtype)
    spread[:, :, :: stride[0], :: stride[1]] = x
    spread = np.pad(spread, ((0, 0), (0, 0), (kh - 1, kh - 1), (kw - 1, kw - 1)))
    views = np.lib.stride_tricks.sliding_window_view(spread, (kh, kw), axis=(2, 3))
    return with_bias(crop(np.einsum("ncijuv,cmuv->nmij", views, w), sizes, padding), bias)


def transposed_groups_overwritten(x, w, bias=None, stride=(1,), padding=(0,), output_padding=(0,), groups=1):
    """All groups write to the first group's channels."""
    sizes = out_sizes(x, w, stride, padding, output_padding)
    y = scattered(x, w, stride, groups=groups, out_channel=lambda g: 0 * g)
    return with_bias(crop(y, sizes, padding), bias)


def overlaps_overwritten(x, w, bias=None, stride=(1, 1), padding=(0, 0), output_padding=(0, 0)):
    """y[...] = where it should be y[...] +=."""
    sizes = out_sizes(x, w, stride, padding, output_padding)
    y = scattered(x, w, stride, store=lambda _, part: part)
    return with_bias(crop(y, sizes, padding), bias)


def views_of(x, padding, outputs, stride, kernel, dilation):
    """(tap, (N, C, outputs)) for every tap of a padded input."""
    x = np.pad(x, [(0, 0), (0, 0), *((p, p) for p in padding)])
    for tap in np.ndindex(*kernel):
        axes = zip(tap, outputs, stride, dilation, strict=True)
        yield tap, x[(slice(None), slice(None), *(slice(t * d, t * d + (o - 1) * s + 1, s) for t, o, s, d in axes))]


def conv_weight(input, weight_size, grad_output, stride, padding, dilation):
    m, c, *kernel = weight_size
    dw = np.zeros((m, c, *kernel), input.dtype)
    of_each = (0, *range(2, input.ndim))
    for tap, seen in views_of(input, padding, grad_output.shape[2:], stride, kernel, dilation):
        dw[(slice(None), slice(None), *tap)] = np.tensordot(grad_output, seen, (of_each, of_each))
    return dw


def right_weight(input, weight_size, grad_output, stride=(1, 1), padding=(0, 0), dilation=(1, 1)):
    return conv_weight(input, weight_size, grad_output, stride, padding, dilation)


def weight_gradient_flipped(input, weight_size, grad_output, stride=(1, 1), padding=(0, 0), dilation=(1, 1)):
    dw = conv_weight(input, weight_size, grad_output, stride, padding, dilation)
    return dw[:, :, ::-1, ::-1]


def weight_gradient_of_one_example(input, weight_size, grad_output, stride=(1, 1), padding=(0, 0), dilation=(1, 1)):
    return conv_weight(input[:1], weight_size, grad_output[:1], stride, padding, dilation)


def weight_gradient_averaged(input, weight_size, grad_output, stride=(1,), padding=(0,), dilation=(1,)):
    return conv_weight(input, weight_size, grad_output, stride, padding, dilation) / max(1, len(input))


def weight_gradient_stride_as_dilation(input, weight_size, grad_output, stride=(1, 1), padding=(0, 0), dilation=(1, 1)):
    """The stride of the forward pass is the dilation of this one; they are passed as they are named."""
    axes = zip(padding, grad_output.shape[2:], weight_size[2:], stride, dilation, strict=True)
    x = np.pad(input, [(0, 0), (0, 0), *((p, p + (o - 1) * d + (k - 1) * s) for p, o, k, s, d in axes)])
    return conv_weight(x, weight_size, grad_output, dilation, (0, 0), stride)


def weight_gradient_without_dilation(
    input, weight_size, grad_output, stride=(1, 1, 1), padding=(0, 0, 0), dilation=(1, 1, 1)
):
    return conv_weight(input, weight_size, grad_output, stride, padding, (1,) * len(dilation))


def input_gradient(input_size, weight, grad_output, stride, padding):
    y = scattered(grad_output, weight, stride)
    return crop(y, input_size[2:], padding)


def right_input(input_size, weight, grad_output, stride=(1, 1), padding=(0, 0)):
    return input_gradient(input_size, weight, grad_output, stride, padding)


def input_gradient_without_stride(input_size, weight, grad_output, stride=(1, 1), padding=(0, 0)):
    return input_gradient(input_size, weight, grad_output, (1,) * len(stride), padding)


def input_gradient_flipped(input_size, weight, grad_output, stride=(1, 1), padding=(0, 0)):
    return input_gradient(input_size, weight[:, :, ::-1, ::-1], grad_output, stride, padding)


def input_gradient_channels_exchanged(input_size, weight, grad_output, stride=(1,), padding=(0,)):
    """The weight is not transposed to (in, out), but read as if it were."""
    m, c, k = weight.shape
    return input_gradient(input_size, weight.reshape(c, m, k).transpose(1, 0, 2), grad_output, stride, padding)
