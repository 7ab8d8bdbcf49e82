"""What a campaign has found so far: counts, and a page of its jobs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module, resources
from typing import Any

from conv_oracle.campaign.store import Store
from conv_oracle.errors import CampaignError

WITHOUT, NOT_ASKED = "no verdict", "not audited yet"


@dataclass(frozen=True)
class Found:
    """The jobs of a campaign, and what is known of them.

    rows: the jobs in their order, each with its columns and those of its verdict. outcomes: how many conform, are
    faulty, have no verdict and were not audited yet. faults: how many jobs show each, most often first.
    """

    rows: tuple[Mapping[str, Any], ...]
    outcomes: Mapping[str, int]
    faults: tuple[tuple[str, int], ...]

    @property
    def complete(self) -> bool:
        """Whether every job has a verdict."""
        return not (self.outcomes[WITHOUT] or self.outcomes[NOT_ASKED])


def found_in(store: Store) -> Found:
    """What a database knows. Raises CampaignError where it cannot be read."""
    rows = [{**row, "outcome": outcome(row)} for row in store.rows()]
    counted = Counter(row["outcome"] for row in rows)
    faults = Counter(fault for row in rows for fault in {*(row["faults"] or "").split(",")} - {""})
    outcomes = {name: counted[name] for name in ("conforms", "faulty", WITHOUT, NOT_ASKED)}
    return Found(tuple(rows), outcomes, tuple(sorted(faults.items(), key=lambda one: (-one[1], one[0]))))


def outcome(row: Mapping[str, Any]) -> str:
    """The verdict of a job's row, or that there is none and whether it was asked."""
    return str(row["verdict"] or (WITHOUT if row["lacking"] else NOT_ASKED))


def summary(found: Found) -> list[str]:
    """The lines of `campaign status`: counts, what lacks a verdict and why."""
    total = len(found.rows)
    counts = ", ".join(f"{count:,} {name}" for name, count in found.outcomes.items() if count)
    lines = [f"{total:,} jobs: {counts or 'none'}"]
    if found.faults:
        lines += ["", "faults, by the number of jobs that show them"]
        lines += [f"{count:8,}  {fault}" for fault, count in found.faults]
    lacking = [row for row in found.rows if row["outcome"] == WITHOUT]
    if lacking:
        lines += ["", "without a verdict; the next run asks them again"]
        lines += [f"  line {row['line']}, {row['id']}: {row['lacking']}" for row in lacking]
    return lines


def page(found: Found, name: str) -> str:
    """One self-contained HTML page of a campaign. Raises CampaignError where Jinja2 is not installed."""
    try:
        jinja2 = import_module("jinja2")
    except ImportError:
        raise CampaignError(
            "a page needs Jinja2, which is not installed: pip install 'conv-oracle[dask]' would fit"
        ) from None
    template = resources.files("conv_oracle.campaign").joinpath("campaign.html.jinja").read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    made: str = environment.from_string(template).render(found=found, name=name, columns=_columns(found.rows))
    return made


def _columns(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """(heading, column) of what is shown; a column that is empty in every row is left out."""
    shown = ("id", "id"), ("verdict", "outcome"), ("faults", "faults"), ("op", "op"), ("level", "level")
    more = (
        ("problems", "problems"),
        ("calls", "calls"),
        ("seconds", "seconds"),
        ("seed", "seed"),
        ("why none", "lacking"),
    )
    return [(said, name) for said, name in (*shown, *more) if any(row[name] not in (None, "") for row in rows)]
