"""The course of an audit: problems are tested in order, doubtful answers are repeated, all is recorded."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from conv_oracle.auditing.diagnosis import Condition, learned
from conv_oracle.auditing.finding import Finding
from conv_oracle.auditing.journal import Journal
from conv_oracle.auditing.judging import (
    Ask,
    Doubt,
    Judgement,
    Ledger,
    Session,
    judge,
)
from conv_oracle.auditing.level import Level
from conv_oracle.auditing.pace import Pace
from conv_oracle.auditing.sandbox import Series
from conv_oracle.errors import NotationError, TargetError
from conv_oracle.problem import Problem

COSTLY = ("hung", "crashed", "out-of-memory", "malformed")
"""Outcomes that cost a worker process each."""

MOST_LOST = 12
"""So often may the process be lost, although problems like those that cost one are left out."""

SHOWN_EVERY = 0.1


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far an audit is.

    done, planned: problems tested so far, and in all. failed, refused: answered wrongly, and refused.
    asking: the notation of the problem that was answered last. wrong: of a small one that was answered wrongly, if any.
    """

    done: int
    planned: int
    failed: int
    refused: int
    asking: str
    wrong: str = ""


@dataclass(frozen=True)
class _Key:
    """A series of calls, the position of its problem in the list, and the doubtful judgement that it is to settle."""

    ask: Ask
    turn: int
    doubted: Judgement | None = None
    doubt: Doubt | None = None


def read_back(journal: Journal, level: Level) -> Mapping[str, Any]:
    """The state in a journal, of which all but `of` is checked. Raises TargetError where it is missing, or forged."""
    state = journal.read()
    try:
        if type(state["of"]) is not str or any(type(state[n]) is not int or state[n] < 0 for n in ("done", "seed")):
            raise ValueError("of, done and seed")  # noqa: TRY301 - told in the same words as what the ledger refuses
        Ledger(level).restore(state["ledger"])
    except (KeyError, TypeError, ValueError, AttributeError, NotationError) as error:
        raise TargetError(f"a journal must have what an audit wrote: {type(error).__name__}: {error}") from None
    return state


@dataclass
class Course:
    """The progress of one audit.

    deadline: the end of the level's time, on time.monotonic's clock. progress: called with a Progress at most every
    SHOWN_EVERY seconds. of: the digest that identifies the journal. violations: findings on problems that must be
    refused; invalid: how many of these there were, by (without an output, not refused). done: the position in the list
    that was reached. open: per position, the series that are not answered yet. settling: doubts that are being
    repeated, one entry for each answer that is still to come. briefly: whether each gets its plain series alone.
    avoided: conditions of problems on which the process is lost; lost: from how many. pace: how long a product takes.
    essential: the problems that are asked however long they take.
    """

    session: Session
    deadline: float
    progress: Callable[[Progress], None] | None
    journal: Journal | None = None
    of: str = ""
    violations: tuple[Finding, ...] = ()
    invalid: Counter[tuple[bool, bool]] = field(default_factory=Counter)
    shown: float = 0.0
    journalled: float = field(default_factory=time.monotonic)
    done: int = 0
    open: Counter[int] = field(default_factory=Counter)
    settling: list[Doubt] = field(default_factory=list)
    briefly: bool = False
    avoided: tuple[Condition, ...] = ()
    lost: int = 0
    pace: Pace = field(default_factory=Pace)
    essential: frozenset[Problem] = frozenset()

    @property
    def ledger(self) -> Ledger:
        """All judgements so far."""
        return self.session.ledger

    def ask_all(self, asked: Sequence[Problem]) -> None:
        """Test the problems in order, until the deadline, or soon after a wrong answer if the audit is to end then."""
        self._ask(self._series(asked), asked)
        self.ask_what_is_doubted()

    def ask_what_is_doubted(self) -> None:
        """Repeat the answers whose difference may be rounding, where that was seen after the last problem was sent.

        Some time is always left for it: with a difference that is not settled, a subject must not conform.
        """
        ledger, truncated = self.ledger, self.ledger.truncated
        if ledger.doubted:
            self.deadline = max(self.deadline, time.monotonic() + self.session.level.settling_seconds)
        while ledger.doubted and not self.ends_soon():
            ledger.truncated = ""
            self._ask(self._doubts(), ())
            if ledger.truncated:
                ledger.harness["a difference that may be rounding could not be checked again in time"] += 1
                break
        ledger.truncated = truncated or ledger.truncated

    def keep(self) -> None:
        """Write the journal, unless an answer was wrong: then the audit ends soon."""
        if self.journal and self.ledger.first_failure is None:
            self.journalled = time.monotonic()
            unanswered = [turn for turn, series in self.open.items() if series]
            unanswered += [doubt.turn for doubt in (*self.ledger.doubted, *self.settling)]
            done = min(unanswered, default=max(self.open, default=self.done - 1) + 1)
            try:
                seed = self.session.asking.seed
                self.journal.write({"of": self.of, "done": done, "seed": seed, "ledger": self.ledger.written()})
            except OSError as error:
                self.ledger.narrowed[
                    f"the journal cannot be written, so this audit cannot be resumed: {error.strerror}"
                ] += 1
                self.journal = None

    def resume(self, state: Mapping[str, Any]) -> None:
        """Continue from a state that was `read_back`. Raises TargetError where it is another audit's."""
        if state["of"] != self.of:
            raise TargetError(
                "a journal can only resume its own audit: the target, its file or the options have changed since"
            )
        self.done = state["done"]
        self.ledger.restore(state["ledger"])

    def ends_soon(self) -> bool:
        """Whether a wrong answer was seen and the audit is to end soon, or nearly all answers are wrong."""
        failed = self.ledger.first_failure is not None
        return failed and (self.session.fail_fast or self.ledger.mostly_wrong())

    def late(self) -> bool:
        """Whether the time of the level, and of settling, is over; then the scope says so."""
        over = time.monotonic() > self.deadline
        if over:
            self.ledger.narrowed[
                "first calls, invalid arguments and the calls after them: cut short by the time limit"
            ] = 1
        return over

    def _ask(self, series: Iterator[tuple[_Key, Series]], asked: Sequence[Problem]) -> None:
        ledger, before = self.ledger, time.monotonic()
        for key, answers in self.session.sandbox.ask(series, self.deadline):
            self.pace.note(key.ask.problem, len(answers), (time.monotonic() - before) * self.session.sandbox.jobs)
            judgements = judge(key.ask, answers, refusals=self.session.refusals)
            if key.doubted:
                ledger.settle(key.ask, key.doubted, judgements)
            else:
                ledger.note(key.ask, judgements, key.turn)
            self.open[key.turn] -= 1
            if key.doubt:
                self.settling = _without(self.settling, key.doubt)
            now = time.monotonic()
            if self.journal and now - self.journalled > self.session.level.journal_seconds:
                self.keep()
            self._show(now, len(asked), key.ask.problem)
            before = time.monotonic()
            if now > self.deadline:
                ledger.truncated = f"stopped at the level's time limit, {self.session.level.seconds:g} s"
            elif self.session.fail_fast and ledger.enough(now):
                ledger.truncated = "stopped early: enough answers were wrong"
            elif self._too_costly():
                ledger.truncated = "stopped early: the process was lost too often"
            if ledger.truncated:
                break
        if not ledger.truncated and time.monotonic() > self.deadline:
            ledger.truncated = f"stopped at the level's time limit, {self.session.level.seconds:g} s"
        while self.settling:
            doubt = self.settling[0]
            ledger.doubted.append(doubt)
            self.settling = [other for other in self.settling if other is not doubt]

    def _show(self, now: float, planned: int, problem: Problem) -> None:
        if self.progress and now - self.shown > SHOWN_EVERY:
            self.shown = now
            done, counts = len({asked for asked, _ in self.ledger.records}), self.ledger.counts
            self.progress(
                Progress(
                    done=done,
                    planned=max(planned, done),
                    failed=counts["failed"],
                    refused=counts["refused"],
                    asking=str(problem),
                    wrong=next((str(one.ask.problem) for one in self.ledger.worst.values()), ""),
                )
            )

    def _series(self, asked: Sequence[Problem]) -> Iterator[tuple[_Key, Series]]:
        for turn, problem in enumerate(asked):
            if turn < self.done:
                continue
            yield from self._doubts()
            if any(condition.holds(problem) for condition in self.avoided):
                self.ledger.narrowed["not tested, as the process was lost on problems like it"] += 1
                continue
            asking, seconds = self.session.asking, self.session.level.seconds
            optional = problem not in self.essential
            if optional and (why := self.pace.refuses(problem, asking.least, level=seconds, slow=asking.slow)):
                self.ledger.narrowed[why] += 1
                continue
            asks = self._asks(problem, turn)
            yield from (self._asked(_Key(ask, turn)) for ask in asks)
            if not asks:
                self.ledger.narrowed[f"not tested: sums too long to be exact in {problem.dtype}"] += 1

    def _asks(self, problem: Problem, turn: int) -> list[Ask]:
        """All series of a problem; one call where nearly all answers are wrong."""
        asking, guarded = self.session.asking, self.ledger.inexact
        if self.ledger.mostly_wrong():
            once = asking.once(problem, guarded=guarded)
            return [] if once is None else [once]
        if self.briefly:
            plain = asking.plain(problem, 0, guarded=guarded)
            return [] if plain is None else [plain]
        asks = self.session.asks(problem, turn, guarded=guarded)
        return [ask for ask in asks if ask.guard is None or self.ledger.guards]

    def _too_costly(self) -> bool:
        """Learn on which problems the process is lost, to leave them out; whether that has not helped."""
        costly = self.ledger.costly()
        lost = sum(map(len, costly.values()))
        if lost != self.lost:
            passing = [problem for problem, record in self.ledger.plain().items() if record.judgement.right]
            self.lost = lost
            self.avoided = tuple(learned(failing, passing)[0] for failing in costly.values())
        return lost > MOST_LOST

    def _doubts(self) -> Iterator[tuple[_Key, Series]]:
        """Of each doubtful answer: the same call twice more, and the problem on operands with room for rounding."""
        while self.ledger.doubted:
            doubt = self.ledger.doubted.popleft()
            one, turn = doubt.observation, doubt.turn
            again = [_Key(replace(one.ask, steps=[("call", one.block)] * 2), turn, one.judgement, doubt)]
            if (guarded := self.session.guarded(one.ask)) is not None:
                again.append(_Key(guarded, turn, None, doubt))
            self.settling += [doubt] * len(again)
            yield from map(self._asked, again)

    def _asked(self, key: _Key) -> tuple[_Key, Series]:
        self.open[key.turn] += 1
        return key, self.session.series(key.ask)

    def note_all(self, asks: Iterable[Ask]) -> None:
        """Make these calls and record the answers, until the deadline."""
        for ask, judgements in self.session.asked(asks):
            self.ledger.note(ask, judgements)
            if self.late():
                break


def _without(doubts: Sequence[Doubt], one: Doubt) -> list[Doubt]:
    """One entry of a doubt less."""
    place = next(number for number, doubt in enumerate(doubts) if doubt is one)
    return [*doubts[:place], *doubts[place + 1 :]]
