"""Right convolutions that look around, and write down what they see in the file that PRIED names."""

import ctypes
import json
import multiprocessing
import os
import socket
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from faulty_subjects import right

PTRACE_ATTACH, PTRACE_DETACH = 16, 17
SAID = []


def say(**seen):
    """Once in each process."""
    if not SAID:
        SAID.append(seen)
        with Path(os.environ["PRIED"]).open("a") as file:
            file.write(json.dumps(seen) + "\n")


def ancestors():
    """All of them, but for the first process of the machine."""
    process = os.getpid()
    while (process := int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])) > 1:
        yield process


def memory_of(process):
    """What of a process's memory can be read, written or stopped at: the names of the ways that are open."""
    libc, ways = ctypes.CDLL(None, use_errno=True), []
    room = ctypes.create_string_buffer(8)
    here = (ctypes.c_size_t * 2)(ctypes.addressof(room), 8)
    for name, flags in (("read", os.O_RDONLY), ("write", os.O_WRONLY)):
        try:
            os.close(os.open(f"/proc/{process}/mem", flags))
            ways.append(f"/proc/PID/mem: {name}")
        except OSError:
            pass
    for name in ("process_vm_readv", "process_vm_writev"):
        ctypes.set_errno(0)
        getattr(libc, name)(process, here, 1, here, 1, 0)
        if ctypes.get_errno() != 1:  # EPERM; a bad address would mean that it was tried
            ways.append(name)
    if libc.ptrace(PTRACE_ATTACH, process, None, None) == 0:
        ways.append("ptrace")
        os.waitpid(process, 0x40000000)
        libc.ptrace(PTRACE_DETACH, process, None, None)
    try:
        os.readlink(f"/proc/{process}/fd/1")  # noqa: PTH115
        ways.append("/proc/PID/fd")
    except OSError:
        pass
    return ways


def reads_memory(x, w, bias=None, **geometry):
    above = list(ancestors())
    audit = above.index(int(os.environ["AUDIT"]))
    say(ways={process: memory_of(process) for process in above[: audit + 1]}, itself=memory_of(os.getpid()))
    return right(x, w, bias, **geometry)


def looks_around(x, w, bias=None, **geometry):
    above = list(ancestors())
    launchers = above[: above.index(int(os.environ["AUDIT"]))]
    texts = [Path(f"/proc/{process}/cmdline").read_text() for process in ("self", *launchers)]
    files = [os.path.realpath(f"/proc/self/fd/{number}") for number in (0, 1, 2)]
    say(words=texts, arguments=sys.argv, environment=dict(os.environ), files=files, base=str(type(x.base)))
    return right(x, w, bias, **geometry)


POOLS = {}


def in_a_pool(method, *args, **kwargs):
    """Computed by another process, started as multiprocessing does it."""
    if method not in POOLS:
        POOLS[method] = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(method))
    return POOLS[method].submit(right, *args, **kwargs).result()


def spawns(x, w, bias=None, **geometry):
    return in_a_pool("spawn", x, w, bias, **geometry)


def forks(x, w, bias=None, **geometry):
    return in_a_pool("fork", x, w, bias, **geometry)


def asks_a_server_to_fork(x, w, bias=None, **geometry):
    return in_a_pool("forkserver", x, w, bias, **geometry)


def outcome_of(action):
    """'' where something could be done, and the exception's type where not."""
    try:
        action()
    except OSError as error:
        return type(error).__name__
    return ""


def writes_everywhere(x, w, bias=None, **geometry):
    def connects():
        socket.create_connection(("127.0.0.1", int(os.environ["PORT"])), 1).close()

    def listens():
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))

    temporary, place = Path(tempfile.gettempdir()), Path(os.environ["PLACE"])
    tried = {
        "a file": lambda: (place / "new").write_text(""),
        "a known file": lambda: (place / "known").write_text(""),
        "the end of a file": lambda: (place / "known").open("a").close(),
        "truncate": lambda: os.truncate(place / "known", 0),
        "rename": lambda: (place / "second").rename(place / "other"),
        "remove": (place / "other").unlink,
        "link": lambda: (place / "link").symlink_to("known"),
        "directory": (place / "folder").mkdir,
        "here": lambda: Path("litter").write_text(""),
        "connect": connects,
        "listen": listens,
        "signal": lambda: os.kill(int(os.environ["AUDIT"]), 0),
    }
    allowed = {
        "temporary": lambda: (temporary / "a" / "b").mkdir(parents=True, exist_ok=True),
        "temporary file": lambda: (temporary / "a" / "c").write_text(""),
        "device": lambda: Path(os.devnull).write_text("x"),
        "shared memory": multiprocessing.Semaphore,
        "read": (place / "known").read_text,
    }
    if not SAID:
        SAID.append(None)
        told = {name: outcome_of(action) for name, action in (*tried.items(), *allowed.items())}
        print("SAID", json.dumps([told, str(temporary)]), flush=True)  # noqa: T201 - it cannot write a file
    return right(x, w, bias, **geometry)
