"""Reduction of a wrong answer: the smallest problem that fails in the same way, and the calls that must come first."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

from conv_oracle.auditing.diagnosis.explaining import case_of
from conv_oracle.auditing.diagnosis.preceding import preceding, shows_alone
from conv_oracle.auditing.finding import Earlier, Kind
from conv_oracle.auditing.judging import THREADED, Ask, Judgement, Observation, Session
from conv_oracle.auditing.problems import smaller
from conv_oracle.faults import Edit
from conv_oracle.passes import Array
from conv_oracle.problem import Problem

SMALL_RADIUS = 9

EXPLAINED: tuple[Kind, ...] = ("wrong-value", "wrong-shape")
"""Kinds of findings whose answers reveal their cause."""

STATE_SECONDS = 1.0
"""For asking wrong answers again in fresh processes, to tell whether earlier calls alone make them wrong."""


def reduced(session: Session, one: Observation, seconds: float, edit: Edit | None = None) -> Observation:
    """A smaller problem, with smaller values, that fails in the same way; the search takes about `seconds`.

    edit: the fault whose answer it must remain; without one, the kind of violation must remain.
    """
    end = time.monotonic() + seconds
    best: Observation | None = one
    while best is not None and time.monotonic() < end:
        one = best
        best = _first_alike(session, one, smaller(one.problem), end, edit)
    return _first_alike(session, one, [one.problem], end + 0.5, edit) or one


def _first_alike(
    session: Session, like: Observation, candidates: Iterable[Problem], end: float, edit: Edit | None
) -> Observation | None:
    """The first candidate that fails in the same way: as the edit does, or else with the same kind of violation."""
    judgement = like.judgement
    fitting = (p for p in candidates if session.binding.refuses(p) is None)
    asks = (small for problem in fitting if (small := session.small(like.ask, problem, SMALL_RADIUS)))
    for small, judgements in session.asked(asks):
        for step, again in enumerate(judgements):
            if again.wrong and (again.cause, again.part) == (judgement.cause, judgement.part):
                found = Observation(small, step, again)
                case = case_of(found, inexact=session.ledger.inexact) if edit else None
                if case.is_answer_of(edit) if edit and case else edit is None and again.kind == judgement.kind:
                    return found
        if time.monotonic() > end:
            break
    return None


def confirmed(session: Session, one: Observation) -> Observation:
    """Repeat the call three times in a fresh process: a wrong formula is wrong every time, or else it `varies`."""
    thrice = replace(one.ask, steps=[("call", one.block)] * 3)
    if one.circumstance == THREADED:
        with session.sandbox.threaded():
            ((_, again),) = session.asked([thrice])
    else:
        session.sandbox.fresh()
        ((_, again),) = session.asked([thrice])
    if any(judgement.kind == "varies" for judgement in again):
        if one.circumstance != THREADED and _goes_on(session, thrice, again):
            text = "right as the first call of a fresh process, wrong when it is repeated, and the same in another one"
            return one.judged(kind="varies", text=text, right_at_first=True)
        return one.judged(kind="varies", text="three identical calls gave different answers")
    if not any(judgement.wrong for judgement in again):
        kind: Kind = "varies" if one.judgement.kind in EXPLAINED else one.judgement.kind or "varies"
        text = "wrong during the audit, right as the first call of a fresh process"
        return one.judged(kind=kind, text=text, right_at_first=True)
    return one


def left_behind(session: Session, seen: Sequence[Observation], least: int) -> Observation | None:
    """The smallest of some wrong answers, if these are right in fresh processes, so that earlier calls make them wrong.

    As many of them, small and large, are asked again as STATE_SECONDS allow; so many at least.
    """
    end = time.monotonic() + STATE_SECONDS
    ordered = sorted(seen, key=lambda one: (one.problem.geometry.batch == 0, one.problem.multiply_adds))
    places = dict.fromkeys((0, len(ordered) - 1, len(ordered) // 2, len(ordered) // 4, 3 * len(ordered) // 4))
    first: Observation | None = None
    for number, place in enumerate(places):
        if number >= least and time.monotonic() > end:
            break
        again = confirmed(session, ordered[place])
        if not again.judgement.right_at_first:
            return None
        first = first or again
    return first


def _goes_on(session: Session, ask: Ask, told: Sequence[Judgement]) -> bool:
    """Whether calls differ by those before them alone: the first is right, and another process answers each alike."""
    session.sandbox.fresh()
    ((_, again),) = session.asked([ask])
    alike = all(
        one.standing == other.standing and _is_same(one.got, other.got) for one, other in zip(told, again, strict=True)
    )
    return alike and not told[0].wrong


def _is_same(one: Array | None, other: Array | None) -> bool:
    return one is other or (one is not None and other is not None and one.tobytes() == other.tobytes())


def with_what_precedes(
    session: Session, small: Observation, original: Observation, end: float
) -> tuple[Observation, tuple[Earlier, ...]]:
    """A fault of state as the calls that show it: a series of one problem, or a problem after some others."""
    if shows_alone(session, small.ask):
        return small, ()
    before = what_precedes(session, original.problem, end)
    if not before:
        return small, ()
    said = small.judgement
    return original.judged(kind=said.kind, text=said.text, right_at_first=said.right_at_first), before


def what_precedes(session: Session, problem: Problem, end: float) -> tuple[Earlier, ...]:
    """The calls that must come before a problem, if they are found before `end`, on time.monotonic's clock."""
    known = preceding(session, problem, end)
    return tuple(Earlier(problem=other, call=session.binding.written(other, session.function)) for other in known)
