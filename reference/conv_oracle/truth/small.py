"""The three contractions of small problems: one unfolding, one GEMM, and as little as possible around them.

What depends on the geometry alone is planned once and kept, for the passes of one problem share it.
"""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np

from conv_oracle.geometry import Geometry, Shape
from conv_oracle.passes import Array
from conv_oracle.truth.regions import add, read

LARGEST = 1 << 16
"""Elements, unfolded, of a problem that is small."""


class _Plan(NamedTuple):
    """How to unfold an array (N, C, *size) into one column per position.

    It is put into a slab of zeros, slab[inside] = array[elements], unless all of it is read (`whole`).
    `windows` and `steps` (in elements) are the shape and strides of the windows over the slab; `columns` is
    (N, G, C / G * K, O).
    """

    whole: bool
    slab: Shape
    inside: tuple[Any, ...]
    elements: tuple[Any, ...]
    windows: Shape
    steps: Shape
    columns: Shape


def to_output(x: Array, w: Array, g: Geometry) -> Array:
    """(N, M, *O) of operands in the dtype to sum in."""
    y: Array = w.reshape(g.groups, g.out_channels_per_group, -1) @ _read(x, g)
    return y.reshape(g.output_shape)


def to_weight(x: Array, y: Array, g: Geometry) -> Array:
    """(M, C / G, *K) of operands in the dtype to sum in."""
    columns = _read(x, g)
    rows = y.reshape(g.batch, g.groups, g.out_channels_per_group, columns.shape[3])
    w: Array = rows @ columns.swapaxes(2, 3)
    total: Array = w[0] if g.batch == 1 else np.add.reduce(w)
    return total.reshape(g.weight_shape)


def to_input(w: Array, y: Array, g: Geometry) -> Array:
    """(N, C, *I) of operands in the dtype to sum in: every input element reads y through the flipped kernel."""
    plan = _back_plan(g)
    slab = np.zeros(plan.slab, y.dtype)
    slab[plan.inside] = y[plan.elements]
    rows, channels = g.out_channels_per_group, g.in_channels_per_group
    flipped = w.reshape(g.groups, rows, channels, -1)[..., ::-1].swapaxes(1, 2).reshape(g.groups, channels, -1)
    x = flipped @ _unfolded(slab, plan)
    if g.padding_mode == "zeros":
        return x.reshape(g.input_shape)
    folded = np.zeros(g.input_shape, x.dtype)
    add(folded, [-before for before, _ in g.padding], g.padding_mode, x.reshape(g.batch, g.in_channels, *_extent(g)))
    return folded


def back_elements(g: Geometry) -> int:
    """What `to_input` unfolds to."""
    size = g.input_size if g.padding_mode == "zeros" else _extent(g)
    return g.batch * g.out_channels * prod(g.kernel_size) * prod(size)


def _read(x: Array, g: Geometry) -> Array:
    plan = _plan(g)
    if plan.whole:
        slab = np.ascontiguousarray(x)
    elif g.padding_mode == "zeros":
        slab = np.zeros(plan.slab, x.dtype)
        slab[plan.inside] = x[plan.elements]
    else:
        slab = np.empty(plan.slab, x.dtype)
        read(x, [-before for before, _ in g.padding], g.padding_mode, slab)
    return _unfolded(slab, plan)


def _unfolded(slab: Array, plan: _Plan) -> Array:
    size = slab.itemsize
    windows = np.ndarray(plan.windows, slab.dtype, slab, 0, [step * size for step in plan.steps])
    return windows.reshape(plan.columns)


def _extent(g: Geometry) -> Shape:
    """What the windows span on each axis."""
    return tuple(
        (o - 1) * s + d * (k - 1) + 1
        for o, s, d, k in zip(g.output_size, g.stride, g.dilation, g.kernel_size, strict=True)
    )


@lru_cache(maxsize=1024)
def _plan(g: Geometry) -> _Plan:
    """The unfolding of x for the kernel."""
    whole, slab = True, []
    inside: list[Any] = [...]
    elements: list[Any] = [...]
    for i, o, k, s, (before, _), d in zip(
        g.input_size, g.output_size, g.kernel_size, g.stride, g.padding, g.dilation, strict=True
    ):
        extent = (o - 1) * s + d * (k - 1) + 1
        read_to = min(max(extent - before, 0), i)
        whole = whole and before == 0 and extent == i
        slab.append(extent)
        inside.append(slice(before, before + read_to))
        elements.append(slice(0, read_to))
    return _planned(
        g, g.in_channels_per_group, tuple(slab), g.output_size, g.stride, whole, tuple(inside), tuple(elements)
    )


@lru_cache(maxsize=1024)
def _back_plan(g: Geometry) -> _Plan:
    """The unfolding of y, spread by the stride, for the flipped kernel: one column per input element, or padded one."""
    slab = []
    inside: list[Any] = [...]
    elements: list[Any] = [...]
    size, padded = (g.input_size, False) if g.padding_mode == "zeros" else (_extent(g), True)
    for i, o, k, s, (before, _), d in zip(
        size, g.output_size, g.kernel_size, g.stride, g.padding, g.dilation, strict=True
    ):
        reach = d * (k - 1)
        zero = reach if padded else reach - before
        first = max(0, -(zero // s))
        last = max(first, min(o, (i + reach - 1 - zero) // s + 1))
        slab.append(i + reach)
        inside.append(slice(first * s + zero, last * s + zero - s + 1, s) if first < last else slice(0, 0))
        elements.append(slice(first, last))
    return _planned(
        g, g.out_channels_per_group, tuple(slab), size, (1,) * len(slab), False, tuple(inside), tuple(elements)
    )


def _planned(
    g: Geometry,
    channels: int,
    slab: Shape,
    positions: Shape,
    stride: Shape,
    whole: bool,
    inside: tuple[Any, ...],
    elements: tuple[Any, ...],
) -> _Plan:
    step, axes = 1, []
    for size in reversed(slab):
        axes.append(step)
        step *= size
    axes.reverse()
    return _Plan(
        whole,
        (g.batch, g.groups * channels, *slab),
        inside,
        elements,
        (g.batch, g.groups, channels, *g.kernel_size, *positions),
        (
            g.groups * channels * step,
            channels * step,
            step,
            *[a * d for a, d in zip(axes, g.dilation, strict=True)],
            *[a * s for a, s in zip(axes, stride, strict=True)],
        ),
        (g.batch, g.groups, channels * prod(g.kernel_size), prod(positions)),
    )
