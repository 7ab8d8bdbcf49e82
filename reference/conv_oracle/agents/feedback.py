"""A verdict in a few lines for whoever has to mend the code, and reads little: a language model, a small screen.

What was seen stands in double quotes, on one line, without control characters: the code under test may have written it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from conv_oracle.auditing import Finding, Verdict
from conv_oracle.report import named, replay_line

MOST_BYTES = 2048
"""Of the whole text, in UTF-8."""

MOST_QUOTED = 200
"""The characters that are kept of what the code under test said."""

LEFT_OUT = "(shortened: --json has all of it)"


@dataclass(frozen=True)
class _Line:
    """A line, and its rank: where there is no room for all lines, those with the largest go first."""

    rank: int
    text: str


def feedback(verdict: Verdict, most: int = MOST_BYTES) -> str:
    """The cause, the right and the broken formula, where it shows, the smallest call with its numbers, and the replay.

    verdict: of any audit. The result is at most `most` bytes of UTF-8, whole lines that end in a newline; where not all
    fit, the least important are left out, and the last line says so.
    """
    return _within([_Line(line.rank, flat(line.text)) for line in _lines(verdict)], most)


def flat(text: str) -> str:
    """Text on one line, without control characters, formatting characters and half characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def quoted(text: str, most: int = MOST_QUOTED) -> str:
    """What the code under test may have written: flat, of so many characters, in quotes that it cannot close."""
    said = flat(text).replace('"', "'").replace("`", "'")
    return f'"{said[:most]}{"..." if len(said) > most else ""}"'


def _within(lines: Sequence[_Line], most: int) -> str:
    """The lines that fit into so many bytes, in their order: by rank, and first come first served."""
    whole = "".join(f"{line.text}\n" for line in lines)
    if len(whole.encode()) <= most:
        return whole
    room, kept = most - len(LEFT_OUT) - 1, set[int]()
    for at in sorted(range(len(lines)), key=lambda at: lines[at].rank):
        size = len(lines[at].text.encode()) + 1
        if size <= room:
            kept.add(at)
            room -= size
    return "".join(f"{lines[at].text}\n" for at in sorted(kept)) + f"{LEFT_OUT}\n"


def _lines(verdict: Verdict) -> Iterator[_Line]:
    options, scope = verdict.options, verdict.scope
    number = len(verdict.findings)
    said = {
        "conforms": "conforms",
        "faulty": f"faulty, {number} {'cause' if number == 1 else 'causes'}",
        "no-verdict": "no verdict",
    }[verdict.verdict]
    yield _Line(0, f"{said}: {options.target} as {options.op}")
    for place, finding in enumerate(verdict.findings):
        yield from (_finding(finding, verdict) if place == 0 else [_Line(9, f"also: {named(finding)}")])
    if verdict.verdict == "conforms":
        yield _Line(1, f"compared: {scope.problems} problems of level {scope.level}, {', '.join(scope.dtypes)}")
        yield from (_Line(5, f"outside of this: {quoted(one)}") for one in scope.narrowed)
    if verdict.verdict == "no-verdict":
        yield from _no_verdict(verdict)


def _finding(finding: Finding, verdict: Verdict) -> Iterator[_Line]:
    said, evidence = finding.diagnosis, finding.evidence
    yield _Line(0, f"cause: {named(finding)}")
    if said:
        yield _Line(1, f"right: {said.right}")
        yield _Line(1, f"broken: {said.broken}")
    where = f", {finding.condition}" if finding.condition else ""
    yield _Line(3, f"where: {finding.kind} on {finding.problems} of {finding.asked} problems{where}")
    yield from (_Line(6, f"read: {one}") for one in evidence.reads)
    yield from (_Line(2, f"first call: {earlier.call} on {earlier.problem}") for earlier in finding.before)
    yield _Line(2, f"smallest call: {evidence.call} on {finding.problem}")
    yield from (_Line(7, f"{name} = {values}") for name, values in evidence.operands.items())
    if evidence.index is not None:
        index = ", ".join(map(str, evidence.index))
        yield _Line(2, f"{evidence.part}[{index}]: got {evidence.got}, expected {evidence.expected}")
    if evidence.text:
        yield _Line(4, f"seen: {quoted(evidence.text)}")
    yield _Line(2, f"replay: {replay_line(finding, verdict)}")
    if finding.fault:
        yield _Line(8, f"learn: conv-oracle explain {finding.fault}")


def _no_verdict(verdict: Verdict) -> Iterator[_Line]:
    """Why there is none, and what would help."""
    scope = verdict.scope
    yield from (_Line(1, f"an error of the audit or its machine: {quoted(one)}") for one in scope.harness)
    if scope.essential and scope.essential.missing:
        of = f"{scope.essential.right} of {scope.essential.planned}"
        yield _Line(1, f"answered rightly: {of} problems that must be; {scope.essential.help}")
        yield from (_Line(3, f"missing: {one}") for one in scope.essential.missing)
    elif not scope.discriminating:
        yield _Line(1, "no problem was answered on which a wrong index can show")
    if scope.truncated:
        yield _Line(2, scope.truncated)
    yield from (_Line(4, f"left out: {quoted(one)}") for one in scope.narrowed)
