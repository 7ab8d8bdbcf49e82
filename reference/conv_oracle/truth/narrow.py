"""Contractions at stride 1 of groups so narrow that a GEMM has nothing to reuse: depthwise convolutions.

Nothing is unfolded. The padded elements of a channel lie in one row, the batch innermost, and what a tap reads for all
positions is one stretch of that row. The elements that a row is longer than its positions come along: their sums are
dropped, and where positions are summed over, they are zero. Operands are grouped as in `gemm`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from conv_oracle.geometry import Shape
from conv_oracle.passes import Array
from conv_oracle.truth.blocks import Box, pieces
from conv_oracle.truth.pool import share, thread_count
from conv_oracle.truth.windows import Windows

NARROW = 2
"""Input times output channels of a group up to which a GEMM saves less than its unfolding costs."""

CACHED = 1 << 17
"""Elements of a block, which stay in the cache while all taps pass."""


def suits(shape: Shape, examples: int, windows: Windows, dtype: np.dtype[Any]) -> bool:
    """Whether groups of a weight's shape (G, M, C, *K) are narrow, and several examples make the stretches long."""
    narrow = shape[0] > 1 and shape[1] * shape[2] <= NARROW and max(windows.stride) == 1
    return narrow and dtype.kind != "O" and min(examples, CACHED // _elements(shape, windows)) > 1


def correlate(out: Array, x: Array, w: Array, windows: Windows, dtype: np.dtype[Any]) -> None:
    """out[n, g, m, o] = sum over c, k of w[g, m, c, k] * what o reads of x[n, g, c] through k."""
    g, m, c, position, *k = range(4 + len(windows.kernel))

    def work(tasks: Sequence[tuple[slice, slice]]) -> None:
        for example, some in tasks:
            matrix, stretches = w[some].astype(dtype, copy=False), _stretches(x[example, some], windows, dtype)
            target = out[example, some]
            rows = np.empty((*target.shape[1:3], *_row(windows), len(target)), dtype)
            sums = rows.reshape(*target.shape[1:3], -1)[..., : stretches.shape[-1]]
            np.einsum(matrix, [g, m, c, *k], stretches, [g, c, *k, position], [g, m, position], out=sums)
            target[...] = np.moveaxis(rows[:, :, *_whole(windows)], -1, 0)

    share(_tasks(w.shape, len(x), windows), work)


def accumulate(out: Array, x: Array, y: Array, windows: Windows, dtype: np.dtype[Any]) -> None:
    """out[g, m, c, k] = sum over n, o of y[n, g, m, o] * what o reads of x[n, g, c] through k. `out` is zero."""
    by_groups: dict[tuple[int, int], list[tuple[slice, slice]]] = {}
    for example, some in _tasks(out.shape, len(x), windows):
        by_groups.setdefault((some.start, some.stop), []).append((example, some))

    def work(shares: Sequence[list[tuple[slice, slice]]]) -> None:
        for example, some in (task for tasks in shares for task in tasks):
            stretches, read = _stretches(x[example, some], windows, dtype), y[example, some]
            rows = np.zeros((*read.shape[1:3], *_row(windows), len(read)), dtype)
            rows[:, :, *_whole(windows)] = np.moveaxis(read, 0, -1)
            terms = rows.reshape(*read.shape[1:3], -1)[..., : stretches.shape[-1]]
            target = out[some]
            for k in np.ndindex(windows.kernel):
                target[:, :, :, *k] += (terms @ stretches[:, :, *k].swapaxes(1, 2)).astype(out.dtype, copy=False)

    share(list(by_groups.values()), work)


def _tasks(shape: Shape, examples: int, windows: Windows) -> list[tuple[slice, slice]]:
    """Blocks of (examples, groups) that fit, and enough groups apart for every thread."""
    groups, fit = shape[0], CACHED // _elements(shape, windows)
    together = min(max(1, fit // examples), -(-groups // thread_count()))
    return list(product(pieces(examples, fit), pieces(groups, together)))


def _elements(shape: Shape, windows: Windows) -> int:
    """Of one group of one example: what is read, and as many positions of every output channel."""
    return (shape[1] + shape[2]) * prod(windows.extent(_whole(windows)))


def _whole(windows: Windows) -> Box:
    return tuple(slice(0, o) for o in windows.positions)


def _row(windows: Windows) -> Shape:
    """The positions of a row: as many on its first axis as there are, on the others as many as elements are read."""
    return windows.positions[0], *windows.extent(_whole(windows))[1:]


def _stretches(x: Array, windows: Windows, dtype: np.dtype[Any]) -> Array:
    """(G, C, *K, positions * N): what every tap reads of x (N, G, C, *I), from the first position to the last."""
    slab = np.ascontiguousarray(windows.slab(x, _whole(windows), dtype))
    groups, channels, *steps = slab.strides
    taps = [step * d for step, d in zip(steps, windows.dilation, strict=False)]
    last = sum((o - 1) * step for o, step in zip(windows.positions, steps, strict=False))
    length = last // slab.itemsize + len(x)
    return as_strided(slab, (*slab.shape[:2], *windows.kernel, length), (groups, channels, *taps, slab.itemsize))
