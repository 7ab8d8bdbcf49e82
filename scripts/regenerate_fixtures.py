#!/usr/bin/env python3
"""Rewrite the golden vectors of fixtures/ from the reference, or check that they are what the reference gives.

Every value is the definition's. The fast form, PyTorch and SciPy are witnesses: one that disagrees stops the
regeneration, and nothing is overwritten. Exit code 0: done, or the check found nothing; 1: a witness disagreed, the
check found a difference, or the disk refused; 2: usage.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SCRIPTS = Path(__file__).resolve().parent
FIXTURES = SCRIPTS.parent / "fixtures"
SET_UP = 'here=$PWD; . "$0"; environment "[test]"; venv=$PWD; cd "$here"; exec "$venv/.venv/bin/python" "$@"'

try:
    import click
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from conv_oracle.golden import Family, FixtureError, build, differences, faults, read
    from conv_oracle.golden.build import count
    from conv_oracle.golden.write import strays, write
except ModuleNotFoundError as missing:
    if os.environ.get("CONV_ORACLE_SET_UP"):
        print(f"regenerate_fixtures: {missing}; `pip install conv-oracle[test]` would fit", file=sys.stderr)
        sys.exit(2)
    os.environ["CONV_ORACLE_SET_UP"] = "1"  # a fresh clone: make the environment of scripts/test, then this again
    set_up = ["bash", "-c", SET_UP, str(SCRIPTS / "environment.sh"), __file__, *sys.argv[1:]]
    os.execvp("bash", set_up)  # noqa: S606 - the shell is the program

SHOWN = 40


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--check", is_flag=True, help="Rebuild in memory, compare, write nothing.")
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=FIXTURES,
    help="Where the set is; the repository's fixtures/ by default.",
)
def regenerate(*, check: bool, directory: Path) -> int:
    """Rewrite the golden vectors from the reference: all of them at once, or, with a witness against one, none."""
    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=Console(stderr=True)
    ) as progress:
        building = progress.add_task("from the definition", total=count())
        families = build(lambda _: progress.advance(building))
        if not check:
            witnesses = _witnesses()
            asking = progress.add_task("asking the witnesses", total=count())
            confirmed = witnesses.confirm(families, lambda _: progress.advance(asking))
    if check:
        return _report(directory, families)
    write(directory, families)
    agreed = ", ".join(f"{name} {values}" for name, values in confirmed.items())
    print(f"{directory}: {_size(families)}; values confirmed: {agreed}")
    return 0


def main(arguments: Sequence[str]) -> int:
    """The command, with its errors in one line each."""
    try:
        return int(regenerate.main(list(arguments), prog_name="regenerate_fixtures", standalone_mode=False) or 0)
    except click.ClickException as error:
        return _failed(error.format_message(), 2)
    except FixtureError as error:
        return _failed(f"{error}; nothing was overwritten", 1)
    except OSError as error:
        return _failed(f"{error}; the old set is in place", 1)
    except (click.Abort, KeyboardInterrupt):
        return _failed("interrupted; the set in place is whole", 130)


def _witnesses() -> Any:
    """The witnesses' module, imported when it is needed: `--check` runs without PyTorch and SciPy."""
    sys.path.insert(0, str(SCRIPTS))
    try:
        return importlib.import_module("fixture_witnesses")
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"a witness is missing: {error}; `pip install conv-oracle[test]` would fit"
        ) from None


def _report(directory: Path, rebuilt: Sequence[Family]) -> int:
    """Print every difference between the set in the directory and the rebuilt one; 1 if there is one."""
    stored, problems = read(directory)
    found = [*problems, *differences(stored, rebuilt), *(fault for family in stored for fault in faults(family))]
    if stored:
        found += [
            f"{name}: unknown file, left by an interruption; a regeneration removes it" for name in strays(directory)
        ]
    for line in found[:SHOWN]:
        print(line)
    if len(found) > SHOWN:
        print(f"... and {len(found) - SHOWN} more")
    if not found:
        print(f"{directory}: {_size(rebuilt)}, as the reference gives them")
    return 1 if found else 0


def _size(families: Sequence[Family]) -> str:
    cases = sum(len(family.cases) for family in families)
    arrays = sum(len(family.arrays) for family in families)
    return f"{cases} cases and {arrays} arrays in {len(families)} families"


def _failed(message: str, code: int) -> int:
    print(f"regenerate_fixtures: {' '.join(message.split())}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
