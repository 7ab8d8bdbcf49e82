"""What is found, each kind of violation once: where it is seen, the smallest problem, and the evidence."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from conv_oracle.auditing import coded, relations
from conv_oracle.auditing.asking import Ask
from conv_oracle.auditing.conditions import condition, shared
from conv_oracle.auditing.diagnosing import Diagnosed, diagnosed
from conv_oracle.auditing.evidence import evidence
from conv_oracle.auditing.explaining import Case, case_of, shows
from conv_oracle.auditing.further import Found
from conv_oracle.auditing.gradients import SECOND
from conv_oracle.auditing.judge import Judgement, truth_of
from conv_oracle.auditing.learning import learned
from conv_oracle.auditing.ledger import Cause, Ledger
from conv_oracle.auditing.naming import BY_KIND, RIGHT_AT_FIRST, named, never_written
from conv_oracle.auditing.picturing import picture
from conv_oracle.auditing.preceding import preceding, shows_alone, wrong_at_first
from conv_oracle.auditing.smaller import smaller
from conv_oracle.auditing.verdict import Diagnosis, Earlier, Evidence, Finding, Kind
from conv_oracle.faults import CATALOGUE, Edit, Fault
from conv_oracle.passes import Array
from conv_oracle.problem import Problem

REDUCTION_SECONDS = 6.0
"""For all findings together."""

DIAGNOSIS_SECONDS = 8.0
PRECEDING_SECONDS = 6.0
STATE = ("stale-answer", "answer-changed", "varies")
"""Kinds of findings that may need other calls before."""

EXPLAINED = ("wrong-value", "wrong-shape")
"""Kinds of findings whose answers tell their cause."""

UNNAMED = ("unknown", "wrong-result-shape", "depends-on-values")
"""Faults that say no more than that something is wrong."""

LAST = (*UNNAMED, "raises")
"""What tells a reader least, and may be a consequence of the rest."""

SEVERAL = 12
"""Draws of one problem: a wrong index is wrong for nearly all of them."""

ENOUGH_TO_COMPARE = 8
"""What fewer problems have in common may be chance."""

SMALL_RADIUS = 9
MOST_EXCEPTIONS = 5
MOST_CIRCUMSTANCES = 4
MOST_CODED_PROBES = 64
MOST_READS, MOST_TOLD = 6, 3

SUMMARIES: Mapping[Kind, str] = {
    "wrong-value": "the numbers are wrong",
    "wrong-shape": "the result's shape is wrong",
    "wrong-dtype": "the result's dtype is wrong",
    "not-an-array": "the result is not an array of the asked kind",
    "raised": "an exception on a problem that PyTorch solves",
    "crashed": "the process died",
    "hung": "no answer came",
    "out-of-memory": "memory ran out",
    "malformed": "the process wrote something that is no answer",
    "mutated-operand": "an operand was changed",
    "stale-answer": "an earlier call's answer came back",
    "answer-changed": "an earlier answer was changed by a later call",
    "varies": "equal calls give different answers",
    "accepted-but-invalid": "a problem that has no output was given one",
    "rounding": "the numbers are rounded too coarsely",
    "special-value": "special values go wrong",
}


def findings(found: Found) -> tuple[Finding, ...]:
    """One finding per cause: those of wrong numbers by what explains them, others by their kind."""
    end = time.monotonic() + DIAGNOSIS_SECONDS
    wrong, others = _by_cause(found.ledger)
    listed: list[Finding] = []
    for circumstances in wrong:
        listed += _explained(found, circumstances, end)
    often = sorted(others, key=lambda group: -max(len(found.ledger.failing(cause)) for cause in group))
    apart: dict[tuple[Kind, str, str], Finding] = {}
    for group in often:
        if group[0][0] != "raised" or sum(kind == "raised" for kind, _, _ in apart) < MOST_EXCEPTIONS:
            finding = _finding(found, group, REDUCTION_SECONDS / len(often))
            apart.setdefault((finding.kind, *group[0][1:]), finding)
    listed += apart.values()
    return in_order(_without_twins(listed))


def in_order(listed: Iterable[Finding]) -> tuple[Finding, ...]:
    """What has a name comes first, and what shows on most problems."""
    return tuple(sorted(listed, key=lambda finding: (finding.fault in LAST, -finding.problems, finding.kind)))


def _by_cause(ledger: Ledger) -> tuple[list[tuple[str, ...]], list[list[Cause]]]:
    """The circumstances in which numbers or shapes are wrong, those without one apart; and the other causes."""
    plain, apart, others = False, list[str](), list[list[Cause]]()
    for group in _told_apart(ledger):
        if group[0][0] not in EXPLAINED:
            others.append(group)
        elif group[0][2]:
            apart += [cause[2] for cause in group]
        else:
            plain = True
    wrong = [("",)] * plain + [tuple(dict.fromkeys(apart))] * bool(apart)
    return wrong, others


def _explained(found: Found, circumstances: tuple[str, ...], end: float) -> list[Finding]:
    """The findings that wrong numbers and shapes in some circumstances are."""
    by_part: dict[str, list[Seen]] = {}
    for seen in _seen(found.ledger, circumstances):
        by_part.setdefault(seen[2].part, []).append(seen)
    listed: list[Finding] = []
    for part in by_part.values():
        told = [(case, seen) for seen in part if (case := case_of(*seen, inexact=found.ledger.inexact)) is not None]
        causes = diagnosed(found, [case for case, _ in told], end) if told else []
        parted = [(one, [seen for case, seen in told if _is_of(case, one)]) for one in causes]
        listed += [_of_cause(found, one, its, circumstances, end) for one, its in parted if its]
        if not told:
            listed.append(_of_cause(found, _nothing(found, part, circumstances), part, circumstances, end))
    if not listed:
        kept = [found.ledger.worst[cause] for cause in found.ledger.worst if cause[2] in circumstances]
        kept = [seen for seen in kept if seen[1].kind in EXPLAINED]
        whole = [(ask, step, judgement) for ask, judgement, step in kept]
        listed.append(_of_cause(found, _nothing(found, whole, circumstances), whole, circumstances, end))
    return listed


Seen = tuple[Ask, int, Judgement]


def _seen(ledger: Ledger, circumstances: Sequence[str]) -> list[Seen]:
    return [
        (ask, step, judgement)
        for ask, step, judgement in ledger.seen
        if judgement.kind in EXPLAINED and ask.circumstance_of(step) in circumstances
    ]


def _is_of(case: Case, one: Diagnosed) -> bool:
    """Whether a wrong answer is a cause's, or is left without one."""
    return any(case is own for own in one.cases) if one.cause else case.asked in one.failing


def _nothing(found: Found, seen: Sequence[Seen], circumstances: Sequence[str]) -> Diagnosed:
    """No cause: where it shows, and no more."""
    failing = tuple(dict.fromkeys(ask.problem for ask, _, _ in seen))
    passing = found.ledger.passing(circumstances[0])
    where, innocent = learned(failing, passing)
    return Diagnosed(None, where, innocent, failing, len(failing) + len(passing))


def _of_cause(found: Found, one: Diagnosed, its: Sequence[Seen], circumstances: Sequence[str], end: float) -> Finding:
    """The finding of one cause: reduced, confirmed, and shown."""
    original = min(its, key=lambda seen: (seen[0].problem.geometry.batch == 0, seen[0].problem.multiply_adds))
    ask, step, judgement = original
    edit = one.cause.edit if one.cause else None
    ask, judgement, step = _reduced(found, ask, judgement, step, max(end - time.monotonic(), 1.0) / 2, edit)
    kind: Kind = judgement.kind or "wrong-value"
    kind, judgement = _confirmed(found, kind, ask, step, judgement)
    before: tuple[Earlier, ...] = ()
    if kind == "varies":
        ask, step, judgement, before = _with_what_precedes(found, (ask, step, judgement), original)
    seen = ask, step, judgement
    fault, title = _name(found, kind, seen, one, its, plainly=circumstances[0] == "")
    said = replace(
        diagnosis_of(fault),
        title=title,
        explained=one.explained,
        of=one.of,
        innocent=one.innocent,
        alike=tuple(cause.title for cause in one.alike),
    )
    where = _where(one, circumstances, found.ledger.passing(circumstances[0]))
    shown = _shown(found, kind, seen, one)
    return Finding(
        kind, ask.problem, SUMMARIES[kind], where, len(one.failing), one.compared, shown, fault.slug, said, before
    )


def _name(
    found: Found, kind: Kind, seen: Seen, one: Diagnosed, its: Sequence[Seen], *, plainly: bool
) -> tuple[Fault, str]:
    """The fault that wrong answers are, and its title.

    What sets the calls apart is the fault, and the cause is what it looks like, where the cause alone would show on
    every call: in the memory that operands lie in, or in one pass. Elsewhere the cause is the fault.
    """
    ask, step, judgement = seen
    cause = one.cause if kind != "varies" else None
    fault = named(kind, ask, judgement, one.failing)
    if fault.slug == "strides-ignored" and found.is_wrong(ask, ask.draws.operands(ask.block_of(step))):
        fault = CATALOGUE["depends-on-values"]
    elif cause is None and fault.slug == "unknown":
        fault = _by_nature(found, ask, its, plainly=plainly)
    if fault.slug == "partial-gradients-wrong":
        return fault, f"{fault.title}: {judgement.part} with {ask.circumstance}"
    if cause is None:
        return fault, fault.title
    if judgement.part in SECOND or fault.slug == "strides-ignored":
        return fault, f"{fault.title}: {cause.title}"
    return cause.fault, cause.title


def _shown(found: Found, kind: Kind, seen: Seen, one: Diagnosed) -> Evidence:
    """The evidence of wrong answers, with what coded probes read."""
    ask, step, judgement = seen
    shown = evidence(ask, step, judgement, found.binding, found.function, inexact=found.ledger.inexact)
    if kind != "wrong-value" or ask.gradients:
        return shown
    reads, drawn = _reads(found, ask.problem, one)
    return replace(shown, reads=reads, picture=drawn)


def _with_what_precedes(found: Found, reduced: Seen, original: Seen) -> tuple[Ask, int, Judgement, tuple[Earlier, ...]]:
    """A fault of state as the calls that show it: a series of one problem, or one that other problems come before."""
    if shows_alone(found, reduced[0]):
        return *reduced, ()
    before = _what_precedes(found, original[0].problem)
    if not before:
        return *reduced, ()
    ask, step, judgement = original
    return ask, step, replace(judgement, text=reduced[2].text), before


def _what_precedes(found: Found, problem: Problem) -> tuple[Earlier, ...]:
    """The calls that have to come before a problem, as far as they can be found in time."""
    known = preceding(found, problem, time.monotonic() + PRECEDING_SECONDS)
    return tuple(Earlier(other, found.binding.written(other, found.function)) for other in known)


def _by_nature(found: Found, ask: Ask, its: Sequence[Seen], *, plainly: bool) -> Fault:
    """What can be said of wrong numbers that no fault explains: by what they are, and by what else is wrong."""
    problem, slug = ask.problem, "unknown"
    operands = ask.draws.operands(0)
    if not plainly:
        slug = "depends-on-values"
    elif all(never_written(judgement) for _, _, judgement in its):
        slug = "output-not-written"
    elif problem.bias and not ask.gradients and _wrong_by_its_bias_alone(found, ask, operands):
        slug = "bias-wrong"
    elif (plain := replace(found.asking, least=SEVERAL).plain(problem, 1, guarded=found.ledger.inexact)) is not None:
        ((_, judgements),) = found.asked([plain])
        right = sum(not judgement.wrong for judgement in judgements)
        by_chance = plain.draws.survival() * len(judgements)
        if any(judgement.wrong for judgement in judgements) and right >= max(2.0, 4 * by_chance):
            slug = "depends-on-values"
    return CATALOGUE[slug]


def _wrong_by_its_bias_alone(found: Found, ask: Ask, operands: Mapping[str, Array]) -> bool:
    """Whether the sum is right without a bias, and what is made of zeros and the bias is not."""
    empty = {name: array if name == "bias" else 0 * array for name, array in operands.items()}
    without = found.asking.plain(replace(ask.problem, bias=False), 1, guarded=found.ledger.inexact)
    if without is None or not found.is_wrong(ask, empty):
        return False
    return not any(judgement.wrong for _, judgements in found.asked([without]) for judgement in judgements)


def _where(one: Diagnosed, circumstances: Sequence[str], passing: Sequence[Problem]) -> str:
    """Where it shows, in words."""
    said = "wherever it can show"
    if one.condition.said:
        right = f"; {one.innocent} right answers have that too" if one.innocent else ""
        said = f"where {one.condition.said}{right}"
    elif one.innocent:
        said = f"on {len(one.failing)} of {one.compared} problems that could show it"
    elif one.cause and len(one.failing) >= ENOUGH_TO_COMPARE and (traits := shared(one.failing, passing)):
        said = f"wherever it can show: with {' and '.join(traits)}"
    return _only_with(circumstances, said)


def _only_with(circumstances: Sequence[str], said: str) -> str:
    """What is said of problems, with the circumstances in front of it, where there are some."""
    told = [name for name in circumstances if name]
    more = f" and {len(told) - MOST_CIRCUMSTANCES} more" if len(told) > MOST_CIRCUMSTANCES else ""
    return f"only with {'; '.join(told[:MOST_CIRCUMSTANCES])}{more}; {said}" if told else said


def _without_twins(listed: Sequence[Finding]) -> list[Finding]:
    """One finding per fault that has a name, and per way to have it: that of plain calls comes first."""
    kept: dict[tuple[object, ...], Finding] = {}
    for finding in listed:
        said = finding.diagnosis.title if finding.diagnosis else finding.summary
        where = finding.condition if finding.fault in UNNAMED or finding.kind not in EXPLAINED else ""
        kept.setdefault((finding.fault, said, where, finding.evidence.part), finding)
    return list(kept.values())


def invalid_findings(
    violations: Sequence[tuple[Problem, Judgement]], asked: int, found: Found, *, apart: bool = False
) -> tuple[Finding, ...]:
    """What was accepted though it has no output or no meaning: one finding per kind, or one per rule that it breaks."""
    groups: dict[object, list[tuple[Problem, Judgement]]] = {}
    for problem, judgement in violations:
        rule = re.sub(r"-?\d+", "#", why_invalid(problem)) if apart else judgement.kind
        groups.setdefault(rule, []).append((problem, judgement))
    return tuple(
        _invalid(problem, judgement, len(group), asked, found, apart=apart)
        for group in groups.values()
        for problem, judgement in group[:1]
    )


def _invalid(problem: Problem, judgement: Judgement, failed: int, asked: int, found: Found, *, apart: bool) -> Finding:
    fault, before = CATALOGUE[BY_KIND[judgement.kind or "accepted-but-invalid"]], tuple[Earlier, ...]()
    if not apart and not wrong_at_first(found, problem):
        fault = CATALOGUE["stale-cache"]
        before = _what_precedes(found, problem)
    return Finding(
        judgement.kind or "accepted-but-invalid",
        problem,
        why_invalid(problem),
        "" if apart else "where no output exists",
        failed,
        asked,
        Evidence(found.binding.written(problem, found.function), judgement.text),
        fault.slug,
        diagnosis_of(fault),
        before,
    )


def diagnosis_of(fault: Fault) -> Diagnosis:
    """What the catalogue says of a fault."""
    return Diagnosis(fault.slug, fault.title, fault.right, fault.broken, bugs=fault.bugs)


def why_invalid(problem: Problem) -> str:
    """The rule that an invalid problem breaks."""
    try:
        problem.geometry  # noqa: B018 - it raises
    except ValueError as error:
        return str(error)
    return "a problem without an output"


def _told_apart(ledger: Ledger) -> list[list[Cause]]:
    """The causes to report, those that differ by circumstance only together.

    A circumstance is a cause of its own where plain calls of the same problem are right.
    """
    groups: dict[tuple[Kind, str, bool], list[Cause]] = {}
    plain = ledger.plain()
    for cause in ledger.worst:
        kind, place, circumstance = cause
        if circumstance:
            failing = ledger.failing(cause)
            if all((record := plain.get(problem)) and record.judgement.wrong for problem in failing):
                continue
        groups.setdefault((kind, place, bool(circumstance)), []).append(cause)
    return list(groups.values()) or [[cause] for cause in list(ledger.worst)[:1]]


def _finding(found: Found, group: Sequence[Cause], seconds: float) -> Finding:
    ledger = found.ledger
    kind, _, circumstance = group[0]
    before: tuple[Earlier, ...] = ()
    ask, judgement, step = min((ledger.worst[cause] for cause in group), key=lambda kept: kept[0].problem.multiply_adds)
    failing = list(dict.fromkeys(problem for cause in group for problem in ledger.failing(cause)))
    passing = ledger.passing(circumstance)
    where = _only_with([cause[2] for cause in group], condition(failing, passing))
    original = ask, step, judgement
    if kind not in ("hung", "out-of-memory", "varies"):
        ask, judgement, step = _reduced(found, ask, judgement, step, seconds)
    if kind == "stale-answer":
        kind, judgement = _confirmed(found, kind, ask, step, judgement)
    if kind in STATE:
        ask, step, judgement, before = _with_what_precedes(found, (ask, step, judgement), original)
    shown = evidence(ask, step, judgement, found.binding, found.function, inexact=found.ledger.inexact)
    fault = named(kind, ask, judgement, failing)
    diagnosis = diagnosis_of(fault)
    compared = len(failing) + len(passing)
    return Finding(
        kind, ask.problem, SUMMARIES[kind], where, len(failing), compared, shown, fault.slug, diagnosis, before
    )


def _reduced(
    found: Found, ask: Ask, judgement: Judgement, step: int, seconds: float, edit: Edit | None = None
) -> tuple[Ask, Judgement, int]:
    """A smaller problem with smaller numbers that fails alike, as far as the seconds go."""
    end = time.monotonic() + seconds
    best: tuple[Ask, Judgement, int] | None = (ask, judgement, step)
    while best is not None and time.monotonic() < end:
        ask, judgement, step = best
        best = _first_alike(found, ask, judgement, smaller(ask.problem), end, edit)
    return _first_alike(found, ask, judgement, [ask.problem], end + 1, edit) or (ask, judgement, step)


def _first_alike(
    found: Found, ask: Ask, judgement: Judgement, candidates: Iterable[Problem], end: float, edit: Edit | None
) -> tuple[Ask, Judgement, int] | None:
    """The first candidate that fails alike: with an edit, whose answer is the edit's; else of the same kind."""
    fitting = (p for p in candidates if found.binding.refuses(p) is None)
    asks = (small for problem in fitting if (small := found.asking.small(ask, problem, SMALL_RADIUS)))
    for small, judgements in found.asked(asks):
        for step, again in enumerate(judgements):
            if again.wrong and (again.cause, again.part) == (judgement.cause, judgement.part):
                case = case_of(small, step, again, inexact=found.ledger.inexact) if edit else None
                if case.is_answer_of(edit) if edit and case else edit is None and again.kind == judgement.kind:
                    return small, again, step
        if time.monotonic() > end:
            break
    return None


def _confirmed(found: Found, kind: Kind, ask: Ask, step: int, judgement: Judgement) -> tuple[Kind, Judgement]:
    """Ask the same three times in a fresh process: what comes and goes is no wrong formula."""
    found.sandbox.fresh()
    thrice = replace(ask, steps=[("call", ask.block_of(step))] * 3)
    ((_, again),) = found.asked([thrice])
    if any(judgement.kind == "varies" for judgement in again):
        return "varies", replace(judgement, text="three times the same call, and not the same answer each time")
    if not any(judgement.wrong for judgement in again):
        return ("varies" if kind in EXPLAINED else kind), replace(judgement, text=RIGHT_AT_FIRST)
    return kind, judgement


def _reads(found: Found, problem: Problem, one: Diagnosed) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Where coded probes see the subject read something else than the formula does, in words and as a picture.

    First the relation per axis, read on a problem that a reader takes in, or on the most telling of the failing ones;
    then single reads of the smallest.
    """
    said: list[str] = []
    drawn: tuple[str, ...] = ()
    for telling in islice(_telling(problem, one), MOST_TOLD):
        if not said and (told := _coded_answers(found, telling)) is not None:
            said, drawn = relations.said(telling, *told), picture(telling, *told)
    small = problem.multiply_adds and coded.count(problem) <= MOST_CODED_PROBES
    if small and (told := _coded_answers(found, problem)) is not None:
        most = 1 if said else MOST_READS
        said += map(str, islice(coded.departures(problem, *told), most))
    return tuple(said), drawn


def _telling(problem: Problem, one: Diagnosed) -> Iterator[Problem]:
    """Problems that may show a relation."""
    if one.cause is not None:
        known = relations.demonstrations(problem.operation, problem.dtype)
        yield from (demo for demo in known if one.condition.holds(demo) and shows(one.cause.edit, demo))
    failing = [p for p in one.failing if p.multiply_adds and coded.count(p) <= MOST_CODED_PROBES]
    yield from sorted(failing, key=lambda p: (-relations.telling(p), p.multiply_adds))


def _coded_answers(found: Found, problem: Problem) -> tuple[list[coded.Probe], list[Array]] | None:
    """Coded probes, and what the subject answers; None where it does not answer them all with arrays."""
    if found.binding.refuses(problem) is not None:
        return None
    probes, answers = coded.probes(problem), list[Array]()
    for ask, judgements in found.asked([found.asking.coded(problem)]):
        for step, judgement in enumerate(judgements):
            if judgement.standing == "right":
                answers.append(truth_of(ask, step))
            elif judgement.got is not None and judgement.kind == "wrong-value":
                answers.append(judgement.got)
    return (probes, answers) if len(answers) == len(probes) else None
