"""A verdict as a notebook shows it."""

from __future__ import annotations

import html
import io

from rich.console import Console

from conv_oracle.auditing import Verdict
from conv_oracle.report.page.rendering import lacking, page, printable
from conv_oracle.report.terminal import print_verdict

WIDTH, HEIGHT = 100, "44rem"


def in_a_notebook(verdict: Verdict) -> str:
    """The page in a frame of its own, so that its styles and the notebook's stay apart; without jinja2, the report."""
    if lacking():
        return f"<pre>{html.escape(printable(_report(verdict)))}</pre>"
    return (
        f'<iframe title="The verdict of conv-oracle" srcdoc="{html.escape(page(verdict, framed=True))}" '
        f'sandbox="allow-same-origin" style="width: 100%; height: {HEIGHT}; border: 0"></iframe>'
    )


def _report(verdict: Verdict) -> str:
    """What a terminal shows."""
    file = io.StringIO()
    print_verdict(verdict, Console(file=file, width=WIDTH))
    return file.getvalue()
