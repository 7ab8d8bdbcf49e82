"""A catalogue entry with an example that is computed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from rich.table import Table
from rich.text import Text

from conv_oracle.faults import Fault, Variant, variants
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
)
SCALES = (1.0, 1e4, 1e-4, 1e-9)
MOST_SHOWN = 120


def explained(fault: Fault) -> Iterator[Text | Table]:
    """What a fault is, what reveals and hides it, who had it, and the first example that shows it."""
    yield Text.assemble((fault.slug, "bold red"), f": {fault.title}")
    table = Table.grid(padding=(0, 2, 0, 2))
    table.add_column(style="dim")
    table.add_column()
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
    if (found := example(fault)) is not None:
        problem, variant, scale = found
        yield Text()
        yield Text.assemble(("for example  ", "dim"), (str(problem), "bold"), f"  {variant.said}".rstrip())
        yield _worked(problem, variant, scale)
    if ways := [variant.said for variant in _ways(fault) if variant.said]:
        yield Text()
        yield Text.assemble(("its ways  ", "dim"), "; ".join(ways))


def example(fault: Fault) -> tuple[Problem, Variant, float] | None:
    """The first small problem that shows a fault, the way in which it has it, and the operands' scale.

    None where no edit makes it.
    """
    for scale in SCALES:
        for notation in EXAMPLES:
            problem = parse(notation)
            for entry, variant in variants(problem.operation):
                if entry is fault and not np.array_equal(*_answers(problem, variant, scale)):
                    return problem, variant, scale
    return None


def _answers(problem: Problem, variant: Variant, scale: float) -> tuple[Array, Array]:
    operands = _operands(problem, scale)
    broken = variant.edit.answered(problem, operands)
    right = problem.compute(definition, operands)
    return right, right if broken is None else broken


def _operands(problem: Problem, scale: float) -> dict[str, Array]:
    """1, 2, 3, ... with a sign here and there, the weight 10 times as much; the first operand scaled."""
    found: dict[str, Array] = {}
    for place, (name, shape) in enumerate(problem.operand_shapes.items()):
        numbers = np.arange(1.0, np.prod(shape) + 1) * (10.0**place if place else scale)
        numbers[1::3] *= -1
        found[name] = (numbers * (1 + 2j) if problem.dtype.startswith("complex") else numbers).reshape(shape)
    return found


def _worked(problem: Problem, variant: Variant, scale: float) -> Table:
    right, broken = _answers(problem, variant, scale)
    table = Table.grid(padding=(0, 2, 0, 2))
    table.add_column(style="dim")
    table.add_column()
    shown = {**_operands(problem, scale), "right": right, "broken": broken}
    for name, array in shown.items():
        text = np.array2string(array.squeeze(), separator=" ", formatter={"all": lambda v: f"{v:g}"})
        style = {"right": "green", "broken": "red"}.get(name, "")
        table.add_row(name, Text(text if array.size <= MOST_SHOWN else f"{array.size} numbers", style=style))
    return table


def _ways(fault: Fault) -> Iterator[Variant]:
    seen = set()
    for op in ("conv2d", "conv_transpose2d", "conv2d_weight"):
        for entry, variant in variants(operation(op)):
            if entry is fault and variant.said not in seen:
                seen.add(variant.said)
                yield variant
