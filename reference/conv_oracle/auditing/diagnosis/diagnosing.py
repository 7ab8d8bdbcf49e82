"""From wrong answers to causes: what explains them, distinguished by further calls, and where it shows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

import numpy as np

from conv_oracle.auditing.diagnosis.conditions import Condition, learned
from conv_oracle.auditing.diagnosis.described import descriptions
from conv_oracle.auditing.diagnosis.explaining import (
    Case,
    Cause,
    case_of,
    covering,
    differ,
    explanations,
    likely,
    shows,
    spread,
)
from conv_oracle.auditing.diagnosis.sharpening import sharpened
from conv_oracle.auditing.judging import Circumstance, Observation, Session
from conv_oracle.auditing.problems import longer, smaller
from conv_oracle.auditing.reading import Description
from conv_oracle.problem import Problem
from conv_oracle.space import solvable

MOST_PASSING = 160
LARGEST = 5_000
"""The most multiply-adds of a problem on which a fault is looked for."""

NEW_PROBLEMS, FEW = 36, 3
MOST_LOOKED_AT = 250
ROUNDS = 3
NEARLY_ALL, PART = 0.85, 0.2
NOT_WRITTEN = "output-not-written"
ALIKE = {NOT_WRITTEN: "terms-dropped"}
"""Departures of one kind: products are missing."""

CHOOSING_SECONDS = 1.0
"""How long is chosen between causes that explain the same, at least."""

LIKELY_SHARE, READING_SECONDS, READING_SHARE, RARE_SHARE = 0.4, 2.0, 0.4, 0.5
"""How long likely faults are looked for, as a share of the time; how long a computation is read, in seconds at least,
and as a share of what is left; and how long rare faults, and several at once, are then looked for, as such a share."""


@dataclass(frozen=True)
class Diagnosed:
    """A cause, and the condition under which it shows. cause: None where no catalogued fault explains the answers.

    false_matches: passing problems that meet the condition. failing: the problems that the cause explains.
    compared: the failing and passing problems. alike: other causes that explain as much.
    cases: the wrong answers that the cause reproduces bit for bit. explained, of: how many problems it explains, of all
    that were answered wrongly. read: what departs from the formula, where no fault of the catalogue tells all.
    """

    cause: Cause | None
    condition: Condition
    false_matches: int
    failing: tuple[Problem, ...]
    compared: int
    alike: tuple[Cause, ...] = ()
    cases: tuple[Case, ...] = ()
    explained: int = 0
    of: int = 0
    read: Description | None = None


def diagnosed(
    session: Session, cases: Sequence[Case], circumstances: Sequence[Circumstance], end: float, *, readable: bool
) -> list[Diagnosed]:
    """The causes of wrong answers of one part, those that explain most first.

    First the likely ways of the catalogue's faults. Where they do not tell all, what is computed is read; that tells,
    unless the rare ways, or several faults at once, explain all answers.

    circumstances: in which they were given. end: the deadline (time.monotonic). readable: whether plain calls show it.
    """
    wrong = {case.asked for case in cases}
    right = dict.fromkeys(problem for at in circumstances for problem in session.ledger.passing(at))
    passing = _usual([problem for problem in right if problem not in wrong], MOST_PASSING)
    if not all(at.plain for at in circumstances):  # plain calls, which would tell more, are right
        session = replace(session, planned=())
    shaped = [case for case in cases if case.got.shape == case.right.shape] if readable else []
    if not shaped:
        return _by_catalogue(session, cases, passing, end, None)
    chosen, now = spread(cases), time.monotonic()
    known = likely(chosen, now + LIKELY_SHARE * (end - now))
    found: list[list[Cause]] | None = None
    if not _tell(known, chosen, cases, passing):
        now = time.monotonic()
        told = descriptions(session, shaped, min(end, now + max(READING_SECONDS, READING_SHARE * (end - now))))
        now = time.monotonic()
        found = explanations(chosen, now + RARE_SHARE * (end - now) if told else end, known)
        if told and not _tell([causes[0] for causes in found], chosen, cases, passing):
            rest = [case for case in cases if case.got.shape != case.right.shape]
            if not told[0].said and (apart := _apart(session, found, shaped, passing, end)):
                return [*apart, *_by_catalogue(session, rest, passing, end, None)]
            bare = [case for case in shaped if not case.asked.bias]
            alone = bare if len(told) > 1 and len(bare) >= FEW else shaped  # a wrong bias is another fault
            read = [_read(session, one, shaped if one.slug == "bias-wrong" else alone, passing, end) for one in told]
            return [*read, *_by_catalogue(session, rest, passing, end, None)]
    return _by_catalogue(session, cases, passing, end, found or explanations(chosen, end, known))


def _apart(
    session: Session, found: Sequence[Sequence[Cause]], cases: Sequence[Case], passing: list[Problem], end: float
) -> list[Diagnosed]:
    """A fault that explains a part of the answers, and what is read of the others; none where that is of one kind."""
    asked, now = len(spread(cases)), time.monotonic()
    for causes in found:
        told = _told(causes[0], cases, passing)
        own = set(map(id, told.own))
        rest = [case for case in cases if id(case) not in own]
        if told.rank[0] or len(causes[0].cases) < PART * asked or not rest:
            continue
        each = min(READING_SECONDS, max(end - now, 1.0)) / 2
        parts = [descriptions(session, one, now + each) for one in (told.own, rest)]
        kinds = [{ALIKE.get(one.slug, one.slug) for one in part} for part in parts]
        if all(kinds) and not kinds[0] & kinds[1]:
            return [_one(session, causes, cases, passing, end), _read(session, parts[1][0], rest, passing, end)]
    return []


def _tell(causes: Sequence[Cause], asked: Sequence[Case], cases: Sequence[Case], passing: Sequence[Problem]) -> bool:
    """Whether one fault explains all that was asked; or nearly all, or several do, and they predict nothing wrong.

    What they predict is compared with the problems that are answered right.
    """
    most = max(causes, key=lambda cause: len(cause.cases), default=None)
    if most is not None and len(most.cases) == len(asked) >= FEW:
        return True
    chosen = covering(causes, asked)
    if not chosen and most is not None and len(most.cases) >= NEARLY_ALL * len(asked):
        chosen = [most]
    return bool(chosen) and not any(_told(cause, cases, passing).rank[0] for cause in chosen)


def _read(
    session: Session, told: Description, cases: Sequence[Case], passing: Sequence[Problem], end: float
) -> Diagnosed:
    """The diagnosis of what was read: a wrong bias shows where there is one."""
    if told.slug == NOT_WRITTEN and any(map(_holds_a_number, cases)):  # it was read in part
        told = replace(told, slug=ALIKE[NOT_WRITTEN], said="" if told.said == "all" else told.said)
    with_bias = [case for case in cases if case.asked.bias]
    cases = with_bias if told.slug == "bias-wrong" and with_bias else cases
    failing = tuple(dict.fromkeys(case.asked for case in cases))
    condition, false_matches = learned(failing, passing)
    condition = sharpened(condition, failing, lambda problem: _is_wrong(session, problem), end)
    counts = len(failing) + len(passing)
    return Diagnosed(None, condition, false_matches, failing, counts, cases=tuple(cases), read=told)


def _holds_a_number(case: Case) -> bool:
    """Whether an output that is wrong is neither zero nor NaN, so that it was written; of one without a bias."""
    if case.asked.bias or case.rounds or case.got.shape != case.right.shape:
        return False
    wrong = case.got[~(case.got == case.right)]
    return bool((np.isfinite(wrong) & (wrong != 0)).any())


def _by_catalogue(
    session: Session,
    cases: Sequence[Case],
    passing: list[Problem],
    end: float,
    found: Sequence[Sequence[Cause]] | None,
) -> list[Diagnosed]:
    """The faults of the catalogue that explain answers, in all their ways; at the end what nothing explains.

    found: what explains the first of them, if that was looked for.
    """
    listed: list[Diagnosed] = []
    explained, looked_at = set[int](), set[int]()
    for _ in range(ROUNDS):
        chosen = spread([case for case in cases if id(case) not in explained | looked_at])
        if not chosen or (listed and time.monotonic() > end):
            break
        looked_at |= set(map(id, chosen))
        for causes in explanations(chosen, end) if found is None else found:
            beside = all(cause.beside for cause in causes)  # then both are findings, each of its own answers
            its = [case for case in cases if not (beside and id(case) in explained)]
            if not its:
                continue
            one = _one(session, causes, its, passing, end)
            own = set(map(id, one.cases))
            listed = [*(other for other in listed if not own > set(map(id, other.cases))), one]
            explained |= own
        found = None
    left = [case.asked for case in cases if id(case) not in explained]
    if left:
        failing = tuple(dict.fromkeys(left))
        condition, false_matches = learned(failing, passing)
        listed.append(Diagnosed(None, condition, false_matches, failing, len(failing) + len(passing)))
    return listed


def _one(
    session: Session, causes: Sequence[Cause], cases: Sequence[Case], passing: list[Problem], end: float
) -> Diagnosed:
    """The likeliest of causes that explain the same: it predicts no wrong answer where the subject is right."""
    possible = [cause for cause in causes if set(cause.fault.parameters) <= session.binding.parameters]
    told, until = list[_Told](), max(end, time.monotonic() + CHOOSING_SECONDS)
    for cause in possible or causes:
        if told and time.monotonic() > until:
            break
        told.append(_told(cause, cases, passing))
    told.sort(key=lambda one: one.rank)
    few = len({case.asked for case in told[0].own}) <= FEW
    alike = [one for one in told if few or one.rank == told[0].rank]
    if len(alike) > 1:
        alike = _told_apart(session, alike, end)
    best, own = alike[0].cause, alike[0].own
    failing = tuple(dict.fromkeys(case.asked for case in own))
    explained, of = len(failing), len({case.asked for case in cases})
    could = [problem for problem in passing if shows(best.edit, _as(best, problem))]
    condition, false_matches = learned(failing, could)
    if could and session.planned:
        failing, could = _tested(session, best, condition, failing, could, end)
        condition, false_matches = learned(failing, could)
        condition = sharpened(condition, failing, lambda problem: _is_wrong(session, problem), end)
    equal = [one.cause for one in alike[1:] if one.rank == alike[0].rank]
    others = {cause.fault.slug: cause for cause in equal if cause.fault.slug != best.fault.slug}
    compared = len(failing) + len(could)
    return Diagnosed(
        best, condition, false_matches, failing, compared, tuple(others.values()), tuple(own), explained, of
    )


@dataclass(frozen=True)
class _Told:
    """A cause with the wrong answers that it reproduces, and the condition under which it must hold.

    rank: (passing problems that the condition cannot exclude, wrong answers that are not explained, cost of the
    condition); the least is the best.
    """

    cause: Cause
    own: list[Case]
    condition: Condition
    rank: tuple[int, int, int]

    def expects_wrong(self, problem: Problem) -> bool:
        """Whether a problem should be answered wrongly."""
        return self.condition.holds(problem) and shows(self.cause.edit, _as(self.cause, problem))


def _told(cause: Cause, cases: Sequence[Case], passing: Sequence[Problem]) -> _Told:
    own = [case for case in cases if case.is_answer_of(cause.edit)]
    failing = list(dict.fromkeys(case.asked for case in own))
    condition, wrong = learned(failing, [problem for problem in passing if shows(cause.edit, _as(cause, problem))])
    return _Told(cause, own, condition, (wrong, len(cases) - len(own), condition.cost))


def _told_apart(session: Session, told: list[_Told], end: float) -> list[_Told]:
    """The causes that remain after calls of problems on which they differ."""
    known = {problem for problem, _ in session.ledger.records}
    news = _usual([p for p in session.planned if p not in known and p.multiply_adds <= LARGEST], MOST_LOOKED_AT)
    largest = max((case.asked for one in told for case in one.own), key=lambda asked: asked.multiply_adds)
    beyond = longer(largest) if largest.multiply_adds > LARGEST else ()  # none of the usual ones may show it
    for problem in (*filter(solvable, beyond), *news):
        if len(told) == 1 or time.monotonic() > end:
            break
        expected = [one.expects_wrong(problem) for one in told]
        edits = [one.cause.edit for one, wrong in zip(told, expected, strict=True) if wrong]
        alone = _as(told[0].cause, problem)
        if (all(expected) and not any(differ(edits[0], edit, alone) for edit in edits[1:])) or not any(expected):
            continue
        case, right = _answer(session, problem, told[0].cause)
        if case is not None:
            told = [one for one in told if case.is_answer_of(one.cause.edit)] or told
        elif right:
            told = [one for one, wrong in zip(told, expected, strict=True) if not wrong] or told
    return told


def _tested(
    session: Session,
    cause: Cause,
    condition: Condition,
    failing: tuple[Problem, ...],
    passing: list[Problem],
    end: float,
) -> tuple[tuple[Problem, ...], list[Problem]]:
    """New problems on which the fault would show, half of them where the condition holds."""
    known = {problem for problem, _ in session.ledger.records}
    news = [p for p in session.planned if p not in known and 0 < p.multiply_adds <= LARGEST]
    beside = list(dict.fromkeys(near for problem in failing[:FEW] for near in smaller(problem)))
    more, fewer = list(failing), list(passing)
    asked: set[Problem] = set()
    for _ in range(ROUNDS):
        before = len(more), len(fewer)
        chosen: dict[bool, list[Problem]] = {True: [], False: []}
        others = _usual([p for p in news if p not in asked], MOST_LOOKED_AT)
        for problem in (p for pair in zip_longest(others, others[::-1], beside) for p in pair):
            if problem is None or problem in asked or session.binding.refuses(problem) is not None:
                continue
            side = chosen[condition.holds(problem)]
            if len(side) < NEW_PROBLEMS // 2 and shows(cause.edit, _as(cause, problem)):
                side.append(problem)
        wrong = 0
        for problem in (*chosen[True], *chosen[False]):
            if time.monotonic() > end:
                return tuple(more), fewer
            asked.add(problem)
            case, right = _answer(session, problem, cause)
            if case is not None and case.is_answer_of(cause.edit):
                wrong += not condition.holds(problem)
                more.append(problem)
            elif right:
                wrong += condition.holds(problem)
                fewer.append(problem)
        if not wrong or before == (len(more), len(fewer)):
            break
        condition, _ = learned(more, fewer)
    return tuple(more), fewer


def _answer(session: Session, problem: Problem, like: Cause) -> tuple[Case | None, bool]:
    """(a wrong answer to a problem or None, whether all answers were right)."""
    if session.binding.refuses(problem) is not None:
        return None, False
    ask = session.asking.plain(problem, 1, guarded=session.ledger.inexact)
    if ask is None:
        return None, False
    right = True
    for _, judgements in session.asked([replace(ask, steps=ask.steps[:2])]):
        for step, judgement in enumerate(judgements):
            right &= judgement.standing in ("right", "rounded")
            case = (
                case_of(Observation(ask, step, judgement), inexact=session.ledger.inexact) if judgement.wrong else None
            )
            if case is not None and case.problem.operation == like.cases[0].problem.operation:
                return case, False
    return None, right


def _is_wrong(session: Session, problem: Problem) -> bool | None:
    """Whether a problem is answered wrongly; None where it is neither wrong nor right, or cannot be asked."""
    refused = session.binding.refuses(problem) is not None
    ask = None if refused else session.asking.plain(problem, 1, guarded=session.ledger.inexact)
    judged = [one for _, told in session.asked([ask] if ask else []) for one in told]
    if any(one.wrong for one in judged):
        return True
    return False if judged and all(one.standing in ("right", "rounded") for one in judged) else None


def _as(cause: Cause, problem: Problem) -> Problem:
    """The problem as the operation of a cause: for a cause of a gradient, that gradient."""
    operation = cause.cases[0].problem.operation
    return problem if problem.operation == operation else replace(problem, operation=operation, bias=False)


def _usual(problems: Sequence[Problem], most: int) -> list[Problem]:
    """At most so many of the smaller problems, evenly spread over the list."""
    small = [problem for problem in problems if 0 < problem.multiply_adds <= LARGEST]
    step = max(1, len(small) // most)
    return small[::step][:most]
