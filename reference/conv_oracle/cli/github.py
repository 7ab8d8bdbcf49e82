"""`--github`: annotations and a step summary, as GitHub Actions reads them."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from conv_oracle.auditing import Verdict
from conv_oracle.cli.ending import refuse
from conv_oracle.report import OutputError, markdown, unbroken, workflow_commands

MOST_BYTES = 1 << 20
"""What a step summary may have."""


@contextmanager
def announced(verdict: Verdict, summary: str, workspace: str) -> Iterator[None]:
    """Around the report: the annotations come first, and nothing in the report is taken for a command.

    summary: the file that the verdict is appended to as Markdown, '' for none; it holds 1 MiB at most. workspace: the
    folder of the repository.
    """
    try:
        if summary:
            with unbroken("--github", f"file={summary!r}"), Path(summary).open("a", encoding="utf-8") as file:
                file.write(_cut(markdown(verdict)))
    except OutputError as error:
        refuse(str(error))
    for line in workflow_commands(verdict, Path(workspace)):
        click.echo(line)
    token = secrets.token_hex(16)
    click.echo(f"::stop-commands::{token}")
    try:
        yield
    finally:
        click.echo(f"::{token}::")


def places() -> tuple[str, str]:
    """The step summary and the workspace, as the environment names them before the subject runs."""
    return os.environ.get("GITHUB_STEP_SUMMARY", ""), os.environ.get("GITHUB_WORKSPACE", "") or str(Path.cwd())


def _cut(text: str) -> str:
    if len(text.encode()) <= MOST_BYTES:
        return text
    return text.encode()[: MOST_BYTES - 100].decode(errors="ignore") + "\n```\n\n(cut: it has more)\n"
