"""The `conv-oracle` command."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import click
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from conv_oracle.auditing import OPERATIONS, Journal, Progress, TargetError, audit
from conv_oracle.report import document, print_verdict

WIDTH = 80
USAGE = 2
INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="conv-oracle")
def main() -> None:
    """Decides whether a convolution is right."""


@main.command("audit")
@click.argument("target")
@click.option("--op", metavar="OP", help=f"One of {', '.join(OPERATIONS)}. Told by the target's name where it can be.")
@click.option(
    "--arrays", default="numpy", show_default=True, metavar="numpy|torch", help="What the subject computes on."
)
@click.option(
    "--dtype", "dtypes", multiple=True, metavar="D", help="float32, float64, ...; may be given several times."
)
@click.option("--device", default="cpu", show_default=True, metavar="D", help="Where torch's operands are: cuda:0, ...")
@click.option("--gradients", is_flag=True, help="Audit torch.autograd's gradients and double backward of it too.")
@click.option(
    "--level",
    default="standard",
    show_default=True,
    metavar="quick|standard|exhaustive",
    help="How much to ask: about 5 s, 30 s, minutes.",
)
@click.option(
    "--refusal",
    "refusals",
    multiple=True,
    metavar="EXCEPTION",
    help="An exception type that says: not supported. NotImplementedError always does.",
)
@click.option(
    "--source",
    multiple=True,
    metavar="FILE",
    help="Source whose constants are asked as sizes, besides the target's own file.",
)
@click.option("--strict-arguments", is_flag=True, help="Accepting an invalid argument is a fault, not a warning.")
@click.option(
    "--jobs",
    type=click.IntRange(1),
    help="Processes that run the subject: 1 at quick, 2 at standard, one per core at exhaustive, unless you say.",
)
@click.option("--seed", type=click.IntRange(0), help="Repeat an audit's operands: the seed that its report printed.")
@click.option(
    "--timeout", default=10.0, show_default=True, type=click.FloatRange(0.1), help="Seconds that one call may take."
)
@click.option(
    "--python", metavar="PATH", help="The interpreter in which the subject runs. It needs NumPy, not conv-oracle."
)
@click.option(
    "--resume", metavar="KEY", help="Go on with an interrupted audit of level exhaustive: the key that it printed."
)
@click.option("--printed", is_flag=True, help="Show, after the report, what the subject printed.")
@click.option(
    "--json",
    "json_file",
    metavar="FILE",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write the verdict as JSON; - is standard output, in place of the report.",
)
def audit_command(
    target: str,
    op: str | None,
    arrays: str,
    dtypes: tuple[str, ...],
    device: str,
    gradients: bool,
    level: str,
    refusals: tuple[str, ...],
    source: tuple[str, ...],
    strict_arguments: bool,
    jobs: int | None,
    seed: int | None,
    timeout: float,
    python: str | None,
    resume: str | None,
    printed: bool,
    json_file: Path | None,
) -> None:
    """Judge the convolution TARGET: package.module:name or path/to/file.py:name.

    Exit code: 0 it conforms, 1 it is faulty, 2 it cannot be loaded or called, 3 no verdict.
    """
    if json_file is not None and not json_file.parent.is_dir():
        _refuse(f"--json names a file to write: {json_file.parent} is not a directory")
    journal = _journal(level, resume)
    try:
        with _progress_bar() as progress:
            verdict = audit(
                target,
                op=op,
                arrays=arrays,
                dtypes=dtypes,
                device=device,
                gradients=gradients,
                level=level,
                refusals=refusals,
                source=source,
                strict_arguments=strict_arguments,
                jobs=jobs,
                seed=seed,
                timeout=timeout,
                python=python,
                progress=progress,
                journal=journal,
                resume=resume is not None,
            )
    except TargetError as error:
        _refuse(str(error))
    except KeyboardInterrupt:
        said = f"; --resume {journal.key} goes on from here" if journal else ""
        click.echo(f"conv-oracle: interrupted, no verdict{said}", err=True)
        sys.exit(INTERRUPTED)
    if journal:
        journal.remove()
    if json_file is not None:
        text = json.dumps(document(verdict), indent=2)
        try:
            click.echo(text) if str(json_file) == "-" else json_file.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            _refuse(f"--json names a file to write: {json_file} ({error.strerror})")
    if str(json_file) != "-":
        console = Console(soft_wrap=False)
        print_verdict(verdict, console if console.is_terminal else Console(width=WIDTH))
        if printed:
            console.print("\nPrinted by the subject", style="bold")
            for line in verdict.printed.rstrip().splitlines() or ["(nothing)"]:
                console.print("".join(c if c.isprintable() else " " for c in line), markup=False, highlight=False)
    sys.exit(verdict.exit_code)


def _journal(level: str, key: str | None) -> Journal | None:
    """Where an exhaustive audit is written down. Its key is shown before the subject runs, and nowhere else."""
    if level != "exhaustive":
        if key is not None:
            _refuse(f"--resume is for level exhaustive: level={level!r}; a shorter audit is asked again")
        return None
    directory = Path(click.get_app_dir("conv-oracle")) / "journals"
    if key is not None:
        return Journal(directory, key)
    journal = Journal.new(directory)
    click.echo(f"conv-oracle: if this is interrupted, --resume {journal.key} goes on from there", err=True)
    return journal


def _refuse(message: str) -> NoReturn:
    click.echo(f"conv-oracle: {message}", err=True)
    sys.exit(USAGE)


@contextmanager
def _progress_bar() -> Iterator[Callable[[Progress], None] | None]:
    """A bar on standard error, while that is a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (BarColumn(20), TextColumn("{task.completed}/{task.total} {task.description}"), TimeElapsedColumn())
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("loading", total=None)

        def show(progress: Progress) -> None:
            said = f"{progress.failed} wrong, {progress.refused} refused  {progress.asking:.40}"
            bar.update(task, total=progress.planned, completed=progress.done, description=said)

        yield show


if __name__ == "__main__":
    main()
