"""A verdict for GitHub Actions: annotations at the function's definition, as workflow commands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from conv_oracle.auditing import Finding, Verdict
from conv_oracle.report.brief import brief_finding
from conv_oracle.report.places import defined_at
from conv_oracle.report.terminal import headline, named

DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
PROPERTIES = {**DATA, ":": "%3A", ",": "%2C"}


def workflow_commands(verdict: Verdict, workspace: Path) -> list[str]:
    """The workflow commands of a verdict: an error per finding, or for its lack; a notice per finding that is ignored.

    workspace: the folder of the repository, from which files are named.
    """
    at = _place(verdict.options.target, workspace)
    return [_command(*one, at) for one in _said(verdict)]


def _said(verdict: Verdict) -> Iterator[tuple[str, str, str]]:
    """(level, title, message) of each annotation."""
    for finding in verdict.findings:
        yield "error", _title(finding, verdict), "\n".join(brief_finding(finding, verdict))
    for ignored in verdict.ignored:
        yield "notice", _title(ignored.finding, verdict), f"{named(ignored.finding)}\nignored ({ignored.reason})"
    if verdict.verdict == "no-verdict":
        yield "error", "no verdict", headline(verdict)


def _title(finding: Finding, verdict: Verdict) -> str:
    return f"{finding.name} in {verdict.options.op}"


def _place(target: str, workspace: Path) -> dict[str, str]:
    """The file and the line of an annotation; none where the target has no file in the repository."""
    found = defined_at(target)
    if found is None:
        return {}
    file, line = found[0].resolve(), found[1]
    if not file.is_relative_to(workspace.resolve()):
        return {}
    return {"file": file.relative_to(workspace.resolve()).as_posix(), "line": str(line)}


def _command(level: str, title: str, message: str, at: dict[str, str]) -> str:
    properties = ",".join(f"{name}={_escaped(value, PROPERTIES)}" for name, value in {**at, "title": title}.items())
    return f"::{level} {properties}::{_escaped(message, DATA)}"


def _escaped(text: str, by: dict[str, str]) -> str:
    return "".join(by.get(character, character) for character in text)
