"""The index map T[i, k, o]: which input element each output reads through each kernel element.

    T[i, k, o] = 1  iff  on every axis  i = table[o, k]

It is the one definition behind every pass: a forward convolution, its gradients and a transposed
convolution are the three ways to contract T with two of its three operands. T factorises over the axes, so all
of it is one (O, K) table of integers per axis; padding modes differ in that table and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

import numpy as np
import numpy.typing as npt

from conv_oracle.geometry import Geometry, PaddingMode, Shape

Table = npt.NDArray[np.int64]
Position = tuple[int, ...]

OUTSIDE = -1
"""The table's entry for a position in zero padding."""


def _zeros(position: Table, size: int) -> Table:
    return np.where((position >= 0) & (position < size), position, OUTSIDE)


def _reflect(position: Table, size: int) -> Table:
    period = max(1, 2 * (size - 1))
    folded = position % period
    return np.minimum(folded, period - folded) if size > 1 else np.zeros_like(position)


def _replicate(position: Table, size: int) -> Table:
    return np.clip(position, 0, size - 1)


def _circular(position: Table, size: int) -> Table:
    return position % size


_READ: dict[PaddingMode, Callable[[Table, int], Table]] = {
    "zeros": _zeros,
    "reflect": _reflect,
    "replicate": _replicate,
    "circular": _circular,
}


def axis_table(
    input_size: int,
    output_size: int,
    kernel: int,
    *,
    stride: int = 1,
    before: int = 0,
    dilation: int = 1,
    padding_mode: PaddingMode = "zeros",
) -> Table:
    """table[o, k] = o * stride + k * dilation - before, or what the padding mode puts in the place of that position.

    input_size, output_size and kernel are I, O and K of one axis; stride, before (of the padding) and dilation are in
    elements; padding_mode is one of geometry.PADDING_MODES. Nothing is checked: a `Geometry` is.
    Returns int64 (output_size, kernel); OUTSIDE where the position lies in zero padding.
    """
    o = np.arange(output_size, dtype=np.int64)[:, None]
    k = np.arange(kernel, dtype=np.int64)[None, :]
    return _READ[padding_mode](o * stride + k * dilation - before, input_size)


def axis_tables(geometry: Geometry) -> tuple[Table, ...]:
    """The (O, K) table of every axis of a geometry."""
    return tuple(
        axis_table(i, o, k, stride=s, before=before, dilation=d, padding_mode=geometry.padding_mode)
        for i, o, k, s, (before, _), d in zip(
            geometry.input_size,
            geometry.output_size,
            geometry.kernel_size,
            geometry.stride,
            geometry.padding,
            geometry.dilation,
            strict=True,
        )
    )


def read_positions(tables: tuple[Table, ...]) -> Iterator[tuple[Position, Position, Position]]:
    """Every (i, k, o) with T[i, k, o] = 1, for any number of axes, from the (O, K) tables of all of them."""
    per_axis = [[(int(i), k, o) for (o, k), i in np.ndenumerate(table) if i != OUTSIDE] for table in tables]
    for positions in product(*per_axis):
        i, k, o = zip(*positions, strict=True)
        yield i, k, o


def terms(geometry: Geometry) -> Iterator[tuple[Shape, Shape, Shape]]:
    """Every product of a convolution, as the indices (of the input, of the weight, of the output) that it pairs.

    Channels: output channel m of group g reads the C / groups channels of that group, through weight[m, c].
    """
    positions = list(read_positions(axis_tables(geometry)))
    per_group = geometry.in_channels_per_group
    for m, c in product(range(geometry.out_channels), range(per_group)):
        channel = m // geometry.out_channels_per_group * per_group + c
        for n in range(geometry.batch):
            for i, k, o in positions:
                yield (n, channel, *i), (m, c, *k), (n, m, *o)
