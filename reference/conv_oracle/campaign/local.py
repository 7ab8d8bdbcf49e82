"""Work on this machine: warm processes, each with one piece of work at a time."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

from conv_oracle.campaign import warm

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""One thread a process unless the user's environment says otherwise: it is forked, and there are several."""

ENDING_SECONDS = 10.0


@dataclass(frozen=True)
class Work:
    """A piece of work. key: of what it gives. given: what its function takes, in JSON's types."""

    key: str
    given: Mapping[str, Any]


class Warm:
    """A warm process, which is started when it is first asked, and again where it was lost."""

    def __init__(self, function: str) -> None:
        """function: as `warm.main` takes it."""
        self._function = function
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """What the function returns in a fork of the process; {'died': how} where that or the process was lost."""
        try:
            process = self._running()
            _tell(process, given)
            return _heard(process)
        except (OSError, ValueError):
            code = self.end()
            return {"died": f"its process ended with {code}"}

    def end(self) -> int | None:
        """End the process with what it runs, and return how it ended."""
        process, self._process = self._process, None
        if process is None:
            return None
        with contextlib.suppress(OSError):
            process.stdin.close()  # type: ignore[union-attr] # it is a pipe
        try:
            return process.wait(ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter and our own module
            [sys.executable, "-P", warm.__file__, self._function, json.dumps(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**dict.fromkeys(THREADS, "1"), **os.environ},
            start_new_session=True,  # an interrupt from the keyboard reaches the campaign alone, which ends this
        )
        _heard(self._process)
        return self._process


def done_here(function: str, works: Iterable[Work], jobs: int) -> Iterator[tuple[Work, dict[str, Any]]]:
    """Each piece of work with what its function returned, as they end, so many at a time; {'died': how} of a lost one.

    The iterator may be dropped early: what runs then is ended.
    """
    own, started = threading.local(), list[Warm]()

    def answered(work: Work) -> dict[str, Any]:
        if not hasattr(own, "warm"):
            own.warm = Warm(function)
            started.append(own.warm)
        answer: dict[str, Any] = own.warm.ask(work.given)
        return answer

    pool = ThreadPoolExecutor(jobs)
    try:
        yield from in_flight(lambda work: pool.submit(answered, work), works, 2 * jobs)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in started:
            process.end()


def in_flight(
    submit: Callable[[Work], Future[dict[str, Any]]], works: Iterable[Work], most: int
) -> Iterator[tuple[Work, dict[str, Any]]]:
    """Submit work, at most so many at a time, and yield each with its answer."""
    left, under_way = iter(works), dict[Future[dict[str, Any]], Work]()
    while True:
        while len(under_way) < most and (work := next(left, None)) is not None:
            under_way[submit(work)] = work
        if not under_way:
            return
        ended, _ = wait(under_way, return_when=FIRST_COMPLETED)
        for future in ended:
            yield under_way.pop(future), future.result()


def _tell(process: subprocess.Popen[bytes], given: Mapping[str, Any]) -> None:
    assert process.stdin is not None  # noqa: S101 - it is a pipe
    process.stdin.write(json.dumps(given).encode() + b"\n")
    process.stdin.flush()


def _heard(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """The next line. Raises ValueError where the process has ended."""
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    line = process.stdout.readline()
    if not line.endswith(b"\n"):
        raise ValueError("the process has ended")
    told: dict[str, Any] = json.loads(line)
    return told
