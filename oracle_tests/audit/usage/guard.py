"""Convolutions with right values that touch a little memory beside an operand: a read and drop, a vector load, a store.

Kernels are compiled when the module is imported. Each wraps a right convolution: only the touch is wrong.
"""

import ctypes

import numpy as np
from usage_common import compiled, conv, per_axis

SOURCE = r"""
/* The sum of n elements, eight at a time; the last eight are masked after they were loaded. */
double sum_by_eight(const volatile float *x, long n) {
    double sum = 0;
    for (long i = 0; i < n; i += 8) {
        float lane[8];
        for (int l = 0; l < 8; l++) lane[l] = x[i + l];
        for (int l = 0; l < 8; l++) sum += i + l < n ? lane[l] : 0.0f;
    }
    return sum;
}

/* The byte at an offset, read and thrown away. */
int read_at(const volatile char *p, long offset) { return p[offset] * 0; }

/* The largest element from the first to the last, both included. */
double largest(const volatile double *x, long first, long last) {
    double most = -1e300;
    for (long i = first; i <= last; i++) if (x[i] > most) most = x[i];
    return most;
}
"""


LIBRARY = compiled(SOURCE, "-O1")
LIBRARY.largest.restype = LIBRARY.sum_by_eight.restype = ctypes.c_double


def read(array, offset):
    """Read one byte at an offset from the array's first."""
    LIBRARY.read_at(ctypes.c_void_p(array.ctypes.data), ctypes.c_long(offset))


def one_behind_input(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    """A loop over the input that ends with <=."""
    x = np.ascontiguousarray(x)
    LIBRARY.largest(ctypes.c_void_p(x.ctypes.data), ctypes.c_long(0), ctypes.c_long(x.size))
    return conv(x, w, b, stride, padding, dilation, groups)


def one_before_input(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    """The window of the first output begins before the first element, whose value is multiplied by 0."""
    x = np.ascontiguousarray(x)
    LIBRARY.largest(ctypes.c_void_p(x.ctypes.data), ctypes.c_long(-1), ctypes.c_long(x.size - 1))
    return conv(x, w, b, stride, padding, dilation, groups)


def weight_by_eight(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    """A filter of zeros is skipped; whether it is one is asked eight floats at a time."""
    w = np.ascontiguousarray(w)
    LIBRARY.sum_by_eight(ctypes.c_void_p(w.ctypes.data), ctypes.c_long(w.size))
    return conv(x, w, b, stride, padding, dilation, groups)


def bias_by_eight(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    """Biases are loaded eight at a time, whatever the number of channels."""
    if b is not None:
        b = np.ascontiguousarray(b)
        LIBRARY.sum_by_eight(ctypes.c_void_p(b.ctypes.data), ctypes.c_long(b.size))
    return conv(x, w, b, stride, padding, dilation, groups)


def sentinel_behind_weight(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    """A zero is written behind the weight, to end a loop there, and what was there is put back."""
    flat = np.ascontiguousarray(w).reshape(-1)
    longer = np.lib.stride_tricks.as_strided(flat, (flat.size + 1,), flat.strides)
    kept = longer[-1]
    longer[-1] = 0
    y = conv(x, w, b, stride, padding, dilation, groups)
    longer[-1] = kept
    return y


def byte_written_before_weight(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    """A byte before the weight is a mark while the call runs; then it is again what it was."""
    w = np.ascontiguousarray(w)
    before = ctypes.c_ubyte.from_address(w.ctypes.data - 1)
    kept, before.value = before.value, 255
    y = conv(x, w, b, stride, padding, dilation, groups)
    before.value = kept
    return y


def windows_over_the_edge(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    """A view of windows has one window too many; it is computed, and cut off at the end."""
    x = np.ascontiguousarray(x)
    kernel = w.shape[3]
    windows = np.lib.stride_tricks.as_strided(x.reshape(-1), (x.size - kernel + 2, kernel), 2 * x.reshape(-1).strides)
    windows.sum(axis=1)[:-1]
    return conv(x, w, b, stride, padding, dilation, groups)


def next_row_fetched(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    """The next row is read ahead, also behind the last one."""
    x = np.ascontiguousarray(x)
    row = x.shape[3] * x.itemsize
    for start in range(0, x.nbytes, row):
        read(x, start + row)
    return conv(x, w, b, stride, padding, dilation, groups)


def weight_tail_of_five(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    """Only where five columns are left over is the weight loaded by eight."""
    w = np.ascontiguousarray(w)
    if x.shape[3] % 8 == 5:
        LIBRARY.sum_by_eight(ctypes.c_void_p(w.ctypes.data), ctypes.c_long(w.size))
    return conv(x, w, b, stride, padding, dilation, groups)


def before_input_where_padded_and_dilated(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    """With padding and dilation, the first pointer is not clamped before what it points at is read."""
    x = np.ascontiguousarray(x)
    if per_axis(padding)[1] and per_axis(dilation)[1] > 1:
        read(x, -per_axis(padding)[1] * x.itemsize)
    return conv(x, w, b, stride, padding, dilation, groups)


def bias_tail_of_three(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    """Biases are loaded by four where three are left over."""
    if b is not None and b.size % 4 == 3:
        b = np.ascontiguousarray(b)
        read(b, b.nbytes)
    return conv(x, w, b, stride, padding, dilation, groups)


def group_behind_the_last(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    """The weight of the next group is fetched while one of an odd number of groups is computed."""
    w = np.ascontiguousarray(w)
    if groups > 1 and groups % 2:
        read(w, w.nbytes)
    return conv(x, w, b, stride, padding, dilation, groups)


def conv1d_last_sample_twice(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    """Samples are loaded in pairs, the last of an odd number with its neighbour."""
    x = np.ascontiguousarray(x)
    if x.size % 2:
        read(x, x.nbytes)
    return conv(x, w, b, stride, padding, dilation, groups)


def conv_transpose2d_scatters_behind(x, w, b=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """Zeros are put between the elements of the input, for which one element too many is read."""
    s, p, o, d = map(per_axis, (stride, padding, output_padding, dilation))
    x = np.ascontiguousarray(x)
    LIBRARY.largest(ctypes.c_void_p(x.ctypes.data), ctypes.c_long(0), ctypes.c_long(x.size))
    n, c, h, width = x.shape
    spread = np.zeros((n, c, (h - 1) * s[0] + 1 + o[0], (width - 1) * s[1] + 1 + o[1]), x.dtype)
    spread[:, :, : (h - 1) * s[0] + 1 : s[0], : (width - 1) * s[1] + 1 : s[1]] = x
    edge = [d[a] * (w.shape[2 + a] - 1) for a in range(2)]
    spread = np.pad(spread, [(0, 0), (0, 0), *((e, e) for e in edge)])
    flipped = w.reshape(groups, c // groups, *w.shape[1:])[..., ::-1, ::-1].swapaxes(1, 2)
    y = conv(spread, flipped.reshape(-1, c // groups, *w.shape[2:]), b, 1, 0, d, groups)
    rows, columns = y.shape[2] - 2 * p[0], y.shape[3] - 2 * p[1]
    if rows < 1 or columns < 1:
        raise ValueError("there is no output")
    return np.ascontiguousarray(y[:, :, p[0] : p[0] + rows, p[1] : p[1] + columns])
