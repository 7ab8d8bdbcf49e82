"""A command as a target: what somebody types to start a program that answers by the protocol."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

from conv_oracle.auditing.targets.making import Making
from conv_oracle.auditing.targets.names import ORDER
from conv_oracle.errors import TargetError
from conv_oracle.operation import Operation, operation_within

UNSEEN = (
    "a program gets copies of its operands over a pipe: whether it changes or keeps them, and reads or writes beside "
    "them, is not seen"
)


def commanded(command: str, op: Operation, dtypes: Sequence[str]) -> Making:
    """The function that asks the program of this command.

    op, dtypes: what is asked of it. Raises TargetError where the command cannot be started.
    """
    started = words_of(command)
    source = next((word for word in started[1:] if Path(word).is_file()), "")
    words = {
        "command": started,
        "operation": op.name,
        "axes": op.axes,
        "order": ORDER[op.nd_name],
        "dtypes": [*dtypes],
    }
    return Making("program_at", ("program",), words, (UNSEEN,), op.name, source)


def words_of(command: str) -> list[str]:
    """The words of a command, as a shell parts them. Raises TargetError where there is no such program."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise TargetError(
            f"a command is parted as a shell does: command={command!r} ({error}); 'node conv.js' would fit"
        ) from None
    if not words:
        raise TargetError(f"a command starts a program: command={command!r}; 'node conv.js' would fit")
    if shutil.which(words[0]) is None:
        raise TargetError(
            f"a command starts with a program that is there: command={command!r}; {words[0]!r} is not found, or not "
            "executable"
        )
    return words


def operation_in(command: str) -> Operation:
    """The operation that the files of a command name. Raises TargetError where they name none, or several."""
    named = {found for word in words_of(command) if (found := operation_within(Path(word).name))}
    if len(named) != 1:
        raise TargetError(
            f"the operation cannot be inferred from the command: command={command!r}; --op conv2d would fit"
        )
    return named.pop()
