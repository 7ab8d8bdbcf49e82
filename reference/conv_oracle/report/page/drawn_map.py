"""The index map of one element as a drawing: the cells of the operand, by the formula and as they were read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from conv_oracle.auditing import IndexMap, Read
from conv_oracle.report.sentences import element

TALL, BETWEEN, LEFT, TOP = 30, 26, 22, 20
"""Sizes in pixels: of a cell, between two slices, and of the margins that hold the numbers of rows and columns."""

WIDE_LETTER, LEAST_WIDE = 8, 34


@dataclass(frozen=True)
class Cell:
    """One cell, at (x, y): through which elements it is read, as text, and its role.

    role: '' where it is not read; 'read' where that is right; 'missed' and 'stray' where the two sides differ.
    """

    x: int
    y: int
    label: str
    role: str
    title: str


@dataclass(frozen=True)
class Mark:
    """A number of a row, a column or a slice."""

    x: int
    y: int
    text: str


@dataclass(frozen=True)
class Grid:
    """One side: its heading, its size in pixels, what it shows in words, and what is drawn."""

    heading: str
    width: int
    height: int
    wide: int
    said: str
    cells: tuple[Cell, ...]
    marks: tuple[Mark, ...]
    tall: int = TALL


@dataclass(frozen=True)
class DrawnMap:
    """Both sides, and what they are of."""

    title: str
    problem: str
    operand: str
    through: str
    grids: tuple[Grid, ...]
    slices: str


def drawn_map(of: IndexMap) -> DrawnMap:
    """The drawing of an index map."""
    return DrawnMap(
        title=element(of.part, of.index),
        problem=of.problem,
        operand=of.operand,
        through=of.through,
        slices=f"Of {of.size[0]} slices those are drawn that are read." if len(of.size) > 2 else "",
        grids=(
            _grid(of, "the formula reads", of.right, of.seen, "missed"),
            _grid(of, "your code reads", of.seen, of.right, "stray"),
        ),
    )


def _grid(of: IndexMap, heading: str, reads: tuple[Read, ...], others: tuple[Read, ...], role: str) -> Grid:
    """One side. role: of a cell that is read otherwise on the other side."""
    through = {at: [one.through for one in reads if one.at == at] for at in {one.at for one in reads}}
    same = {
        at for at, elements in through.items() if sorted(elements) == sorted(o.through for o in others if o.at == at)
    }
    longest = max((len(_label(elements)) for elements in through.values()), default=1)
    wide = max(LEAST_WIDE, WIDE_LETTER * longest + 10)
    rows, columns = (1, *of.size)[-2:]
    slices = len(_depths(of))
    each = TOP + rows * TALL
    told = "; ".join(f"{element(of.operand, one.at)} through {element(of.through, one.through)}" for one in reads)
    return Grid(
        heading=heading if reads else f"{heading} nothing",
        width=LEFT + columns * wide + 2,
        height=slices * each + 2 if len(of.size) < 3 else slices * (each + BETWEEN) + 2,
        wide=wide,
        said=f"For {element(of.part, of.index)} {heading}: {told or 'nothing'}",
        cells=tuple(_cells(of, through, same, wide, role)),
        marks=tuple(_marks(of, wide)),
    )


def _cells(
    of: IndexMap,
    through: Mapping[tuple[int, ...], list[tuple[int, ...]]],
    same: set[tuple[int, ...]],
    wide: int,
    role: str,
) -> Iterator[Cell]:
    for at in product(*([_depths(of)] if len(of.size) > 2 else []), *map(range, of.size[-2:])):
        elements = through.get(at, [])
        x, y = _place(of, at, wide)
        told = " and ".join(element(of.through, one) for one in elements)
        yield Cell(
            x=x,
            y=y,
            label=_label(elements),
            role=("read" if at in same else role) if elements else "",
            title=f"{element(of.operand, at)} is read through {told}"
            if told
            else f"{element(of.operand, at)} is not read",
        )


def _marks(of: IndexMap, wide: int) -> Iterator[Mark]:
    """The numbers of columns and rows, and of slices on three axes."""
    rows, columns = (1, *of.size)[-2:]
    for depth in _depths(of):
        lead = (depth,) * (len(of.size) > 2)
        x, y = _place(of, (*lead, *(0, 0)[: len(of.size) - len(lead)]), wide)
        if lead:
            yield Mark(LEFT, y - TOP - 4, f"slice {depth}")
        yield from (Mark(x + column * wide + wide // 2, y - 6, str(column)) for column in range(columns))
        if len(of.size) > 1:
            yield from (Mark(LEFT - 12, y + row * TALL + TALL // 2 + 4, str(row)) for row in range(rows))


def _depths(of: IndexMap) -> list[int]:
    """On three axes the slices of which anything is read; else the only one."""
    return sorted({one.at[0] for one in (*of.right, *of.seen)}) if len(of.size) > 2 else [0]


def _place(of: IndexMap, at: tuple[int, ...], wide: int) -> tuple[int, int]:
    """Where a cell stands: slices of three axes one below the other."""
    row, column = (0, *at)[-2:]
    top = TOP
    if len(at) > 2:
        top = BETWEEN + TOP + _depths(of).index(at[0]) * (TOP + of.size[1] * TALL + BETWEEN)
    return LEFT + column * wide, top + row * TALL


def _label(elements: list[tuple[int, ...]]) -> str:
    """The elements through which a cell is read; of several the first, and how many more there are."""
    if not elements:
        return ""
    more = f" +{len(elements) - 1}" if len(elements) > 1 else ""
    return ",".join(map(str, elements[0])) + more
