"""What is found, each kind of violation once: where it is seen, the smallest problem, and the evidence."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from conv_oracle.auditing import coded
from conv_oracle.auditing.asking import Ask, Asking
from conv_oracle.auditing.binding import Binding
from conv_oracle.auditing.conditions import condition
from conv_oracle.auditing.evidence import evidence
from conv_oracle.auditing.frames import Series
from conv_oracle.auditing.judge import Judgement, judge, truth_of
from conv_oracle.auditing.ledger import Cause, Ledger
from conv_oracle.auditing.sandbox import Sandbox
from conv_oracle.auditing.smaller import smaller
from conv_oracle.auditing.verdict import Evidence, Finding, Kind
from conv_oracle.problem import Problem

REDUCTION_SECONDS = 6.0
"""For all findings together."""

SMALL_RADIUS = 9
MOST_EXCEPTIONS = 5
MOST_CIRCUMSTANCES = 4
MOST_CODED_PROBES = 64
MOST_READS = 6

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
}


@dataclass(frozen=True)
class Found:
    """What is known, and how to ask more."""

    ledger: Ledger
    asking: Asking
    binding: Binding
    sandbox: Sandbox
    refusals: tuple[str, ...]

    def asked(self, asks: Iterable[Ask]) -> Iterator[tuple[Ask, list[Judgement]]]:
        """Ask more, and judge it."""
        for ask, answers in self.sandbox.ask(self._series(asks)):
            yield ask, judge(ask, answers, refusals=self.refusals)

    @property
    def function(self) -> str:
        """The subject's name."""
        return self.sandbox.subject.target.rpartition(":")[2]

    def _series(self, asks: Iterable[Ask]) -> Iterator[tuple[Ask, Series]]:
        for ask in asks:
            yield ask, self.binding.series(ask.draws, ask.steps, ask.gradients)


def findings(found: Found) -> tuple[Finding, ...]:
    """One finding per kind and cause of violation."""
    causes = _told_apart(found.ledger)
    often = sorted(causes, key=lambda group: -max(len(found.ledger.failing(cause)) for cause in group))
    listed: dict[tuple[Kind, str, str], Finding] = {}
    for group in often:
        if group[0][0] != "raised" or sum(kind == "raised" for kind, _, _ in listed) < MOST_EXCEPTIONS:
            finding = _finding(found, group, REDUCTION_SECONDS / len(often))
            listed.setdefault((finding.kind, *group[0][1:]), finding)
    return tuple(sorted(listed.values(), key=lambda finding: (-finding.problems, finding.kind)))


def invalid_findings(
    violations: Sequence[tuple[Problem, Judgement]], asked: int, binding: Binding, function: str, *, apart: bool = False
) -> tuple[Finding, ...]:
    """What was accepted though it has no output or no meaning: one finding per kind, or one per rule that it breaks."""
    groups: dict[object, list[tuple[Problem, Judgement]]] = {}
    for problem, judgement in violations:
        rule = re.sub(r"-?\d+", "#", why_invalid(problem)) if apart else judgement.kind
        groups.setdefault(rule, []).append((problem, judgement))
    return tuple(
        Finding(
            judgement.kind or "accepted-but-invalid",
            problem,
            why_invalid(problem),
            "" if apart else "where no output exists",
            len(group),
            asked,
            Evidence(binding.written(problem, function), judgement.text),
        )
        for group in groups.values()
        for problem, judgement in group[:1]
    )


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
    ask, judgement, step = min((ledger.worst[cause] for cause in group), key=lambda kept: kept[0].problem.multiply_adds)
    failing = list(dict.fromkeys(problem for cause in group for problem in ledger.failing(cause)))
    passing = ledger.passing(circumstance)
    where = condition(failing, passing)
    if circumstance:
        said = [cause[2] for cause in group]
        more = f" and {len(said) - MOST_CIRCUMSTANCES} more" if len(said) > MOST_CIRCUMSTANCES else ""
        where = f"only with {'; '.join(said[:MOST_CIRCUMSTANCES])}{more}; {where}"
    if kind not in ("hung", "out-of-memory", "varies"):
        ask, judgement, step = _reduced(found, ask, judgement, step, seconds)
    if kind in ("wrong-value", "stale-answer"):
        kind, judgement = _confirmed(found, kind, ask, step, judgement)
    shown = evidence(ask, step, judgement, found.binding, found.function)
    if kind == "wrong-value" and not ask.gradients:
        shown = replace(shown, reads=_reads(found, ask.problem))
    return Finding(kind, ask.problem, SUMMARIES[kind], where, len(failing), len(failing) + len(passing), shown)


def _reduced(found: Found, ask: Ask, judgement: Judgement, step: int, seconds: float) -> tuple[Ask, Judgement, int]:
    """A smaller problem with smaller numbers that fails alike, as far as the seconds go."""
    end = time.monotonic() + seconds
    best: tuple[Ask, Judgement, int] | None = (ask, judgement, step)
    while best is not None and time.monotonic() < end:
        ask, judgement, step = best
        best = _first_alike(found, ask, judgement, smaller(ask.problem), end)
    return _first_alike(found, ask, judgement, [ask.problem], end + 1) or (ask, judgement, step)


def _first_alike(
    found: Found, ask: Ask, judgement: Judgement, candidates: Iterable[Problem], end: float
) -> tuple[Ask, Judgement, int] | None:
    fitting = (p for p in candidates if found.binding.refuses(p) is None)
    asks = (small for problem in fitting if (small := found.asking.small(ask, problem, SMALL_RADIUS)))
    for small, judgements in found.asked(asks):
        for step, again in enumerate(judgements):
            if again.wrong and (again.kind, again.cause, again.part) == (
                judgement.kind,
                judgement.cause,
                judgement.part,
            ):
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
        text = "wrong during the audit, right when asked first in a fresh process"
        return ("varies" if kind == "wrong-value" else kind), replace(judgement, text=text)
    return kind, judgement


def _reads(found: Found, problem: Problem) -> tuple[str, ...]:
    """Where coded probes see the subject read something else than the formula does."""
    if not problem.multiply_adds or coded.count(problem) > MOST_CODED_PROBES:
        return ()
    ask, probes = found.asking.coded(problem), coded.probes(problem)
    answers = []
    for _, judgements in found.asked([ask]):
        for step, judgement in enumerate(judgements):
            if judgement.standing == "right":
                answers.append(truth_of(ask, step))
            elif judgement.got is not None:
                answers.append(judgement.got)
    if len(answers) < len(probes):
        return ()
    return tuple(map(str, islice(coded.departures(problem, probes, answers), MOST_READS)))
