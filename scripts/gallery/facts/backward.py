"""S14, S15, and "the gradient is again a convolution": both gradients in their products, against torch.autograd."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from conv_oracle import formulas
from conv_oracle.formulas import conv_input, conv_weight, convolve, cross_correlate
from gallery.agreement import agree, tensor

x, W, delta = [2, 1, 4, 3, 5], [1, 2, -1], [3, 1, 2]


def _by_autograd() -> tuple[list[int], torch.Tensor, torch.Tensor]:
    """(h, dL/dx, dL/dW) of h = conv1d(x, W), with dL/dh = delta, from torch alone."""
    operands = [tensor(x).requires_grad_(), tensor(W).requires_grad_()]
    h = torch.conv1d(operands[0][None], operands[1][None, None])[0]
    by_x, by_W = torch.autograd.grad(h, operands, tensor(delta))
    return h.detach().int().tolist(), by_x, by_W


def input_gradient() -> dict[str, Any]:
    """S14: dL/dx_m = sum_i delta_i W_{m-i+1}, the error of every x, and each of its products."""
    h, by_x, _ = _by_autograd()
    agree("S14, the forward pass", formulas.banded_layer(W, x), h)
    dx = formulas.input_gradient(W, delta)
    agree("S14", dx, by_x)
    agree("S14, the full convolution", convolve(delta, W), by_x)
    rows = [
        {
            "m": m + 1,
            "pairs": [(i + 1, m - i + 1) for i in range(len(delta)) if 0 <= m - i < len(W)],
            "terms": [(delta[i], W[m - i]) for i in range(len(delta)) if 0 <= m - i < len(W)],
            "value": value,
        }
        for m, value in enumerate(dx.tolist())
    ]
    return {"x": x, "W": W, "delta": delta, "h": h, "dx": dx.tolist(), "rows": rows, "picture": _picture("input")}


def weight_gradient() -> dict[str, Any]:
    """S15: dL/dW_i = sum_j delta_j x_{i+j-1}, and each of its products."""
    h, _, by_W = _by_autograd()
    dW = formulas.weight_gradient(x, delta)
    agree("S15", dW, by_W)
    agree("S15, the cross-correlation", cross_correlate(delta, x, "valid"), by_W)
    rows = [
        {
            "i": i + 1,
            "pairs": [(j + 1, i + j + 1) for j in range(len(delta))],
            "terms": [(delta[j], x[i + j]) for j in range(len(delta))],
            "value": value,
        }
        for i, value in enumerate(dW.tolist())
    ]
    return {"x": x, "W": W, "delta": delta, "h": h, "dW": dW.tolist(), "rows": rows, "picture": _picture("weight")}


def _picture(by: str) -> dict[str, Any]:
    return {"x": x, "W": W, "delta": delta, "by": by}


def backward() -> dict[str, Any]:
    """Both gradients as convolutions, what meets W_1 through x_3, and the same on two axes."""
    turned = cross_correlate(W[::-1], np.pad(delta, len(W) - 1), "valid")
    agree("dx as a sliding sum with W turned", turned, _by_autograd()[1])
    wrong = cross_correlate(W, np.pad(delta, len(W) - 1), "valid")
    meets = [[(delta[j], x[i + j], i + j + 1) for j in range(len(delta))] for i in range(len(W))]
    agree("the products of dW", [sum(d * v for d, v, _ in row) for row in meets], _by_autograd()[2])
    image, kernel = np.arange(1, 21).reshape(1, 4, 5) % 7, np.array([[[[1, 2], [-1, 3]]]])
    error = np.array([[[1, 0, 2, -1], [3, 1, 0, 1], [0, -2, 1, 1]]])
    dx, dw = conv_input(image.shape, kernel, error), conv_weight(image, kernel.shape, error)
    operands = [tensor(image).requires_grad_(), tensor(kernel).requires_grad_()]
    by_x, by_w = torch.autograd.grad(torch.conv2d(operands[0], operands[1]), operands, tensor(error))
    agree("dx on two axes", dx, by_x)
    agree("dW on two axes", dw, by_w)
    agree("dx, a true convolution", convolve(error[0], kernel[0, 0]), by_x[0])
    agree("dW, a cross-correlation", cross_correlate(error[0], image[0], "valid"), by_w[0, 0])
    return {
        "x": x,
        "W": W,
        "delta": delta,
        "dx": turned.tolist(),
        "wrong": wrong.tolist(),
        "dW": formulas.weight_gradient(x, delta).tolist(),
        "meets": meets,
        "part": delta[2] * x[2],
        "back": delta[2] * W[0],
        "plane": {
            "delta": error[0].tolist(),
            "W": kernel[0, 0].tolist(),
            "dx": dx[0].tolist(),
            "dW": dw[0, 0].tolist(),
        },
        "pictures": {by: _picture(by) for by in ("input", "weight")},
    }
