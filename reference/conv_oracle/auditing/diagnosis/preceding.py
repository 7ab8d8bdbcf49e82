"""The calls that must come first: a fault of state may show only after other problems, in the same process."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from itertools import groupby

from conv_oracle.auditing.judging import Ask, Session, judge_refusal
from conv_oracle.problem import Problem
from conv_oracle.space import solvable

RECENT, MOST_TOLD = (1, 8, 64, 512, 4096), 12
"""How many of the latest problems are tried, and how many are at most reported."""

LARGEST = 20_000
"""The most multiply-adds of a problem that is tried."""


def preceding(session: Session, problem: Problem, end: float) -> tuple[Problem, ...]:
    """The fewest earlier problems after which `problem` is answered wrongly, in their order; empty if none are found.

    They are repeated in a fresh process and then halved (delta debugging, Zeller and Hildebrandt 2002): first those of
    the same shapes, which share the key of a cache; then the latest, more and more of them. end: on time.monotonic's
    clock.
    """
    ledger = session.ledger
    asked = [other for other, _ in groupby(ledger.order[: ledger.first_wrong.get(problem, len(ledger.order))])]
    alike = [other for other in asked if _sizes(other) == _sizes(problem) and other != problem]
    cheap = [other for other in asked if not solvable(other) or other.multiply_adds <= LARGEST]

    def fails(before: Sequence[Problem]) -> bool:
        return _wrong_after(session, before, problem, end)

    for tried in (alike, *(cheap[-most:] for most in RECENT if most < 4 * len(cheap))):
        if tried and time.monotonic() < end and fails(tried):
            fewest = _fewest(tried, fails, end)
            return tuple(fewest) if len(fewest) <= MOST_TOLD else ()
    return ()


def _sizes(problem: Problem) -> tuple[object, ...]:
    return problem.input_shape, problem.weight_shape


def _fewest(history: list[Problem], fails: Callable[[Sequence[Problem]], bool], end: float) -> list[Problem]:
    size = max(1, len(history) // 2)
    while time.monotonic() < end:
        start = 0
        while start < len(history) and time.monotonic() < end:
            rest = history[:start] + history[start + size :]
            if fails(rest):
                history = rest
            else:
                start += size
        if size == 1:
            break
        size //= 2
    return history


def wrong_at_first(session: Session, problem: Problem) -> bool:
    """Whether a problem is answered wrongly as the first call of a fresh process."""
    return _wrong_after(session, (), problem, math.inf)


def shows_alone(session: Session, ask: Ask) -> bool:
    """Whether a series is answered wrongly by a fresh process."""
    with session.sandbox.alone():
        return any(judgement.wrong for _, judgements in session.asked([ask]) for judgement in judgements)


def _wrong_after(session: Session, before: Sequence[Problem], problem: Problem, end: float) -> bool:
    """Whether a problem is answered wrongly by a fresh process after these others; False where time runs out."""
    with session.sandbox.alone():
        for other in before:
            _asked(session, other)
            if time.monotonic() > end:
                return False
        return _asked(session, problem)


def _asked(session: Session, problem: Problem) -> bool:
    """Call one problem once; whether the answer is wrong."""
    if not solvable(problem):
        ((_, answers),) = session.sandbox.ask([(None, session.refusal(problem))])
        return judge_refusal(answers[-1]).wrong
    ask: Ask | None = session.asking.once(problem, guarded=session.ledger.inexact)
    return ask is not None and any(j.wrong for _, judgements in session.asked([ask]) for j in judgements)
