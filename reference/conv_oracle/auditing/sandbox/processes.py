"""Processes that are not trusted: started within limits, watched, and ended with all that descends from them."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from conv_oracle.auditing.sandbox.launcher import PR_SET_CHILD_SUBREAPER, control, descendants, end_descendants, send

MARK = "CONV_ORACLE_SANDBOX"
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""One thread per worker unless the user's environment says otherwise: small problems on many threads mostly wait."""

PR_GET_DUMPABLE, PR_SET_DUMPABLE = 3, 4
PAGE = os.sysconf("SC_PAGE_SIZE")
WHOLE_TREE_SECONDS = 0.25

Trouble = tuple[Literal["out-of-memory", "crashed"], str]


@dataclass(frozen=True)
class Limits:
    """What a worker and its descendants may use: resident bytes and processes together, open files and file sizes each.

    Memory is limited by what is resident: an address-space limit would break CUDA.
    loading_seconds: how long the target may take to load. ending_seconds: how long a launcher may take to end.
    """

    memory_bytes: int = 4 << 30
    processes: int = 64
    open_files: int = 4096
    file_bytes: int = 4 << 30
    loading_seconds: float = 120.0
    ending_seconds: float = 6.0


class Process:
    """A worker with its launcher. Ended, nothing that descends from it runs."""

    def __init__(self, launcher: subprocess.Popen[bytes], pipe: int, limits: Limits, mark: str) -> None:
        """Closing `pipe` ends the worker."""
        self._launcher = launcher
        self._pipe = pipe
        self._limits = limits
        self._mark = mark
        self._tree = [launcher.pid]
        self._looked = 0.0

    def ended(self) -> str | None:
        """How it ended, in words; None while it runs."""
        try:
            code = self._launcher.wait(1)
        except subprocess.TimeoutExpired:
            return None
        return f"the process was terminated by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    def trouble(self) -> Trouble | None:
        """What limit the whole tree is beyond, if any."""
        if time.monotonic() - self._looked > WHOLE_TREE_SECONDS:
            self._looked = time.monotonic()
            self._tree = descendants(self._launcher.pid)
        if len(self._tree) > self._limits.processes:
            return "crashed", f"ended, as it ran {len(self._tree)} processes: {self._limits.processes} are allowed"
        held, most = sum(map(resident_bytes, self._tree)), self._limits.memory_bytes
        return ("out-of-memory", f"it held {held >> 20} MiB: {most >> 20} MiB are allowed") if held > most else None

    def end(self) -> None:
        """End it and all that descends from it. What will not end with the launcher is ended from here."""
        send(self._launcher.pid, signal.SIGCONT)
        os.close(self._pipe)
        try:
            self._launcher.wait(self._limits.ending_seconds)
        except subprocess.TimeoutExpired:
            end_descendants(self._launcher.pid)
            self._launcher.kill()
            self._launcher.wait()
        if self._launcher.returncode or sys.platform != "linux":
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._launcher.pid, signal.SIGKILL)
            end_marked(self._mark)


def spawn(words: Sequence[str], *, pass_fds: Sequence[int], output: int, limits: Limits) -> Process:
    """Start a command in a session of its own, its output going to a descriptor. Raises OSError where it cannot."""
    command, mark = executable(words[0]), secrets.token_hex(8)
    end, pipe = os.pipe()
    launcher = str(Path(__file__).with_name("launcher.py"))
    numbers = [str(number) for number in (end, limits.open_files, limits.file_bytes)]
    try:
        process = subprocess.Popen(  # noqa: S603 - to run what the user names is the point
            [sys.executable, "-I", "-S", launcher, *numbers, command, *words[1:]],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=(end, *pass_fds),
            start_new_session=True,
            env={**dict.fromkeys(THREADS, "1"), **os.environ, MARK: mark},
        )
    except OSError:
        os.close(pipe)
        raise
    finally:
        os.close(end)
    return Process(process, pipe, limits, mark)


def executable(word: str) -> str:
    """The file that a command's first word names. Raises FileNotFoundError."""
    found = shutil.which(word)
    if found is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), word)
    return found


@contextlib.contextmanager
def unreadable() -> Iterator[None]:
    """While this lasts, processes of the same user cannot read our memory or open our descriptors, on Linux."""
    if sys.platform != "linux":
        yield
        return
    before = ctypes.CDLL(None).prctl(PR_GET_DUMPABLE, 0, 0, 0, 0)
    control(PR_SET_DUMPABLE, 0)
    try:
        yield
    finally:
        control(PR_SET_DUMPABLE, before)


@contextlib.contextmanager
def adopting() -> Iterator[None]:
    """While this lasts, orphans of all that we start come to us, on Linux; at the end, those that came are ended.

    For a command that starts nothing else: what a launcher that was killed has left behind is found by it.
    """
    before = frozenset(descendants(os.getpid()))
    control(PR_SET_CHILD_SUBREAPER, 1)
    try:
        yield
    finally:
        control(PR_SET_CHILD_SUBREAPER, 0)
        if sys.platform == "linux":
            end_descendants(os.getpid(), before)


def resident_bytes(process: int) -> int:
    """The resident size of a process; 0 where /proc does not tell."""
    try:
        return int(Path(f"/proc/{process}/statm").read_bytes().split()[1]) * PAGE
    except (OSError, IndexError, ValueError):
        return 0


def end_marked(mark: str) -> None:
    """Kill every process that inherited a worker's mark: so orphans are known where their launcher was killed."""
    wanted = f"{MARK}={mark}".encode()
    for entry in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if wanted in entry.read_bytes().split(b"\0") and int(entry.parent.name) != os.getpid():
                send(int(entry.parent.name), signal.SIGKILL)
