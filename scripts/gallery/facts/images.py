"""S9: the seventeen image kernels on a small picture, each as PyTorch filters it."""

from __future__ import annotations

import base64
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from conv_oracle.formulas import KERNELS, convolve, cross_correlate, filter_image
from conv_oracle.formulas.images import ImageKernel
from gallery.agreement import agree, tensor

SIZE = 96
WORKED = np.array([[10, 10, 10, 80, 80], [10, 10, 10, 80, 80], [10, 10, 40, 80, 80], [10, 10, 10, 80, 80]])


def scene() -> Any:
    """A picture of SIZE by SIZE greys, 0 to 255: a falling sky, a disc, a house of edges, a checkered floor."""
    row, column = np.mgrid[:SIZE, :SIZE]
    grey = 210 - row
    grey = np.where((row - 26) ** 2 + (column - 70) ** 2 <= 232, 250, grey)
    roof = (row >= 30) & (row <= 48) & (abs(column - 32) <= row - 28)
    wall = (row > 48) & (row < 76) & (column > 16) & (column < 48)
    window = (row > 55) & (row < 66) & (column > 22) & (column < 32)
    grey = np.where(roof, 60, np.where(wall, 170, grey))
    grey = np.where(window, 30, grey)
    grey = np.where((row > 55) & (row < 76) & (column > 36) & (column < 44), 90, grey)
    floor = (row >= 76) & ((row // 5 + column // 6) % 2 == 0)
    return np.where(floor, 40, np.where(row >= 76, 200, grey)).astype(np.uint8)


def images() -> dict[str, Any]:
    """Every kernel: its taps, divisor and gain, what a half turn makes of it, and one pixel worked through."""
    rows = []
    for kernel in KERNELS:
        filtered = filter_image(kernel, WORKED) * kernel.divisor
        agree(f"S9, {kernel.name}", filtered, _by_torch(kernel))
        rows.append(
            {
                "name": kernel.name,
                "taps": kernel.taps,
                "divisor": kernel.divisor,
                "gain": kernel.gain,
                "effect": kernel.effect,
                "turned": _turned(kernel),
                "pixel": Fraction(filtered[2, 2], kernel.divisor),
            }
        )
    picture = scene()
    return {
        "rows": rows,
        "worked": WORKED.tolist(),
        "count": len(KERNELS),
        "picture": {
            "size": SIZE,
            "pixels": base64.b64encode(picture.tobytes()).decode(),
            "kernels": {kernel.name: {"taps": kernel.taps, "divisor": kernel.divisor} for kernel in KERNELS},
        },
    }


def _by_torch(kernel: ImageKernel) -> torch.Tensor:
    side = len(kernel.taps) // 2
    padded = torch.nn.functional.pad(tensor(WORKED)[None, None], (side,) * 4, "replicate")
    return torch.conv2d(padded, tensor(kernel.taps)[None, None])[0, 0]


def _turned(kernel: ImageKernel) -> str:
    """What a true convolution makes of the kernel's result: same, negated, or other."""
    correlated, convolved = cross_correlate(kernel.taps, WORKED, "full"), convolve(kernel.taps, WORKED, "full")
    if np.array_equal(correlated, convolved):
        return "same"
    return "negated" if np.array_equal(correlated, -convolved) else "other"
