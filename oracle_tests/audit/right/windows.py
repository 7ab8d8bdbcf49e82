"""Convolutions of any number of axes by windows: copied, viewed, indexed, as a matrix, tap by tap."""

import itertools

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view
from right_common import check_dense, output_sizes, summed_in, with_bias, zero_padded


def im2col(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Columns are copied, then one GEMM per example and group."""
    sizes = output_sizes(input, weight, stride, padding, dilation)
    dtype = summed_in(input.dtype)
    x, w = zero_padded(input.astype(dtype), padding), weight.astype(dtype)
    columns = np.empty((*x.shape[:2], *w.shape[2:], *sizes), dtype)
    for tap in np.ndindex(w.shape[2:]):
        begins = [t * d for t, d in zip(tap, dilation, strict=True)]
        ends = [b + (o - 1) * s + 1 for b, o, s in zip(begins, sizes, stride, strict=True)]
        box = tuple(slice(b, e, s) for b, e, s in zip(begins, ends, stride, strict=True))
        columns[(slice(None), slice(None), *tap)] = x[(slice(None), slice(None), *box)]
    n, taps = len(x), int(np.prod(w.shape[1:]))
    out = w.reshape(groups, len(w) // groups, taps) @ columns.reshape(n, groups, taps, int(np.prod(sizes)))
    return with_bias(out.reshape(n, len(w), *sizes), bias).astype(input.dtype)


def einsum_windows(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """A view of all windows, and einsum over channels and taps."""
    dtype = summed_in(input.dtype)
    x, axes = zero_padded(input.astype(dtype), padding), input.ndim - 2
    spans = [d * (k - 1) + 1 for d, k in zip(dilation, weight.shape[2:], strict=True)]
    windows = sliding_window_view(x, spans, axis=tuple(range(2, 2 + axes)))
    steps = (*(slice(None, None, s) for s in stride), *(slice(None, None, d) for d in dilation))
    windows = windows[(slice(None), slice(None), *steps)]
    windows = windows.reshape(len(x), groups, weight.shape[1], *windows.shape[2:])
    w = weight.astype(dtype).reshape(groups, len(weight) // groups, *weight.shape[1:])
    o, k = "pqr"[:axes], "ijk"[:axes]
    out = np.einsum(f"ngc{o}{k},gmc{k}->ngm{o}", windows, w)
    return with_bias(out.reshape(len(x), len(weight), *out.shape[3:]), bias).astype(input.dtype)


def strided_tensordot(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """as_strided, then tensordot per group; what comes back is a transposed view."""
    sizes = output_sizes(input, weight, stride, padding, dilation)
    dtype = summed_in(input.dtype)
    x, w, axes = zero_padded(input.astype(dtype), padding), weight.astype(dtype), input.ndim - 2
    outer = [step * s for step, s in zip(x.strides[2:], stride, strict=True)]
    inner = [step * d for step, d in zip(x.strides[2:], dilation, strict=True)]
    windows = as_strided(x, (*x.shape[:2], *sizes, *w.shape[2:]), (*x.strides[:2], *outer, *inner), writeable=False)
    reads, writes = w.shape[1], len(w) // groups
    summed = (1, *range(2 + axes, 2 + 2 * axes))
    parts = [
        np.tensordot(
            windows[:, g * reads : (g + 1) * reads], w[g * writes : (g + 1) * writes], (summed, range(1, w.ndim))
        )
        for g in range(groups)
    ]
    out = np.concatenate(parts, axis=-1)
    if bias is not None:
        out = out + bias.astype(dtype)
    return np.moveaxis(out.astype(input.dtype), -1, 1)


def tap_by_tap(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Nothing is padded: each tap is added where it reads the input, in the middle."""
    sizes = output_sizes(input, weight, stride, padding, dilation)
    dtype = summed_in(input.dtype)
    n, reads, writes = len(input), weight.shape[1], len(weight) // groups
    out = np.zeros((n, groups, writes, *sizes), dtype)
    x = input.astype(dtype).reshape(n, groups, reads, *input.shape[2:])
    w = weight.astype(dtype).reshape(groups, writes, reads, *weight.shape[2:])
    for tap in np.ndindex(weight.shape[2:]):
        to, of = [], []
        for t, i, o, s, p, d in zip(tap, input.shape[2:], sizes, stride, padding, dilation, strict=True):
            first = max(0, -((t * d - p) // s))
            last = min(o, (i - 1 + p - t * d) // s + 1)
            to.append(slice(first, max(first, last)))
            begin = first * s + t * d - p
            of.append(slice(begin, begin + max(0, last - first) * s, s))
            if last <= first:
                break
        else:
            lhs = x[(slice(None), slice(None), slice(None), *of)]
            out[(slice(None), slice(None), slice(None), *to)] += np.einsum(
                "ngc...,gmc->ngm...", lhs, w[(slice(None), slice(None), slice(None), *tap)]
            )
    return with_bias(out.reshape(n, len(weight), *sizes), bias).astype(input.dtype)


def index_table(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """A table per axis of which element is read, and one element beyond the end that is 0."""
    sizes = output_sizes(input, weight, stride, padding, dilation)
    dtype = summed_in(input.dtype)
    x, axes = input.astype(dtype), input.ndim - 2
    for axis, (i, k, o, s, p, d) in enumerate(
        zip(input.shape[2:], weight.shape[2:], sizes, stride, padding, dilation, strict=True)
    ):
        table = np.arange(o)[:, None] * s + np.arange(k) * d - p
        table[(table < 0) | (table >= i)] = i
        at = 2 + 2 * axis
        x = np.concatenate([x, np.zeros_like(np.take(x, [0], axis=at))], axis=at)
        x = np.take(x, table, axis=at)
    order = (0, 1, *range(2, 2 + 2 * axes, 2), *range(3, 3 + 2 * axes, 2))
    taps = int(np.prod(weight.shape[2:]))
    windows = x.transpose(order).reshape(len(x), groups, weight.shape[1], int(np.prod(sizes)), taps)
    w = weight.astype(dtype).reshape(groups, len(weight) // groups, weight.shape[1], -1)
    out = (windows[:, :, None] * w[None, :, :, :, None]).sum(axis=(3, 5), dtype=dtype)
    return with_bias(out.reshape(len(x), len(weight), *sizes), bias).astype(input.dtype)


def channels_last_inside(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Batch first, channels last; the result is a view of that."""
    sizes = output_sizes(input, weight, stride, padding, dilation)
    dtype = summed_in(input.dtype)
    x = np.ascontiguousarray(np.moveaxis(zero_padded(input.astype(dtype), padding), 1, -1))
    reads, writes = weight.shape[1], len(weight) // groups
    out = np.zeros((len(x), *sizes, len(weight)), dtype)
    for group, tap in itertools.product(range(groups), np.ndindex(weight.shape[2:])):
        begins = [t * d for t, d in zip(tap, dilation, strict=True)]
        box = tuple(slice(b, b + (o - 1) * s + 1, s) for b, o, s in zip(begins, sizes, stride, strict=True))
        mine = slice(group * writes, (group + 1) * writes)
        part = x[(slice(None), *box, slice(group * reads, (group + 1) * reads))]
        out[..., mine] += part @ weight[(mine, slice(None), *tap)].astype(dtype).T
    if bias is not None:
        out += bias.astype(dtype)
    return np.moveaxis(out.astype(input.dtype), -1, 1)


def dense_matrix(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """S2's band matrix: output = matrix @ input, both flattened, per group."""
    sizes = output_sizes(input, weight, stride, padding, dilation)
    dtype = summed_in(input.dtype)
    n, reads, writes = len(input), weight.shape[1], len(weight) // groups
    check_dense(len(weight), *sizes, reads, *input.shape[2:])
    matrices = np.zeros((groups, writes, *sizes, reads, *input.shape[2:]), dtype)
    w = weight.astype(dtype).reshape(groups, writes, reads, *weight.shape[2:])
    for at in np.ndindex(sizes):
        for tap in np.ndindex(weight.shape[2:]):
            axes = zip(at, tap, stride, padding, dilation, strict=True)
            of = tuple(o * s + t * d - p for o, t, s, p, d in axes)
            if all(0 <= i < size for i, size in zip(of, input.shape[2:], strict=True)):
                matrices[(slice(None), slice(None), *at, slice(None), *of)] += w[(..., *tap)]
    rows, columns = int(np.prod((writes, *sizes))), int(np.prod((reads, *input.shape[2:])))
    x = input.astype(dtype).reshape(n, groups, columns, 1)
    out = matrices.reshape(groups, rows, columns) @ x
    return with_bias(out.reshape(n, len(weight), *sizes), bias).astype(input.dtype)


def by_phases(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """The input is split into its residues modulo the stride; each tap then reads one of them densely."""
    sizes = output_sizes(input, weight, stride, padding, dilation)
    dtype = summed_in(input.dtype)
    x, w = zero_padded(input.astype(dtype), padding), weight.astype(dtype)
    x = x.reshape(len(x), groups, w.shape[1], *x.shape[2:])
    w = w.reshape(groups, len(w) // groups, *w.shape[1:])
    phases = {
        phase: x[(..., *(slice(f, None, s) for f, s in zip(phase, stride, strict=True)))]
        for phase in itertools.product(*map(range, stride))
    }
    out = 0
    for tap in np.ndindex(weight.shape[2:]):
        places = [divmod(t * d, s) for t, d, s in zip(tap, dilation, stride, strict=True)]
        box = tuple(slice(q, q + o) for (q, _), o in zip(places, sizes, strict=True))
        part = phases[tuple(r for _, r in places)][(..., *box)]
        out = out + np.einsum("gmc,ngc...->ngm...", w[(..., *tap)], part)
    return with_bias(out.reshape(len(x), len(weight), *sizes), bias).astype(input.dtype)


def float64_inside(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Everything in double precision, and one rounding at the end."""
    wide = None if bias is None else bias.astype(np.float64)
    out = im2col(input.astype(np.float64), weight.astype(np.float64), wide, stride, padding, dilation, groups)
    return out.astype(input.dtype)


def reversed_reduction(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """The last channel and the last tap first, by views with negative strides."""
    back = tuple(slice(None, None, -1) for _ in stride)
    sizes = output_sizes(input, weight, stride, padding, dilation)
    dtype = summed_in(input.dtype)
    x = zero_padded(input.astype(dtype), padding)
    lengths = [
        (o - 1) * s + d * (k - 1) + 1 for o, s, d, k in zip(sizes, stride, dilation, weight.shape[2:], strict=True)
    ]
    x = x[(..., *(slice(0, length) for length in lengths))]
    x = x.reshape(len(x), groups, weight.shape[1], *x.shape[2:])[
        (slice(None), slice(None), slice(None, None, -1), *back)
    ]
    x = x.reshape(len(x), groups * weight.shape[1], *x.shape[3:])
    w = weight.astype(dtype)[(slice(None), slice(None, None, -1), *back)]
    out = einsum_windows(x, w, None, stride, (0,) * len(stride), dilation, groups)[(..., *back)]
    return with_bias(out, bias).astype(input.dtype)
