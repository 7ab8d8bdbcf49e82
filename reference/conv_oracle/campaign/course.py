"""The course of a campaign: what is not known yet is audited, here or on a cluster, and kept as it comes."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conv_oracle.campaign.cluster import done_on
from conv_oracle.campaign.content import key_of
from conv_oracle.campaign.jobs import Job
from conv_oracle.campaign.local import Work, done_here
from conv_oracle.campaign.store import Planned, Store

FUNCTION = "conv_oracle.campaign.audited:audited"
Executor = Callable[[str, Iterable[Work]], Iterator[tuple[Work, dict[str, Any]]]]
"""(function, works) -> each piece of work with what it gave, as they end."""


@dataclass(frozen=True)
class Step:
    """Where a campaign is. done, planned: of its audits. said: what the last one gave, or what is done now."""

    done: int
    planned: int
    said: str


def executor(scheduler: str = "", jobs: int | None = None) -> Executor:
    """What does the work: a Dask cluster at an address, or this machine, so many pieces at a time, one per core.

    Raises CampaignError where no scheduler answers.
    """
    if scheduler:
        return lambda function, works: done_on(scheduler, function, works)
    here = jobs or len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else jobs or os.cpu_count() or 1
    return lambda function, works: done_here(function, works, here)


def run(
    store: Store, jobs: Sequence[Job], does: Executor, *, files: Iterable[Path] = (), told: Callable[[Step], None]
) -> None:
    """Audit every job whose verdict is not known, and keep each as it comes.

    files: of the campaign itself, which are in no target's tree. told: called with each step. Raises CampaignError.
    """
    besides = frozenset(one.absolute() for one in (*files, *_of_database(store.path)))
    keyed = list[tuple[Job, str]]()
    for number, job in enumerate(jobs, start=1):
        keyed.append((job, key_of(job.options, besides=besides)))
        told(Step(number, len(jobs), "reading what is to be audited"))
    planned = store.plan(keyed)
    known = store.known()
    missing = {one.key: one for one in planned if one.key not in known}  # the same content is audited once
    done = len(planned) - sum(one.key not in known for one in planned)
    told(Step(done, len(planned), f"{done} known"))
    times = Counter(one.key for one in planned)
    for work, answer in does(FUNCTION, [_work(one, besides) for one in missing.values()]):
        said = taken(store, work.key, answer)
        done += times[work.key]
        told(Step(done, len(planned), f"{missing[work.key].subject}: {said}"))


def taken(store: Store, key: str, answer: dict[str, Any]) -> str:
    """Keep a verdict, or note why there is none; what is said of it."""
    if "document" in answer:
        store.keep_verdict(key, answer["document"])
        return str(answer["document"]["verdict"])
    why = answer["why"] if "why" in answer else f"the process of the audit was lost: {answer['died']}"
    store.note_lack(key, why)
    return str(why)


def _work(one: Planned, besides: frozenset[Path]) -> Work:
    given = {"options": one.options, "key": one.key, "drawn": one.drawn, "besides": sorted(map(str, besides))}
    return Work(one.key, given)


def _of_database(path: Path) -> list[Path]:
    return [path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm", "-writer", "-journal")]
