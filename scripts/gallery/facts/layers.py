"""S11 and S12: sizes, and channels, against the layers of PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from conv_oracle import formulas
from conv_oracle.geometry import conv_geometry, conv_output_size, conv_transpose_output_size
from conv_oracle.index_map import OUTSIDE, axis_tables
from gallery.agreement import agree, tensor

SIZES = (
    (9, 4, 1, 0, 0, 1),
    (7, 3, 2, 1, 1, 1),
    (28, 5, 1, 2, 2, 1),
    (224, 7, 2, 3, 3, 1),
    (10, 3, 1, 0, 0, 3),
    (6, 3, 4, 0, 1, 1),
)
TRANSPOSED = ((4, 3, 2, 1, 1, 0, 1), (4, 3, 2, 1, 1, 1, 1), (3, 2, 3, 0, 0, 2, 1), (5, 3, 1, 1, 1, 0, 2))


def sizes() -> dict[str, Any]:
    """S11: output sizes both ways, each the length of what torch gives; and one axis of an index map."""
    forward, back = [], []
    for i, k, s, p, q, d in SIZES:
        o = conv_output_size(i, k, s, p, q, d)
        padded = torch.nn.functional.pad(torch.zeros(1, 1, i), (p, q))
        agree("S11", o, torch.conv1d(padded, torch.zeros(1, 1, k), stride=s, dilation=d).shape[-1])
        plain = i - k + 1
        forward.append(
            {"I": i, "K": k, "s": s, "p": p, "q": q, "d": d, "O": o, "printed": plain, "left": _left(i, k, s, p, q, d)}
        )
    for i, k, s, p, q, extra, d in TRANSPOSED:
        o = conv_transpose_output_size(i, k, s, p, q, extra, d)
        layer = torch.nn.ConvTranspose1d(1, 1, k, stride=s, padding=p, output_padding=extra, dilation=d)
        agree("S11, transposed", o, layer(torch.zeros(1, 1, i)).shape[-1])
        back.append({"I": i, "K": k, "s": s, "p": p, "q": q, "o": extra, "d": d, "O": o})
    geometry = conv_geometry((1, 1, 7), (1, 1, 3), stride=2, padding=1)
    table = axis_tables(geometry)[0]
    x = np.arange(1, 8)[None, None]
    w = np.array([[[1, 10, 100]]])
    y = formulas.conv(x, w, stride=2, padding=1)
    agree("S11, the index map read", y, torch.conv1d(tensor(x), tensor(w), stride=2, padding=1))
    return {
        "forward": forward,
        "back": back,
        "table": [["·" if i == OUTSIDE else i for i in row] for row in table.tolist()],
        "y": y[0, 0].tolist(),
    }


def _left(i: int, k: int, s: int, p: int, q: int, d: int) -> int:
    """The elements of the padded input that no window reads, at its end."""
    return (i + p + q - d * (k - 1) - 1) % s


X = [[1, 2, 0, 3, 1], [4, 0, 1, 1, 2]]
KERNELS = [[[1, 0, -1], [2, 1, 0]], [[0, 1, 0], [1, 1, 1]], [[-1, 0, 2], [0, 3, 0]]]
BIAS = [10, 0, -5]


def channels() -> dict[str, Any]:
    """S12: a stack of sums of single-channel sums; what groups and depthwise leave of the weights."""
    x, w, b = np.array(X), np.array(KERNELS), np.array(BIAS)
    y = formulas.stack_of_kernels(w, x, b)
    agree("S12", y, torch.conv1d(tensor(x)[None], tensor(w), tensor(b))[0])
    one = formulas.sum_over_channels(w[0], x)
    agree("S12, one kernel", one, torch.conv1d(tensor(x)[None], tensor(w[:1]))[0, 0])
    parts = [formulas.cross_correlate(w[0][c], x[c], "valid").tolist() for c in range(len(x))]
    rows = []
    for c, m, groups in ((3, 64, 1), (64, 128, 1), (64, 128, 32), (64, 64, 64)):
        layer = torch.nn.Conv2d(c, m, 3, groups=groups, bias=False)
        shape = (m, c // groups, 3, 3)
        agree("S12, the weight", shape, tuple(layer.weight.shape))
        counts = conv_geometry((c, 8, 8), shape, groups=groups)
        rows.append(
            {"C": c, "M": m, "groups": groups, "shape": counts.weight_shape, "count": int(np.prod(counts.weight_shape))}
        )
    return {
        "x": X,
        "w": KERNELS,
        "b": BIAS,
        "parts": parts,
        "sum": one.tolist(),
        "y": y.tolist(),
        "rows": rows,
        "weight_shape": list(w.shape),
    }
