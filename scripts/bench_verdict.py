"""Time to a verdict at level quick: a right PyTorch subject, and planted faulty ones with --fail-fast and without.

Every audit runs by itself with one worker, as the command runs it: a fresh process of the subject, loading included.
Prints a table with the limits that it is held to, and exits with 1 where one is exceeded.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import track
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "oracle_tests"))

from audit.planted.registry import PLANTS  # type: ignore[import-not-found] # noqa: E402
from conv_oracle.auditing import Verdict, audit  # noqa: E402

SEED = 20_261_130
TIMEOUT = 2.0
"""Of a planted subject's call, in seconds: some hang."""

RIGHT_LIMIT, FAST_MEDIAN_LIMIT, FAST_LIMIT, WHOLE_LIMIT = 4.0, 3.0, 6.0, 10.0


@dataclass(frozen=True)
class Timed:
    """The seconds of several audits of one sort, and the name of the longest."""

    said: str
    seconds: tuple[float, ...]
    longest: str
    unexpected: int


def timed(said: str, audits: Iterable[tuple[str, Callable[[], Verdict]]], expected: str, console: Console) -> Timed:
    """Run the audits one after the other."""
    listed = list(audits)
    seconds, unexpected = dict[str, float](), 0
    for name, run in track(listed, said, console=console, transient=True):
        verdict = run()
        seconds[name] = verdict.seconds
        unexpected += verdict.verdict != expected
    return Timed(said, tuple(seconds.values()), max(seconds, key=lambda name: seconds[name]), unexpected)


def planted(count: int, **options: Any) -> list[tuple[str, Callable[[], Verdict]]]:
    """Audits of so many planted subjects, evenly spread over all of them."""

    def of(plant: Any) -> Callable[[], Verdict]:
        given = {**plant.options, "level": "quick", "jobs": 1, "seed": SEED, **options}
        return lambda: audit(plant.target, **given, timeout=TIMEOUT, compile_timeout=TIMEOUT)

    return [(plant.name, of(plant)) for plant in PLANTS[:: max(1, len(PLANTS) // count)][:count]]


def right(repeats: int) -> list[tuple[str, Callable[[], Verdict]]]:
    """Audits of torch.nn.functional.conv2d."""

    def run() -> Verdict:
        return audit("torch.nn.functional:conv2d", arrays="torch", level="quick", jobs=1, seed=SEED)

    return [(f"torch.nn.functional:conv2d, {number + 1}", run) for number in range(repeats)]


@click.command()
@click.option("--count", default=40, show_default=True, type=click.IntRange(1), help="Planted subjects to audit.")
@click.option("--repeats", default=5, show_default=True, type=click.IntRange(1), help="Audits of the right subject.")
def main(count: int, repeats: int) -> None:
    """Print the seconds to a verdict, beside the limits."""
    console = Console()
    rows = (
        (timed("right, PyTorch", right(repeats), "conforms", console), RIGHT_LIMIT, RIGHT_LIMIT),
        (
            timed("faulty, --fail-fast", planted(count, fail_fast=True), "faulty", console),
            FAST_MEDIAN_LIMIT,
            FAST_LIMIT,
        ),
        (timed("faulty", planted(count), "faulty", console), WHOLE_LIMIT, WHOLE_LIMIT),
    )
    table = Table(title="seconds to a verdict at quick")
    for heading in ("subject", "audits", "median", "limit", "longest", "limit", "which", "other verdicts"):
        table.add_column(heading, justify="left" if heading in ("subject", "which") else "right")
    slow = False
    for row, median_limit, limit in rows:
        median, longest = statistics.median(row.seconds), max(row.seconds)
        slow |= median > median_limit or longest > limit
        numbers = f"{median:.1f}", f"{median_limit:g}", f"{longest:.1f}", f"{limit:g}"
        table.add_row(row.said, str(len(row.seconds)), *numbers, row.longest, str(row.unexpected))
    console.print(table)
    sys.exit(1 if slow else 0)


if __name__ == "__main__":
    main()
