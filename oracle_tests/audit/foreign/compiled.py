"""Convolutions in C, compiled at import and called through ctypes; each but `right` makes one mistake."""

import ctypes
import subprocess
import tempfile
from pathlib import Path

import numpy as np

SOURCE = r"""
#include <stddef.h>
typedef long L;

#define X(n, c, r, q) x[(((n) * C + (c)) * H + (r)) * W + (q)]
#define K(m, c, u, v) w[(((m) * CG + (c)) * KH + (u)) * KW + (v)]
#define Y(n, m, i, j) y[(((n) * M + (m)) * OH + (i)) * OW + (j)]

#define CONV(NAME, T, SUM, COLUMNS, TERMS, INSIDE)                                                              \
void NAME(const T *x, const T *w, T *y, L N, L C, L H, L W, L M, L CG, L KH, L KW, L OH, L OW,                  \
          L sh, L sw, L ph, L pw, L groups) {                                                                   \
    L CO = M / groups;                                                                                          \
    for (L n = 0; n < N; n++) for (L m = 0; m < M; m++)                                                         \
    for (L i = 0; i < OH; i++) for (L j = 0; j < (COLUMNS); j++) {                                              \
        SUM sum = 0;                                                                                            \
        L first = m / CO * CG, terms = CG * KH * KW;                                                            \
        for (L t = 0; t < (TERMS); t++) {                                                                       \
            L c = t / (KH * KW), u = t / KW % KH, v = t % KW;                                                   \
            L r = i * sh + u - ph, q = j * sw + v - pw;                                                         \
            if (INSIDE) sum += (SUM)X(n, first + c, r, q) * (SUM)K(m, c, u, v);                                 \
        }                                                                                                       \
        Y(n, m, i, j) = (T)sum;                                                                                 \
    }                                                                                                           \
}

#define BOTH (r >= 0 && r < H && q >= 0 && q < W)

CONV(right, double, double, OW, terms, BOTH)
CONV(float_sum, double, float, OW, terms, BOTH)
CONV(int_sum, L, int, OW, terms, BOTH)
CONV(tail_of_four_columns, double, double, OW < 4 ? OW : OW / 4 * 4, terms, BOTH)
CONV(unrolled_sum, double, double, OW, terms < 4 ? terms : terms / 4 * 4, BOTH)
CONV(rows_checked_alone, double, double, OW, terms,
     r >= 0 && r < H && ((n * C + first + c) * H + r) * W + q >= 0
     && ((n * C + first + c) * H + r) * W + q < N * C * H * W)
"""


def compiled():
    """The library of SOURCE; its file is gone when it has been loaded."""
    with tempfile.TemporaryDirectory() as place:
        source, library = Path(place) / "conv.c", Path(place) / "conv.so"
        source.write_text(SOURCE)
        subprocess.run(["cc", "-O1", "-fwrapv", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
        return ctypes.CDLL(str(library))


LIBRARY = compiled()


def call(name, x, w, bias, stride, padding, groups=1, *, contiguous=np.ascontiguousarray):
    x, w = contiguous(x), contiguous(w)
    (n, c, h, width), (m, cg, kh, kw) = x.shape, w.shape
    if c != cg * groups:
        raise ValueError(f"{c} channels do not fit {groups} groups of {cg}")
    oh, ow = (h + 2 * padding[0] - kh) // stride[0] + 1, (width + 2 * padding[1] - kw) // stride[1] + 1
    if oh < 1 or ow < 1:
        raise ValueError("the kernel does not fit")
    y = np.zeros((n, m, oh, ow), x.dtype)
    sizes = (n, c, h, width, m, cg, kh, kw, oh, ow, *stride, *padding, groups)
    getattr(LIBRARY, name)(*(ctypes.c_void_p(a.ctypes.data) for a in (x, w, y)), *map(ctypes.c_long, sizes))
    return y if bias is None else y + bias[:, None, None]


def right(x, w, bias=None, stride=(1, 1), padding=(0, 0), groups=1):
    return call("right", x, w, bias, stride, padding, groups)


def takes_the_raw_pointer(x, w, bias=None, stride=(1, 1), padding=(0, 0), groups=1):
    return call("right", x, w, bias, stride, padding, groups, contiguous=np.asarray)


def sums_in_float(x, w, bias=None, stride=(1, 1), padding=(0, 0), groups=1):
    return call("float_sum", x, w, bias, stride, padding, groups)


def sums_in_int(x, w, bias=None, stride=(1, 1), padding=(0, 0), groups=1):
    return call("int_sum", x, w, bias, stride, padding, groups)


def columns_by_four(x, w, bias=None, stride=(1, 1), padding=(0, 0), groups=1):
    return call("tail_of_four_columns", x, w, bias, stride, padding, groups)


def terms_by_four(x, w, bias=None, stride=(1, 1), padding=(0, 0), groups=1):
    return call("unrolled_sum", x, w, bias, stride, padding, groups)


def columns_not_checked(x, w, bias=None, stride=(1, 1), padding=(0, 0), groups=1):
    return call("rows_checked_alone", x, w, bias, stride, padding, groups)


def dies_with_groups(x, w, bias=None, stride=(1, 1), padding=(0, 0), groups=1):
    """The kernel for groups was never loaded: its pointer is null."""
    kernels = {1: LIBRARY.right}
    if groups in kernels:
        return call("right", x, w, bias, stride, padding, groups)
    return ctypes.CFUNCTYPE(ctypes.c_long)(0)()
