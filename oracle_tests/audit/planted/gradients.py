"""Convolutions of tensors with a backward of their own, which has one fault. Loaded by the audit's worker only.

Every pass is PyTorch's, and so is what differentiates it again, but for the one that a subject names.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F

BACKWARD = torch.ops.aten.convolution_backward


class Layer(NamedTuple):
    """In the order in which torch.convolution takes them."""

    stride: tuple
    padding: tuple
    dilation: tuple
    transposed: bool
    output_padding: tuple
    groups: int


def by_input(grad, x, w, layer):
    return BACKWARD(grad, x, w, None, *layer, [True, False, False])[0]


def by_weight(grad, x, w, layer):
    return BACKWARD(grad, x, w, None, *layer, [False, True, False])[1]


def by_bias(grad, _):
    return grad.sum(dim=(0, *range(2, grad.ndim)))


def _function(
    forward=torch.convolution, by_input=by_input, by_weight=by_weight, by_bias=by_bias, needed=None, keep=None
):
    """The parts as a function of torch.autograd; `needed` says what is computed, `keep` what the backward is given."""

    class Convolution(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, w, b, layer):
            ctx.save_for_backward(x, w)
            ctx.layer, ctx.kept = layer, keep(x.detach()) if keep else x.detach()
            return forward(x, w, b, *layer)

        @staticmethod
        def backward(ctx, grad):
            x, w = ctx.saved_tensors
            x = instead(x, ctx.kept)
            wanted = needed(*ctx.needs_input_grad[:3]) if needed else ctx.needs_input_grad
            return (
                by_input(grad, x, w, ctx.layer) if wanted[0] else None,
                by_weight(grad, x, w, ctx.layer) if wanted[1] else None,
                by_bias(grad, ctx.layer) if wanted[2] else None,
                None,
            )

    return Convolution


def conv(**parts):
    function = _function(**parts)

    def convolution(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
        none = (0,) * (weight.ndim - 2)
        return function.apply(input, weight, bias, Layer(stride, padding, dilation, False, none, groups))

    return convolution


def conv_transpose(**parts):
    function = _function(**parts)

    def convolution(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
        return function.apply(input, weight, bias, Layer(stride, padding, dilation, True, output_padding, groups))

    return convolution


def instead(tensor, value):
    """The value, with the derivative of the tensor."""
    same = tensor.shape == value.shape and tensor.data_ptr() == value.data_ptr()
    return tensor if same else _Instead.apply(tensor, value)


class _Instead(torch.autograd.Function):
    @staticmethod
    def forward(_, tensor, value):
        return value.expand_as(tensor).clone()

    @staticmethod
    def backward(_, grad):
        return grad, None


def stored(tensor):
    """All that lies in a tensor's memory, as one row."""
    return torch.empty(0, dtype=tensor.dtype).set_(tensor.untyped_storage())


def in_c_order(tensor):
    """What lies in memory from the tensor's first number on, around the end, as if it were in C order."""
    row = stored(tensor.detach())
    places = torch.arange(tensor.numel()) + tensor.storage_offset()
    return instead(tensor, row[places % len(row)].reshape(tensor.shape))


# The gradient by the weight


def _windows(grad, x, w, layer):
    """The windows of the input with the cotangent, with a dilation of 1."""
    x = F.pad(x, [side for p in reversed(layer.padding) for side in (p, p)])
    for axis, (k, s, o) in enumerate(zip(w.shape[2:], layer.stride, grad.shape[2:], strict=True)):
        x = x.unfold(2 + axis, k, s).narrow(2 + axis, 0, o)
    groups, o, k = layer.groups, "pqr"[: w.ndim - 2], "ijk"[: w.ndim - 2]
    x = x.reshape(len(x), groups, w.shape[1], *x.shape[2:])
    grad = grad.reshape(len(grad), groups, -1 if len(grad) else len(w) // groups, *grad.shape[2:])
    return torch.einsum(f"ngc{o}{k},ngm{o}->gmc{k}", x, grad).flatten(0, 1)


def _depthwise_windows(grad, x, w, layer):
    of = _windows if w.shape[1] == 1 and layer.groups > 1 else by_weight
    return of(grad, x, w, layer)


conv2d__weight_gradient_turned = conv(by_weight=lambda *operands: by_weight(*operands).flip(-1))
conv2d__weight_gradient_without_dilation = conv(by_weight=_windows)
conv1d__depthwise_weight_gradient_without_dilation = conv(by_weight=_depthwise_windows)
conv2d__weight_gradient_of_the_mean = conv(by_weight=lambda grad, *rest: by_weight(grad, *rest) / max(len(grad), 1))
conv3d__weight_gradient_in_single = conv(
    by_weight=lambda grad, x, w, layer: by_weight(grad.float(), x.float(), w.float(), layer).double()
)


def _swapped(grad, x, w, layer):
    """Two axes of a kernel that is as long as it is wide."""
    found = by_weight(grad, x, w, layer)
    return found.transpose(-1, -2) if w.shape[-1] == w.shape[-2] else found


conv3d__weight_gradient_of_square_kernels = conv(by_weight=_swapped)
conv_transpose3d__weight_gradient_of_square_kernels = conv_transpose(by_weight=_swapped)


def _without_output_padding(grad, x, w, layer):
    """What output_padding adds is cut off, and so has no part in it."""
    for axis, extra in enumerate(layer.output_padding):
        kept = torch.arange(grad.shape[2 + axis]) < grad.shape[2 + axis] - extra
        grad = grad * kept.reshape(-1, *(1,) * (grad.ndim - 3 - axis))
    return by_weight(grad, x, w, layer)


conv_transpose2d__weight_gradient_without_output_padding = conv_transpose(by_weight=_without_output_padding)


def _of_no_examples(grad, x, w, layer):
    """A mean of nothing is taken."""
    return by_weight(grad, x, w, layer) + (0 if len(x) else math.nan)


conv2d__weight_gradient_of_an_empty_batch = conv(by_weight=_of_no_examples)


def _as_it_lies(grad, x, w, layer):
    """A gradient that is made with its channels last, and described as if it were not."""
    found = by_weight(grad, x, w, layer)
    last = not x.is_contiguous() and x.is_contiguous(memory_format=torch.channels_last)
    return found.permute(0, 2, 3, 1).reshape(found.shape) if last else found


conv2d__weight_gradient_channels_last = conv(by_weight=_as_it_lies)

SUMS = {}


def _added_up(grad, x, w, layer):
    found = by_weight(grad, x, w, layer)
    key = (tuple(x.shape), tuple(w.shape), layer)
    SUMS[key] = SUMS.get(key, 0) + found.detach()
    return instead(found, SUMS[key])


conv2d__weight_gradient_is_added_up = conv(by_weight=_added_up)

# The gradient by the input


def _remainder_in_front(grad, x, w, layer):
    """What the stride leaves over is taken for the beginning."""
    found = by_input(grad, x, w, layer)
    for axis, (i, k, s, p, d) in enumerate(
        zip(x.shape[2:], w.shape[2:], layer.stride, layer.padding, layer.dilation, strict=True)
    ):
        found = found.roll((i + 2 * p - d * (k - 1) - 1) % s, 2 + axis)
    return found


def _groups_reversed(grad, x, w, layer):
    """Of more than two groups, the last is taken first."""
    parts = w.chunk(layer.groups)
    return by_input(grad, x, torch.cat(parts[::-1]) if layer.groups > 2 else w, layer)


def _none_with_stride(grad, x, w, layer):
    return None if max(layer.stride) > 1 else by_input(grad, x, w, layer)


def _turned_when_halving(grad, x, w, layer):
    """Kernel 3, stride 2, padding 1, without groups."""
    halves = layer.groups == 1 and set(layer.stride) == {2} and set(layer.padding) == set(layer.dilation) == {1}
    return by_input(grad, x, w.flip(-1) if halves and set(w.shape[2:]) == {3} else w, layer)


conv1d__input_gradient_remainder_in_front = conv(by_input=_remainder_in_front)
conv2d__input_gradient_of_groups_reversed = conv(by_input=_groups_reversed)
conv_transpose1d__input_gradient_of_groups_reversed = conv_transpose(by_input=_groups_reversed)
conv1d__input_gradient_none_with_stride = conv(by_input=_none_with_stride)
conv2d__input_gradient_of_the_halving_layer = conv(by_input=_turned_when_halving)

# Complex numbers


def times(first, second, product):
    """(a + ib)(c + id), four real products."""
    a, b, c, d = first.real, first.imag, second.real, second.imag
    return torch.complex(product(a, c) - product(b, d), product(a, d) + product(b, c))


def _complex(x, w, b, *layer):
    out = times(x, w, lambda one, other: torch.convolution(one, other, None, *layer))
    return out if b is None else out + b.reshape(-1, *(1,) * (w.ndim - 2))


def _complex_by_input(grad, x, w, layer):
    return times(grad, w.conj(), lambda one, other: by_input(one, x.real, other, layer))


def _complex_by_weight(grad, x, w, layer):
    return times(grad, x.conj(), lambda one, other: by_weight(one, other, w.real, layer))


conv2d__input_gradient_without_conjugate = conv(
    forward=_complex,
    by_input=lambda grad, x, w, layer: _complex_by_input(grad, x, w.conj(), layer),
    by_weight=_complex_by_weight,
)
conv1d__weight_gradient_conjugated_whole = conv(
    forward=_complex, by_input=_complex_by_input, by_weight=lambda *operands: _complex_by_weight(*operands).conj()
)

# The gradient by the bias


def _of_the_first_group(grad, layer):
    found = by_bias(grad, layer)
    return torch.where(torch.arange(len(found)) < len(found) // layer.groups, found, 0)


def _expanded_counts_once(grad, layer):
    """Examples that are one and the same memory are summed as one."""
    return by_bias(grad[:1] if len(grad) > 1 and grad.stride(0) == 0 else grad, layer)


conv1d__bias_gradient_of_the_mean = conv(by_bias=lambda grad, _: grad.sum(2).mean(0) if len(grad) else grad.sum((0, 2)))
conv3d__bias_gradient_of_the_first_group = conv(by_bias=_of_the_first_group)
conv_transpose1d__bias_gradient_of_an_expanded_cotangent = conv_transpose(by_bias=_expanded_counts_once)

# How the cotangent is read


def _everywhere_the_first(grad, x, w, layer):
    """As if it always came from a sum."""
    return by_input(instead(grad, grad.detach().flatten()[:1]) if grad.numel() else grad, x, w, layer)


def _ones_if_expanded(grad, x, w, layer):
    """One number for all of it is taken for the 1 of a sum."""
    of_a_sum = grad.numel() > 1 and not any(grad.stride())
    return by_weight(instead(grad, torch.ones_like(grad)) if of_a_sum else grad, x, w, layer)


conv2d__cotangent_in_c_order = conv(by_weight=lambda grad, *rest: by_weight(in_c_order(grad), *rest))
conv_transpose2d__cotangent_in_c_order = conv_transpose(by_input=lambda grad, *rest: by_input(in_c_order(grad), *rest))
conv1d__cotangent_is_the_same_everywhere = conv(by_input=_everywhere_the_first)
conv2d__cotangent_of_a_sum_is_one = conv(by_weight=_ones_if_expanded)

# What is asked, and what is kept for it

conv2d__weight_gradient_only_with_the_input = conv(needed=lambda x, w, b: (x, w and x, b))
conv_transpose1d__input_gradient_only_with_the_weight = conv_transpose(needed=lambda x, w, b: (x and w, w, b))
conv1d__weight_gradient_only_with_the_bias = conv(needed=lambda x, w, b: (x, w and b, b))
conv3d__bias_gradient_only_with_the_weight = conv(needed=lambda x, w, b: (x, w, b and w))
conv1d__keeps_what_is_activated_in_place = conv(keep=lambda x: x.clamp(min=0))

KEPT = {}


def _shared(x):
    """One buffer per shape: right as long as every forward is followed by its own backward."""
    kept = KEPT.setdefault(tuple(x.shape), torch.empty(x.shape, dtype=x.dtype))
    return kept.copy_(x)


conv2d__keeps_its_input_in_a_shared_buffer = conv(keep=_shared)


def _in_single(x, w, b, *layer):
    return torch.convolution(x.float(), w.float(), b if b is None else b.float(), *layer).double()


conv3d__trains_in_single = conv(forward=_in_single)

# The double backward


def _negated(tensor):
    """The tensor, with the derivative's sign turned."""
    return 2 * tensor.detach() - tensor


def _detached_with_groups(grad, x, w, layer):
    return by_input(grad, x, w.detach() if layer.groups > 1 else w, layer)


def _detached_with_stride(grad, x, w, layer):
    return by_weight(grad, x.detach() if max(layer.stride) > 1 else x, w, layer)


conv2d__second_term_of_the_weight_is_missing = conv(
    by_input=lambda grad, x, w, layer: by_input(grad, x, w.detach(), layer)
)
conv1d__second_term_has_the_wrong_sign = conv(
    by_weight=lambda grad, x, w, layer: by_weight(grad, _negated(x), w, layer)
)
conv_transpose2d__weight_gradient_is_detached = conv_transpose(
    by_weight=lambda grad, x, w, layer: by_weight(grad.detach(), x, w, layer)
)
conv3d__bias_gradient_is_detached = conv(by_bias=lambda grad, layer: by_bias(grad.detach() + 0 * grad, layer))
conv2d__second_term_is_missing_with_groups = conv(by_input=_detached_with_groups)
conv1d__second_term_is_missing_with_stride = conv(by_weight=_detached_with_stride)

# Without a fault, to see that the rest of the file has none

conv1d__right, conv2d__right, conv3d__right = conv(), conv(), conv()
conv2d__right_complex = conv(forward=_complex, by_input=_complex_by_input, by_weight=_complex_by_weight)
conv_transpose1d__right, conv_transpose2d__right, conv_transpose3d__right = (conv_transpose() for _ in range(3))
