"""The sentences of a verdict that a terminal and a page have in common."""

from __future__ import annotations

import math
from collections.abc import Iterator

from conv_oracle.auditing import Finding, Layers, Rounding, Scope, Verdict

SHOWN = 8
"""So many limits, or layers without an answer, are told; the others are in the JSON."""


def without_verdict(scope: Scope) -> str:
    """Why there is none, and what would help."""
    if scope.essential and scope.essential.missing:
        right, planned = scope.essential.right, scope.essential.planned
        return f": {right} of {planned} essential problems were answered rightly; {scope.essential.help}"
    if scope.discriminating:
        return f": {scope.truncated}" if scope.truncated else ""
    return ": no problem was compared on which a wrong index can show"


def but_for(verdict: Verdict) -> str:
    """How many findings do not decide; '' where none was ignored."""
    return f", but for {counted(len(verdict.ignored), 'finding')} ignored" if verdict.ignored else ""


def seen(finding: Finding) -> str:
    """On how many problems a violation was seen, and how many of the wrong answers its cause explains."""
    text, said = f"{finding.kind} on {finding.problems} of {counted(finding.asked, 'problem')}", finding.diagnosis
    if said is None or not said.explained:
        return text
    which = "every wrong answer is" if said.explained == said.of else f"{said.explained} of {said.of} wrong answers are"
    return f"{text}; {which}, bit for bit, what this fault produces"


def measure(one: Rounding) -> str:
    """What was measured of one part in one dtype."""
    least, most = one.terms
    terms = f"{least:,} to {most:,}" if least < most else f"{least:,}"
    said = f"sums of {terms} terms, {counted(one.problems, 'layer')}, {counted(one.outputs, 'output')}"
    if one.where:
        said += f"; {_ratio(one)}{'; shown by ' if one.shown else ', '}{one.where}"
    return "; ".join((said, *one.properties))


def _ratio(one: Rounding) -> str:
    """How large the errors are: by the class's own bound, or by that of the working precision where it has none."""
    if one.growth:
        return f"growth {one.growth:.3g}, {one.ratio:.3g} {'times' if one.ratio > 1 else 'of'} its bound"
    if one.bounded:
        return f"at most {one.ratio:.3g} of its bound"
    if math.isfinite(one.ratio):
        return f"up to {one.ratio:.3g} times the bound of sums in {one.working}"
    return "beyond any bound"


def compared(scope: Scope) -> str:
    """How many problems, calls and outputs the scope has."""
    return (
        f"{scope.problems:,} of {counted(scope.planned, 'problem')} of level {scope.level}, "
        f"{counted(scope.calls, 'call')}, {counted(scope.outputs, 'output')} compared, {', '.join(scope.dtypes)}"
    )


def scope_lines(verdict: Verdict) -> Iterator[str]:
    """What holds within the scope, and what is remarked of it; its limits are told besides."""
    scope = verdict.scope
    if scope.truncated:
        yield scope.truncated
    if scope.essential:
        excused = f", {scope.essential.excused} refused" if scope.essential.excused else ""
        yield f"essential problems: {scope.essential.right} of {scope.essential.planned} answered rightly{excused}"
    yield from _layers(scope.layers)
    if scope.discriminating:
        arithmetic = "exact, bit for bit" if verdict.arithmetic == "exact" else "inexact"
        sure = (
            f"; on a problem found right, a wrong index map "
            f"went undetected with probability at most {scope.undetected:.1g}"
        )
        yield f"arithmetic {arithmetic}{sure if scope.undetected < 1 else ''}"
    if forms := [row for row in scope.exercised if row.parameter == "operands"]:
        layouts = "" if verdict.recorded else "memory layouts, "
        yield f"{counted(len(forms), 'kind')} of operands besides plain ones: {layouts}magnitudes, values"
        yield f"a value-dependent fault in up to {scope.unnoticed:.2%} of calls may have gone unnoticed"
    if scope.most_calls:
        yield f"no process answered more than {counted(scope.most_calls, 'call')}"
    yield from scope.notes


def _layers(layers: Layers | None) -> Iterator[str]:
    """How the user's own layers were answered, and what was not asked of them."""
    if layers is None:
        return
    others = [f"{count} {name}" for name, count in (("wrong", layers.wrong), ("refused", layers.refused)) if count]
    told = "".join(f", {one}" for one in others)
    yield f"your layers, at their real size: {layers.right} of {layers.planned} answered rightly{told}"
    if layers.right:
        yield f"a wrong index map went undetected on one of them with probability at most {layers.undetected:.1g}"
    yield from (f"without an answer: {one}" for one in layers.unanswered[:SHOWN])
    if len(layers.unanswered) > SHOWN:
        yield f"and {len(layers.unanswered) - SHOWN} more without an answer, listed by --json"
    yield from (f"left out of your layers: {one}" for one in layers.left_out)


def element(name: str, index: tuple[int, ...]) -> str:
    """An element of an array: `input[0, 1]`."""
    return f"{name}[{', '.join(map(str, index))}]"


def counted(number: int, noun: str) -> str:
    """A number of things: `1,024 calls`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
