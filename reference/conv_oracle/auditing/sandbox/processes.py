"""Untrusted processes: started within limits, watched, and ended with all their descendants."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from conv_oracle.auditing.sandbox.confinement import Confinement
from conv_oracle.auditing.sandbox.launcher import (
    PR_SET_CHILD_SUBREAPER,
    PR_SET_DUMPABLE,
    control,
    descendants,
    end_descendants,
    send,
)

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""One thread per worker unless the user's environment says otherwise: small problems on many threads mostly wait."""

FUTURE = "from __future__ import annotations\n"
"""What must come first in a program, and in each file of it."""

JOINED = ("derivatives", "adapters", "manners", "guarded", "sparse", "performing", "worker")
"""The files of a worker's program in this room, in the order of what they use of each other; what makes the subject
comes first."""

_OURS = re.compile(r"^from conv_oracle\S* import (\([^)]*\)|.*)\n", re.MULTILINE)

PR_GET_DUMPABLE = 3
PAGE = os.sysconf("SC_PAGE_SIZE")
WHOLE_TREE_SECONDS = 0.25

Trouble = tuple[Literal["out-of-memory", "crashed"], str]


@dataclass(frozen=True)
class Limits:
    """The resources of a worker and its descendants.

    memory_bytes: resident memory of all together (an address-space limit would break CUDA). processes: their number.
    open_files, file_bytes: of each process, the number of open files, and the size of a file in bytes.
    loading_seconds: the time limit for loading the target. ending_seconds: the time a launcher has to end.
    """

    memory_bytes: int = 4 << 30
    processes: int = 64
    open_files: int = 4096
    file_bytes: int = 4 << 30
    loading_seconds: float = 120.0
    ending_seconds: float = 6.0


class Process:
    """A worker with its launcher; once it is ended, none of its descendants runs."""

    def __init__(self, launcher: subprocess.Popen[bytes], pipe: int, limits: Limits, mark: str) -> None:
        """Closing `pipe` ends the worker."""
        self._launcher = launcher
        self._pipe = pipe
        self._limits = limits
        self._mark = mark
        self._tree = [launcher.pid]
        self._looked = 0.0
        self._released: float | None = None

    def ended(self) -> str | None:
        """How the process ended, as text; None while it runs."""
        try:
            code = self._launcher.wait(1)
        except subprocess.TimeoutExpired:
            return None
        return f"the process was terminated by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    def trouble(self) -> Trouble | None:
        """The limit that the process tree exceeds, and a description; None where there is none."""
        if time.monotonic() - self._looked > WHOLE_TREE_SECONDS:
            self._looked = time.monotonic()
            self._tree = descendants(self._launcher.pid)
        if len(self._tree) > self._limits.processes:
            return "crashed", f"ended, as it ran {len(self._tree)} processes: {self._limits.processes} are allowed"
        held, most = sum(map(resident_bytes, self._tree)), self._limits.memory_bytes
        return ("out-of-memory", f"it held {held >> 20} MiB: {most >> 20} MiB are allowed") if held > most else None

    def release(self) -> None:
        """Tell the launcher to end, and do not wait for it."""
        if self._released is None:
            self._released = time.monotonic()
            send(self._launcher.pid, signal.SIGCONT)
            os.close(self._pipe)

    def end(self) -> None:
        """End the process and all its descendants, also those that the launcher failed to end."""
        self.release()
        waited = time.monotonic() - (self._released or 0.0)
        try:
            self._launcher.wait(max(self._limits.ending_seconds - waited, 0.01))
        except subprocess.TimeoutExpired:
            end_descendants(self._launcher.pid)
            self._launcher.kill()
            self._launcher.wait()
        if self._launcher.returncode or sys.platform != "linux":
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._launcher.pid, signal.SIGKILL)
            end_marked(self._mark)


def spawn(
    python: str,
    script: str,
    *,
    pass_fds: Sequence[int],
    output: int,
    limits: Limits,
    confined: Confinement | None = None,
    threads: bool = False,
    besides: Mapping[str, str] | None = None,
) -> Process:
    """Start a Python program in a session of its own, under a launcher. Raises OSError where it cannot be started.

    python: the interpreter. script: the source of the program, that it reads from its standard input: neither a file
    nor a command line tells what it is. pass_fds: descriptors that it inherits. output: the descriptor of its stdout
    and stderr. confined: where it may write, if not wherever the user may. threads: whether libraries may use as many
    threads as they like, as without an audit. besides: what its environment has besides the user's.
    """
    words, mark = [executable(python), "-"], f"{secrets.token_hex(4)}={secrets.token_hex(8)}"
    name, _, value = mark.partition("=")
    end, pipe = os.pipe()
    program = in_memory(script)
    within = (confined.library, confined.writable) if confined else None
    call = f"main({end}, {limits.open_files}, {limits.file_bytes}, {program}, {words!r}, {within!r})"
    launcher = in_memory(f"{source('sandbox/launcher')}\n{call}\n")
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-"],
            stdin=launcher,
            stdout=output,
            stderr=output,
            pass_fds=(end, program, *pass_fds),
            start_new_session=True,
            env={
                **_environment(threads=threads),
                **(besides or {}),
                **(confined.environment if confined else {}),
                name: value,
            },
        )
    except OSError:
        os.close(pipe)
        raise
    finally:
        for descriptor in (end, program, launcher):
            os.close(descriptor)
    return Process(process, pipe, limits, mark)


def _environment(*, threads: bool) -> dict[str, str]:
    """The environment of a worker: the user's, with one thread a library unless that says otherwise."""
    if threads:
        return {name: value for name, value in os.environ.items() if name not in THREADS}
    return {**dict.fromkeys(THREADS, "1"), **os.environ}


@functools.cache
def source(*names: str) -> str:
    """The text of files that run by themselves, as room/name, joined: what they import of each other is there."""
    rooms = Path(__file__).parents[1]
    texts = [rooms.joinpath(f"{name}.py").read_text(encoding="utf-8") for name in names]
    return "\n".join([FUTURE, *(_OURS.sub("", text.replace(FUTURE, "")) for text in texts)])


def in_memory(text: str) -> int:
    """A descriptor of a file without a name that has this text, at its beginning."""
    if sys.platform == "linux":
        descriptor = os.memfd_create("")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.write(descriptor, text.encode())
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def executable(word: str) -> str:
    """The file that a command's first word names. Raises FileNotFoundError."""
    found = shutil.which(word)
    if found is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), word)
    return found


@contextlib.contextmanager
def unreadable() -> Iterator[None]:
    """A context in which, on Linux, other processes of the user cannot read this one's memory or descriptors."""
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
    """A context in which, on Linux, this process adopts orphaned descendants; at its end they are killed.

    For a command that starts nothing else: it finds what a killed launcher has left behind.
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
    """The resident memory of a process in bytes; 0 where /proc does not show it."""
    try:
        return int(Path(f"/proc/{process}/statm").read_bytes().split()[1]) * PAGE
    except (OSError, IndexError, ValueError):
        return 0


def end_marked(mark: str) -> None:
    """Kill every process whose environment has a worker's mark: this finds orphans of a killed launcher."""
    wanted = mark.encode()
    for entry in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if wanted in entry.read_bytes().split(b"\0") and int(entry.parent.name) != os.getpid():
                send(int(entry.parent.name), signal.SIGKILL)
