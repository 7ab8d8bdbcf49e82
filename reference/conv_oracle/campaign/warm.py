"""A process that has imported what is needed once, and is forked for each piece of work.

It runs as `python -P warm.py MODULE:FUNCTION PATHS`: reads one JSON object a line, calls the function with it in a fork
of itself that ends then, and writes one line: what was returned, or {'died': how the fork ended}. It has one thread
when it forks, and has run no work itself, so that nothing of one piece is left for the next. Where its standard input
ends, it ends what runs.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import select
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

PR_SET_PDEATHSIG = 1
Function = Callable[[dict[str, Any]], dict[str, Any]]


def main(name: str) -> None:
    """Answer lines until there is no more.

    name: 'module:function', or 'folder/module:function' of a module in a folder; the module's prepare() is called
    before the first line and its foresee(line) before each fork, where it has them.
    """
    answers = os.dup(1)
    os.dup2(2, 1)  # nothing that is printed may come between the answers
    where, _, function = name.rpartition(":")
    folder, _, named = where.rpartition("/")
    sys.path[:0] = [folder] if folder else []
    module = importlib.import_module(named)
    getattr(module, "prepare", lambda: None)()
    foresee = getattr(module, "foresee", lambda _: None)
    _write(answers, b"{}\n")
    gc.collect()
    gc.freeze()
    given = b""
    while part := os.read(0, 1 << 20):
        given += part
        if given.endswith(b"\n"):
            foresee(json.loads(given))
            _write(answers, forked(getattr(module, function), given))
            given = b""


def forked(function: Function, given: bytes) -> bytes:
    """The line that a fork of this process returns for a line. This process ends where its standard input does."""
    if threading.active_count() > 1:
        raise RuntimeError("a process of several threads is not forked")
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.close(read)
        _work(function, given, write)
    os.close(write)
    said = b""
    while True:
        ready, _, _ = select.select([0, read], [], [])
        if 0 in ready and not os.read(0, 1):
            os.kill(child, signal.SIGKILL)
            os._exit(0)
        if read in ready:
            part = os.read(read, 1 << 20)
            said += part
            if not part:
                break
    os.close(read)
    _, status = os.waitpid(child, 0)
    if said.endswith(b"\n"):
        return said
    how = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"exit code {os.WEXITSTATUS(status)}"
    return json.dumps({"died": how}).encode() + b"\n"


def _work(function: Function, given: bytes, answer: int) -> None:
    """Do one piece of work, in the fork, and end with it."""
    try:
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        _write(answer, json.dumps(function(json.loads(given))).encode() + b"\n")
    finally:
        os._exit(0)


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


if __name__ == "__main__":
    sys.path[:] = json.loads(sys.argv[2])
    main(sys.argv[1])
