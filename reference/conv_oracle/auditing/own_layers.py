"""The user's own layers, asked at their real size: cheapest first, each in the time that is left.

Wrong answers are recorded like any other, and decide. That a layer of this size takes long, or more memory than a
worker may have, is no fault, and is told.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from conv_oracle.auditing.course import Progress
from conv_oracle.auditing.judging import Ask, Judgement, Ledger, Session, judge
from conv_oracle.auditing.operands import DTYPES, GUARD_BITS
from conv_oracle.auditing.problems import affordable
from conv_oracle.auditing.verdict import Layers
from conv_oracle.problem import Problem

MOST_REAL_DRAWS = 2
"""More draws of a layer at its real size, after one of every layer: each has the outputs of some hundred problems."""

LEAST_SECONDS = 1.0
"""What a call of a layer may take, however little time is left."""

NOT_REACHED = "not reached in time (--seconds gives more)"
ENOUGH = "not asked, as enough answers were wrong"
LARGER = "not asked, as a smaller one did not end in time"
ROUNDINGS = 4.0
"""What a 16-bit result may be off, in units of the last place of the largest, where operands leave no room for it."""


def ask_layers(
    session: Session,
    layers: Iterable[Problem],
    until: float,
    progress: Callable[[Progress], None] | None = None,
    *,
    draws: int = 1,
) -> dict[Problem, str]:
    """Ask layers in turn, and record the answers; returns those without one that counts, each with the reason.

    layers: the cheapest first. until: when the time is over, on time.monotonic's clock: a layer is begun where at least
    as long is left as the one before it took. After one that did not end in time, none is begun.
    """
    listed, ledger = list(layers), session.ledger
    untold: dict[Problem, str] = {}
    stopped, took = "", 0.0
    for number, problem in enumerate(listed):
        began = time.monotonic()
        if (session.fail_fast and ledger.first_failure) or ledger.mostly_wrong():
            stopped = ENOUGH
        elif began + took > until and not stopped:
            stopped = NOT_REACHED
        if stopped:
            return untold | dict.fromkeys(listed[number:], stopped)
        if (ask := session.asking.real(problem, draws)) is None:
            untold[problem] = f"its sums are too long to be exact in {problem.dtype}"
            continue
        judgements = _answered(session, ask, until)
        if why := _no_fault(ask, judgements):
            untold[problem] = why
            stopped = LARGER if any(one.kind == "hung" for one in judgements) else ""
        elif judgements:
            ledger.note(ask, judgements)
        took = time.monotonic() - began
        if progress:
            failed, refused = ledger.counts["failed"], ledger.counts["refused"]
            progress(
                Progress(done=number + 1, planned=len(listed), failed=failed, refused=refused, asking=str(problem))
            )
    return untold


def _answered(session: Session, ask: Ask, until: float) -> list[Judgement]:
    """The judgements of a series, whose calls get the time that is left together, and LEAST_SECONDS each at least."""
    each = max((until - time.monotonic()) / len(ask.steps), LEAST_SECONDS)
    series = replace(session.series(ask), seconds=each)
    answered = [answers for _, answers in session.sandbox.ask([(ask, series)])]
    return [judgement for answers in answered for judgement in judge(ask, answers, refusals=session.refusals)]


def _no_fault(ask: Ask, judgements: Sequence[Judgement]) -> str:
    """Why what looks like a violation is none at this size; '' where it is one, or there is none."""
    ordinary = affordable(ask.problem)
    for one in judgements:
        if one.kind == "hung":
            return f"{one.text} (--seconds gives more)"
        if not ordinary and (one.kind == "out-of-memory" or "OutOfMemory" in one.cause):
            return f"out of memory: {one.text}"
        if one.kind == "wrong-value" and _may_be_rounding(ask, one):
            return f"its sums are too long to tell a wrong number from a rounding in {ask.problem.dtype}"
    return ""


def _may_be_rounding(ask: Ask, one: Judgement) -> bool:
    """Whether a difference may be one, of a sum for which there are no operands that leave room for it."""
    dtype = DTYPES[ask.problem.dtype]
    if ask.draws.guarded or dtype.kind not in "fc" or one.got is None or one.expected is None:
        return False
    if not dtype.narrow:
        return one.largest < 2.0 ** (GUARD_BITS - 1)
    with np.errstate(all="ignore"):
        got, expected = one.got.astype(np.float64), one.expected.astype(np.float64)
        return bool(np.abs(got - expected).max() <= ROUNDINGS * 2.0**-dtype.bits * np.abs(expected).max())


def layers_of(
    ledger: Ledger, planned: Sequence[Problem], untold: Mapping[Problem, str], left_out: Sequence[str]
) -> Layers:
    """How the layers were answered. untold: those without an answer that counts, and why."""
    plain = ledger.plain()
    standing = {problem: plain[problem].judgement for problem in planned if problem in plain}
    right = [problem for problem, one in standing.items() if one.right]
    return Layers(
        planned=len(planned),
        right=len(right),
        wrong=sum(one.wrong for one in standing.values()),
        refused=sum(one.standing == "refused" for one in standing.values()),
        unanswered=tuple(f"{problem}: {why}" for problem, why in untold.items()),
        left_out=tuple(left_out),
        undetected=max((plain[problem].survival for problem in right), default=1.0),
    )
