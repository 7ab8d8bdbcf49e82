"""Right convolutions of tensors that are differentiated: by autograd, by hand, once or twice."""

import torch
import torch.nn.functional as F
from tensors import EAGER, LAYOUTS, refuses_without_output, tap_by_tap, unfold, windows
from torch.autograd.function import once_differentiable

by_einsum = windows
by_unfold = unfold
by_taps = tap_by_tap


def channels_last(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    axes = weight.ndim - 2
    x = input if input.ndim == weight.ndim else input[None]
    x, w = x.contiguous(memory_format=LAYOUTS[axes]), weight.contiguous(memory_format=LAYOUTS[axes])
    out = EAGER[axes, False](x, w, bias, stride, padding, dilation, groups)
    return out if input.ndim == weight.ndim else out[0]


def scattered(small, weight, sizes, geometry):
    """Each tap adds the smaller side where it read the larger one, in tensor operations that autograd knows."""
    stride, padding, dilation, groups = geometry
    n, axes = len(small), weight.ndim - 2
    y = small.reshape(n, groups, len(weight) // groups, *small.shape[2:])
    w = weight.reshape(groups, len(weight) // groups, *weight.shape[1:])
    full = [i + 2 * p for i, p in zip(sizes, padding, strict=True)]
    out = small.new_zeros((n, groups, weight.shape[1], *full))
    for tap in torch.cartesian_prod(*(torch.arange(k) for k in weight.shape[2:])).reshape(-1, axes).tolist():
        part = torch.einsum("ngm...,gmc->ngc...", y, w[(..., *tap)])
        box = tuple(
            slice(t * d, t * d + (o - 1) * s + 1, s)
            for t, d, o, s in zip(tap, dilation, small.shape[2:], stride, strict=True)
        )
        placed = torch.zeros_like(out)
        placed[(..., *box)] = part
        out = out + placed
    inner = tuple(slice(p, p + i) for p, i in zip(padding, sizes, strict=True))
    return out[(..., *inner)].reshape(n, groups * weight.shape[1], *sizes)


def correlated(x, dy, kernel, geometry):
    """The windows of the input with the cotangent: the gradient by the weight."""
    stride, padding, dilation, groups = geometry
    axes = x.ndim - 2
    x = F.pad(x, [side for p in reversed(padding) for side in (p, p)])
    for axis, (k, s, d) in enumerate(zip(kernel, stride, dilation, strict=True)):
        x = x.unfold(2 + axis, d * (k - 1) + 1, s)[..., ::d]
    x = x.reshape(len(x), groups, x.shape[1] // groups, *x.shape[2:])
    dy = dy.reshape(len(x), groups, dy.shape[1] // groups, *dy.shape[2:])
    o, k = "pqr"[:axes], "ijk"[:axes]
    found = torch.einsum(f"ngc{o}{k},ngm{o}->gmc{k}", x, dy)
    return found.flatten(0, 1)


class ByHand(torch.autograd.Function):
    """Forward and backward by hand; the backward is differentiable, as it is made of what autograd knows."""

    @staticmethod
    def forward(ctx, input, weight, bias, geometry):
        ctx.save_for_backward(input, weight)
        ctx.geometry = geometry
        return windows(input, weight, bias, *geometry)

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        by_input = by_weight = by_bias = None
        if ctx.needs_input_grad[0]:
            by_input = scattered(grad_output, weight, x.shape[2:], ctx.geometry)
        if ctx.needs_input_grad[1]:
            by_weight = correlated(x, grad_output, weight.shape[2:], ctx.geometry)
        if ctx.needs_input_grad[2]:
            by_bias = grad_output.sum(dim=(0, *range(2, grad_output.ndim)))
        return by_input, by_weight, by_bias, None


class ByHandOnce(ByHand):
    """The same, which says that its gradients have none."""

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_output):
        return ByHand.backward(ctx, grad_output)


class ThreeConvolutions(torch.autograd.Function):
    """Every pass is a convolution function again, with a backward of its own: closed under differentiation."""

    @staticmethod
    def forward(ctx, input, weight, geometry):
        ctx.save_for_backward(input, weight)
        ctx.geometry = geometry
        return tap_by_tap(input, weight, None, *geometry)

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        by_input = ByInput.apply(grad_output, weight, tuple(x.shape[2:]), ctx.geometry)
        by_weight = ByWeight.apply(x, grad_output, tuple(weight.shape[2:]), ctx.geometry)
        return by_input, by_weight, None


class ByInput(torch.autograd.Function):
    @staticmethod
    def forward(ctx, grad_output, weight, sizes, geometry):
        ctx.save_for_backward(grad_output, weight)
        ctx.geometry = geometry
        return scattered(grad_output, weight, sizes, geometry)

    @staticmethod
    def backward(ctx, cotangent):
        grad_output, weight = ctx.saved_tensors
        by_output = ThreeConvolutions.apply(cotangent, weight, ctx.geometry)
        by_weight = ByWeight.apply(cotangent, grad_output, tuple(weight.shape[2:]), ctx.geometry)
        return by_output, by_weight, None, None


class ByWeight(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input, grad_output, kernel, geometry):
        ctx.save_for_backward(input, grad_output)
        ctx.geometry = geometry
        return correlated(input, grad_output, kernel, geometry)

    @staticmethod
    def backward(ctx, cotangent):
        x, grad_output = ctx.saved_tensors
        by_input = ByInput.apply(grad_output, cotangent, tuple(x.shape[2:]), ctx.geometry)
        by_output = ThreeConvolutions.apply(x, cotangent, ctx.geometry)
        return by_input, by_output, None, None


def by_hand(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    refuses_without_output(input, weight, stride, padding, dilation)
    return ByHand.apply(input, weight, bias, (stride, padding, dilation, groups))


def by_hand_once(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    refuses_without_output(input, weight, stride, padding, dilation)
    return ByHandOnce.apply(input, weight, bias, (stride, padding, dilation, groups))


def three_convolutions(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    refuses_without_output(input, weight, stride, padding, dilation)
    out = ThreeConvolutions.apply(input, weight, (stride, padding, dilation, groups))
    return out if bias is None else out + bias.reshape(-1, *(1,) * (weight.ndim - 2))


def checkpointed(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """The forward pass is computed again for the backward pass."""
    from torch.utils.checkpoint import checkpoint  # noqa: PLC0415

    return checkpoint(windows, input, weight, bias, stride, padding, dilation, groups, use_reentrant=False)


def conv_transpose_scattered(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    sizes = [
        (i - 1) * s - 2 * p + d * (k - 1) + o + 1
        for i, k, s, p, o, d in zip(
            input.shape[2:], weight.shape[2:], stride, padding, output_padding, dilation, strict=True
        )
    ]
    if min(sizes) < (1 if len(input) else 0):
        raise ValueError(f"no output: {sizes}")
    out = scattered(input, weight, sizes, (stride, padding, dilation, groups))
    return out if bias is None else out + bias.reshape(-1, *(1,) * (weight.ndim - 2))
