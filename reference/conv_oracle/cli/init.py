"""`conv-oracle init`."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console

from conv_oracle.auditing import TARGET_FILE, adopting, attempts, target_file
from conv_oracle.cli.ending import NO_VERDICT, refuse
from conv_oracle.errors import NotationError, TargetError


@click.command("init")
@click.argument("target")
@click.option("--op", default="", metavar="OP", help="The operation, where it is known.")
@click.option("--arrays", default="", metavar="KIND", help="numpy or torch, where that is known.")
def init_command(target: str, op: str, arrays: str) -> None:
    """Find out how TARGET is called, and write conv_oracle_target.py, which `conv-oracle audit` reads.

    Its operation, arrays and layouts are found by calls that are judged; what was not found out is said there.
    """
    file = Path(TARGET_FILE)
    if file.exists():
        refuse(f"init writes a new file: {TARGET_FILE} is there; another directory, or its removal, would fit")
    try:
        with adopting(), Console(stderr=True).status("looking") as shown:
            made = attempts(target, op, arrays, lambda text: shown.update(f"trying {text}"))
        with file.open("x", encoding="utf-8") as new:
            new.write(target_file(target, made))
    except (TargetError, NotationError) as error:
        refuse(str(error))
    except OSError as error:
        refuse(f"{TARGET_FILE} cannot be written: {error.strerror}")
    click.echo(file.read_text(encoding="utf-8"), nl=False)
    click.echo(f"conv-oracle: {TARGET_FILE} is written; `conv-oracle audit` reads it", err=True)
    sys.exit(0 if made[0].whole else NO_VERDICT)
