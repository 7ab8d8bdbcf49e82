"""Runs a command, and leaves no process of it behind.

One self-contained file, read from standard input by an interpreter of its own, with a call of main() at its end: so no
command line says what it is. It limits the command's open files and file sizes, takes from it what would get around the
kernel's protection of other processes, and waits until the command ends, whose status becomes its own, or the pipe or
its parent does. Then it kills every descendant, also those that left the command's session or lost their parent: on
Linux the launcher adopts orphans, whatever they did to their session and environment.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import resource
import select
import signal
import sys
import time

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER = 1, 4, 24, 36
PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 38, 47, 4
SECONDS_TO_END = 5.0

SEES_OTHERS = {
    "CAP_SYS_MODULE": 16,
    "CAP_SYS_RAWIO": 17,
    "CAP_SYS_PTRACE": 19,
    "CAP_SYS_ADMIN": 21,
    "CAP_MKNOD": 27,
    "CAP_PERFMON": 38,
    "CAP_BPF": 39,
    "CAP_CHECKPOINT_RESTORE": 40,
}
"""What a privileged process reads the memory of others with, by itself or through the kernel or a device."""

CAPABILITY_VERSION = 0x20080522

CREATE_RULESET, RESTRICT_SELF = 444, 446
BIND_TCP, CONNECT_TCP = 1, 2
ALL_SCOPES, SCOPES_SINCE = 3, 6
"""Landlock's calls and flags; abstract sockets and signals are scoped from its version 6 on."""


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
    while time.monotonic() < end and (left := [one for one in descendants(process) if one not in spared and runs(one)]):
        for other in left:
            send(other, signal.SIGKILL)
        if process == os.getpid():
            reap()
        time.sleep(0.001)
    if process == os.getpid():
        reap()


def runs(process: int) -> bool:
    """Whether a process is there, and does not merely wait for a parent that may be stopped to take note of its end."""
    try:
        with open(f"/proc/{process}/stat") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def reap() -> None:
    """Take note of the children that have ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def send(process: int, number: int) -> None:
    """Send a signal to a process that may be gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(process, number)


def control(option: int, value: int, third: int = 0) -> None:
    """Call prctl on Linux; elsewhere do nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, third, 0, 0)


Confined = tuple[str, list[str]]
"""The directory that landlock is imported from, and the files and directories that may be written to."""


def main(pipe: int, files: int, size: int, script: int, words: list[str], confined: Confined | None) -> None:
    """Start a command, wait until it or this process has to end, and clean up.

    pipe: the descriptor whose other side is closed when this process has to end. files, size: the most open files, and
    bytes of a file. script: the descriptor that becomes the command's standard input. words: the command. confined:
    None where it may write wherever the user may.
    """
    os.set_inheritable(pipe, False)
    read_nothing()
    parent = os.getppid()
    control(PR_SET_DUMPABLE, 0)
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
        stand_between(files, size, script, words, confined)
    os.close(script)
    status = wait(child, pipe, woken, parent)
    end_descendants(os.getpid())
    end_like(status)


def read_nothing() -> None:
    """Let standard input, which this file came from, be empty."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)


def end_like(status: int | None) -> None:
    """End with the status of a child: its exit code or its signal."""
    if status is not None and os.WIFSIGNALED(status):
        signal.signal(os.WTERMSIG(status), signal.SIG_DFL) if os.WTERMSIG(status) != signal.SIGKILL else None
        os.kill(os.getpid(), os.WTERMSIG(status))
    os._exit(os.WEXITSTATUS(status) if status is not None else 0)


def stand_between(files: int, size: int, script: int, words: list[str], confined: Confined | None) -> None:
    """Run as the parent of the command, so that killing the parent does not kill the launcher that cleans up."""
    control(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    child = os.fork()
    if not child:
        run(files, size, script, words, confined)
    os.close(script)
    _, status = os.waitpid(child, 0)
    end_like(status)


def run(files: int, size: int, script: int, words: list[str], confined: Confined | None) -> None:
    """Become the command, which dies with its parent, cannot write without end, and has no more rights than a user."""
    control(PR_SET_PDEATHSIG, signal.SIGKILL)
    for limit, most in ((resource.RLIMIT_NOFILE, files), (resource.RLIMIT_FSIZE, size), (resource.RLIMIT_CORE, 0)):
        _, hard = resource.getrlimit(limit)
        wanted = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (wanted, wanted))
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    give_up_capabilities()
    if confined:
        confine(*confined)
    os.dup2(script, 0)
    os.close(script)
    try:
        os.execv(words[0], words)  # noqa: S606 - there is no shell to want
    except OSError:
        os._exit(127)


def give_up_capabilities() -> None:
    """Let no program that this process becomes or starts have a capability of SEES_OTHERS, or more rights by its file.

    They leave the bounding set, which caps what root has after exec; nothing is inherited besides. Linux only.
    """
    if sys.platform != "linux":
        return
    for number in SEES_OTHERS.values():
        control(PR_CAPBSET_DROP, number)
    control(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    libc, header = ctypes.CDLL(None), (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted and inheritable, twice
    if libc.capget(header, sets) == 0:
        sets[2] = sets[5] = 0
        libc.capset(header, sets)
    control(PR_SET_NO_NEW_PRIVS, 1)


def confine(library: str, writable: list[str]) -> None:
    """Let this process and its descendants write nowhere else, use no TCP, and signal none but their own, by Landlock.

    The library restricts files; for the network and signals the kernel is called as it documents.
    """
    sys.path.append(library)
    landlock = importlib.import_module("landlock")
    access, version = landlock.FSAccess, landlock.landlock_abi_version()
    to_files = access.WRITE_FILE | access.TRUNCATE
    makes = access.MAKE_CHAR | access.MAKE_DIR | access.MAKE_REG | access.MAKE_SOCK | access.MAKE_FIFO
    makes |= access.MAKE_BLOCK | access.MAKE_SYM | access.REMOVE_DIR | access.REMOVE_FILE | access.REFER
    rules = landlock.Ruleset(to_files | makes)
    for path in writable:
        rules.allow(path, rules=to_files | makes if os.path.isdir(path) else to_files)  # noqa: PTH112
    rules.apply()
    scoped = ALL_SCOPES if version >= SCOPES_SINCE else 0
    attributes = (ctypes.c_uint64 * 3)(0, BIND_TCP | CONNECT_TCP, scoped)
    libc = ctypes.CDLL(None, use_errno=True)
    ruleset = libc.syscall(CREATE_RULESET, attributes, ctypes.c_size_t(24 if scoped else 16), 0)
    if ruleset < 0 or libc.syscall(RESTRICT_SELF, ruleset, 0) != 0:
        raise OSError(ctypes.get_errno(), "Landlock restricts no TCP")
    os.close(ruleset)


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
