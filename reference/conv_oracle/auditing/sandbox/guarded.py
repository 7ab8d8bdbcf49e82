"""Memory between guard pages: what touches a byte beside an operand is seen, and told with its place.

A part of the program that a worker runs, in the interpreter of the subject: it needs the standard library alone. Linux.

On one side, data lie directly against pages that cannot be touched: a read or write of one byte too many ends the
process. On the other side, the rest of a page has a pattern, in which a write shows later; beyond are such pages too.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

PAGE = mmap.PAGESIZE
GUARD = 16 * PAGE
"""The bytes on each side that cannot be touched: also a row too many is seen, where it is not long."""

PATTERN = os.urandom(PAGE)
NO_ACCESS, WITH_INFORMATION = 0, 4
FAULTS = (signal.SIGSEGV, signal.SIGBUS)
SECONDS_TO_TELL = 2
"""A process that tells of its fault ends after so long, whatever holds it up."""

_libc, _end = ctypes.CDLL(None, use_errno=True), os._exit

Place = tuple[str, int]
"""A side, 'before' or 'behind', and the bytes from that edge: -1 is the last one before, 0 the first one behind."""


class Guarded(NamedTuple):
    """Bytes between guard pages. The memory is free when nothing refers to `data` any more.

    data: the bytes, to be read and written. pattern: the rest of their pages. address: of the first byte of `data`.
    side: where the guard page is next to them.
    """

    data: memoryview
    pattern: memoryview
    address: int
    side: str

    def written(self) -> Place | None:
        """Where the pattern was changed, as next to the data as it was; None where it was not."""
        size = len(self.pattern)
        if self.pattern == PATTERN[:size]:
            return None
        changed = [n for n, byte in enumerate(self.pattern) if byte != PATTERN[n]]
        return ("before", changed[-1] - size) if self.side == "behind" else ("behind", changed[0])

    def beside(self, address: int) -> Place | None:
        """Where beside the data an address is; None where it is none of this memory."""
        offset, room = address - self.address, GUARD + len(self.pattern)
        before, behind = (room, GUARD) if self.side == "behind" else (GUARD, room)
        if -before <= offset < 0:
            return "before", offset
        return ("behind", offset - len(self.data)) if 0 <= offset - len(self.data) < behind else None


def guarded(data: bytes, side: str) -> Guarded:
    """A copy of data, with guard pages directly 'before' or 'behind' it. Raises OSError where there is no memory."""
    size = -(-len(data) // PAGE) * PAGE or PAGE
    whole = mmap.mmap(-1, size + 2 * GUARD, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    first = ctypes.addressof(ctypes.c_char.from_buffer(whole))
    for start in (first, first + GUARD + size):
        if _libc.mprotect(ctypes.c_void_p(start), ctypes.c_size_t(GUARD), NO_ACCESS):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    view, rest = memoryview(whole)[GUARD : GUARD + size], size - len(data)
    begin = rest if side == "behind" else 0
    own, pattern = view[begin : begin + len(data)], view[:rest] if side == "behind" else view[len(data) :]
    own[:], pattern[:] = data, PATTERN[:rest]
    return Guarded(own, pattern, first + GUARD + begin, side)


class OverwrittenError(Exception):
    """Memory beside what a subject was given to write into was changed, in a way that stopped nothing."""

    def __init__(self, name: str, place: Place) -> None:
        """name: of the memory. place: where beside it."""
        super().__init__(name, place)
        self.name, self.place = name, place


class Room(NamedTuple):
    """Memory that a subject is given to write into, with something beside it in which a write shows.

    data: its bytes. written: where something was written beside it; None where nothing was. address: of its first byte.
    """

    name: str
    data: memoryview
    written: Callable[[], Place | None]
    address: int

    def check(self) -> None:
        """Raises OverwrittenError where something was written beside it."""
        if place := self.written():
            raise OverwrittenError(self.name, place)


WATCHING: list[Watch] = []
"""Who watches in this process at the moment, if anybody does."""


def room(name: str, size: int) -> Room:
    """Memory of this size, to be written into: between guard pages while operands lie there too, else between patterns.

    A call that is not watched is not ended by a byte too many: it is told all the same.
    """
    if WATCHING:
        watch = WATCHING[-1]
        own = guarded(bytes(size), watch.side)
        watch.memories.append((name, own))
        return Room(name, own.data, own.written, own.address)
    begin, end = PAGE, PAGE + size
    whole = memoryview(bytearray(end + PAGE))
    whole[:begin] = whole[end:] = PATTERN

    def written() -> Place | None:
        if whole[:begin] != PATTERN:
            return "before", max(n for n in range(PAGE) if whole[n] != PATTERN[n]) - PAGE
        if whole[end:] != PATTERN:
            return "behind", next(n for n in range(PAGE) if whole[end + n] != PATTERN[n])
        return None

    return Room(name, whole[begin:end], written, ctypes.addressof(ctypes.c_char.from_buffer(whole)) + begin)


class _Information(ctypes.Structure):
    """The beginning of C's siginfo_t."""

    _fields_ = (("signal", ctypes.c_int), ("error", ctypes.c_int), ("code", ctypes.c_int), ("address", ctypes.c_size_t))


class _Action(ctypes.Structure):
    """C's struct sigaction."""

    _fields_ = (
        ("handler", ctypes.c_size_t),
        ("mask", ctypes.c_ubyte * 128),
        ("flags", ctypes.c_int),
        ("restorer", ctypes.c_size_t),
    )


_HANDLER = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.POINTER(_Information), ctypes.c_void_p)


class Watch:
    """What tells of faults beside some memories: Python in a signal's handler, in a process that is about to end.

    memories: those that are watched, by name.
    """

    def __init__(self, report: Callable[[str, Place], object]) -> None:
        """report: called once with a name and a place; then the process ends."""
        self.memories: list[tuple[str, Guarded]] = []
        self._report = report
        self._handler = _HANDLER(self._handle)
        self._own = _Action(ctypes.cast(self._handler, ctypes.c_void_p).value, flags=WITH_INFORMATION)
        self._before = {int(number): _Action() for number in FAULTS}

    @contextmanager
    def on(self) -> Iterator[None]:
        """A context in which faults are told; a handler that is put in place meanwhile stays there."""
        for number, before in self._before.items():
            _libc.sigaction(number, ctypes.byref(self._own), ctypes.byref(before))
        WATCHING.append(self)
        try:
            yield
        finally:
            WATCHING.remove(self)
            for number, before in self._before.items():
                found = _Action()
                _libc.sigaction(number, ctypes.byref(before), ctypes.byref(found))
                if found.handler != self._own.handler:
                    _libc.sigaction(number, ctypes.byref(found), None)
            self.memories.clear()

    @property
    def side(self) -> str:
        """The side on which the guard pages of the memories are."""
        return self.memories[0][1].side if self.memories else "behind"

    def written(self) -> tuple[str, Place] | None:
        """The first memory beside which something was written that did not end the process, and where."""
        places = ((name, memory.written()) for name, memory in self.memories)
        return next(((name, place) for name, place in places if place), None)

    def _handle(self, number: int, information: ctypes._Pointer[_Information], _: object) -> None:
        """A fault beside a memory is told; any other one happens again on return, as if nothing watched."""
        _libc.sigaction(number, ctypes.byref(self._before[number]), None)
        places = ((name, memory.beside(information.contents.address)) for name, memory in self.memories)
        for name, place in places:
            if place:
                _libc.signal(int(signal.SIGALRM), None)
                _libc.alarm(SECONDS_TO_TELL)
                try:
                    self._report(name, place)
                finally:
                    _end(1)
        if information.contents.code <= 0:  # it was sent, and does not happen again by itself
            getattr(_libc, "raise")(number)
