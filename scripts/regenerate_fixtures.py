#!/usr/bin/env python3
"""Rewrite the golden vectors of fixtures/ from the reference, check them, or show what a regeneration would change.

Every value is the definition's. The fast form, PyTorch and SciPy are witnesses: one that disagrees stops the
regeneration, and nothing is overwritten. Exit code 0: done, or the check found nothing; 1: a witness disagreed, the
check found a difference, or the disk refused; 2: usage. --diff ends with 0 whether there is a difference or not.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

SCRIPTS = Path(__file__).resolve().parent
FIXTURES = SCRIPTS.parent / "fixtures"
SET_UP = 'here=$PWD; . "$0"; environment "[test]"; venv=$PWD; cd "$here"; exec "$venv/.venv/bin/python" "$@"'

try:
    import click
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from conv_oracle.golden import Family, FixtureError, build, differences, errors_in, read
    from conv_oracle.golden.build import count
    from conv_oracle.golden.changes import changes
    from conv_oracle.golden.read import core_problems
    from conv_oracle.golden.write import strays, write
except ModuleNotFoundError as missing:
    if os.environ.get("CONV_ORACLE_SET_UP"):
        print(f"regenerate_fixtures: {missing}; `pip install conv-oracle[test]` would fit", file=sys.stderr)
        sys.exit(2)
    os.environ["CONV_ORACLE_SET_UP"] = "1"  # a fresh clone: make the environment of scripts/test, then this again
    set_up = ["bash", "-c", SET_UP, str(SCRIPTS / "environment.sh"), __file__, *sys.argv[1:]]
    os.execvp("bash", set_up)  # noqa: S606 - the shell is the program

SHOWN = 40
JOBS = min(2, os.cpu_count() or 1)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--check", is_flag=True, help="Rebuild in memory, compare, write nothing.")
@click.option("--diff", is_flag=True, help="List the cases that would be added, removed and changed; write nothing.")
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=FIXTURES,
    help="Where the set is; the repository's fixtures/ by default.",
)
def regenerate(*, check: bool, diff: bool, directory: Path) -> int:
    """Rewrite the golden vectors from the reference: all of them at once, or none if a witness disagrees."""
    if check and diff:
        raise click.UsageError("--check and --diff exclude each other: one of them would fit")
    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=Console(stderr=True)
    ) as progress:
        building = progress.add_task("from the definition", total=count())
        families = build(lambda _: progress.advance(building), jobs=JOBS)
        if not check and not diff:
            witnesses, of_kinds = _witnesses("fixture_witnesses"), _witnesses("fixture_kind_witnesses")
            asking = progress.add_task("running the witnesses", total=count())
            tick = partial(progress.advance, asking)
            confirmed = Counter(witnesses.confirm(families, lambda _: tick()))
            confirmed.update(of_kinds.confirm(families, witnesses.by_torch, lambda _: tick()))
    if check:
        return _report(directory, families)
    _show_changes(directory, families, all_of_them=diff)
    if diff:
        return 0
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
        return _failed(f"{error}; the old set is unchanged", 1)
    except (click.Abort, KeyboardInterrupt):
        return _failed("interrupted; the existing set is intact", 130)


def _witnesses(name: str) -> Any:
    """A module of witnesses, imported when it is needed: `--check` runs without PyTorch and SciPy."""
    sys.path.insert(0, str(SCRIPTS))
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"a witness is missing: {error}; `pip install conv-oracle[test]` would fit"
        ) from None


def _report(directory: Path, rebuilt: Sequence[Family]) -> int:
    """Print every difference between the set in the directory and the rebuilt one; 1 if there is one."""
    stored, problems = read(directory)
    found = [*problems, *differences(stored, rebuilt), *core_problems(directory, rebuilt)]
    found += [error for family in stored for error in errors_in(family)]
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


def _show_changes(directory: Path, rebuilt: Sequence[Family], *, all_of_them: bool) -> None:
    """Print what the rebuilt set changes, the most serious first, and how much of each kind."""
    stored, problems = read(directory)
    found = changes(stored, rebuilt)
    if stored or all_of_them:
        for line in problems:
            print(f"unreadable  {line}")
        shown = len(found) if all_of_them else SHOWN
        for change in found[:shown]:
            print(change)
        if len(found) > shown:
            print(f"... and {len(found) - shown} more: --diff lists them all")
    counts = {kind: sum(change.kind == kind for change in found) for kind in ("added", "removed", "changed")}
    print(", ".join(f"{count} {kind}" for kind, count in counts.items()))


def _size(families: Sequence[Family]) -> str:
    cases = sum(len(family.questions) for family in families)
    arrays = sum(len(family.arrays) for family in families)
    core = sum(bool(entry.get("core")) for family in families for entry in family.cases)
    return f"{cases} cases ({core} of them core) and {arrays} arrays"


def _failed(message: str, code: int) -> int:
    print(f"regenerate_fixtures: {' '.join(message.split())}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
