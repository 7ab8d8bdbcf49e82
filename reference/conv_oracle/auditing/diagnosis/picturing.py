"""The index map of one element of an answer: what it should read and what it reads, and both as a picture in text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from conv_oracle.auditing.finding import IndexMap, Read
from conv_oracle.auditing.operands import Index, Probe, coded_operand, readings
from conv_oracle.passes import Array
from conv_oracle.problem import Problem

LABELS = "0123456789abcdefghijklmnopqrstuvwxyz"
MOST_WIDE, MOST_HIGH, MOST_DEEP = 16, 8, 4


def index_map(problem: Problem, asked: Sequence[Probe], answers: Sequence[Array]) -> IndexMap | None:
    """What one element of the answer reads, of those that read other elements than the formula says the most telling.

    asked, answers: coded probes and their answers. None where no element of the answer reads other elements, and where
    a grid of them would be too large.
    """
    d = problem.dimensions
    coded, switched = coded_operand(problem)
    size = problem.operand_shapes[coded][-d:]
    steps = problem.operand_shapes[switched][-d:]
    most = (MOST_DEEP, MOST_HIGH, MOST_WIDE)[-d:]
    if any(n > limit for n, limit in zip(size, most, strict=True)) or _flat(steps, steps) > len(LABELS):
        return None
    seen, formula = readings(problem, asked, answers)
    differing = Counter(key[1] for key in {**formula, **seen} if seen.get(key) != formula.get(key))
    if not differing:
        return None
    (best, _), *_ = differing.most_common(1)
    lead = next(((p[:-d], e[:-d]) for (p, r), e in formula.items() if r == best), None)
    if lead is None:
        return None
    right, read = (tuple(_reads(known, best, lead, d)) for known in (formula, seen))
    return IndexMap(
        problem=str(problem),
        part=problem.operation.returns,
        index=best,
        operand=coded,
        size=size,
        through=switched,
        steps=steps,
        right=right,
        seen=read,
    )


def _reads(
    known: Mapping[tuple[Index, Index], Index], result: Index, lead: tuple[Index, Index], d: int
) -> Iterable[Read]:
    """What one element of the answer reads, in the channel and example of `lead`."""
    for (position, of), element in known.items():
        if of == result and (position[:-d], element[:-d]) == lead:
            yield Read(at=element[-d:], through=position[-d:])


def picture(of: IndexMap) -> tuple[str, ...]:
    """Two grids of the operand that is read, side by side: by the formula, and as it was read.

    A cell holds the number of the kernel element (in a weight gradient, of the output element) through which it is
    read; '.' is not read, '*' more than once. Empty on three axes.
    """
    if len(of.size) > 2:
        return ()
    number = ", ".join(map(str, of.index))
    width = max(2 * of.size[-1], len("formula")) + 3
    lines = [f"{'formula':{width}}read     ({of.operand} read for {of.part}[{number}]; {of.problem})"]
    grids = _grid(of, of.right), _grid(of, of.seen)
    return (*lines, *(f"{right:{width}}{read}".rstrip() for right, read in zip(*grids, strict=True)))


def _grid(of: IndexMap, reads: Sequence[Read]) -> list[str]:
    """The cells that are read."""
    d = len(of.size)
    cells = [["."] * of.size[-1] for _ in range(of.size[0] if d == 2 else 1)]
    for one in reads:
        row, column = (one.at[-2] if d == 2 else 0), one.at[-1]
        cells[row][column] = LABELS[_flat(one.through, of.steps)] if cells[row][column] == "." else "*"
    return [" ".join(row) for row in cells]


def _flat(index: Sequence[int], shape: Sequence[int]) -> int:
    """The position of an index in C order; of the shape itself, a bound for all of them."""
    found = 0
    for i, n in zip(index, shape, strict=True):
        found = found * n + i
    return found
