"""Boxes of a padded array that never exists as a whole: read from the array, or added back to it.

A position p on an axis of `size` elements lies inside for 0 <= p < size; what it draws from elsewhere is the padding
mode's. Every mode pads at most once around, so a stretch of positions is at most three runs of elements.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np

from conv_oracle.geometry import PaddingMode, Shape
from conv_oracle.passes import Array

Run = tuple[slice, slice]
Index = tuple[Any, ...]


def runs(mode: PaddingMode, size: int, low: int, high: int) -> list[Run]:
    """(where in the stretch, which elements) for the positions low <= p < high; nothing for zero padding."""
    drawn = []
    if (start := max(low, 0)) < (stop := min(high, size)):
        drawn.append((slice(start - low, stop - low), slice(start, stop)))
    if mode == "zeros":
        return drawn
    if low < (stop := min(high, 0)):
        source = {
            "reflect": slice(-low, -stop, -1),
            "replicate": slice(0, 1),
            "circular": slice(low + size, stop + size),
        }[mode]
        drawn.append((slice(0, stop - low), source))
    if (start := max(low, size)) < high:
        last = 2 * (size - 1)
        source = {
            "reflect": slice(last - start, last - high if high <= last else None, -1),
            "replicate": slice(size - 1, size),
            "circular": slice(start - size, high - size),
        }[mode]
        drawn.append((slice(start - low, high - low), source))
    return drawn


def read(array: Array, low: Sequence[int], mode: PaddingMode, box: Array) -> None:
    """box[..., j] = array[..., low + j], padded; `low` has one entry per spatial axis, and these are the last."""
    if mode == "zeros":
        box[...] = 0
    for inside, elements in _runs(array.shape, low, mode, box.shape):
        box[inside] = array[elements]


def add(array: Array, low: Sequence[int], mode: PaddingMode, box: Array) -> None:
    """array[..., low + j] += box[..., j]: the transpose of `read`. What lies in zero padding is dropped."""
    for inside, elements in _runs(array.shape, low, mode, box.shape):
        target, part = array[elements], box[inside]
        drawn_often = tuple(a for a, length in enumerate(target.shape) if part.shape[a] > length)
        np.add(target, part.sum(axis=drawn_often, keepdims=True) if drawn_often else part, out=target, casting="unsafe")


def _runs(shape: Shape, low: Sequence[int], mode: PaddingMode, box: Shape) -> Iterator[tuple[Index, Index]]:
    axes = len(low)
    per_axis = [runs(mode, i, l, l + j) for i, l, j in zip(shape[-axes:], low, box[-axes:], strict=True)]
    for combination in product(*per_axis):
        yield (..., *(inside for inside, _ in combination)), (..., *(elements for _, elements in combination))
