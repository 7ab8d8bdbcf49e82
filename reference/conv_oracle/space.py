"""The space of problems: what the suite proves the reference on, and what an audit asks a subject.

One axis is walked whole: every size, kernel, stride, padding and dilation of a small box, with every output_padding
of a transposed convolution, for every batch and every channel pattern. On more axes a covering array of strength 3
stands for the product: any three settings that can be chosen (on one axis or on several, or with the channels,
the batch, the bias or the kind of padding) meet in some problem, in every combination of their levels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, count, product
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from conv_oracle.errors import GeometryError
from conv_oracle.geometry import Pair, Shape, conv_transpose_output_size, kernel_span
from conv_oracle.operation import Family, Operation
from conv_oracle.problem import Problem, problem

Kind = Literal["symmetric", "asymmetric", "reflect", "replicate", "circular"]
Rows = npt.NDArray[np.int64]

BATCHES: tuple[int, ...] = (0, 1, 2, 3)
SIZES = range(1, 8)
KERNELS = range(1, 6)
STRIDES = range(1, 4)
DILATIONS = range(1, 4)


@dataclass(frozen=True)
class AxisSetting:
    """Everything that one spatial axis can be told. `size` is that of the operation's own input."""

    size: int
    kernel: int
    stride: int
    padding: Pair
    dilation: int
    output_padding: int = 0


class Channels(NamedTuple):
    """Input channels, output channels and groups of the operation, whichever way it goes."""

    inputs: int
    outputs: int
    groups: int


CHANNELS: tuple[Channels, ...] = (
    Channels(1, 1, 1),
    Channels(2, 3, 1),
    Channels(3, 2, 1),
    Channels(4, 6, 2),
    Channels(6, 4, 2),
    Channels(6, 3, 3),
    Channels(3, 3, 3),
    Channels(3, 6, 3),
)
"""Plain, grouped with several channels per group on both sides, and depthwise with multipliers 1 and 2."""


@lru_cache
def axis_settings(family: Family) -> tuple[AxisSetting, ...]:
    """Every setting of one axis, those that have no output included."""
    return tuple(
        AxisSetting(size, kernel, stride, (padding, padding), dilation, extra)
        for size, kernel, stride, dilation in product(SIZES, KERNELS, STRIDES, DILATIONS)
        for padding in range(kernel + 2)
        for extra in range(max(stride, dilation) if family == "conv_transpose" else 1)
    )


def compose(
    family: Family,
    axes: Sequence[AxisSetting],
    channels: Channels,
    batch: int | None,
    *,
    padding: str | None = None,
    padding_mode: str = "zeros",
    bias: bool = True,
    dtype: str = "float64",
) -> Problem:
    """The problem that these settings make; batch None is an unbatched input, `padding` a word in place of numbers."""
    first, second = channels[:2] if family == "conv_transpose" else (channels.outputs, channels.inputs)
    front = () if batch is None else (batch,)
    return problem(
        Operation(family, len(axes)),
        (*front, channels.inputs, *(axis.size for axis in axes)),
        (first, second // channels.groups, *(axis.kernel for axis in axes)),
        stride=[axis.stride for axis in axes],
        padding=[axis.padding for axis in axes] if padding is None else padding,
        output_padding=[axis.output_padding for axis in axes],
        dilation=[axis.dilation for axis in axes],
        groups=channels.groups,
        padding_mode=padding_mode,
        bias=bias,
        dtype=dtype,
    )


def solvable(candidate: Problem) -> bool:
    """Whether the problem has a solution: False where its geometry is refused."""
    try:
        return bool(candidate.geometry)
    except GeometryError:
        return False


def one_axis_problems(
    family: Family,
    *,
    channels: Sequence[Channels] = CHANNELS,
    batches: Sequence[int | None] = BATCHES,
    dtype: str = "float64",
    bias: bool = True,
) -> Iterator[Problem]:
    """The whole space of one axis: every setting that has a solution, for every channel pattern and batch."""
    for pattern, batch in product(channels, batches):
        for axis in _settings_by_solvability(family, batch == 0)[0]:
            yield compose(family, [axis], pattern, batch, dtype=dtype, bias=bias)


def unsolvable_one_axis_problems(family: Family, *, dtype: str = "float64") -> Iterator[Problem]:
    """The settings of one axis that have no output, for whoever wants to see them refused; batch 2, 4 to 6 channels."""
    for axis in _settings_by_solvability(family, False)[1]:
        yield compose(family, [axis], Channels(4, 6, 2), 2, dtype=dtype)


@lru_cache
def _settings_by_solvability(family: Family, empty: bool) -> tuple[tuple[AxisSetting, ...], tuple[AxisSetting, ...]]:
    """(With a solution, without); an empty batch forgives a transposed convolution an empty output."""
    verdicts = [
        (axis, solvable(compose(family, [axis], Channels(1, 1, 1), 0 if empty else 1)))
        for axis in axis_settings(family)
    ]
    return tuple(axis for axis, good in verdicts if good), tuple(axis for axis, good in verdicts if not good)


# Covering arrays


def covering_array(levels: Sequence[int]) -> Rows:
    """Rows of levels such that any three columns show every triple of their levels.

    The values at len(levels) points of all polynomials of degree below 3 over GF(q), q prime: three values at
    three points determine such a polynomial, so any three columns see every triple of values exactly once. Folding
    a column's q values to its number of levels keeps that "at least once". Of the q^3 rows those are kept that show
    a triple that no row before them shows; they are walked in a stride that spreads the coefficients.
    """
    return _covering_array(tuple(levels)).copy()


@lru_cache
def _covering_array(levels: Shape) -> Rows:
    q = next(n for n in count(max(len(levels), *levels)) if n > 1 and all(n % d for d in range(2, n)))
    points = np.arange(len(levels))
    coefficients = np.array(list(product(range(q), repeat=3)))
    values = (coefficients @ np.array([np.ones_like(points), points, points**2])) % q
    spread = np.arange(q**3) * _coprime_stride(q) % q**3
    return _without_idle_rows(values[spread] % np.array(levels), levels)


def _coprime_stride(q: int) -> int:
    """About the golden section of q^3, and no multiple of q: a walk by it visits every row, far from the last ones."""
    stride = int(q**3 * 0.6180339887)
    return stride if stride % q else stride + 1


def _without_idle_rows(rows: Rows, levels: Shape) -> Rows:
    """The rows, in order, that show a triple of levels which none before them shows."""
    triples = np.array(list(combinations(range(len(levels)), 3)))
    a, b, c = triples.T
    sizes = np.array(levels)
    blocks = sizes[a] * sizes[b] * sizes[c]
    starts = np.concatenate([[0], np.cumsum(blocks)[:-1]])
    unseen = np.ones(int(blocks.sum()), dtype=bool)
    kept = []
    for chunk in np.array_split(rows, len(rows) // 128 + 1):
        shown = starts + (chunk[:, a] * sizes[b] + chunk[:, b]) * sizes[c] + chunk[:, c]
        for number in np.flatnonzero(unseen[shown].any(axis=1)):
            seen = shown[number]
            if unseen[seen].any():
                unseen[seen] = False
                kept.append(chunk[number])
    return np.array(kept)


PADDINGS = ("none", "one", "full", "kernel", "beyond")
"""Per side: 0; 1; the dilated kernel's length less one; the kernel; the kernel and one more."""

ENDS = ((1, 0), (3, 0), (2, 1), (3, 2))
"""How the input ends, as (least outputs, most that is left over): the kernel as long as the padded input, where the
padding leaves room for an input; several outputs and nothing left over; one left over; two, or stride - 1."""

COVERING_CHANNELS = CHANNELS[1:]
COVERING_BATCHES: tuple[int | None, ...] = (None, *BATCHES)
ZEROS: tuple[Kind, ...] = ("symmetric",)
WIDER: tuple[Kind, ...] = ("symmetric", "asymmetric", "reflect", "replicate", "circular")


def covering_problems(
    family: Family, dimensions: int, *, wider: bool = False, dtype: str = "float64"
) -> Iterator[Problem]:
    """A covering array of strength 3 over the settings of every axis and of the problem as a whole.

    Per axis: kernel, stride, padding, dilation, and how the input ends (remainder or not, kernel as long as the padded
    input), or for a transposed convolution its size and output_padding. For the whole: channels, batch (unbatched too)
    and bias. `wider` adds what PyTorch's functional forms do not take: a padding that differs between the
    sides and, for a convolution, the padding modes. A convolution's 'same' and 'valid' have arrays of their own,
    for they take the place of the padding, and 'same' that of the stride too.
    """
    kinds = ZEROS if not wider else WIDER[:2] if family == "conv_transpose" else WIDER
    kernels = (1, 2, 3, 4) if dimensions < 3 else (1, 2, 3)
    whole = (len(kinds), len(COVERING_CHANNELS), len(COVERING_BATCHES), 2)
    last = (len(ENDS),) if family == "conv" else (3, 3)
    per_axis = (len(kernels), len(STRIDES), len(DILATIONS), len(PADDINGS), *last)
    for row in covering_array(whole + per_axis * dimensions).tolist():
        kind, pattern, batch, bias = row[:4]
        axes = [
            _axis(family, kinds[kind], kernels, row[start : start + len(per_axis)])
            for start in range(4, len(row), len(per_axis))
        ]
        yield compose(
            family,
            axes,
            COVERING_CHANNELS[pattern],
            COVERING_BATCHES[batch],
            padding_mode=kinds[kind] if kinds[kind] in WIDER[2:] else "zeros",
            bias=bool(bias),
            dtype=dtype,
        )
    if family == "conv":
        yield from _word_problems("same", dimensions, kernels, dtype)
        yield from _word_problems("valid", dimensions, kernels, dtype)


def _word_problems(word: str, dimensions: int, kernels: Shape, dtype: str) -> Iterator[Problem]:
    """The same covering, where a word says the padding; 'same' is for stride 1."""
    strides = (1,) if word == "same" else tuple(STRIDES)
    per_axis = (len(kernels), len(strides), len(DILATIONS), len(ENDS))
    for row in covering_array((len(COVERING_CHANNELS), len(COVERING_BATCHES), 2, *per_axis * dimensions)).tolist():
        axes = []
        for start in range(3, len(row), 4):
            kernel, stride, dilation, end = row[start : start + 4]
            none = (kernel, stride, dilation, PADDINGS.index("none"), end)
            axes.append(_axis("conv", "symmetric", kernels, none))
        yield compose(
            "conv",
            axes,
            COVERING_CHANNELS[row[0]],
            COVERING_BATCHES[row[1]],
            padding=word,
            bias=bool(row[2]),
            dtype=dtype,
        )


def _axis(family: Family, kind: Kind, kernels: Shape, levels: Sequence[int]) -> AxisSetting:
    """The axis setting that a row's levels mean, with the shortest input that realises them."""
    kernel, stride, dilation = kernels[levels[0]], STRIDES[levels[1]], DILATIONS[levels[2]]
    before = _padding(levels[3], kernel, dilation)
    after = before if kind != "asymmetric" else _padding((levels[3] + 1) % len(PADDINGS), kernel, dilation)
    if family == "conv_transpose":
        extra = min(levels[5], max(stride, dilation) - 1)
        shortest = next(
            size
            for size in count(1)
            if conv_transpose_output_size(size, kernel, stride, before, after, extra, dilation) > 0
        )
        return AxisSetting(shortest + levels[4], kernel, stride, (before, after), dilation, extra)
    outputs, most = ENDS[levels[4]]
    remainder = min(most, stride - 1)
    least = {"reflect": before + 1, "circular": before}.get(kind, 1)
    size = next(
        size
        for o in count(outputs)
        if (size := kernel_span(kernel, dilation) + (o - 1) * stride + remainder - before - after) >= max(1, least)
    )
    return AxisSetting(size, kernel, stride, (before, after), dilation)


def _padding(level: int, kernel: int, dilation: int) -> int:
    return (0, 1, kernel_span(kernel, dilation) - 1, kernel, kernel + 1)[level]
