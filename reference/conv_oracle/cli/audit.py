"""`conv-oracle audit`."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from conv_oracle.auditing import TARGET_FILE, Journal, audit, declared_in
from conv_oracle.cli.choosing import Configured, choosing, chosen_of
from conv_oracle.cli.ending import refuse
from conv_oracle.cli.github import announced, places
from conv_oracle.cli.options import options
from conv_oracle.cli.telling import events_option, telling
from conv_oracle.cli.under_way import audited
from conv_oracle.cli.written import OF_AUDIT, destinations, forms, give
from conv_oracle.errors import TargetError
from conv_oracle.report import STANDARD_OUTPUT


@click.command("audit", cls=Configured)
@click.argument("target", required=False)
@options()
@choosing
@forms(*OF_AUDIT)
@click.option("--github", is_flag=True, help="Print annotations for GitHub Actions, and append to its step summary.")
@events_option
@click.option(
    "--resume",
    is_flag=True,
    help="Resume an interrupted audit of level exhaustive: asks for the key that it printed, or reads it from standard "
    "input.",
)
@click.option("--printed", is_flag=True, help="Show what the subject printed, after the report.")
def audit_command(target: str | None, resume: bool, printed: bool, github: bool, **chosen: Any) -> None:
    """Audit TARGET: package.module:name, file.py:name, conv.c:name, libconv.so:name, jax:conv2d or model.onnx.

    In place of it, --command names a program; without either, conv_oracle_target.py says what is audited, and how.
    Exit codes: 0 conforms, 1 faulty, 2 cannot be loaded or called, 3 no verdict, 4 an error of conv-oracle itself.
    """
    written, choice, there = destinations(chosen), chosen_of(chosen), places()
    if github and STANDARD_OUTPUT in [one.path for one in written.values()]:
        refuse("standard output takes one form: file='-' with --github; a file would fit")
    if target is None and not chosen["command"]:
        target, known = _declared()
        chosen |= {name: value for name, value in known.items() if chosen[name] in (None, "numpy")}
    journal = _journal(chosen["level"], resume=resume)
    kept = f"; --resume continues it, with the key {journal.key}" if journal else ""
    with audited(kept) as progress, telling(written, target or chosen["command"], chosen, progress) as told:
        found = audit(target or "", progress=told.progress, journal=journal, resume=resume, **chosen)
        verdict = told.of(choice.decided(found))
    if journal:
        journal.remove()
    with announced(verdict, *there) if github else nullcontext():
        give(verdict, written, printed=printed)


def _declared() -> tuple[str, dict[str, Any]]:
    """The target of this directory, and its operation and arrays."""
    try:
        return declared_in(Path(TARGET_FILE))
    except TargetError as error:
        refuse(str(error))


def _journal(level: str, *, resume: bool) -> Journal | None:
    """The journal of an exhaustive audit, whose key is read before the subject runs, and from no command line.

    A new key is shown on a terminal at once; a file that takes the place of one could be read by the subject, and gets
    it when the audit was interrupted.
    """
    if level != "exhaustive":
        if resume:
            refuse(f"--resume is for level exhaustive: level={level!r}; running the audit again would fit")
        return None
    directory = Path(click.get_app_dir("conv-oracle")) / "journals"
    if resume:
        asked = sys.stdin.isatty()
        key = str(click.prompt("key", hide_input=True, err=True)) if asked else sys.stdin.readline()
        return Journal(directory, key.strip())
    journal = Journal.new(directory)
    if sys.stderr.isatty():
        said = f"if this audit is interrupted, --resume continues it, with the key {journal.key}"
        click.echo(f"conv-oracle: {said}", err=True)
    return journal
