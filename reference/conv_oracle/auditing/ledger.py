"""What an audit knows so far: every judgement in its place, and when enough is known."""

from __future__ import annotations

import re
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from conv_oracle.auditing.asking import Ask
from conv_oracle.auditing.judge import Judgement
from conv_oracle.auditing.operands import DTYPES, GUARD_BITS, exact_radius
from conv_oracle.auditing.verdict import Kind
from conv_oracle.problem import Problem, parse

ENOUGH_AFTER_A_FINDING = (1500, 0.5, 4.0)
"""After the first finding: go on for so many calls and so many seconds, at most for so many seconds."""

COSTLY: Mapping[Kind, int] = {"hung": 2, "crashed": 4, "out-of-memory": 2, "malformed": 4}
"""After so many of these the audit ends: what is known is stable, and each costs a process."""

MOST_SEEN, LARGEST_SEEN = 400, 1_000_000
"""So many wrong answers are kept to find their cause, of problems with so many multiply-adds at most."""

COUNTERS = ("counts", "narrowed", "compared", "harness")

Cause = tuple[Kind, str, str]
"""Kind of finding, cause of an exception, circumstance."""


@dataclass
class Record:
    """What is known of one problem in one circumstance."""

    judgement: Judgement
    survival: float = 1.0


@dataclass
class Ledger:
    """What is known so far."""

    records: dict[tuple[Problem, str], Record] = field(default_factory=dict)
    worst: dict[Cause, tuple[Ask, Judgement, int]] = field(default_factory=dict)
    seen: list[tuple[Ask, int, Judgement]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    narrowed: Counter[str] = field(default_factory=Counter)
    harness: Counter[str] = field(default_factory=Counter)
    order: list[Problem] = field(default_factory=list)
    """What was asked, in turn, refusals among them."""
    first_wrong: dict[Problem, int] = field(default_factory=dict)
    """How much had been asked before a problem was answered wrongly."""
    doubted: deque[tuple[Ask, int, Judgement, int]] = field(default_factory=deque)
    inexact: bool = False
    calls: int = 0
    outputs: int = 0
    compared: Counter[str] = field(default_factory=Counter)
    results: dict[str, list[str]] = field(default_factory=dict)
    """Of operands in float8, the dtypes of right answers."""
    first_failure: tuple[float, int] | None = None
    truncated: str = ""

    def note(self, ask: Ask, judgements: Sequence[Judgement], turn: int = 0) -> None:
        """Write down the judgements of a series, or put aside what may be a rounding, until that is ruled out.

        turn: the problem's place in the list, for whoever asks again.
        """
        self.calls += len(judgements)
        if any(judgement.wrong for judgement in judgements):
            self.first_wrong.setdefault(ask.problem, len(self.order))
        self.order.append(ask.problem)
        doubts = [step for step, judgement in enumerate(judgements) if _doubtful(ask, judgement)]
        if doubts:
            self.doubted.append((ask, doubts[0], judgements[doubts[0]], turn))
            if not any(one.wrong for step, one in enumerate(judgements) if step not in doubts):
                return
        seen: set[int] = set()
        for step, judgement in enumerate(judgements):
            if step in doubts:
                continue
            if judgement.standing == "harness-fault":
                self.harness[judgement.text] += 1
                continue
            first, block = ask.steps[step][0] != "reread", ask.block_of(step)
            self._note(ask, step, judgement, new=first and block not in seen)
            seen.add(block)

    def settle(self, ask: Ask, doubted: Judgement, again: Sequence[Judgement]) -> None:
        """What was doubted was asked twice more: a rounding is the same each time."""
        self.calls += len(again)
        if faults := [one.text for one in again if one.standing == "harness-fault"]:
            self.harness.update(faults)
            return
        self.inexact = True
        if any(one.got is None or doubted.got is None or one.got.tobytes() != doubted.got.tobytes() for one in again):
            text = "the same call gave another answer the second time"
            self._note(ask, 0, replace(doubted, kind="varies", text=text), new=False)

    def written(self) -> dict[str, Any]:
        """What a journal keeps of it, while nothing is wrong."""
        records = [
            [str(problem), circumstance, record.judgement.standing, record.survival]
            for (problem, circumstance), record in self.records.items()
        ]
        counters = {name: getattr(self, name) for name in COUNTERS}
        known = {"inexact": self.inexact, "calls": self.calls, "outputs": self.outputs, "results": self.results}
        return {"records": records, **known, **counters}

    def restore(self, written: Mapping[str, Any]) -> None:
        """Go on from what was written."""
        for notation, circumstance, standing, missed in written["records"]:
            self.records[parse(notation), circumstance] = Record(Judgement(standing), missed)
        for name in COUNTERS:
            getattr(self, name).update(written[name])
        self.results = {dtype: list(returned) for dtype, returned in written["results"].items()}
        self.inexact, self.calls, self.outputs = written["inexact"], written["calls"], written["outputs"]

    def failing(self, cause: Cause) -> list[Problem]:
        """The problems whose finding is of this kind and cause."""
        kind, place, circumstance = cause
        return [
            problem
            for (problem, said), record in self.records.items()
            if said == circumstance and (record.judgement.kind, record.judgement.cause) == (kind, place)
        ]

    def passing(self, circumstance: str) -> list[Problem]:
        """The problems found right that have an output to be wrong in."""
        right = ((p, said) for (p, said), record in self.records.items() if not _settled(record.judgement))
        return [problem for problem, said in right if said == circumstance and problem.geometry.batch]

    def plain(self) -> dict[Problem, Record]:
        """The records without a circumstance."""
        return {problem: record for (problem, said), record in self.records.items() if not said}

    def enough(self, now: float) -> bool:
        """Whether what is known to be wrong is stable."""
        if self.first_failure is None:
            return False
        costly = {kind: sum(len(self.failing(cause)) for cause in self.worst if cause[0] == kind) for kind in COSTLY}
        if any(costly[kind] >= most for kind, most in COSTLY.items()):
            return True
        since, at = self.first_failure
        calls, least, most_seconds = ENOUGH_AFTER_A_FINDING
        return now - since > most_seconds or (now - since > least and self.calls - at > calls)

    def _note(self, ask: Ask, step: int, judgement: Judgement, *, new: bool) -> None:
        problem, said = ask.problem, ask.circumstance_of(step)
        self.outputs += judgement.outputs
        self.inexact |= judgement.standing == "rounded"
        record = self.records.get((problem, said))
        if record is None:
            record = self.records[problem, said] = Record(judgement)
        if judgement.standing in ("right", "rounded") and new:
            self.compared[said] += 1
            if DTYPES[problem.dtype].short and judgement.returned not in self.results.setdefault(problem.dtype, []):
                self.results[problem.dtype].append(judgement.returned)
            if ask.block_of(step) < ask.draws.uniform and not ask.circumstance:
                self._believe(ask, judgement)
        if judgement.standing == "refused":
            record.judgement = judgement
            self.counts["refused"] += 1
            self.narrowed[f"refused: {_unnumbered(judgement.text)}"] += 1
        elif judgement.wrong and judgement.kind is not None:
            if not record.judgement.wrong:
                record.judgement = judgement
                self.counts["failed"] += 1
            self.first_failure = self.first_failure or (time.monotonic(), self.calls)
            self._keep_smallest((judgement.kind, judgement.cause, said), ask, judgement, step)
            if judgement.got is not None and len(self.seen) < MOST_SEEN and problem.multiply_adds <= LARGEST_SEEN:
                self.seen.append((ask, step, judgement))

    def _believe(self, ask: Ask, judgement: Judgement) -> None:
        """One more draw, scaled or not, that a wrong index map would have had to survive."""
        problem = ask.problem
        record = self.records.get((problem, ""))
        if record is not None and ask.draws.returned in ("", judgement.returned):
            largest = judgement.peak if DTYPES[problem.dtype].narrow else None
            record.survival *= ask.draws.survival(largest=largest)

    def _keep_smallest(self, cause: Cause, ask: Ask, judgement: Judgement, step: int) -> None:
        kept = self.worst.get(cause)
        if kept is None or _size(ask.problem) < _size(kept[0].problem):
            self.worst[cause] = (ask, judgement, step)


def _doubtful(ask: Ask, judgement: Judgement) -> bool:
    """Whether a difference could be a rounding, which operands with guard bits would tell."""
    if judgement.kind not in ("wrong-value", "varies") or ask.draws.guarded:
        return False
    dtype = DTYPES[ask.problem.dtype]
    if dtype.kind not in "fc" or (judgement.largest >= 2 ** (GUARD_BITS - 1) and not dtype.narrow):
        return False
    return (
        exact_radius(ask.problem, guarded=True, gradients=ask.gradients is not None, returned=ask.draws.returned) >= 1
    )


def _settled(judgement: Judgement) -> bool:
    return judgement.standing not in ("right", "rounded")


def _unnumbered(text: str) -> str:
    """A message without its numbers: those that differ in nothing else are one."""
    return re.sub(r"\d+", "#", text)


def _size(problem: Problem) -> tuple[bool, int]:
    """Small is what a reader follows; an empty batch shows little."""
    return problem.geometry.batch == 0, problem.multiply_adds
