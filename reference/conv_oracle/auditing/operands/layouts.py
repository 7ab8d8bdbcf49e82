"""Operand forms: how an array lies in memory. Equal values in another form must give an equal answer.

A layout is strides and a start within a block of memory. The rest of the block is filled with other values, which
show in the answer where they are read, and in the block where they are overwritten.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from conv_oracle.geometry import Shape
from conv_oracle.passes import Array


@dataclass(frozen=True)
class Layout:
    """Where the elements of an operand lie: strides, start and the size of its block, all counted in elements."""

    shape: Shape
    strides: Shape
    start: int
    size: int
    writable: bool = True
    contiguous: bool = False
    """Whether it is C order, from the block's beginning and without gaps."""


def viewed(blocks: Array, layout: Layout, start: int) -> Array:
    """The operand that lies in each of some blocks of memory from an element on: (blocks, *shape), a view."""
    part = blocks[:, start : start + layout.size]
    if layout.contiguous:
        return part.reshape(len(part), *layout.shape)
    steps = tuple(stride * part.itemsize for stride in layout.strides)
    first = part[:, layout.start :] if layout.size else part
    return np.lib.stride_tricks.as_strided(first, (len(part), *layout.shape), (part.strides[0], *steps))


@lru_cache(maxsize=4096)
def contiguous(shape: Shape) -> Layout:
    """C order, without gaps."""
    packed = _packed(shape, range(len(shape)))
    return Layout(shape, packed.strides, 0, packed.size, contiguous=True)


def fortran(shape: Shape) -> Layout:
    """Fortran order: the first axis is the fastest."""
    return _packed(shape, reversed(range(len(shape))))


def transposed(shape: Shape) -> Layout:
    """The last two axes are swapped in memory."""
    axes = [*range(len(shape))]
    return _packed(shape, [*axes[:-2], *axes[:-3:-1]])


def channels_last(shape: Shape) -> Layout:
    """The second axis is the fastest, as in torch.channels_last."""
    axes = [*range(len(shape))]
    return _packed(shape, [*axes[:1], *axes[2:], *axes[1:2]])


def sliced(shape: Shape) -> Layout:
    """Every second element along the last axis, of a row that is longer on both sides."""
    whole = contiguous((*shape[:-1], 2 * shape[-1] + 3))
    return Layout(shape, (*whole.strides[:-1], 2), 1, whole.size)


def stepped(shape: Shape) -> Layout:
    """A part of a larger array: every axis but the first starts at 1, and the second has step 2."""
    if len(shape) < 2:
        return sliced(shape)
    whole = contiguous((shape[0], 2 * shape[1] + 1, *(size + 2 for size in shape[2:])))
    strides = (whole.strides[0], 2 * whole.strides[1], *whole.strides[2:])
    return Layout(shape, strides, sum(whole.strides[1:]) if whole.size else 0, whole.size)


def reversed_(shape: Shape) -> Layout:
    """The last axis runs backwards."""
    whole = contiguous(shape)
    if not whole.size:
        return whole
    return Layout(shape, (*whole.strides[:-1], -1), shape[-1] - 1, whole.size)


def expanded(shape: Shape) -> Layout:
    """Stride 0 along the first axis: all its entries share memory."""
    one = contiguous((1, *shape[1:]))
    return Layout(shape, (0, *one.strides[1:]), 0, one.size)


def scalar(shape: Shape) -> Layout:
    """Stride 0 along every axis: one value, as in the gradient of a sum."""
    return Layout(shape, (0,) * len(shape), 0, 1)


def read_only(shape: Shape) -> Layout:
    """C order, and writing raises."""
    whole = contiguous(shape)
    return Layout(shape, whole.strides, 0, whole.size, writable=False, contiguous=True)


Form = Callable[[Shape], Layout]

FORMS: Mapping[str, Form] = {
    "contiguous": contiguous,
    "transposed": transposed,
    "sliced": sliced,
    "stepped": stepped,
    "reversed": reversed_,
    "expanded": expanded,
    "scalar": scalar,
    "Fortran order": fortran,
    "channels_last": channels_last,
    "read-only": read_only,
}

TORCH_LACKS = ("reversed", "read-only")
"""A tensor cannot have negative strides or be read-only."""


def differs(form: str, shape: Shape) -> bool:
    """Whether an operand of this shape can be told from one in C order: one with a single row is in C order anyway."""
    layout, plain = FORMS[form](shape), contiguous(shape)
    strides = zip(layout.strides, plain.strides, shape, strict=True)
    return not layout.writable or (0 not in shape and any(s != p for s, p, size in strides if size > 1))


def forms(arrays: str) -> list[str]:
    """The forms besides C order that 'numpy' or 'torch' arrays can have."""
    lacks = TORCH_LACKS if arrays == "torch" else ()
    return [name for name in FORMS if name != "contiguous" and name not in lacks]


def _packed(shape: Shape, slowest_first: Iterable[int]) -> Layout:
    """No gaps, the axes in this order in memory."""
    strides, step = [0] * len(shape), 1
    for axis in reversed([*slowest_first]):
        strides[axis] = step
        step *= max(shape[axis], 1)
    return Layout(shape, tuple(strides), 0, math.prod(shape))
