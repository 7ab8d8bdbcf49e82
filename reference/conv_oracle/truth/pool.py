"""How many threads the fast form uses: 1, or CONV_ORACLE_THREADS in the environment, or `threads(n)`.

The threads share the batch, the channels or the positions of one contraction, and each calls BLAS for itself. So
BLAS itself should run on one thread (OPENBLAS_NUM_THREADS=1, or MKL_NUM_THREADS=1, set before NumPy is imported):
two pools that do not know each other are slower than one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

VARIABLE = "CONV_ORACLE_THREADS"

Task = TypeVar("Task")
Result = TypeVar("Result")

_count: ContextVar[int | None] = ContextVar("conv_oracle_threads", default=None)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Within this context the fast form uses `count` threads. Raises ValueError below 1."""
    token = _count.set(_checked("count", count))
    try:
        yield
    finally:
        _count.reset(token)


def thread_count() -> int:
    """The number in force: of the innermost `threads`, or of the environment, or 1."""
    count = _count.get()
    if count is not None:
        return count
    given = os.environ.get(VARIABLE, "1")
    return _checked(VARIABLE, int(given) if given.isdecimal() else 0)


def share(tasks: Sequence[Task], work: Callable[[Sequence[Task]], Result]) -> list[Result]:
    """Call `work` with a share of the tasks on every thread.

    Which thread gets which task depends on their number alone, so that sums are made in the same order every time.
    """
    count = max(1, min(thread_count(), len(tasks)))
    if count == 1:
        return [work(tasks)]
    with ThreadPoolExecutor(count - 1) as pool:
        others = [pool.submit(work, tasks[i::count]) for i in range(1, count)]
        return [work(tasks[::count]), *(other.result() for other in others)]


def _checked(name: str, count: int) -> int:
    if count < 1:
        raise ValueError(f"the number of threads must be at least 1: {name}={count}; 1 would fit")
    return count
