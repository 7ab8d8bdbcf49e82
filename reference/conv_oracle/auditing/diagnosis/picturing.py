"""A picture of an index map in text: the elements that one element of an answer reads, and those that it should."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from conv_oracle.auditing.operands import Index, Probe, coded_operand, readings
from conv_oracle.passes import Array
from conv_oracle.problem import Problem

LABELS = "0123456789abcdefghijklmnopqrstuvwxyz"
MOST_WIDE, MOST_HIGH = 16, 8


def picture(problem: Problem, asked: Sequence[Probe], answers: Sequence[Array]) -> tuple[str, ...]:
    """Two grids of the operand that is read, side by side: by the formula, and as it was read.

    A cell holds the number of the kernel element (in a weight gradient, of the output element) through which it is
    read; '.' is not read, '*' more than once. asked, answers: coded probes and their answers. Empty where no element of
    the answer reads other cells, on three axes, and where a grid would be too large.
    """
    d = problem.dimensions
    coded, switched = coded_operand(problem)
    size = problem.operand_shapes[coded][-d:]
    steps = problem.operand_shapes[switched][-d:]
    if d > 2 or size[-1] > MOST_WIDE or (d == 2 and size[0] > MOST_HIGH) or _flat(steps, steps) > len(LABELS):
        return ()
    seen, formula = readings(problem, asked, answers)
    differing = Counter(key[1] for key in {**formula, **seen} if seen.get(key) != formula.get(key))
    if not differing:
        return ()
    (best, _), *_ = differing.most_common(1)
    lead = next(((p[:-d], e[:-d]) for (p, r), e in formula.items() if r == best), None)
    if lead is None:
        return ()
    grids = [_grid(size, steps, lead, best, known) for known in (formula, seen)]
    number = ", ".join(map(str, best))
    width = max(2 * size[-1], len("formula")) + 3
    lines = [f"{'formula':{width}}read     ({coded} read for {problem.operation.returns}[{number}]; {problem})"]
    return (*lines, *(f"{right:{width}}{read}".rstrip() for right, read in zip(*grids, strict=True)))


def _grid(
    size: Sequence[int],
    steps: Sequence[int],
    lead: tuple[Index, Index],
    result: Index,
    known: Mapping[tuple[Index, Index], Index],
) -> list[str]:
    """The cells that are read for one element of the answer, in the channel and example of `lead`."""
    d = len(size)
    cells = [["."] * size[-1] for _ in range(size[0] if d == 2 else 1)]
    for (position, of), element in known.items():
        if of == result and (position[:-d], element[:-d]) == lead:
            row, column = (element[-2] if d == 2 else 0), element[-1]
            label = LABELS[_flat(position[-d:], steps)]
            cells[row][column] = label if cells[row][column] == "." else "*"
    return [" ".join(row) for row in cells]


def _flat(index: Sequence[int], shape: Sequence[int]) -> int:
    """The position of an index in C order; of the shape itself, a bound for all of them."""
    found = 0
    for i, n in zip(index, shape, strict=True):
        found = found * n + i
    return found
