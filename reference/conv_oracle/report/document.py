"""A verdict as a JSON document."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from conv_oracle.auditing import AuditOptions, Finding, Rounding, Verdict

SCHEMA_VERSION = 2
"""Goes up when a key is removed or changes its meaning, not for new keys."""


def document(verdict: Verdict) -> dict[str, Any]:
    """The verdict in JSON's types, with problems in their notation; verdict.schema.json describes it."""
    options = verdict.options
    return {
        **asdict(verdict),
        "schema": SCHEMA_VERSION,
        "target": options.target,
        "op": options.op.name,
        "seed": options.seed,
        "options": options_of(options),
        "findings": [_finding(finding) for finding in verdict.findings],
        "rounding": [_rounding(one) for one in verdict.rounding],
        "warnings": [_finding(finding) for finding in verdict.warnings],
        "ignored": [{"finding": _finding(one.finding), "reason": one.reason} for one in verdict.ignored],
        "exit_code": verdict.exit_code,
    }


def options_of(options: AuditOptions) -> dict[str, Any]:
    """The options of the audit, as `replay` takes them; target, operation and seed are keys of the document."""
    told = {name: value for name, value in asdict(options).items() if name not in ("target", "op", "seed", "limits")}
    level = {"level": options.level.name, "budgets": told["level"]}
    return {**told, **level, "only": [str(problem) for problem in options.only]}


def _rounding(one: Rounding) -> dict[str, Any]:
    """JSON has no infinity: a class without a bound has no ratio, an answer that is not finite no error."""
    sums = [{**asdict(beside), "error": _finite(beside.error), "bound": _finite(beside.bound)} for beside in one.sums]
    return {**asdict(one), "ratio": _finite(one.ratio), "sums": sums}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _finding(finding: Finding) -> dict[str, Any]:
    before = [{"problem": str(earlier.problem), "call": earlier.call} for earlier in finding.before]
    return {**asdict(finding), "problem": str(finding.problem), "before": before}
