"""The operands of a call as small tables, one for each image of its last two axes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from conv_oracle.auditing import Evidence
from conv_oracle.report.sentences import element

MOST_ROWS, MOST_COLUMNS, MOST_TABLES = 16, 16, 6
MOST_LETTERS = 8
"""Of a number in a table; of longer ones the first digits are shown."""


@dataclass(frozen=True)
class Number:
    """One element: its value, as short as it is shown, whether the sum reads it, and all of it in words."""

    text: str
    read: bool
    said: str


@dataclass(frozen=True)
class Slice:
    """The last two axes of an operand, at the leading indices that its name has."""

    name: str
    rows: tuple[tuple[Number, ...], ...]


@dataclass(frozen=True)
class Operand:
    """An operand: its name, its shape, its slices, and what is not shown of it."""

    name: str
    shape: tuple[int, ...]
    slices: tuple[Slice, ...]
    left_out: str


@dataclass(frozen=True)
class Product:
    """One product of a sum."""

    left: str
    left_value: str
    right: str
    right_value: str


def operands(evidence: Evidence) -> tuple[Operand, ...]:
    """The operands of a call, with what the sum of the wrong element reads marked."""
    read: dict[str, set[tuple[int, ...]]] = {}
    for term in evidence.terms:
        read.setdefault(term.left, set()).add(term.left_index)
        read.setdefault(term.right, set()).add(term.right_index)
    if evidence.bias and evidence.index is not None:
        axes = len(_shape(evidence.operands.get("weight", []))) - 2
        read["bias"] = {(evidence.index[-axes - 1],)}
    return tuple(_operand(name, values, read.get(name, set())) for name, values in evidence.operands.items())


def _operand(name: str, values: Any, read: set[tuple[int, ...]]) -> Operand:
    shape = _shape(values)
    lead, last = shape[:-2], (1, *shape)[-2:]
    slices: list[Slice] = []
    if 0 not in shape and last[0] <= MOST_ROWS and last[1] <= MOST_COLUMNS:
        places = sorted(product(*map(range, lead)), key=lambda at: not any(one[: len(lead)] == at for one in read))
        slices = [_slice(name, _at(values, at), at, read) for at in places[:MOST_TABLES]]
    count = 1
    for n in lead:
        count *= n
    return Operand(name, shape, tuple(slices), _left_out(shape, len(slices), count))


def _left_out(shape: tuple[int, ...], shown: int, count: int) -> str:
    if 0 in shape:
        return "it has no element"
    if not shown:
        return "too large for a table; the script below has its numbers"
    return f"and {count - shown} more" if shown < count else ""


def _slice(name: str, values: Any, lead: tuple[int, ...], read: set[tuple[int, ...]]) -> Slice:
    rows = values if values and isinstance(values[0], list) else [values]
    flat = rows is not values
    found = []
    for i, row in enumerate(rows):
        places = [(*lead, j) if flat else (*lead, i, j) for j in range(len(row))]
        found.append(
            tuple(_number(element(name, at), value, read=at in read) for at, value in zip(places, row, strict=True))
        )
    return Slice(element(name, lead) if lead else name, tuple(found))


def _number(name: str, value: object, *, read: bool) -> Number:
    text = str(value)
    short = f"{value:.5g}" if isinstance(value, float) and len(text) > MOST_LETTERS else text
    return Number(short, read, f"{name} is {text}{', in the sum' if read else ''}")


def _at(values: Any, place: tuple[int, ...]) -> Any:
    for index in place:
        values = values[index]
    return values


def _shape(values: Any) -> tuple[int, ...]:
    """The shape of nested lists."""
    shape: list[int] = []
    while isinstance(values, list):
        shape.append(len(values))
        values = values[0] if values else None
    return tuple(shape)


def products(evidence: Evidence) -> Iterator[Product]:
    """The products whose sum the element should be."""
    for term in evidence.terms:
        left, right = element(term.left, term.left_index), element(term.right, term.right_index)
        yield Product(left, term.left_value, right, term.right_value)
