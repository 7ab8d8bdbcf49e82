"""How the command ends: its exit codes, and the one line of a refusal."""

from __future__ import annotations

import sys
from typing import NoReturn

import click

USAGE, NO_VERDICT = 2, 3
OWN_ERROR, INTERRUPTED = 4, 130


def refuse(message: str) -> NoReturn:
    """End with exit code 2 and one line."""
    click.echo(f"conv-oracle: {message}", err=True)
    sys.exit(USAGE)
