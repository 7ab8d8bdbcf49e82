"""S1 and S2: the dense layer, and the convolution as one with few shared weights."""

from __future__ import annotations

from typing import Any

import torch

from conv_oracle import formulas
from conv_oracle.formulas.dense import relu
from gallery.agreement import agree, tensor

W = [[1, -2, 0, 3], [2, 1, -1, 0], [-3, 0, -1, 2]]
x = [2, 1, 4, 3]
V = [1, 2, -1]
signal = [3, 1, 4, 1, 5, 9]
MOST = 12
"""The longest input of the picture."""


def dense() -> dict[str, Any]:
    """S1: a layer of three outputs, with and without its activation."""
    z, h = formulas.dense_layer(W, x), formulas.dense_layer(W, x, relu)
    linear = torch.nn.functional.linear(tensor(x), tensor(W))
    agree("S1, the dense layer", z, linear)
    agree("S1, with relu", h, torch.relu(linear))
    return {
        "W": W,
        "x": x,
        "z": z.tolist(),
        "h": h.tolist(),
        "terms": [list(zip(row, x, strict=True)) for row in W],
    }


def banded() -> dict[str, Any]:
    """S2: the same sum three times: as a convolution, as a band matrix, as PyTorch's conv1d; and what each stores."""
    h, matrix = formulas.banded_layer(V, signal), formulas.band_matrix(V, len(signal))
    agree("S2, the band", h, torch.conv1d(tensor(signal)[None], tensor(V)[None, None])[0])
    agree("S2, as a matrix", h, torch.nn.functional.linear(tensor(signal), tensor(matrix)))
    layers = []
    for weight, shape in (((1, 1, 3), (1, 8)), ((1, 1, 3), (1, 1000)), ((1, 1, 3, 3), (1, 28, 28))):
        counts = formulas.parameter_counts(weight, shape)
        layer = torch.nn.Linear(counts.dense // _outputs(weight, shape), _outputs(weight, shape), bias=False)
        agree("S2, the dense count", counts.dense, layer.weight.numel())
        layers.append({"weight": weight, "input": shape, **vars(counts)})
    return {
        "V": V,
        "x": signal,
        "h": h.tolist(),
        "matrix": matrix.tolist(),
        "terms": [list(zip(V, signal[i : i + 3], strict=True)) for i in range(len(h))],
        "layers": layers,
        "picture": {"most": MOST},
    }


def _outputs(weight: tuple[int, ...], shape: tuple[int, ...]) -> int:
    outputs = 1
    for size, kernel in zip(shape[1:], weight[2:], strict=True):
        outputs *= size - kernel + 1
    return outputs
