"""The versions of the set: what each added, and what it corrected, by id."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Version:
    """One version of the set. `corrected` are the ids whose question or answer was wrong before it."""

    number: int
    comment: str
    corrected: tuple[str, ...] = ()


VERSIONS = (
    Version(1, "596 cases: five families with arrays, sizes and sequences."),
    Version(
        2,
        "Rounding, special values, integers, layouts and realistic layers; a core for every operation and dtype; "
        "format 2, in which a sha256 is that of a file.",
    ),
)
"""All of them; the last one is the set's."""


def history(since: Iterable[tuple[str, int]]) -> tuple[dict[str, Any], ...]:
    """An entry for every version, from the ids of all cases and the version that each came with."""
    by_id = sorted(since)
    return tuple(
        {
            "id": f"version-{version.number:02}",
            "comment": version.comment,
            "added": [name for name, number in by_id if number == version.number],
            "corrected": list(version.corrected),
        }
        for version in VERSIONS
    )
