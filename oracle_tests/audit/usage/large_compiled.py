"""Convolutions of int8 in C, compiled at import, whose index into one array is an int or a short."""

import ctypes

import numpy as np
from usage_common import compiled

SOURCE = r"""
typedef signed char T;
typedef long L;

#define CONV(NAME, IX, IW, IY)                                                                                  \
void NAME(const T *x, const T *w, T *y, L N, L C, L H, L W, L M, L CG, L KH, L KW, L OH, L OW,                  \
          L sh, L sw, L groups) {                                                                               \
    L CO = M / groups;                                                                                          \
    for (L n = 0; n < N; n++) for (L m = 0; m < M; m++)                                                         \
    for (L i = 0; i < OH; i++) for (L j = 0; j < OW; j++) {                                                     \
        int sum = 0;                                                                                            \
        L first = m / CO * CG;                                                                                  \
        for (L c = 0; c < CG; c++) for (L u = 0; u < KH; u++) for (L v = 0; v < KW; v++)                        \
            sum += x[(IX)(((n * C + first + c) * H + i * sh + u) * W + j * sw + v)]                             \
                 * w[(IW)(((m * CG + c) * KH + u) * KW + v)];                                                   \
        y[(IY)(((n * M + m) * OH + i) * OW + j)] = (T)sum;                                                      \
    }                                                                                                           \
}

CONV(right, L, L, L)
CONV(input_int, int, L, L)
CONV(weight_int, L, int, L)
CONV(output_int, L, L, int)
CONV(input_short, short, L, L)
CONV(weight_short, L, short, L)
CONV(output_unsigned_short, L, L, unsigned short)
"""


LIBRARY = compiled(SOURCE, "-O2", "-fwrapv")


def call(name, x, w, stride, groups):
    x, w = np.ascontiguousarray(x), np.ascontiguousarray(w)
    (n, c, h, width), (m, cg, kh, kw) = x.shape, w.shape
    if x.dtype != np.int8:
        raise NotImplementedError("int8 alone")
    oh, ow = (h - kh) // stride[0] + 1, (width - kw) // stride[1] + 1
    if oh < 1 or ow < 1 or c != cg * groups or m % groups:
        raise ValueError("the kernel does not fit")
    y = np.zeros((n, m, oh, ow), x.dtype)
    sizes = (n, c, h, width, m, cg, kh, kw, oh, ow, *stride, groups)
    getattr(LIBRARY, name)(*(ctypes.c_void_p(a.ctypes.data) for a in (x, w, y)), *map(ctypes.c_long, sizes))
    return y


def right(x, w, stride=(1, 1), groups=1):
    return call("right", x, w, stride, groups)


def input_int(x, w, stride=(1, 1), groups=1):
    return call("input_int", x, w, stride, groups)


def weight_int(x, w, stride=(1, 1), groups=1):
    return call("weight_int", x, w, stride, groups)


def output_int(x, w, stride=(1, 1), groups=1):
    return call("output_int", x, w, stride, groups)


def input_short(x, w, stride=(1, 1), groups=1):
    return call("input_short", x, w, stride, groups)


def weight_short(x, w, stride=(1, 1), groups=1):
    return call("weight_short", x, w, stride, groups)


def output_unsigned_short(x, w, stride=(1, 1), groups=1):
    return call("output_unsigned_short", x, w, stride, groups)
