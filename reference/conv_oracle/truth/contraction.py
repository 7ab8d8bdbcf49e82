"""The fast form: the three contractions by windows and GEMM, in bounded memory."""

from __future__ import annotations

from itertools import product
from math import gcd, prod
from typing import Any, NamedTuple

import numpy as np

from conv_oracle.geometry import Geometry, Pair
from conv_oracle.passes import Array, Passes
from conv_oracle.truth import gemm, narrow, small
from conv_oracle.truth.windows import Windows

_FLOAT64 = np.dtype(np.float64)

GATHER = 2
"""Output channels for each input channel up to which an input gradient is read rather than added up."""


def to_output(x: Array, w: Array, geometry: Geometry) -> Array:
    """y[o] = sum T[i, k, o] x[i] w[k]."""
    g, terms = geometry, geometry.in_channels_per_group * prod(geometry.kernel_size)
    dtype, wide = _dtypes(x, w, terms)
    if x.size == 0 or w.size == 0:
        return np.zeros(g.output_shape, wide)
    if g.batch * g.groups * terms * prod(g.output_size) <= small.LARGEST and dtype.kind != "O":
        return _as(small.to_output(_as(x, dtype), _as(w, dtype), g), wide)
    y = np.empty(g.output_shape, wide)
    _correlate(_grouped(y, g), _grouped(x, g), _grouped_weight(w, g), _windows(g), dtype)
    return y


def to_input(w: Array, y: Array, geometry: Geometry) -> Array:
    """x[i] = sum T[i, k, o] w[k] y[o]."""
    g, terms = geometry, geometry.out_channels_per_group * prod(geometry.kernel_size) * most_drawn(geometry)
    dtype, wide = _dtypes(w, y, terms)
    if w.size == 0 or y.size == 0 or 0 in g.input_size:
        return np.zeros(g.input_shape, wide)
    if small.back_elements(g) <= small.LARGEST and dtype.kind != "O":
        return _as(small.to_input(_as(w, dtype), _as(y, dtype), g), wide)
    x = np.zeros(g.input_shape, wide)
    if _gathers(g):
        for phases in product(*map(_phases, g.input_size, g.kernel_size, g.stride, g.padding, g.dilation)):
            elements = x[:, :, *(phase.elements for phase in phases)]
            taps = w[:, :, *(phase.taps for phase in phases)]
            before, dilation = (tuple(p.before for p in phases), tuple(p.dilation for p in phases))
            windows = Windows(elements.shape[2:], taps.shape[2:], (1,) * g.dimensions, before, dilation, "zeros")
            back = _grouped_weight(taps, g).swapaxes(1, 2)
            _correlate(_grouped(elements, g), _grouped(y, g), back, windows, dtype)
    else:
        gemm.fold(_grouped(x, g), _grouped_weight(w, g), _grouped(y, g), _windows(g), dtype)
    return x


def to_weight(x: Array, y: Array, geometry: Geometry) -> Array:
    """w[k] = sum T[i, k, o] x[i] y[o]."""
    g, terms = geometry, geometry.batch * prod(geometry.output_size)
    dtype, wide = _dtypes(x, y, terms)
    if x.size == 0 or y.size == 0:
        return np.zeros(g.weight_shape, wide)
    if g.in_channels * prod(g.kernel_size) * terms <= small.LARGEST and dtype.kind != "O":
        return _as(small.to_weight(_as(x, dtype), _as(y, dtype), g), wide)
    w = np.zeros(g.weight_shape, wide)
    grouped, windows = _grouped_weight(w, g), _windows(g)
    with np.errstate(over="ignore", invalid="ignore"):  # what lies beside positions is multiplied by zero
        narrowly = narrow.suits(grouped.shape, g.batch, windows, dtype) and bool(np.isfinite(x.sum()))
    way = narrow if narrowly else gemm
    way.accumulate(grouped, _grouped(x, g), _grouped(y, g), windows, dtype)
    return w


fast = Passes(to_output, to_input, to_weight)
"""Every operation in the fast form."""


def _correlate(out: Array, x: Array, w: Array, windows: Windows, dtype: np.dtype[Any]) -> None:
    way = narrow if narrow.suits(w.shape, len(x), windows, dtype) else gemm
    way.correlate(out, x, w, windows, dtype)


def most_drawn(g: Geometry) -> int:
    """How many positions may read an element through one kernel element: one, but for what padding draws."""
    if g.padding_mode == "zeros":
        return 1
    most = [1 + before + after for before, after in g.padding]
    return prod(most if g.padding_mode == "replicate" else (min(3, m) for m in most))


def _gathers(g: Geometry) -> bool:
    """Whether input elements should read the output, phase by phase, rather than be added to."""
    apart = all(k <= s for k, s in zip(g.kernel_size, g.stride, strict=True))
    fits = max(g.stride) == 1 or g.groups > 1 or apart
    return fits and g.padding_mode == "zeros" and g.out_channels <= GATHER * g.in_channels


def _windows(g: Geometry) -> Windows:
    before = tuple(before for before, _ in g.padding)
    return Windows(g.output_size, g.kernel_size, g.stride, before, g.dilation, g.padding_mode)


class _Phase(NamedTuple):
    """Every stride-th element of an axis of the input: a correlation at stride 1 of the output with these taps."""

    elements: slice
    taps: slice
    before: int
    dilation: int


def _phases(size: int, kernel: int, stride: int, padding: Pair, dilation: int) -> list[_Phase]:
    """The phases of an axis that a tap reaches. The taps come last to first."""
    apart, found = stride // gcd(stride, dilation), []
    for first in range(min(kernel, apart)):
        start = (first * dilation - padding[0]) % stride
        last = first + (kernel - 1 - first) // apart * apart
        before = (last * dilation - padding[0] - start) // stride
        if start < size:
            elements, taps = slice(start, None, stride), slice(last, None, -apart)
            found.append(_Phase(elements, taps, before, dilation * apart // stride))
    return found


def _grouped(a: Array, g: Geometry) -> Array:
    """(N, G, channels / G, *size): a view."""
    return a.reshape(len(a), g.groups, -1, *a.shape[2:])


def _grouped_weight(w: Array, g: Geometry) -> Array:
    """(G, M / G, C / G, *K): a view."""
    return w.reshape(g.groups, -1, *w.shape[1:])


def _dtypes(a: Array, b: Array, terms: int) -> tuple[np.dtype[Any], np.dtype[Any]]:
    """The dtype to sum in, and the dtype of the result: another one for integers that float64 sums exactly."""
    if a.dtype == b.dtype == _FLOAT64:
        return _FLOAT64, _FLOAT64
    common = np.result_type(a, b)
    wide: np.dtype[Any]
    if common.kind in "iu":
        wide = np.dtype(np.int64 if common.kind == "i" else np.uint64)
        return (_FLOAT64 if terms * _largest(a) * _largest(b) <= 2**53 else wide), wide
    known = common.kind in "fcO"
    wide = np.result_type(common, np.complex128 if common.kind == "c" else _FLOAT64) if known else _FLOAT64
    return wide, wide


def _largest(a: Array) -> int:
    return max(int(a.max()), -int(a.min())) if a.size else 0


def _as(a: Array, dtype: np.dtype[Any]) -> Array:
    return a if a.dtype == dtype else a.astype(dtype)
