"""The audit's side of the sandbox: worker processes, the calls they are given, and the answers that come back.

A worker is another process, in a session of its own, that has the operands and never the truth. It is not trusted:
frames are checked for order, size and form before anything is made of them. Whatever it does (crash, hang, fill
memory, write garbage) costs the one call it was at; a fresh worker goes on with the next.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import selectors
import signal
import struct
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from conv_oracle.errors import ConvOracleError

MESSAGE = struct.Struct("<IQ")
FRAME = struct.Struct("<IIQ")
MESSAGE_CALLS = 32
MESSAGE_BYTES = 1 << 20
SLOW_MESSAGE_SECONDS = 0.2
HEADER_BYTES = 1 << 16
PRINTED_BYTES = 1 << 16
LOADING_SECONDS = 120.0
WATCH_SECONDS = 0.1
MARK = "CONV_ORACLE_SANDBOX"
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""One thread per worker unless the user's environment says otherwise: small problems on many threads mostly wait."""

Key = TypeVar("Key")
Trouble = Literal["crashed", "hung", "out-of-memory", "malformed"]
Outcome = Literal[
    "returned", "not-an-array", "raised", "crashed", "hung", "out-of-memory", "malformed", "harness-fault"
]
SAID_BY_WORKER: tuple[Outcome, ...] = ("returned", "not-an-array", "raised", "harness-fault")


class TargetError(ConvOracleError):
    """A target that cannot be loaded, or cannot be called as a convolution."""


@dataclass(frozen=True)
class Subject:
    """What is audited, and where it runs."""

    target: str
    arrays: str = "numpy"
    python: str = sys.executable
    timeout: float = 10.0
    memory_bytes: int = 4 << 30


@dataclass(frozen=True)
class Introduction:
    """What a worker says of the subject once it is loaded: [name, kind, has a default] per parameter, and versions."""

    signature: tuple[tuple[str, str, bool], ...] | None
    versions: Mapping[str, str]


@dataclass(frozen=True)
class Message:
    """One call as it is sent: its arguments as JSON writes them, and the bytes of its operands."""

    args: list[Any]
    kwargs: dict[str, Any]
    operands: list[tuple[str, list[int], int]]
    payload: bytes
    most: int


@dataclass(frozen=True)
class Answer:
    """What came of one call. `data` is the array's bytes in C order, and nothing has been made of them yet."""

    outcome: Outcome
    dtype: str = ""
    shape: tuple[int, ...] = ()
    data: bytes = b""
    mutated: bool = False
    types: tuple[str, ...] = ()
    text: str = ""
    place: str = ""


class MalformedError(Exception):
    """A frame that no honest worker sends."""


@dataclass
class _Pending:
    """A call that a worker has been sent. `wanted` turns false when nobody waits for its answer any more."""

    key: Any
    message: Message
    number: int = 0
    wanted: bool = True


@dataclass
class _Worker:
    process: subprocess.Popen[bytes]
    tasks: int
    answers: int
    printed: int
    inbox: bytearray = field(default_factory=bytearray)
    outbox: bytearray = field(default_factory=bytearray)
    pending: deque[_Pending] = field(default_factory=deque)
    introduction: Introduction | None = None
    sent: int = 0
    since: float = 0.0
    watched: float = 0.0
    filled: float = 0.0
    calls: int = 1
    closed: bool = False


class Sandbox:
    """Workers for one subject. Use as a context manager: on the way out every process it started is gone."""

    def __init__(self, subject: Subject, jobs: int = 1) -> None:
        """Processes are started when they are needed, at most `jobs` at a time."""
        self.subject = subject
        self.jobs = jobs
        self.printed = ""
        self.replaced = 0
        self._mark = secrets.token_hex(8)
        self._workers: list[_Worker] = []
        self._selector = selectors.DefaultSelector()
        self._again: deque[_Pending] = deque()
        self._source = _Groups(iter(()))

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in list(self._workers):
            self._end(worker)
        self._selector.close()

    def introduce(self) -> Introduction:
        """Load the subject. Raises TargetError, in one line, where that fails."""
        worker = self._start()
        deadline = time.monotonic() + LOADING_SECONDS
        while worker.introduction is None:
            self._wait(0.1)
            try:
                frame = self._frame(worker)
            except MalformedError as error:
                raise TargetError(f"the target's process wrote garbage while it was loaded: {error}") from None
            if frame is None:
                if worker.closed:
                    self._drain_output(worker)
                    raise TargetError(
                        f"the target's process ended while it was loaded: target={self.subject.target!r}; "
                        f"{self._how_it_ended(worker)}{_last_line(self.printed)}"
                    )
                if time.monotonic() > deadline:
                    raise TargetError(
                        f"the target must load within {LOADING_SECONDS:.0f} s: target={self.subject.target!r}"
                    )
                continue
            worker.introduction = self._introduction(frame)
        return worker.introduction

    def fresh(self) -> None:
        """End all workers; the next call is answered by a process that has answered nothing before."""
        for worker in list(self._workers):
            self._end(worker)

    def ask(self, groups: Iterable[Sequence[tuple[Key, Message]]]) -> Iterator[tuple[Key, Answer]]:
        """Send the calls and give each key with its answer as it arrives; in order, where there is one worker.

        The calls of a group go to one worker, in order. Stopping early is allowed.
        """
        source = self._source = _Groups(iter(groups))
        try:
            while self._again or not source.empty or any(worker.pending for worker in self._workers):
                while len(self._workers) < self.jobs and (self._again or not source.empty):
                    self._start()
                for worker in self._workers:
                    self._fill(worker, source)
                self._wait(WATCH_SECONDS)
                for worker in list(self._workers):
                    yield from self._collect(worker)
        finally:
            self._again.clear()
            for worker in self._workers:
                for pending in worker.pending:
                    pending.wanted = False

    def _start(self) -> _Worker:
        task_read, task_write = os.pipe()
        answer_read, answer_write = os.pipe()
        output_read, output_write = os.pipe()
        try:
            process = subprocess.Popen(  # noqa: S603 - to run what the user names is the point
                [
                    self.subject.python,
                    str(Path(__file__).with_name("worker.py")),
                    str(task_read),
                    str(answer_write),
                    self.subject.arrays,
                ],
                stdin=subprocess.DEVNULL,
                stdout=output_write,
                stderr=output_write,
                pass_fds=(task_read, answer_write),
                start_new_session=True,
                env={**dict.fromkeys(THREADS, "1"), **os.environ, MARK: self._mark},
            )
        except OSError as error:
            for descriptor in (task_write, answer_read, output_read):
                os.close(descriptor)
            raise TargetError(
                f"--python names an interpreter: python={self.subject.python!r} cannot be started ({error.strerror})"
            ) from None
        finally:
            for descriptor in (task_read, answer_write, output_write):
                os.close(descriptor)
        worker = _Worker(process, task_write, answer_read, output_read, since=time.monotonic())
        for descriptor in (task_write, answer_read, output_read):
            os.set_blocking(descriptor, False)
        self._selector.register(answer_read, selectors.EVENT_READ, worker)
        self._selector.register(output_read, selectors.EVENT_READ, worker)
        self._workers.append(worker)
        self._send(worker, {"target": self.subject.target}, b"")
        return worker

    def _send(self, worker: _Worker, header: object, payload: bytes) -> None:
        text = json.dumps(header).encode()
        worker.outbox += MESSAGE.pack(len(text), len(payload)) + text + payload
        self._flush(worker)

    def _flush(self, worker: _Worker) -> None:
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

    def _fill(self, worker: _Worker, source: _Groups) -> None:
        """Keep up to two messages in flight."""
        while worker.introduction and len(worker.pending) <= worker.calls and not worker.closed:
            worker.calls = _paced(worker.calls, time.monotonic() - worker.filled)
            worker.filled = time.monotonic()
            batch: list[_Pending] = []
            while self._again and len(batch) < worker.calls:
                batch.append(self._again.popleft())
            size = 0
            while len(batch) < worker.calls and size < MESSAGE_BYTES and not source.empty:
                group = source.take()
                batch += group
                size += sum(len(pending.message.payload) for pending in group)
            if not batch:
                return
            if not worker.pending:
                worker.since = time.monotonic()
            calls, parts, start = [], [], 0
            for pending in batch:
                worker.sent += 1
                pending.number = worker.sent
                message = pending.message
                end = start + len(message.payload)
                calls.append(
                    {
                        "number": pending.number,
                        "args": message.args,
                        "kwargs": message.kwargs,
                        "operands": message.operands,
                        "memory": (start, end),
                        "most": message.most,
                    }
                )
                parts.append(message.payload)
                start = end
            worker.pending.extend(batch)
            self._send(worker, calls, b"".join(parts))

    def _wait(self, seconds: float) -> None:
        for key, events in self._selector.select(seconds):
            worker = key.data
            if events & selectors.EVENT_WRITE:
                self._flush(worker)
            elif key.fd == worker.printed:
                self._drain_output(worker)
            else:
                self._receive(worker)

    def _receive(self, worker: _Worker) -> None:
        try:
            part = os.read(worker.answers, 1 << 20)
        except BlockingIOError:
            return
        worker.inbox += part
        if not part:
            worker.closed = True
            self._selector.unregister(worker.answers)

    def _drain_output(self, worker: _Worker) -> None:
        """What the subject printed: kept up to a limit, and never read by the audit."""
        try:
            part = os.read(worker.printed, 1 << 16)
        except BlockingIOError:
            return
        if not part and worker.printed in self._selector.get_map():
            self._selector.unregister(worker.printed)
        room = PRINTED_BYTES - len(self.printed)
        if room > 0:
            self.printed += part[:room].decode(errors="replace")

    def _collect(self, worker: _Worker) -> Iterator[tuple[Any, Answer]]:
        """Everything that has arrived from a worker, and what has befallen it."""
        try:
            while (frame := self._frame(worker)) is not None:
                worker.since = time.monotonic()
                if worker.introduction is None:
                    worker.introduction = self._introduction(frame)
                    continue
                pending, answer = worker.pending.popleft(), self._answer(frame)
                if pending.wanted:
                    yield pending.key, answer
            trouble = self._trouble(worker)
        except MalformedError as error:
            trouble = Answer("malformed", text=str(error))
        except TargetError as error:
            trouble = Answer("crashed", text=f"after a first time, {error}")
        if trouble is not None:
            self.replaced += 1
            waiting = worker.pending or self._again or deque(self._source.take())
            charged = waiting.popleft() if waiting else None
            self._again.extendleft(reversed([p for p in waiting if p.wanted and waiting is not self._again]))
            worker.pending.clear()
            self._end(worker)
            if charged is not None and charged.wanted:
                yield charged.key, trouble

    def _trouble(self, worker: _Worker) -> Answer | None:
        if worker.closed:
            return Answer("crashed", text=self._how_it_ended(worker))
        limit = self.subject.timeout if worker.introduction else LOADING_SECONDS
        if (worker.pending or not worker.introduction) and time.monotonic() - worker.since > limit:
            return Answer("hung", text=f"no answer within {limit:g} s")
        if time.monotonic() - worker.watched < WATCH_SECONDS / 2:
            return None
        worker.watched = time.monotonic()
        if (resident := resident_bytes(worker.process.pid)) > self.subject.memory_bytes:
            return Answer(
                "out-of-memory",
                text=f"the process held {resident >> 20} MiB, of {self.subject.memory_bytes >> 20} MiB allowed",
            )
        return None

    def _how_it_ended(self, worker: _Worker) -> str:
        try:
            code = worker.process.wait(1)
        except subprocess.TimeoutExpired:
            return "its pipe was closed while the process went on"
        if code < 0:
            return f"the process was ended by {signal.Signals(-code).name}"
        return f"the process ended itself with exit code {code}"

    def _frame(self, worker: _Worker) -> tuple[dict[str, Any], bytes] | None:
        """The next whole frame, checked against what may come next; None while it is incomplete."""
        inbox = worker.inbox
        if len(inbox) < FRAME.size:
            return None
        number, text, data = FRAME.unpack_from(inbox)
        expected = worker.pending[0] if worker.pending else None
        if worker.introduction and expected is None:
            raise MalformedError("an answer to a call that was not made")
        if number != (expected.number if worker.introduction and expected else 0):
            raise MalformedError(f"an answer numbered {number}, out of order")
        most = expected.message.most if worker.introduction and expected else 0
        if text > HEADER_BYTES or data > most:
            raise MalformedError(f"an answer of {text} + {data} bytes, of {HEADER_BYTES} + {most} allowed")
        end = FRAME.size + text + data
        if len(inbox) < end:
            return None
        body = bytes(inbox[FRAME.size : end])
        del inbox[:end]
        try:
            header = json.loads(body[:text])
        except (ValueError, RecursionError):
            raise MalformedError("an answer that is not JSON") from None
        if not isinstance(header, dict):
            raise MalformedError("an answer that is not a JSON object")
        return header, body[text:]

    def _answer(self, frame: tuple[dict[str, Any], bytes]) -> Answer:
        header, data = frame
        outcome = header.get("outcome")
        if outcome not in SAID_BY_WORKER or not isinstance(mutated := header.get("mutated", False), bool):
            raise MalformedError("an answer without a known outcome")
        shape, types = header.get("shape", []), header.get("types", [])
        if not _list_of(shape, int) or not _list_of(types, str):
            raise MalformedError("an answer whose shape or types are not lists of ints and strings")
        text = header.get("message", "") if outcome != "not-an-array" else header.get("type", "")
        return Answer(
            outcome,
            _text(header.get("dtype", "")),
            tuple(shape),
            data,
            mutated,
            tuple(map(_text, types)),
            _text(text),
            _text(header.get("place", "")),
        )

    def _introduction(self, frame: tuple[dict[str, Any], bytes]) -> Introduction:
        header, _ = frame
        if header.get("outcome") == "not-loaded" and _list_of(header.get("types"), str) and header["types"]:
            raise TargetError(
                f"the target cannot be loaded: target={self.subject.target!r}; "
                f"{header['types'][0]}: {_text(header.get('message', ''))}"
            )
        signature, versions = header.get("signature"), header.get("versions")
        if header.get("outcome") != "ready" or not isinstance(versions, dict):
            raise TargetError(f"the target's process wrote garbage while it was loaded: {self.subject.target!r}")
        if signature is not None and not (
            isinstance(signature, list)
            and all(isinstance(p, list) and [type(entry) for entry in p] == [str, str, bool] for p in signature)
        ):
            raise TargetError(f"the target's process wrote garbage while it was loaded: {self.subject.target!r}")
        return Introduction(
            None if signature is None else tuple((name, kind, default) for name, kind, default in signature),
            {_text(name): _text(version) for name, version in versions.items()},
        )

    def _end(self, worker: _Worker) -> None:
        """Kill the worker with everything that descends from it, and close its pipes."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(worker.process.pid, signal.SIGKILL)
        worker.process.kill()
        worker.process.wait()
        self._workers.remove(worker)
        if not self._workers:
            kill_marked(self._mark)
        for descriptor in (worker.tasks, worker.answers, worker.printed):
            if descriptor in self._selector.get_map():
                self._selector.unregister(descriptor)
            os.close(descriptor)


def _paced(calls: int, seconds: float) -> int:
    """Calls for the next message, when the last one took so long: a slow subject's are few, so that it can be left."""
    if seconds > SLOW_MESSAGE_SECONDS:
        return max(1, calls // 2)
    return min(MESSAGE_CALLS, 2 * calls)


class _Groups:
    """An iterator of groups of calls that can be asked whether it is at its end."""

    def __init__(self, groups: Iterator[Sequence[tuple[Any, Message]]]) -> None:
        self._groups = groups
        self._next: Sequence[tuple[Any, Message]] | None = None

    @property
    def empty(self) -> bool:
        while not self._next:
            self._next = next(self._groups, None)
            if self._next is None:
                return True
        return False

    def take(self) -> list[_Pending]:
        group = [] if self.empty or self._next is None else [_Pending(key, message) for key, message in self._next]
        self._next = None
        return group


def resident_bytes(process: int) -> int:
    """The resident size of a process; 0 where /proc does not tell."""
    try:
        return int(Path(f"/proc/{process}/statm").read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return 0


def kill_marked(mark: str) -> None:
    """Kill every process that inherited a sandbox's mark: those that left its session too."""
    wanted = f"{MARK}={mark}".encode()
    for entry in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if wanted in entry.read_bytes().split(b"\0") and int(entry.parent.name) != os.getpid():
                os.kill(int(entry.parent.name), signal.SIGKILL)


def _list_of(value: object, kind: type) -> bool:
    return isinstance(value, list) and all(type(entry) is kind for entry in value)


def _text(value: object) -> str:
    """What the subject wrote, as one printable line."""
    return "".join(c if c.isprintable() else " " for c in str(value))[:1000].strip()


def _last_line(printed: str) -> str:
    lines = [line for line in printed.splitlines() if line.strip()]
    return f"; {_text(lines[-1])}" if lines else ""
