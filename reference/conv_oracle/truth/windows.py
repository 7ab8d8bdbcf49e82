"""What every position reads, unfolded: one column per position, for one block of positions at a time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from conv_oracle.geometry import PaddingMode, Shape
from conv_oracle.passes import Array
from conv_oracle.truth.blocks import Box, lengths, pieces
from conv_oracle.truth.regions import Index, add, read


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
            view: Array = x[0][..., *(slice(l, l + j) for l, j in zip(low, extent, strict=True)), None]
            return view
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

    def fold(self, columns: Array, box: Box, x: Array, most: int) -> None:
        """The transpose of `columns`: add (G, C * K, O * N) to the elements of x (N, G, C, *I) that they came from.

        The elements between are held by phase, o * stride + r for each r, in at most so many: a tap adds to one phase,
        whose elements lie side by side, and the phases are interleaved once.
        """
        examples, groups, channels = x.shape[:3]
        unfolded = columns.reshape(groups, channels, *self.kernel, *lengths(box), examples)
        size = tuple(-(-e // s) for e, s in zip(self.extent(box), self.stride, strict=True))
        at_once = max(1, most // (2 * prod(size) * prod(self.stride) * examples))
        for some in pieces(groups, at_once // channels):
            for few in pieces(channels, at_once):
                slab = self._folded(unfolded[some, few], size, lengths(box))
                inside = slab[:, :, *(slice(0, e) for e in self.extent(box))]
                add(x[:, some, few], self.low(box), self.mode, np.moveaxis(inside, -1, 0))

    def _folded(self, unfolded: Array, size: Shape, positions: Shape) -> Array:
        """(G, C, *size * stride, N) of (G, C, *K, *O, N)."""
        groups, channels, examples, axes = *unfolded.shape[:2], unfolded.shape[-1], len(size)
        phases = np.zeros((groups, channels, *self.stride, *size, examples), unfolded.dtype)
        for tap, place in _places(self.kernel, self.stride, self.dilation, positions):
            target = phases[:, :, *place]
            target += unfolded[:, :, *tap]
        interleaved = (axis for a in range(axes) for axis in (2 + axes + a, 2 + a))
        whole = tuple(i * s for i, s in zip(size, self.stride, strict=True))
        return phases.transpose(0, 1, *interleaved, 2 + 2 * axes).reshape(groups, channels, *whole, examples)


@lru_cache(maxsize=8)
def _places(kernel: Shape, stride: Shape, dilation: Shape, positions: Shape) -> list[tuple[Index, Index]]:
    """Every tap, and where its phase holds what the positions read through it: (*phase, *elements)."""
    axes = list(zip(stride, dilation, positions, strict=True))
    places = [
        [(k * d % s, slice(k * d // s, k * d // s + o)) for k in range(taps)]
        for taps, (s, d, o) in zip(kernel, axes, strict=True)
    ]
    found = []
    for tap in np.ndindex(kernel):
        phase, elements = zip(*(place[k] for place, k in zip(places, tap, strict=True)), strict=True)
        found.append((tap, (*phase, *elements)))
    return found
