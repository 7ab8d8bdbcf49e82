"""The names of faults that no single answer shows: by the kind of finding and its circumstance."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from conv_oracle.auditing.diagnosis.diagnosing import Diagnosed
from conv_oracle.auditing.finding import Kind
from conv_oracle.auditing.judging import CODED, PLAIN, Ask, Judgement, Observation, Session
from conv_oracle.auditing.operands import SECOND
from conv_oracle.faults import CATALOGUE, Fault
from conv_oracle.passes import Array
from conv_oracle.problem import Problem

NUMPYS = re.compile("(destination|output array) is read-only")
"""What NumPy says of an assignment to an array that is not writable; Cython's `buffer source` is not yet written to."""

SEVERAL = 12
"""Draws of one problem; a wrong index makes nearly all of them wrong."""

BY_KIND: Mapping[Kind, str] = {
    "wrong-value": "unknown",
    "wrong-shape": "wrong-result-shape",
    "wrong-dtype": "wrong-result-dtype",
    "not-an-array": "no-array-returned",
    "raised": "raises",
    "crashed": "crashes",
    "hung": "hangs",
    "out-of-memory": "memory-exhausted",
    "out-of-bounds": "memory-overrun",
    "malformed": "protocol-corrupted",
    "mutated-operand": "operand-changed",
    "stale-answer": "stale-cache",
    "answer-changed": "workspace-returned",
    "varies": "varies",
    "accepted-but-invalid": "output-invented",
    "rounding": "rounding-beyond-bound",
    "special-value": "nonfinite-dropped",
    "refuses-inconsistently": "refuses-inconsistently",
}


def named(one: Observation, failing: Sequence[Problem]) -> Fault:
    """The fault of a finding, by its kind and circumstance. failing: the problems that show it."""
    kind = one.judgement.kind or "wrong-value"
    if kind == "raised":
        slug = _of_an_exception(one, failing)
    elif kind == "varies" and one.judgement.right_at_first:
        slug = "stale-cache"
    elif kind == "wrong-value":
        slug = _of_numbers(one)
    else:
        slug = BY_KIND[kind]
    return CATALOGUE[slug]


def _of_an_exception(one: Observation, failing: Sequence[Problem]) -> str:
    """NumPy's own message says that something was to be written; others may refuse a read-only array by itself."""
    if "read-only" in one.ask.forms.values() and NUMPYS.search(one.judgement.text):
        return "operand-changed"
    empty = bool(failing) and all(problem.geometry.batch == 0 for problem in failing)
    return "empty-batch-refused" if empty else BY_KIND["raised"]


def _of_numbers(one: Observation) -> str:
    if one.ask.forms:
        return "strides-ignored"
    if one.ask.circumstance.aspect == "gradients":
        return "partial-gradients-wrong"
    if one.judgement.part in SECOND:
        return "double-backward-wrong"
    if one.judgement.part == "grad_bias":
        return "bias-wrong"
    return BY_KIND["wrong-value"] if one.ask.circumstance_of(0) in (PLAIN, CODED) else "depends-on-values"


def named_by_cause(
    session: Session, seen: Observation, one: Diagnosed, its: Sequence[Observation], *, plainly: bool
) -> tuple[Fault, str]:
    """The fault of wrong answers, and its title.

    seen: the observation to show. one: the cause. its: all observations of it. plainly: whether the calls are plain.

    Where wrong answers depend on the memory layout, or on the pass, that is the fault, and the cause only describes it,
    as the cause alone would show on every call. Elsewhere the cause is the fault.
    """
    judgement = seen.judgement
    cause = one.cause if judgement.kind != "varies" else None
    fault, in_memory = named(seen, one.failing), bool(seen.ask.forms) and judgement.kind == "wrong-value"
    if in_memory and session.is_wrong(seen.ask, seen.ask.draws.operands(seen.block)):
        fault, in_memory = CATALOGUE["depends-on-values"], False
    elif cause is None and fault is CATALOGUE["unknown"] and one.read is not None:
        fault = CATALOGUE[one.read.slug]
        return fault, f"{fault.title}: {one.read.said}" if one.read.said else fault.title
    elif cause is None and fault is CATALOGUE["unknown"]:
        fault = _by_nature(session, seen.ask, its, plainly=plainly)
    if seen.ask.circumstance.aspect == "gradients" and judgement.kind == "wrong-value":
        return fault, f"{fault.title}: {judgement.part} with {seen.ask.circumstance}"
    if cause is None:
        return fault, fault.title
    if judgement.part in SECOND or in_memory:
        return fault, f"{fault.title}: {cause.title}"
    return cause.fault, cause.title


def _by_nature(session: Session, ask: Ask, its: Sequence[Observation], *, plainly: bool) -> Fault:
    """The name of wrong values that no fault of the catalogue explains, by further calls."""
    problem, slug = ask.problem, "unknown"
    operands, guarded = ask.draws.operands(0), session.ledger.inexact
    if not plainly:
        slug = "depends-on-values"
    elif all(never_written(one.judgement) for one in its):
        slug = "output-not-written"
    elif problem.bias and not ask.gradients and _wrong_by_its_bias_alone(session, ask, operands):
        slug = "bias-wrong"
    elif (plain := replace(session.asking, least=SEVERAL).plain(problem, 1, guarded=guarded)) is not None:
        ((_, judgements),) = session.asked([plain])
        right = sum(judgement.right for judgement in judgements)
        by_chance = plain.draws.survival() * len(judgements)
        if any(judgement.wrong for judgement in judgements) and right >= max(2.0, 4 * by_chance):
            slug = "depends-on-values"
    return CATALOGUE[slug]


def _wrong_by_its_bias_alone(session: Session, ask: Ask, operands: Mapping[str, Array]) -> bool:
    """Whether the result is right without a bias, and wrong for zero operands with the bias."""
    empty = {name: array if name == "bias" else 0 * array for name, array in operands.items()}
    without = session.asking.plain(replace(ask.problem, bias=False), 1, guarded=session.ledger.inexact)
    if without is None or not session.is_wrong(ask, empty):
        return False
    return not any(judgement.wrong for _, judgements in session.asked([without]) for judgement in judgements)


def never_written(judgement: Judgement) -> bool:
    """Whether all wrong elements are zero, or all are NaN."""
    got, expected = judgement.got, judgement.expected
    if got is None or expected is None or got.shape != expected.shape or got.dtype.kind not in "fciu":
        return False
    with np.errstate(invalid="ignore"):
        wrong = got[~(got == expected)]
    return wrong.size > 0 and bool((wrong == 0).all() or np.isnan(wrong).all())
