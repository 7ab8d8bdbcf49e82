"""Where a report goes: a terminal, standard output, or files; a failure is told in one line."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rich.console import Console

from conv_oracle.auditing import Destination

STANDARD_OUTPUT = Path("-")
WIDTH = 80


class OutputError(Exception):
    """What cannot be written, and why, in one line."""


class _Terminal(Console):
    """A console that lets a broken pipe be told like any other failure."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def console() -> Console:
    """Standard output, as wide as the terminal, or of 80 columns where there is none."""
    made = _Terminal(soft_wrap=False)
    return made if made.is_terminal else _Terminal(width=WIDTH)


def write(destination: Destination, option: str, text: str) -> None:
    """Write to a file, a device, or standard output for the path '-'. Raises OutputError."""
    with unbroken(option, f"file={str(destination.path)!r}"):
        if destination.path == STANDARD_OUTPUT:
            sys.stdout.write(text)
            sys.stdout.flush()
        else:
            destination.write(text.encode())


@contextmanager
def unbroken(what: str, where: str) -> Iterator[None]:
    """A context that writes. Raises OutputError where that fails."""
    try:
        yield
    except OSError as error:
        if isinstance(error, BrokenPipeError):  # the interpreter would try again at its end
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise OutputError(f"{what} needs a place that can be written to: {where} ({error.strerror})") from None
