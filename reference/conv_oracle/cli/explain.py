"""`conv-oracle explain`."""

from __future__ import annotations

import click
from rich.table import Table
from rich.text import Text

from conv_oracle.cli.ending import refuse
from conv_oracle.errors import near
from conv_oracle.faults import CATALOGUE
from conv_oracle.report import console, explained, print_lines


@click.command("explain")
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
        refuse(f"a fault must be in the catalogue: fault={fault!r}; {near(fault, list(CATALOGUE))} would fit")
    print_lines(explained(CATALOGUE[fault]), terminal)
