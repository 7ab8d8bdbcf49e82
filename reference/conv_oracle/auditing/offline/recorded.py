"""A sandbox whose subject has answered before: calls are looked up, and nothing runs."""

from __future__ import annotations

import contextlib
import hashlib
import math
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from conv_oracle.auditing.sandbox import Answer, Sandbox, Series, Subject

K = TypeVar("K")

UNKNOWN = Answer("harness-fault", types=("LookupError",), text="this call was not recorded")
"""What is answered to a call that was not foreseen: nothing may be concluded from it."""


def call_key(series: Series, block: int) -> bytes:
    """What tells a call from every other: its arguments, how they lie and are passed, and all bytes of its operands."""
    way = repr((series.alike, series.manner, series.guard, series.sparse))
    operands = series.payload[block * series.size : (block + 1) * series.size]
    return hashlib.sha256(way.encode() + operands).digest()


class Recorded(Sandbox):
    """A sandbox without processes. A call that was recorded has the answer that it had; any other has none."""

    def __init__(self, target: str, look_up: Callable[[bytes], Answer | None]) -> None:
        """target: what was asked. look_up: the answer to the call of a key; None where there is none."""
        super().__init__(Subject(target, "numpy"))
        self._look_up = look_up

    def ask(
        self,
        groups: Iterable[tuple[K, Series]],
        until: float = math.inf,  # noqa: ARG002 - an answer is there, or it is not
    ) -> Iterator[tuple[K, tuple[Answer, ...]]]:
        """Yield each key with its answers; after one that was not recorded, later steps have none."""
        for key, series in groups:
            yield key, tuple(self._answers(series))

    def fresh(self) -> None:
        """Nothing: there is no process."""

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """A context like any other."""
        yield

    @contextlib.contextmanager
    def threaded(self) -> Iterator[None]:
        """A context like any other."""
        yield

    def _answers(self, series: Series) -> Iterator[Answer]:
        known: list[Answer] = []
        for kind, which in series.steps:
            answer = known[which] if kind == "reread" else self._look_up(call_key(series, which)) or UNKNOWN
            known.append(answer)
            yield answer
            if answer is UNKNOWN:
                return
