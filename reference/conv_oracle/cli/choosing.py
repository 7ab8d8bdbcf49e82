"""Which findings decide: the options of the command, and what they do to a verdict."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from conv_oracle.accepting import Baseline, Choice, accept, baseline_text, read_baseline, stale
from conv_oracle.auditing import Destination, Verdict
from conv_oracle.cli.ending import refuse
from conv_oracle.cli.written import FILE, needs_folder
from conv_oracle.errors import TargetError
from conv_oracle.report import OutputError, write
from conv_oracle.settings import settings

WRITTEN = "--write-baseline"
OPTIONS = (
    click.option("--select", multiple=True, metavar="FAULT", help="Only this fault, or kind, decides; repeatable."),
    click.option("--ignore", multiple=True, metavar="FAULT", help="This fault, or kind, does not decide; repeatable."),
    click.option(
        "--baseline", metavar="FILE", type=FILE, help="The findings in this file are known, and do not decide."
    ),
    click.option(WRITTEN, metavar="FILE", type=FILE, help="Write what is found into a baseline, beside what it has."),
)


class Configured(click.Command):
    """A command whose defaults are those of [tool.conv-oracle] in the nearest pyproject.toml."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """The context of click; what the section has wrong is told in one line."""
        try:
            found = settings(Path.cwd())
        except TargetError as error:
            refuse(str(error))
        return super().make_context(info_name, args, parent, **{"default_map": found, **extra})


@dataclass(frozen=True)
class Choosing:
    """What was chosen. written: where the baseline goes, if anywhere; before: what was in that file."""

    choice: Choice
    written: Destination | None
    before: Baseline

    def decided(self, verdict: Verdict) -> Verdict:
        """The verdict as chosen; what no longer shows is told, and the baseline written."""
        accepted = accept(verdict, self.choice)
        for said in stale(accepted, self.choice):
            click.echo(f"conv-oracle: it no longer shows: {said}; taking it out would fit", err=True)
        if self.written and verdict.verdict == "no-verdict":
            click.echo(f"conv-oracle: no verdict, so {self.written.path} is left as it was", err=True)
        elif self.written:
            try:
                write(self.written, WRITTEN, baseline_text(accepted, self.before))
            except OutputError as error:
                refuse(str(error))
        return accepted


def choosing(command: Any) -> Any:
    """The options of a choice; a command takes them as **named, beside its own."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def chosen_of(chosen: dict[str, Any]) -> Choosing:
    """What was chosen, read before the subject runs; taken out of the options."""
    select, ignore, known, written = (chosen.pop(name) for name in ("select", "ignore", "baseline", "write_baseline"))
    try:
        choice = Choice(select=select, ignore=ignore, baseline=read_baseline(known) if known else Baseline())
        before = read_baseline(written) if written and written.exists() else Baseline(folder=(written or Path()).parent)
    except TargetError as error:
        refuse(str(error))
    if written and written.suffix == ".toml":
        refuse(f"a baseline is written as JSON: file={str(written)!r}; {str(written.with_suffix('.json'))!r} would fit")
    if written:
        needs_folder(written)
    if written and chosen["fail_fast"]:
        refuse(f"a baseline is of a whole audit: --fail-fast with {WRITTEN} {written}; no --fail-fast would fit")
    return Choosing(choice, Destination.of(written) if written else None, before)
