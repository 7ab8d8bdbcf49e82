"""How many subjects a campaign audits per minute at level quick: right ones, and faulty ones with --fail-fast.

Each campaign runs the command's own way, into a database in a temporary directory, with one audit at a time and with
one per core; every subject is a file of its own, so that none is known. Prints the rates beside what they are held to,
and the processor seconds of an audit. Exits with 1 where a rate is too low.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from conv_oracle.campaign import Found, executor, found_in, read_jobs, run, writing

EXAMPLES = Path(__file__).parent / "example"
RIGHT, FAULTY, GAIN = 25.0, 60.0, 1.8
"""Subjects a minute on two cores, and the rate of two over that of one."""

SEED = 20_261_130


@dataclass(frozen=True)
class Measured:
    """A campaign's subjects, seconds, and processor seconds, those of the processes that it started included."""

    subjects: int
    seconds: float
    processor: float
    outcomes: str

    @property
    def rate(self) -> float:
        """Subjects a minute."""
        return 60 * self.subjects / self.seconds


def measured(example: str, subjects: int, jobs: int, bar: Progress) -> Measured:
    """A campaign of so many copies of an example, so many at a time."""
    text = (EXAMPLES / f"{example}.py").read_text(encoding="utf-8")
    task = bar.add_task(f"{example}, {jobs} at a time", total=subjects)
    with tempfile.TemporaryDirectory() as folder:
        lines = []
        for number in range(subjects):
            file = Path(folder, f"subject_{number}.py")
            file.write_text(f"{text}\n# subject {number}\n", encoding="utf-8")
            lines.append(f'{{"target": "{file}:conv2d", "level": "quick", "seed": {SEED + number}}}\n')
        listed = Path(folder, "jobs.jsonl")
        listed.write_text("".join(lines), encoding="utf-8")
        began, before = time.monotonic(), _processor()
        with writing(Path(folder, "results.sqlite")) as store:
            jobs_read = read_jobs(listed, fail_fast=example == "faulty")
            run(store, jobs_read, executor(jobs=jobs), told=lambda step: bar.update(task, completed=step.done))
            found = found_in(store)
        return Measured(subjects, time.monotonic() - began, _processor() - before, _outcomes(found))


def _processor() -> float:
    """The processor seconds of this process and of all that it started and that have ended."""
    return sum(
        told.ru_utime + told.ru_stime
        for told in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def _outcomes(found: Found) -> str:
    return ", ".join(f"{count} {name}" for name, count in found.outcomes.items() if count)


@click.command()
@click.option("--subjects", default=24, show_default=True, type=click.IntRange(1), help="To audit, of each sort.")
@click.option("--jobs", default=2, show_default=True, type=click.IntRange(1), help="Audits at a time, beside one.")
@click.option("--only", default="", metavar="faulty|conforming", help="One sort of subject; by default both.")
def main(subjects: int, jobs: int, only: str) -> None:
    """Print subjects a minute, beside what they are held to."""
    console = Console() if sys.stdout.isatty() else Console(width=120)
    table = Table(title="subjects a minute at quick")
    for heading in ("subject", "at a time", "a minute", "goal", "CPU s each", "rate over one", "goal", "verdicts"):
        table.add_column(heading, justify="left" if heading in ("subject", "verdicts") else "right")
    low = False
    with Progress(console=console, transient=True) as bar:
        for example, goal in (("faulty", FAULTY), ("conforming", RIGHT)):
            if only not in ("", example):
                continue
            alone = measured(example, max(1, subjects // jobs), 1, bar)
            several = measured(example, subjects, jobs, bar)
            gain = several.rate / alone.rate
            low |= several.rate < goal or gain < GAIN
            for number, one in ((1, alone), (jobs, several)):
                goals = (f"{goal:g}", f"{one.processor / one.subjects:.2f}", f"{gain:.2f}", f"{GAIN:g}")
                shown = goals if number > 1 else ("", goals[1], "", "")
                table.add_row(example, str(number), f"{one.rate:.1f}", *shown, one.outcomes)
    console.print(table)
    sys.exit(1 if low else 0)


if __name__ == "__main__":
    main()
