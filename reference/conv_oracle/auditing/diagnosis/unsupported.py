"""Exceptions that say what a subject does not support: they narrow the scope, and are no fault.

Three kinds are told from faults. One memory layout or more always raises the same exception, and plain calls never do.
Or a `raise` or `assert` of the subject stands behind it; where a simple condition tells what raises from what is
answered (a kernel above 7, channels that are no multiple of 5), that is told too. Or one or two settings alone decide.
An exception that comes otherwise is a fault of raising.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

from conv_oracle.auditing.diagnosis.conditions import learned
from conv_oracle.auditing.diagnosis.naming import NUMPYS
from conv_oracle.auditing.judging import Circumstance, Ledger, Session, Symptom
from conv_oracle.auditing.operands import differs
from conv_oracle.auditing.problems import extents
from conv_oracle.auditing.sandbox import ACCIDENTS
from conv_oracle.problem import Problem

NO_CONDITION = "no simple condition that was found"
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
UNALIGNED = "operands that are aligned to their elements alone are not supported"
"""Said of an exception that operands against guard pages alone raise: nothing else sets these apart."""

MOSTLY = 0.5
"""The share of raising problems that must have a neighbour with the same settings."""

LONG = 1000
"""A problem with such an extent may take more memory than is allowed."""


def withdraw_unsupported(session: Session) -> None:
    """Take from the ledger's violations the exceptions that mean 'not supported'; its scope tells them instead."""
    ledger = session.ledger
    causes = dict.fromkeys(symptom.raised for symptom in ledger.symptoms if symptom.kind == "raised")
    for cause in causes:
        symptoms = [one for one in ledger.symptoms if one.kind == "raised" and one.raised == cause]
        if all(one.circumstance.aspect in ("layout", "memory") for one in symptoms):
            _withdraw(ledger, [one for one in symptoms if one.circumstance.aspect == "memory"], UNALIGNED, cause)
            symptoms = [one for one in symptoms if one.circumstance.aspect == "layout"]
            if symptoms and _are_refused_layouts(ledger, symptoms):
                said = ", ".join(sorted({form for one in symptoms for _, form in one.circumstance.forms}))
                _withdraw(ledger, symptoms, f"operands in other memory layouts are not supported ({said})", cause)
        elif said := _restriction(ledger, symptoms, deliberate=ledger.deliberate.get(cause, False)):
            _withdraw(ledger, symptoms, f"not supported, with {said}", cause)
    for symptom in [one for one in ledger.symptoms if one.kind == "out-of-memory"]:
        if all(max(extents(problem).values()) >= LONG for problem in ledger.failing(symptom)):
            ledger.withdraw(symptom, f"not tested, as it takes too much memory: extents of {LONG} and more")


def _withdraw(ledger: Ledger, symptoms: Sequence[Symptom], said: str, cause: str) -> None:
    """Take the symptoms of one exception for refusals; they are told once."""
    name = cause.partition(" at ")[0].rpartition(".")[2]
    for number, symptom in enumerate(symptoms):
        ledger.withdraw(symptom, "" if number else f"{said}: {cause} (--refusal {name} if that is meant)")


def _are_refused_layouts(ledger: Ledger, symptoms: Sequence[Symptom]) -> bool:
    """Whether some operands in some layouts always raise; NumPy's own word of a write to a read-only one is no refusal.

    A layout that cannot be told from C order, as there is one row, is none.
    """
    texts = [ledger.worst[symptom].judgement.text for symptom in symptoms]
    if any(map(NUMPYS.search, texts)):
        return False
    right = [(problem, at) for (problem, at), record in ledger.records.items() if record.judgement.right]
    failing = [(problem, symptom.circumstance) for symptom in symptoms for problem in ledger.failing(symptom)]
    for told in (_different, _named):
        answered = {pair for one in right for pair in told(*one)}
        if all(told(*one) - answered for one in failing):
            return True
    return False


def _named(_: Problem, at: Circumstance) -> set[tuple[str, str]]:
    """The operands that are in another layout, and which."""
    return set(at.forms)


def _different(problem: Problem, at: Circumstance) -> set[tuple[str, str]]:
    """Those that can be told from C order by the strides of more than one row."""
    shapes = {"grad_output": problem.output_shape, **problem.operand_shapes}
    return {(name, form) for name, form in at.forms if name in shapes and differs(form, shapes[name])}


def _restriction(ledger: Ledger, symptoms: Sequence[Symptom], *, deliberate: bool) -> str:
    """What the raising problems have in common, and none that was answered has; '' where there is nothing."""
    plain = ledger.plain()
    failing = list(dict.fromkeys(problem for symptom in symptoms for problem in ledger.failing(symptom)))
    passing = [problem for problem, record in plain.items() if record.judgement.right]
    if not passing or any(problem in plain and plain[problem].judgement.right for problem in failing):
        return ""
    if deliberate:
        condition, false_matches = learned(failing, passing)
        simple = not false_matches and condition.cost <= SIMPLE
        return condition.said if simple else _settings_alone(failing, passing) or NO_CONDITION
    if any(name in symptoms[0].raised for name in ACCIDENTS):
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
