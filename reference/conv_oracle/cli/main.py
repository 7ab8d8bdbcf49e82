"""The `conv-oracle` command."""

from __future__ import annotations

import contextlib
import errno
import io
import sys
import traceback
from typing import Any

import click

from conv_oracle.cli.audit import audit_command
from conv_oracle.cli.campaign import campaign_command
from conv_oracle.cli.ending import OWN_ERROR, USAGE
from conv_oracle.cli.explain import explain_command
from conv_oracle.cli.init import init_command
from conv_oracle.cli.offline import export_command, grade_command
from conv_oracle.cli.replay import replay_command
from conv_oracle.version import __version__

COMMANDS = (
    audit_command,
    init_command,
    replay_command,
    export_command,
    grade_command,
    explain_command,
    campaign_command,
)
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


for _command in COMMANDS:
    main.add_command(_command)
