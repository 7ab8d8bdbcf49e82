"""Convolutions by fast algorithms: exact in integers, or right but for their rounding."""

import itertools

import numpy as np
from right_common import output_sizes, with_bias, zero_padded


def dense(x, w, stride, dilation):
    """The slow way, for what a fast algorithm does not cover; x is padded already."""
    sizes = output_sizes(x, w, stride, (0,) * len(stride), dilation)
    out = np.zeros((len(x), len(w), *sizes), x.dtype)
    for tap in np.ndindex(w.shape[2:]):
        axes = zip(tap, sizes, stride, dilation, strict=True)
        box = tuple(slice(t * d, t * d + (o - 1) * s + 1, s) for t, o, s, d in axes)
        out += np.einsum("nc...,mc->nm...", x[(slice(None), slice(None), *box)], w[(slice(None), slice(None), *tap)])
    return out


def spread(w, dilation):
    """The dilated kernel, with its zeros."""
    out = np.zeros((*w.shape[:2], *(d * (k - 1) + 1 for d, k in zip(dilation, w.shape[2:], strict=True))), w.dtype)
    out[(slice(None), slice(None), *(slice(None, None, d) for d in dilation))] = w
    return out


def in_groups(correlate):
    """Groups, padding and bias around a correlation of padded input (N, C, *I) with a weight (M, C, *K)."""

    def convolution(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
        output_sizes(input, weight, stride, padding, dilation)
        xs, ws = np.split(zero_padded(input, padding), groups, axis=1), np.split(weight, groups)
        parts = [correlate(x, w, stride, dilation) for x, w in zip(xs, ws, strict=True)]
        return with_bias(np.concatenate(parts, axis=1), bias).astype(input.dtype)

    return convolution


@in_groups
def fft(x, w, stride, dilation):
    """All axes at once, circular on the padded input's own length."""
    kernel, axes = spread(w, dilation), tuple(range(2, x.ndim))
    sizes = [i - k + 1 for i, k in zip(x.shape[2:], kernel.shape[2:], strict=True)]
    if not len(x):
        return dense(x, w, stride, dilation)
    spectrum = np.fft.rfftn(kernel, x.shape[2:], axes).conj()
    product = np.einsum("nc...,mc...->nm...", np.fft.rfftn(x, axes=axes), spectrum)
    out = np.fft.irfftn(product, x.shape[2:], axes)
    return out[(..., *(slice(0, o, s) for o, s in zip(sizes, stride, strict=True)))]


@in_groups
def fft_of_one_axis(x, w, stride, dilation):
    """The last axis in the frequency domain at a length that is a power of two, the others tap by tap."""
    sizes = output_sizes(x, w, stride, (0,) * len(stride), dilation)
    length, axes = 1 << int(x.shape[-1] - 1).bit_length(), range(len(stride) - 1)
    rows = np.fft.fft(x, length)
    out = np.zeros((len(x), len(w), *sizes[:-1], length), rows.dtype)
    for tap in np.ndindex(w.shape[2:-1]):
        begins = [tap[axis] * dilation[axis] for axis in axes]
        box = tuple(slice(b, b + (sizes[axis] - 1) * stride[axis] + 1, stride[axis]) for axis, b in enumerate(begins))
        taps = np.fft.fft(spread(w[(slice(None), slice(None), *tap)].conj(), dilation[-1:]), length).conj()
        out += np.einsum("nc...f,mcf->nm...f", rows[(slice(None), slice(None), *box)], taps)
    found = np.fft.ifft(out)[..., : (sizes[-1] - 1) * stride[-1] + 1 : stride[-1]]
    return found if x.dtype.kind == "c" else found.real


TILE_2 = (
    np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]]),
    np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]]),
    np.array([[1, 1, 1, 0], [0, 1, -1, -1]]),
)
TILE_4 = (
    np.array(
        [
            [4, 0, -5, 0, 1, 0],
            [0, -4, -4, 1, 1, 0],
            [0, 4, -4, -1, 1, 0],
            [0, -2, -1, 2, 1, 0],
            [0, 2, -1, -2, 1, 0],
            [0, 4, 0, -5, 0, 1],
        ]
    ),
    np.array(
        [
            [1 / 4, 0, 0],
            [-1 / 6, -1 / 6, -1 / 6],
            [-1 / 6, 1 / 6, -1 / 6],
            [1 / 24, 1 / 12, 1 / 6],
            [1 / 24, -1 / 12, 1 / 6],
            [0, 0, 1],
        ]
    ),
    np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]),
)
"""Lavin's (B^T, G, A^T) of F(2, 3) and F(4, 3)."""


def winograd(matrices):
    """F(m, 3) on every axis for kernels of 3 at stride 1 without dilation, the slow way otherwise."""

    @in_groups
    def correlate(x, w, stride, dilation):
        if set(w.shape[2:]) != {3} or set(stride) != {1} or set(dilation) != {1}:
            return dense(x, w, stride, dilation)
        b, g, a = (matrix.astype(x.dtype) for matrix in matrices)
        tile = len(a)
        axes = range(2, x.ndim)
        sizes = [size - 2 for size in x.shape[2:]]
        x = np.pad(x, [(0, 0), (0, 0), *((0, -size % tile) for size in sizes)])
        tiles = np.lib.stride_tricks.sliding_window_view(x, (tile + 2,) * len(sizes), axis=tuple(axes))
        tiles = tiles[(slice(None), slice(None), *(slice(None, None, tile) for _ in sizes))]
        for axis in axes:
            tiles = np.moveaxis(np.tensordot(tiles, b, (axis + len(sizes), 1)), -1, axis + len(sizes))
            w = np.moveaxis(np.tensordot(w, g, (axis, 1)), -1, axis)
        o, k = "pqr"[: len(sizes)], "ijk"[: len(sizes)]
        out = np.einsum(f"nc{o}{k},mc{k}->nm{o}{k}", tiles, w)
        for axis in axes:
            out = np.moveaxis(np.tensordot(out, a, (axis + len(sizes), 1)), -1, axis + len(sizes))
        order = [0, 1, *itertools.chain(*((axis, axis + len(sizes)) for axis in axes))]
        out = out.transpose(order).reshape(len(x), len(w), *(tile * n for n in tiles.shape[2 : 2 + len(sizes)]))
        return out[(..., *(slice(0, size) for size in sizes))]

    return correlate


winograd_2 = winograd(TILE_2)
winograd_4 = winograd(TILE_4)


def pairs_of_channels(x, w):
    for n, m, c in itertools.product(range(len(x)), range(len(w)), range(w.shape[1])):
        yield (n, m), x[n, c], w[m, c]


def as_integers(values):
    """Integers and the power of two to divide them by: every float is such a pair."""
    ratios = [float(value).as_integer_ratio() for value in values]
    scale = max((below for _, below in ratios), default=1)
    return [above * (scale // below) for above, below in ratios], scale


@in_groups
def big_integers(x, w, stride, dilation):
    """Kronecker substitution: signal and kernel each become one huge integer, and a single product holds all sums."""
    (s,) = stride
    kernel = spread(w, dilation)
    length = x.shape[2] - kernel.shape[2] + 1
    sums = np.zeros((len(x), len(w), length), object)
    scales = np.ones((len(x), len(w)), object)
    flat, over_x = as_integers(x.ravel().tolist())
    taps, over_w = as_integers(kernel.ravel().tolist())
    if not flat:
        return np.zeros((0, len(w), len(range(0, length, s))), x.dtype)
    whole_x, whole_w = np.array(flat, object).reshape(x.shape), np.array(taps, object).reshape(kernel.shape)
    most = max(map(abs, flat)) * max(map(abs, taps)) * kernel.shape[2]
    bits = int(most).bit_length() + 2
    for place, signal, window in pairs_of_channels(whole_x, whole_w):
        product = sum(int(v) << bits * i for i, v in enumerate(signal))
        product *= sum(int(v) << bits * i for i, v in enumerate(window[::-1]))
        for position in range(len(signal)):
            digit = product & ((1 << bits) - 1)
            digit -= (digit >> bits - 1) << bits
            product = (product - digit) >> bits
            if position >= len(window) - 1:
                sums[place][position - len(window) + 1] += digit
    scales[:] = over_x * over_w
    out = np.empty(sums.shape, np.float64)
    for at, value in np.ndenumerate(sums):
        out[at] = value / scales[at[:2]]
    return out[:, :, ::s]


PRIME, ROOT, ORDER = 0xFFFFFFFF00000001, 7, 32
"""2^64 - 2^32 + 1 has roots of unity of every power of two up to 2^32."""


def transform(values, root):
    if len(values) == 1:
        return values
    even, odd = transform(values[::2], root * root % PRIME), transform(values[1::2], root * root % PRIME)
    out, turn = [0] * len(values), 1
    for i, (e, o) in enumerate(zip(even, odd, strict=True)):
        out[i], out[i + len(even)] = (e + turn * o) % PRIME, (e - turn * o) % PRIME
        turn = turn * root % PRIME
    return out


@in_groups
def number_theoretic(x, w, stride, dilation):
    """A transform modulo a prime, exact while sums stay below its half: int8 and int16."""
    if x.dtype.itemsize > 2 or x.dtype.kind != "i":
        raise NotImplementedError("int8 and int16")
    (s,) = stride
    kernel = spread(w, dilation)
    size = 1 << int(x.shape[2] - 1).bit_length()
    root = pow(ROOT, (PRIME - 1) // size, PRIME)
    back, shrink = pow(root, -1, PRIME), pow(size, -1, PRIME)

    def spectrum(values, length):
        return transform([int(v) % PRIME for v in values] + [0] * (length - len(values)), root)

    length = x.shape[2] - kernel.shape[2] + 1
    signals = [[spectrum(row, size) for row in example] for example in x]
    # The reversed kernel, turned round: tap k stands at -k.
    windows = [[spectrum([row[0], *[0] * (size - len(row)), *row[:0:-1]], size) for row in rows] for rows in kernel]
    out = np.zeros((len(x), len(w), length), np.int64)
    for n, m in np.ndindex(out.shape[:2]):
        columns = zip(*(zip(a, b, strict=True) for a, b in zip(signals[n], windows[m], strict=True)), strict=True)
        product = [sum(a * b for a, b in column) % PRIME for column in columns]
        found = [value * shrink % PRIME for value in transform(product, back)]
        out[n, m] = [value - PRIME if value > PRIME // 2 else value for value in found[:length]]
    return out[:, :, ::s]


def karatsuba_product(a, b):
    """The product of two polynomials of equal length, by three products of half that length."""
    if len(a) == 1:
        return a * b
    half = len(a) // 2
    if len(a) % 2:
        zero = np.zeros(1, a.dtype)
        return karatsuba_product(np.append(a, zero), np.append(b, zero))[: 2 * len(a) - 1]
    low, high = karatsuba_product(a[:half], b[:half]), karatsuba_product(a[half:], b[half:])
    middle = karatsuba_product(a[:half] + a[half:], b[:half] + b[half:]) - low - high
    out = np.zeros(2 * len(a) - 1, a.dtype)
    out[: len(low)] += low
    out[half : half + len(middle)] += middle
    out[2 * half :] += high
    return out


@in_groups
def karatsuba(x, w, stride, dilation):
    """Integers, which wrap as exactly in the middle as at the end."""
    (s,) = stride
    kernel = spread(w, dilation)
    span, size = kernel.shape[2], x.shape[2]
    out = np.zeros((len(x), len(w), size - span + 1), x.dtype)
    for place, signal, window in pairs_of_channels(x, kernel):
        product = karatsuba_product(signal.copy(), np.append(window[::-1], np.zeros(size - span, x.dtype)))
        out[place] += product[span - 1 : size]
    return out[:, :, ::s]
