"""The audit's second phase: how well the subject rounds, once it is known which numbers it combines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from conv_oracle.auditing.diagnosis import SUMMARIES, evidence, named
from conv_oracle.auditing.finding import Diagnosis, Finding
from conv_oracle.auditing.judging import Session
from conv_oracle.auditing.operands import DTYPES
from conv_oracle.auditing.rounding.allowed import Allowed
from conv_oracle.auditing.rounding.carriers import Pass
from conv_oracle.auditing.rounding.classes import UNCLASSIFIED
from conv_oracle.auditing.rounding.findings import rounding_findings
from conv_oracle.auditing.rounding.measuring import Measurements, as_stored, measure, orders
from conv_oracle.auditing.rounding.special_findings import special_findings
from conv_oracle.auditing.rounding.summary import Rounding, summary
from conv_oracle.faults import CATALOGUE, DEPARTURES
from conv_oracle.problem import Problem


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the phase adds to a verdict.

    findings: all of the audit, those of before included. rounding: how each part is rounded. notes: for the scope.
    hidden: where wrong numbers look like coarse rounding, the bits of operands and of sums with which none would.
    """

    findings: tuple[Finding, ...]
    rounding: tuple[Rounding, ...] = ()
    notes: tuple[str, ...] = ()
    hidden: tuple[int, int] | None = None


LITTLE = 2.0**-6
"""Of its norms: what no class explains says no more than what integers have shown, unless it is off by less than that,
as a fast algorithm of few bits is. Then both are told."""

CALLS = 30
"""Rounding is measured where so many calls fit its time: about those of one layer."""

READ = {fault.slug for fault in DEPARTURES}
HARMLESS = ("raised", "mutated-operand", "accepted-but-invalid")
"""Kinds of findings besides which rounding can be judged: other calls are right."""


def judged_rounding(session: Session, listed: Sequence[Finding], passes: Sequence[Pass], allowed: Allowed) -> Outcome:
    """How the subject rounds, where nothing else is wrong with it; else what was found before.

    listed: the findings so far. passes: what is measured, in this order, for the level's share of its seconds.
    """
    results = session.ledger.results.items()
    several = [dtype for dtype, returned in results if len(returned) > 1 and DTYPES[dtype].short]
    notes = [f"rounding not judged in {dtype}, as results come in several formats" for dtype in several]
    passes = [of for of in as_stored(session, passes) if session.binding.refuses(of.problem) is None]
    alike = [one for one in listed if one.kind == "wrong-value" and _may_be_rounding(one)]
    if alike:  # what was read of a coarse arithmetic is asked again, on numbers that it sums exactly
        alike = [one for one in listed if one in alike or one.fault in READ]
    apart = [one for one in listed if one not in alike]
    if not passes or any(one.kind not in HARMLESS for one in apart):
        notes += ["rounding not judged, as wrong numbers are combined"] if listed else []
        return Outcome(findings=tuple(listed), notes=tuple(notes))
    slow = session.sandbox.call_seconds * CALLS > _seconds(session)
    if not slow and session.ledger.counts["refused"]:
        passes = [of for of in passes if not _raises_anyway(session, of.problem)]
    if slow or not passes:
        why = "calls are slow: more --seconds would fit" if slow else "its layers are refused"
        notes.append(f"rounding not judged, as {why}")
        return Outcome(findings=tuple(listed), notes=tuple(notes))
    told = measure(session, passes, _seconds(session))
    if alike:
        _leave_out_wrong_layers(session, told, allowed)
    unlike = [one for one in told.measured if one.arithmetic is UNCLASSIFIED]
    is_rounding = not alike or all(0 < one.growth < LITTLE * 2.0**one.bits for one in unlike)
    shown = rounding_findings(session, told, allowed) if is_rounding else ()
    hidden = _exact_bits(told, allowed) if shown and alike and not unlike else None
    coarse = {(one.of.returned, one.of.problem.dtype) for one in told.measured if not (unlike or allowed.holds(one))}
    alike = [one for one in alike if not shown or (one.evidence.part, one.problem.dtype) not in coarse]
    spoilt = special_findings(session, told, passes, _seconds(session), allowed) if not shown else ()
    if len(told.measured) < told.planned:
        notes.append(f"rounding was measured on {len(told.measured)} of {told.planned} layers")
    left = {of.returned for of in passes} - {one.of.returned for one in told.measured}
    notes += [f"rounding not judged of {', '.join(sorted(left))}, as time ran out"] if left else []
    if told.raises:
        notes.append("NaN and infinities are refused by an exception: not judged")
    session.ledger.calls += told.calls
    session.ledger.outputs += told.outputs
    said = orders(session, passes[0].problem.operation, told)
    known = {one.kind for one in apart}
    whole = (*shown, *alike, *spoilt, *apart, *(one for one in _troubles(session, told) if one.kind not in known))
    return Outcome(findings=whole, rounding=summary(told.measured, allowed, said), notes=tuple(notes), hidden=hidden)


def _seconds(session: Session) -> float:
    """On top of those of the level, for sums, and again for special values."""
    return session.level.rounding * session.level.seconds


def _may_be_rounding(one: Finding) -> bool:
    """Whether coarse rounding could be what integers showed; in a gradient by the bias it looks like a wrong bias."""
    fault = CATALOGUE[one.fault or "unknown"]
    return fault.like_rounding or (fault is CATALOGUE["bias-wrong"] and one.evidence.part == "grad_bias")


def _exact_bits(told: Measurements, allowed: Allowed) -> tuple[int, int]:
    """One less than operands, and sums, were found to keep anywhere."""
    coarse = [one for one in told.measured if not allowed.holds(one)]
    sums = min((math.floor(one.sums) - 1 for one in coarse if np.isfinite(one.sums)), default=53)
    inputs = min((math.floor(one.inputs) - 1 for one in coarse if np.isfinite(one.inputs)), default=53)
    return max(1, min(inputs, sums)), max(1, sums)


def _leave_out_wrong_layers(session: Session, told: Measurements, allowed: Allowed) -> None:
    """Leave out what no class explains, where numbers that the class of the others sums exactly are wrong."""
    unlike = [one for one in told.measured if one.arithmetic is UNCLASSIFIED]
    others = [one for one in told.measured if one.arithmetic is not UNCLASSIFIED]
    if not unlike or not others:
        return
    asking = replace(
        session.asking, bits=_exact_bits(replace(told, measured=others), allowed), scales=False, vectors={}
    )
    wrong: set[Pass] = set()
    for one in unlike:
        ask = asking.once(one.of.problem, guarded=False)
        asked = session.asked([ask] if ask else [])
        if any(judgement.wrong for _, judgements in asked for judgement in judgements):
            wrong.add(one.of)
    told.measured = [one for one in told.measured if one.of not in wrong]


def _raises_anyway(session: Session, problem: Problem) -> bool:
    """Whether ordinary numbers raise as well: then the layer is not supported, and its values are no cause."""
    ask = session.asking.once(problem, guarded=session.ledger.inexact)
    asked = session.asked([ask] if ask else [])
    return any(one.kind == "raised" or one.standing == "refused" for _, judgements in asked for one in judgements)


def _troubles(session: Session, told: Measurements) -> tuple[Finding, ...]:
    """What is no answer: one finding per kind."""
    kept: dict[str, Finding] = {}
    for one in told.trouble:
        if one.judgement.kind == "raised" and _raises_anyway(session, one.problem):
            continue
        kind, fault = one.judgement.kind or "raised", named(one, [one.problem])
        finding = Finding(
            kind=kind,
            problem=one.problem,
            summary=SUMMARIES[kind],
            condition=f"only with {one.circumstance}",
            problems=1,
            asked=told.planned,
            evidence=evidence(one, session.binding, session.function),
            fault=fault.slug,
            diagnosis=Diagnosis.of_fault(fault),
        )
        kept.setdefault(kind, finding)
    return tuple(kept.values())
