"""Strassen's product of matrices, and Winograd's form of it, in a convolution as a product of matrices: every pass."""

import math

import numpy as np

from conv_oracle.index_map import axis_tables
from conv_oracle.passes import Passes


def positions(geometry):
    """(outputs, taps): the flat position that is read, and the number of positions where it is padding."""
    flat, inside = np.zeros((1, 1), int), np.ones((1, 1), bool)
    for table, size in zip(axis_tables(geometry), geometry.input_size, strict=True):
        o, k = table.shape
        flat = flat[:, None, :, None] * size + table[None, :, None, :]
        inside = inside[:, None, :, None] & (table >= 0)[None, :, None, :]
        flat, inside = (a.reshape(a.shape[0] * o, a.shape[2] * k) for a in (flat, inside))
    return np.where(inside, flat, math.prod(geometry.input_size))


def halved(a, b):
    """The four blocks of each factor, with zeros where a size is odd."""
    a, b = (np.pad(m, [(0, 0)] * (m.ndim - 2) + [(0, size % 2) for size in m.shape[-2:]]) for m in (a, b))
    for m in (a, b):
        i, j = m.shape[-2] // 2, m.shape[-1] // 2
        yield m[..., :i, :j], m[..., :i, j:], m[..., i:, :j], m[..., i:, j:]


def strassen(a, b, levels):
    """Seven products and 18 additions for each level (Strassen 1969)."""
    if not levels or min(*a.shape[-2:], b.shape[-1]) < 2:
        return a @ b
    (a11, a12, a21, a22), (b11, b12, b21, b22) = halved(a, b)
    p1, p2 = strassen(a11 + a22, b11 + b22, levels - 1), strassen(a21 + a22, b11, levels - 1)
    p3, p4 = strassen(a11, b12 - b22, levels - 1), strassen(a22, b21 - b11, levels - 1)
    p5, p6 = strassen(a11 + a12, b22, levels - 1), strassen(a21 - a11, b11 + b12, levels - 1)
    p7 = strassen(a12 - a22, b21 + b22, levels - 1)
    return _joined(p1 + p4 - p5 + p7, p3 + p5, p2 + p4, p1 - p2 + p3 + p6, a, b)


def winograd_form(a, b, levels):
    """Seven products and 15 additions for each level (Winograd's form)."""
    if not levels or min(*a.shape[-2:], b.shape[-1]) < 2:
        return a @ b
    (a11, a12, a21, a22), (b11, b12, b21, b22) = halved(a, b)
    s1, t1 = a21 + a22, b12 - b11
    s2, t2 = s1 - a11, b22 - t1
    p1, p2 = winograd_form(a11, b11, levels - 1), winograd_form(a12, b21, levels - 1)
    p3, p4 = winograd_form(a12 - s2, b22, levels - 1), winograd_form(a22, t2 - b21, levels - 1)
    p5, p6 = winograd_form(s1, t1, levels - 1), winograd_form(s2, t2, levels - 1)
    u2 = p1 + p6
    u3 = u2 + winograd_form(a11 - a21, b22 - b12, levels - 1)
    return _joined(p1 + p2, u2 + p5 + p3, u3 - p4, u3 + p5, a, b)


def _joined(c11, c12, c21, c22, a, b):
    whole = np.concatenate([np.concatenate([c11, c12], -1), np.concatenate([c21, c22], -1)], -2)
    return whole[..., : a.shape[-2], : b.shape[-1]]


def passes(product, levels, dtype=np.float32, round_=lambda x: x):
    """Every pass by im2col and one product of matrices for each group, of operands that are rounded before.

    What has no halves is multiplied as it is.
    """

    def multiplied(a, b):
        a, b = np.ascontiguousarray(a), np.ascontiguousarray(b)
        if min(*a.shape[-2:], b.shape[-1]) < 2:
            return a @ b
        return product(round_(a).astype(dtype), round_(b).astype(dtype), levels)

    def given(array):
        return array.astype(dtype)

    def read(array, table):
        """(n, groups, channels, positions) at every entry of a table."""
        return np.concatenate([array, np.zeros((*array.shape[:-1], 1), array.dtype)], axis=-1)[..., table]

    def forward(x, w, geometry):
        n, g, c, m = _sizes(geometry)
        columns = read(given(x).reshape(n, g, c, -1), positions(geometry))
        columns = columns.transpose(1, 2, 4, 0, 3).reshape(g, c * columns.shape[4], -1)
        y = multiplied(given(w).reshape(g, m, -1), columns)
        return y.reshape(g, m, n, -1).transpose(2, 0, 1, 3).reshape(n, g * m, *geometry.output_size)

    def backward(w, y, geometry):
        n, g, c, m = _sizes(geometry)
        table = positions(geometry)
        size, outs, taps = math.prod(geometry.input_size), *table.shape
        inverse = np.full((size, taps), outs)
        o, k = np.nonzero(table != size)
        inverse[table[o, k], k] = o
        columns = read(given(y).reshape(n, g, m, outs), inverse)
        columns = columns.transpose(1, 2, 4, 0, 3).reshape(g, m * taps, -1)
        rows = given(w).reshape(g, m, c, taps).transpose(0, 2, 1, 3).reshape(g, c, -1)
        x = multiplied(rows, columns)
        return x.reshape(g, c, n, -1).transpose(2, 0, 1, 3).reshape(n, g * c, *geometry.input_size)

    def weight(x, y, geometry):
        n, g, c, m = _sizes(geometry)
        columns = read(given(x).reshape(n, g, c, -1), positions(geometry))
        columns = columns.transpose(1, 0, 3, 2, 4).reshape(g, -1, c * columns.shape[4])
        rows = given(y).reshape(n, g, m, -1).transpose(1, 2, 0, 3).reshape(g, m, -1)
        return multiplied(rows, columns).reshape(geometry.weight_shape)

    return Passes(forward, backward, weight)


def halves(problem):
    """Whether the matrices of a problem have halves."""
    n, _, c, m = _sizes(problem.geometry)
    taps, outs, size = (
        math.prod(sizes)
        for sizes in (problem.geometry.kernel_size, problem.geometry.output_size, problem.geometry.input_size)
    )
    if problem.operation.by_weight:
        return min(m, n * outs, c * taps) > 1
    if problem.transposed == problem.operation.by_input:
        return min(m, c * taps, n * outs) > 1
    return min(c, m * taps, n * size) > 1


def _sizes(geometry):
    """Batch, groups, and the channels per group of input and output."""
    return geometry.batch, geometry.groups, geometry.in_channels_per_group, geometry.out_channels_per_group
