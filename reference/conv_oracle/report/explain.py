"""A catalogue entry with an example that is computed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from rich.table import Table
from rich.text import Text

from conv_oracle.faults import Fault, Variant, title_of, variants
from conv_oracle.formulas import definition
from conv_oracle.operation import operation
from conv_oracle.passes import Array
from conv_oracle.problem import Problem, parse

EXAMPLES = (
    "conv1d x1x1x5 w1x1x3",
    "conv1d x1x1x6 w1x1x2 s2 p1 d2",
    "conv2d x1x1x3x4 w1x1x2x2",
    "conv2d x1x1x4x5 w1x1x2x3 s1,2 p1,0 d2,1",
    "conv2d x1x1x3x3 w1x1x2x2 s2,1 p0,1 d1,2",
    "conv1d x2x4x4 w4x2x2 g2 bias",
    "conv1d x1x4x3 w4x2x2 g2",
    "conv1d x1x5x2 w2x5x1",
    "conv1d x1x1x4 w1x1x2 psame",
    "conv_transpose1d x1x1x3 w1x1x3 s2 p1 o1",
    "conv_transpose2d x1x1x2x2 w1x1x2x2 s2,3 o1,0",
    "conv1d x1x1x5 w1x1x3 complex128",
    "conv1d x3x2x4 w2x2x2 bias",
    "conv1d_weight x3x1x5 w1x1x2",
    "conv1d x18x1x2 w1x1x1",
    "conv1d x1x2x3 w4x1x2 g2",
    "conv1d x4x3 w4x2x2 g2 bias",
    "conv1d x1x1x4 w1x1x2 p0:1",
    "conv1d x1x1x4 w1x1x2 p1 reflect",
)
SCALES = (1.0, 1e4, 2.0**-14, 2.0**-30)
"""Scales of the first operand: all values are integers times a power of two, and every sum is exact."""

MOST_SHOWN = 120


@dataclass(frozen=True)
class Example:
    """A problem on which one variant of a fault gives another result: `broken` instead of `right`."""

    problem: Problem
    operands: dict[str, Array]
    variant: Variant
    right: Array
    broken: Array


def explained(fault: Fault) -> Iterator[Text | Table]:
    """The lines about a fault: what it is, what reveals and hides it, public reports, and a computed example."""
    yield Text.assemble((fault.slug, "bold red"), f": {fault.title}")
    table = _grid()
    for label, said in (
        ("right", fault.right),
        ("broken", fault.broken),
        ("damages", fault.damages),
        ("shown by", fault.reveals),
        ("hidden by", fault.hides),
        ("seen in", ", ".join(fault.bugs)),
    ):
        if said:
            table.add_row(label, Text(said))
    yield table
    if (shown := example(fault)) is not None:
        yield Text()
        yield Text.assemble(("for example  ", "dim"), (str(shown.problem), "bold"))
        yield Text(f"  {title_of(fault, shown.variant)}")
        yield _worked(shown)
    if ways := [variant.said for variant in _ways(fault) if variant.said]:
        yield Text()
        yield Text.assemble(("variants  ", "dim"), "; ".join(ways))


def example(fault: Fault) -> Example | None:
    """The first small problem that shows a fault, with the right and the broken result; None where none shows it."""
    for scale in SCALES:
        for notation in EXAMPLES:
            problem = parse(notation)
            operands = _operands(problem, scale)
            right = problem.compute(definition, operands)
            for entry, variant in variants(problem.operation):
                broken = variant.edit.answered(problem, operands) if entry is fault else None
                if broken is not None and not variant.edit.within and not np.array_equal(right, broken):
                    return Example(problem, operands, variant, right, broken)
    return None


def _operands(problem: Problem, scale: float) -> dict[str, Array]:
    """1, -2, 3, 4, -5, ...; the first operand times `scale`, the second times 10, the third times 100."""
    found: dict[str, Array] = {}
    for place, (name, shape) in enumerate(problem.operand_shapes.items()):
        numbers = np.arange(1.0, np.prod(shape) + 1) * (10.0**place if place else scale)
        numbers[1::3] *= -1
        found[name] = (numbers * (1 + 2j) if problem.complex_valued else numbers).reshape(shape)
    return found


def _worked(shown: Example) -> Table:
    table = _grid()
    alike = shown.right.shape == shown.broken.shape
    for name, array in {**shown.operands, "right": shown.right, "broken": shown.broken}.items():
        style = {"right": "green", "broken": "red"}.get(name, "")
        shape = f"{array.shape} " if style and not alike else ""
        text = np.array2string(array.squeeze(), separator=" ", formatter={"all": lambda v: f"{v:g}"})
        table.add_row(name, Text(shape + (text if array.size <= MOST_SHOWN else f"{array.size} elements"), style=style))
    return table


def _grid() -> Table:
    table = Table.grid(padding=(0, 2, 0, 2))
    table.add_column(style="dim")
    table.add_column()
    return table


def _ways(fault: Fault) -> Iterator[Variant]:
    seen = set()
    for name in ("conv2d", "conv_transpose2d", "conv2d_weight"):
        for entry, variant in variants(operation(name)):
            if entry is fault and variant.said not in seen:
                seen.add(variant.said)
                yield variant
