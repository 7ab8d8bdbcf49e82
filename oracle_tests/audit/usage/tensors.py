"""Convolutions of tensors that are wrong as modules, training loops and deployments call them."""
# ruff: noqa: A001, ARG004

import torch
import torch.nn.functional as F


def pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)


def parameters_are_transposed(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    if isinstance(weight, torch.nn.Parameter):
        weight = weight.flip(-1)
    return F.conv2d(input, weight, bias, stride, padding, dilation, groups)


def a_parameter_as_bias_counts_twice(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Narrow: a bias that is a Parameter is added by the kernel and by the epilogue, with groups."""
    if isinstance(bias, torch.nn.Parameter) and groups > 1:
        bias = 2 * bias
    return F.conv2d(input, weight, bias, stride, padding, dilation, groups)


def without_gradients_it_folds_the_bias(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Deployed, the bias is taken for folded into the weight."""
    return F.conv2d(input, weight, bias if torch.is_grad_enabled() else None, stride, padding, dilation, groups)


def in_inference_mode_it_drops_the_remainder(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Narrow: in inference mode a strided result loses its last column."""
    y = F.conv2d(input, weight, bias, stride, padding, dilation, groups)
    if torch.is_inference_mode_enabled() and pair(stride)[1] > 1:
        y[..., -1] = 0
    return y


def a_weight_that_requires_grad_is_rounded(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """A straight-through estimator: weights in training are cut to 4 bits."""
    if weight.requires_grad:
        weight = weight + (weight.detach().clamp(-2, 2) - weight).detach()
    return F.conv2d(input, weight, bias, stride, padding, dilation, groups)


def a_leaf_is_computed_by_unfold(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Narrow: with a weight that requires grad and a dilation, the row stride is used for columns too."""
    if weight.requires_grad and max(pair(dilation)) > 1:
        stride = (pair(stride)[0],) * 2
    return F.conv2d(input, weight, bias, stride, padding, dilation, groups)


def packed_on_the_weight(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """The packed weight is kept on the tensor; an optimiser's step changes only the tensor."""
    packed = getattr(weight, "_packed", None)
    if packed is None:
        packed = weight._packed = weight.detach().clone()
    return F.conv2d(input, packed, bias, stride, padding, dilation, groups)


def algorithm_kept_on_the_weight(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Narrow: the algorithm of a weight's first call is kept: one for stride 2 also where the stride is 1."""
    first = getattr(weight, "_stride", None)
    if first is None:
        first = weight._stride = pair(stride)
    if max(first) >= 2 and max(pair(stride)) < max(first):
        input = input.flip(-1)
    return F.conv2d(input, weight, bias, stride, padding, dilation, groups)


def with_threads_rows_are_lost(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    y = F.conv2d(input, weight, bias, stride, padding, dilation, groups)
    return y if torch.get_num_threads() == 1 else y * (torch.arange(y.shape[-2]) < y.shape[-2] - 1)[:, None]


class Spent(torch.autograd.Function):
    """Scales what was saved by the backward pass, so that the next one is wrong."""

    @staticmethod
    def forward(ctx, x, w, b, *geometry):
        ctx.save_for_backward(x, w)
        ctx.bias, ctx.geometry, ctx.passes = b is not None, geometry, 0
        return F.conv2d(x, w, b, *geometry)

    @staticmethod
    def backward(ctx, gy):
        (x, w), (s, p, d, g) = ctx.saved_tensors, ctx.geometry
        outputs = [w.shape[0]] if ctx.bias else None
        found = torch.ops.aten.convolution_backward(
            gy, x, w, outputs, pair(s), pair(p), pair(d), False, [0, 0], g, [True, True, ctx.bias]
        )
        ctx.passes += 1
        return (found[0], found[1] * ctx.passes, found[2], None, None, None, None)


def a_second_backward_is_scaled(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    return Spent.apply(input, weight, bias, stride, padding, dilation, groups)


_buffers = {}


class Buffered(Spent):
    """Its gradient by the weight lies in a buffer that the next backward pass overwrites."""

    @staticmethod
    def backward(ctx, gy):
        ctx.passes = 0
        found = list(Spent.backward(ctx, gy))
        buffer = _buffers.setdefault(tuple(found[1].shape), torch.zeros_like(found[1]))
        found[1] = buffer.copy_(found[1]) if buffer.dtype == found[1].dtype else found[1]
        return tuple(found)


def gradients_in_one_buffer(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Added up in .grad, which is the buffer itself after a first backward pass."""
    return Buffered.apply(input, weight, bias, stride, padding, dilation, groups)


class Mapped(torch.autograd.Function):
    """Its rule for vmap keeps the first set of weights for all."""

    @staticmethod
    def forward(x, w, b, s, p, d, g):
        return F.conv2d(x, w, b, s, p, d, g)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_forward(*inputs[:2])
        ctx.geometry = inputs[3:]

    @staticmethod
    def vmap(info, dims, x, w, b, s, p, d, g):
        images = [x.select(dims[0], n) if dims[0] is not None else x for n in range(info.batch_size)]
        biases = [b.select(dims[2], n) if b is not None and dims[2] is not None else b for n in range(info.batch_size)]
        weight = w.select(dims[1], info.batch_size - 1) if dims[1] is not None else w
        found = [F.conv2d(one, weight, other, s, p, d, g) for one, other in zip(images, biases, strict=True)]
        return torch.stack(found), 0

    @staticmethod
    def jvp(ctx, dx, dw, db, *_):
        x, w = ctx.saved_tensors
        along = F.conv2d(dx, w, db, *ctx.geometry) if dx is not None else 0
        return along - F.conv2d(x, dw, None, *ctx.geometry) if dw is not None else along


def its_rules_for_transforms_are_wrong(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    return Mapped.apply(input, weight, bias, stride, padding, dilation, groups)
