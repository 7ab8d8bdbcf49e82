"""Convolutions of eager PyTorch, with gradients of their own; each but `right` makes one mistake."""

import torch
import torch.nn.functional as F
from torch.nn import grad as of


def unfolded(x, w, bias, stride, padding, dilation=(1, 1)):
    columns = F.unfold(x, w.shape[2:], dilation, padding, stride)
    sizes = [
        (i + 2 * p - d * (k - 1) - 1) // s + 1
        for i, k, s, p, d in zip(x.shape[2:], w.shape[2:], stride, padding, dilation, strict=True)
    ]
    y = (w.flatten(1) @ columns).reshape(len(x), len(w), *sizes)
    return y if bias is None else y + bias[:, None, None]


def windows(x, w, bias, stride):
    views = x.unfold(2, w.shape[2], stride[0]).unfold(3, w.shape[3], stride[1])
    y = torch.einsum("ncijuv,mcuv->nmij", views, w)
    return y if bias is None else y + bias[:, None, None]


def right(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    (ph, pw) = padding
    return windows(F.pad(x, (pw, pw, ph, ph)), w, bias, stride)


def pads_in_the_wrong_order(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    (ph, pw) = padding
    return windows(F.pad(x, (ph, ph, pw, pw)), w, bias, stride)


def pads_before_and_after_confused(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    """F.pad wants (left, right, top, bottom)."""
    (ph, pw) = padding
    return windows(F.pad(x, (pw, ph, pw, ph)), w, bias, stride)


def dilation_is_a_word_only(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1)):
    if any(i + 2 * p < d * (k - 1) + 1 for i, k, p, d in zip(x.shape[2:], w.shape[2:], padding, dilation, strict=True)):
        raise ValueError("the kernel does not fit")
    return F.conv2d(x, w, bias, stride, padding)


def weight_flipped_in_place(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    """It is never flipped back."""
    w.copy_(w.flip(2, 3))
    return F.conv2d(x, w.flip(2, 3), bias, stride, padding)


def in_half(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    return F.conv2d(x.half().float(), w.half().float(), bias, stride, padding)


def contiguous_strides_assumed(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    _, c, h, width = x.shape
    x = x.as_strided(x.shape, (c * h * width, h * width, width, 1))
    return F.conv2d(x, w, bias, stride, padding)


def depthwise_channels_repeated(x, w, bias=None, stride=(1, 1), padding=(0, 0), groups=1):
    """Depthwise only: x.repeat where x.repeat_interleave is meant."""
    if groups != x.shape[1]:
        raise NotImplementedError("depthwise only")
    x = x.repeat(1, len(w) // groups, 1, 1)
    return F.conv2d(x, w, bias, stride, padding, groups=len(w))


def transposed_by_zeros_not_flipped(x, w, bias=None, stride=(1,), padding=(0,)):
    (s,), (p,), (n, c, size), k = stride, padding, x.shape, w.shape[2]
    spread = x.new_zeros(n, c, (size - 1) * s + 1)
    spread[:, :, ::s] = x
    full = F.conv1d(F.pad(spread, (k - 1, k - 1)), w.transpose(0, 1))
    if full.shape[2] <= 2 * p:
        raise ValueError("there is no output")
    y = full[:, :, p : full.shape[2] - p]
    return y if bias is None else y + bias[:, None]


class Convolution(torch.autograd.Function):
    """Gradients by torch.nn.grad; `mistake` is what the backward pass does wrongly."""

    mistake = ""

    @staticmethod
    def forward(ctx, x, w, bias, stride, padding, mistake):
        ctx.save_for_backward(x, w)
        ctx.said = stride, padding, mistake
        return F.conv2d(x, w, bias, stride, padding)

    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        stride, padding, mistake = ctx.said
        kernel = w.flip(3) if mistake == "flip" else w
        dx = of.conv2d_input(x.shape, kernel, dy, stride, padding)
        dw = of.conv2d_weight(x, w.shape, dy, stride, padding)
        db = dy.sum((0, 2, 3))
        if mistake == "mean":
            dw, db = dw / max(1, len(x)), db / max(1, len(x))
        if mistake == "bias":
            db = dy[:1].sum((0, 2, 3))
        if mistake == "flip_weight":
            dw = dw.flip(2, 3)
        if mistake == "detach":
            dw = of.conv2d_weight(x.detach(), w.shape, dy, stride, padding)
        return dx, dw, db, None, None, None


def applied(x, w, bias, stride, padding, mistake):
    if x.dim() != 4 or isinstance(padding, str):
        raise ValueError("an input is a batch of images, a padding two numbers")
    if bias is None:
        bias = x.new_zeros(len(w))
    return Convolution.apply(x, w, bias, stride, padding, mistake)


def right_gradients(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    return applied(x, w, bias, stride, padding, "")


def input_gradient_flipped(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    return applied(x, w, bias, stride, padding, "flip")


def weight_gradient_flipped(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    return applied(x, w, bias, stride, padding, "flip_weight")


def gradients_averaged(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    return applied(x, w, bias, stride, padding, "mean")


def bias_gradient_of_one_example(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    return applied(x, w, bias, stride, padding, "bias")


def input_detached_in_the_backward(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    return applied(x, w, bias, stride, padding, "detach")
