"""Convolutions of what is not zero, as for sparse activations, whose indices into one array have few bits.

They find the nonzero elements, list what each tap reads in a sparse im2col, and add up its rows; so arrays of gigabytes
take seconds. An index is computed in 64 bits, as NumPy does, and then kept in fewer, as a kernel in C would.
"""

from __future__ import annotations

import numpy as np

CHUNK = 1 << 26


def wide(index, _):
    return index


def elements(kind):
    return lambda index, _: index.astype(kind).astype(np.int64)


def octets(kind):
    return lambda index, size: (index * size).astype(kind).astype(np.int64) // size


def nonzero(flat):
    return np.concatenate([np.flatnonzero(flat[at : at + CHUNK]) + at for at in range(0, flat.size, CHUNK)])


def held(flat, index):
    """The elements at these offsets; beyond the array there is nothing."""
    inside = (index >= -flat.size) & (index < flat.size)
    return np.where(inside, flat[np.where(inside, index, 0)], 0).astype(flat.dtype)


def sparse_conv2d(x, w, stride, padding, dilation, groups, *, of_x=wide, of_w=wide, of_y=wide, of_workspace=wide):
    (n, c, h, width), (m, cg, kh, kw) = x.shape, w.shape
    oh = (h + 2 * padding[0] - dilation[0] * (kh - 1) - 1) // stride[0] + 1
    ow = (width + 2 * padding[1] - dilation[1] * (kw - 1) - 1) // stride[1] + 1
    if min(oh, ow) < 1 or c != cg * groups or m % groups:
        raise ValueError("the kernel does not fit")
    x, w, y = x.reshape(-1), w.reshape(-1), np.zeros(n * m * oh * ow, x.dtype)
    at = nonzero(x)
    example, channel, row, column = np.unravel_index(at, (n, c, h, width))
    values = held(x, of_x(at, x.itemsize))
    keys, read = [], []
    for u in range(kh):
        for v in range(kw):
            i, left = np.divmod(row + padding[0] - u * dilation[0], stride[0])
            j, over = np.divmod(column + padding[1] - v * dilation[1], stride[1])
            own = (left == 0) & (over == 0) & (i >= 0) & (i < oh) & (j >= 0) & (j < ow)
            line = ((channel * kh + u) * kw + v) * oh + i
            one = of_workspace((line * ow + j)[own], x.itemsize)
            keys.append(example[own] * (c * kh * kw * oh * ow) + one)
            read.append(values[own])
    keys, read = np.concatenate(keys), np.concatenate(read)
    order = np.argsort(keys, kind="stable")
    keys, read = keys[order], read[order]
    for tap in nonzero(w):
        (value,) = held(w, of_w(np.array([tap]), w.itemsize))
        out, inner = divmod(int(tap), cg * kh * kw)
        line = out // (m // groups) * cg * kh * kw + inner
        for image in range(n) if n < 100 else np.unique(keys // (c * kh * kw * oh * ow)).tolist():
            first = (image * c * kh * kw + line) * oh * ow
            begin, end = np.searchsorted(keys, (first, first + oh * ow))
            if begin < end:
                place = (image * m + out) * oh * ow + keys[begin:end] - first
                place = of_y(place, y.itemsize)
                inside = (place >= -y.size) & (place < y.size)
                np.add.at(y, place[inside], read[begin:end][inside] * value)
    return y.reshape(n, m, oh, ow)


def made(**indices):
    def conv2d(input, weight, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
        y = sparse_conv2d(input, weight, stride, padding, dilation, groups, **indices)
        return y if bias is None else y + bias[:, None, None]

    return conv2d


right = made()

input_elements_31 = made(of_x=elements(np.int32))
input_bytes_31 = made(of_x=octets(np.int32))
input_elements_32 = made(of_x=elements(np.uint32))
weight_elements_31 = made(of_w=elements(np.int32))
weight_bytes_31 = made(of_w=octets(np.int32))
weight_elements_32 = made(of_w=elements(np.uint32))
output_elements_31 = made(of_y=elements(np.int32))
output_bytes_31 = made(of_y=octets(np.int32))
output_elements_32 = made(of_y=elements(np.uint32))
workspace_elements_31 = made(of_workspace=elements(np.int32))
workspace_bytes_31 = made(of_workspace=octets(np.int32))
workspace_elements_32 = made(of_workspace=elements(np.uint32))

input_elements_15 = made(of_x=elements(np.int16))
input_bytes_15 = made(of_x=octets(np.int16))
input_elements_16 = made(of_x=elements(np.uint16))
weight_elements_15 = made(of_w=elements(np.int16))
weight_bytes_15 = made(of_w=octets(np.int16))
weight_elements_16 = made(of_w=elements(np.uint16))
output_elements_15 = made(of_y=elements(np.int16))
output_bytes_15 = made(of_y=octets(np.int16))
output_elements_16 = made(of_y=elements(np.uint16))
workspace_elements_15 = made(of_workspace=elements(np.int16))
workspace_bytes_15 = made(of_workspace=octets(np.int16))
workspace_elements_16 = made(of_workspace=elements(np.uint16))
