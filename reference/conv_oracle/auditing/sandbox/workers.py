"""One worker of a sandbox: its process, its pipes, and the series that it has been sent."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from conv_oracle.auditing.sandbox.confinement import Confinement
from conv_oracle.auditing.sandbox.frames import Alike, Answer, Inbox, Introduction, Series, printable
from conv_oracle.auditing.sandbox.processes import JOINED, Limits, Process, source, spawn
from conv_oracle.auditing.targets import PLAIN, Making
from conv_oracle.errors import TargetError

MESSAGE_SERIES = 64
"""The most series in one message."""

SLOW_MESSAGE_SECONDS = 0.2
"""Where a message takes longer, the next one is smaller."""

SMOOTHING = 0.3
"""The weight of the last calls in a smoothed number of seconds."""

QUICK = 1e-3
"""What a call is taken to need that was answered together with a first one, before another was timed, in seconds."""

LONGER_THAN_BEFORE = 5.0
"""Once a first call did not end in time, another may take so many times as long as the longest that did."""

Key = TypeVar("Key")


@dataclass(frozen=True)
class Subject:
    """The subject to run, and how.

    target, arrays, device, limits, confine: as in AuditOptions. python: the path of the interpreter. timeout: seconds
    per call. compile_timeout: seconds of a first call, of a process or of an Alike in it, which may compile; by default
    as long as loading may take. It never gets less than any other call. making: how the target becomes a function.
    """

    target: str
    arrays: str
    device: str = "cpu"
    python: str = sys.executable
    timeout: float = 10.0
    limits: Limits = field(default_factory=Limits)
    compile_timeout: float | None = None
    confine: bool = False
    making: Making = PLAIN

    @property
    def function(self) -> str:
        """What calls of it are written as."""
        return self.making.named or self.target.rpartition(":")[2]

    @property
    def first_timeout(self) -> float:
        """The seconds that a first call may take."""
        chosen = self.limits.loading_seconds if self.compile_timeout is None else self.compile_timeout
        return max(chosen, self.timeout)


@dataclass
class Seconds:
    """How long calls take, as the audit waits for them.

    first, repeated: smoothed, of first calls and of others; 0 where there was none. longest: of the first calls that
    ended. unended: whether a first call did not end in time.
    """

    first: float = 0.0
    repeated: float = 0.0
    longest: float = 0.0
    unended: bool = False

    def note(self, seconds: float, *, first: bool) -> None:
        """Add a call that ended."""
        if first:
            self.first, self.longest = smoothed(self.first, seconds), max(self.longest, seconds)
        else:
            self.repeated = smoothed(self.repeated, seconds)

    def limit(self, subject: Subject, *, first: bool) -> float:
        """The seconds that a call may take. One that never ends costs the whole time of a first call once."""
        if first and self.unended:
            return min(subject.first_timeout, max(subject.timeout, LONGER_THAN_BEFORE * self.longest))
        return subject.first_timeout if first else subject.timeout


def smoothed(before: float, now: float) -> float:
    """A number that follows its last values."""
    return SMOOTHING * now + (1 - SMOOTHING) * before if before else now


@dataclass
class Pending(Generic[Key]):
    """A series that was sent to a worker. wanted: false once its answers are no longer needed."""

    key: Key
    series: Series
    number: int = 0
    answers: list[Answer] = field(default_factory=list)
    wanted: bool = True


@dataclass
class Worker:
    """A process, and what goes through its pipes.

    tasks, answers, printed: descriptors of this side. outbox: bytes that its pipe has not taken yet. said: the end of
    what it printed. pending: series that are not answered yet. since: when it began its present call. pace: seconds per
    answer, smoothed. known: what calls have ended in this process; seconds: how long they took.
    """

    process: Process
    tasks: int
    answers: int
    printed: int
    inbox: Inbox = field(default_factory=Inbox)
    outbox: bytearray = field(default_factory=bytearray)
    said: str = ""
    pending: deque[Pending[object]] = field(default_factory=deque)
    introduction: Introduction | None = None
    sent: int = 0
    answered: int = 0
    since: float = 0.0
    watched: float = 0.0
    filled: float = 0.0
    batch: int = 1
    full: bool = True
    closed: bool = False
    pace: float = 0.0
    known: set[Alike] = field(default_factory=set)
    seconds: Seconds = field(default_factory=Seconds)

    @property
    def calls_first(self) -> bool:
        """Whether the present call is the first of its kind in this process, which may compile."""
        return bool(self.pending) and self.pending[0].series.alike not in self.known

    def note(self, answers: Sequence[tuple[Series, int]]) -> None:
        """Note answers that have arrived together, as series and step; reading an answer again is no call.

        Where a first call is among them, the seconds beyond what other calls are known to take are its.
        """
        if not answers:
            return
        now = time.monotonic()
        seconds, firsts = now - self.since, list[bool]()
        for series, _ in answers:
            firsts.append(series.alike not in self.known)
            self.known.add(series.alike)
        each = seconds / len(answers)
        self.pace = smoothed(self.pace, each)
        if count := sum(firsts):
            each = min(each, self.seconds.repeated or QUICK)
            first = (seconds - each * (len(answers) - count)) / count
        for (series, step), is_first in zip(answers, firsts, strict=True):
            if series.steps[step][0] != "reread":
                self.seconds.note(first if is_first else each, first=is_first)
        self.answered += len(answers)
        self.since = now

    def seconds_to_wait(self) -> float:
        """An estimate of the seconds until all pending answers are there, from its pace and its present call."""
        return len(self.pending) * max(self.pace, time.monotonic() - self.since if self.pending else 0.0)


def spawned(
    subject: Subject,
    script: str,
    pass_fds: Sequence[int],
    output: int,
    confined: Confinement | None,
    *,
    threads: bool = False,
) -> Process:
    """A process in the subject's interpreter and limits, as `spawn`. Raises TargetError where it cannot be started."""
    try:
        return spawn(
            subject.python,
            script,
            pass_fds=pass_fds,
            output=output,
            limits=subject.limits,
            confined=confined,
            threads=threads,
            besides=subject.making.environment,
        )
    except OSError as error:
        raise TargetError(
            f"--python takes a Python interpreter: python={subject.python!r} cannot be started ({error.strerror})"
        ) from None


def started(subject: Subject, seconds: Seconds, confined: Confinement | None, *, threads: bool) -> Worker:
    """A worker whose process has just begun. Raises TargetError where the interpreter cannot be started.

    seconds: where the times of its calls are noted. threads: whether its libraries may use as many as they like.
    """
    task_read, task_write = os.pipe()
    answer_read, answer_write = os.pipe()
    output_read, output_write = os.pipe()
    call = f"main({task_read}, {answer_write}, {subject.arrays!r}, {subject.device!r}, {subject.making.maker})"
    files = (*(f"targets/{name}" for name in subject.making.files), *(f"sandbox/{name}" for name in JOINED))
    program, given = f"{source(*files)}\n{call}\n", (task_read, answer_write)
    try:
        process = spawned(subject, program, given, output_write, confined, threads=threads)
    except TargetError:
        for descriptor in (task_write, answer_read, output_read):
            os.close(descriptor)
        raise
    finally:
        for descriptor in (*given, output_write):
            os.close(descriptor)
    for descriptor in (task_write, answer_read, output_read):
        os.set_blocking(descriptor, False)
    return Worker(process, task_write, answer_read, output_read, since=time.monotonic(), seconds=seconds)


def paced(series: int, seconds: float, *, full: bool) -> int:
    """The number of series for the next message, from the last one and its time: few for a slow subject."""
    if seconds > SLOW_MESSAGE_SECONDS:
        return max(1, series // 2)
    return min(MESSAGE_SERIES, 2 * series) if full else series


def last_line(printed: str) -> str:
    """The last line of what a subject printed, to follow a message; '' where there is none."""
    lines = [line for line in printed.splitlines() if line.strip()]
    return f"; {printable(lines[-1])}" if lines else ""


class Source(Generic[Key]):
    """An iterator of keys and series that knows whether it is exhausted."""

    def __init__(self, items: Iterator[tuple[Key, Series]]) -> None:
        """Nothing is taken of it yet."""
        self._items = items
        self._next: tuple[Key, Series] | None = None

    @property
    def empty(self) -> bool:
        """Whether there is no next one."""
        if self._next is None:
            self._next = next(self._items, None)
        return self._next is None

    def take(self) -> Pending[Key]:
        """The next one. Raises IndexError where there is none."""
        if self.empty or self._next is None:
            raise IndexError("no series is left")
        key, series = self._next
        self._next = None
        return Pending(key, series)
