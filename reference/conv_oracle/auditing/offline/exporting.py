"""The export: problems without their answers, in a folder that another machine reads."""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from conv_oracle.auditing.course import Progress
from conv_oracle.auditing.files import replace_file
from conv_oracle.auditing.offline.arrays import files_of
from conv_oracle.auditing.offline.choices import Choices
from conv_oracle.auditing.offline.index import INDEX, OPERANDS, RESULTS, entry, index_text, read_index, stored_operands
from conv_oracle.auditing.offline.page import page
from conv_oracle.auditing.offline.questions import questions
from conv_oracle.errors import TargetError

ANSWER = "answer.py"
fcntl: Any = importlib.import_module("fcntl") if os.name == "posix" else None

_HALF_WRITTEN = re.compile(r"\.[a-z0-9_]{8}")
"""The names of files that are being written: they are left behind where that was killed."""


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What was exported: the folder, its choices, and how many problems, calls and bytes of operands there are."""

    directory: Path
    choices: Choices
    problems: int
    calls: int
    size: int


def export(
    directory: Path,
    choices: Choices,
    *,
    seed: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Exported:
    """Write the problems of an audit, without their answers, into a folder.

    choices: what is asked; its own seed does not count. seed: by default that of an export that began there, or random.
    progress: called with a Progress after each chunk. What is there already is kept: an export that was interrupted
    continues, and ends as it would have. Raises TargetError for choices that are invalid, and for a folder that holds
    something else or cannot be written.
    """
    choices.options(directory)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with _alone(directory):
            choices = _begun(directory, choices, seed)
            for folder in (directory, directory / OPERANDS, directory / RESULTS):
                folder.mkdir(exist_ok=True)
                _tidy(folder)
            _kept(directory / ANSWER, Path(__file__).with_name(ANSWER).read_bytes())
            told, size = [], 0
            for listed, written in _chunks(directory, choices, progress):
                told += listed
                size += written
            exported = Exported(
                directory=directory,
                choices=choices,
                problems=len(told),
                calls=sum(one["calls"] for one in told),
                size=size,
            )
            replace_file(directory / "README.md", page(choices, exported.problems, exported.calls, size).encode())
            replace_file(directory / INDEX, index_text(choices, told).encode())
            return exported
    except OSError as error:
        raise TargetError(
            f"the folder of an export must be writable: into={str(directory)!r}; {error.strerror}; another would fit"
        ) from None


def _chunks(
    directory: Path, choices: Choices, progress: Callable[[Progress], None] | None
) -> Iterator[tuple[list[Mapping[str, Any]], int]]:
    """Write chunk after chunk; of each, its entries for the index, and the bytes of its operands."""
    asked, done = questions(choices, directory), 0
    for chunk, listed in asked.chunks():
        known = [(name, ask, stored_operands(name, ask)) for name, ask in listed]
        together = {array: one for _, _, arrays in known for array, one in arrays.items()}
        for file, data in files_of(choices.arrays, chunk, together):
            _same(directory / OPERANDS / file, data)
        yield (
            [entry(name, chunk, ask, arrays, choices) for name, ask, arrays in known],
            sum(len(one.data) for one in together.values()),
        )
        done += len(listed)
        if progress:
            last = str(listed[-1][1].problem)
            progress(Progress(done=done, planned=max(len(asked), done), failed=0, refused=0, asking=last))


def _begun(directory: Path, choices: Choices, seed: int | None) -> Choices:
    """The choices with their seed, which are written down before anything else.

    Raises TargetError where the folder holds something else, or an export of other choices.
    """
    index = directory / INDEX
    if not index.exists():
        others = sorted(one.name for one in directory.iterdir() if not _HALF_WRITTEN.fullmatch(one.name))
        if others:
            raise TargetError(
                f"an export needs a folder of its own: into={str(directory)!r} holds {others[0]!r}; a new one would fit"
            )
        choices = replace(choices, seed=secrets.randbits(48) if seed is None else seed)
        replace_file(index, index_text(choices, None).encode())
        return choices
    known, _ = read_index(directory)
    wanted = replace(choices, seed=known.seed if seed is None else seed)
    if wanted != known:
        was, now = known.written(), wanted.written()
        differs = next(name for name in was if was[name] != now[name])
        raise TargetError(
            f"an export continues one of the same options: into={str(directory)!r} has {differs}={was[differs]!r}, not "
            f"{now[differs]!r}; another folder would fit"
        )
    return known


def _same(file: Path, data: bytes) -> None:
    """Write a file that is not there. Raises TargetError where it is, and holds something else."""
    if not file.exists():
        replace_file(file, data)
    elif file.read_bytes() != data:
        raise TargetError(
            f"operands are as they were exported: file={str(file)!r} was changed; removing it, and exporting again, "
            "would fit"
        )


def _kept(file: Path, data: bytes) -> None:
    """Write a file that is not there: where it is, it may have been edited."""
    if not file.exists():
        replace_file(file, data)


def _tidy(folder: Path) -> None:
    """Remove what an export that was killed has left half-written."""
    for file in folder.iterdir():
        if _HALF_WRITTEN.fullmatch(file.name) and file.is_file():
            file.unlink()


@contextlib.contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """A context in which no other export writes there. Raises TargetError where one does."""
    if fcntl is None:
        yield
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise TargetError(
            f"one export at a time writes into a folder: into={str(directory)!r} is in use; another would fit"
        ) from None
    finally:
        os.close(descriptor)
