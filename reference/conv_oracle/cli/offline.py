"""`conv-oracle export` and `conv-oracle grade`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from conv_oracle.auditing import Choices, export, grade
from conv_oracle.cli.ending import refuse
from conv_oracle.cli.options import export_options
from conv_oracle.cli.under_way import audited
from conv_oracle.cli.written import OF_AUDIT, destinations, forms, give


@click.command("export")
@export_options
def export_command(directory: Path, op: str | None, parameters: str, seed: int | None, **chosen: Any) -> None:
    """Write the problems of an audit, without their answers, for a machine that cannot be audited directly.

    The README.md in DIR says how they are answered; `conv-oracle grade DIR` judges the answers. What cannot be seen so
    (state, memory layouts, isolation) is told in the scope of the verdict.
    """
    if op is None:
        refuse("an export needs an operation: op=None; --op conv2d would fit")
    dtypes = chosen.pop("dtypes") or ("float32",)
    taken = () if parameters == "none" else tuple(one.strip() for one in parameters.split(","))
    with audited("; the same command continues it", counted=False) as progress:
        made = export(
            directory, Choices(op=op, dtypes=dtypes, parameters=taken, **chosen), seed=seed, progress=progress
        )
    click.echo(
        f"{made.problems:,} problems of {op}, {made.calls:,} calls, {made.size / 1e6:.0f} MB of operands: "
        f"{directory / 'README.md'} says how they are answered; then conv-oracle grade {directory}"
    )


@click.command("grade")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@forms(*OF_AUDIT)
def grade_command(directory: Path, **chosen: Any) -> None:
    """Judge what another machine answered to the problems in DIR, which conv-oracle export wrote.

    Exit codes are those of an audit; answers that are missing give no verdict.
    """
    written = destinations(chosen)
    with audited() as progress:
        verdict = grade(directory, progress=progress)
    give(verdict, written)
