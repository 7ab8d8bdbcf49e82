"""Relations that every convolution satisfies, with no reference implementation and no index arithmetic of ours.

Each takes a way of computing and a source of random integers, and asserts. Polynomials in z, slices, numpy.pad and
finite differences stand in for the index map. All of it is exact: operands are small integers.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import prod
from typing import Any

import numpy as np

from conv_oracle.passes import Array, Passes
from sweep.algebra import at, channels, polynomial_product, same, stuffed, true_convolution
from sweep.samples import forward, integers, output_padding, parameters_of, sample, some_indices

Relation = Callable[[Passes, np.random.Generator], None]


def z_evaluation(passes: Passes, random: np.random.Generator) -> None:
    """With full padding Y(z) = X(z) W'(z^d), W' the reversed kernel's polynomial, for every example and channel."""
    s = sample(random)
    full = [(d * (k - 1),) * 2 for d, k in zip(s.dilation, s.weight.shape[2:], strict=True)]
    y = passes.conv(s.input, s.weight, padding=full, dilation=s.dilation, groups=s.groups)
    z = [2, 3, 5][: s.axes]
    reversed_weight = np.flip(s.weight, s.spatial)
    w = at(reversed_weight, [base**d for base, d in zip(z, s.dilation, strict=True)])
    same(at(y, z), channels(at(s.input, z), w, s.groups), "Y(z) = X(z) W'(z^d)")


def z_evaluation_transposed(passes: Passes, random: np.random.Generator) -> None:
    """Without padding Y(z) = X(z^s) W(z^d): a transposed convolution and an input gradient are polynomial products."""
    s = sample(random)
    z = [2, 3, 5][: s.axes]
    per_group = s.weight.shape[0] // s.groups
    w = at(s.weight, [base**d for base, d in zip(z, s.dilation, strict=True)])
    x = integers(random, (2, s.weight.shape[0], *random.integers(1, 4, s.axes)))
    spread = at(x, [base**step for base, step in zip(z, s.stride, strict=True)])
    extra = [int(random.integers(0, max(step, d))) for step, d in zip(s.stride, s.dilation, strict=True)]
    y = passes.conv_transpose(x, s.weight, stride=s.stride, dilation=s.dilation, output_padding=extra, groups=s.groups)
    blocks = w.reshape(s.groups, per_group, -1).swapaxes(1, 2).reshape(-1, per_group)
    expected = channels(spread, blocks, s.groups)
    same(at(y, z), expected, "Y(z) = X(z^s) W(z^d)")
    span = [
        (i - 1) * step + d * (k - 1) + 1
        for i, step, d, k in zip(x.shape[2:], s.stride, s.dilation, s.weight.shape[2:], strict=True)
    ]
    same(np.array(y.shape[2:]), np.array(span) + extra, "output_padding lengthens the output by itself")
    inside = y[:, :, *(slice(length) for length in span)]
    same(np.abs(y).sum(), np.abs(inside).sum(), "output_padding adds zeros at the end")
    dx = passes.conv_input(
        (2, s.input.shape[1], *span), s.weight, x, stride=s.stride, dilation=s.dilation, groups=s.groups
    )
    same(at(dx, z), expected, "dX(z) = dY(z^s) W(z^d)")


def stride_subsamples(passes: Passes, random: np.random.Generator) -> None:
    """A stride keeps every s-th output of the convolution without it."""
    s = sample(random)
    dense = passes.conv(s.input, s.weight, padding=s.padding, dilation=s.dilation, groups=s.groups)
    every = dense[:, :, *(slice(None, None, step) for step in s.stride)]
    strided = passes.conv(s.input, s.weight, stride=s.stride, padding=s.padding, dilation=s.dilation, groups=s.groups)
    same(strided, every, "stride s = every s-th output")


def dilation_stuffs_zeros(passes: Passes, random: np.random.Generator) -> None:
    """A dilated kernel is the kernel with zeros between its elements."""
    s = sample(random)
    spread = stuffed(s.weight, s.dilation)
    dilated = passes.conv(s.input, s.weight, stride=s.stride, padding=s.padding, dilation=s.dilation, groups=s.groups)
    plain = passes.conv(s.input, spread, stride=s.stride, padding=s.padding, groups=s.groups)
    same(dilated, plain, "dilation d = zeros in the kernel")


def padding_is_explicit(passes: Passes, random: np.random.Generator) -> None:
    """Padding, of any mode, is numpy.pad before a convolution without it."""
    s = sample(random)
    mode, numpy_mode = (("zeros", "constant"), ("reflect", "reflect"), ("replicate", "edge"), ("circular", "wrap"))[
        int(random.integers(4))
    ]
    sides = tuple(
        (min(before, size - 1), min(after, size - 1)) if mode != "zeros" else (before, after)
        for (before, after), size in zip(s.padding, s.input.shape[2:], strict=True)
    )
    padded = np.pad(s.input, ((0, 0), (0, 0), *sides), mode=numpy_mode)
    implicit = passes.conv(
        s.input,
        s.weight,
        stride=s.stride,
        padding=sides,
        dilation=s.dilation,
        groups=s.groups,
        padding_mode=mode,
    )
    done = passes.conv(padded, s.weight, stride=s.stride, dilation=s.dilation, groups=s.groups)
    same(implicit, done, f"padding {mode} = numpy.pad {numpy_mode}")


def same_keeps_the_size(passes: Passes, random: np.random.Generator) -> None:
    """'same' keeps the size; 'valid' pads nothing; the odd element of 'same' goes after, as in PyTorch."""
    s = sample(random)
    totals = [d * (k - 1) for d, k in zip(s.dilation, s.weight.shape[2:], strict=True)]
    padded = np.pad(s.input, ((0, 0), (0, 0), *((t // 2, t - t // 2) for t in totals)))
    implicit = passes.conv(s.input, s.weight, padding="same", dilation=s.dilation, groups=s.groups)
    same(implicit, passes.conv(padded, s.weight, dilation=s.dilation, groups=s.groups), "'same' = numpy.pad")
    same(np.array(implicit.shape[2:]), np.array(s.input.shape[2:]), "'same' keeps the size")
    valid = passes.conv(s.input, s.weight, stride=s.stride, padding="valid", dilation=s.dilation, groups=s.groups)
    same(valid, passes.conv(s.input, s.weight, stride=s.stride, dilation=s.dilation, groups=s.groups), "'valid'")


def sign_and_scale(passes: Passes, random: np.random.Generator) -> None:
    """f(-x, w) = -f(x, w) and f(2^k x, w) = f(x, 2^k w) = 2^k f(x, w), bit by bit, on real numbers too."""
    s = sample(random)
    x, w = random.standard_normal(s.input.shape), random.standard_normal(s.weight.shape)
    k = 2.0 ** int(random.integers(-40, 41))
    for dtype in (np.float64, np.float32):
        f = forward(passes, s)
        y = f(x.astype(dtype), w.astype(dtype))
        same(f(-x.astype(dtype), w.astype(dtype)), -y, "f(-x, w) = -f(x, w)")
        same(f(x.astype(dtype), -w.astype(dtype)), -y, "f(x, -w) = -f(x, w)")
        same(f((k * x).astype(dtype), w.astype(dtype)), dtype(k) * y, "f(2^k x, w) = 2^k f(x, w)")
        same(f(x.astype(dtype), (k * w).astype(dtype)), dtype(k) * y, "f(x, 2^k w) = 2^k f(x, w)")


def batch_splits(passes: Passes, random: np.random.Generator) -> None:
    """Each example alone, in a batch of one or without a batch, gives what it gives among others."""
    s = sample(random)
    f = forward(passes, s)
    together = f(s.input, s.weight)
    same(together, np.concatenate([f(s.input[n : n + 1], s.weight) for n in range(len(s.input))]), "batch = examples")
    same(together, np.stack([f(x, s.weight) for x in s.input]), "batch = unbatched examples")
    dy = integers(random, together.shape)
    parameters = parameters_of(s)
    dx = passes.conv_input(s.input.shape, s.weight, dy, **parameters)
    same(dx, np.stack([passes.conv_input(s.input.shape[1:], s.weight, one, **parameters) for one in dy]), "dx splits")
    dw = passes.conv_weight(s.input, s.weight.shape, dy, **parameters)
    parts = [passes.conv_weight(x, s.weight.shape, one, **parameters) for x, one in zip(s.input, dy, strict=True)]
    same(dw, sum(parts), "dw = the sum over examples")


def groups_are_blocks(passes: Passes, random: np.random.Generator) -> None:
    """A grouped convolution is one convolution per group, side by side."""
    s = sample(random)
    parameters = parameters_of(s) | {"groups": 1}
    pairs = zip(np.split(s.input, s.groups, axis=1), np.split(s.weight, s.groups), strict=True)
    blocks = [passes.conv(x, w, **parameters) for x, w in pairs]
    same(forward(passes, s)(s.input, s.weight), np.concatenate(blocks, axis=1), "groups = blocks")


def channels_add(passes: Passes, random: np.random.Generator) -> None:
    """S12: within a group, the convolution of several channels is the sum over them, and one per output channel."""
    s = sample(random)
    parameters = parameters_of(s) | {"groups": 1}
    per_group = s.weight.shape[1]
    x = s.input[:, :per_group]
    whole = passes.conv(x, s.weight, **parameters)
    singles = [
        sum(passes.conv(x[:, c : c + 1], s.weight[m : m + 1, c : c + 1], **parameters) for c in range(per_group))
        for m in range(len(s.weight))
    ]
    same(whole, np.concatenate(singles, axis=1), "channels add")


def impulse(passes: Passes, random: np.random.Generator) -> None:
    """An impulse in the middle shows the kernel backwards, and through the transposed convolution as it is."""
    axes = int(random.integers(1, 4))
    kernel = tuple(int(k) for k in random.integers(1, 4, axes))
    w = 1 + np.arange(prod(kernel)).reshape(1, 1, *kernel)
    x = np.zeros((1, 1, *(2 * k - 1 for k in kernel)), dtype=np.int64)
    x[0, 0, *(k - 1 for k in kernel)] = 1
    same(passes.conv(x, w), np.flip(w, tuple(range(2, 2 + axes))), "an impulse shows the kernel backwards")
    one = np.ones((1, 1, *(1,) * axes), dtype=np.int64)
    same(passes.conv_transpose(one, w), w, "a transposed impulse shows the kernel")


def adjoint(passes: Passes, random: np.random.Generator) -> None:
    """<f(x, w), dy> = <x, dx> = <w, dw>, with the conjugate that torch.autograd takes; both directions."""
    s = sample(random, complex_numbers=bool(random.integers(2)))
    kind = np.iscomplexobj(s.input)
    parameters = parameters_of(s)
    y = passes.conv(s.input, s.weight, **parameters)
    dy = integers(random, y.shape, kind)
    dx = passes.conv_input(s.input.shape, s.weight, dy, **parameters)
    dw = passes.conv_weight(s.input, s.weight.shape, dy, **parameters)
    expected = np.vdot(y, dy)
    same(np.vdot(s.input, dx), expected, "<x, dx> = <f(x, w), dy>")
    same(np.vdot(s.weight, dw), expected, "<w, dw> = <f(x, w), dy>")
    t = integers(random, y.shape, kind)
    back = parameters | {"output_padding": output_padding(s)}
    z = passes.conv_transpose(t, s.weight, **back)
    dz = integers(random, z.shape, kind)
    dt = passes.conv_transpose_input(t.shape, s.weight, dz, **back)
    dw = passes.conv_transpose_weight(t, s.weight.shape, dz, **back)
    expected = np.vdot(z, dz)
    same(np.vdot(t, dt), expected, "<x, dx> = <f(x, w), dy>, transposed")
    same(np.vdot(s.weight, dw), expected, "<w, dw> = <f(x, w), dy>, transposed")


def transposed_is_the_adjoint(passes: Passes, random: np.random.Generator) -> None:
    """<conv(x, w), t> = <x, conv_transpose(t, w)> for real numbers: the two directions share one index map."""
    s = sample(random)
    y = forward(passes, s)(s.input, s.weight)
    t = integers(random, y.shape)
    back = passes.conv_transpose(t, s.weight, output_padding=output_padding(s), **parameters_of(s))
    same(np.vdot(s.input, back), np.vdot(y, t), "<conv(x, w), t> = <x, conv_transpose(t, w)>")


def finite_differences(passes: Passes, random: np.random.Generator) -> None:
    """A step of 1 is exact for a bilinear map: every element of both gradients, from forward results alone."""
    s = sample(random)
    f = forward(passes, s)
    y = f(s.input, s.weight)
    dy = integers(random, y.shape)
    dx = passes.conv_input(s.input.shape, s.weight, dy, **parameters_of(s))
    dw = passes.conv_weight(s.input, s.weight.shape, dy, **parameters_of(s))
    for index in some_indices(random, s.input.shape):
        step = s.input.copy()
        step[index] += 1
        same(np.vdot(f(step, s.weight) - y, dy), dx[index], f"dx at {index} = the difference of a step of 1")
    for index in some_indices(random, s.weight.shape):
        step = s.weight.copy()
        step[index] += 1
        same(np.vdot(f(s.input, step) - y, dy), dw[index], f"dw at {index} = the difference of a step of 1")


def double_backward_differences(passes: Passes, random: np.random.Generator) -> None:
    """L = <dx, vx> + <dw, vw> + <db, vb> is bilinear in (x, dy) and (w, dy): a step of 1 is exact once more."""
    s = sample(random)
    parameters = parameters_of(s)
    y = passes.conv(s.input, s.weight, **parameters)
    dy, vx, vw = integers(random, y.shape), integers(random, s.input.shape), integers(random, s.weight.shape)
    vb = integers(random, (len(s.weight),))

    def loss(x: Array, w: Array, g: Array) -> Any:
        return (
            np.vdot(passes.conv_input(x.shape, w, g, **parameters), vx)
            + np.vdot(passes.conv_weight(x, w.shape, g, **parameters), vw)
            + np.vdot(passes.conv_bias(g, dimensions=s.axes), vb)
        )

    by = passes.conv_double_backward(s.input, s.weight, dy, vx, vw, vb, **parameters)
    start = loss(s.input, s.weight, dy)
    for n, (operand, gradient) in enumerate(zip((s.input, s.weight, dy), by, strict=True)):
        for index in some_indices(random, operand.shape, 4):
            step = operand.copy()
            step[index] += 1
            operands = [s.input, s.weight, dy]
            operands[n] = step
            same(gradient[index], loss(*operands) - start, f"double backward, operand {n} at {index}")


def commutes(passes: Passes, random: np.random.Generator) -> None:
    """The true convolution (a flipped kernel, full padding) of one channel commutes."""
    axes = int(random.integers(1, 4))
    f, g = (integers(random, (1, 1, *random.integers(1, 5, axes))) for _ in range(2))
    same(true_convolution(passes, f, g), true_convolution(passes, g, f), "f * g = g * f")


def associates(passes: Passes, random: np.random.Generator) -> None:
    """Two layers are one: conv(conv(x, a), b) = conv(x, c), c the product of their polynomials over the channels."""
    axes = int(random.integers(1, 3))
    first, between, last = (int(n) for n in random.integers(1, 4, 3))
    a = random.integers(-5, 6, (between, first, *random.integers(1, 4, axes)))
    b = random.integers(-5, 6, (last, between, *random.integers(1, 4, axes)))
    size = [ka + kb - 1 + int(random.integers(0, 3)) for ka, kb in zip(a.shape[2:], b.shape[2:], strict=True)]
    x = random.integers(-5, 6, (2, first, *size))
    c = np.zeros((last, first, *(ka + kb - 1 for ka, kb in zip(a.shape[2:], b.shape[2:], strict=True))), np.int64)
    for m, n, h in product(range(last), range(first), range(between)):
        c[m, n] += polynomial_product(a[h, n], b[m, h])
    same(passes.conv(passes.conv(x, a), b), passes.conv(x, c), "conv(conv(x, a), b) = conv(x, a * b)")


def shifts(passes: Passes, random: np.random.Generator) -> None:
    """S7: with circular padding, shifting the input by multiples of the stride shifts the output."""
    axes = int(random.integers(1, 4))
    kernel, dilation = random.integers(1, 4, axes), random.integers(1, 3, axes)
    stride = [int(s) for s in random.integers(1, 4, axes)]
    size = [int(s * n) for s, n in zip(stride, random.integers(3, 5, axes), strict=True)]
    totals = [int(min(i, d * (k - 1))) for i, d, k in zip(size, dilation, kernel, strict=True)]
    kernel = [int(t // d + 1) for t, d in zip(totals, dilation, strict=True)]
    x, w = integers(random, (1, 2, *size)), integers(random, (2, 2, *kernel))
    steps = tuple(int(n) for n in random.integers(1, 4, axes))

    def f(x: Array) -> Array:
        sides = [(0, int(d) * (k - 1)) for d, k in zip(dilation, kernel, strict=True)]
        return passes.conv(
            x, w, stride=stride, dilation=[int(d) for d in dilation], padding=sides, padding_mode="circular"
        )

    spatial = tuple(range(2, 2 + axes))
    moved = np.roll(x, [n * s for n, s in zip(steps, stride, strict=True)], spatial)
    same(f(moved), np.roll(f(x), steps, spatial), "shifting the input shifts the output")


RELATIONS: tuple[Relation, ...] = (
    z_evaluation,
    z_evaluation_transposed,
    stride_subsamples,
    dilation_stuffs_zeros,
    padding_is_explicit,
    same_keeps_the_size,
    sign_and_scale,
    batch_splits,
    groups_are_blocks,
    channels_add,
    impulse,
    adjoint,
    transposed_is_the_adjoint,
    finite_differences,
    double_backward_differences,
    commutes,
    associates,
    shifts,
)
