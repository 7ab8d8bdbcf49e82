"""Transposed convolutions and torch.nn.grad's gradients, of any number of axes."""

import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from right_common import check_dense, summed_in, transposed_sizes, with_bias
from transforms import spread


def boxes(kernel, sizes, stride, dilation):
    """Each tap, and the box of the padded larger side that it touches."""
    for tap in np.ndindex(kernel):
        axes = zip(tap, sizes, stride, dilation, strict=True)
        yield tap, tuple(slice(t * d, t * d + max(0, (i - 1) * s + 1), s) for t, i, s, d in axes)


def conv_transpose_scattered(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """col2im: every tap adds a copy of the input, spread by the stride."""
    sizes = transposed_sizes(input, weight, stride, padding, output_padding, dilation)
    dtype, n, small = summed_in(input.dtype), len(input), input.shape[2:]
    full = [size + 2 * p for size, p in zip(sizes, padding, strict=True)]
    x = input.astype(dtype).reshape(n, groups, len(weight) // groups, *small)
    w = weight.astype(dtype).reshape(groups, len(weight) // groups, *weight.shape[1:])
    out = np.zeros((n, groups, weight.shape[1], *full), dtype)
    for tap, box in boxes(weight.shape[2:], small, stride, dilation):
        out[(..., *box)] += np.einsum("ngc...,gcm->ngm...", x, w[(..., *tap)])
    out = out.reshape(n, groups * weight.shape[1], *full)
    out = out[(..., *(slice(p, p + size) for p, size in zip(padding, sizes, strict=True)))]
    return with_bias(out, bias).astype(input.dtype)


def conv_transpose_stuffed(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """Zeros between the elements and around them, then an ordinary convolution with the kernel turned round."""
    sizes = transposed_sizes(input, weight, stride, padding, output_padding, dilation)
    dtype, n, axes = summed_in(input.dtype), len(input), input.ndim - 2
    spans = [d * (k - 1) + 1 for d, k in zip(dilation, weight.shape[2:], strict=True)]
    wide = [size + 2 * p + span - 1 for size, p, span in zip(sizes, padding, spans, strict=True)]
    stuffed = np.zeros((n, groups, len(weight) // groups, *wide), dtype)
    box = [
        slice(span - 1, span - 1 + max(0, (i - 1) * s + 1), s)
        for span, i, s in zip(spans, input.shape[2:], stride, strict=True)
    ]
    stuffed[(..., *box)] = input.astype(dtype).reshape(n, groups, len(weight) // groups, *input.shape[2:])
    w = np.flip(weight.astype(dtype), range(2, 2 + axes))
    w = w.reshape(groups, len(weight) // groups, *weight.shape[1:])
    windows = np.lib.stride_tricks.sliding_window_view(stuffed, spans, axis=tuple(range(3, 3 + axes)))
    windows = windows[(..., *(slice(None, None, d) for d in dilation))]
    windows = windows[(..., *(slice(p, p + o) for p, o in zip(padding, sizes, strict=True)), *(slice(None),) * axes)]
    o, k = "pqr"[:axes], "ijk"[:axes]
    out = np.einsum(f"ngc{o}{k},gcm{k}->ngm{o}", windows, w)
    return with_bias(out.reshape(n, groups * weight.shape[1], *sizes), bias).astype(input.dtype)


def conv_transpose_added_at(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """np.add.at on flat positions; what falls into the padding goes to one place beyond the end."""
    sizes = transposed_sizes(input, weight, stride, padding, output_padding, dilation)
    n, small, count = len(input), input.shape[2:], int(np.prod(sizes))
    x = input.reshape(n, groups, len(weight) // groups, int(np.prod(small)))
    w = weight.reshape(groups, len(weight) // groups, weight.shape[1], -1)
    values = np.einsum("ngci,gcmk->ngmki", x, w)
    tables = []
    for i, k, o, s, p, d in zip(small, weight.shape[2:], sizes, stride, padding, dilation, strict=True):
        table = np.arange(k)[:, None] * d + np.arange(i) * s - p
        tables.append(np.where((table < 0) | (table >= o), -1, table))
    to = np.zeros((1, 1), np.int64)
    outside = np.zeros((1, 1), bool)
    for table, o in zip(tables, sizes, strict=True):
        to = (to[:, None, :, None] * o + table[None, :, None, :]).reshape(len(to) * len(table), -1)
        beyond = np.broadcast_to(
            table[None, :, None, :] < 0, (len(outside), len(table), outside.shape[1], table.shape[1])
        )
        outside = (outside[:, None, :, None] | beyond).reshape(to.shape)
    to[outside] = count
    out = np.zeros((n, groups, weight.shape[1], count + 1), input.dtype)
    np.add.at(out, (slice(None), slice(None), slice(None), to), values)
    return with_bias(out[..., :count].reshape(n, groups * weight.shape[1], *sizes), bias)


def conv_transpose_matrix(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """The transpose of the convolution's matrix, which is what it is named after; in threads, a group each."""
    sizes = transposed_sizes(input, weight, stride, padding, output_padding, dilation)
    n, small, reads, writes = len(input), input.shape[2:], len(weight) // groups, weight.shape[1]

    def one_group(group):
        check_dense(reads, *small, writes, *sizes)
        matrix = np.zeros((reads, *small, writes, *sizes), input.dtype)
        for at in np.ndindex(small):
            for tap in np.ndindex(weight.shape[2:]):
                axes = zip(at, tap, stride, padding, dilation, strict=True)
                to = tuple(i * s + t * d - p for i, t, s, p, d in axes)
                if all(0 <= o < size for o, size in zip(to, sizes, strict=True)):
                    mine = weight[(slice(group * reads, (group + 1) * reads), slice(None), *tap)]
                    matrix[(slice(None), *at, slice(None), *to)] += mine
        lines, columns = int(np.prod((reads, *small))), int(np.prod((writes, *sizes)))
        x = input[:, group * reads : (group + 1) * reads].reshape(n, lines)
        return (x @ matrix.reshape(lines, columns)).reshape(n, writes, *sizes)

    with ThreadPoolExecutor(2) as pool:
        return with_bias(np.concatenate(list(pool.map(one_group, range(groups))), axis=1), bias)


def conv_input_scattered(input_size, weight, grad_output, stride=1, padding=0, dilation=1, groups=1):
    """Each tap adds the cotangent where it read; complex weights come back conjugated."""
    dtype = summed_in(weight.dtype)
    n, size = input_size[0], tuple(input_size[2:])
    w = weight.astype(dtype).conj().reshape(groups, len(weight) // groups, *weight.shape[1:])
    dy = grad_output.astype(dtype).reshape(n, groups, len(weight) // groups, *grad_output.shape[2:])
    padded = [i + 2 * p for i, p in zip(size, padding, strict=True)]
    dx = np.zeros((n, groups, weight.shape[1], *padded), dtype)
    for tap, box in boxes(weight.shape[2:], grad_output.shape[2:], stride, dilation):
        dx[(..., *box)] += np.einsum("ngm...,gmc->ngc...", dy, w[(..., *tap)])
    inner = tuple(slice(p, p + i) for p, i in zip(padding, size, strict=True))
    return dx[(..., *inner)].reshape(tuple(input_size)).astype(weight.dtype)


def conv_input_full(input_size, weight, grad_output, stride=1, padding=0, dilation=1, groups=1):
    """S14: the full convolution of the stuffed cotangent with the kernel, window by window."""
    n, size, axes = input_size[0], tuple(input_size[2:]), weight.ndim - 2
    w = np.flip(spread(weight.conj(), dilation), range(2, 2 + axes))
    spans = w.shape[2:]
    lengths = [i + 2 * p + span - 1 for i, p, span in zip(size, padding, spans, strict=True)]
    stuffed = np.zeros((n, groups, len(weight) // groups, *lengths), grad_output.dtype)
    box = [
        slice(span - 1, span + (o - 1) * s, s) for span, o, s in zip(spans, grad_output.shape[2:], stride, strict=True)
    ]
    stuffed[(..., *box)] = grad_output.reshape(n, groups, len(weight) // groups, *grad_output.shape[2:])
    inner = tuple(slice(p, p + i + span - 1) for p, i, span in zip(padding, size, spans, strict=True))
    windows = np.lib.stride_tricks.sliding_window_view(stuffed[(..., *inner)], spans, axis=tuple(range(3, 3 + axes)))
    i, k = "pqr"[:axes], "xyz"[:axes]
    w = w.reshape(groups, len(weight) // groups, *w.shape[1:])
    return np.einsum(f"ngm{i}{k},gmc{k}->ngc{i}", windows, w).reshape(tuple(input_size))


def conv_input_matrix(input_size, weight, grad_output, stride=1, padding=0, dilation=1, groups=1):
    """The matrix of every read, once as a table of ones, then contracted with the weight and the cotangent."""
    n, size, axes = input_size[0], tuple(input_size[2:]), weight.ndim - 2
    reads = []
    for i, k, o, s, p, d in zip(size, weight.shape[2:], grad_output.shape[2:], stride, padding, dilation, strict=True):
        check_dense(i, k, o)
        of = np.arange(o)[None, :] * s + np.arange(k)[:, None] * d - p
        reads.append((np.arange(i)[:, None, None] == of).astype(weight.dtype))
    out = grad_output.reshape(n, groups, len(weight) // groups, *grad_output.shape[2:])
    w = weight.conj().reshape(groups, len(weight) // groups, *weight.shape[1:])
    i, k, o = "pqr"[:axes], "xyz"[:axes], "uvw"[:axes]
    terms = ",".join(i[axis] + k[axis] + o[axis] for axis in range(axes))
    order = "greedy" if axes < 3 else "optimal"
    return np.einsum(f"ngm{o},gmc{k},{terms}->ngc{i}", out, w, *reads, optimize=order).reshape(tuple(input_size))


def conv_weight_windows(input, weight_size, grad_output, stride=1, padding=0, dilation=1, groups=1):
    """The windows of the input contracted with the cotangent."""
    dtype, n, axes = summed_in(input.dtype), len(input), input.ndim - 2
    kernel, sizes = tuple(weight_size[2:]), grad_output.shape[2:]
    x = np.pad(input.astype(dtype).conj(), [(0, 0), (0, 0), *((p, p) for p in padding)])
    windows = np.lib.stride_tricks.sliding_window_view(
        x, [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)], axis=tuple(range(2, 2 + axes))
    )
    windows = windows[(..., *(slice(None, None, s) for s in stride), *(slice(None, None, d) for d in dilation))]
    windows = windows[(..., *(slice(0, o) for o in sizes), *(slice(None),) * axes)]
    windows = windows.reshape(n, groups, weight_size[1], *windows.shape[2:])
    dy = grad_output.astype(dtype).reshape(n, groups, weight_size[0] // groups, *sizes)
    o, k = "pqr"[:axes], "ijk"[:axes]
    out = np.einsum(f"ngc{o}{k},ngm{o}->gmc{k}", windows, dy)
    return out.reshape(tuple(weight_size)).astype(input.dtype)


def conv_weight_by_tap(input, weight_size, grad_output, stride=1, padding=0, dilation=1, groups=1):
    """One product of matrices per tap and group, the examples one after the other."""
    dtype = summed_in(input.dtype)
    x = np.pad(input.astype(dtype).conj(), [(0, 0), (0, 0), *((p, p) for p in padding)])
    dy = grad_output.astype(dtype).reshape(*grad_output.shape[:2], int(np.prod(grad_output.shape[2:])))
    out = np.zeros(tuple(weight_size), dtype)
    reads, writes = weight_size[1], weight_size[0] // groups
    for (tap, box), g, n in itertools.product(
        boxes(tuple(weight_size[2:]), grad_output.shape[2:], stride, dilation), range(groups), range(len(x))
    ):
        columns = x[(n, slice(g * reads, (g + 1) * reads), *box)].reshape(reads, dy.shape[2])
        mine = slice(g * writes, (g + 1) * writes)
        out[(mine, slice(None), *tap)] += dy[n, mine] @ columns.T
    return out.astype(input.dtype)


def conv_weight_as_convolution(input, weight_size, grad_output, stride=1, padding=0, dilation=1, groups=1):
    """Batch and channels change places: the cotangent is a kernel whose dilation is the stride."""
    x = np.pad(input.conj(), [(0, 0), (0, 0), *((p, p) for p in padding)])
    reads, writes = weight_size[1], weight_size[0] // groups
    out = np.zeros(tuple(weight_size), input.dtype)
    for g in range(groups):
        signal = x[:, g * reads : (g + 1) * reads].swapaxes(0, 1)
        kernel = grad_output[:, g * writes : (g + 1) * writes].swapaxes(0, 1)
        for tap in np.ndindex(tuple(weight_size[2:])):
            axes = zip(tap, grad_output.shape[2:], stride, dilation, strict=True)
            box = tuple(slice(t * d, t * d + (o - 1) * s + 1, s) for t, o, s, d in axes)
            part = np.einsum("cn...,mn...->mc...", signal[(slice(None), slice(None), *box)], kernel)
            out[(slice(g * writes, (g + 1) * writes), slice(None), *tap)] = part.reshape(
                writes, reads, int(np.prod(part.shape[2:]))
            ).sum(axis=-1)
    return out
