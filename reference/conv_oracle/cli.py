"""The `conv-oracle` command."""

from __future__ import annotations

import contextlib
import difflib
import errno
import io
import json
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, NoReturn

import click
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from conv_oracle.auditing import (
    TARGET_FILE,
    Choices,
    Destination,
    Journal,
    Progress,
    Verdict,
    Words,
    adopting,
    attempts,
    audit,
    declared_in,
    export,
    grade,
    is_large,
    target_file,
)
from conv_oracle.cli_options import FILE, OPTIONS, REPLAYED, export_options, options
from conv_oracle.errors import NotationError, TargetError
from conv_oracle.faults import CATALOGUE
from conv_oracle.problem import parse
from conv_oracle.report import (
    SCHEMA_VERSION,
    STANDARD_OUTPUT,
    OutputError,
    ScriptError,
    console,
    document,
    explained,
    markdown,
    print_lines,
    print_verdict,
    script,
    unbroken,
    write,
)
from conv_oracle.version import __version__

USAGE, NO_VERDICT = 2, 3
OWN_ERROR, INTERRUPTED = 4, 130
OF_OUTPUT = (errno.ENOSPC, errno.EPIPE, errno.EBADF)
"""What goes wrong where standard output is full, gone or closed."""


class _Main(click.Group):
    """The command, which tells its own errors from verdicts."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run the command; an output that cannot be written to is no verdict."""
        try:
            return super().main(*args, **extra)
        except OSError as error:
            sys.stdout = io.StringIO()  # nothing more can be written to what there was
            with contextlib.suppress(OSError):
                click.echo(f"conv-oracle: the output cannot be written to ({error.strerror})", err=True)
            sys.exit(USAGE)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a subcommand; an error of our own is printed as such, and is no verdict."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno in OF_OUTPUT:
                raise
            traceback.print_exc()
            click.echo(f"conv-oracle: an error of its own, no verdict: {type(error).__name__}: {error}", err=True)
            sys.exit(OWN_ERROR)


@click.group(cls=_Main, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="conv-oracle")
def main() -> None:
    """Audit implementations of convolution, and replay and explain what is found."""


@main.command("audit")
@click.argument("target", required=False)
@options()
@click.option(
    "--resume",
    is_flag=True,
    help="Resume an interrupted audit of level exhaustive: asks for the key that it printed, or reads it from standard "
    "input.",
)
@click.option("--printed", is_flag=True, help="Show what the subject printed, after the report.")
def audit_command(
    target: str | None, resume: bool, printed: bool, json_file: Path | None, markdown_file: Path | None, **chosen: Any
) -> None:
    """Audit TARGET: package.module:name, file.py:name, conv.c:name, libconv.so:name, jax:conv2d or model.onnx.

    In place of it, --command names a program; without either, conv_oracle_target.py says what is audited, and how.
    Exit codes: 0 conforms, 1 faulty, 2 cannot be loaded or called, 3 no verdict, 4 an error of conv-oracle itself.
    """
    written = _destinations(json_file, markdown_file)
    if target is None and not chosen["command"]:
        target, known = _declared()
        chosen |= {name: value for name, value in known.items() if chosen[name] in (None, "numpy")}
    journal = _journal(chosen["level"], resume=resume)
    with _audited(f"; --resume continues it, with the key {journal.key}" if journal else "") as progress:
        verdict = audit(target or "", progress=progress, journal=journal, resume=resume, **chosen)
    if journal:
        journal.remove()
    _give(verdict, written, printed=printed)


@main.command("init")
@click.argument("target")
@click.option("--op", default="", metavar="OP", help="The operation, where it is known.")
@click.option("--arrays", default="", metavar="KIND", help="numpy or torch, where that is known.")
def init_command(target: str, op: str, arrays: str) -> None:
    """Find out how TARGET is called, and write conv_oracle_target.py, which `conv-oracle audit` reads.

    Its operation, arrays and layouts are found by calls that are judged; what was not found out is said there.
    """
    file = Path(TARGET_FILE)
    if file.exists():
        _refuse(f"init writes a new file: {TARGET_FILE} is there; another directory, or its removal, would fit")
    try:
        with adopting(), Console(stderr=True).status("looking") as shown:
            made = attempts(target, op, arrays, lambda text: shown.update(f"trying {text}"))
        with file.open("x", encoding="utf-8") as new:
            new.write(target_file(target, made))
    except (TargetError, NotationError) as error:
        _refuse(str(error))
    except OSError as error:
        _refuse(f"{TARGET_FILE} cannot be written: {error.strerror}")
    click.echo(file.read_text(encoding="utf-8"), nl=False)
    click.echo(f"conv-oracle: {TARGET_FILE} is written; `conv-oracle audit` reads it", err=True)
    sys.exit(0 if made[0].whole else NO_VERDICT)


@main.command("replay")
@click.argument("what")
@click.argument("target", required=False)
@options(*(name for name in OPTIONS if name not in (*REPLAYED, "json_file", "markdown_file")))
@click.option(
    "--finding",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    help="The finding of a JSON file to replay, from 1.",
)
@click.option(
    "--script", "script_file", metavar="FILE", type=FILE, help="Write a standalone Python script that shows the fault."
)
def replay_command(
    what: str,
    target: str | None,
    finding: int,
    script_file: Path | None,
    json_file: Path | None,
    markdown_file: Path | None,
    **chosen: Any,
) -> None:
    """Replay a finding: WHAT is a problem in one-line notation, with its TARGET, or the JSON file of an audit.

    Several problems, separated by semicolons, are called in turn in one process: many times, with every memory layout
    and every kind of values; a problem of level large once. With a JSON file, the options are those of its audit. Exit
    codes are those of an audit.
    """
    written = _destinations(json_file, markdown_file, script_file)
    asked = {**chosen, "target": target or ""}
    if target is None and not chosen["command"]:
        what, known = _from_document(Path(what), finding)
        asked |= known if chosen["seed"] is None else {**known, "seed": chosen["seed"]}
    with _audited() as progress:
        problems = [parse(one.strip()) for one in what.split(";")]
        last = problems[-1]
        asked |= {"level": "large" if is_large(last) else "standard", "op": last.operation, "dtypes": [last.dtype]}
        verdict = audit(**asked, edges="fault", jobs=1, progress=progress, only=problems)
    _give(verdict, written, printed=False)


@main.command("export")
@export_options
def export_command(directory: Path, op: str | None, parameters: str, seed: int | None, **chosen: Any) -> None:
    """Write the problems of an audit, without their answers, for a machine that cannot be audited directly.

    The README.md in DIR says how they are answered; `conv-oracle grade DIR` judges the answers. What cannot be seen so
    (state, memory layouts, isolation) is told in the scope of the verdict.
    """
    if op is None:
        _refuse("an export needs an operation: op=None; --op conv2d would fit")
    dtypes = chosen.pop("dtypes") or ("float32",)
    taken = () if parameters == "none" else tuple(one.strip() for one in parameters.split(","))
    with _audited("; the same command continues it", counted=False) as progress:
        made = export(
            directory, Choices(op=op, dtypes=dtypes, parameters=taken, **chosen), seed=seed, progress=progress
        )
    click.echo(
        f"{made.problems:,} problems of {op}, {made.calls:,} calls, {made.size / 1e6:.0f} MB of operands: "
        f"{directory / 'README.md'} says how they are answered; then conv-oracle grade {directory}"
    )


@main.command("grade")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@options(*(name for name in OPTIONS if name not in ("json_file", "markdown_file")))
def grade_command(directory: Path, json_file: Path | None, markdown_file: Path | None) -> None:
    """Judge what another machine answered to the problems in DIR, which conv-oracle export wrote.

    Exit codes are those of an audit; answers that are missing give no verdict.
    """
    written = _destinations(json_file, markdown_file)
    with _audited() as progress:
        verdict = grade(directory, progress=progress)
    _give(verdict, written, printed=False)


@main.command("explain")
@click.argument("fault", required=False)
def explain_command(fault: str | None) -> None:
    """Show the catalogue entry of FAULT with a computed example; without FAULT, list all faults."""
    terminal = console()
    if fault is None:
        table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
        for entry in CATALOGUE.values():
            table.add_row(Text(entry.slug, style="bold"), entry.title)
        terminal.print(table)
        return
    if fault not in CATALOGUE:
        near = difflib.get_close_matches(fault, CATALOGUE, 3, 0.3) or list(CATALOGUE)[:3]
        _refuse(f"a fault must be in the catalogue: fault={fault!r}; {', '.join(near)} would fit")
    print_lines(explained(CATALOGUE[fault]), terminal)


def _declared() -> tuple[str, dict[str, Any]]:
    """The target of this directory, and its operation and arrays."""
    try:
        return declared_in(Path(TARGET_FILE))
    except TargetError as error:
        _refuse(str(error))


def _from_document(file: Path, number: int) -> tuple[str, dict[str, Any]]:
    """The problems to replay and the options of their audit, from its JSON file."""
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        if told["schema"] != SCHEMA_VERSION:
            _refuse(f"the JSON file of an audit has format {SCHEMA_VERSION}: {str(file)!r} has {told['schema']!r}")
        if told.get("recorded"):
            _refuse(f"recorded answers are graded again, not replayed: conv-oracle grade {told['recorded']} would fit")
        finding, then = told["findings"][number - 1], told["options"]
        problems = "; ".join([*(earlier["problem"] for earlier in finding["before"]), finding["problem"]])
        known: dict[str, Any] = {name: str(then[name]) for name in ("arrays", "device", "arithmetic", "python", "fix")}
        known |= {"gradients": bool(then["gradients"]), "timeout": float(then["timeout"])}
        known["memory"] = None if (memory := then.get("memory")) is None else int(memory)
        known |= {name: bool(then.get(name)) for name in ("confine", "transforms", "sanitize")}
        known |= {name: str(then.get(name, "")) for name in ("prototype", "roles")}
        known["compile_timeout"] = None if (most := then.get("compile_timeout")) is None else float(most)
        known |= {one.name: then[one.name] for one in fields(Words) if one.name in then}
        known |= {"refusals": list(then["refusals"]), "seed": int(told["seed"])}
        known["command"] = str(then.get("command", ""))
        return problems, {**known, "target": str(told["target"])}
    except OSError:
        _refuse(f"replay takes a problem and a target, or the JSON file of an audit: file={str(file)!r} cannot be read")
    except (ValueError, KeyError, TypeError, IndexError, OverflowError, RecursionError):
        _refuse(f"the JSON file of an audit must have finding {number}: file={str(file)!r} has none")


def _destinations(*files: Path | None) -> tuple[Destination | None, ...]:
    """Where to write the JSON, the Markdown and the script, as it is before the subject runs."""
    if list(map(str, files)).count(str(STANDARD_OUTPUT)) > 1:
        _refuse("standard output takes one of --json, --markdown and --script: file='-' is given twice")
    if "." in map(str, files):
        _refuse("a file needs a name: file=''; report.json would fit")
    for file in files:
        if file is not None and not file.parent.is_dir():
            _refuse(f"a file needs an existing directory: directory={str(file.parent)!r} is missing")
    return tuple(None if file is None else Destination.of(file) for file in files)


def _give(verdict: Verdict, destinations: tuple[Destination | None, ...], *, printed: bool) -> NoReturn:
    """Write what was asked for, show the report, and end with the verdict's exit code."""
    texts: list[tuple[str, Callable[[], str]]] = [
        ("--json", lambda: json.dumps(document(verdict), indent=2) + "\n"),
        ("--markdown", lambda: markdown(verdict)),
        ("--script", lambda: script(verdict.findings[0], verdict)),
    ]
    try:
        for destination, (option, text) in zip(destinations, texts, strict=False):
            if destination is not None and (option != "--script" or verdict.findings):
                _written(destination, option, text)
        if STANDARD_OUTPUT not in [one.path for one in destinations if one]:
            with unbroken("the report", "standard output"):
                _show(verdict, printed=printed)
    except OutputError as error:
        _refuse(str(error))
    sys.exit(verdict.exit_code)


def _written(destination: Destination, option: str, text: Callable[[], str]) -> None:
    try:
        write(destination, option, text())
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


def _journal(level: str, *, resume: bool) -> Journal | None:
    """The journal of an exhaustive audit, whose key is read before the subject runs, and from no command line.

    A new key is shown on a terminal at once; a file that takes the place of one could be read by the subject, and gets
    it when the audit was interrupted.
    """
    if level != "exhaustive":
        if resume:
            _refuse(f"--resume is for level exhaustive: level={level!r}; running the audit again would fit")
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


def _refuse(message: str) -> NoReturn:
    click.echo(f"conv-oracle: {message}", err=True)
    sys.exit(USAGE)


@contextmanager
def _audited(kept: str = "", *, counted: bool = True) -> Iterator[Callable[[Progress], None] | None]:
    """Around an audit: its progress, its errors in one line, and its interruption; `kept` says how to resume it.

    counted: whether progress counts what is wrong and refused.
    """
    try:
        with adopting(), _progress_bar(counted=counted) as progress:
            yield progress
    except (TargetError, NotationError) as error:
        _refuse(str(error))
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


if __name__ == "__main__":
    main()
