"""`conv-oracle campaign`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from conv_oracle.auditing import Destination
from conv_oracle.campaign import Step, executor, found_in, page, read_jobs, reading, run, summary, writing
from conv_oracle.cli.ending import INTERRUPTED, NO_VERDICT, refuse
from conv_oracle.cli.written import FILE, needs_folder
from conv_oracle.errors import CampaignError, TargetError
from conv_oracle.report import OutputError, unbroken, write

FAULTY = 1


class _Group(click.Group):
    """`campaign JOBS.jsonl` is `campaign run JOBS.jsonl`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group("campaign", cls=_Group, invoke_without_command=False)
def campaign_command() -> None:
    """Audit many subjects: those of a jobs file, into a database, resumable. `campaign JOBS` is `campaign run JOBS`."""


@campaign_command.command("run")
@click.argument("jobs_file", metavar="JOBS", type=FILE)
@click.option(
    "--into", "database", metavar="FILE", type=FILE, required=True, help="The database; one that is there is continued."
)
@click.option("--jobs", metavar="N", type=click.IntRange(1), help="Audits at a time; by default one per core.")
@click.option("--scheduler", metavar="ADDRESS", default="", help="A Dask scheduler that hands the audits out.")
@click.option("--fail-fast", is_flag=True, help="Stop each audit soon after its first wrong answer.")
def run_command(jobs_file: Path, database: Path, jobs: int | None, scheduler: str, fail_fast: bool) -> None:
    """Audit every job of JOBS, a file with one JSON object a line, that has no verdict yet.

    Exit codes: 0 all conform, 1 one is faulty, 2 the campaign cannot begin or go on, 3 one has no verdict.
    """
    if jobs is not None and scheduler:
        refuse(
            f"the number of audits at a time is the cluster's: jobs={jobs} with scheduler={scheduler!r}; one would fit"
        )
    with _said(f"; the same command continues it, from {database}"):
        listed = read_jobs(jobs_file, fail_fast=fail_fast)
        with writing(database) as store:
            with _bar() as told:
                run(store, listed, executor(scheduler, jobs), files=[jobs_file], told=told)
            found = found_in(store)
        _print(summary(found))
    sys.exit(FAULTY if found.outcomes["faulty"] else 0 if found.complete else NO_VERDICT)


@campaign_command.command("status")
@click.argument("database", metavar="FILE", type=FILE)
def status_command(database: Path) -> None:
    """Print what a campaign has found so far, also while it runs. Exit code 0."""
    with _said(), reading(database) as store:
        _print(summary(found_in(store)))


@campaign_command.command("report")
@click.argument("database", metavar="FILE", type=FILE)
@click.option("--html", "html", metavar="OUT", type=FILE, required=True, help="The page, in one file.")
def report_command(database: Path, html: Path) -> None:
    """Write what a campaign has found so far as a page. Exit code 0."""
    with _said(), reading(database) as store:
        needs_folder(html)
        write(Destination.of(html), "--html", page(found_in(store), database.name))


def _print(lines: list[str]) -> None:
    with unbroken("the report", "standard output"):
        click.echo("\n".join(lines))
        sys.stdout.flush()


@contextmanager
def _said(kept: str = "") -> Iterator[None]:
    """Around a campaign: its errors in one line, and its interruption; `kept` says how to continue it."""
    try:
        yield
    except (CampaignError, TargetError, OutputError) as error:
        refuse(str(error))
    except KeyboardInterrupt:
        with suppress(OSError):
            click.echo(f"conv-oracle: interrupted{kept}", err=True)
        sys.exit(INTERRUPTED)


@contextmanager
def _bar() -> Iterator[Callable[[Step], Any]]:
    """A bar on standard error, while that is a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    columns = (BarColumn(20), TextColumn("{task.completed}/{task.total} {task.description}"), TimeElapsedColumn())
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("reading the jobs", total=None)
        width = max(20, os.get_terminal_size(sys.stderr.fileno()).columns - 45)
        yield lambda step: bar.update(task, total=step.planned, completed=step.done, description=step.said[:width])
