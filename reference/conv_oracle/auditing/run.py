"""The audit: options in, a verdict out."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from conv_oracle.auditing.course import Course, Progress, read_back
from conv_oracle.auditing.diagnosis import findings, in_order
from conv_oracle.auditing.finding import Finding
from conv_oracle.auditing.journal import Journal
from conv_oracle.auditing.judging import WIDER_THAN_FLOAT8, Asking, Ledger, Session
from conv_oracle.auditing.operands import DTYPES
from conv_oracle.auditing.options import AuditOptions
from conv_oracle.auditing.problems import (
    affordable,
    invalid_arguments,
    mined,
    own_source,
    problems,
    source_texts,
    unsolvable,
)
from conv_oracle.auditing.rounding import ALLOWED, judged_rounding, passes_of
from conv_oracle.auditing.sandbox import (
    Binding,
    Introduction,
    Sandbox,
    Subject,
    bindings,
    calibrated,
    differentiable_twice,
    returned_dtype,
    unreadable,
)
from conv_oracle.auditing.scope import scope_of
from conv_oracle.auditing.vectors import Vectors, refused, vectors
from conv_oracle.auditing.verdict import Arithmetic, Scope, Status, Verdict
from conv_oracle.errors import TargetError
from conv_oracle.problem import Problem
from conv_oracle.space import solvable

MOST_NAMED = 8
"""How many failed cases are named."""

REPEATED = 320
"""How often a single problem is tested, so that every layout, kind of values and state comes up."""


@dataclass(frozen=True)
class _Met:
    """A subject that was loaded and called: its introduction, how it is called, and what cannot be tested.

    twice: whether its gradients can be differentiated again; None where gradients are not audited.
    """

    introduction: Introduction
    binding: Binding
    twice: bool | None
    narrowed: tuple[str, ...]


@dataclass(frozen=True)
class _Plan:
    """The problems of an audit, in order; the golden vectors, at level fixtures; the bytes of the subject's file."""

    planned: Sequence[Problem]
    vectors: Vectors | None
    source: bytes
    narrowed: tuple[str, ...]


def audit(
    target: str,
    *,
    progress: Callable[[Progress], None] | None = None,
    journal: Journal | None = None,
    resume: bool = False,
    **options: Any,
) -> Verdict:
    """Audit an implementation of convolution.

    target: `package.module:name` or `path/to/file.py:name`. options: the other fields of AuditOptions, by name.
    progress: called with a Progress every tenth of a second. journal: where progress is written every few seconds;
    resume: whether to continue from it.
    The subject runs in processes of its own: it gets operands and returns bytes.
    Raises TargetError for a target that cannot be loaded or called, for an invalid option, and for a journal that does
    not belong to this audit.
    """
    started = time.monotonic()
    chosen = AuditOptions(target=target, **options)
    subject = Subject(
        target,
        chosen.arrays,
        chosen.device,
        chosen.python or sys.executable,
        chosen.timeout,
        chosen.limits,
        chosen.compile_timeout,
        chosen.confine,
    )
    kept = read_back(journal, chosen.level) if resume and journal else None  # before the subject can write another
    with unreadable(), Sandbox(subject, chosen.jobs) as sandbox:
        met = _met(chosen, sandbox)
        plan = _plan(chosen, met)
        session = _session(chosen, sandbox, met, plan)
        sandbox.allow(chosen.level.longest)
        deadline = time.monotonic() + chosen.level.seconds
        course = Course(session, deadline, progress, journal, chosen.digest(plan.source, plan.planned))
        if kept:
            course.resume(kept)
        warnings = _asked(chosen, course, plan)
        return _concluded(chosen, course, met, plan, warnings, started)


def _met(options: AuditOptions, sandbox: Sandbox) -> _Met:
    """Load the subject, and find out how it is called."""
    introduction, op, dtype = sandbox.introduce(), options.op, options.dtypes[0]
    first_calls = options.level.seconds + sandbox.subject.first_timeout
    sandbox.bound(options.level.longest + first_calls)
    sandbox.allow(first_calls)
    binding = calibrated(sandbox, bindings(introduction.signature, op), op, dtype)
    narrowed, twice = binding.limits(op), None
    if options.gradients:
        vectors_alone = options.level.name == "fixtures"
        twice = not vectors_alone and differentiable_twice(sandbox, binding, op, dtype)
        narrowed += [] if twice or vectors_alone else ["the double backward raises: not tested"]
    if sandbox.over:
        raise TargetError(
            f"the target must answer the calls that find out how it is called: {first_calls:g} s were not enough; "
            f"--compile-timeout {2 * sandbox.subject.first_timeout:g} would fit"
        )
    return _Met(introduction, binding, twice, tuple(narrowed))


def _plan(options: AuditOptions, met: _Met) -> _Plan:
    """The problems to test."""
    op, binding = options.op, met.binding
    own = own_source(met.introduction.source)
    sizes = mined(source_texts(own, [Path(file) for file in options.source]), op, options.level.constants)
    narrowed = (
        [f"not tested: {sizes.dropped} sizes from constants of the source, as their problems are too large"]
        if sizes.dropped
        else []
    )
    if options.only:
        said = {problem: binding.refuses(problem) for problem in options.only}
        narrowed += [
            f"not tested: {problem}: the signature cannot express {what}" for problem, what in said.items() if what
        ]
        planned = [problem for problem in options.only if solvable(problem) and not said[problem]] * REPEATED
        return _Plan(planned, None, own, tuple(narrowed))
    if options.level.name == "fixtures":
        given = vectors(op, options.dtypes, binding, gradients=options.gradients)
        return _Plan(list(given.draws), given, own, (*narrowed, *given.left))
    listed = problems(op, options.level, sizes.problems)
    return _Plan(_planned(listed, options.dtypes, binding), None, own, tuple(narrowed))


def _session(options: AuditOptions, sandbox: Sandbox, met: _Met, plan: _Plan) -> Session:
    """The session: how the subject is called, and the empty ledger."""
    allowed, binding, level = ALLOWED[options.arithmetic], met.binding, options.level
    short = {
        dtype: returned_dtype(sandbox, binding, options.op, dtype) for dtype in options.dtypes if DTYPES[dtype].short
    }
    asking = Asking(
        options.seed,
        level.missed,
        level.draws,
        options.arrays,
        gradients=met.twice,
        bits=allowed.bits,
        scales=not allowed.few_exponents,
        vectors=plan.vectors.draws if plan.vectors else {},
        returned={dtype: returned for dtype, returned in short.items() if returned in WIDER_THAN_FLOAT8},
    )
    return Session(Ledger(level), asking, binding, sandbox, level, options.refusals, plan.planned)


def _asked(options: AuditOptions, course: Course, plan: _Plan) -> tuple[Finding, ...]:
    """Test all of it; returns the warnings."""
    try:
        course.ask_all(plan.planned)
    except KeyboardInterrupt:
        course.keep()
        raise
    course.ask_first_calls(plan.planned)
    no_output, contradictory = _refused(options, plan)
    warnings = course.ask_invalid(no_output, contradictory, options.dtypes[0], strict=options.strict_arguments)
    course.ask_after_invalid(plan.planned)
    return warnings


def _concluded(
    options: AuditOptions, course: Course, met: _Met, plan: _Plan, warnings: tuple[Finding, ...], started: float
) -> Verdict:
    """The findings, the class of rounding, and the verdict."""
    session, level = course.session, options.level
    passes = passes_of(
        options.op,
        options.dtypes,
        level.name,
        gradients=options.gradients,
        twice=bool(met.twice),
        only=options.only,
    )
    told = judged_rounding(session, findings(session), [] if plan.vectors else passes, ALLOWED[options.arithmetic])
    beside = _beside(course, plan.planned, told.hidden) if told.hidden else []
    named = {(one.fault, one.evidence.part) for one in told.findings}
    further = [one for one in beside if (one.fault, one.evidence.part) not in named]
    found = in_order([*told.findings, *further, *course.violations])
    narrowed = [*met.narrowed, *plan.narrowed, *(_failed(session.ledger, plan.vectors) if plan.vectors else [])]
    scope = scope_of(session.ledger, level, options.dtypes, len(plan.planned), narrowed, session.sandbox.longest_lived)
    scope = replace(scope, notes=(*scope.notes, *told.notes))
    return Verdict(
        verdict=_status(found, scope, session.ledger),
        options=options,
        findings=found,
        warnings=warnings,
        scope=scope,
        arithmetic=_arithmetic(session.ledger, scope),
        rounding=told.rounding,
        seconds=time.monotonic() - started,
        versions=_versions(met.introduction),
        printed=session.sandbox.printed,
    )


def _beside(course: Course, planned: Sequence[Problem], bits: tuple[int, int]) -> list[Finding]:
    """Findings besides a coarse rounding: the problems again, on values that this arithmetic sums exactly."""
    session, level = course.session, course.session.level
    again = replace(session, ledger=Ledger(level), asking=replace(session.asking, bits=bits, scales=False))
    Course(again, time.monotonic() + level.beside * level.seconds, course.progress).ask_all(planned)
    return [one for one in findings(again) if one.kind == "wrong-value"]


def _versions(introduction: Introduction) -> dict[str, str]:
    """Versions in this process, and in the subject's."""
    return {
        "conv-oracle": importlib.metadata.version("conv-oracle"),
        "python": platform.python_version(),
        "numpy": np.__version__,
        **{f"subject's {name}": version for name, version in introduction.versions.items()},
    }


def _refused(options: AuditOptions, plan: _Plan) -> tuple[Sequence[Problem], Sequence[Problem]]:
    """The problems without an output, and those whose arguments contradict each other."""
    if plan.vectors:
        return refused(options.op)
    if options.only:
        return [problem for problem in options.only if not solvable(problem)], ()
    return unsolvable(options.op), invalid_arguments(options.op)


def _failed(ledger: Ledger, given: Vectors) -> list[str]:
    """A note that names the golden vectors that failed; empty where none did."""
    wrong = {problem for (problem, _), record in ledger.records.items() if record.judgement.wrong}
    ids = [name for problem, names in given.ids.items() if problem in wrong for name in names]
    more = f" and {len(ids) - MOST_NAMED} more" if len(ids) > MOST_NAMED else ""
    return [f"cases that failed: {', '.join(ids[:MOST_NAMED])}{more}"] if ids else []


def _planned(listed: Iterable[Problem], dtypes: Sequence[str], binding: Binding) -> list[Problem]:
    """The level's problems in every dtype, as far as the signature can express them."""
    each = [replace(problem, dtype=dtype) for problem in listed for dtype in dtypes]
    known = set(each)
    return [
        problem
        for problem in dict.fromkeys(map(binding.fitted, each))
        if binding.refuses(problem) is None and solvable(problem) and (problem in known or affordable(problem))
    ]


def _status(found: Sequence[Finding], scope: Scope, ledger: Ledger) -> Status:
    """The status; harness errors, or no discriminating problem, give no verdict."""
    if found:
        return "faulty"
    return "conforms" if scope.discriminating and not ledger.harness else "no-verdict"


def _arithmetic(ledger: Ledger, scope: Scope) -> Arithmetic:
    if not scope.discriminating:
        return "not measured"
    return "inexact" if ledger.inexact else "exact"
