"""The levels of an audit: how much is tested, and the budget of each part."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from conv_oracle.errors import TargetError

LevelName = Literal["quick", "standard", "exhaustive", "fixtures", "large"]

COUNTS = ("covering", "one_axis", "tails", "pairs", "large", "layers", "constants", "crossed", "edges")
"""The lists of problems, of which all are tested where None stands."""

TIMES = (
    "missed",
    "seconds",
    "own",
    "after",
    "settling_seconds",
    "journal_seconds",
    "least_seconds",
    "most_seconds",
    "diagnosis_seconds",
    "rounding",
    "beside",
    "rounding_reduction_seconds",
    "call_seconds",
)
"""What need not be whole: seconds, shares of seconds, and a probability."""


@dataclass(frozen=True, kw_only=True)
class Level:
    """The budgets of an audit, in seconds and in counts; reference/AUDIT.md has them as a table.

    Problems:
        covering, one_axis, tails, pairs, large, layers, constants: how many of each list are tested; None is all
        sorts: how many layers that people run are drawn; beyond: how many larger than all other problems
        crossed: how many of the sizes that are crossed in threes are tested; None is all
        drawn: how many extents, or pairs of them, are drawn
        edges: how many of each edge are tested, after all others
        outside: how many problems are tested that the subject seems not to support, as it may answer them after all
        missed: the probability, at most, with which a wrong index goes undetected on a problem
        draws: the least number of draws per problem, for value-dependent faults, even where fewer reach `missed`

    Calls:
        seconds: the time for the problems together
        own: the share of `seconds` for the layers of --layers, at most; what they leave goes to the level's problems
        after: the share of `seconds` that is left, at least, for what comes after the level's problems
        settling_seconds: the least extra time to repeat answers whose difference may be rounding
        first_calls: how many problems are tested as the first call of a fresh process, besides that of threads
        threaded: how many problems are tested in a process whose threads are not limited
        after_invalid: how many problems are tested again after those that must be refused
        journal_seconds: the interval at which progress is written to the journal
        call_seconds: the time limit of one call, unless the options say another

    Arrays of level large:
        bits: those of the shortest index that is to overflow; one of a bit more is, too

    After the first wrong answer, if the audit is to end soon (fail_fast):
        more_calls, least_seconds, most_seconds: how many more calls are made, for how long at least and at most

    Answers that cost a process each:
        most_hung, most_crashed, most_out_of_memory, most_malformed: after so many, problems like them are left out
        most_costly_refusals: the same for all four together, among problems that must be refused
        again: how many refused problems, and answered ones, are asked again, as a refusal must be consistent

    Diagnosis, for all findings together:
        diagnosis_seconds: the time to explain, reduce and repeat what is found

    Rounding; the first two are shares of `seconds`:
        rounding: for sums, and again for special values
        beside: for faults that a coarse rounding may hide
        rounding_reduction_seconds: the time, per finding, to search for the smallest problem
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
    sorts: int = 300
    beyond: int = 12
    crossed: int | None = None
    drawn: int = 400
    edges: int | None = None
    outside: int = 400
    draws: int = 6
    own: float = 0.5
    after: float = 0.3
    settling_seconds: float = 5.0
    first_calls: int = 1
    threaded: int = 200
    after_invalid: int = 24
    journal_seconds: float = 10.0
    call_seconds: float = 10.0
    bits: int = 31
    more_calls: int = 1500
    least_seconds: float = 0.5
    most_seconds: float = 4.0
    most_hung: int = 2
    most_crashed: int = 4
    most_out_of_memory: int = 2
    most_malformed: int = 4
    most_costly_refusals: int = 3
    again: int = 6
    diagnosis_seconds: float = 20.0
    rounding: float = 0.25
    beside: float = 0.5
    rounding_reduction_seconds: float = 2.0

    def __post_init__(self) -> None:
        """Raises TargetError for a budget that is none."""
        for name, value in vars(self).items():
            if name == "name":
                continue
            counted = isinstance(value, int) and not isinstance(value, bool) and value >= 0
            timed = isinstance(value, int | float) and 0 <= value < math.inf
            whole = name in COUNTS and value is None
            if not (whole or (counted if name not in TIMES else timed)):
                what = "a number of seconds, or a share," if name in TIMES else "a count"
                raise TargetError(f"a budget is {what} of at least 0: {name}={value!r}; 5 would fit")
        if not 0 < self.missed <= 1:
            raise TargetError(f"a probability is above 0 and at most 1: missed={self.missed!r}; 0.01 would fit")

    @property
    def longest(self) -> float:
        """The seconds in which an audit begins calls, all parts together: it ends one call later at the latest."""
        rounding = self.seconds * (4 * self.rounding + self.beside)  # it may wait as long again
        told = 1.25 * self.diagnosis_seconds + self.rounding_reduction_seconds
        return self.seconds * (1 + self.own + self.after) + self.settling_seconds + rounding + told

    @property
    def said(self) -> str:
        """The name; of a level of one's own, that of the level whose budgets were changed."""
        return self.name if LEVELS.get(self.name) == self else f"{self.name} with other budgets"


LEVELS: dict[str, Level] = {
    level.name: level
    for level in (
        Level(
            name="quick",
            missed=1e-2,
            seconds=5.0,
            covering=240,
            one_axis=140,
            tails=160,
            pairs=50,
            large=50,
            layers=60,
            constants=100,
            sorts=80,
            beyond=3,
            crossed=70,
            drawn=50,
            edges=12,
            outside=80,
            draws=2,
            again=3,
            threaded=24,
            first_calls=0,
            diagnosis_seconds=5.0,
            more_calls=900,
        ),
        Level(name="standard", missed=1e-12, seconds=30.0, one_axis=6000, constants=300, edges=60),
        Level(name="exhaustive", missed=1e-12, seconds=600.0, constants=3000, sorts=3000, beyond=60, drawn=4000),
        Level(
            name="fixtures",
            missed=1.0,
            seconds=60.0,
            covering=0,
            one_axis=0,
            constants=0,
            sorts=0,
            beyond=0,
            crossed=0,
            drawn=0,
        ),
        Level(
            name="large",
            missed=1.0,
            seconds=600.0,
            covering=0,
            one_axis=0,
            tails=0,
            pairs=0,
            large=0,
            layers=0,
            constants=0,
            sorts=0,
            beyond=0,
            crossed=0,
            drawn=0,
            edges=0,
            outside=0,
            call_seconds=300.0,
        ),
    )
}
