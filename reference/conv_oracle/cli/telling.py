"""`--events`: what an audit does, as JSON lines, while it is under way."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import click

from conv_oracle.agents import Events
from conv_oracle.auditing import Destination, Progress, Verdict
from conv_oracle.cli.ending import INTERRUPTED, OWN_ERROR, USAGE, refuse
from conv_oracle.cli.written import EVENTS, FILE
from conv_oracle.errors import NotationError, TargetError
from conv_oracle.report import STANDARD_OUTPUT, OutputError, unbroken, write

events_option = click.option(
    f"--{EVENTS}",
    f"{EVENTS}_file",
    metavar="FILE",
    type=FILE,
    help="Write what happens as JSON lines, at once; - writes them to standard output instead of the report.",
)

Show = Callable[[Progress], None]


@dataclass(frozen=True)
class Told:
    """An audit as it is told. progress: what it calls with its progress. events: where it is told besides, if it is."""

    progress: Show | None
    events: Events | None = None

    def of(self, verdict: Verdict) -> Verdict:
        """The verdict, once it is told."""
        if self.events:
            self.events.verdict(verdict)
        return verdict


@contextmanager
def telling(
    written: Mapping[str, Destination], target: str, options: Mapping[str, Any], progress: Show | None
) -> Iterator[Told]:
    """Around an audit whose events go where `written` says; what cannot be written ends the command, in one line.

    progress: what is called besides. target, options: of the audit.
    """
    if (destination := written.get(EVENTS)) is None:
        yield Told(progress)
        return
    try:
        with _opened(destination) as write:
            events = Events(write)
            events.started(target, options)

            def show(now: Progress) -> None:
                events.progress(now)
                if progress:
                    progress(now)

            try:
                yield Told(show, events)
            except (TargetError, NotationError) as error:
                events.error(str(error), USAGE)
                raise
            except KeyboardInterrupt:
                events.error("interrupted", INTERRUPTED)
                raise
            except OutputError:
                raise
            except Exception as error:
                events.error(f"{type(error).__name__}: {error}", OWN_ERROR)
                raise
    except OutputError as error:
        refuse(str(error))


@contextmanager
def _opened(destination: Destination) -> Iterator[Callable[[str], None]]:
    """What writes a line at once. Raises OutputError where that fails, now or later.

    A file is opened before the subject runs, anew and through no link; a pipe needs a reader.
    """
    option, where = f"--{EVENTS}", f"file={str(destination.path)!r}"
    if destination.path == STANDARD_OUTPUT:
        yield lambda line: write(destination, option, line)
        return
    kind = os.O_NOCTTY | os.O_NONBLOCK if destination.stream else os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    with unbroken(option, where):
        descriptor = os.open(destination.path, os.O_WRONLY | os.O_APPEND | kind, 0o666)
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        os.set_blocking(descriptor, True)

        def write_line(line: str) -> None:
            left = line.encode()
            with unbroken(option, where):
                while left:
                    left = left[file.write(left) or 0 :]

        yield write_line
