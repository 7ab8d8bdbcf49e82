"""Random convolutions for the identities: small integer operands, and settings that differ per axis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from conv_oracle.passes import Array, Passes


@dataclass(frozen=True)
class Sample:
    """A random convolution: integer operands and the settings of its axes, all of them different where they can be."""

    input: Array
    weight: Array
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int

    @property
    def axes(self) -> int:
        return len(self.stride)

    @property
    def spatial(self) -> tuple[int, ...]:
        return tuple(range(2, 2 + self.axes))


def sample(random: np.random.Generator, *, complex_numbers: bool = False) -> Sample:
    """One to three axes, two or three examples, one to three groups of several channels."""
    axes = int(random.integers(1, 4))
    groups, per_group, outputs = (int(random.integers(1, 4)) for _ in range(3))
    kernel = [int(k) for k in random.integers(1, 5 - axes // 2, axes)]
    dilation = tuple(int(d) for d in random.integers(1, 4 if axes < 3 else 3, axes))
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    size = [span + int(random.integers(0, 5 - axes)) for span in spans]
    padding = tuple((int(random.integers(0, 3)), int(random.integers(0, 3))) for _ in range(axes))
    return Sample(
        integers(random, (int(random.integers(2, 4)), groups * per_group, *size), complex_numbers),
        integers(random, (groups * outputs, per_group, *kernel), complex_numbers),
        tuple(int(s) for s in random.integers(1, 4, axes)),
        padding,
        dilation,
        groups,
    )


def integers(random: np.random.Generator, shape: tuple[int, ...], complex_numbers: bool = False) -> Array:
    """Integers from -9 to 9, as the int64, float64 or complex128 numbers that a caller might have."""
    whole = random.integers(-9, 10, shape)
    if complex_numbers:
        return whole + 1j * random.integers(-9, 10, shape)
    return whole if random.integers(2) else whole.astype(np.float64)


def parameters_of(s: Sample) -> dict[str, Any]:
    return {"stride": s.stride, "padding": s.padding, "dilation": s.dilation, "groups": s.groups}


def forward(passes: Passes, s: Sample) -> Callable[[Array, Array], Array]:
    return lambda x, w: passes.conv(x, w, **parameters_of(s))


def output_padding(s: Sample) -> list[int]:
    """What a transposed convolution adds to come back to the input's size: the stride's remainder."""
    return [
        (i + before + after - d * (k - 1) - 1) % step
        for i, (before, after), d, k, step in zip(
            s.input.shape[2:], s.padding, s.dilation, s.weight.shape[2:], s.stride, strict=True
        )
    ]


def some_indices(random: np.random.Generator, shape: tuple[int, ...], most: int = 12) -> list[tuple[int, ...]]:
    flat = random.permutation(prod(shape))[:most]
    return [tuple(int(i) for i in np.unravel_index(n, shape)) for n in flat]
