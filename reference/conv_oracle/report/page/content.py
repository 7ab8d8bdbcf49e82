"""What a page says of a verdict, ready for its templates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from conv_oracle.auditing import ALLOWED, Exercise, Finding, Rounding, Verdict
from conv_oracle.report.document import options_of
from conv_oracle.report.page.cases import Operand, Product, operands, products
from conv_oracle.report.page.drawn_errors import DrawnErrors, drawn_errors
from conv_oracle.report.page.drawn_map import DrawnMap, drawn_map
from conv_oracle.report.page.formulas import Piece, beside
from conv_oracle.report.script import ScriptError, script
from conv_oracle.report.sentences import (
    but_for,
    compared,
    counted,
    element,
    measure,
    scope_lines,
    seen,
    without_verdict,
)
from conv_oracle.report.terminal import EDGES, SUMS, replay_line

MOST_PRODUCTS = 16
MOST_CHARACTERS = 20_000
"""Of a script, and of what a subject printed."""

HEADLINES = {"conforms": "conforms within the scope below", "faulty": "faulty", "no-verdict": "no verdict"}


@dataclass(frozen=True)
class ShownFinding:
    """A finding as its section shows it.

    number: from 1. lines: the labelled sentences. right, broken: the formulas in pieces; empty without a diagnosis.
    map: of what is read. wrong: the element that is wrong, and `sum` whether it is one. products: of the sum; more: so
    many are not shown. script: a file that shows the fault, or '' and why there is none.
    """

    number: int
    name: str
    title: str
    lines: tuple[tuple[str, str], ...]
    right: tuple[Piece, ...]
    broken: tuple[Piece, ...]
    map: DrawnMap | None
    finding: Finding
    own_call: str
    wrong: str
    is_sum: bool
    operands: tuple[Operand, ...]
    products: tuple[Product, ...]
    further: tuple[Product, ...]
    replay: str
    script: str
    no_script: str


@dataclass(frozen=True)
class ShownRounding:
    """How one part is rounded, as its section shows it."""

    of: Rounding
    measured: str
    drawn: DrawnErrors | None


def content(verdict: Verdict) -> dict[str, Any]:
    """The context of page.html."""
    scope, options = verdict.scope, options_of(verdict.options)
    printed = verdict.printed.rstrip()
    return {
        "verdict": verdict,
        "scope": scope,
        "headline": HEADLINES[verdict.verdict],
        "why": without_verdict(scope).removeprefix(": ") if verdict.verdict == "no-verdict" else "",
        "count": counted(len(verdict.findings), "finding"),
        "ignored": but_for(verdict),
        "compared": compared(scope),
        "findings": [_finding(finding, verdict, number) for number, finding in enumerate(verdict.findings, 1)],
        "rounding": [ShownRounding(one, measure(one), drawn_errors(one)) for one in verdict.rounding],
        "allowed": ALLOWED[verdict.options.arithmetic].said_of(one.dtype for one in verdict.rounding),
        "lines": tuple(scope_lines(verdict)),
        "edges_said": "edges, which decide" if verdict.options.edges == "fault" else EDGES,
        "parameters": _grouped(scope.exercised, operands=False),
        "kinds": _grouped(scope.exercised, operands=True),
        "options": {name: _said(value) for name, value in options.items() if name != "budgets"},
        "budgets": {name: _said(value) for name, value in options["budgets"].items() if name != "name"},
        "printed": printed[:MOST_CHARACTERS],
        "printed_more": max(0, len(printed) - MOST_CHARACTERS),
    }


def _finding(finding: Finding, verdict: Verdict, number: int) -> ShownFinding:
    said, evidence = finding.diagnosis, finding.evidence
    right, broken = beside(said.right, said.broken) if said else ((), ())
    told = tuple(products(evidence))
    text, why = _script(finding, verdict)
    return ShownFinding(
        number=number,
        name=finding.name,
        title=said.title if said else finding.summary,
        lines=tuple(_lines(finding)),
        right=right,
        broken=broken,
        map=drawn_map(evidence.map) if evidence.map else None,
        finding=finding,
        own_call=verdict.called.on(finding.problem) if verdict.called else "",
        wrong="" if evidence.index is None else element(evidence.part, evidence.index),
        is_sum=evidence.part in SUMS,
        operands=operands(evidence),
        products=told[:MOST_PRODUCTS],
        further=told[MOST_PRODUCTS:],
        replay=replay_line(finding, verdict),
        script=text,
        no_script=why,
    )


def _lines(finding: Finding) -> Iterator[tuple[str, str]]:
    """The labelled sentences: on how many problems, where, what is read, alternatives, hints, public reports."""
    said = finding.diagnosis
    yield "seen", seen(finding)
    if finding.condition:
        yield "where", finding.condition
    for read in finding.evidence.reads:
        yield "read", read
    for title in said.alike if said else ():
        yield "or", f"{title}: the same answers on every problem that was tried"
    if said and said.also:
        yield "also", f"seen as: {'; '.join(said.also)}"
    if finding.hint:
        yield "hint", finding.hint
    if said and said.bugs:
        yield "elsewhere", f"public reports of this fault: {', '.join(said.bugs)}"


def _script(finding: Finding, verdict: Verdict) -> tuple[str, str]:
    """A script that shows a finding, and why there is none."""
    try:
        text = script(finding, verdict)
    except ScriptError as error:
        return "", str(error)
    if len(text) > MOST_CHARACTERS:
        return "", "it is too long for this page; conv-oracle replay --script writes it"
    return text, ""


def _grouped(exercised: tuple[Exercise, ...], *, operands: bool) -> dict[str, list[Exercise]]:
    """The rows of each parameter, or those of the kinds of operands."""
    found: dict[str, list[Exercise]] = {}
    for row in exercised:
        if (row.parameter == "operands") is operands:
            found.setdefault(row.parameter, []).append(row)
    return found


def _said(value: object) -> str:
    """An option's value as text; '' where it is not given."""
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
