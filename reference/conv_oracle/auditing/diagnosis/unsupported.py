"""Exceptions that say what a subject does not support: they narrow the scope, and are no fault.

Two kinds are told from faults. One memory layout or more always raises the same exception, and plain calls never do.
Or a statement of the subject raises on every problem of a sort that a simple condition tells from all that it answers:
a kernel above 7, channels that are no multiple of 5. An exception that comes otherwise is a fault of raising.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

from conv_oracle.auditing.diagnosis.conditions import learned
from conv_oracle.auditing.diagnosis.naming import NUMPYS
from conv_oracle.auditing.judging import Ledger, Session, Symptom
from conv_oracle.auditing.sandbox import ACCIDENTS
from conv_oracle.problem import Problem

SIMPLE = 3
"""The most that a condition of a restriction costs a reader, as `Condition.cost` counts it."""

SETTINGS: Mapping[str, Callable[[Problem], object]] = {
    "kernel": lambda problem: problem.weight_shape[2:],
    "stride": lambda problem: problem.stride,
    "padding": lambda problem: problem.padding,
    "dilation": lambda problem: problem.dilation,
    "groups": lambda problem: problem.groups,
    "batch": lambda problem: problem.input_shape[0],
}
MOSTLY = 0.5
"""A layout that raises on this share of its problems is not supported: operands with one row are in C order anyway."""


def withdraw_unsupported(session: Session) -> None:
    """Take from the ledger's violations the exceptions that mean 'not supported'; its scope tells them instead."""
    ledger = session.ledger
    causes = dict.fromkeys(symptom.raised for symptom in ledger.symptoms if symptom.kind == "raised")
    for cause in causes:
        symptoms = [one for one in ledger.symptoms if one.kind == "raised" and one.raised == cause]
        if all(one.circumstance.aspect == "layout" for one in symptoms):
            said = "operands in a memory layout other than C order are not supported, where it matters"
            for symptom in symptoms:
                if _is_refused_layout(ledger, symptom):
                    ledger.withdraw(symptom, f"{said}: {_hinted(cause)}")
        elif said := _restriction(ledger, symptoms, deliberate=ledger.deliberate.get(cause, False)):
            for symptom in symptoms:
                ledger.withdraw(symptom, f"not supported, with {said}: {_hinted(cause)}")


def _is_refused_layout(ledger: Ledger, symptom: Symptom) -> bool:
    """Whether a layout raises wherever it matters; NumPy's own word of a write to a read-only operand is no refusal."""
    text = ledger.worst[symptom].judgement.text
    if NUMPYS in text and not ledger.deliberate.get(symptom.raised):
        return False
    failing, asked = len(ledger.failing(symptom)), sum(at == symptom.circumstance for _, at in ledger.records)
    return failing >= MOSTLY * asked


def _restriction(ledger: Ledger, symptoms: Sequence[Symptom], *, deliberate: bool) -> str:
    """What the raising problems have in common, and none that was answered has; '' where there is nothing."""
    plain = ledger.plain()
    failing = list(dict.fromkeys(problem for symptom in symptoms for problem in ledger.failing(symptom)))
    passing = [problem for problem, record in plain.items() if record.judgement.right]
    if not passing or any(problem in plain and plain[problem].judgement.right for problem in failing):
        return ""
    if deliberate:
        condition, false_matches = learned(failing, passing)
        if not false_matches and condition.cost <= SIMPLE:
            return condition.said
    if not deliberate and any(name in symptoms[0].raised for name in ACCIDENTS):
        return ""
    return _settings_alone(failing, passing)


def _settings_alone(failing: Sequence[Problem], passing: Sequence[Problem]) -> str:
    """One or two settings that decide alone whether a problem raises; '' where there are none.

    No two problems with the same values of these differ, and most of those that raise have such a neighbour, as one
    that has none proves nothing.
    """
    for names in (*((name,) for name in SETTINGS), *combinations(SETTINGS, 2)):
        refused = Counter(_values(problem, names) for problem in failing)
        alike = sum(count for count in refused.values() if count > 1)
        if alike > MOSTLY * len(failing) and not any(_values(problem, names) in refused for problem in passing):
            return f"some values of {' and '.join(names)}"
    return ""


def _values(problem: Problem, names: Sequence[str]) -> tuple[object, ...]:
    return tuple(SETTINGS[name](problem) for name in names)


def _hinted(cause: str) -> str:
    name = cause.partition(" at ")[0].rpartition(".")[2]
    return f"{cause} (--refusal {name} if that is meant)"
