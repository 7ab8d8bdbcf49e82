"""What every position reads, unfolded: one column per position, for one block of positions at a time."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from conv_oracle.geometry import PaddingMode, Shape
from conv_oracle.passes import Array
from conv_oracle.truth.blocks import Box, lengths, pieces
from conv_oracle.truth.regions import add, read


@dataclass(frozen=True)
class Windows:
    """Position o reads the elements o * stride + k * dilation - before, for every k in the kernel's box."""

    positions: Shape
    kernel: Shape
    stride: Shape
    before: Shape
    dilation: Shape
    mode: PaddingMode

    @property
    def pointwise(self) -> bool:
        """Whether position o reads element o and no other."""
        return max(self.kernel) == 1 == max(self.stride) and not any(self.before)

    def low(self, box: Box) -> Shape:
        """The first element that a box of positions reads, before the padding is resolved."""
        return tuple(part.start * s - b for part, s, b in zip(box, self.stride, self.before, strict=True))

    def extent(self, box: Box) -> Shape:
        """How many elements a box of positions spans, on each axis."""
        return tuple(
            (o - 1) * s + d * (k - 1) + 1
            for o, s, d, k in zip(lengths(box), self.stride, self.dilation, self.kernel, strict=True)
        )

    def view(self, slab: Array, box: Box) -> Array:
        """(..., *K, *O, N): the windows of a box of positions over the elements (..., *extent, N) that it reads."""
        *outer, last = slab.strides
        lead = slab.ndim - 1 - len(box)
        axes = outer[lead:]
        return as_strided(
            slab,
            (*slab.shape[:lead], *self.kernel, *lengths(box), slab.shape[-1]),
            (
                *outer[:lead],
                *(a * d for a, d in zip(axes, self.dilation, strict=True)),
                *(a * s for a, s in zip(axes, self.stride, strict=True)),
                last,
            ),
        )

    def slab(self, x: Array, box: Box, dtype: np.dtype[Any]) -> Array:
        """(G, C, *extent, N): the elements of x (N, G, C, *I) that a box reads; the batch is innermost.

        A view where one example is read and no padding is.
        """
        low, extent = self.low(box), self.extent(box)
        inside = all(l >= 0 and l + j <= i for l, j, i in zip(low, extent, x.shape[3:], strict=True))
        if inside and len(x) == 1 and x.dtype == dtype:
            return x[0][..., *(slice(l, l + j) for l, j in zip(low, extent, strict=True)), None]
        slab = np.empty((*x.shape[1:3], *extent, len(x)), dtype)
        read(x, low, self.mode, np.moveaxis(slab, -1, 0))
        return slab

    def columns(self, x: Array, box: Box, buffer: Array) -> Array:
        """(G, C * K, O * N): column by column what each position of a box reads of x (N, G, C, *I)."""
        examples, groups, channels = x.shape[:3]
        taps, positions = prod(self.kernel), prod(lengths(box))
        shape = groups, channels * taps, positions * examples
        if self.pointwise:
            return self.slab(x, box, buffer.dtype).reshape(shape)
        unfolded = buffer[: prod(shape)].reshape(groups, channels, *self.kernel, *lengths(box), examples)
        at_once = max(1, buffer.size // 2 // (prod(self.extent(box)) * examples))
        for some in pieces(groups, at_once // channels):
            for few in pieces(channels, at_once):
                np.copyto(unfolded[some, few], self.view(self.slab(x[:, some, few], box, buffer.dtype), box))
        return unfolded.reshape(shape)

    def fold(self, columns: Array, box: Box, x: Array) -> None:
        """The transpose of `columns`: add (G, C * K, O * N) to the elements of x (N, G, C, *I) that they came from."""
        examples, groups, channels = x.shape[:3]
        unfolded = columns.reshape(groups, channels, *self.kernel, *lengths(box), examples)
        slab = np.zeros((groups, channels, *self.extent(box), examples), columns.dtype)
        windows = self.view(slab, box)
        for k in np.ndindex(self.kernel):
            windows[:, :, *k] += unfolded[:, :, *k]
        add(x, self.low(box), self.mode, np.moveaxis(slab, -1, 0))
