"""Findings on problems that must be refused: they have no output, or contradictory arguments."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from conv_oracle.auditing.diagnosis.naming import BY_KIND
from conv_oracle.auditing.diagnosis.preceding import wrong_at_first
from conv_oracle.auditing.diagnosis.reduction import what_precedes
from conv_oracle.auditing.finding import Diagnosis, Earlier, Evidence, Finding
from conv_oracle.auditing.judging import Judgement, Session
from conv_oracle.faults import CATALOGUE
from conv_oracle.problem import Problem


def invalid_findings(
    violations: Sequence[tuple[Problem, Judgement]],
    asked: int,
    session: Session,
    *,
    apart: bool = False,
    end: float = math.inf,
) -> tuple[Finding, ...]:
    """One finding per kind of violation, on problems that must be refused and were not.

    asked: how many such problems were tested. apart: for warnings, one finding per broken rule. end: when the search
    for what precedes is to be over.
    """
    groups: dict[object, list[tuple[Problem, Judgement]]] = {}
    for problem, judgement in violations:
        rule = re.sub(r"-?\d+", "#", why_invalid(problem)) if apart else judgement.kind
        groups.setdefault(rule, []).append((problem, judgement))
    return tuple(
        _invalid(problem, judgement, len(group), asked, session, apart=apart, end=end)
        for group in groups.values()
        for problem, judgement in group[:1]
    )


def _invalid(
    problem: Problem, judgement: Judgement, failed: int, asked: int, session: Session, *, apart: bool, end: float
) -> Finding:
    kind = judgement.kind or "accepted-but-invalid"
    fault, before = CATALOGUE[BY_KIND[kind]], tuple[Earlier, ...]()
    if not apart and not wrong_at_first(session, problem):
        fault = CATALOGUE["stale-cache"]
        before = what_precedes(session, problem, end)
    return Finding(
        kind=kind,
        problem=problem,
        summary=why_invalid(problem),
        condition="" if apart else "where no output exists",
        problems=failed,
        asked=asked,
        evidence=Evidence(call=session.binding.written(problem, session.function), text=judgement.text),
        fault=fault.slug,
        diagnosis=Diagnosis.of_fault(fault),
        before=before,
    )


def why_invalid(problem: Problem) -> str:
    """The rule that an invalid problem breaks, as its GeometryError states it."""
    try:
        problem.geometry  # noqa: B018 - it raises
    except ValueError as error:
        return str(error)
    return "a problem without an output"
