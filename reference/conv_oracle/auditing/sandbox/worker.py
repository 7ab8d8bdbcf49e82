"""The subject's side of the sandbox: loads the subject, calls it, and returns bytes.

Joined with the other files of JOINED to one self-contained text, which the interpreter of the subject reads from its
standard input, with a call of main() at its end. It needs NumPy there (and PyTorch for a subject of tensors) and
nothing of conv-oracle. It knows no expected value and judges nothing.

Tasks arrive as messages: the lengths of a JSON header and of the operands' raw bytes, then both. The first header
names the target; each later one lists series of calls. Every step of these is answered, by a frame of its own, before
the next one starts, so that a crash or a hang can be attributed to its call. Nothing that is read is ever executed.
"""

from __future__ import annotations

import ctypes
import inspect
import json
import os
import platform
import signal
import struct
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from conv_oracle.auditing.sandbox.adapters import ADAPTERS
from conv_oracle.auditing.sandbox.guarded import Watch
from conv_oracle.auditing.sandbox.performing import described, out_of_bounds, perform, perform_apart
from conv_oracle.auditing.sandbox.sparse import sparse_adapter
from conv_oracle.auditing.targets.loading import load

PARENT_DEATH_SIGNAL = 1
MESSAGE = struct.Struct("<IQ")
FRAME = struct.Struct("<IIQ")

# Bound before the subject is imported, so that what it patches later is not what answers.
_read, _write, _exit = os.read, os.write, os._exit
_dumps, _loads = json.dumps, json.loads


def read_exactly(descriptor: int, length: int) -> bytes:
    """The next `length` bytes; the process ends where the parent has closed its side."""
    parts = []
    while length:
        part = _read(descriptor, min(length, 1 << 20))
        if not part:
            _exit(0)
        parts.append(part)
        length -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def send(descriptor: int, number: int, header: dict[str, Any], data: bytes = b"") -> None:
    """One answer frame."""
    text = _dumps(header).encode()
    view = memoryview(FRAME.pack(number, len(text), len(data)) + text + data)
    while view:
        view = view[_write(descriptor, view) :]


def callable_at(target: str, _: Any) -> Any:
    """What `load` finds. Raises TypeError where it cannot be called."""
    found = load(target)
    if not callable(found):
        raise TypeError(f"{target.rpartition(':')[2]} is not callable: it is of type {type(found).__name__}")
    return found


def signature(subject: Any) -> Any:
    """[name, kind, has a default] of every parameter, or None where Python knows none."""
    try:
        parameters = inspect.signature(subject).parameters.values()
    except (ValueError, TypeError):
        return None
    return [[p.name, p.kind.name, p.default is not p.empty] for p in parameters]


def source_of(subject: Any) -> str:
    """The source file of the subject, or '' where Python knows none."""
    try:
        return os.path.abspath(inspect.getsourcefile(inspect.unwrap(subject)) or "")  # noqa: PTH100
    except Exception:
        return ""


def isolate() -> None:
    """Die with the parent, whatever kills it. Linux only; elsewhere the parent's clean-up must suffice."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, signal.SIGKILL)


def main(tasks: int, answers: int, arrays: str, device: str, make: Callable[[str, Any], Any]) -> None:
    """Load the subject, introduce it, and answer calls until the parent closes the pipe.

    tasks, answers: file descriptors. arrays: 'numpy' or 'torch'. device: torch's. make: (target, words) -> the subject,
    a function with PyTorch's arguments.
    """
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.set_inheritable(tasks, False)
    os.set_inheritable(answers, False)
    isolate()
    if sys.path[:1] == [""]:
        del sys.path[0]
    whole = vars(sys.modules["__main__"])
    named = whole.pop("__file__", None)  # multiprocessing would look for a file of this name

    def message() -> tuple[Any, bytes]:
        lengths = MESSAGE.unpack(read_exactly(tasks, MESSAGE.size))
        return _loads(read_exactly(tasks, lengths[0])), read_exactly(tasks, lengths[1])

    hello, _ = message()
    versions = {"python": platform.python_version(), "numpy": np.__version__}
    try:
        adapter = ADAPTERS[arrays](device)
        of_sparse = sparse_adapter(adapter, arrays)
        if arrays == "torch":
            versions["torch"] = str(sys.modules["torch"].__version__)
        subject = make(hello["target"], hello["words"])
    except BaseException as error:
        send(answers, 0, {**described(error), "outcome": "not-loaded"})
        whole["__file__"] = named  # the interpreter removes it at its end
        return
    told = {"signature": signature(subject), "versions": versions, "source": source_of(subject)}
    told["called"] = getattr(subject, "called", None) if make is not callable_at else None
    send(answers, 0, {"outcome": "ready", **told})
    due = 0
    watch = Watch(lambda name, place: send(answers, due, out_of_bounds(name, place)))
    while True:
        series, data = message()
        payload = memoryview(data)
        begin = 0
        for one in series:
            end, due = begin + one["bytes"], one["number"]
            given = (subject, one, payload[begin:end], of_sparse if one["sparse"] else adapter)
            for header, data in perform_apart(*given, watch) if one["guard"] else perform(*given):
                send(answers, due, header, data)
                due += 1
            begin = end
