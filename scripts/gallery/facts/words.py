"""What the note says in words: locality, frequency response, and the colours of the figures."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from conv_oracle.formulas import KERNELS, cross_correlate, filter_image
from conv_oracle.formulas.images import ImageKernel
from conv_oracle.index_map import OUTSIDE, axis_table
from gallery.agreement import agree, agree_within, tensor, twice_the_sum_bound

MOST = 4
"""The layers of the picture."""


def reading_field(layers: int, kernel: int, stride: int, o: int) -> list[int]:
    """The input positions that output o reads through some layers of one kernel and stride, without padding."""
    read = {o}
    for _ in range(layers):
        widest = max(read) + 1
        table = axis_table(widest * stride + kernel, widest, kernel, stride=stride)
        read = {int(i) for place in read for i in table[place] if i != OUTSIDE}
    return sorted(read)


def locality() -> dict[str, Any]:
    """How far one output sees, layer by layer; PyTorch says it by its gradient."""
    rows = []
    for kernel, stride in ((3, 1), (5, 1), (3, 2)):
        fields = []
        for layers in range(1, MOST + 1):
            field = reading_field(layers, kernel, stride, 1)
            agree("the reading field", field, _by_gradient(layers, kernel, stride, 1))
            fields.append(len(field))
        rows.append({"kernel": kernel, "stride": stride, "fields": fields})
    return {"rows": rows, "field": reading_field(2, 3, 1, 1)}


def _by_gradient(layers: int, kernel: int, stride: int, o: int) -> list[int]:
    size = o + 1
    for _ in range(layers):
        size = (size - 1) * stride + kernel
    x = torch.ones(1, 1, size, dtype=torch.float64, requires_grad=True)
    y = x
    for _ in range(layers):
        y = torch.conv1d(y, torch.ones(1, 1, kernel, dtype=torch.float64), stride=stride)
    (gradient,) = torch.autograd.grad(y[0, 0, o], x)
    return [int(i) for i in torch.nonzero(gradient[0, 0])[:, 0]]


LINES = {
    "mean": ((1, 1, 1), 3),
    "binomial": ((1, 2, 1), 4),
    "difference": ((-1, 0, 1), 2),
    "second difference": ((1, -2, 1), 1),
    "sharpen": ((-1, 4, -1), 2),
}
"""Kernels on one axis: taps and divisor."""

PARTS = 16
"""The frequencies from 0 to pi are so many steps apart."""


def gain(taps: tuple[int, ...], divisor: int, part: int) -> float:
    """|H| at the frequency part / PARTS * pi: what the kernel makes of a wave e^(i theta n), measured on the wave."""
    theta = math.pi * part / PARTS
    wave = np.exp(1j * theta * np.arange(len(taps)))
    ours = cross_correlate(np.array(taps, dtype=complex), wave, "valid")
    theirs = torch.conv1d(tensor(wave)[None], tensor(np.array(taps, dtype=complex))[None, None])[0]
    agree_within("the frequency response", ours, theirs, twice_the_sum_bound(taps, wave))
    return float(abs(ours[0])) / divisor


PATTERNS = ("even", "columns", "rows", "checkered")


def pattern(name: str) -> Any:
    """Ones whose sign is even, or changes from column to column, from row to row, or with both."""
    row, column = np.mgrid[:6, :6]
    return {
        "even": np.ones((6, 6), int),
        "columns": 1 - 2 * (column % 2),
        "rows": 1 - 2 * (row % 2),
        "checkered": 1 - 2 * ((row + column) % 2),
    }[name]


def corner_gains(kernel: ImageKernel) -> list[Fraction]:
    """What a kernel makes of the slowest and the fastest patterns on two axes: one factor each, exactly."""
    gains = []
    for name in PATTERNS:
        image = pattern(name)
        factors = {Fraction(value) for value in (filter_image(kernel, image, "circular") * image).ravel()}
        (factor,) = factors
        side = len(kernel.taps) // 2
        padded = torch.nn.functional.pad(tensor(image)[None, None], (side,) * 4, "circular")
        theirs = torch.conv2d(padded, tensor(kernel.taps)[None, None])[0, 0] * tensor(image)
        agree("the gain of a pattern", factor * kernel.divisor, theirs[2, 2])
        gains.append(factor)
    return gains


def frequency() -> dict[str, Any]:
    """What each kernel amplifies: five on one axis at every frequency, the image kernels at the four corners."""
    responses = {
        name: {
            "taps": taps,
            "divisor": divisor,
            "gains": [gain(taps, divisor, part) for part in range(PARTS + 1)],
        }
        for name, (taps, divisor) in LINES.items()
    }
    return {
        "lines": responses,
        "images": [{"name": kernel.name, "gains": corner_gains(kernel)} for kernel in KERNELS],
        "picture": {"parts": PARTS, "lines": responses},
    }


def colours() -> dict[str, Any]:
    """Nothing is computed: the page says which colour stands for what."""
    return {}
