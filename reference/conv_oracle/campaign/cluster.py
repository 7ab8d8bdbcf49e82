"""Work on a Dask cluster, whose scheduler and workers are started as Dask's documentation says."""

from __future__ import annotations

import asyncio
import importlib
import logging
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from conv_oracle.campaign.local import Warm, Work
from conv_oracle.errors import CampaignError

CONNECTING_SECONDS = 10.0
"""How long a scheduler may take to answer, and to have a worker."""

AT_ONCE = 3
"""So many pieces of work to a thread of a worker are handed out ahead."""

_own = threading.local()


def done_on(scheduler: str, function: str, works: Iterable[Work]) -> Iterator[tuple[Work, dict[str, Any]]]:
    """Each piece of work with what its function returned on a cluster, as they end; {'died': how} of a lost one.

    A piece whose worker dies is given to another one, by Dask, and is lost where it ends several of them. Raises
    CampaignError where Dask is not installed, no scheduler answers at the address, it has no worker, or it goes away.
    """
    try:
        distributed = importlib.import_module("distributed")
    except ImportError:
        raise CampaignError(
            "--scheduler needs Dask: distributed is not installed; pip install 'conv-oracle[dask]' would fit"
        ) from None
    try:
        asyncio.run(asyncio.wait_for(_identified(distributed, scheduler), CONNECTING_SECONDS))
        client = distributed.Client(scheduler, timeout=CONNECTING_SECONDS, set_as_default=False)
    except Exception as error:  # whatever listens there may say anything
        raise CampaignError(
            f"a scheduler answers at its address within {CONNECTING_SECONDS:g} s: scheduler={scheduler!r} does not "
            f"({type(error).__name__}); the address that 'dask scheduler' prints would fit"
        ) from None
    told, logging.root.manager.disable = logging.root.manager.disable, logging.CRITICAL  # what ends is told in one line
    try:
        client.wait_for_workers(1, timeout=CONNECTING_SECONDS)
        threads = sum(client.nthreads().values())
        yield from _handed_out(distributed, client, function, works, AT_ONCE * threads)
    except TimeoutError:
        raise CampaignError(
            f"a scheduler has a worker: scheduler={scheduler!r} has none; 'dask worker {scheduler}' would fit"
        ) from None
    except (asyncio.CancelledError, distributed.CancelledError, distributed.comm.CommClosedError, OSError) as error:
        raise CampaignError(
            f"a scheduler stays until the end: scheduler={scheduler!r} went away ({type(error).__name__}); running the "
            "campaign again continues it"
        ) from None
    finally:
        client.close(timeout=CONNECTING_SECONDS)
        logging.root.manager.disable = told


async def _identified(distributed: Any, scheduler: str) -> None:
    """Ask a scheduler who it is: a client would wait without end for one that takes connections and says nothing."""
    async with distributed.rpc(scheduler, timeout=CONNECTING_SECONDS) as asked:
        await asked.identity()


def _handed_out(
    distributed: Any, client: Any, function: str, works: Iterable[Work], most: int
) -> Iterator[tuple[Work, dict[str, Any]]]:
    """Submit so many pieces at a time, and yield each with its answer."""
    left, under_way = iter(works), dict[Any, Work]()
    ended = distributed.as_completed(loop=client.loop)
    while True:
        while len(under_way) < most and (work := next(left, None)) is not None:
            future = client.submit(on_worker, function, dict(work.given), key=f"conv-oracle-{work.key}", pure=False)
            under_way[future] = work
            ended.add(future)
        if not under_way:
            return
        future = next(ended)
        work = under_way.pop(future)
        if future.status == "cancelled":
            raise asyncio.CancelledError
        error = future.exception() if future.status == "error" else None
        yield work, future.result() if error is None else {"died": f"{type(error).__name__} on a worker of the cluster"}


def on_worker(function: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Do one piece of work on a worker of a cluster, in a fork of this thread's warm process."""
    if getattr(_own, "function", "") != function:
        _own.warm, _own.function = Warm(function), function
    answer: dict[str, Any] = _own.warm.ask(given)
    return answer
