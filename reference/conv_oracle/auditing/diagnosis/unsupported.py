"""Exceptions that say what a subject does not support: they narrow the scope, and are no fault.

Two kinds are told from faults. One memory layout or more always raises the same exception, and plain calls never do.
Or a statement of the subject raises on every problem of a sort that a simple condition tells from all that it answers:
a kernel above 7, channels that are no multiple of 5. An exception that comes otherwise is a fault of raising.
"""

from __future__ import annotations

from collections.abc import Sequence

from conv_oracle.auditing.diagnosis.conditions import learned
from conv_oracle.auditing.diagnosis.naming import NUMPYS
from conv_oracle.auditing.judging import Ledger, Session, Symptom

SIMPLE = 3
"""The most that a condition of a restriction costs a reader, as `Condition.cost` counts it."""

MOSTLY = 0.5
"""A layout that raises on this share of its problems is not supported: operands with one row are in C order anyway."""


def withdraw_unsupported(session: Session) -> None:
    """Take from the ledger's violations the exceptions that mean 'not supported'; its scope tells them instead."""
    ledger = session.ledger
    causes = dict.fromkeys(symptom.raised for symptom in ledger.symptoms if symptom.kind == "raised")
    for cause in causes:
        symptoms = [one for one in ledger.symptoms if one.kind == "raised" and one.raised == cause]
        if all(one.circumstance.aspect == "layout" for one in symptoms):
            for symptom in symptoms:
                if _is_refused_layout(ledger, symptom):
                    ledger.withdraw(
                        symptom, f"operands with {symptom.circumstance} are not supported: {_hinted(cause)}"
                    )
        elif ledger.deliberate.get(cause) and (said := _restriction(ledger, symptoms)):
            for symptom in symptoms:
                ledger.withdraw(symptom, f"not supported, with {said}: {_hinted(cause)}")


def _is_refused_layout(ledger: Ledger, symptom: Symptom) -> bool:
    """Whether a layout raises wherever it matters; NumPy's own word of a write to a read-only operand is no refusal."""
    text = ledger.worst[symptom].judgement.text
    if NUMPYS in text and not ledger.deliberate.get(symptom.raised):
        return False
    failing, asked = len(ledger.failing(symptom)), sum(at == symptom.circumstance for _, at in ledger.records)
    return failing >= MOSTLY * asked


def _restriction(ledger: Ledger, symptoms: Sequence[Symptom]) -> str:
    """The simplest condition that the raising problems meet, and none that was answered; '' where there is none."""
    failing = list(dict.fromkeys(problem for symptom in symptoms for problem in ledger.failing(symptom)))
    passing = [problem for problem, record in ledger.plain().items() if record.judgement.right]
    if not passing:
        return ""
    condition, false_matches = learned(failing, passing)
    answered = any(record.judgement.right for problem in failing for record in [ledger.plain().get(problem)] if record)
    return condition.said if not false_matches and not answered and condition.cost <= SIMPLE else ""


def _hinted(cause: str) -> str:
    name = cause.partition(" at ")[0].rpartition(".")[2]
    return f"{cause} (--refusal {name} if that is meant)"
