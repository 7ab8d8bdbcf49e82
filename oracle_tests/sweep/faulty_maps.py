"""Ways to compute with a wrong index map: a fault in its tables, in its terms, or in the geometry it is made of."""

# A fault takes what the right function takes, and forgets some of it.
# ruff: noqa: ARG005

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np

from conv_oracle import index_map
from conv_oracle.formulas import contraction, definition
from conv_oracle.geometry import Geometry
from conv_oracle.index_map import OUTSIDE, Table, axis_table, terms
from conv_oracle.passes import Array, Passes

# The index map's tables: the definition with a wrong axis_table


def with_table(fault: Callable[..., Table]) -> Passes:
    return definition_with(lambda: patch.object(index_map, "axis_table", fault))


def definition_with(fault: Callable[[], Any]) -> Passes:
    def broken(contract: Callable[..., Array]) -> Callable[..., Array]:
        def contraction(first: Array, second: Array, geometry: Geometry) -> Array:
            with fault():
                return contract(first, second, geometry)

        return contraction

    return Passes(*map(broken, (definition.to_output, definition.to_input, definition.to_weight)))


def edited_table(edit: Callable[..., Table]) -> Passes:
    """`edit(table, input_size, setting)` of the right table."""
    return with_table(lambda i, o, k, **setting: edit(axis_table(i, o, k, **setting), i, setting))


def changed_setting(change: Callable[[int, int, int, dict[str, Any]], dict[str, Any]]) -> Passes:
    """The right table of a changed setting."""
    return with_table(lambda i, o, k, **setting: axis_table(i, o, k, **(setting | change(i, o, k, setting))))


def clipped(table: Table, size: int, setting: dict[str, Any]) -> Table:
    del setting
    return np.where(table >= size, OUTSIDE, table)


def last_tap_dropped(table: Table, size: int, setting: dict[str, Any]) -> Table:
    del size, setting
    return np.where(np.arange(table.shape[1]) == table.shape[1] - 1, OUTSIDE, table)


def first_row_dropped(table: Table, size: int, setting: dict[str, Any]) -> Table:
    del size, setting
    return np.where((np.arange(len(table)) == 0)[:, None], OUTSIDE, table)


def last_row_repeats(table: Table, size: int, setting: dict[str, Any]) -> Table:
    del size, setting
    return table[np.maximum(0, np.minimum(np.arange(len(table)), len(table) - 2))]


def border_lost(table: Table, size: int, setting: dict[str, Any]) -> Table:
    return np.where(table == size - 1, OUTSIDE, table) if setting["before"] else table


def wraps_before(table: Table, size: int, setting: dict[str, Any]) -> Table:
    """A negative position that is taken as an index from the end, as Python and NumPy take it."""
    o, k = np.indices(table.shape)
    position = o * setting["stride"] + k * setting["dilation"] - setting["before"]
    wraps = (position < 0) & (position >= -size) & (setting["padding_mode"] == "zeros")
    return np.where(wraps, position + size, table)


def symmetric(table: Table, size: int, setting: dict[str, Any]) -> Table:
    """Reflection that repeats the border element."""
    if setting["padding_mode"] != "reflect":
        return table
    o, k = np.indices(table.shape)
    position = o * setting["stride"] + k * setting["dilation"] - setting["before"]
    return np.where(position < 0, -1 - position, np.where(position >= size, 2 * size - 1 - position, position))


def end_anchored(i: int, o: int, k: int, setting: dict[str, Any]) -> dict[str, Any]:
    """The stride's remainder is skipped at the start instead of at the end."""
    over = (i + 2 * setting["before"] - setting["dilation"] * (k - 1) - 1) % setting["stride"]
    return {"before": setting["before"] - over} if setting["padding_mode"] == "zeros" and o else {}


def other_mode(wrong: dict[str, str]) -> Callable[..., dict[str, Any]]:
    return lambda i, o, k, setting: {"padding_mode": wrong.get(setting["padding_mode"], setting["padding_mode"])}


# The terms: the definition with wrong channel pairs


def with_terms(fault: Callable[[Geometry], Iterator[Any]]) -> Passes:
    return definition_with(lambda: patch.object(contraction, "terms", fault))


def with_channels(pair: Callable[[int, int, Geometry], int]) -> Passes:
    """Terms whose input channel is pair(m, c, geometry)."""

    def fault(g: Geometry) -> Iterator[Any]:
        for (n, _, *i), (m, c, *k), y in terms(g):
            yield (n, pair(m, c, g) % g.in_channels, *i), (m, c, *k), y

    return with_terms(fault)


def repeated_term(g: Geometry) -> Iterator[Any]:
    once = list(terms(g))
    return iter([*once, *once[-1:]])


def missing_term(g: Geometry) -> Iterator[Any]:
    return iter(list(terms(g))[:-1])


# The geometry a contraction gets: the fast form with two axes or two parameters exchanged


def with_geometry(change: Callable[[Geometry], dict[str, Any]], of: Passes = definition) -> Passes:
    def broken(contract: Callable[..., Array]) -> Callable[..., Array]:
        return lambda a, b, g: contract(a, b, replace(g, **change(g)))

    return Passes(*map(broken, (of.to_output, of.to_input, of.to_weight)))


def shifted_padding(g: Geometry) -> dict[str, Any]:
    return {"padding": tuple((after, before) for before, after in g.padding)}
