"""While an audit is under way: its progress, its errors and its interruption."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from conv_oracle.auditing import Progress, adopting
from conv_oracle.cli.ending import INTERRUPTED, refuse
from conv_oracle.errors import NotationError, TargetError


@contextmanager
def audited(kept: str = "", *, counted: bool = True) -> Iterator[Callable[[Progress], None] | None]:
    """Around an audit: its progress, its errors in one line, and its interruption; `kept` says how to resume it.

    counted: whether progress counts what is wrong and refused.
    """
    try:
        with adopting(), _progress_bar(counted=counted) as progress:
            yield progress
    except (TargetError, NotationError) as error:
        refuse(str(error))
    except KeyboardInterrupt:
        click.echo(f"conv-oracle: interrupted, no verdict{kept}", err=True)
        sys.exit(INTERRUPTED)


@contextmanager
def _progress_bar(*, counted: bool) -> Iterator[Callable[[Progress], None] | None]:
    """A bar on standard error, while that is a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (BarColumn(20), TextColumn("{task.completed}/{task.total} {task.description}"), TimeElapsedColumn())
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("loading", total=None)

        def show(progress: Progress) -> None:
            counts = f"{progress.failed} wrong, {progress.refused} refused  " if counted else ""
            said = f"{counts}{progress.asking:.40}"
            bar.update(task, total=progress.planned, completed=progress.done, description=said)

        yield show
