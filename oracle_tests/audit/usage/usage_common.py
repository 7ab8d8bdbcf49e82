"""What the subjects of this folder share: a right convolution of NumPy arrays, and arguments per axis."""

import ctypes
import subprocess
import tempfile
from pathlib import Path

import numpy as np


def compiled(text, *flags):
    """The library of a text in C; its file is gone when it has been loaded."""
    with tempfile.TemporaryDirectory() as place:
        source, library = Path(place) / "source.c", Path(place) / "library.so"
        source.write_text(text, encoding="utf-8")
        subprocess.run(["cc", *flags, "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
        return ctypes.CDLL(str(library))


def per_axis(value, axes=2):
    """An int on every axis."""
    return (value,) * axes if isinstance(value, int | np.integer) else tuple(value)


def conv(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    """The cross-correlation of 1 to 3 axes, batched or not, in the operands' dtype."""
    axes = w.ndim - 2
    s, d = per_axis(stride, axes), per_axis(dilation, axes)
    if isinstance(padding, str):
        total = [d[a] * (w.shape[2 + a] - 1) if padding == "same" else 0 for a in range(axes)]
        sides = [(t // 2, t - t // 2) for t in total]
    else:
        sides = [(p, p) for p in per_axis(padding, axes)]
    if x.ndim == axes + 1:
        return conv(x[None], w, b, stride, padding, dilation, groups)[0]
    if x.ndim != axes + 2 or x.shape[1] != w.shape[1] * groups or w.shape[0] % groups:
        raise ValueError("the shapes do not fit")
    x = np.pad(x, [(0, 0), (0, 0), *sides])
    sizes = [(x.shape[2 + a] - d[a] * (w.shape[2 + a] - 1) - 1) // s[a] + 1 for a in range(axes)]
    if min(sizes) < 1 or min(s) < 1 or min(d) < 1:
        raise ValueError("there is no output")
    y = np.zeros((x.shape[0], w.shape[0], *sizes), x.dtype)
    per_in, per_out = w.shape[1], w.shape[0] // groups
    for k in np.ndindex(*w.shape[2:]):
        seen = tuple(slice(k[a] * d[a], k[a] * d[a] + (sizes[a] - 1) * s[a] + 1, s[a]) for a in range(axes))
        for g in range(groups):
            part = x[(slice(None), slice(g * per_in, (g + 1) * per_in), *seen)]
            rows = slice(g * per_out, (g + 1) * per_out)
            y[:, rows] += np.moveaxis(np.tensordot(part, w[(rows, slice(None), *k)], ([1], [1])), -1, 1)
    return y if b is None else y + b.reshape(-1, *[1] * axes).astype(y.dtype)
