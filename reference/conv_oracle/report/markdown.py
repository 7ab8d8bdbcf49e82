"""A verdict as Markdown, for an issue tracker."""

from __future__ import annotations

from collections.abc import Iterator

from conv_oracle.auditing import Finding, Verdict
from conv_oracle.report.script import ScriptError, script
from conv_oracle.report.terminal import named, replay_line

MOST_CHARACTERS = 20_000
"""The longest script that is included: an issue tracker takes about 65,000 characters per page."""

HEADLINES = {"conforms": "conforms", "faulty": "is faulty", "no-verdict": "has no verdict"}


def markdown(verdict: Verdict) -> str:
    """The findings, each with its smallest case and a script, and the scope."""
    return "\n".join(_lines(verdict)) + "\n"


def _lines(verdict: Verdict) -> Iterator[str]:
    scope = verdict.scope
    yield f"# `{verdict.options.target}` as `{verdict.options.op}` {HEADLINES[verdict.verdict]}"
    for finding in verdict.findings:
        yield from _finding(finding, verdict)
    if verdict.ignored:
        yield ""
        yield "## Ignored"
        yield ""
        for ignored in verdict.ignored:
            yield f"- {named(ignored.finding)} ({ignored.reason})"
    if verdict.rounding:
        yield ""
        yield "## Rounding"
        yield ""
        for one in verdict.rounding:
            yield f"- {one.part}, {one.dtype}: {one.said}" + ("" if one.allowed else " (not allowed)")
    yield ""
    yield "## Scope"
    yield ""
    yield (
        f"{scope.problems:,} of {scope.planned:,} problems of level {scope.level}, {scope.calls:,} calls, "
        f"{', '.join(scope.dtypes)}; seed {verdict.options.seed}."
    )
    for line in (*scope.notes, *scope.narrowed):
        yield f"- {line}"
    yield ""
    yield ", ".join(f"{name} {version}" for name, version in verdict.versions.items())


def _finding(finding: Finding, verdict: Verdict) -> Iterator[str]:
    said, evidence = finding.diagnosis, finding.evidence
    yield ""
    yield f"## {named(finding)}"
    yield ""
    yield f"{finding.kind} on {finding.problems} of {finding.asked} problems, {finding.condition}."
    yield ""
    if said:
        yield "| | |"
        yield "|---|---|"
        yield f"| right | `{said.right}` |"
        yield f"| broken | `{said.broken}` |"
        for read in evidence.reads:
            yield f"| read | {read} |"
        yield ""
    yield f"Smallest case `{finding.problem}`: `{evidence.call}`"
    if evidence.index is not None:
        yield f"returns {evidence.got} at {list(evidence.index)}; {evidence.expected} is right."
    if evidence.text:
        words = evidence.text.replace("`", "'")  # the subject's words make no headings
        yield f"`{words}`"
    if finding.hint:
        yield f"\nHint: `{finding.hint}`"
    yield ""
    yield f"Repeat with `{replay_line(finding, verdict)}`, or with this file:"
    yield ""
    try:
        text = script(finding, verdict)
    except ScriptError as error:
        yield f"(none: {error})"
        return
    yield (
        f"```python\n{text}```"
        if len(text) < MOST_CHARACTERS
        else "(too long for this page; `conv-oracle replay --script` writes it)"
    )
