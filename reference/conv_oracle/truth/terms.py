"""The terms of single outputs, for the few that need exact arithmetic of their own."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from conv_oracle.passes import Array
from conv_oracle.truth.contraction import to_input, to_output
from conv_oracle.truth.regions import runs
from conv_oracle.truth.sums import Product, Sums

AT_ONCE = 1 << 16
"""Terms that are gathered together."""

SAFE = 400
"""Binary exponents within +- this multiply without overflow, and with a rounding error that does not underflow."""

CUTS = 3
"""How often the terms of a row are cut before math.fsum sums them."""

_SPLIT = 2.0**27 + 1


def exactly(sums: Sums, outputs: Array) -> tuple[Array, Array, Array]:
    """(high, low, exponent), one for each of these flat outputs: the exact sum is (high + low) 2^exponent.

    high is the exact sum rounded to float64, and low what remains, rounded. The exponent is 0 unless the factors are so
    large or small that products of float64 numbers would overflow or underflow.
    """
    high, low, exponent = np.zeros(len(outputs)), np.zeros(len(outputs)), np.zeros(len(outputs), np.int64)
    most = max(1, AT_ONCE // max(1, sum(_width(product) for product in sums.products)))
    constants = None
    if sums.constant is not None:
        constants = np.broadcast_to(sums.constant, sums.products[0].shape).reshape(-1)
    for start in range(0, len(outputs), most):
        some = outputs[start : start + most]
        gathered = [factors(product, some) for product in sums.products]
        first = np.concatenate([a for a, _ in gathered], axis=1)
        second = np.concatenate([b for _, b in gathered], axis=1)
        alone = np.zeros(len(some)) if constants is None else constants[some]
        if _safe(first, second, alone):
            found = [(h, l, 0) for h, l in _row_sums(_rows(first, second, alone))]
        else:
            found = [_integer_sum(*row) for row in zip(first, second, alone, strict=True)]
        for at, (h, l, e) in enumerate(found, start):
            high[at], low[at], exponent[at] = h, l, e
    return high, low, exponent


def factors(product: Product, outputs: Array) -> tuple[Array, Array]:
    """(first, second): the factors of every term of these flat outputs, (outputs, terms); zeros fill the rows up."""
    g, at = product.geometry, np.unravel_index(outputs, product.shape)
    tables = [
        _table(g.padding_mode, *axis)
        for axis in zip(g.input_size, g.output_size, g.kernel_size, g.stride, g.padding, g.dilation, strict=True)
    ]
    channels, rows = g.in_channels_per_group, g.out_channels_per_group
    if product.contract is to_output:
        n, m, *position = at
        place, inside = _flat([t[a] for t, a in zip(tables, position, strict=True)], g.input_size)
        c = (m // rows * channels)[:, None] + np.arange(channels)
        x = product.first.reshape(g.batch, g.in_channels, -1)[n[:, None, None], c[:, :, None], place[:, None]]
        w = product.second.reshape(g.out_channels, -1)[m]
        return (x * inside[:, None]).reshape(len(outputs), -1), w
    if product.contract is to_input:
        n, c, *i = at
        pairs = [_readers(t, a) for t, a in zip(tables, i, strict=True)]
        o, inside = _flat([p[0] for p in pairs], g.output_size)
        k, _ = _flat([p[1] for p in pairs], g.kernel_size)
        m = (c // channels * rows)[:, None] + np.arange(rows)
        w = product.first.reshape(g.out_channels, channels, -1)[
            m[:, :, None], (c % channels)[:, None, None], k[:, None]
        ]
        y = product.second.reshape(g.batch, g.out_channels, -1)[n[:, None, None], m[:, :, None], o[:, None]]
        return w.reshape(len(outputs), -1), (y * inside[:, None]).reshape(len(outputs), -1)
    m, c, *tap = at
    place, inside = _flat([t[:, a].T for t, a in zip(tables, tap, strict=True)], g.input_size)
    c = m // rows * channels + c
    x = product.first.reshape(g.batch, g.in_channels, -1)[np.arange(g.batch)[:, None], c[:, None, None], place[:, None]]
    y = product.second.reshape(g.batch, g.out_channels, -1)[:, m].swapaxes(0, 1)
    return (x * inside[:, None]).reshape(len(outputs), -1), y.reshape(len(outputs), -1)


def _width(product: Product) -> int:
    g = product.geometry
    if product.contract is to_output:
        return g.in_channels_per_group * math.prod(g.kernel_size)
    if product.contract is to_input:
        return g.out_channels_per_group * math.prod(g.kernel_size) * (1 if g.padding_mode == "zeros" else 9)
    return g.batch * math.prod(g.output_size)


def _table(
    mode: str, size: int, outputs: int, kernel: int, stride: int, padding: tuple[int, int], dilation: int
) -> Array:
    """(O, K): the element that an output reads through a kernel element, -1 in zero padding."""
    extent = max(0, (outputs - 1) * stride + dilation * (kernel - 1) + 1)
    source = np.full(extent, -1)
    for inside, elements in runs(mode, size, -padding[0], extent - padding[0]):  # type: ignore[arg-type]
        source[inside] = np.arange(size)[elements]
    table: Array = source[np.arange(outputs)[:, None] * stride + np.arange(kernel) * dilation]
    return table


def _readers(table: Array, elements: Array) -> tuple[Array, Array]:
    """(o, k), each (elements, readers): who reads an element; -1 fills the rows up."""
    flat = table.reshape(-1)
    order = np.argsort(flat, kind="stable")
    first, last = (np.searchsorted(flat, elements, side, sorter=order) for side in ("left", "right"))
    index = first[:, None] + np.arange(max(1, int((last - first).max(initial=0))))
    inside = index < last[:, None]
    found = order[np.where(inside, index, 0)]
    return np.where(inside, found // table.shape[1], -1), np.where(inside, found % table.shape[1], -1)


def _flat(places: list[Array], size: tuple[int, ...]) -> tuple[Array, Array]:
    """(flat place, inside), each (outputs, positions), of places per axis, each (outputs, positions of the axis)."""
    flat, inside = np.zeros((len(places[0]), 1), np.int64), np.ones((len(places[0]), 1), bool)
    for place, length in zip(places, size, strict=True):
        flat = (flat[:, :, None] * length + np.maximum(place, 0)[:, None]).reshape(len(flat), -1)
        inside = (inside[:, :, None] & (place >= 0)[:, None]).reshape(len(flat), -1)
    return flat, inside


def _safe(*factors: Array) -> bool:
    for a in factors:
        size = np.abs(a)
        if size.max(initial=0) > 2.0**SAFE or size.min(initial=1, where=size > 0) < 2.0**-SAFE:
            return False
    return True


def _rows(first: Array, second: Array, constants: Array) -> Array:
    """(outputs, terms): products, the errors of those that round (Dekker), and constants."""
    product = first * second
    with np.errstate(over="ignore"):
        narrow = all((a == a.astype(np.float32)).all() for a in (first, second))
    if narrow:
        return np.concatenate([constants[:, None], product], axis=1)
    a, b = first * _SPLIT, second * _SPLIT
    a, b = a - (a - first), b - (b - second)
    rest_a, rest_b = first - a, second - b
    error = rest_a * rest_b - (((product - a * b) - rest_a * b) - a * rest_b)
    return np.concatenate([constants[:, None], product, error], axis=1)


def _row_sums(rows: Array) -> Iterator[tuple[float, float]]:
    """(high, low) of every row.

    What is left of a term after it was added to and taken from a large enough power of two is its low bits, and the
    high ones of all of them sum exactly, in any order (Rump, Ogita and Oishi). Rows that a few such cuts do
    not exhaust are left to math.fsum.
    """
    left, parts = rows, []
    wide = (rows.shape[1] + 1).bit_length()
    for _ in range(CUTS):
        top = np.frexp(np.abs(left).max(axis=1))[1]
        power = np.ldexp(1.0, top + wide)[:, None]
        cut = (left + power) - power
        parts.append(cut.sum(axis=1))
        left = left - cut
    for row, sums, open_ in zip(rows, np.stack(parts, axis=1).tolist(), np.any(left, axis=1).tolist(), strict=True):
        terms = row.tolist() if open_ else sums
        high = math.fsum(terms)
        yield high, math.fsum([*terms, -high])


def _integer_sum(first: Array, second: Array, constant: float) -> tuple[float, float, int]:
    """The same in integers of any length."""
    total, exponent = 0, 0
    terms = [(*_product(a, b),) for a, b in zip(first.tolist(), second.tolist(), strict=True) if a and b]
    terms += [_integer(float(constant))] if constant else []
    if not terms:
        return 0.0, 0.0, 0
    exponent = min(e for _, e in terms)
    total = sum(m << (e - exponent) for m, e in terms)
    return as_floats(total, exponent)


def as_floats(total: int, exponent: int) -> tuple[float, float, int]:
    """(high, low, exponent) of total 2^exponent, with high of about 2^100 at the most."""
    drop = max(0, total.bit_length() - 1000)
    if drop:  # what is dropped is kept in the last bit, which is below all that matters
        sticky = 1 if total & ((1 << drop) - 1) else 0
        total, exponent = (total >> drop) | sticky, exponent + drop
    high = float(total)
    low = float(total - int(high))
    shift = max(0, total.bit_length() - 100)
    return math.ldexp(high, -shift), math.ldexp(low, -shift), exponent + shift


def _integer(value: float) -> tuple[int, int]:
    mantissa, exponent = math.frexp(value)
    return int(mantissa * 2**53), exponent - 53


def _product(a: float, b: float) -> tuple[int, int]:
    (m, e), (n, f) = _integer(a), _integer(b)
    return m * n, e + f
