"""The audit: options in, a verdict out."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from conv_oracle.auditing.afterwards import (
    ask_after_invalid,
    ask_first_calls,
    ask_invalid,
    ask_outside,
    ask_refusals_again,
    ask_with_threads,
)
from conv_oracle.auditing.course import Course, Progress, read_back
from conv_oracle.auditing.diagnosis import STATE, findings, folded, in_order, withdraw_unsupported
from conv_oracle.auditing.finding import Finding, Kind
from conv_oracle.auditing.hints import hinted
from conv_oracle.auditing.journal import Journal
from conv_oracle.auditing.judging import Asking, Ledger, Session, is_wider
from conv_oracle.auditing.large import large_verdict
from conv_oracle.auditing.operands import DTYPES
from conv_oracle.auditing.options import AuditOptions
from conv_oracle.auditing.own_layers import MOST_REAL_DRAWS, NOT_REACHED, ask_layers, layers_of
from conv_oracle.auditing.plan import Met, Plan, introduced, layers_of_user, must_be_refused, planned, with_layers
from conv_oracle.auditing.rounding import ALLOWED, judged_rounding, passes_of
from conv_oracle.auditing.sandbox import (
    Introduction,
    Sandbox,
    Subject,
    returned_dtype,
    unreadable,
    uses_of,
)
from conv_oracle.auditing.scope import scope_of
from conv_oracle.auditing.support import edges_of, essential_of, otherwise
from conv_oracle.auditing.targets import Making, called, making_of
from conv_oracle.auditing.vectors import Vectors
from conv_oracle.auditing.verdict import Arithmetic, Scope, Status, Verdict
from conv_oracle.faults import CATALOGUE
from conv_oracle.problem import Problem
from conv_oracle.version import __version__

MOST_NAMED = 8
"""How many failed cases are named."""

DECIDE_ON_EDGES: tuple[Kind, ...] = ("crashed", "varies", "answer-changed", "stale-answer")
"""What is a fault on an edge as well, whatever the convention: the rest is told."""

FEWEST_CALLS, MOST_FIRST_CALLS, COMPILES = 400, 200, 4.0
"""A subject that cannot make so many calls in the level's time is slow; one that makes so few first ones, each so many
times as long as a later one, compiles: it is asked fewer shapes with more values."""

UNWATCHED = "memory beside the operands was not watched: that takes Linux, and operands on the CPU"

MOST_DRAWS, SLOW_DRAWS, SLOW_MISSED = 16, 2, 1e-2


def audit(
    target: str = "",
    *,
    progress: Callable[[Progress], None] | None = None,
    journal: Journal | None = None,
    resume: bool = False,
    **options: Any,
) -> Verdict:
    """Audit an implementation of convolution.

    target: `package.module:name` or `path/to/file.py:name`; '' with a command. options: the other fields of
    AuditOptions, by name.
    progress: called with a Progress every tenth of a second. journal: where progress is written every few seconds;
    resume: whether to continue from it.
    The subject runs in processes of its own: it gets operands and returns bytes.
    Raises TargetError for a target that cannot be loaded or called, for an invalid option, and for a journal that does
    not belong to this audit.
    """
    started = time.monotonic()
    chosen = AuditOptions(target=target, **options)
    with _making(chosen) as making:
        return _audited(chosen, making, progress, journal, started, resume=resume)


@contextmanager
def _making(options: AuditOptions) -> Iterator[Making]:
    """How the target becomes a function; what was built for that is gone when the context ends."""
    if options.native is None:
        yield options.making
        return
    with making_of(options.native, sanitize=options.sanitize) as making:
        yield making


def _audited(
    chosen: AuditOptions,
    making: Making,
    progress: Callable[[Progress], None] | None,
    journal: Journal | None,
    started: float,
    *,
    resume: bool,
) -> Verdict:
    """The audit of a target that is made so."""
    subject = Subject(
        chosen.loaded,
        chosen.arrays,
        chosen.device,
        chosen.python or sys.executable,
        chosen.timeout,
        chosen.limits,
        chosen.compile_timeout,
        chosen.confine,
        making,
    )
    kept = read_back(journal, chosen.level) if resume and journal else None  # before the subject can write another
    chosen = replace(chosen, seed=kept["seed"]) if kept else chosen  # a part of the problems is drawn from it
    own = layers_of_user(chosen, subject)
    with unreadable(), Sandbox(subject, chosen.jobs) as sandbox:
        met = introduced(chosen, sandbox)
        if chosen.level.name == "large":
            versions = _versions(met.introduction)
            return large_verdict(chosen, sandbox, met, progress=progress, started=started, versions=versions)
        sandbox.prepare(chosen.level.first_calls, threaded=chosen.level.threaded > 0)
        plan = with_layers(planned(chosen, met), own, met)
        session = _session(chosen, sandbox, met, plan)
        sandbox.allow(chosen.level.longest)
        deadline = time.monotonic() + chosen.level.seconds
        digest, essential = chosen.digest(plan.source, (*plan.planned, *plan.layers)), frozenset(plan.essential or ())
        course = Course(session, deadline, progress, journal, digest, essential=essential)
        if kept:
            course.resume(kept)
        asked = _asked(chosen, course, plan)
        return concluded(chosen, course, met, plan, asked, started)


def _session(options: AuditOptions, sandbox: Sandbox, met: Met, plan: Plan) -> Session:
    """The session: how the subject is called, and the empty ledger."""
    allowed, binding, level = ALLOWED[options.arithmetic], met.binding, options.level
    real = [dtype for dtype in met.dtypes if DTYPES[dtype].kind == "f"]
    results = {dtype: returned_dtype(sandbox, binding, options.op, dtype, options.seed) for dtype in real}
    wider = {
        dtype: found for dtype, found in results.items() if found in DTYPES and is_wider(DTYPES[found], DTYPES[dtype])
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
        returned=wider,
        uses=uses_of(
            options.arrays,
            gradients=options.gradients,
            transforms=options.transforms,
            device=options.device,
            strict=options.edges == "fault",
        ),
        guards=sys.platform == "linux" and options.device == "cpu",
    )
    first, again = sandbox.first_call_seconds, sandbox.call_seconds
    if first > level.seconds / MOST_FIRST_CALLS and first > COMPILES * again:
        asking = replace(asking, least=max(asking.least, min(MOST_DRAWS, int(first / max(again, 1e-6)))))
    elif again > level.seconds / FEWEST_CALLS:
        asking = replace(asking, slow=True, least=SLOW_DRAWS, missed=max(level.missed, SLOW_MISSED))
    known: dict[tuple[str, str], str] = {
        (dtype, options.op.returns): found
        for dtype, found in results.items()
        if not DTYPES[dtype].short and (found == dtype or dtype in wider)
    }
    ledger = Ledger(level, formats=known)
    return Session(ledger, asking, binding, sandbox, level, options.refusals, plan.planned, fail_fast=options.fail_fast)


@dataclass(frozen=True)
class Asked:
    """What was asked besides the level: the warnings, the course of the edges, and how long the level took.

    untold: the user's layers without an answer that counts, and why.
    """

    warnings: tuple[Finding, ...]
    edges: Course
    seconds: float
    untold: Mapping[Problem, str]


def _asked(options: AuditOptions, course: Course, plan: Plan) -> Asked:
    """Test all of it: ordinary problems first, edges last."""
    began, session = time.monotonic(), course.session
    try:
        untold = _level_and_layers(course, plan)
    except KeyboardInterrupt:
        course.keep()
        raise
    seconds = time.monotonic() - began
    course.deadline = max(course.deadline, time.monotonic() + session.level.after * session.level.seconds)
    withdraw_unsupported(session)
    ask_refusals_again(course)
    ask_outside(course, plan.outside)
    ask_first_calls(course, plan.planned)
    ask_with_threads(course, plan.planned)
    no_output, contradictory = must_be_refused(options, plan)
    strict = options.strict_arguments or options.edges == "fault"
    warnings = ask_invalid(course, no_output, contradictory, options.dtypes[0], strict=strict)
    ask_after_invalid(course, plan.planned)
    withdraw_unsupported(session)
    known = {at: record for at, record in session.ledger.records.items() if record.judgement.right}
    ledger = session.ledger
    apart = Ledger(session.level, records=dict(known), inexact=ledger.inexact, formats=dict(ledger.formats))
    asked = Course(replace(session, ledger=apart, planned=plan.edges), course.deadline, course.progress, briefly=True)
    if not course.late():
        asked.ask_all(plan.edges)
    return Asked(warnings, asked, seconds, untold)


def _level_and_layers(course: Course, plan: Plan) -> dict[Problem, str]:
    """Test the level's problems; the user's layers after the essential ones, and those not reached at the end.

    Returns the layers without an answer that counts, and why.
    """
    if not plan.layers:
        course.ask_all(plan.planned)
        return {}
    first, session = len(plan.planned) if plan.essential is None else len(plan.essential), course.session
    course.ask_all(plan.planned[:first])
    until = time.monotonic() + session.level.own * session.level.seconds  # however long the essential ones took
    untold = ask_layers(session, plan.layers, until, course.progress)
    reached = [problem for problem in plan.layers if problem not in untold]
    ask_layers(session, reached, until, course.progress, draws=MOST_REAL_DRAWS)
    course.done = max(course.done, first)
    course.ask_all(plan.planned)
    late = [problem for problem, why in untold.items() if why == NOT_REACHED]
    told = {problem: why for problem, why in untold.items() if why != NOT_REACHED}
    return told | ask_layers(session, late, course.deadline, course.progress)


def concluded(options: AuditOptions, course: Course, met: Met, plan: Plan, asked: Asked, started: float) -> Verdict:
    """The findings, the class of rounding, and the verdict.

    course: all answers so far, and how more are got. met, plan: who was asked, and what. asked: what was asked besides
    the level. started: when the audit began, on time.monotonic's clock.
    """
    session, level = course.session, options.level
    end = time.monotonic() + level.diagnosis_seconds
    passes = passes_of(
        options.op,
        met.dtypes,
        level.name,
        gradients=options.gradients,
        twice=bool(met.twice),
        only=options.only or (plan.planned if options.fix else ()),
    )
    told = judged_rounding(session, findings(session, end), [] if plan.vectors else passes, ALLOWED[options.arithmetic])
    beside = _beside(course, plan.planned, told.hidden, end) if told.hidden else []
    named = {(one.fault, one.evidence.part) for one in told.findings}
    further = [one for one in beside if (one.fault, one.evidence.part) not in named]
    ordinary = in_order([*told.findings, *further])
    told_edges = tuple(edges_of(asked.edges.ledger, course.invalid))
    found = folded((*ordinary, *_on_edges(options, asked.edges, ordinary, end), *course.violations))
    found = hinted(found, options, met.binding.parameters)
    narrowed = [*met.narrowed, *plan.narrowed, *(_failed(session.ledger, plan.vectors) if plan.vectors else [])]
    if not session.asking.guards:
        narrowed.append(UNWATCHED)
    needed = None
    if plan.essential is not None:
        exact = [p for p in plan.essential if session.asking.once(p, guarded=session.ledger.inexact) is not None]
        needed = essential_of(session.ledger, exact, asked.seconds)
    scope = scope_of(
        session.ledger,
        level,
        options.dtypes,
        len(plan.planned),
        narrowed,
        session.sandbox.longest_lived,
        needed,
        told_edges,
        layers_of(session.ledger, plan.layers, asked.untold, plan.left_out) if options.layers else None,
        plan.layers,
    )
    scope = replace(scope, notes=(*session.sandbox.subject.making.told, *scope.notes, *told.notes))
    return Verdict(
        verdict=_status(found, scope, session.ledger),
        options=options,
        findings=found,
        warnings=asked.warnings,
        scope=scope,
        arithmetic=_arithmetic(session.ledger, scope),
        rounding=told.rounding,
        seconds=time.monotonic() - started,
        versions=_versions(met.introduction),
        printed=session.sandbox.printed,
        called=called(met.introduction.called),
        otherwise=otherwise(found, scope),
    )


def _on_edges(options: AuditOptions, asked: Course, known: Sequence[Finding], end: float) -> list[Finding]:
    """The findings on edges that decide: all with --edges fault, else a crash and memory that was never written.

    known: the ordinary findings; where one is of what earlier calls leave behind, the same on edges is not looked into.
    """
    ledger = asked.ledger
    if options.edges != "fault":
        stateful = any(CATALOGUE[one.fault].of_state for one in known if one.fault)
        decide = [kind for kind in DECIDE_ON_EDGES if not (stateful and kind in STATE)]
        for symptom in [one for one in ledger.symptoms if one.kind not in decide]:
            ledger.withdraw(symptom, "")
        ledger.seen[:] = [one for one in ledger.seen if one.judgement.kind in decide]
    named = {(one.fault, one.evidence.part) for one in known}
    listed = findings(asked.session, end) if ledger.symptoms else ()
    return [one for one in listed if (one.fault, one.evidence.part) not in named]


def _beside(course: Course, planned: Sequence[Problem], bits: tuple[int, int], end: float) -> list[Finding]:
    """Findings besides a coarse rounding: the problems again, on values that this arithmetic sums exactly."""
    session, level = course.session, course.session.level
    again = replace(
        session,
        ledger=Ledger(level, formats=dict(session.ledger.formats)),
        asking=replace(session.asking, bits=bits, scales=False, vectors={}),
    )
    Course(again, time.monotonic() + level.beside * level.seconds, course.progress).ask_all(planned)
    return [one for one in findings(again, end) if one.kind == "wrong-value"]


def _versions(introduction: Introduction) -> dict[str, str]:
    """Versions in this process, and in the subject's."""
    return {
        "conv-oracle": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        **{f"subject's {name}": version for name, version in introduction.versions.items()},
    }


def _failed(ledger: Ledger, given: Vectors) -> list[str]:
    """A note that names the golden vectors that failed; empty where none did."""
    wrong = {problem for (problem, _), record in ledger.records.items() if record.judgement.wrong}
    ids = [name for problem, names in given.ids.items() if problem in wrong for name in names]
    more = f" and {len(ids) - MOST_NAMED} more" if len(ids) > MOST_NAMED else ""
    return [f"cases that failed: {', '.join(ids[:MOST_NAMED])}{more}"] if ids else []


def _status(found: Sequence[Finding], scope: Scope, ledger: Ledger) -> Status:
    """The status; harness errors, or no discriminating problem, give no verdict."""
    if found:
        return "faulty"
    whole = scope.essential is None or not scope.essential.missing
    return "conforms" if whole and scope.discriminating and not ledger.harness else "no-verdict"


def _arithmetic(ledger: Ledger, scope: Scope) -> Arithmetic:
    if not scope.discriminating:
        return "not measured"
    return "inexact" if ledger.inexact else "exact"
