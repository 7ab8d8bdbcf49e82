"""The verdict of level large, from what was asked in every dtype."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence

from conv_oracle.auditing.course import Progress
from conv_oracle.auditing.finding import Finding
from conv_oracle.auditing.large.answers import Seen
from conv_oracle.auditing.large.asked import WORKSPACE, Asked, asked, exercised, findings_of, overflown
from conv_oracle.auditing.large.sizes import Choice, choices
from conv_oracle.auditing.operands import DTYPES
from conv_oracle.auditing.options import AuditOptions
from conv_oracle.auditing.plan import Met
from conv_oracle.auditing.sandbox import Sandbox
from conv_oracle.auditing.verdict import Scope, Status, Verdict
from conv_oracle.problem import Problem

SIZES_ALONE = (
    "large arrays alone, of which all but some hundred elements are zero: what is wrong at every size "
    "is what the other levels ask"
)


def large_verdict(
    options: AuditOptions,
    sandbox: Sandbox,
    met: Met,
    *,
    progress: Callable[[Progress], None] | None,
    started: float,
    versions: Mapping[str, str],
) -> Verdict:
    """Audit a subject on large arrays. started: when the audit began, on time.monotonic's clock.

    It conforms where at least one problem with an input, weight or output beyond 2^31 elements or bytes is answered
    rightly, and none wrongly; the problems of a replay need not have one.
    """
    level = options.level
    dtypes = [dtype for dtype in met.dtypes if DTYPES[dtype].kind != "c" and not DTYPES[dtype].short]
    sandbox.allow(level.longest)
    listed = _choices(options, met, dtypes)

    def show(seen: Sequence[Seen], problem: Problem) -> None:
        if progress:
            wrong, refused = (sum(one.standing == standing for one in seen) for standing in ("wrong", "refused"))
            told = Progress(done=len(seen), planned=len(listed), failed=wrong, refused=refused, asking=str(problem))
            progress(told)

    found = asked(
        sandbox,
        met.binding,
        listed,
        bits=level.bits,
        seed=options.seed,
        refusals=options.refusals,
        end=time.monotonic() + level.seconds,
        progress=show,
        fail_fast=options.fail_fast,
    )
    findings = findings_of(found.seen, met.binding, options.function, level.bits)
    left = [f"not tested: {dtype}, which level large does not ask" for dtype in met.dtypes if dtype not in dtypes]
    scope = _scope(options, found, (*met.narrowed, *left, *found.narrowed), sandbox.longest_lived)
    rounded = any(one.rounded for one in found.seen)
    return Verdict(
        verdict=_status(findings, scope),
        options=options,
        findings=findings,
        warnings=(),
        scope=scope,
        arithmetic="not measured" if not scope.discriminating else "inexact" if rounded else "exact",
        rounding=(),
        seconds=time.monotonic() - started,
        versions=versions,
        printed=sandbox.printed,
        otherwise=_status((), scope),
    )


def _choices(options: AuditOptions, met: Met, dtypes: Sequence[str]) -> list[Choice]:
    """What is asked: the problems of a replay, or those of every dtype."""
    if options.only:
        return [Choice("", (problem,)) for problem in options.only]
    bits, memory = options.level.bits, options.limits.memory_bytes
    return [one for dtype in dtypes for one in choices(options.op, dtype, met.binding, bits, memory)]


def _scope(options: AuditOptions, found: Asked, narrowed: Sequence[str], most_calls: int) -> Scope:
    bits = options.level.bits
    right = [one for one in found.seen if one.standing == "right"]
    beyond = [one for one in right if options.only or {name for name, _ in overflown(one.problem, bits)} - {WORKSPACE}]
    answered = [one for one in found.seen if one.standing in ("right", "wrong")]
    largest = max((one.problem.multiply_adds for one in right), default=0)
    notes = (f"the largest layer answered rightly has {largest:,} multiply-adds",) if right else ()
    return Scope(
        level=options.level.said,
        dtypes=options.dtypes,
        planned=found.planned,
        problems=len(answered),
        discriminating=len(beyond),
        calls=found.calls,
        outputs=sum(math.prod(one.problem.result_shape) for one in answered),
        undetected=1.0,
        unnoticed=1.0,
        most_calls=most_calls,
        truncated=found.truncated,
        exercised=exercised(found.seen, bits),
        essential=None,
        edges=(),
        layers=None,
        narrowed=tuple(narrowed),
        notes=(SIZES_ALONE, *notes),
    )


def _status(findings: Sequence[Finding], scope: Scope) -> Status:
    if findings:
        return "faulty"
    return "conforms" if scope.discriminating else "no-verdict"
