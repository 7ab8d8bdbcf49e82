"""The audit's side of the sandbox: worker processes, the calls that they get, and the answers that they return.

A worker is another process, in a session of its own, that gets the operands and never the truth. Whatever it does
(crash, hang, fill memory, write garbage) costs only the problem at hand; a fresh worker continues with the next.
"""

from __future__ import annotations

import contextlib
import math
import os
import selectors
import shutil
import time
from collections import deque
from collections.abc import Iterable, Iterator

from conv_oracle.auditing.sandbox.confinement import Confinement, confinement
from conv_oracle.auditing.sandbox.frames import (
    HEADER_BYTES,
    SAID_LAST,
    Answer,
    Introduction,
    MalformedError,
    Series,
    introduction,
    message,
)
from conv_oracle.auditing.sandbox.workers import (
    Key,
    Pending,
    Seconds,
    Source,
    Subject,
    Worker,
    last_line,
    paced,
    started,
)
from conv_oracle.errors import SubjectError

MESSAGE_BYTES, PRINTED_BYTES, PIPE_BYTES = 1 << 20, 1 << 16, 1 << 16
"""The last is what a pipe holds: no read gets more."""

LOADED_AGAIN = 5.0
"""Reloading may take so many times as long as the first load, or as long as a call."""

MOST_FAILED_LOADS = 3
UNWANTED_SECONDS = 1.0
"""The seconds after which a worker with unwanted calls is ended."""

WATCH_SECONDS = 0.1
GONE = "the target could not be reloaded"
PIPE_CLOSED = "its pipe was closed while the process kept running"
LAST_WORDS = 1000
UNASKED = "an answer to a call that was not made"
OVER = Answer("harness-fault", types=("TimeoutError",), text="the time of the audit was over")


class Sandbox:
    """Workers for one subject. Use as a context manager: at its end every process that it started is gone."""

    def __init__(self, subject: Subject, jobs: int = 1) -> None:
        """Processes start when they are needed: at most `jobs` at a time, and a spare after one was lost."""
        self.subject = subject
        self.jobs = jobs
        self.printed = ""
        self._end, self._last, self._stop = math.inf, math.inf, math.inf
        self._longest_lived = 0
        self._first_load = 0.0
        self._failed_loads = 0
        self._seconds = Seconds()
        self._confined: Confinement | None = None
        self._workers: list[Worker] = []
        self._spares: list[Worker] = []
        self._threaded: list[Worker] = []
        self._selector = selectors.DefaultSelector()
        self._again: deque[Pending[object]] = deque()
        self._source: Source[object] = Source(iter(()))

    def __enter__(self) -> Sandbox:
        if self.subject.confine:
            self._confined = confinement()
        return self

    def __exit__(self, *_: object) -> None:
        for end in (lambda worker: worker.process.release(), self._let_go):
            for worker in [*self._workers, *self._spares, *self._threaded]:
                end(worker)
        self._selector.close()
        if self._confined:
            shutil.rmtree(self._confined.temporary, ignore_errors=True)

    def bound(self, seconds: float) -> None:
        """From now on, wait for answers for so many seconds at most, whatever the subject does."""
        self._last = time.monotonic() + seconds

    def allow(self, seconds: float) -> None:
        """From now on, begin calls for so many seconds, but for a first call that did not end.

        A call that runs then is waited for, within its own limit. Later ones are answered by a harness fault.
        """
        self._end = min(time.monotonic() + seconds, self._last)

    @property
    def over(self) -> bool:
        """Whether no call is begun any more."""
        return time.monotonic() > self._end

    @property
    def longest_lived(self) -> int:
        """The most calls that one process has answered."""
        return max(self._longest_lived, *(worker.answered for worker in (*self._workers, *self._spares)), 0)

    @property
    def first_call_seconds(self) -> float:
        """The seconds of a first call of a process, or of one kind in it, smoothed; 0 before the first."""
        return self._seconds.first

    @property
    def call_seconds(self) -> float:
        """The seconds of any other call, as the audit waits for it, smoothed; 0 before the first."""
        return self._seconds.repeated

    def begin(self) -> None:
        """Start the first worker, which loads the subject meanwhile."""
        self._workers.append(self._start())

    def introduce(self) -> Introduction:
        """The subject, loaded by the first worker. Raises SubjectError, in one line, where that fails."""
        if not self._workers:
            self.begin()
        worker = self._workers[0]
        while worker.introduction is None:
            self._wait(WATCH_SECONDS)
            try:
                self._meet(worker)
            except MalformedError as error:
                raise SubjectError(f"the target's process wrote malformed output while loading: {error}") from None
            if worker.introduction is None and (trouble := self._trouble(worker)):
                self._drain_output(worker)
                raise SubjectError(
                    f"the target must load: target={self.subject.target!r}; {trouble.text}{last_line(self.printed)}"
                )
        return worker.introduction

    def fresh(self) -> None:
        """End all workers, so that a fresh process answers the next call: the spare, where there is one."""
        for worker in list(self._workers):
            self._let_go(worker)

    def prepare(self, fresh: int, *, threaded: bool) -> None:
        """Start so many processes that are fresh later, and one for `threaded`: they load meanwhile."""
        while len(self._spares) < fresh:
            self._spares.append(self._start())
        if threaded:
            self._threaded.append(self._start(threads=True))

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """A context in which one fresh process answers all calls."""
        jobs, self.jobs = self.jobs, 1
        self.fresh()
        try:
            yield
        finally:
            self.jobs = jobs
            self.fresh()

    @contextlib.contextmanager
    def threaded(self) -> Iterator[None]:
        """A context in which one other process answers, whose libraries use as many threads as they like."""
        jobs, self.jobs, aside = self.jobs, 1, self._workers
        self._workers = [self._threaded.pop() if self._threaded else self._start(threads=True)]
        try:
            yield
        finally:
            self.fresh()
            self.jobs, self._workers = jobs, aside

    def ask(
        self, groups: Iterable[tuple[Key, Series]], until: float = math.inf
    ) -> Iterator[tuple[Key, tuple[Answer, ...]]]:
        """Send the series, and yield each key with its answers as they arrive; in order, where there is one worker.

        Where a worker fails, the last answer of the series says how, and later steps have none. The iterator may be
        dropped early. until: when it ends, on time.monotonic's clock; a call that runs then is waited for.
        """
        source = self._source = Source(iter(groups))
        self._stop = min(until, self._end)
        try:
            while (more := bool(self._again or not source.empty)) or any(worker.pending for worker in self._workers):
                late = time.monotonic() > self._stop
                if late and not any(worker.pending for worker in self._workers):
                    if not self.over:
                        return
                    yield self._next(source).key, (OVER,)  # type: ignore[misc]
                    continue
                if more and not late and self._failed_loads >= MOST_FAILED_LOADS:
                    yield self._next(source).key, (Answer("crashed", text=GONE),)  # type: ignore[misc]
                    continue
                while more and not late and len(self._workers) < self.jobs:
                    self._workers.append(self._spares.pop() if self._spares else self._start())
                for worker in self._workers if not late else ():
                    self._fill(worker, source)
                self._wait(WATCH_SECONDS)
                for worker in list(self._workers):
                    for answered in self._collect(worker):
                        left = time.monotonic()
                        yield answered  # type: ignore[misc]
                        self._pause(time.monotonic() - left)
        finally:
            self._again.clear()
            self._stop = self._end
            for worker in list(self._workers):
                if worker.seconds_to_wait() > UNWANTED_SECONDS:
                    self._let_go(worker)
                for pending in worker.pending:
                    pending.wanted = False

    def _next(self, source: Source[object]) -> Pending[object]:
        """The next series to send."""
        return self._again.popleft() if self._again else source.take()

    def _pause(self, seconds: float) -> None:
        """Do not charge the workers for seconds in which no answers were read."""
        for worker in (*self._workers, *self._spares):
            worker.since += seconds

    def _start(self, *, threads: bool = False) -> Worker:
        worker = started(self.subject, self._seconds, self._confined, threads=threads)
        self._selector.register(worker.answers, selectors.EVENT_READ, worker)
        self._selector.register(worker.printed, selectors.EVENT_READ, worker)
        self._send(worker, message({"target": self.subject.target, "words": self.subject.making.words}))
        return worker

    def _send(self, worker: Worker, data: bytes) -> None:
        worker.outbox += data
        self._flush(worker)

    def _flush(self, worker: Worker) -> None:
        registered = worker.tasks in self._selector.get_map()
        try:
            while worker.outbox:
                del worker.outbox[: os.write(worker.tasks, worker.outbox)]
        except BlockingIOError:
            if not registered:
                self._selector.register(worker.tasks, selectors.EVENT_WRITE, worker)
            return
        except OSError:
            worker.outbox.clear()
        if registered:
            self._selector.unregister(worker.tasks)

    def _fill(self, worker: Worker, source: Source[object]) -> None:
        """Keep two messages in flight."""
        while worker.introduction and len(worker.pending) <= worker.batch and not worker.closed:
            worker.batch = paced(worker.batch, time.monotonic() - worker.filled, full=worker.full)
            worker.filled = time.monotonic()
            batch: list[Pending[object]] = []
            size = 0
            while len(batch) < worker.batch and size < MESSAGE_BYTES and (self._again or not source.empty):
                batch.append(self._next(source))
                size += len(batch[-1].series.payload)
            worker.full = len(batch) >= worker.batch
            if not batch:
                return
            if not worker.pending:
                worker.since = time.monotonic()
            for pending in batch:
                pending.number = worker.sent + 1
                worker.sent += len(pending.series.steps)
            worker.pending.extend(batch)
            headers = [pending.series.header(pending.number) for pending in batch]
            self._send(worker, message(headers, b"".join(pending.series.payload for pending in batch)))

    def _wait(self, seconds: float) -> None:
        for key, events in self._selector.select(seconds):
            worker = key.data
            if events & selectors.EVENT_WRITE:
                self._flush(worker)
            elif key.fd == worker.printed:
                self._drain_output(worker)
            else:
                self._receive(worker)

    def _receive(self, worker: Worker) -> None:
        try:
            part = os.read(worker.answers, PIPE_BYTES)
        except BlockingIOError:
            return
        if worker in self._workers or len(worker.inbox) <= HEADER_BYTES:  # a spare introduces itself, and no more
            worker.inbox.add(part)
        if not part:
            worker.closed = True
            self._selector.unregister(worker.answers)

    def _drain_output(self, worker: Worker) -> None:
        """Keep what the subject printed, up to PRINTED_BYTES; the audit never interprets it."""
        try:
            part = os.read(worker.printed, 1 << 16)
        except BlockingIOError:
            return
        if not part and worker.printed in self._selector.get_map():
            self._selector.unregister(worker.printed)
        worker.said = (worker.said + part.decode(errors="replace"))[-LAST_WORDS:]
        room = PRINTED_BYTES - len(self.printed)
        if room > 0:
            self.printed += part[:room].decode(errors="replace")

    def _meet(self, worker: Worker) -> None:
        """Read the introduction. Raises SubjectError where the subject could not be loaded."""
        if worker.introduction is None and (header := worker.inbox.introduction()) is not None:
            said = introduction(header)
            if isinstance(said, str):
                raise SubjectError(f"the target cannot be loaded: target={self.subject.target!r}; {said}")
            worker.introduction = said
            self._first_load = self._first_load or time.monotonic() - worker.since
            self._failed_loads = 0
            worker.since = time.monotonic()

    def _collect(self, worker: Worker) -> Iterator[tuple[object, tuple[Answer, ...]]]:
        """Every series that a worker has answered, or that its failure ended."""
        trouble: Answer | None = None
        finished: list[Pending[object]] = []
        try:
            self._meet(worker)
            read: list[tuple[Series, int]] = []
            while worker.pending:
                pending = worker.pending[0]
                answer = worker.inbox.answer(pending.number + len(pending.answers), pending.series.most)
                if answer is None:
                    break
                if answer.outcome in SAID_LAST:
                    trouble = answer
                    break
                read.append((pending.series, len(pending.answers)))
                pending.answers.append(answer)
                if len(pending.answers) == len(pending.series.steps):
                    finished.append(worker.pending.popleft())
            worker.note(read)
            unasked = worker.introduction and not worker.pending and len(worker.inbox)
            trouble = trouble or (Answer("malformed", text=UNASKED) if unasked else self._trouble(worker))
        except MalformedError as error:
            trouble = Answer("malformed", text=str(error))
        except SubjectError as error:
            trouble = Answer("crashed", text=f"when it was reloaded: {error}")
        yield from ((pending.key, tuple(pending.answers)) for pending in finished if pending.wanted)
        if trouble is not None:
            self._failed_loads += worker.introduction is None
            charged = worker.pending.popleft() if worker.pending else self._next_if_unmet(worker)
            self._again.extendleft(reversed([Pending(p.key, p.series) for p in worker.pending if p.wanted]))
            worker.pending.clear()
            self._let_go(worker)
            if not self._spares and time.monotonic() < self._stop:
                self._spares.append(self._start())
            if charged is not None and charged.wanted and (trouble is not OVER or self.over):
                yield charged.key, (*charged.answers, trouble)

    def _next_if_unmet(self, worker: Worker) -> Pending[object] | None:
        """The next series, where a worker did not even load: it is charged with the failure, so that an audit ends."""
        if worker.introduction or not (self._again or not self._source.empty):
            return None
        return self._next(self._source)

    def _trouble(self, worker: Worker) -> Answer | None:
        if worker.closed:
            ended = worker.process.ended()
            self._drain_output(worker)
            return Answer("crashed", text=f"{ended or PIPE_CLOSED}{last_line(worker.said)}")
        loading = self.subject.limits.loading_seconds
        again = max(self.subject.timeout, LOADED_AGAIN * self._first_load) if self._first_load else loading
        first = worker.calls_first
        limit = worker.seconds.limit(self.subject, first=first) if worker.introduction else min(again, loading)
        own = worker.pending[0].series.seconds if worker.introduction and worker.pending else math.inf
        now = time.monotonic()
        late = worker.since > self._stop and now > self._stop + UNWANTED_SECONDS
        if now > self._last or (worker.introduction and worker.pending and late):
            return OVER
        if (worker.pending or not worker.introduction) and now - worker.since > min(limit, own):
            if first and limit <= own and not worker.seconds.unended:
                worker.seconds.unended = True
                self._end = min(self._end + limit, self._last)
            return Answer("hung", text=f"no answer within {min(limit, own):g} s")
        if now - worker.watched < WATCH_SECONDS / 2:
            return None
        worker.watched = now
        return Answer(trouble[0], text=trouble[1]) if (trouble := worker.process.trouble()) else None

    def _let_go(self, worker: Worker) -> None:
        """End the worker with everything that descends from it, and close its pipes."""
        self._longest_lived = self.longest_lived
        worker.process.end()
        for workers in (self._workers, self._spares, self._threaded):
            with contextlib.suppress(ValueError):
                workers.remove(worker)
        for descriptor in (worker.tasks, worker.answers, worker.printed):
            if descriptor in self._selector.get_map():
                self._selector.unregister(descriptor)
            os.close(descriptor)
