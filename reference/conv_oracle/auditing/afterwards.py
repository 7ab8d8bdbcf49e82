"""What is asked after a level's problems: in fresh processes, of what must be refused, and beyond what is supported."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from conv_oracle.auditing.course import COSTLY, Course
from conv_oracle.auditing.diagnosis import invalid_findings
from conv_oracle.auditing.finding import Finding
from conv_oracle.auditing.judging import (
    AFTER_REFUSAL,
    FIRST_CALL,
    THREADED,
    Ask,
    Judgement,
    Observation,
    Session,
    judge_refusal,
)
from conv_oracle.auditing.problems import affordable, lacks_output
from conv_oracle.auditing.sandbox import Series
from conv_oracle.problem import Problem
from conv_oracle.space import solvable

DECIDES: Mapping[bool, tuple[str, ...]] = {True: ("accepted-but-invalid", "crashed"), False: ("crashed",)}
"""What is a fault by default on a problem that must be refused: without an output, and with contradictory arguments."""

MOST_THREADED = 200_000
"""The most multiply-adds of a problem that is asked again where threads are not limited."""


def ask_first_calls(course: Course, asked: Sequence[Problem]) -> None:
    """Test some problems as the first call of a fresh process each, besides that of `ask_with_threads`."""
    turn = 1 if course.session.asking.slow else 0
    for problem in asked[: course.session.level.first_calls]:
        if (
            not course.ends_soon()
            and not course.late()
            and (ask := course.session.asking.plain(problem, turn, guarded=course.ledger.inexact))
        ):
            course.session.sandbox.fresh()
            course.note_all([replace(ask, circumstance=FIRST_CALL)])
    course.ask_what_is_doubted()


def ask_with_threads(course: Course, asked: Sequence[Problem]) -> None:
    """Test the larger problems, and the first, in a process whose libraries use as many threads as they like.

    It is a fresh one: the first problem is its first call.
    """
    if course.ends_soon() or course.late():
        return
    few, asking, known = course.session.level.threaded // 2, course.session.asking, course.ledger.plain()
    ordinary = [problem for problem in asked if problem in known and problem.multiply_adds <= MOST_THREADED]
    chosen = dict.fromkeys([*sorted(ordinary, key=lambda one: -one.multiply_adds)[:few], *ordinary[:few]])
    plain = (asking.once(problem, guarded=course.ledger.inexact) for problem in chosen)
    asks = [replace(ask, circumstance=THREADED) for ask in islice(filter(None, plain), 1 if asking.slow else None)]
    first = asking.plain(asked[0], 0, guarded=course.ledger.inexact) if asked and not asking.slow else None
    if asks:
        with course.session.sandbox.threaded():
            if first is not None:
                _ask_first(course, first)
            course.note_all(asks)
        course.ask_what_is_doubted()


def _ask_first(course: Course, ask: Ask) -> None:
    """Test a problem as the first call of the process of threads: what is wrong once more is not the first call's."""
    ((_, judgements),) = course.session.asked([ask])
    again = any(one.wrong for one in judgements) and any(
        one.wrong for _, later in course.session.asked([ask]) for one in later
    )
    course.ledger.note(replace(ask, circumstance=THREADED if again else FIRST_CALL), judgements)


def ask_invalid(
    course: Course, no_output: Iterable[Problem], contradictory: Iterable[Problem], dtype: str, *, strict: bool
) -> tuple[Finding, ...]:
    """Test problems that must be refused, in one dtype; returns warnings, of contradictory ones unless `strict`.

    no_output: problems that have no output. contradictory: problems whose arguments contradict each other.
    """
    if course.late():
        return ()
    no_output, contradictory = to_be_refused(course.session, no_output, contradictory, dtype)
    faults: list[tuple[Problem, Judgement]] = []
    warnings: list[tuple[Problem, Judgement]] = []
    judged: list[tuple[Problem, Judgement]] = []
    costly = asked = 0
    for problem, answers in course.session.sandbox.ask(_invalid_series(course.session, [*no_output, *contradictory])):
        asked += 1
        course.ledger.calls += 1
        judgement = judge_refusal(answers[-1])
        costly += judgement.kind in COSTLY
        course.ledger.order.append(problem)
        judged.append((problem, judgement))
        if judgement.wrong:
            course.ledger.first_wrong.setdefault(problem, len(course.ledger.order) - 1)
            decides = strict or judgement.kind in DECIDES[problem in no_output]
            (faults if decides else warnings).append((problem, judgement))
        if costly > course.session.level.most_costly_refusals or course.late():
            break
    end = time.monotonic() + course.session.level.diagnosis_seconds / 4
    course.violations = invalid_findings(faults, asked, course.session, end=end)
    course.invalid = Counter(
        (problem in no_output, judgement.wrong) for problem, judgement in judged if judgement.standing != "refused"
    )
    return invalid_findings(warnings, asked, course.session, apart=True)


def ask_after_invalid(course: Course, asked: Sequence[Problem]) -> None:
    """Test some problems again, as a refused call may have left state behind."""
    most = course.session.level.after_invalid
    chosen = [p for p in asked[: 4 * most] if p.geometry.batch][:most]
    plain = [course.session.asking.plain(problem, 1, guarded=course.ledger.inexact) for problem in chosen]
    asks = [replace(ask, circumstance=AFTER_REFUSAL) for ask in plain if ask is not None]
    if not course.ends_soon() and not course.late():
        course.note_all(asks)
        course.ask_what_is_doubted()


def ask_outside(course: Course, asked: Sequence[Problem]) -> None:
    """Test what the subject seems not to support: what it refuses again is not recorded, all else is judged."""
    asks = (course.session.asking.plain(problem, 1, guarded=course.ledger.inexact) for problem in asked)
    answered = 0
    if course.late() or course.ends_soon():
        return
    for ask, judgements in course.session.asked(one for one in asks if one is not None):
        if not any(one.kind == "raised" or one.standing == "refused" for one in judgements):
            answered += 1
            course.ledger.note(ask, judgements)
        if course.late():
            break
    if answered:
        course.ledger.narrowed[
            f"{answered} of {len(asked)} problems beyond what seems to be supported were answered, and compared"
        ] = 1
    course.ask_what_is_doubted()


def ask_refusals_again(course: Course) -> None:
    """Ask some answered problems again, and some refused ones of a fresh process: a refusal must be consistent."""
    most, plain = course.session.level.again, course.ledger.plain()
    refused = [problem for problem, record in plain.items() if record.judgement.standing == "refused"]
    right = [p for p, record in plain.items() if record.judgement.right and affordable(p)]
    if not refused or course.ends_soon():
        return
    for asked, fresh in ((_some(right, most), False), (_some(refused, most), True)):
        if fresh:
            course.session.sandbox.fresh()
        for problem in asked:
            ask = course.session.asking.once(problem, guarded=course.ledger.inexact)
            if ask is None or course.late():
                continue
            for _, judgements in course.session.asked([ask]):
                _compare_refusals(course, ask, judgements[0], was_refused=fresh)


def _compare_refusals(course: Course, ask: Ask, now: Judgement, *, was_refused: bool) -> None:
    """Record a problem that was refused and is answered by a fresh process, or that was answered and is refused."""
    course.ledger.calls += 1
    earlier = course.ledger.plain()[ask.problem].judgement
    if was_refused and (now.right or now.got is not None):
        text = "refused during the audit, answered as one of the first calls of a fresh process"
        course.ledger.inconsistent(Observation(ask, 0, replace(now, text=earlier.text)), text)
    elif not was_refused and now.standing == "refused":
        course.ledger.inconsistent(Observation(ask, 0, now), "answered at first, refused after many calls")


def to_be_refused(
    session: Session, no_output: Iterable[Problem], contradictory: Iterable[Problem], dtype: str
) -> tuple[list[Problem], list[Problem]]:
    """Those without an output, and those with contradictory arguments, that the signature can express, in a dtype."""
    fitted = (session.binding.fitted(replace(p, dtype=dtype)) for p in no_output)
    refused = [p for p in dict.fromkeys(fitted) if not solvable(p) and session.binding.lacks(p) is None]
    others = [p for p in (replace(p, dtype=dtype) for p in contradictory) if session.binding.lacks(p) is None]
    without = [p for p in refused if lacks_output(p)]
    return without, [*others, *(p for p in refused if not lacks_output(p))]


def _invalid_series(session: Session, invalid: Iterable[Problem]) -> Iterator[tuple[Problem, Series]]:
    yield from ((problem, session.refusal(problem)) for problem in invalid)


def _some(listed: Sequence[Problem], most: int) -> list[Problem]:
    """At most so many of a list, evenly spread, its end among them."""
    step = max(1, len(listed) // max(most, 1))
    return list(listed[::-1][::step][:most])
