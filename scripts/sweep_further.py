"""Compares the reference with PyTorch on random problems beyond the suite's sweep; scripts/sweep starts it.

The problems come in chunks, over the engine of campaigns: on this machine or on a Dask cluster, kept in a database as
they end, so that the same command continues after any interruption. The coverage table is printed at the end.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from conv_oracle.campaign import Store, Work, executor, writing
from conv_oracle.errors import CampaignError

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "oracle_tests"
sys.path.insert(0, str(TESTS))

FUNCTION = f"{TESTS}/sweep.chunks:checked"
CHUNK = 4000
"""Problems to a chunk: some seconds of work. What a kill loses are the chunks under way."""

USAGE, INTERRUPTED = 2, 130


def swept(store: Store, works: list[Work], scheduler: str, jobs: int | None, done: Callable[[int], None]) -> list[str]:
    """Do what is not known yet and keep it; what differed, one text each."""
    known, wrong = store.known(), list[str]()
    left = [work for work in works if work.key not in known]
    done(len(works) - len(left))
    for work, answer in executor(scheduler, jobs)(FUNCTION, left):
        if "document" in answer:
            store.keep(work.key, answer["document"])
        else:
            wrong.append(
                answer["why"] if "why" in answer else f"chunk {work.given['number']} was lost: {answer['died']}"
            )
        done(1)
    return wrong


def table(store: Store, works: list[Work], seed: int) -> list[str]:
    """The coverage table of all that is known of these chunks."""
    tally: Any = importlib.import_module("sweep.tally").Tally()
    known = store.known()
    for work in works:
        if work.key in known:
            tally.add(store.document(work.key))
    lines: list[str] = tally.table(seed=seed)
    return lines


@contextmanager
def bar(chunks: int) -> Iterator[Callable[[int], None]]:
    """A bar on standard error, while that is a terminal."""
    columns = (
        BarColumn(20),
        TextColumn("{task.completed}/{task.total} chunks"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=chunks)
        yield lambda count: progress.advance(task, count)


@click.command()
@click.option("--problems", default=1_000_000, show_default=True, type=click.IntRange(1), help="How many.")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="What all problems follow from.")
@click.option("--chunk", default=CHUNK, show_default=True, type=click.IntRange(1), help="Problems to a chunk.")
@click.option("--jobs", type=click.IntRange(1), help="Chunks at a time; by default one per core.")
@click.option("--scheduler", default="", metavar="ADDRESS", help="A Dask scheduler that hands the chunks out.")
@click.option(
    "--into",
    default=str(ROOT / ".sweep.sqlite"),
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="The database, .sweep.sqlite by default; one that is there is continued.",
)
def main(problems: int, seed: int, chunk: int, jobs: int | None, scheduler: str, into: str) -> None:
    """Compare the reference with PyTorch on random problems, and print the coverage table.

    Exit codes: 0 all equal, 1 one differs or was lost, 2 it cannot begin or go on. The last chunk is a whole one.
    """
    key_of = importlib.import_module("sweep.chunk_keys").key_of
    works = [
        Work(key_of(seed, number, chunk), {"seed": seed, "number": number, "size": chunk})
        for number in range(-(-problems // chunk))
    ]
    try:
        with writing(Path(into)) as store:
            with bar(len(works)) as done:
                wrong = swept(store, works, scheduler, jobs, done)
            print("\n".join([*table(store, works, seed), *wrong]))
    except CampaignError as error:
        print(f"scripts/sweep: {error}", file=sys.stderr)
        sys.exit(USAGE)
    except KeyboardInterrupt:
        print(f"scripts/sweep: interrupted; the same command continues it, from {into}", file=sys.stderr)
        sys.exit(INTERRUPTED)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
