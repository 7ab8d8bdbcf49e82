"""Right convolutions of tensors: PyTorch's own in other ways, and others made of tensor operations."""

import contextlib
import itertools
import math

import torch
import torch.nn.functional as F

EAGER = {
    (1, False): F.conv1d,
    (2, False): F.conv2d,
    (3, False): F.conv3d,
    (1, True): F.conv_transpose1d,
    (2, True): F.conv_transpose2d,
    (3, True): F.conv_transpose3d,
}
LAYOUTS = {2: torch.channels_last, 3: torch.channels_last_3d}


def same_padded(input, weight, stride, padding, dilation):
    """(input, padding in numbers): what a word means, with PyTorch's side for the odd element."""
    if padding == "valid":
        return input, (0,) * len(stride)
    if padding != "same":
        return input, padding
    if max(stride) > 1:
        raise ValueError("same is for stride 1")
    totals = [d * (k - 1) for d, k in zip(dilation, weight.shape[2:], strict=True)]
    sides = [side for total in reversed(totals) for side in (total // 2, total - total // 2)]
    return F.pad(input, sides), (0,) * len(stride)


def refuses_without_output(input, weight, stride, padding, dilation):
    sizes = [
        (i + 2 * p - d * (k - 1) - 1) // s + 1
        for i, k, s, p, d in zip(input.shape[2:], weight.shape[2:], stride, padding, dilation, strict=True)
    ]
    if min(sizes) < 1:
        raise ValueError(f"no output: {sizes}")
    return sizes


def channels_last(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Both operands, and so the result, with their channels last in memory."""
    axes = weight.ndim - 2
    x = input if input.ndim == axes + 2 else input[None]
    x, w = x.to(memory_format=LAYOUTS[axes]), weight.to(memory_format=LAYOUTS[axes])
    out = EAGER[axes, False](x, w, bias, stride, padding, dilation, groups)
    return out if input.ndim == axes + 2 else out[0]


def without_mkldnn(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    with torch.backends.mkldnn.flags(enabled=False):
        return EAGER[weight.ndim - 2, False](input, weight, bias, stride, padding, dilation, groups)


def conv_transpose_without_mkldnn(
    input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1
):
    with torch.backends.mkldnn.flags(enabled=False):
        return EAGER[weight.ndim - 2, True](input, weight, bias, stride, padding, output_padding, groups, dilation)


def requires_grad(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """The result still has its graph."""
    x = input.detach().clone().requires_grad_()
    return EAGER[weight.ndim - 2, False](x, weight, bias, stride, padding, dilation, groups)


def double_inside(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    wide = [None if array is None else array.double() for array in (input, weight, bias)]
    return EAGER[weight.ndim - 2, False](*wide, stride, padding, dilation, groups).to(input.dtype)


def module(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """torch.nn.Conv2d, made anew for every call."""
    kind = {1: torch.nn.Conv1d, 2: torch.nn.Conv2d, 3: torch.nn.Conv3d}[weight.ndim - 2]
    channels = input.shape[-(weight.ndim - 1)]
    made = kind(
        channels,
        len(weight),
        tuple(weight.shape[2:]),
        stride,
        padding,
        dilation,
        groups,
        bias is not None,
        dtype=input.dtype,
    )
    state = {"weight": weight} if bias is None else {"weight": weight, "bias": bias}
    made.load_state_dict(state)
    with torch.no_grad():
        return made(input)


def unfold(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """torch's im2col, and a product of matrices per group."""
    x, padding = same_padded(input, weight, stride, padding, dilation)
    sizes = refuses_without_output(x, weight, stride, padding, dilation)
    columns = F.unfold(x, weight.shape[2:], dilation, padding, stride)
    columns = columns.reshape(len(x), groups, weight[0].numel(), math.prod(sizes))
    out = weight.reshape(groups, len(weight) // groups, weight[0].numel()) @ columns
    out = out.reshape(len(x), len(weight), *sizes)
    return out if bias is None else out + bias[:, None, None]


def windows(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Tensor.unfold along every axis, and einsum; differentiable as often as one likes."""
    axes = weight.ndim - 2
    x, padding = same_padded(input, weight, stride, padding, dilation)
    refuses_without_output(x, weight, stride, padding, dilation)
    x = F.pad(x, [side for p in reversed(padding) for side in (p, p)])
    for axis, (k, s, d) in enumerate(zip(weight.shape[2:], stride, dilation, strict=True)):
        x = x.unfold(2 + axis, d * (k - 1) + 1, s)[..., ::d]
    x = x.reshape(len(x), groups, weight.shape[1], *x.shape[2:])
    w = weight.reshape(groups, len(weight) // groups, *weight.shape[1:])
    o, k = "pqr"[:axes], "ijk"[:axes]
    out = torch.einsum(f"ngc{o}{k},gmc{k}->ngm{o}", x, w)
    out = out.reshape(len(x), len(weight), *out.shape[3:])
    return out if bias is None else out + bias.reshape(-1, *(1,) * axes)


def tap_by_tap(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """One slice and one small product per tap, summed by a loop."""
    axes = weight.ndim - 2
    sizes = refuses_without_output(input, weight, stride, padding, dilation)
    x = F.pad(input, [side for p in reversed(padding) for side in (p, p)])
    x = x.reshape(len(x), groups, weight.shape[1], *x.shape[2:])
    w = weight.reshape(groups, len(weight) // groups, *weight.shape[1:])
    total = 0
    for tap in itertools.product(*map(range, weight.shape[2:])):
        box = tuple(
            slice(t * d, t * d + (o - 1) * s + 1, s) for t, d, o, s in zip(tap, dilation, sizes, stride, strict=True)
        )
        total = total + torch.einsum("ngc...,gmc->ngm...", x[(..., *box)], w[(..., *tap)])
    out = total.reshape(len(x), len(weight), *sizes)
    return out if bias is None else out + bias.reshape(-1, *(1,) * axes)


def strided(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """as_strided, and tensordot per group; the result is not contiguous."""
    axes = weight.ndim - 2
    sizes = refuses_without_output(input, weight, stride, padding, dilation)
    x = F.pad(input, [side for p in reversed(padding) for side in (p, p)]).contiguous()
    steps = x.stride()
    outer = [step * s for step, s in zip(steps[2:], stride, strict=True)]
    inner = [step * d for step, d in zip(steps[2:], dilation, strict=True)]
    view = x.as_strided((*x.shape[:2], *sizes, *weight.shape[2:]), (*steps[:2], *outer, *inner))
    summed = [1, *range(2 + axes, 2 + 2 * axes)], list(range(1, 2 + axes))
    parts = [
        torch.tensordot(part, w, dims=summed)
        for part, w in zip(view.chunk(groups, dim=1), weight.chunk(groups), strict=True)
    ]
    out = torch.cat(parts, dim=-1)
    return (out if bias is None else out + bias).movedim(-1, 1)


def conv_transpose_folded(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """col2im is F.fold."""
    n, small = len(input), input.shape[2:]
    sizes = [
        (i - 1) * s - 2 * p + d * (k - 1) + o + 1
        for i, k, s, p, o, d in zip(small, weight.shape[2:], stride, padding, output_padding, dilation, strict=True)
    ]
    if min(sizes) < (1 if len(input) else 0):
        raise ValueError(f"no output: {sizes}")
    x = input.reshape(n, groups, len(weight) // groups, math.prod(small))
    w = weight.reshape(groups, len(weight) // groups, weight[0].numel())
    columns = torch.einsum("ngci,gck->ngki", x, w).reshape(n, groups * weight[0].numel(), math.prod(small))
    # F.fold wants as many columns as its own formula counts; output_padding adds rows that none of them reads.
    least = [size - o for size, o in zip(sizes, output_padding, strict=True)]
    full = [size + 2 * p for size, p in zip(least, padding, strict=True)]
    out = F.fold(columns, full, weight.shape[2:], dilation, 0, stride)
    out = F.pad(out, [side for o in reversed(output_padding) for side in (0, o)])
    out = out[(..., *(slice(p, p + size) for p, size in zip(padding, sizes, strict=True)))]
    return out if bias is None else out + bias[:, None, None]


def conv_transpose_by_autograd(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """It is the gradient of a convolution by its input, and autograd computes that."""
    axes = weight.ndim - 2
    sizes = [
        (i - 1) * s - 2 * p + d * (k - 1) + o + 1
        for i, k, s, p, o, d in zip(
            input.shape[2:], weight.shape[2:], stride, padding, output_padding, dilation, strict=True
        )
    ]
    if min(sizes) < (1 if len(input) else 0):
        raise ValueError(f"no output: {sizes}")
    if max(o - s for o, s in zip(output_padding, stride, strict=True)) >= 0:
        raise NotImplementedError("output_padding below the stride")
    with torch.enable_grad():
        zero = torch.zeros((len(input), groups * weight.shape[1], *sizes), dtype=input.dtype, requires_grad=True)
        out = EAGER[axes, False](zero, weight, None, stride, padding, dilation, groups)
        (found,) = torch.autograd.grad(out, zero, input)
    return found if bias is None else found + bias.reshape(-1, *(1,) * axes)


def conv1d_by_conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """A row of height 1."""
    (s,), (d,) = stride, dilation
    row = padding if isinstance(padding, str) else (0, padding[0])
    out = F.conv2d(input.unsqueeze(-2), weight.unsqueeze(-2), bias, (1, s), row, (1, d), groups)
    return out.squeeze(-2)


def group_by_group(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    axes = weight.ndim - 2
    biases = [None] * groups if bias is None else bias.chunk(groups)
    parts = [
        EAGER[axes, False](x, w, b, stride, padding, dilation)
        for x, w, b in zip(input.chunk(groups, -axes - 1), weight.chunk(groups), biases, strict=True)
    ]
    return torch.cat(parts, dim=-axes - 1)


def example_by_example(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """No batch ever reaches PyTorch."""
    function = EAGER[weight.ndim - 2, False]
    if input.ndim < weight.ndim or not len(input):
        return function(input, weight, bias, stride, padding, dilation, groups)
    return torch.stack([function(x, weight, bias, stride, padding, dilation, groups) for x in input])


def sum_of_input_channels(input, weight, bias=None, stride=1, padding=0, dilation=1):
    """S12: a sum of convolutions of single channels."""
    axes = weight.ndim - 2
    parts = [
        EAGER[axes, False](x, w, None, stride, padding, dilation)
        for x, w in zip(input.split(1, -axes - 1), weight.split(1, 1), strict=True)
    ]
    out = sum(parts[1:], parts[0])
    return out if bias is None else out + bias.reshape(-1, *(1,) * axes)


def complex_by_parts(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """(a + ib)(c + id), four real convolutions."""
    if not input.is_complex():
        raise NotImplementedError("complex numbers")

    def real(x, w):
        return EAGER[weight.ndim - 2, False](x, w, None, stride, padding, dilation, groups)

    a, b, c, d = input.real, input.imag, weight.real, weight.imag
    out = torch.complex(real(a, c) - real(b, d), real(a, d) + real(b, c))
    return out if bias is None else out + bias.reshape(-1, *(1,) * (weight.ndim - 2))


def conv_weight_by_einsum(input, weight_size, grad_output, stride=1, padding=0, dilation=1, groups=1):
    axes = input.ndim - 2
    x = F.pad(input, [side for p in reversed(padding) for side in (p, p)])
    for axis, (k, s, d) in enumerate(zip(weight_size[2:], stride, dilation, strict=True)):
        x = x.unfold(2 + axis, d * (k - 1) + 1, s)[..., ::d]
    x = x.reshape(len(x), groups, weight_size[1], *x.shape[2:])
    dy = grad_output.reshape(len(x), groups, weight_size[0] // groups, *grad_output.shape[2:])
    o, k = "pqr"[:axes], "ijk"[:axes]
    return torch.einsum(f"ngc{o}{k},ngm{o}->gmc{k}", x, dy).reshape(tuple(weight_size))


def conv_input_by_transposing(input_size, weight, grad_output, stride=1, padding=0, dilation=1, groups=1):
    """The transposed convolution with the output_padding that the input's size asks for."""
    axes = weight.ndim - 2
    smallest = [
        (o - 1) * s - 2 * p + d * (k - 1) + 1
        for o, k, s, p, d in zip(grad_output.shape[2:], weight.shape[2:], stride, padding, dilation, strict=True)
    ]
    extra = [max(0, i - least) for i, least in zip(input_size[2:], smallest, strict=True)]
    if len(grad_output) and all(e < max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)):
        with contextlib.suppress(RuntimeError):
            return EAGER[axes, True](grad_output, weight, None, stride, padding, extra, groups, dilation)
    source = torch.zeros(tuple(input_size), dtype=weight.dtype)
    return torch.func.vjp(lambda x: EAGER[axes, False](x, weight, None, stride, padding, dilation, groups), source)[1](
        grad_output
    )[0]
