"""A verdict in ten lines, for a test that fails."""

from __future__ import annotations

from collections.abc import Iterator

from conv_oracle.auditing import Finding, Verdict
from conv_oracle.report.sentences import element
from conv_oracle.report.terminal import headline, named, replay_line

MOST_LINES = 10
MOST_CHARACTERS = 400


def brief(verdict: Verdict) -> list[str]:
    """At most ten lines: the verdict, its first finding with the replay line, and the names of the others."""
    options = verdict.options
    lines = [f"{headline(verdict)} (level {options.level.name}, seed {options.seed})"]
    if verdict.findings:
        lines += _finding(verdict.findings[0], verdict)
    if others := verdict.findings[1:]:
        lines.append(f"  and       {', '.join(dict.fromkeys(one.name for one in others))}")
    return [_short(line) for line in lines]


def brief_finding(finding: Finding, verdict: Verdict) -> list[str]:
    """A finding in at most eight lines."""
    return [_short(line) for line in _finding(finding, verdict)]


def _finding(finding: Finding, verdict: Verdict) -> Iterator[str]:
    evidence, said = finding.evidence, finding.diagnosis
    where = f", {finding.condition}" if finding.condition else ""
    yield named(finding)
    yield f"  seen      {finding.kind} on {finding.problems} of {finding.asked} problems{where}"
    if said:
        yield f"  right     {said.right}"
        yield f"  broken    {said.broken}"
    yield f"  smallest  {evidence.call}"
    if evidence.text:
        yield f"            {evidence.text}"
    if evidence.index is not None:
        yield f"            {element(evidence.part, evidence.index)} is {evidence.got}, should be {evidence.expected}"
    yield f"  repeat    {replay_line(finding, verdict)}"


def _short(line: str) -> str:
    """On one line, without what a terminal would obey; what is to be copied is not cut."""
    shown = "".join(c if c.isprintable() else " " for c in line)
    copied = shown.startswith("  repeat")
    return shown if copied or len(shown) <= MOST_CHARACTERS else f"{shown[:MOST_CHARACTERS]} ..."
