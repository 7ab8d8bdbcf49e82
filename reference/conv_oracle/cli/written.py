"""What a verdict is written as: the report, and the files that were asked for."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import click

from conv_oracle.agents import feedback
from conv_oracle.auditing import Destination, Verdict
from conv_oracle.cli.ending import refuse
from conv_oracle.report import (
    STANDARD_OUTPUT,
    OutputError,
    ScriptError,
    console,
    document,
    junit,
    lacking,
    markdown,
    page,
    print_verdict,
    script,
    unbroken,
    write,
)

FILE = click.Path(dir_okay=False, path_type=Path)


@dataclass(frozen=True)
class Form:
    """A file that a verdict is written as.

    option: of the command. help: what it says. text: of a verdict. of_findings: whether it needs one.
    lacking: what it needs and is not installed, in one line; '' where nothing is.
    """

    option: str
    help: str
    text: Callable[[Verdict], str]
    of_findings: bool = False
    lacking: Callable[[], str] = str


FORMS: Mapping[str, Form] = {
    "json": Form(
        "--json",
        "Write the verdict as JSON; - writes it to standard output instead of the report.",
        lambda verdict: json.dumps(document(verdict), indent=2) + "\n",
    ),
    "junit": Form("--junit", "Write the verdict as JUnit's XML, which CI systems show.", junit),
    "markdown": Form("--markdown", "Write the verdict as Markdown, for an issue tracker.", markdown),
    "html": Form("--html", "Write the verdict as one HTML page, which needs no network.", page, lacking=lacking),
    "feedback": Form("--feedback", "Write at most 2 KB for whoever mends the code: cause, formulas, call.", feedback),
    "script": Form(
        "--script",
        "Write a standalone Python script that shows the fault.",
        lambda verdict: script(verdict.findings[0], verdict),
        of_findings=True,
    ),
}
"""What a verdict is written as, by name."""

EVENTS = "events"
"""What is no form, as it is written while the audit is under way, and has a destination like the forms."""

OF_AUDIT = tuple(name for name in FORMS if name != "script")
"""The forms of a whole audit; a script is of one finding, which a replay shows."""


def forms(*names: str) -> Callable[[Any], Any]:
    """The options of these forms; a command takes what they are given as **named, beside its own."""

    def decorated(command: Any) -> Any:
        for name in reversed(names):
            form = FORMS[name]
            option = click.option(form.option, f"{name}_file", metavar="FILE", type=FILE, help=form.help)
            command = option(command)
        return command

    return decorated


def destinations(chosen: dict[str, Any]) -> dict[str, Destination]:
    """Where each form goes, by its name, as that is before the subject runs; taken out of the options.

    Events are among them, where they are asked for.
    """
    given = {name: chosen.pop(f"{name}_file", None) for name in (*FORMS, EVENTS)}
    files: dict[str, Path] = {name: file for name, file in given.items() if file is not None}
    printed = [f"--{name}" for name, file in files.items() if file == STANDARD_OUTPUT]
    if len(printed) > 1:
        refuse(f"standard output takes one form: file='-' of {' and '.join(printed)}; a file for each would fit")
    for form in (FORMS[name] for name in files if name in FORMS):
        if said := form.lacking():
            refuse(said)
    for file in files.values():
        if str(file) == ".":
            refuse("a file needs a name: file=''; report.json would fit")
        needs_folder(file)
    return {name: Destination.of(file) for name, file in files.items()}


def needs_folder(file: Path) -> None:
    """End with one line where the directory of a file that is to be written is missing."""
    if not file.parent.is_dir():
        refuse(f"a file needs an existing directory: directory={str(file.parent)!r} is missing")


def give(verdict: Verdict, asked: Mapping[str, Destination], *, printed: bool = False) -> NoReturn:
    """Write what was asked for, show the report, and end with the verdict's exit code."""
    try:
        for name, destination in asked.items():
            if name != EVENTS and (verdict.findings or not FORMS[name].of_findings):
                _write(verdict, FORMS[name], destination)
        if STANDARD_OUTPUT not in [one.path for one in asked.values()]:
            with unbroken("the report", "standard output"):
                _show(verdict, printed=printed)
    except OutputError as error:
        refuse(str(error))
    sys.exit(verdict.exit_code)


def _write(verdict: Verdict, form: Form, destination: Destination) -> None:
    try:
        write(destination, form.option, form.text(verdict))
    except ScriptError as error:
        click.echo(f"conv-oracle: {error}", err=True)


def _show(verdict: Verdict, *, printed: bool) -> None:
    """The report, and what the subject printed."""
    terminal = console()
    print_verdict(verdict, terminal)
    if printed:
        terminal.print("\nPrinted by the subject", style="bold")
        for line in verdict.printed.rstrip().splitlines() or ["(nothing)"]:
            terminal.print("".join(c if c.isprintable() else " " for c in line), markup=False, highlight=False)
    if sys.stdout is not None:
        sys.stdout.flush()
