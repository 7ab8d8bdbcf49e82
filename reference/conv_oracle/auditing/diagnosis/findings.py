"""Findings: each violation once, with its condition, its smallest problem and its evidence."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from conv_oracle.auditing.diagnosis.conditions import discriminates, learned
from conv_oracle.auditing.diagnosis.diagnosing import Diagnosed, diagnosed
from conv_oracle.auditing.diagnosis.evidence import evidence
from conv_oracle.auditing.diagnosis.explaining import Case, case_of
from conv_oracle.auditing.diagnosis.naming import named, named_by_cause
from conv_oracle.auditing.diagnosis.picturing import picture
from conv_oracle.auditing.diagnosis.reading import read
from conv_oracle.auditing.diagnosis.reduction import EXPLAINED, confirmed, left_behind, reduced, with_what_precedes
from conv_oracle.auditing.finding import Diagnosis, Earlier, Evidence, Finding, Kind
from conv_oracle.auditing.judging import PLAIN, Circumstance, Ledger, Observation, Session, Symptom
from conv_oracle.auditing.operands import SECOND
from conv_oracle.faults import CATALOGUE, Fault
from conv_oracle.problem import Problem

STATE: tuple[Kind, ...] = ("stale-answer", "answer-changed", "varies")
"""Kinds of findings that may need other calls first."""

UNNAMED = tuple(slug for slug, fault in CATALOGUE.items() if fault.vague)
"""Faults that state no cause, only that something is wrong."""

ENOUGH_TO_COMPARE = 8
"""The least number of failing problems whose common traits are not chance."""

MOST_EXCEPTIONS = 5
MOST_CIRCUMSTANCES = 4

SUMMARIES: Mapping[Kind, str] = {
    "wrong-value": "values are wrong",
    "wrong-shape": "the result's shape is wrong",
    "wrong-dtype": "the result's dtype is wrong",
    "not-an-array": "the result is not an array of the requested kind",
    "raised": "an exception on a problem that PyTorch accepts",
    "crashed": "the process died",
    "hung": "no answer within the time limit",
    "out-of-memory": "the process ran out of memory",
    "out-of-bounds": "memory beside an operand was touched",
    "malformed": "the process wrote something that is not an answer",
    "mutated-operand": "an operand was changed",
    "stale-answer": "the answer of an earlier call was returned",
    "answer-changed": "an earlier answer was changed by a later call",
    "varies": "identical calls give different answers",
    "accepted-but-invalid": "an output was returned for a problem that has none",
    "rounding": "values are rounded too coarsely",
    "special-value": "special values are handled wrongly",
    "refuses-inconsistently": "a problem is refused at one time and answered at another",
}


LAYOUT_SHARE = 0.25
"""Of the time, for what explains wrong answers of some memory layouts: their name is known without it."""

WHOLE: tuple[Kind, ...] = ("hung", "out-of-memory", "varies", "refuses-inconsistently")
"""Kinds that are shown on the problem on which they were seen: each further call costs much, or says little."""


def findings(session: Session, end: float) -> tuple[Finding, ...]:
    """One finding per cause: of wrong values by the fault that explains them, of other violations by kind.

    end: when the diagnosis is to be over, on time.monotonic's clock.
    """
    wrong, others = _by_cause(session.ledger)
    listed: list[Finding] = []
    remembers = any(group[0].kind in STATE for group in others)
    known = False
    for circumstances in wrong:
        listed += _explained(session, circumstances, end, remembers=remembers, known=known)
        known = any(one.fault and CATALOGUE[one.fault].of_state for one in listed)
    often = sorted(others, key=lambda group: -max(len(session.ledger.failing(symptom)) for symptom in group))
    apart: dict[tuple[Kind, str, Circumstance], Finding] = {}
    for group in often:
        if group[0].kind != "raised" or sum(kind == "raised" for kind, _, _ in apart) < MOST_EXCEPTIONS:
            each = max(end - time.monotonic(), 0.0) / (1 + len(often))
            finding = _finding(session, group, each, end, known=known and group[0].kind in STATE)
            apart.setdefault((finding.kind, group[0].raised, group[0].circumstance), finding)
    listed += apart.values()
    return in_order(_without_duplicates(listed))


def in_order(listed: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings with a named fault first, then by the number of failing problems; consequences after wrong values."""
    listed = tuple(listed)
    caused = any(one.kind == "wrong-value" for one in listed)

    def place(finding: Finding) -> tuple[bool, bool, int, str]:
        fault = CATALOGUE.get(finding.fault or "")
        vague = fault is not None and (fault.vague or fault.last)
        return caused and finding.kind in CONSEQUENCES, vague, -finding.problems, finding.kind

    return tuple(sorted(listed, key=place))


CONSEQUENCES: tuple[Kind, ...] = ("special-value",)
"""Kinds of findings that wrong products explain: a NaN that is not read does not arrive."""

VARYING: tuple[Kind, ...] = ("varies",)
"""Kinds of findings that an answer of an earlier call explains."""


PARTIAL, NO_BIAS = "partial-gradients-wrong", "where no bias"
"""A fault of what is asked at once, and how it looks on problems of which the bias has no gradient."""


def folded(listed: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings, with their consequences told under their cause: the first of its kind.

    Wrong values of ordinary numbers explain those of special ones; state that is left behind, that equal calls differ,
    and what it returns where no output exists; a gradient that is wrong unless that of the bias is asked for, what is
    wrong where there is no bias.
    """
    partial = [one for one in listed if one.fault == PARTIAL]
    parts = {one.evidence.part for one in partial}
    listed = _under(listed, partial, [one for one in listed if one.evidence.part in parts and one.condition == NO_BIAS])
    causes = [one for one in listed if one.kind == "wrong-value" and not one.condition.startswith("only ")]
    listed = _under(listed, causes, [one for one in listed if one.kind in CONSEQUENCES])
    causes = [one for one in listed if one.kind == "stale-answer"]
    listed = _under(listed, causes, [one for one in listed if one.kind in VARYING])
    stateful = [one for one in listed if one.fault and CATALOGUE[one.fault].of_state]
    causes = [one for one in stateful if one.kind != "accepted-but-invalid"]
    return _under(listed, causes, [one for one in stateful if one not in causes])


def _under(listed: Sequence[Finding], causes: Sequence[Finding], after: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings, with some of them told under the first of their causes."""
    if not after or not causes or causes[0].diagnosis is None:
        return tuple(listed)
    also = [one.diagnosis.title if one.diagnosis else one.summary for one in after]
    said = replace(causes[0].diagnosis, also=tuple(dict.fromkeys((*causes[0].diagnosis.also, *also))))
    first = replace(causes[0], diagnosis=said)
    return tuple(first if one is causes[0] else one for one in listed if one not in after)


def _by_cause(ledger: Ledger) -> tuple[list[tuple[Circumstance, ...]], list[list[Symptom]]]:
    """The circumstances in which values or shapes are wrong, plain ones separately; and the other symptoms."""
    plain, apart, others = False, list[Circumstance](), list[list[Symptom]]()
    for group in _told_apart(ledger):
        if group[0].kind not in EXPLAINED:
            others.append(group)
        elif group[0].circumstance.plain:
            plain = True
        else:
            apart += [symptom.circumstance for symptom in group]
    wrong = [(PLAIN,)] * plain + [tuple(dict.fromkeys(apart))] * bool(apart)
    return wrong, others


def _told_apart(ledger: Ledger) -> list[list[Symptom]]:
    """The symptoms to report, grouped where they differ by circumstance only.

    A circumstance is a cause in itself where plain calls of the same problem are right. Where there were none, it is no
    cause if plain calls of other problems are wrong.
    """
    groups: dict[tuple[Kind, str, bool], list[Symptom]] = {}
    plain = ledger.plain()
    wrong = any(one.judgement.wrong for one in plain.values())
    for symptom in ledger.worst:
        at = symptom.circumstance
        known = [plain[problem].judgement for problem in ledger.failing(symptom) if problem in plain]
        if not at.plain and all(judgement.wrong for judgement in known) and (known or wrong):
            continue
        groups.setdefault((symptom.kind, symptom.raised, at.plain), []).append(symptom)
    return list(groups.values()) or [[symptom] for symptom in list(ledger.worst)[:1]]


def _explained(
    session: Session, circumstances: tuple[Circumstance, ...], end: float, *, remembers: bool, known: bool
) -> list[Finding]:
    """The findings of wrong values and shapes in some circumstances.

    remembers: whether earlier calls have a part in some answers, which is looked into before all else. known: whether
    there is a finding that says so; then there is no second one.
    """
    ledger = session.ledger
    by_part: dict[str, list[Observation]] = {}
    for one in ledger.seen:
        if one.judgement.kind in EXPLAINED and one.circumstance in circumstances:
            by_part.setdefault(one.judgement.part, []).append(one)
    in_memory = all(at.aspect == "layout" for at in circumstances)
    until = min(end, time.monotonic() + LAYOUT_SHARE * (end - time.monotonic())) if in_memory else end
    listed: list[Finding] = []
    for part in by_part.values():
        if remembers and (small := left_behind(session, part, 1 if known else 2)) is not None:
            if not known:
                of_state = _nothing(session, part, circumstances)
                listed.append(_told(session, small, small, of_state, part, circumstances, end))
            continue
        told = [(case, one) for one in part if (case := case_of(one, inexact=ledger.inexact)) is not None]
        readable = circumstances[0].plain and not any(one.judgement.part in SECOND for one in part)
        cases = [case for case, _ in told]
        causes = diagnosed(session, cases, circumstances, until, readable=readable) if told else []
        if in_memory and len(causes) > 1:
            causes = [_as_one(causes, _nothing(session, part, circumstances))]
        parted = [(cause, [one for case, one in told if _is_of(case, cause)]) for cause in causes]
        listed += [_of_cause(session, cause, its, circumstances, end) for cause, its in parted if its]
        if not told:
            listed.append(_of_cause(session, _nothing(session, part, circumstances), part, circumstances, end))
    if not listed and not known:
        kept = [one for symptom, one in ledger.worst.items() if symptom.circumstance in circumstances]
        whole = [one for one in kept if one.judgement.kind in EXPLAINED]
        listed.append(_of_cause(session, _nothing(session, whole, circumstances), whole, circumstances, end))
    return listed


def _as_one(causes: Sequence[Diagnosed], whole: Diagnosed) -> Diagnosed:
    """What misreads memory is one fault, however its reads look: as what explains most of it, if that is half."""
    most = max((one for one in causes if one.cause), key=lambda one: len(one.failing), default=whole)
    if 2 * len(most.failing) < len(whole.failing):
        return whole
    return replace(whole, cause=most.cause, explained=len(most.failing), of=len(whole.failing))


def _is_of(case: Case, one: Diagnosed) -> bool:
    """Whether a wrong answer belongs to a cause, or to none."""
    return any(case is own for own in one.cases) if one.cases else case.asked in one.failing


def _nothing(session: Session, seen: Sequence[Observation], circumstances: Sequence[Circumstance]) -> Diagnosed:
    """A diagnosis without a cause: only the condition."""
    failing = tuple(dict.fromkeys(one.problem for one in seen))
    passing = [problem for at in circumstances for problem in session.ledger.passing(at)]
    where, false_matches = learned(failing, passing)
    return Diagnosed(None, where, false_matches, failing, len(failing) + len(passing))


def _of_cause(
    session: Session, one: Diagnosed, its: Sequence[Observation], circumstances: Sequence[Circumstance], end: float
) -> Finding:
    """The finding of one cause: reduced, confirmed, with its evidence."""
    original = min(its, key=lambda seen: (seen.problem.geometry.batch == 0, seen.problem.multiply_adds))
    edit = one.cause.edit if one.cause else None
    seen = confirmed(session, reduced(session, original, max(end - time.monotonic(), 0.2) / 2, edit))
    return _told(session, seen, original, one, its, circumstances, end)


def _told(
    session: Session,
    seen: Observation,
    original: Observation,
    one: Diagnosed,
    its: Sequence[Observation],
    circumstances: Sequence[Circumstance],
    end: float,
) -> Finding:
    """The finding of one cause, shown on an observation, which `original` was reduced to."""
    before: tuple[Earlier, ...] = ()
    if seen.judgement.kind == "varies":
        seen, before = with_what_precedes(session, seen, original, end)
    fault, title = named_by_cause(session, seen, one, its, plainly=circumstances[0].plain)
    said = replace(
        Diagnosis.of_fault(fault),
        title=title,
        explained=one.explained,
        of=one.of,
        false_matches=one.false_matches,
        alike=tuple(cause.title for cause in one.alike),
    )
    where = _where(one, circumstances, session.ledger.passing(circumstances[0]))
    return _made(seen, fault, said, where, (len(one.failing), one.compared), _shown(session, seen, one), before)


def _shown(session: Session, seen: Observation, one: Diagnosed) -> Evidence:
    """The evidence of wrong answers, with the reads that coded probes show."""
    shown = evidence(seen, session.binding, session.function, inexact=session.ledger.inexact)
    if seen.judgement.kind != "wrong-value" or seen.ask.gradients:
        return shown
    reads, drawn = read(session, seen.problem, one)
    return replace(shown, reads=reads, picture=picture(drawn) if drawn else (), map=drawn)


def _where(one: Diagnosed, circumstances: Sequence[Circumstance], passing: Sequence[Problem]) -> str:
    """Where a fault shows, as text: under a condition that few passing problems meet, or on how many problems."""
    said = "on every problem that can show it"
    if one.condition.said and discriminates(one.false_matches, len(one.failing)):
        said = f"where {one.condition.said}{_also_met(one.false_matches)}"
    elif one.false_matches:
        said = f"on {len(one.failing)} of {one.compared} problems that could show it"
    elif one.cause and len(one.failing) >= ENOUGH_TO_COMPARE and passing:
        shared, _ = learned(one.failing, passing, traits_alone=True)
        said += f": with {shared.said}" if shared.said else ""
    return _only_with(circumstances, said)


def _also_met(false_matches: int) -> str:
    noun = "problem" if false_matches == 1 else "problems"
    return f"; also met by {false_matches} {noun} found right" if false_matches else ""


def _of_behaviour(failing: Sequence[Problem], passing: Sequence[Problem]) -> str:
    """Where a violation other than a wrong value shows: the fewest traits that single out the failing problems."""
    if not failing:
        return ""
    if not passing:
        return "on every problem that was compared"
    where, false_matches = learned(failing, passing, traits_alone=True)
    if where.said and discriminates(false_matches, len(failing)):
        return f"with {where.said}{_also_met(false_matches)}"
    return f"on {len(failing)} of {len(failing) + len(passing)} problems"


def _only_with(circumstances: Sequence[Circumstance], said: str) -> str:
    """A condition on problems, preceded by the circumstances if they are not plain."""
    told = [str(at) if at.aspect == "state" else f"with {at}" for at in circumstances if not at.plain]
    more = f" and {len(told) - MOST_CIRCUMSTANCES} more" if len(told) > MOST_CIRCUMSTANCES else ""
    return f"only {'; '.join(told[:MOST_CIRCUMSTANCES])}{more}; {said}" if told else said


def _without_duplicates(listed: Sequence[Finding]) -> list[Finding]:
    """One finding per named fault and variant; that of plain calls is kept.

    A fault of state is one fault, however many kinds of findings it causes: the most specific kind is kept, with the
    counts of the one that shows on most problems.
    """
    kept: dict[tuple[object, ...], Finding] = {}
    for finding in listed:
        if finding.fault and CATALOGUE[finding.fault].of_state:
            other = kept.setdefault((finding.fault,), finding)
            specific, often = min(other, finding, key=_state_told), max(other, finding, key=lambda one: one.problems)
            kept[finding.fault,] = replace(specific, problems=often.problems, asked=often.asked)
            continue
        said = finding.diagnosis.title if finding.diagnosis else finding.summary
        where = finding.condition if finding.fault in UNNAMED or finding.kind not in EXPLAINED else ""
        kept.setdefault((finding.fault, said, where, finding.evidence.part), finding)
    return list(kept.values())


def _state_told(finding: Finding) -> int:
    """How specific a kind is of a fault of state: the less, the more specific."""
    return STATE.index(finding.kind) if finding.kind in STATE else len(STATE)


def _finding(session: Session, group: Sequence[Symptom], seconds: float, end: float, *, known: bool) -> Finding:
    """The finding of a violation other than a wrong value. known: whether it is of a state that is told already."""
    ledger, kind = session.ledger, group[0].kind
    original = min((ledger.worst[symptom] for symptom in group), key=lambda kept: kept.problem.multiply_adds)
    failing = list(dict.fromkeys(problem for symptom in group for problem in ledger.failing(symptom)))
    passing = ledger.passing(group[0].circumstance)
    where = _only_with([symptom.circumstance for symptom in group], _of_behaviour(failing, passing))
    before: tuple[Earlier, ...] = ()
    seen = original if kind in WHOLE or known else reduced(session, original, seconds)
    if kind == "stale-answer" and not known:
        seen = confirmed(session, seen)
    if seen.judgement.kind in STATE and not (known and kind == "varies"):
        seen, before = with_what_precedes(session, seen, original, end)
    shown = evidence(seen, session.binding, session.function, inexact=ledger.inexact)
    fault = named(seen, failing)
    said = Diagnosis.of_fault(fault)
    if kind == "out-of-bounds":
        said = replace(said, title=f"{fault.title}: {seen.judgement.cause}")
    counts = len(failing), len(failing) + len(passing)
    return _made(seen, fault, said, where, counts, shown, before)


def _made(
    seen: Observation,
    fault: Fault,
    said: Diagnosis,
    where: str,
    counts: tuple[int, int],
    shown: Evidence,
    before: tuple[Earlier, ...] = (),
) -> Finding:
    """A finding on one observation. counts: (problems that failed, problems compared)."""
    kind = seen.judgement.kind or "wrong-value"
    return Finding(
        kind=kind,
        problem=seen.problem,
        summary=SUMMARIES[kind],
        condition=where,
        problems=counts[0],
        asked=counts[1],
        evidence=shown,
        fault=fault.slug,
        diagnosis=said,
        before=before,
    )
