"""From the list of cases to the golden vectors, in as many processes as there may be."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Container, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any

from conv_oracle.errors import ConvOracleError
from conv_oracle.golden.cases import CASES, LAYERS, LAYOUTS, QUANTISED, ROUNDING, SEQUENCE, SPECIAL, history
from conv_oracle.golden.cores import with_cores
from conv_oracle.golden.entries import Built, array_entry, sequence_entry, size_entry
from conv_oracle.golden.families import ANSWERS, FAMILIES, FAULTS, HISTORY, Family, FixtureError
from conv_oracle.golden.flags import catalogue
from conv_oracle.golden.layers import layer_entry
from conv_oracle.golden.layouts import layout_entry
from conv_oracle.golden.quantised import quantised_entry
from conv_oracle.golden.rounding import rounding_entry
from conv_oracle.golden.special import special_entry

BUILDERS: dict[str, Callable[[Any], Built]] = {
    **{name: partial(array_entry, answer=answer) for name, answer in ANSWERS.items()},
    "rounding": rounding_entry,
    "special": special_entry,
    "quantised": quantised_entry,
    "layout": layout_entry,
    "layer": layer_entry,
    "output_size": size_entry,
    "sequence": sequence_entry,
}
"""What makes the entry of a case, by family."""

LISTED: dict[str, Sequence[Any]] = {
    **CASES,
    "rounding": ROUNDING,
    "special": SPECIAL,
    "quantised": QUANTISED,
    "layout": LAYOUTS,
    "layer": LAYERS,
    "sequence": SEQUENCE,
}
"""The cases of every family."""

CHUNK = 4
"""So many cases a process takes at once."""

WATCHED = 0.5
"""Seconds after which a process ends whose parent was killed."""


def build(
    tick: Callable[[str], None] = lambda _: None, only: Container[str] | None = None, jobs: int = 1
) -> tuple[Family, ...]:
    """The whole set, family by family. `tick` is called with each case's id when it is done.

    only: the ids of the cases that are built; what is core is not decided then, as it depends on all of them. jobs: so
    many processes build. Raises FixtureError, naming the case, where a case is not what its list says.
    """
    asked = [
        (name, place)
        for name in FAMILIES
        if name in LISTED
        for place, case in enumerate(_sorted(name))
        if only is None or case.id in only
    ]
    made: dict[str, list[Built]] = {name: [] for name in LISTED}
    for (name, _), built in zip(asked, _built(asked, jobs), strict=True):
        made[name].append(built)
        tick(built[0]["id"])
    families = [_family(name, made[name]) for name in FAMILIES if name in LISTED]
    if only is None:
        families = with_cores(families)
    told = history((case.id, case.since) for cases in LISTED.values() for case in cases)
    return (*families, Family(FAULTS, catalogue(), {}), Family(HISTORY, told, {}))


def count() -> int:
    """The number of cases that `build` makes."""
    return sum(map(len, LISTED.values()))


def _sorted(name: str) -> list[Any]:
    return sorted(LISTED[name], key=lambda case: case.id)


def _built(asked: Sequence[tuple[str, int]], jobs: int) -> Iterator[Built]:
    if jobs == 1:
        yield from map(_build, asked)
        return
    with ProcessPoolExecutor(jobs, get_context("spawn"), _end_with, (os.getpid(),)) as pool:
        yield from pool.map(_build, asked, chunksize=CHUNK)


def _end_with(parent: int) -> None:
    """Ends this process when its parent has ended, however it did."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(WATCHED)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _build(asked: tuple[str, int]) -> Built:
    name, place = asked
    case = _sorted(name)[place]
    try:
        return BUILDERS[name](case)
    except ConvOracleError as error:
        raise FixtureError(f"{case.id}: {str(error).removeprefix(f'{case.id}: ')}") from error


def _family(name: str, built: Sequence[Built]) -> Family:
    arrays = {f"{entry['id']}/{key}": array for entry, own in built for key, array in own.items()}
    return Family(name, tuple(entry for entry, _ in built), arrays)
