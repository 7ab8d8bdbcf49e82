"""A verdict as a JSON document."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from conv_oracle.auditing import Finding, Verdict

SCHEMA_VERSION = 1
"""Goes up when a key is removed or changes its meaning; new keys do not count."""


def document(verdict: Verdict) -> dict[str, Any]:
    """The verdict in JSON's types: problems in their notation, everything else as it stands."""
    return {
        **asdict(verdict),
        "schema": SCHEMA_VERSION,
        "findings": [_finding(finding) for finding in verdict.findings],
        "warnings": [_finding(finding) for finding in verdict.warnings],
        "exit_code": verdict.exit_code,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    before = [{"problem": str(earlier.problem), "call": earlier.call} for earlier in finding.before]
    return {**asdict(finding), "problem": str(finding.problem), "before": before}
