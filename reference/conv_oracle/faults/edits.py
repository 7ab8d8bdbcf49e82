"""A fault as an edit of one step of a convolution.

A convolution takes its parameters, takes its operands, lays out its index map, contracts it, and hands out the sum. A
wrong one that is wrong in one of these steps is the right one with that step edited; and two faults at once are two
edits, one after the other. So a fault can be computed: what it answers is compared with what a subject answers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from conv_oracle.errors import ConvOracleError
from conv_oracle.geometry import Geometry
from conv_oracle.index_map import OUTSIDE, axis_table, axis_tables
from conv_oracle.passes import Array, Passes
from conv_oracle.problem import Problem

Operands = Mapping[str, Array]
Setting = dict[str, Any]
"""One axis as its table is made: stride, before, dilation and padding_mode."""

Step = tuple[Callable[..., Any], ...]

RIGHT = "y[o] = sum x[o*stride + k*dilation - padding] w[k]"
"""The right convolution along its axes, as the catalogue's entries state it."""


@dataclass(frozen=True)
class Map:
    """Which input channel (M, C / groups) and which flat input position (outputs, taps) is read; OUTSIDE is zero."""

    channels: Array
    positions: Array


@dataclass(frozen=True)
class Edit:
    """What a wrong convolution does otherwise, step by step.

    parameters  (problem) -> problem                    the parameters that are used, the result's shape with them
    operands    (problem, operands) -> operands
    settings    (settings, geometry) -> None            the axes of the index map, in place; the result's shape stays
    tables      (tables, geometry) -> None              one (O, K) table per axis, in place
    channels    (channels, geometry) -> channels
    positions   (positions, geometry) -> None           (outputs, taps), in place
    answer      (problem, operands, answer) -> answer

    within: a narrow format in which the sums are made, in whatever order: its answers are known by a bound alone.
    """

    parameters: Step = ()
    operands: Step = ()
    settings: Step = ()
    tables: Step = ()
    channels: Step = ()
    positions: Step = ()
    answer: Step = ()
    within: str = ""

    def then(self, other: Edit) -> Edit:
        """Both at once."""
        names = [name for name in self.__dataclass_fields__ if name != "within"]
        steps = {name: getattr(self, name) + getattr(other, name) for name in names}
        return Edit(**steps, within=self.within or other.within)

    def answered(self, problem: Problem, operands: Operands, right: Array | None = None) -> Array | None:
        """What the edited convolution returns; None where it could not even be computed.

        right: what the right one returns, where that is known; it spares a contraction where nothing before it changes.
        """
        changed, given = problem, dict(operands)
        try:
            with np.errstate(all="ignore"):
                for change in self.parameters:
                    changed = change(changed)
                for change in self.operands:
                    given = change(problem, given)
                same = right is not None and not self.changes_map and _equal(given, operands)
                result = right.copy() if right is not None and same else changed.compute(self.passes, given)
                for change in self.answer:
                    result = change(problem, given, result)
        except (ConvOracleError, ValueError, IndexError, ZeroDivisionError):
            return None
        return result

    @property
    def changes_map(self) -> bool:
        """Whether another index map is contracted, or may be."""
        return bool(self.parameters or self.settings or self.tables or self.channels or self.positions)

    @cached_property
    def passes(self) -> Passes:
        """The three contractions of the edited index map."""
        return Passes(
            lambda x, w, g: _to_output(x, w, g, self.map_of(g)),
            lambda w, y, g: _to_input(w, y, g, self.map_of(g)),
            lambda x, y, g: _to_weight(x, y, g, self.map_of(g)),
        )

    def map_of(self, geometry: Geometry) -> Map:
        """The edited index map."""
        if not self.changes_map:
            return right_map(geometry)
        tables = list(axis_tables(geometry))
        if self.settings:
            settings = settings_of(geometry)
            for change in self.settings:
                change(settings, geometry)
            sizes = zip(geometry.input_size, geometry.output_size, geometry.kernel_size, settings, strict=True)
            tables = [axis_table(i, o, k, **setting) for i, o, k, setting in sizes]
        for change in self.tables:
            change(tables, geometry)
        whole = index_map(geometry, tuple(tables))
        for change in self.channels:
            whole = replace(whole, channels=change(whole.channels, geometry))
        for change in self.positions:
            change(whole.positions, geometry)
        return whole


def settings_of(geometry: Geometry) -> list[Setting]:
    """How the tables of the right map are made."""
    return [
        {"stride": s, "before": before, "dilation": d, "padding_mode": geometry.padding_mode}
        for s, (before, _), d in zip(geometry.stride, geometry.padding, geometry.dilation, strict=True)
    ]


def without_reads(axis: int, outputs: int | slice = slice(None), taps: int | slice = slice(None)) -> Edit:
    """Some outputs through some kernel elements read zero along an axis."""

    def change(tables: list[Array], _: Geometry) -> None:
        if tables[axis].size:
            tables[axis][outputs, taps] = OUTSIDE

    return Edit(tables=(change,))


def bias_column(operands: Operands, axes: int) -> Array:
    """The bias as it is added, (M, 1, ...); zero where there is none."""
    return operands["bias"].reshape(-1, *(1,) * axes) if "bias" in operands else np.zeros((1,) * (axes + 1))


def without_sums(found: Array, given: Operands, places: Sequence[slice]) -> Array:
    """A result whose numbers at some places along each axis are the bias alone."""
    found = found.copy()
    whole = np.broadcast_to(bias_column(given, len(places)), found.shape)
    for axis, place in enumerate(places, found.ndim - len(places)):
        at = (slice(None),) * axis + (place,)
        found[at] = whole[at]
    return found


def products_reaching(p: Problem) -> Array:
    """How many products every number of the result has, those with padding left out; of the result's shape."""
    ones = {name: np.ones(shape) for name, shape in p.operand_shapes.items() if name != "bias"}
    found: Array = replace(p, bias=False, dtype="float64").compute(Edit().passes, ones)
    return found


def index_map(geometry: Geometry, tables: tuple[Array, ...] | None = None) -> Map:
    """The map of a geometry, by its own tables or others."""
    m, c = np.ogrid[: geometry.out_channels, : geometry.in_channels_per_group]
    channels = m // geometry.out_channels_per_group * geometry.in_channels_per_group + c
    flat = np.zeros((1, 1), dtype=int)
    inside = np.ones((1, 1), dtype=bool)
    for table, size in zip(axis_tables(geometry) if tables is None else tables, geometry.input_size, strict=True):
        outputs, taps = table.shape
        flat = (flat[:, None, :, None] * size + table[None, :, None, :]).reshape(
            len(flat) * outputs, flat.shape[1] * taps
        )
        there = (table != OUTSIDE)[None, :, None, :]
        inside = (inside[:, None, :, None] & there).reshape(len(inside) * outputs, inside.shape[1] * taps)
    return Map(channels, np.where(inside, flat, OUTSIDE))


@lru_cache(maxsize=8)
def right_map(geometry: Geometry) -> Map:
    """The map of a geometry; who asks for it leaves it as it is."""
    return index_map(geometry)


def _equal(one: Operands, other: Operands) -> bool:
    return all(one[name] is other[name] or np.array_equal(one[name], other[name]) for name in other)


def _to_output(x: Array, w: Array, g: Geometry, whole: Map) -> Array:
    columns = _columns(x, whole)
    found: Array = (w.reshape(len(w), 1, columns.shape[2]) @ columns).reshape(g.output_shape)
    return found


def _to_input(w: Array, y: Array, g: Geometry, whole: Map) -> Array:
    products = _spread(w)[None, :, :, None] * _spread(y)[:, :, None, :, None]
    x = np.zeros((g.batch, g.in_channels + 1, math.prod(g.input_size) + 1), products.dtype)
    places: Any = (slice(None), whole.channels[:, :, None, None], whole.positions)
    np.add.at(x, places, products)
    return x[:, :-1, :-1].reshape(g.input_shape)


def _to_weight(x: Array, y: Array, g: Geometry, whole: Map) -> Array:
    found: Array = (_columns(x, whole) @ _spread(y)[..., None]).sum(axis=0).reshape(g.weight_shape)
    return found


def _columns(x: Array, whole: Map) -> Array:
    """(N, M, C / groups * taps, outputs): what every output reads, zero where OUTSIDE points to."""
    padded = np.pad(_spread(x), ((0, 0), (0, 1), (0, 1)))
    read = np.moveaxis(padded[:, whole.channels[:, :, None, None], whole.positions], 4, 3)
    return read.reshape(*read.shape[:2], read.shape[2] * read.shape[3], read.shape[4])


def _spread(array: Array) -> Array:
    """The spatial axes as one."""
    return array.reshape(*array.shape[:2], math.prod(array.shape[2:]))
