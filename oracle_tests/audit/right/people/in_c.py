"""A kernel in C, compiled when the module is imported; float32, contiguous, one group."""

import ctypes
import subprocess
import tempfile
from pathlib import Path

import numpy as np

SOURCE = """
void conv2d(const float *x, const float *w, const float *b, float *y, long N, long C, long H, long W,
            long M, long K, long L, long s, long p, long O, long P)
{
    for (long n = 0; n < N; n++) for (long m = 0; m < M; m++)
    for (long o = 0; o < O; o++) for (long q = 0; q < P; q++) {
        double sum = b ? b[m] : 0;
        for (long c = 0; c < C; c++) for (long k = 0; k < K; k++) for (long l = 0; l < L; l++) {
            long i = o * s + k - p, j = q * s + l - p;
            if (i >= 0 && i < H && j >= 0 && j < W)
                sum += (double)x[((n * C + c) * H + i) * W + j] * w[((m * C + c) * K + k) * L + l];
        }
        y[((n * M + m) * O + o) * P + q] = (float)sum;
    }
}
"""


def _compiled():
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder) / "conv.c", Path(folder) / "conv.so"
        source.write_text(SOURCE, encoding="utf-8")
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, source], check=True)
        return ctypes.CDLL(str(library)).conv2d


_conv2d = _compiled()
FLOATS = np.ctypeslib.ndpointer(np.float32, flags="C_CONTIGUOUS")
_conv2d.argtypes = [FLOATS, FLOATS, ctypes.c_void_p, FLOATS, *[ctypes.c_long] * 11]
_conv2d.restype = None


def conv2d(x, w, b=None, stride=1, padding=0):
    """ctypes refuses other dtypes, layouts and types of arguments by itself: an ArgumentError."""
    n, c, h, width = x.shape
    m, c2, kh, kw = w.shape
    if c != c2:
        raise ValueError("channels")
    oh, ow = (h + 2 * padding - kh) // stride + 1, (width + 2 * padding - kw) // stride + 1
    if oh < 1 or ow < 1:
        raise ValueError("empty output")
    y = np.empty((n, m, oh, ow), np.float32)
    taken = None if b is None else np.ascontiguousarray(b, np.float32)
    pointer = None if taken is None else taken.ctypes.data
    _conv2d(x, w, pointer, y, n, c, h, width, m, kh, kw, stride, padding, oh, ow)
    return y
