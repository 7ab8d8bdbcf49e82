"""Convolutions by an index map that is edited, where a trigger fires, in one of several programming styles.

Loaded by the audit's worker: `maps.py:conv2d__flip_last__even_kernel__gather` is an operation, an edit, a trigger and a
style. The names that the audits use are in `registry.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from conv_oracle.faults.edits import Map, index_map, settings_of
from conv_oracle.geometry import Geometry
from conv_oracle.index_map import OUTSIDE, axis_table, axis_tables
from conv_oracle.passes import Array, Passes

# Edits of the map


def rebuilt(change: Callable[[list[dict[str, Any]], Geometry], Any]) -> Callable[[Geometry], Map]:
    """The map of changed settings; what it would read beyond the input is zero."""

    def edit(g: Geometry) -> Map:
        settings = settings_of(g)
        change(settings, g)
        sizes = zip(g.input_size, g.output_size, g.kernel_size, settings, strict=True)
        return index_map(g, tuple(axis_table(i, o, k, **setting) for i, o, k, setting in sizes))

    return edit


def tabled(change: Callable[[list[Array], Geometry], Any]) -> Callable[[Geometry], Map]:
    """The map of changed tables."""

    def edit(g: Geometry) -> Map:
        tables = [table.copy() for table in axis_tables(g)]
        change(tables, g)
        return index_map(g, tuple(tables))

    return edit


def paired(change: Callable[[Array, Geometry], Array]) -> Callable[[Geometry], Map]:
    """The map with other channels."""

    def edit(g: Geometry) -> Map:
        right = index_map(g)
        return replace(right, channels=change(right.channels.copy(), g))

    return edit


def placed(change: Callable[[Array, Geometry], Any]) -> Callable[[Geometry], Map]:
    """The map with other positions."""

    def edit(g: Geometry) -> Map:
        right = index_map(g)
        positions = right.positions.copy()
        change(positions, g)
        return replace(right, positions=positions)

    return edit


def _swap(name: str) -> Callable[[list[dict[str, Any]], Geometry], None]:
    def change(settings: list[dict[str, Any]], _: Geometry) -> None:
        settings[0][name], settings[-1][name] = settings[-1][name], settings[0][name]

    return change


def _set(**values: Any) -> Callable[[list[dict[str, Any]], Geometry], None]:
    return lambda settings, _: [setting.update(values) for setting in settings]


def _moved(by: int, *, padded: bool) -> Callable[[list[dict[str, Any]], Geometry], None]:
    def change(settings: list[dict[str, Any]], _: Geometry) -> None:
        settings[-1]["before"] += by * (settings[-1]["before"] > 0 or not padded)

    return change


def _flip(*axes: int) -> Callable[[list[Array], Geometry], None]:
    def change(tables: list[Array], _: Geometry) -> None:
        for axis in axes or range(len(tables)):
            tables[axis] = tables[axis][:, ::-1]

    return change


def _wrapped(tables: list[Array], g: Geometry) -> None:
    """Reads around the border of the last axis, as a negative index does."""
    setting = settings_of(g)[-1]
    o, k = np.indices(tables[-1].shape)
    position = o * setting["stride"] + k * setting["dilation"] - setting["before"]
    size = g.input_size[-1]
    tables[-1] = np.where((position < 0) & (position >= -size), position + size, tables[-1])


def _at(table: Array, index: Any) -> None:
    if table.size:
        table[index] = OUTSIDE


def _last_channel(channels: Array, _: Geometry) -> Array:
    if channels.size:
        channels[-1, -1] = OUTSIDE
    return channels


def _tail_of_four(channels: Array, g: Geometry) -> Array:
    channels[:, g.in_channels_per_group // 4 * 4 :] = OUTSIDE
    return channels


EDITS: dict[str, Callable[[Geometry], Map]] = {
    "right": index_map,
    "flip_last": tabled(_flip(-1)),
    "flip_first": tabled(_flip(0)),
    "flip_all": tabled(_flip()),
    "stride_swapped": rebuilt(_swap("stride")),
    "dilation_swapped": rebuilt(_swap("dilation")),
    "padding_swapped": rebuilt(_swap("before")),
    "dilation_ignored": rebuilt(_set(dilation=1)),
    "stride_ignored": rebuilt(_set(stride=1)),
    "padding_side": rebuilt(_moved(-1, padded=True)),
    "origin_late": rebuilt(_moved(1, padded=False)),
    "origin_early": rebuilt(_moved(-1, padded=False)),
    "wraps_around": tabled(_wrapped),
    "last_tap_dropped": tabled(lambda tables, _: _at(tables[-1], (slice(None), -1))),
    "first_tap_dropped": tabled(lambda tables, _: _at(tables[0], (slice(None), 0))),
    "last_column_dropped": tabled(lambda tables, _: _at(tables[-1], -1)),
    "first_row_dropped": tabled(lambda tables, _: _at(tables[0], 0)),
    "one_border_pixel": placed(lambda positions, _: _at(positions, (-1, -1))),
    "one_corner_tap": placed(lambda positions, _: _at(positions, (0, 0))),
    "one_middle_read": placed(lambda positions, _: _at(positions, (len(positions) // 2, positions.shape[1] // 2))),
    "group_offset": paired(lambda channels, g: channels % max(g.in_channels_per_group, 1)),
    "groups_interleaved": paired(
        lambda channels, g: (
            channels % max(g.in_channels_per_group, 1) * g.groups + channels // max(g.in_channels_per_group, 1)
        )
    ),
    "channels_reversed": paired(lambda channels, _: channels[:, ::-1]),
    "multiplier_order": paired(
        lambda channels, g: channels[np.argsort(np.arange(g.out_channels) % g.groups, kind="stable")]
    ),
    "last_channel_dropped": paired(_last_channel),
    "tail_of_four": paired(_tail_of_four),
}

# When an edit is made


def _widest(g: Geometry) -> int:
    return max((*g.output_size, *g.input_size))


TRIGGERS: dict[str, Callable[[Geometry], bool]] = {
    "always": lambda _: True,
    "even_kernel": lambda g: any(k % 2 == 0 for k in g.kernel_size),
    "odd_width": lambda g: g.input_size[-1] % 2 == 1,
    "dilation_and_groups": lambda g: max(g.dilation) > 2 and g.groups > 1,
    "stride_and_dilation": lambda g: max(g.stride) > 1 and max(g.dilation) > 1,
    "out_channels_not_8": lambda g: g.out_channels % 8 != 0 and g.groups > 1,
    "batch_16": lambda g: g.batch >= 16,
    "batch_65536": lambda g: g.batch > 65535,
    "beyond_32": lambda g: _widest(g) > 32,
    "exactly_65": lambda g: 65 in (*g.output_size, *g.input_size),
    "exactly_17_channels": lambda g: 17 in (g.in_channels, g.out_channels),
    "long_reduction": lambda g: g.in_channels_per_group * math.prod(g.kernel_size) > 512,
    "stride_beyond_kernel": lambda g: any(s > k for s, k in zip(g.stride, g.kernel_size, strict=True)),
    "padding_beyond_kernel": lambda g: any(p[0] >= k for p, k in zip(g.padding, g.kernel_size, strict=True)),
    "depthwise": lambda g: g.groups > 1 and g.in_channels_per_group == 1,
    "three_groups": lambda g: g.groups == 3,
    "remainder": lambda g: any(
        (i + sum(p) - d * (k - 1) - 1) % s
        for i, p, d, k, s in zip(g.input_size, g.padding, g.dilation, g.kernel_size, g.stride, strict=True)
    ),
    "single_output": lambda g: set(g.output_size) == {1},
    "channels_48": lambda g: 48 in (g.in_channels, g.out_channels),
    "width_20": lambda g: g.input_size[-1] == 20 or g.output_size[-1] == 20,
}

# The styles: y[o] = sum T x[i] w[k] and its two transposes, for any map


def _spread(array: Array) -> Array:
    """The spatial axes as one."""
    return array.reshape(*array.shape[:2], math.prod(array.shape[2:]))


def _flat(x: Array) -> Array:
    """(N, C + 1, positions + 1), zero where OUTSIDE points to."""
    return np.pad(_spread(x), ((0, 0), (0, 1), (0, 1)))


def _read(x: Array, map_: Map) -> Array:
    """(N, M, C / groups, outputs, taps)."""
    channels = map_.channels[:, :, None, None]
    return _flat(x)[:, channels, map_.positions]


def _gather_output(x: Array, w: Array, g: Geometry, map_: Map) -> Array:
    weights = _spread(w)[:, :, None]
    return (_read(x, map_) * weights).sum(axis=(2, 4)).reshape(g.output_shape)


def _scatter_input(w: Array, y: Array, g: Geometry, map_: Map) -> Array:
    products = _spread(w)[None, :, :, None] * _spread(y)[:, :, None, :, None]
    x = np.zeros((g.batch, g.in_channels + 1, math.prod(g.input_size) + 1), products.dtype)
    np.add.at(x, (slice(None), map_.channels[:, :, None, None], map_.positions), products)
    return x[:, :-1, :-1].reshape(g.input_shape)


def _gather_weight(x: Array, y: Array, g: Geometry, map_: Map) -> Array:
    return (_read(x, map_) * _spread(y)[:, :, None, :, None]).sum(axis=(0, 3)).reshape(g.weight_shape)


def _columns_output(x: Array, w: Array, g: Geometry, map_: Map) -> Array:
    read = np.moveaxis(_read(x, map_), 4, 3)
    columns = read.reshape(*read.shape[:2], read.shape[2] * read.shape[3], read.shape[4])
    return (w.reshape(len(w), 1, columns.shape[2]) @ columns).reshape(g.output_shape)


def _columns_weight(x: Array, y: Array, g: Geometry, map_: Map) -> Array:
    read = np.moveaxis(_read(x, map_), 4, 3)
    columns = read.reshape(*read.shape[:2], read.shape[2] * read.shape[3], read.shape[4])
    return (columns @ _spread(y)[..., None]).sum(axis=0).reshape(g.weight_shape)


def _taps_output(x: Array, w: Array, g: Geometry, map_: Map) -> Array:
    flat, weights = _flat(x), _spread(w)
    y = np.zeros((g.batch, g.out_channels, len(map_.positions)), np.result_type(x, w))
    for tap, c in np.ndindex(weights.shape[2], weights.shape[1]):
        y += flat[:, map_.channels[:, c, None], map_.positions[:, tap]] * weights[:, c, tap, None]
    return y.reshape(g.output_shape)


def _taps_input(w: Array, y: Array, g: Geometry, map_: Map) -> Array:
    weights, flat_y = _spread(w), _spread(y)
    x = np.zeros((g.batch, g.in_channels + 1, math.prod(g.input_size) + 1), np.result_type(y, w))
    for m, c, tap in np.ndindex(*weights.shape):
        where = (slice(None), map_.channels[m, c], map_.positions[:, tap])
        np.add.at(x, where, weights[m, c, tap] * flat_y[:, m])
    return x[:, :-1, :-1].reshape(g.input_shape)


def _taps_weight(x: Array, y: Array, g: Geometry, map_: Map) -> Array:
    flat, flat_y = _flat(x), _spread(y)
    w = np.zeros((g.out_channels, g.in_channels_per_group, map_.positions.shape[1]), np.result_type(x, y))
    for c, tap in np.ndindex(w.shape[1:]):
        w[:, c, tap] = (flat[:, map_.channels[:, c, None], map_.positions[:, tap]] * flat_y).sum(axis=(0, 2))
    return w.reshape(g.weight_shape)


STYLES = {
    "gather": (_gather_output, _scatter_input, _gather_weight),
    "columns": (_columns_output, _scatter_input, _columns_weight),
    "taps": (_taps_output, _taps_input, _taps_weight),
}


def passes(edit: str, trigger: str, style: str) -> Passes:
    """Every operation, by the edited map where the trigger fires and by the right one elsewhere."""

    def contraction(contract: Callable[..., Array]) -> Callable[[Array, Array, Geometry], Array]:
        def call(first: Array, second: Array, geometry: Geometry) -> Array:
            chosen = EDITS[edit] if TRIGGERS[trigger](geometry) else index_map
            return contract(first, second, geometry, chosen(geometry))

        return call

    return Passes(*map(contraction, STYLES[style]))


def __getattr__(name: str) -> Any:
    parts = name.split("__")
    if len(parts) != 4:
        raise AttributeError(name)
    op, edit, trigger, style = parts
    if edit not in EDITS or trigger not in TRIGGERS or style not in STYLES:
        raise AttributeError(name)
    base = op.removeprefix("conv_transpose").removeprefix("conv")
    method = op.replace(base[:2], "", 1)
    return getattr(passes(edit, trigger, style).named(int(base[0])), method)
