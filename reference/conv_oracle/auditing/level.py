"""The levels of an audit: how much is asked, and what each part of it may take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LevelName = Literal["quick", "standard", "exhaustive", "fixtures"]


@dataclass(frozen=True, kw_only=True)
class Level:
    """The budgets of an audit, in seconds and in counts; reference/AUDIT.md has them as a table.

    Problems, of which all are asked where None stands:
        covering, one_axis, tails, pairs, large, layers, constants: so many of each list
        missed: on every problem a wrong index goes undetected with this probability at most
        draws: of a problem at least, where fewer are sure enough: for value-dependent faults, which are no wrong index

    Asking:
        seconds: for the problems together
        settling_seconds: on top of them, at least, to ask again what may have been a rounding
        first_calls: so many fresh processes are asked a problem as their first
        after_invalid: so many problems are asked again after those that must be refused
        journal_seconds: how often what is known so far is written down

    After the first wrong answer:
        more_calls, least_seconds, most_seconds: go on for so many calls and at least so long, at most so long
        most_hung, most_crashed, most_out_of_memory, most_malformed: the asking ends after so many: each costs a process
        most_costly_refusals: the same, of problems that must be refused

    Diagnosis, of all findings together:
        diagnosis_seconds: to explain wrong numbers
        reduction_seconds: to reduce what is no wrong number (an exception, a crash)
        preceding_seconds: of one finding, to find the calls that must come before it

    Rounding, as shares of `seconds`:
        rounding: for sums, and again for special values
        beside: for what a coarse rounding may hide
        rounding_reduction_seconds: of one finding, to find the smallest problem
    """

    name: LevelName
    missed: float
    seconds: float
    covering: int | None = None
    one_axis: int | None = None
    tails: int | None = None
    pairs: int | None = None
    large: int | None = None
    layers: int | None = None
    constants: int | None = None
    draws: int = 6
    settling_seconds: float = 5.0
    first_calls: int = 2
    after_invalid: int = 24
    journal_seconds: float = 10.0
    more_calls: int = 1500
    least_seconds: float = 0.5
    most_seconds: float = 4.0
    most_hung: int = 2
    most_crashed: int = 4
    most_out_of_memory: int = 2
    most_malformed: int = 4
    most_costly_refusals: int = 3
    diagnosis_seconds: float = 8.0
    reduction_seconds: float = 6.0
    preceding_seconds: float = 6.0
    rounding: float = 0.25
    beside: float = 0.5
    rounding_reduction_seconds: float = 2.0


LEVELS: dict[str, Level] = {
    level.name: level
    for level in (
        Level(
            name="quick",
            missed=1e-2,
            seconds=5.0,
            covering=400,
            one_axis=240,
            tails=260,
            pairs=80,
            large=50,
            layers=60,
            constants=100,
            draws=2,
        ),
        Level(name="standard", missed=1e-12, seconds=30.0, one_axis=6000, constants=300),
        Level(name="exhaustive", missed=1e-12, seconds=600.0, constants=3000),
        Level(name="fixtures", missed=1.0, seconds=60.0, covering=0, one_axis=0, constants=0),
    )
}
