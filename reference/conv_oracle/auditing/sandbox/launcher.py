"""Runs a command, and leaves no process of it behind.

    launcher.py CONTROL OPEN_FILES FILE_BYTES COMMAND...

One self-contained file, run in an interpreter of its own. It limits the command's open files and file sizes, and waits
until the command ends, whose status becomes its own, or the pipe CONTROL or its parent does. Then it kills every
descendant, also those that left the command's session or lost their parent: on Linux the launcher adopts orphans,
whatever they did to their session and environment.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import select
import signal
import sys
import time

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
SECONDS_TO_END = 5.0


def descendants(process: int) -> list[int]:
    """The ids of all descendants of a process that /proc lists."""
    found, waiting = [], [process]
    while waiting:
        parent = waiting.pop()
        with contextlib.suppress(OSError):
            for thread in os.listdir(f"/proc/{parent}/task"):  # noqa: PTH208 - this file asks little of its interpreter
                with contextlib.suppress(OSError), open(f"/proc/{parent}/task/{thread}/children") as file:  # noqa: PTH123
                    children = [int(word) for word in file.read().split()]
                found += children
                waiting += children
    return found


def end_descendants(process: int, spared: frozenset[int] = frozenset()) -> None:
    """Kill all descendants of a process but `spared`; all are stopped first, so that none starts another meanwhile."""
    end, stopped = time.monotonic() + SECONDS_TO_END, set[int]()
    while time.monotonic() < end:
        new = [other for other in descendants(process) if other not in stopped and other not in spared]
        if not new:
            break
        for other in new:
            send(other, signal.SIGSTOP)
        stopped.update(new)
    while time.monotonic() < end and (left := set(descendants(process)) - spared):
        for other in left:
            send(other, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.001)


def send(process: int, number: int) -> None:
    """Send a signal to a process that may be gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(process, number)


def control(option: int, value: int) -> None:
    """Call prctl on Linux; elsewhere do nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def main() -> None:
    """Start the command, wait until it or this process has to end, and clean up."""
    pipe, files, size = map(int, sys.argv[1:4])
    os.set_inheritable(pipe, False)
    parent = os.getppid()
    control(PR_SET_CHILD_SUBREAPER, 1)
    control(PR_SET_PDEATHSIG, signal.SIGTERM)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    child = os.fork()
    if not child:
        stand_between(files, size)
    status = wait(child, pipe, woken, parent)
    end_descendants(os.getpid())
    end_like(status)


def end_like(status: int | None) -> None:
    """End with the status of a child: its exit code or its signal."""
    if status is not None and os.WIFSIGNALED(status):
        signal.signal(os.WTERMSIG(status), signal.SIG_DFL) if os.WTERMSIG(status) != signal.SIGKILL else None
        os.kill(os.getpid(), os.WTERMSIG(status))
    os._exit(os.WEXITSTATUS(status) if status is not None else 0)


def stand_between(files: int, size: int) -> None:
    """Run as the parent of the command, so that killing the parent does not kill the launcher that cleans up."""
    control(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    child = os.fork()
    if not child:
        run(files, size)
    _, status = os.waitpid(child, 0)
    end_like(status)


def run(files: int, size: int) -> None:
    """Become the command, which dies with its parent and cannot write without end."""
    control(PR_SET_PDEATHSIG, signal.SIGKILL)
    for limit, most in ((resource.RLIMIT_NOFILE, files), (resource.RLIMIT_FSIZE, size), (resource.RLIMIT_CORE, 0)):
        _, hard = resource.getrlimit(limit)
        wanted = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (wanted, wanted))
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        os.execv(sys.argv[4], sys.argv[4:])  # noqa: S606 - there is no shell to want
    except OSError:
        os._exit(127)


def wait(child: int, pipe: int, woken: int, parent: int) -> int | None:
    """The status of the command, or None where this process has to end first."""
    while True:
        ended, status = os.waitpid(-1, os.WNOHANG)
        if ended == child:
            return status
        if ended:
            continue
        ready, _, _ = select.select([pipe, woken], [], [], 1.0)
        if pipe in ready or os.getppid() != parent:
            return None
        if woken in ready and signal.SIGTERM in os.read(woken, 4096):
            return None


if __name__ == "__main__":
    main()
