"""Winograd and FFT convolution as passes: what they do not cover is summed in float32."""

import itertools
from fractions import Fraction

import numpy as np

from conv_oracle.passes import Passes
from conv_oracle.truth.contraction import to_input, to_output, to_weight


def winograd_matrices(m, r=3):
    """(B^T, G, A^T) of F(m, r) at the points 0, 1, -1, 2, -2, 1/2, -1/2 and infinity (Toom and Cook), exactly.

    The transposed form of a product of polynomials at m + r - 1 points: G and A evaluate, B interpolates.
    """
    points = [Fraction(p) for p in (0, 1, -1, 2, -2, Fraction(1, 2), Fraction(-1, 2))][: m + r - 2]
    n = m + r - 1

    def evaluate(length):
        rows = [[p**j for j in range(length)] for p in points]
        return [*rows, [Fraction(0)] * (length - 1) + [Fraction(1)]]

    vandermonde = evaluate(n)
    inverse = _inverted(vandermonde)
    return _floats(_transposed(inverse)), _floats(evaluate(r)), _floats(_transposed(evaluate(m)))


def _balanced(m):
    """As Lavin scales them: the denominators are moved from B to G, so that B is of integers."""
    b, g, a = winograd_matrices(m)
    for row in range(len(b)):
        least = np.abs(b[row][b[row] != 0])
        factor = max(1.0, 1 / least.min()) if row < len(b) - 1 else 1.0
        b[row] *= factor
        g[row] /= factor
    return b, g, a


def _transposed(rows):
    return [list(column) for column in zip(*rows, strict=True)]


def _floats(rows):
    return np.array([[float(entry) for entry in row] for row in rows])


def _inverted(rows):
    n = len(rows)
    work = [[*row, *(Fraction(i == j) for j in range(n))] for i, row in enumerate(rows)]
    for column in range(n):
        pivot = next(row for row in range(column, n) if work[row][column])
        work[column], work[pivot] = work[pivot], work[column]
        work[column] = [entry / work[column][column] for entry in work[column]]
        for row in range(n):
            if row != column:
                factor = work[row][column]
                work[row] = [entry - factor * base for entry, base in zip(work[row], work[column], strict=True)]
    return [row[n:] for row in work]


def _in_float32(contraction):
    """Sums in float32, by GEMM."""

    def summed(first, second, geometry):
        return contraction(first.astype(np.float32), second.astype(np.float32), geometry).astype(np.float32)

    return summed


def _padded(x, geometry):
    return np.pad(x, [(0, 0), (0, 0), *geometry.padding])


def _by_groups(x, w, groups, correlate):
    xs, ws = np.split(x, groups, axis=1), np.split(w, groups)
    return np.concatenate([correlate(a, b) for a, b in zip(xs, ws, strict=True)], axis=1)


def _flipped(w, groups):
    """The weight of the input gradient as a convolution: channels exchanged, kernel reversed."""
    m, c = w.shape[:2]
    swapped = (
        w.reshape(groups, m // groups, c, *w.shape[2:]).swapaxes(1, 2).reshape(groups * c, m // groups, *w.shape[2:])
    )
    return swapped[(slice(None), slice(None), *(slice(None, None, -1),) * (w.ndim - 2))]


def _cut(full, geometry):
    """The part of a full correlation that is the input."""
    box = [
        slice(before, before + size) for (before, _), size in zip(geometry.padding, geometry.input_size, strict=True)
    ]
    return full[(slice(None), slice(None), *box)]


def winograd(m, round_=lambda x: x):
    """F(m, 3) on every axis of stride 1, dilation 1 and kernel 3, both ways; operands are rounded before."""
    matrices = _balanced(m)

    def correlate(x, w):
        b, g, a = (matrix.astype(np.float32) for matrix in matrices)
        axes = range(2, x.ndim)
        sizes = [size - 2 for size in x.shape[2:]]
        x, w = round_(x), round_(w)
        x = np.pad(x.astype(np.float32), [(0, 0), (0, 0), *((0, -size % m) for size in sizes)])
        tiles = np.lib.stride_tricks.sliding_window_view(x, (m + 2,) * len(sizes), axis=tuple(axes))
        tiles = tiles[(slice(None), slice(None), *(slice(None, None, m) for _ in sizes))]
        w = w.astype(np.float32)
        for axis in axes:
            tiles = np.moveaxis(np.tensordot(tiles, b, (axis + len(sizes), 1)), -1, axis + len(sizes))
            w = np.moveaxis(np.tensordot(w, g, (axis, 1)), -1, axis)
        o, k = "pqr"[: len(sizes)], "ijk"[: len(sizes)]
        out = np.einsum(f"nc{o}{k},mc{k}->nm{o}{k}", tiles, w, optimize=True)
        for axis in axes:
            out = np.moveaxis(np.tensordot(out, a, (axis + len(sizes), 1)), -1, axis + len(sizes))
        order = [0, 1, *itertools.chain(*((axis, axis + len(sizes)) for axis in axes))]
        out = out.transpose(order).reshape(len(x), len(w), *(m * n for n in tiles.shape[2 : 2 + len(sizes)]))
        return out[(..., *(slice(0, size) for size in sizes))]

    return Passes(*_fast(correlate, _tiles))


def _plain(geometry):
    return set(geometry.stride) == set(geometry.dilation) == {1}


def _tiles(geometry):
    return set(geometry.kernel_size) == {3} and _plain(geometry)


def winograd_covers(problem):
    return _tiles(problem.geometry) and not problem.operation.by_weight


def fft_covers(problem):
    return _plain(problem.geometry)


def fft(dtype, round_=lambda x: x):
    """Circular, on the padded input's own length, at stride 1 and dilation 1; every pass."""

    def correlate(x, w):
        axes = tuple(range(2, x.ndim))
        sizes = [i - k + 1 for i, k in zip(x.shape[2:], w.shape[2:], strict=True)]
        x, w = round_(x), round_(w)
        spectrum = np.fft.rfftn(w.astype(dtype), x.shape[2:], axes).conj()
        product = np.einsum("nc...,mc...->nm...", np.fft.rfftn(x.astype(dtype), axes=axes), spectrum, optimize=True)
        out = np.fft.irfftn(product, x.shape[2:], axes)
        return out[(..., *(slice(0, size) for size in sizes))]

    return Passes(*_fast(correlate, _plain, by_weight=True))


def _fast(correlate, covers, *, by_weight=False):
    def forward(x, w, geometry):
        if not covers(geometry):
            return _in_float32(to_output)(x, w, geometry)
        return _by_groups(_padded(x, geometry), w, geometry.groups, correlate)

    def backward(w, y, geometry):
        if not covers(geometry):
            return _in_float32(to_input)(w, y, geometry)
        pads = [(k - 1, k - 1) for k in geometry.kernel_size]
        full = _by_groups(np.pad(y, [(0, 0), (0, 0), *pads]), _flipped(w, geometry.groups), geometry.groups, correlate)
        return _cut(full, geometry)

    def weight(x, y, geometry):
        if not by_weight or not covers(geometry):
            return _in_float32(to_weight)(x, y, geometry)
        x, groups = _padded(x, geometry), geometry.groups
        parts = [
            correlate(a.swapaxes(0, 1), b.swapaxes(0, 1)).swapaxes(0, 1)
            for a, b in zip(np.split(x, groups, axis=1), np.split(y, groups, axis=1), strict=True)
        ]
        return np.concatenate(parts)

    return forward, backward, weight


FFT = {name: fft(name) for name in ("float32", "float64")}
