"""The ledger: every judgement of an audit so far, and whether enough answers were wrong."""

from __future__ import annotations

import re
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from conv_oracle.auditing.finding import Kind
from conv_oracle.auditing.judging.asking import Ask
from conv_oracle.auditing.judging.circumstance import PLAIN, Circumstance
from conv_oracle.auditing.judging.judge import Judgement, Standing, of_other_format
from conv_oracle.auditing.judging.observation import Observation
from conv_oracle.auditing.level import Level
from conv_oracle.auditing.operands import DTYPES, GUARD_BITS, Draws, exact_radius
from conv_oracle.problem import Problem, parse

MOST_SEEN, OF_EACH, LARGEST_SEEN = 400, 4, 1_000_000
"""Wrong answers are kept for the diagnosis of so many problems, so many of each, with at most so many multiply-adds."""

MANY = 32
"""So many wrong answers say what more of the same would."""

REMARKS = ("narrowed", "harness")
TOLD: tuple[Kind, ...] = ("wrong-value", "wrong-shape", "varies", "stale-answer", "answer-changed", "mutated-operand")
"""Kinds that do not decide in a use that tells alone."""

KEPT: tuple[Standing, ...] = ("right", "rounded", "refused")
"""How an answer stands that a journal keeps: it has no wrong ones."""


@dataclass(frozen=True)
class Symptom:
    """A violation as it is seen: its kind, the type and place of an exception, and the circumstance."""

    kind: Kind
    raised: str
    circumstance: Circumstance


@dataclass(frozen=True)
class Doubt:
    """An observation that may be rounding. turn: the position of its problem in the list."""

    observation: Observation
    turn: int


@dataclass
class Counts:
    """Of one record: answers, elements compared, right answers to new operands, and refusals."""

    answers: int = 0
    outputs: int = 0
    right: int = 0
    refused: int = 0

    @property
    def listed(self) -> list[int]:
        """The counts in the order of the fields."""
        return [self.answers, self.outputs, self.right, self.refused]


@dataclass
class Record:
    """One problem in one circumstance. survival: the probability that a wrong index map went undetected there."""

    judgement: Judgement
    survival: float = 1.0
    counts: Counts = field(default_factory=Counts)


@dataclass
class Ledger:
    """All judgements so far.

    level: its budgets apply. records: by problem and circumstance. symptoms: the problems of each, in the order in
    which they were answered wrongly; worst: the smallest observation of each. seen: wrong answers for the diagnosis.
    counts: problems that failed and were refused. narrowed, harness: remarks and harness errors, with their number.
    deliberate: the causes of exceptions that a statement of the subject raised each time.
    order: all problems in the order of their calls, refusals included. first_wrong: by problem, the length of `order`
    when it was first answered wrongly. doubted: answers whose difference may be rounding. inexact: whether a right
    answer was rounded. calls, outputs: calls made, and elements compared. compared: right calls by circumstance.
    results: by dtype of the operands, those of right answers, of float8 and where they are wider. formats: by dtype
    of real operands and by part, the dtype of the first right answer, which the others have to have. first_failure: its
    time (time.monotonic) and the number of calls before it. truncated: why the list was not tested to its end.
    """

    level: Level
    records: dict[tuple[Problem, Circumstance], Record] = field(default_factory=dict)
    symptoms: dict[Symptom, dict[Problem, None]] = field(default_factory=dict)
    worst: dict[Symptom, Observation] = field(default_factory=dict)
    seen: list[Observation] = field(default_factory=list)
    _seen: dict[Problem, list[Observation]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    narrowed: Counter[str] = field(default_factory=Counter)
    harness: Counter[str] = field(default_factory=Counter)
    deliberate: dict[str, bool] = field(default_factory=dict)
    order: list[Problem] = field(default_factory=list)
    first_wrong: dict[Problem, int] = field(default_factory=dict)
    doubted: deque[Doubt] = field(default_factory=deque)
    inexact: bool = False
    calls: int = 0
    outputs: int = 0
    compared: Counter[str] = field(default_factory=Counter)
    results: dict[str, list[str]] = field(default_factory=dict)
    formats: dict[tuple[str, str], str] = field(default_factory=dict)
    first_failure: tuple[float, int] | None = None
    truncated: str = ""

    def note(self, ask: Ask, judgements: Sequence[Judgement], turn: int = 0) -> None:
        """Record the judgements of a series; what may be rounding is set aside until that is ruled out.

        turn: the position of the problem in the list.
        """
        self.calls += len(judgements)
        self._learn(ask, judgements)
        judgements = self.alike(ask, judgements)
        if all(judgement.standing == "right" for judgement in judgements):
            self._note_right(ask, judgements)
            return
        judgements = [_as_refusal(ask, judgement) for judgement in judgements]
        if any(judgement.wrong for judgement in judgements):
            self.first_wrong.setdefault(ask.problem, len(self.order))
        self.order.append(ask.problem)
        doubts = [step for step, judgement in enumerate(judgements) if _doubtful(ask, judgement)]
        if doubts:
            self.doubted.append(Doubt(Observation(ask, doubts[0], judgements[doubts[0]]), turn))
            if not any(one.wrong for step, one in enumerate(judgements) if step not in doubts):
                return
        if (mixed := _refused_and_answered(ask, judgements)) is not None:
            self.inconsistent(Observation(ask, mixed, judgements[mixed]), "refused on some values, answered on others")
        seen: set[int] = set()
        for step, judgement in enumerate(judgements):
            if step in doubts:
                continue
            if judgement.standing == "harness-fault":
                self.harness[judgement.text] += 1
                continue
            block = ask.block_of(step)
            self._note(Observation(ask, step, judgement), new=block not in seen)
            seen.add(block)

    def inconsistent(self, one: Observation, text: str) -> None:
        """Record a problem that is refused at one time and answered at another."""
        said = f"{text}: {one.judgement.text}"
        self._note(one.judged(standing="wrong", kind="refuses-inconsistently", text=said), new=False)

    def withdraw(self, symptom: Symptom, why: str) -> None:
        """Take what was judged a violation for a refusal: it is none. why: what is told of it."""
        for problem in self.symptoms.pop(symptom):
            record = self.records[problem, symptom.circumstance]
            if record.judgement.wrong and record.judgement.kind == symptom.kind:
                record.judgement = Judgement("refused", text=record.judgement.text)
                self.counts["failed"] -= 1
                self.counts["refused"] += 1
        del self.worst[symptom]
        if why:
            self.narrowed[why] = 1
        if not self.symptoms:
            self.first_failure = None

    def alike(self, ask: Ask, judgements: Sequence[Judgement]) -> list[Judgement]:
        """The judgements, where a right answer whose format is not that of the others is a violation."""
        known = tuple(self.formats.get((ask.problem.dtype, part)) for part in ask.parts)
        return [one if one.formats == known else self._like_others(ask, one) for one in judgements]

    def _like_others(self, ask: Ask, judgement: Judgement) -> Judgement:
        asked = ask.problem.dtype
        for part, found in zip(ask.parts, judgement.formats, strict=False):
            known = self.formats.get((asked, part), found)
            if judgement.right and found != known:
                return of_other_format(found, asked, known, part)
        if judgement.kind == "wrong-dtype":
            return replace(judgement, wanted=self.formats.get((asked, judgement.part), asked))
        return judgement

    def _learn(self, ask: Ask, judgements: Sequence[Judgement]) -> None:
        """Note the formats of the first right answer."""
        dtype = DTYPES[ask.problem.dtype]
        first = next((one for one in judgements if one.right and one.formats), None)
        if first is not None and dtype.kind == "f" and not dtype.short:
            for part, found in zip(ask.parts, first.formats, strict=True):
                self.formats.setdefault((dtype.name, part), found)

    def settle(self, ask: Ask, doubted: Judgement, again: Sequence[Judgement]) -> None:
        """Record a doubtful answer after the call was repeated twice: rounding is the same each time."""
        self.calls += len(again)
        if faults := [one.text for one in again if one.standing == "harness-fault"]:
            self.harness.update(faults)
            return
        self.inexact = True
        if any(one.got is None or doubted.got is None or one.got.tobytes() != doubted.got.tobytes() for one in again):
            text = "the same call gave a different answer when repeated"
            self._note(Observation(ask, 0, doubted).judged(kind="varies", text=text), new=False)

    def written(self) -> dict[str, Any]:
        """The state that a journal keeps, while no answer was wrong."""
        records = [
            [str(problem), [at.aspect, at.said, at.style], one.judgement.standing, one.survival, one.counts.listed]
            for (problem, at), one in self.records.items()
        ]
        remarks = {name: getattr(self, name) for name in REMARKS}
        formats = [[*at, found] for at, found in self.formats.items()]
        known = {"inexact": self.inexact, "results": self.results, "formats": formats}
        return {"records": records, **known, **remarks}

    def restore(self, written: Mapping[str, Any]) -> None:
        """Take over the state that `written` gave. All numbers follow from its records.

        Raises KeyError, TypeError, ValueError or NotationError for what `written` cannot have given.
        """
        for record in written["records"]:
            self._restore(record)
        for name in REMARKS:
            getattr(self, name).update({str(text): _counted(count) for text, count in written[name].items()})
        self.results = {str(dtype): list(map(str, returned)) for dtype, returned in written["results"].items()}
        self.formats = {(str(dtype), str(part)): str(found) for dtype, part, found in written["formats"]}
        self.inexact = bool(written["inexact"])

    def _restore(self, record: Sequence[Any]) -> None:
        """Take over a record: its notation, circumstance, standing, survival and counts."""
        notation, circumstance, standing, survival, counted = record
        if standing not in KEPT or not 0 <= survival <= 1:
            raise ValueError(f"a record that is {standing!r}, with a probability of {survival!r}")
        counts, at = Counts(*map(_counted, counted)), Circumstance(*circumstance)
        self.records[parse(notation), at] = Record(Judgement(standing), survival, counts)
        self.calls += counts.answers
        self.outputs += counts.outputs
        self.compared[at.said] += counts.right
        self.counts["refused"] += counts.refused

    def failing(self, symptom: Symptom) -> list[Problem]:
        """The problems that show a symptom."""
        return list(self.symptoms.get(symptom, ()))

    def passing(self, circumstance: Circumstance) -> list[Problem]:
        """The problems found right in a circumstance, but for empty batches, which nothing can show on."""
        right = ((p, at) for (p, at), record in self.records.items() if record.judgement.right)
        return [problem for problem, at in right if at == circumstance and problem.geometry.batch]

    def plain(self) -> dict[Problem, Record]:
        """The records of plain calls."""
        return {problem: record for (problem, at), record in self.records.items() if at.plain}

    def costly(self) -> dict[Kind, list[Problem]]:
        """The problems on which the process was lost, by kind, where there are as many as the level allows."""
        level, seen = self.level, dict[Kind, list[Problem]]()
        for symptom, problems in self.symptoms.items():
            seen.setdefault(symptom.kind, []).extend(problems)
        limits: Mapping[Kind, int] = {
            "hung": level.most_hung,
            "crashed": level.most_crashed,
            "out-of-memory": level.most_out_of_memory,
            "malformed": level.most_malformed,
        }
        return {kind: seen[kind] for kind, most in limits.items() if len(seen.get(kind, ())) >= most}

    @property
    def guards(self) -> bool:
        """Whether operands may still lie against guard pages: each byte that is touched there costs a process."""
        return self.counts["out-of-bounds"] < self.level.most_crashed

    def mostly_wrong(self) -> bool:
        """Whether so many plain problems were answered wrongly that more of them say little."""
        return self.counts["failed"] >= MANY and 2 * self.counts["failed"] > len(self.records)

    def enough(self, now: float) -> bool:
        """Whether enough answers were wrong for an audit that is to end soon. now: on time.monotonic's clock."""
        if self.first_failure is None:
            return False
        if self.costly():
            return True
        level, (since, at) = self.level, self.first_failure
        passed = now - since
        return passed > level.most_seconds or (passed > level.least_seconds and self.calls - at > level.more_calls)

    def _note_right(self, ask: Ask, judgements: Sequence[Judgement]) -> None:
        """Record a series of right answers, as `_note` does one by one: each record is looked up once."""
        self.order.append(ask.problem)
        records, seen = dict[Circumstance, Record](), set[int]()
        for step, judgement in enumerate(judgements):
            at = ask.circumstances[block := ask.block_of(step)]
            if (record := records.get(at)) is None:
                record = records[at] = self.records.setdefault((ask.problem, at), Record(judgement))
            if self._count(record, ask, step, judgement, new=block not in seen):
                self._believe(records.get(PLAIN) or self.records.get((ask.problem, PLAIN)), ask.draws, judgement)
            seen.add(block)

    def _count(self, record: Record, ask: Ask, step: int, judgement: Judgement, *, new: bool) -> bool:
        """Count an answer in its record; returns whether a wrong index map would have had to survive it too."""
        block, counts, dtype = ask.block_of(step), record.counts, ask.problem.dtype
        self.outputs += judgement.outputs
        self.inexact |= judgement.standing == "rounded"
        counts.answers += 1
        counts.outputs += judgement.outputs
        if not new or not judgement.right or ask.steps[step][0] == "reread":
            return False
        counts.right += 1
        self.compared[ask.circumstances[block].said] += 1
        told = judgement.formats[:1] not in ((), (dtype,)) or DTYPES[dtype].short
        if told and judgement.formats[0] not in (results := self.results.setdefault(dtype, [])):
            results.append(judgement.formats[0])
        return ask.circumstance.plain and block < ask.draws.uniform

    def _note(self, one: Observation, *, new: bool) -> None:
        problem, at, judgement = one.problem, one.circumstance, one.judgement
        record = self.records.get((problem, at))
        known = record is not None and record.judgement.wrong
        if record is None:
            record = self.records[problem, at] = Record(judgement)
        if self._count(record, one.ask, one.step, judgement, new=new):
            self._believe(self.records.get((problem, PLAIN)), one.ask.draws, judgement)
        if judgement.standing == "refused":
            record.judgement = record.judgement if known else judgement
            self.counts["refused"] += 1
            record.counts.refused += 1
            with_use = f"calls with {at} are not supported" if at.aspect == "use" else "refused"
            self.narrowed[f"{with_use}: {_unnumbered(judgement.text)}"] += 1
        elif judgement.wrong and judgement.kind is not None:
            if not known:
                record.judgement = judgement
                self.counts["failed"] += 1
            self.counts[judgement.kind] += judgement.kind == "out-of-bounds"
            self.first_failure = self.first_failure or (time.monotonic(), self.calls)
            symptom = Symptom(judgement.kind, judgement.cause, at)
            if judgement.cause:
                self.deliberate[judgement.cause] = self.deliberate.get(judgement.cause, True) and judgement.on_purpose
            self.symptoms.setdefault(symptom, {})[problem] = None
            self._keep_smallest(symptom, one)
            if judgement.got is not None and problem.multiply_adds <= LARGEST_SEEN:
                self._see(one)

    def _see(self, one: Observation) -> None:
        """Keep a wrong answer: a few of each problem, so that as many problems are known however fast answers come."""
        of_problem = self._seen.setdefault(one.problem, [])
        if len(of_problem) < OF_EACH and len(self._seen) <= MOST_SEEN:
            of_problem.append(one)
            self.seen.append(one)

    def _believe(self, record: Record | None, draws: Draws, judgement: Judgement) -> None:
        """One more draw, scaled or not, that a wrong index map would have had to survive. record: of plain calls."""
        if record is not None and draws.returned in ("", judgement.returned):
            largest = judgement.peak if DTYPES[draws.problem.dtype].narrow else None
            record.survival *= draws.survival(largest=largest)

    def _keep_smallest(self, symptom: Symptom, one: Observation) -> None:
        kept = self.worst.get(symptom)
        if kept is None or _size(one.problem) < _size(kept.problem):
            self.worst[symptom] = one


def _doubtful(ask: Ask, judgement: Judgement) -> bool:
    """Whether a difference could be rounding, which operands with guard bits would decide."""
    if judgement.kind not in ("wrong-value", "varies") or ask.draws.guarded:
        return False
    dtype = DTYPES[ask.problem.dtype]
    if dtype.kind not in "fc" or (judgement.largest >= 2 ** (GUARD_BITS - 1) and not dtype.narrow):
        return False
    by = ask.gradients is not None
    return exact_radius(ask.problem, guarded=True, gradients=by, returned=ask.draws.returned) >= 1


def _as_refusal(ask: Ask, judgement: Judgement) -> Judgement:
    """A judgement; an exception in one way of calling says that it takes another way only."""
    if judgement.kind == "raised" and ask.circumstance.aspect == "use":
        return Judgement("refused", text=judgement.text)
    if judgement.kind in TOLD and ask.use.tells:
        return Judgement("refused", text="wrong answers (a finding with --edges fault)")
    return judgement


def _refused_and_answered(ask: Ask, judgements: Sequence[Judgement]) -> int | None:
    """The first refused call of a series in which others are answered; None where there is none."""
    if ask.circumstance.aspect == "use":
        return None
    calls = [(step, one) for step, one in enumerate(judgements) if ask.steps[step][0] != "reread"]
    refused = [step for step, one in calls if one.standing == "refused"]
    answered = any(one.right or one.got is not None for _, one in calls)
    return refused[0] if refused and answered else None


def _counted(value: object) -> int:
    """A count. Raises ValueError for what is none."""
    if type(value) is not int or value < 0:
        raise ValueError(f"a count of {value!r}")
    return value


def _unnumbered(text: str) -> str:
    """A message without its numbers: those that differ in nothing else are one."""
    return re.sub(r"\d+", "#", text)


def _size(problem: Problem) -> tuple[bool, int]:
    """The order of cases to show: empty batches last, then by multiply-adds."""
    return problem.geometry.batch == 0, problem.multiply_adds
