"""The three contractions of large problems: windows of a block of positions, and GEMM.

Operands here are grouped, (N, G, C, *I), (G, M, C, *K) and (N, G, M, *O), in any dtype; the sums are made in `dtype`.
A block holds what all channels of a few positions read: of one large example, or of several small ones with the batch
innermost, so that what is copied are long stretches and GEMM gets long rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np

from conv_oracle.geometry import Shape
from conv_oracle.passes import Array
from conv_oracle.truth.blocks import Box, boxes, lengths, pieces
from conv_oracle.truth.pool import share, thread_count
from conv_oracle.truth.windows import Windows

BLOCK_BYTES = 8 << 20
"""What one block unfolds to, at most; the threads share it. All workspace together stays below four times this."""

LONG = 400
"""Positions of one example that fill the rows of a GEMM without help from its neighbours in the batch."""

COLUMNS = 1024
"""Positions in a block of small examples that are read, and the sums of a weight gradient before it adds to its result.

What is added to (`fold`) takes all that fit: its additions are short, and the longer the batch inside, the fewer."""

FEW = 256
"""Columns below which a GEMM spends its time on arranging the weight."""


def _elements(dtype: np.dtype[Any]) -> int:
    return max(1, BLOCK_BYTES // dtype.itemsize // thread_count())


def correlate(out: Array, x: Array, w: Array, windows: Windows, dtype: np.dtype[Any]) -> None:
    """out[n, g, m, o] = sum over c, k of w[g, m, c, k] * what o reads of x[n, g, c] through k."""
    groups, rows, channels = w.shape[:3]
    taps, positions, most = prod(windows.kernel), prod(windows.positions), _elements(dtype)
    depth = min(channels, max(1, 2 * most // (FEW * taps)))
    columns = max(1, min(2 * most // (depth * taps), max(FEW, most // (depth * taps))))
    columns = min(columns, -(-len(x) * positions // thread_count()))
    examples = _together(len(x), positions, min(columns, COLUMNS))
    together = max(1, most // (depth * taps * min(columns, examples * positions)))
    tasks = list(
        product(pieces(groups, together), pieces(len(x), examples), boxes(windows.positions, columns // examples))
    )
    in_place = w.dtype == dtype and w.flags.c_contiguous
    in_one = out.dtype == dtype and out.flags.c_contiguous

    def work(share_of_tasks: Sequence[tuple[slice, slice, Box]]) -> None:
        buffer = np.empty(0 if windows.pointwise else min(together, groups) * depth * taps * columns, dtype)
        for some, example, box in share_of_tasks:
            for few in pieces(channels, depth):
                unfolded = windows.columns(x[example, some, few], box, buffer)
                direct = in_one and unfolded.shape[2] == prod(lengths(box)) and few.start == 0
                copied = (0 if in_place else unfolded.shape[1]) + (0 if direct else unfolded.shape[2])
                height = most // (len(unfolded) * copied) if copied else rows
                for part in pieces(rows, height):
                    matrix = _matrix(w[some, part, few], dtype)
                    target = out[example, some, part, *box]
                    if direct:
                        np.matmul(matrix, unfolded, out=target[0].reshape(*matrix.shape[:2], -1))
                        continue
                    result = _folded(matrix @ unfolded, target.shape)
                    if few.start == 0:
                        target[...] = result
                    else:
                        target += result.astype(out.dtype, copy=False)

    share(tasks, work)


def fold(out: Array, w: Array, y: Array, windows: Windows, dtype: np.dtype[Any]) -> None:
    """To out[n, g, c], at what o reads through k, add the sum over m of w[g, m, c, k] * y[n, g, m, o]."""
    groups, rows, channels = w.shape[:3]
    taps, positions, most = prod(windows.kernel), prod(windows.positions), _elements(dtype)
    columns = max(1, min(len(y) * positions, most // taps, max(FEW, most // (channels * taps))))
    columns = min(columns, -(-len(y) * positions // thread_count()))
    examples = _together(len(y), positions, columns)
    height = min(rows, max(1, most // 2 // max(taps, 1 if _is_view(y, examples, dtype) else columns)))
    depth = min(channels, max(1, most // taps // columns), max(1, most // 2 // (height * taps)))
    together = max(1, most // (channels * taps * columns))
    tasks = list(product(pieces(groups, together), pieces(channels, depth), pieces(len(y), examples)))

    def work(share_of_tasks: Sequence[tuple[slice, slice, slice]]) -> None:
        for some, few, example in share_of_tasks:
            for box in boxes(windows.positions, columns // examples):
                for part in pieces(rows, height):
                    matrix = _matrix(w[some, part, few], dtype).swapaxes(1, 2)
                    unfolded = _unfolded(y[example, some, part, *box], dtype)
                    windows.fold(matrix @ unfolded, box, out[example, some, few], most // 2)

    share(tasks, work)


def accumulate(out: Array, x: Array, y: Array, windows: Windows, dtype: np.dtype[Any]) -> None:
    """out[g, m, c, k] = sum over n, o of y[n, g, m, o] * what o reads of x[n, g, c] through k. `out` is zero."""
    groups, rows, channels = out.shape[:3]
    taps, positions, most = prod(windows.kernel), prod(windows.positions), _elements(dtype)
    columns = max(1, min(len(x) * positions, most // taps, max(COLUMNS, most // (channels * taps))))
    examples = _together(len(x), positions, columns)
    height = min(rows, max(1, most // 2 // max(taps, 1 if _is_view(y, examples, dtype) else columns)))
    depth = min(channels, max(1, most // taps // columns), max(1, most // 2 // (height * taps)))
    depth = min(depth, -(-groups * channels // thread_count()))  # a share of the channels for every thread
    together = max(1, most // (channels * taps * columns))
    sums = list(product(pieces(groups, together), pieces(channels, depth)))
    blocks = list(product(pieces(len(x), examples), boxes(windows.positions, columns // examples)))

    def work(share_of_sums: Sequence[tuple[slice, slice]]) -> None:
        buffer = np.empty(0 if windows.pointwise else min(together, groups) * depth * taps * columns, dtype)
        for (some, few), (example, box) in product(share_of_sums, blocks):
            unfolded = windows.columns(x[example, some, few], box, buffer).swapaxes(1, 2)
            for part in pieces(rows, height):
                target = out[some, part, few]
                result = _unfolded(y[example, some, part, *box], dtype) @ unfolded
                target += result.reshape(target.shape).astype(out.dtype, copy=False)

    share(sums, work)


def _together(examples: int, positions: int, columns: int) -> int:
    """How many examples to unfold together: one that is long enough, or as many small ones as make the columns."""
    return 1 if positions >= LONG else max(1, min(examples, columns // positions))


def _matrix(w: Array, dtype: np.dtype[Any]) -> Array:
    """(G, M, C * K) of (G, M, C, *K)."""
    return w.reshape(*w.shape[:2], -1).astype(dtype, copy=False)


def _is_view(y: Array, examples: int, dtype: np.dtype[Any]) -> bool:
    """Whether `_unfolded` copies nothing, so that rows cost no workspace."""
    return examples == 1 and y.dtype == dtype and y.flags.c_contiguous


def _unfolded(y: Array, dtype: np.dtype[Any]) -> Array:
    """(G, M, O * N) of (N, G, M, *O)."""
    return np.moveaxis(y, 0, -1).reshape(*y.shape[1:3], -1).astype(dtype, copy=False)


def _folded(columns: Array, shape: Shape) -> Array:
    """The given shape (N, G, M, *O) of (G, M, O * N)."""
    return np.moveaxis(columns.reshape(*shape[1:], shape[0]), -1, 0)
