"""Choose the essential problems: few and small ones that show nearly every fault of values.

A set cover, greedily: the next problem is the one that shows most of the faults that none before it shows, for what it
costs. The faults are the catalogue's, in every variant, and those planted in `oracle_tests/audit/planted`. Prints a
table, and writes the list that audits read (reference/conv_oracle/auditing/problems/essential.txt) with --write.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import click
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import track
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "oracle_tests"))

from audit.planted.directly import (  # type: ignore[import-not-found] # noqa: E402
    is_wrong,
    plants_of_values,
    usual_operands,
)
from conv_oracle.auditing import LEVELS, OPERATIONS  # noqa: E402
from conv_oracle.auditing.problems import ESSENTIAL_FILE, MOST_ESSENTIAL, essential, problems  # noqa: E402
from conv_oracle.faults import variants  # noqa: E402
from conv_oracle.operation import Operation, operation  # noqa: E402
from conv_oracle.problem import Problem  # noqa: E402
from conv_oracle.truth import fast  # noqa: E402

LARGEST = 20_000
"""The most multiply-adds of an essential problem."""

CANDIDATES, OF_EACH_PLANT = 500, 3
"""How many problems of a level are candidates; and how many more show a plant that none of these shows."""

AGAIN = (1.0, 0.1, 0.02, 0.0)
"""What showing a fault is worth for the first time, for the second, ...: a fault that nobody knows is a neighbour."""

PLANT_COUNTS = 4
"""A planted program counts for so many variants of the catalogue: it is a whole program that somebody could write."""

UNIT = 200.0
"""A problem with so many multiply-adds more costs as much as a further problem."""

Shown = npt.NDArray[np.bool_]


def shown(problem: Problem) -> list[bool]:
    """Which faults a problem shows: the catalogue's variants, then the plants."""
    arrays = usual_operands(problem)
    right = problem.compute(fast, arrays)
    found = []
    for _, variant in variants(problem.operation):
        answer = variant.edit.answered(problem, arrays)
        found.append(answer is not None and not np.array_equal(answer, right))
    return found + planted(problem)


def planted(problem: Problem) -> list[bool]:
    """Which plants a problem shows."""
    return [is_wrong(plant, problem) for plant in plants_of_values(problem.operation)]


def candidates_of(op: Operation, pool: ProcessPoolExecutor) -> list[Problem]:
    """Problems of the standard level, spread over it, and the smallest that show what these do not."""
    ordered = sorted(problems(op, LEVELS["standard"]), key=lambda p: p.multiply_adds)
    small = [p for p in ordered if 0 < p.multiply_adds <= LARGEST]
    listed = dict.fromkeys([*small[: CANDIDATES // 2], *small[:: max(1, 2 * len(small) // CANDIDATES)]])
    known = matrix(planted, listed, pool).any(axis=0)
    for begin in range(0, len(small), 200):
        if known.all():
            break
        part = small[begin : begin + 200]
        seen = matrix(planted, part, pool)
        for column in np.flatnonzero(~known & seen.any(axis=0)):
            listed |= dict.fromkeys(part[row] for row in np.flatnonzero(seen[:, column])[:OF_EACH_PLANT])
        known |= seen.any(axis=0)
    return list(listed)


def chosen(candidates: Sequence[Problem], table: Shown, weights: Sequence[float]) -> list[int]:
    """The places of the problems chosen, in order."""
    cost = np.array([1.0 + problem.multiply_adds / UNIT for problem in candidates])
    times, found = np.zeros(table.shape[1], dtype=np.int64), list[int]()
    while len(found) < MOST_ESSENTIAL:
        worth = (table @ (np.array(weights) * np.array(AGAIN)[times])) / cost
        worth[found] = 0
        best = int(worth.argmax())
        if worth[best] <= 0:
            break
        found.append(best)
        times = np.minimum(times + table[best], len(AGAIN) - 1)
    return found


def matrix(of: Callable[[Problem], list[bool]], listed: Iterable[Problem], pool: ProcessPoolExecutor) -> Shown:
    """A row per problem, a column per fault."""
    return np.array(list(pool.map(of, listed, chunksize=8)), dtype=bool)


@click.command()
@click.option("--op", "ops", multiple=True, help="By default every operation.")
@click.option("--write", is_flag=True, help="Replace the list that audits read.")
def main(ops: tuple[str, ...], write: bool) -> None:
    """Choose the essential problems of every operation, and print what they show."""
    console, kept = Console(), []
    table = Table(title="essential problems")
    for heading in ("operation", "problems", "multiply-adds", "largest", "variants shown", "plants shown"):
        table.add_column(heading, justify="left" if heading == "operation" else "right")
    with ProcessPoolExecutor() as pool:
        for name in track(ops or OPERATIONS, "choosing", console=console):
            op = operation(name)
            candidates = candidates_of(op, pool)
            seen = matrix(shown, candidates, pool)
            count = len(variants(op))
            weights = [1.0] * count + [float(PLANT_COUNTS)] * (seen.shape[1] - count)
            places = chosen(candidates, seen, weights)
            covered: Shown = np.any(seen[places], axis=0)
            possible: Shown = np.any(seen, axis=0)
            costs = [candidates[place].multiply_adds for place in places]
            table.add_row(
                name,
                str(len(places)),
                f"{sum(costs):,}",
                f"{max(costs):,}",
                f"{covered[:count].sum()} of {possible[:count].sum()}",
                f"{covered[count:].sum()} of {possible[count:].sum()}",
            )
            plants = plants_of_values(op)
            missed = [plant.name for plant, is_shown in zip(plants, covered[count:], strict=True) if not is_shown]
            console.print(f"{name}: {len(plants)} plants, not shown: {', '.join(missed) or 'none'}")
            kept += [str(candidates[place]) for place in places]
    console.print(table)
    if write:
        ESSENTIAL_FILE.write_text("\n".join(kept) + "\n", encoding="utf-8")
        essential.cache_clear()


if __name__ == "__main__":
    main()
