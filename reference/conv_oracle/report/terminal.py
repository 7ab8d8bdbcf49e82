"""A verdict in a terminal of 80 columns, with colour or without."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from conv_oracle.auditing import (
    ALLOWED,
    DEFAULT,
    DEFAULT_MEMORY,
    Edges,
    Evidence,
    Exercise,
    Finding,
    Scope,
    Verdict,
)
from conv_oracle.report.sentences import (
    SHOWN,
    but_for,
    compared,
    counted,
    element,
    measure,
    scope_lines,
    seen,
    without_verdict,
)

COLOURS = {"conforms": "bold green", "faulty": "bold red", "no-verdict": "bold yellow"}
EDGES = "edges, on which conventions differ; they do not decide (--edges fault)"
TERMS_SHOWN = 12
SUMS = ("output", "grad_input", "grad_weight")
"""Parts of an answer whose elements are sums of products of two operands."""


def print_verdict(verdict: Verdict, console: Console) -> None:
    """Print the verdict, the findings and the scope, in this order; no line ends in blanks.

    Lines that are meant to be copied are not wrapped.
    """
    print_lines(
        (_headline(verdict), *_called(verdict), *_findings(verdict), *_rounding(verdict), *_scope(verdict)), console
    )


def print_lines(lines: Iterable[Text | Table | Padding], console: Console) -> None:
    """Print lines and tables without blanks at their ends; text is left to the terminal to wrap."""
    with console.capture() as captured:
        for line in lines:
            console.print(line, highlight=False, soft_wrap=isinstance(line, Text))
    console.file.writelines(printed.rstrip() + "\n" for printed in captured.get().splitlines())


def headline(verdict: Verdict) -> str:
    """The verdict in one line."""
    return _headline(verdict).plain


def _headline(verdict: Verdict) -> Text:
    said = {
        "conforms": "conforms within the scope below",
        "faulty": f"faulty: {counted(len(verdict.findings), 'finding')}",
        "no-verdict": "no verdict" + without_verdict(verdict.scope),
    }[verdict.verdict]
    options = verdict.options
    return Text.assemble(
        (options.target, "bold"), f" as {options.op}: ", (said + but_for(verdict), COLOURS[verdict.verdict])
    )


def _called(verdict: Verdict) -> Iterator[Text]:
    """How a target was called whose arguments are its own."""
    if verdict.called:
        yield Text(f"called as {verdict.called.said}", style="dim")


def _findings(verdict: Verdict) -> Iterator[Text | Table | Padding]:
    for finding in verdict.findings:
        yield Text()
        yield from _finding(finding, verdict)
    if verdict.ignored:
        yield Text()
    for one in verdict.ignored:
        yield Text.assemble(("ignored ", "yellow"), named(one.finding), f" ({one.reason})")
    if verdict.warnings:
        yield Text()
        yield Text("Accepted, although PyTorch rejects it (a fault under --strict-arguments):", style="yellow")
        for warning in verdict.warnings:
            yield _indented(Text(warning.evidence.call))
            yield _indented(Text(warning.summary), 4)


def _finding(finding: Finding, verdict: Verdict) -> Iterator[Text | Table | Padding]:
    name, title = named(finding).split(": ", 1)
    yield Text.assemble((name, "bold red"), f": {title}")
    yield _indented(_labelled(_said(finding)))
    for earlier in finding.before:
        yield _indented(Text.assemble(("first     ", "dim"), str(earlier.problem)))
    yield _indented(
        Text.assemble(("then      " if finding.before else "smallest  ", "dim"), (str(finding.problem), "bold"))
    )
    if verdict.called and (own := verdict.called.on(finding.problem)):
        yield _indented(Text(own), 4)
    yield from (_indented(line, 4) for line in _evidence(finding.evidence))
    if finding.hint:
        yield _indented(_labelled([("hint", Text(finding.hint))]))
    yield Text.assemble("  ", ("repeat", "dim"), f"    {replay_line(finding, verdict)}")
    if finding.fault:
        yield Text.assemble("  ", ("learn", "dim"), f"     conv-oracle explain {finding.fault}")


def named(finding: Finding) -> str:
    """A finding in one line: the name of its fault, or its kind, and what that is."""
    return f"{finding.name}: {finding.diagnosis.title if finding.diagnosis else finding.summary}"


def _said(finding: Finding) -> Iterator[tuple[str, Text]]:
    """The labelled lines of a finding: on how many problems, where, the formulas, reads, map, alternatives."""
    said = finding.diagnosis
    yield "seen", Text(seen(finding))
    if finding.condition:
        yield "where", Text(finding.condition)
    if said:
        yield "right", Text(said.right, style="green")
        yield "broken", Text(said.broken, style="red")
    for read in finding.evidence.reads:
        yield "read", Text(read)
    if finding.evidence.picture:
        yield "map", Text("\n".join(finding.evidence.picture))
    for title in said.alike if said else ():
        yield "or", Text(f"{title}: the same answers on every problem that was tried")
    if said and said.also:
        yield "also", Text(f"seen as: {'; '.join(said.also)}")


def _labelled(rows: Iterable[tuple[str, Text]]) -> Table:
    """Lines with a label, wrapped to its right; a repeated label is shown once."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", width=8)
    table.add_column()
    before = ""
    for label, text in rows:
        table.add_row("" if label == before else label, text)
        before = label
    return table


def replay_line(finding: Finding, verdict: Verdict) -> str:
    """The command that repeats a finding; that grades again, where answers were recorded."""
    if verdict.recorded:
        return f"conv-oracle grade {shlex.quote(verdict.recorded)}"
    options = "".join(
        f" {word}"
        for word, wanted in (
            (f"--arrays {verdict.options.arrays}", verdict.options.arrays != "numpy"),
            (f"--device {verdict.options.device}", verdict.options.device != "cpu"),
            ("--gradients", verdict.options.gradients),
            ("--transforms", verdict.options.transforms),
            (f"--arithmetic {verdict.options.arithmetic}", verdict.options.arithmetic != DEFAULT),
            (f"--fix {shlex.quote(verdict.options.fix)}", verdict.options.fix),
            (f"--memory {verdict.options.memory}", verdict.options.memory != DEFAULT_MEMORY),
            (f"--timeout {verdict.options.timeout:g}", finding.kind == "hung"),
            (
                f"--compile-timeout {verdict.options.compile_timeout or 0:g}",
                finding.kind == "hung" and verdict.options.compile_timeout is not None,
            ),
            (f"--python {shlex.quote(verdict.options.python)}", verdict.options.python),
            ("--confine", verdict.options.confine),
            *((spoken(name, value), True) for name, value in verdict.options.said.items()),
            (f"--prototype {shlex.quote(verdict.options.prototype)}", verdict.options.prototype),
            (f"--roles {shlex.quote(verdict.options.roles)}", verdict.options.roles),
            ("--sanitize", verdict.options.sanitize),
            *((f"--refusal {shlex.quote(name)}", True) for name in verdict.options.refusals),
        )
        if wanted
    )
    problems = "; ".join(
        str(problem) for problem in (*(earlier.problem for earlier in finding.before), finding.problem)
    )
    subject = f"{'--command ' * bool(verdict.options.command)}{shlex.quote(verdict.options.target)}"
    return f"conv-oracle replay '{problems}' {subject}{options}"


def spoken(name: str, value: str | bool) -> str:
    """An option that says how the target is called, as it is typed."""
    option = f"--{name.replace('_', '-')}"
    return option if value is True else f"{option} {shlex.quote(str(value))}"


def _evidence(evidence: Evidence) -> Iterator[Text]:
    yield Text(evidence.call)
    if evidence.text:
        yield Text(evidence.text)
    if evidence.index is None:
        return
    yield Text.assemble(
        f"{element(evidence.part, evidence.index)} is ",
        (evidence.got, "red"),
        ", should be ",
        (evidence.expected, "green"),
        f"  ({evidence.differing} of {evidence.outputs} elements wrong)",
    )
    if evidence.part not in SUMS:
        return
    if evidence.terms or evidence.bias:
        yield Text(f"{evidence.expected} =", style="dim")
        for term in evidence.terms[:TERMS_SHOWN]:
            left, right = element(term.left, term.left_index), element(term.right, term.right_index)
            yield Text(f"    {term.left_value:>4} * {term.right_value:<4}  {left} * {right}")
        if len(evidence.terms) > TERMS_SHOWN:
            yield Text(f"    and {len(evidence.terms) - TERMS_SHOWN} more products")
        if evidence.bias:
            yield Text(f"    {evidence.bias:>4}{'':9}bias")
    elif not evidence.text:
        yield Text("no product contributes to this element: it should be 0", style="dim")


def _rounding(verdict: Verdict) -> Iterator[Text | Padding]:
    """The class of arithmetic per part and dtype, and what is allowed."""
    if not verdict.rounding:
        return
    yield Text()
    yield Text("Rounding", style="bold")
    several = len(verdict.rounding) > 1
    for one in verdict.rounding:
        name = f"{one.part}, {one.dtype}: " if several else ""
        yield _indented(Text.assemble(name, (one.said, "" if one.allowed else "bold red")))
        yield _indented(Text(measure(one), style="dim"), 4)
    allowed = ALLOWED[verdict.options.arithmetic].said_of(one.dtype for one in verdict.rounding)
    yield _indented(Text(f"allowed: {allowed}", style="dim"))


def _scope(verdict: Verdict) -> Iterator[Text | Table | Padding]:
    scope = verdict.scope
    yield Text()
    yield Text("Scope", style="bold")
    yield _indented(Text(compared(scope)))
    for line in (*scope_lines(verdict), *_narrowed(scope)):
        yield _indented(Text(line))
    if scope.edges:
        yield _indented(Text(f"{'edges, which decide' if verdict.options.edges == 'fault' else EDGES}:", style="dim"))
        yield from (_indented(line) for line in _edges(scope.edges))
    if scope.exercised:
        yield _indented(Text("problems right, wrong and, if any, refused:", style="dim"))
        yield _indented(_exercised(scope.exercised))
    versions = ", ".join(f"{name} {version}" for name, version in verdict.versions.items())
    yield _indented(Text(f"seed {verdict.options.seed}; {verdict.seconds:.1f} s; {versions}", style="dim"))


def _narrowed(scope: Scope) -> Iterator[str]:
    yield from scope.narrowed[:SHOWN]
    if len(scope.narrowed) > SHOWN:
        yield f"and {len(scope.narrowed) - SHOWN} more limits, listed by --json"


def _edges(edges: Iterable[Edges]) -> Iterator[Text]:
    """A line per edge: how many problems were handled, refused and wrong, and what was said of the first."""
    for one in edges:
        wrong = (f"{one.wrong:>4} wrong", "red" if one.wrong else "dim")
        yield Text.assemble(f"{one.edge:<38}", f"{one.handled:>4} handled{one.refused:>5} refused ", wrong)
        if one.wrong:
            yield Text(f"  {one.edge} is answered wrongly{': ' if one.said else ''}{one.said:.80}")
        elif one.refused:
            yield Text(f"  {one.said:.100}")


def _exercised(exercised: Iterable[Exercise]) -> Table:
    """A line per parameter: for each of its values how many problems were right, wrong and refused."""
    rows: dict[str, list[Text]] = {}
    for row in exercised:
        if row.parameter == "operands":
            continue
        wrong = (str(row.failed), "red" if row.failed else "")
        counts = Text.assemble(f"{row.value}: {row.compared} ", wrong, f" {row.refused}" if row.refused else "")
        rows.setdefault(row.parameter, []).append(counts)
    table = Table.grid(padding=(0, 3, 0, 0))
    table.add_column(style="dim")
    for parameter, values in rows.items():
        table.add_row(parameter, *values)
    return table


def _indented(line: Text | Table, by: int = 2) -> Padding:
    return Padding(line, (0, 0, 0, by), expand=False)
