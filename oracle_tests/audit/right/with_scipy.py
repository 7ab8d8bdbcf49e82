"""Convolutions made of SciPy's."""

import itertools

import numpy as np
import scipy.fft
import scipy.linalg
import scipy.ndimage
import scipy.signal
import scipy.sparse
from right_common import check_dense, output_sizes, transposed_sizes, with_bias, zero_padded
from transforms import spread


def per_channel(correlate):
    """A convolution from a valid correlation of one padded channel with one dilated kernel."""

    def convolution(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
        sizes = output_sizes(input, weight, stride, padding, dilation)
        x, w = zero_padded(input, padding), spread(weight, dilation)
        reads, writes = weight.shape[1], len(weight) // groups
        out = np.zeros((len(x), len(w), *sizes), input.dtype)
        steps = tuple(slice(None, None, s) for s in stride)
        for n, m, c in itertools.product(range(len(x)), range(len(w)), range(reads)):
            out[n, m] += correlate(x[n, m // writes * reads + c], w[m, c])[steps]
        return with_bias(out, bias)

    return convolution


@per_channel
def signal_correlate(x, w):
    # scipy.signal.correlate conjugates its second operand.
    return scipy.signal.correlate(x, w.conj(), mode="valid", method="direct")


@per_channel
def signal_convolve(x, w):
    return scipy.signal.convolve(x, np.flip(w), mode="valid", method="direct")


@per_channel
def signal_convolve2d(x, w):
    return scipy.signal.convolve2d(x, np.flip(w), mode="valid")


@per_channel
def fftconvolve(x, w):
    return scipy.signal.fftconvolve(x, np.flip(w), mode="valid")


@per_channel
def oaconvolve(x, w):
    return scipy.signal.oaconvolve(x, np.flip(w), mode="valid")


@per_channel
def image_correlate(x, w):
    """The whole image, and the part of it that is valid."""
    found = scipy.ndimage.correlate(x, w, mode="constant")
    return found[tuple(slice(k // 2, k // 2 + i - k + 1) for i, k in zip(x.shape, w.shape, strict=True))]


@per_channel
def finite_impulse_response(x, w):
    return scipy.signal.lfilter(w[::-1], [1.0], x)[len(w) - 1 :]


@per_channel
def toeplitz(x, w):
    rows = len(x) - len(w) + 1
    check_dense(rows, len(x))
    row = np.concatenate([w, np.zeros(rows - 1, w.dtype)])
    return scipy.linalg.toeplitz(np.concatenate([w[:1], np.zeros(rows - 1, w.dtype)]), row) @ x


@per_channel
def convolution_matrix(x, w):
    check_dense(len(x), len(x))
    return scipy.linalg.convolution_matrix(w[::-1], len(x), "valid") @ x


def sparse_matrix(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """One sparse matrix from all of the input to all of the output of an example."""
    sizes = output_sizes(input, weight, stride, padding, dilation)
    reads, writes = weight.shape[1], len(weight) // groups
    source, target = input.shape[1:], (len(weight), *sizes)
    rows, columns, values = [], [], []
    for m, c, *tap in np.ndindex(weight.shape):
        lines = []
        for o, i, t, s, p, d in zip(sizes, source[1:], tap, stride, padding, dilation, strict=True):
            of = np.arange(o) * s + t * d - p
            lines.append(np.argwhere((of >= 0) & (of < i))[:, 0])
        grid = np.meshgrid(*lines, indexing="ij")
        to = [axis.ravel() for axis in grid]
        of = [axis * s + t * d - p for axis, t, s, p, d in zip(to, tap, stride, padding, dilation, strict=True)]
        every = np.ones_like(to[0])
        rows.append(np.ravel_multi_index([m * every, *to], target))
        columns.append(np.ravel_multi_index([(m // writes * reads + c) * every, *of], source))
        values.append(np.full(len(every), weight[(m, c, *tap)]))
    places = np.concatenate(rows), np.concatenate(columns)
    matrix = scipy.sparse.csr_array((np.concatenate(values), places), (int(np.prod(target)), int(np.prod(source))))
    out = matrix @ input.reshape(len(input), int(np.prod(source))).T
    return with_bias(out.T.reshape(len(input), *target), bias)


def conv_transpose1d_upfirdn(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """Upsampling, then a filter."""
    (length,) = transposed_sizes(input, weight, stride, padding, output_padding, dilation)
    reads, writes = len(weight) // groups, weight.shape[1]
    out = np.zeros((len(input), groups * writes, length + 2 * padding[0]), input.dtype)
    w = spread(weight, dilation)
    for n, c, m in itertools.product(range(len(input)), range(len(weight)), range(writes)):
        found = scipy.signal.upfirdn(w[c, m], input[n, c], up=stride[0])
        out[n, c // reads * writes + m, : len(found)] += found
    return with_bias(out[:, :, padding[0] : padding[0] + length], bias)


def conv1d_upfirdn(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """A filter, then downsampling."""
    (length,) = output_sizes(input, weight, stride, padding, dilation)
    reads, writes = weight.shape[1], len(weight) // groups
    x, w = zero_padded(input, padding), spread(weight, dilation)
    skipped = w.shape[2] - 1
    out = np.zeros((len(x), len(w), length), input.dtype)
    for n, m, c in itertools.product(range(len(x)), range(len(w)), range(reads)):
        # The first full output stands at `skipped`; zeros in front move it to a multiple of the stride.
        moved = np.pad(x[n, m // writes * reads + c], (-skipped % stride[0], 0))
        found = scipy.signal.upfirdn(w[m, c, ::-1], moved, down=stride[0])
        begin = (skipped + -skipped % stride[0]) // stride[0]
        out[n, m] += found[begin : begin + length]
    return with_bias(out, bias)


def conv_transpose_full(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """Zeros between the input's elements, and scipy.signal's full convolution."""
    sizes = transposed_sizes(input, weight, stride, padding, output_padding, dilation)
    reads, writes = len(weight) // groups, weight.shape[1]
    stuffed = np.zeros((*input.shape[:2], *((i - 1) * s + 1 for i, s in zip(input.shape[2:], stride, strict=True))))
    stuffed = stuffed.astype(input.dtype)
    stuffed[(slice(None), slice(None), *(slice(None, None, s) for s in stride))] = input
    w = spread(weight, dilation)
    full = [i + k - 1 + o for i, k, o in zip(stuffed.shape[2:], w.shape[2:], output_padding, strict=True)]
    out = np.zeros((len(input), groups * writes, *full), input.dtype)
    for n, c, m in itertools.product(range(len(input)), range(len(weight)), range(writes)):
        found = scipy.signal.convolve(stuffed[n, c], w[c, m], mode="full", method="direct")
        out[(n, c // reads * writes + m, *(slice(0, size) for size in found.shape))] += found
    return with_bias(out[(..., *(slice(p, p + size) for p, size in zip(padding, sizes, strict=True)))], bias)


def conv_weight_correlated(input, weight_size, grad_output, stride=1, padding=0, dilation=1, groups=1):
    """S15: the input correlated with the cotangent, which stands at multiples of the stride."""
    reads, writes = weight_size[1], weight_size[0] // groups
    x = zero_padded(input, padding)
    dy = spread(grad_output, stride)
    out = np.zeros(tuple(weight_size), np.result_type(input, grad_output))
    for m, c, n in itertools.product(range(weight_size[0]), range(reads), range(len(x))):
        found = scipy.signal.correlate(x[n, m // writes * reads + c].conj(), dy[n, m].conj(), "valid", method="direct")
        out[m, c] += found[tuple(slice(0, d * (k - 1) + 1, d) for d, k in zip(dilation, weight_size[2:], strict=True))]
    return out
