"""The course of an audit: problems are asked in order, doubts are settled, and what comes is written down."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from conv_oracle.auditing.diagnosis import invalid_findings
from conv_oracle.auditing.finding import Finding
from conv_oracle.auditing.journal import Journal
from conv_oracle.auditing.judging import (
    AFTER_REFUSAL,
    FIRST_CALL,
    Ask,
    Doubt,
    Judgement,
    Ledger,
    Session,
    judge,
    judge_refusal,
)
from conv_oracle.auditing.sandbox import Series
from conv_oracle.problem import Problem
from conv_oracle.space import solvable

COSTLY = ("hung", "crashed", "out-of-memory", "malformed")
"""Answers that cost a process each."""

SHOWN_EVERY = 0.1


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far an audit is."""

    done: int
    planned: int
    failed: int
    refused: int
    asking: str


@dataclass(frozen=True)
class _Key:
    """What was asked, at which place of the list, which judgement it is to settle, and the doubt that it is of."""

    ask: Ask
    turn: int
    doubted: Judgement | None = None
    doubt: Doubt | None = None


@dataclass
class Course:
    """What one audit asks, and where it is.

    of: what its journal is known by. violations: findings on problems that must be refused. settling: doubts that were
    sent to be asked again, one entry for each answer that is still to come. open: by place in the list, the series
    that are not answered yet.
    """

    session: Session
    deadline: float
    progress: Callable[[Progress], None] | None
    journal: Journal | None = None
    of: str = ""
    violations: tuple[Finding, ...] = ()
    told: float = 0.0
    journalled: float = field(default_factory=time.monotonic)
    done: int = 0
    open: Counter[int] = field(default_factory=Counter)
    settling: list[Doubt] = field(default_factory=list)

    @property
    def ledger(self) -> Ledger:
        """What is known so far."""
        return self.session.ledger

    def ask_all(self, asked: Sequence[Problem]) -> None:
        """Ask the problems in order, until the deadline, or until enough is known of what is wrong."""
        self._ask(self._series(asked), asked)
        self.ask_what_is_doubted()

    def ask_what_is_doubted(self) -> None:
        """Ask again what may have been a rounding, and was seen when the last problem had been sent.

        There is always some time for it: a difference that is not settled is no reason to say that a subject conforms.
        """
        ledger, truncated = self.ledger, self.ledger.truncated
        self.deadline = max(self.deadline, time.monotonic() + self.session.level.settling_seconds)
        while ledger.doubted and ledger.first_failure is None:
            ledger.truncated = ""
            self._ask(self._doubts(), ())
            if ledger.truncated:
                ledger.harness["a difference that may be rounding could not be checked again in time"] += 1
                break
        ledger.truncated = truncated or ledger.truncated

    def keep(self) -> None:
        """Write the journal, while nothing is wrong: what is wrong ends an audit soon."""
        if self.journal and self.ledger.first_failure is None:
            self.journalled = time.monotonic()
            unanswered = [turn for turn, series in self.open.items() if series]
            unanswered += [doubt.turn for doubt in (*self.ledger.doubted, *self.settling)]
            done = min(unanswered, default=max(self.open, default=self.done - 1) + 1)
            try:
                self.journal.write({"of": self.of, "done": done, "ledger": self.ledger.written()})
            except OSError as error:
                self.ledger.narrowed[
                    f"the journal cannot be written, so this audit cannot be resumed: {error.strerror}"
                ] += 1
                self.journal = None

    def resume(self) -> None:
        """Continue where the journal ends."""
        if self.journal:
            state = self.journal.read(self.of)
            self.done = state["done"]
            self.ledger.restore(state["ledger"])

    def ask_first_calls(self, asked: Sequence[Problem]) -> None:
        """Ask fresh processes a problem each, as the first of their calls."""
        for problem in asked[: self.session.level.first_calls]:
            if (
                self.ledger.first_failure is None
                and not self.late()
                and (ask := self.session.asking.plain(problem, 0, guarded=self.ledger.inexact))
            ):
                self.session.sandbox.fresh()
                self._note_all([replace(ask, circumstance=FIRST_CALL)])
        self.ask_what_is_doubted()

    def ask_invalid(
        self, no_output: Iterable[Problem], contradictory: Iterable[Problem], dtype: str, *, strict: bool
    ) -> tuple[Finding, ...]:
        """Problems that must be refused; a contradictory one that is accepted is a warning, unless `strict`."""
        fitted = (self.session.binding.fitted(replace(p, dtype=dtype)) for p in no_output)
        no_output = list(dict.fromkeys(p for p in fitted if not solvable(p)))
        contradictory = [replace(p, dtype=dtype) for p in contradictory]
        faults: list[tuple[Problem, Judgement]] = []
        warnings: list[tuple[Problem, Judgement]] = []
        costly = asked = 0
        for problem, answers in self.session.sandbox.ask(self._invalid_series([*no_output, *contradictory])):
            asked += 1
            self.ledger.calls += 1
            judgement = judge_refusal(answers[-1])
            costly += judgement.kind in COSTLY
            self.ledger.order.append(problem)
            if judgement.wrong:
                self.ledger.first_wrong.setdefault(problem, len(self.ledger.order) - 1)
                (faults if problem in no_output or strict else warnings).append((problem, judgement))
            if costly > self.session.level.most_costly_refusals or self.late():
                break
        self.violations = invalid_findings(faults, asked, self.session)
        return invalid_findings(warnings, asked, self.session, apart=True)

    def ask_after_invalid(self, asked: Sequence[Problem]) -> None:
        """Ask some problems once more: what was refused may have left something behind."""
        most = self.session.level.after_invalid
        chosen = [p for p in asked[: 4 * most] if p.geometry.batch][:most]
        plain = [self.session.asking.plain(problem, 1, guarded=self.ledger.inexact) for problem in chosen]
        asks = [replace(ask, circumstance=AFTER_REFUSAL) for ask in plain if ask is not None]
        if self.ledger.first_failure is None:
            self._note_all(asks)
            self.ask_what_is_doubted()

    def late(self) -> bool:
        """Whether the time is over that the level has, and that settling takes; the scope says it."""
        over = time.monotonic() > self.deadline
        if over:
            self.ledger.narrowed[
                "first calls, invalid arguments and the calls after them: cut short by the time limit"
            ] = 1
        return over

    def _ask(self, series: Iterator[tuple[_Key, Series]], asked: Sequence[Problem]) -> None:
        ledger = self.ledger
        for key, answers in self.session.sandbox.ask(series):
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
            if now > self.deadline:
                ledger.truncated = f"stopped at the level's time limit, {self.session.level.seconds:g} s"
            elif ledger.enough(now):
                ledger.truncated = "stopped early: enough answers were wrong"
            if ledger.truncated:
                break
        while self.settling:
            doubt = self.settling[0]
            ledger.doubted.append(doubt)
            self.settling = [other for other in self.settling if other is not doubt]

    def _show(self, now: float, planned: int, problem: Problem) -> None:
        if self.progress and now - self.told > SHOWN_EVERY:
            self.told = now
            done, counts = len({asked for asked, _ in self.ledger.records}), self.ledger.counts
            self.progress(
                Progress(
                    done=done,
                    planned=max(planned, done),
                    failed=counts["failed"],
                    refused=counts["refused"],
                    asking=str(problem),
                )
            )

    def _series(self, asked: Sequence[Problem]) -> Iterator[tuple[_Key, Series]]:
        for turn, problem in enumerate(asked):
            if turn < self.done:
                continue
            yield from self._doubts()
            asks = list(self.session.asking.asks(problem, turn, guarded=self.ledger.inexact))
            yield from (self._asked(_Key(ask, turn)) for ask in asks)
            if not asks:
                self.ledger.narrowed[f"not tested: sums too long to be exact in {problem.dtype}"] += 1

    def _doubts(self) -> Iterator[tuple[_Key, Series]]:
        """What may have been a rounding: the same again, and the problem with room for rounding."""
        while self.ledger.doubted:
            doubt = self.ledger.doubted.popleft()
            one, turn = doubt.observation, doubt.turn
            again = [_Key(replace(one.ask, steps=[("call", one.block)] * 2), turn, one.judgement, doubt)]
            if (guarded := self.session.asking.guarded(one.ask)) is not None:
                again.append(_Key(guarded, turn, None, doubt))
            self.settling += [doubt] * len(again)
            yield from map(self._asked, again)

    def _asked(self, key: _Key) -> tuple[_Key, Series]:
        self.open[key.turn] += 1
        return key, self.session.series(key.ask)

    def _note_all(self, asks: Iterable[Ask]) -> None:
        for ask, judgements in self.session.asked(asks):
            self.ledger.note(ask, judgements)
            if self.late():
                break

    def _invalid_series(self, invalid: Iterable[Problem]) -> Iterator[tuple[Problem, Series]]:
        for problem in invalid:
            if self.session.binding.refuses(problem) is None:
                yield problem, self.session.refusal(problem)


def _without(doubts: Sequence[Doubt], one: Doubt) -> list[Doubt]:
    """One entry of a doubt less."""
    place = next(number for number, doubt in enumerate(doubts) if doubt is one)
    return [*doubts[:place], *doubts[place + 1 :]]
