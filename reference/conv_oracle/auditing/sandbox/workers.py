"""One worker of a sandbox: its process, its pipes, and the series that it has been sent."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from conv_oracle.auditing.sandbox.frames import Answer, Inbox, Introduction, Series
from conv_oracle.auditing.sandbox.processes import Process

MESSAGE_SERIES = 64
"""The most series in one message."""

SLOW_MESSAGE_SECONDS = 0.2
"""Where a message takes longer, the next one is smaller."""

Key = TypeVar("Key")


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

    tasks, answers, printed: descriptors of this side. outbox: bytes that its pipe has not taken yet. pending: series
    that are not answered yet. since: when it began its present call; pace: seconds per answer, smoothed.
    """

    process: Process
    tasks: int
    answers: int
    printed: int
    inbox: Inbox = field(default_factory=Inbox)
    outbox: bytearray = field(default_factory=bytearray)
    pending: deque[Pending[object]] = field(default_factory=deque)
    introduction: Introduction | None = None
    sent: int = 0
    answered: int = 0
    since: float = 0.0
    watched: float = 0.0
    filled: float = 0.0
    batch: int = 1
    full: bool = True
    pace: float = 0.0
    closed: bool = False

    def seconds_to_wait(self) -> float:
        """An estimate of the seconds until all pending answers are there, from its pace and its present call."""
        return len(self.pending) * max(self.pace, time.monotonic() - self.since if self.pending else 0.0)


def paced(series: int, seconds: float, *, full: bool) -> int:
    """The number of series for the next message, from the last one and its time: few for a slow subject."""
    if seconds > SLOW_MESSAGE_SECONDS:
        return max(1, series // 2)
    return min(MESSAGE_SERIES, 2 * series) if full else series


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
