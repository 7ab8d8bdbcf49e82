"""The page of a verdict: it says all of it, draws what is true, loads nothing, and lets no subject speak HTML."""

import html
import importlib.util
import math
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import jinja2
import pytest
from click.testing import CliRunner

import conv_oracle
from audit.shown_verdicts import ASKED, hostile
from conv_oracle.auditing import Beside, Evidence, IndexMap, Read, Term
from conv_oracle.cli import main
from conv_oracle.faults import CATALOGUE
from conv_oracle.index_map import terms
from conv_oracle.problem import parse
from conv_oracle.report import page
from conv_oracle.report.page import rendering
from conv_oracle.report.page.cases import MOST_TABLES, operands
from conv_oracle.report.page.drawn_errors import drawn_errors
from conv_oracle.report.page.drawn_map import TALL, drawn_map
from conv_oracle.report.page.formulas import beside
from conv_oracle.report.sentences import scope_lines
from conv_oracle.report.terminal import replay_line

EMPTY = frozenset({"meta", "link", "wbr", "br", "rect", "line", "circle", "path", "polyline"})


class Source(HTMLParser):
    """A page read strictly: its elements, what is wrong with them, its anchors, its words, and what it would load."""

    def __init__(self, source):
        super().__init__()
        self.open, self.wrong, self.ids, self.links, self.tags, self.said = [], [], [], [], set(), []
        self.feed(source)
        self.wrong += self.open

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.tags.add(tag)
        self.wrong += [f"{name} on {tag}" for name in values if name.startswith("on")]
        self.ids += [values["id"]] if "id" in values else []
        self.links += [values[name] for name in ("href", "src", "action", "data", "xlink:href") if name in values]
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in EMPTY:
            self.open.pop()

    def handle_endtag(self, tag):
        if self.open[-1:] != [tag]:
            self.wrong.append(f"</{tag}> in {self.open[-3:]}")
        else:
            self.open.pop()

    def handle_data(self, data):
        self.said.append(data)

    @property
    def text(self):
        return " ".join("".join(self.said).split())


def faults_of(source):
    """What is wrong with a page: elements that are not closed, links that lead nowhere, what is loaded or runs."""
    read = Source(source)
    wrong = [*read.wrong, *(one for one in read.ids if read.ids.count(one) > 1)]
    wrong += [link for link in read.links if link != "data:," and (link[0] != "#" or link[1:] not in read.ids)]
    wrong += sorted(read.tags & {"script", "img", "iframe", "object", "embed", "form", "base"})
    wrong += re.findall(
        r"url\(.*?\)|@import|https?://[^\s\"'<)]+", "".join(re.findall(r"<style>.*?</style>", source, re.S))
    )
    return wrong


@pytest.mark.parametrize("name", ASKED)
def test_a_page_is_whole_and_loads_nothing(name, shown):
    assert faults_of(page(shown(name))) == []


@pytest.mark.parametrize(
    ("planted", "seen"),
    [
        ("<p><b>x</p></b>", "</p> in ['body', 'p', 'b']"),
        ("<a href='#none'>x</a>", "#none"),
        ("<a href='https://example.org/'>x</a>", "https://example.org/"),
        ("<script>1</script>", "script"),
        ("<img src='data:,'>", "img"),
        ("<p onclick='x()'>x</p>", "onclick on p"),
        ("<p id='scope'>x</p>", "scope"),
        ("<style>p { background: url(x.png) }</style>", "url(x.png)"),
    ],
)
def test_what_is_wrong_with_a_page_is_seen(planted, seen, shown):
    whole = page(shown("no-verdict"))
    assert seen in faults_of(whole.replace("</footer>", f"</footer>{planted}"))


def due(verdict):
    """What the page of a verdict must say."""
    yield from (verdict.options.target, str(verdict.options.op), f"seed {verdict.options.seed}")
    yield from (word for pair in verdict.versions.items() for word in pair)
    yield from scope_lines(verdict)
    yield from verdict.scope.narrowed
    for row in verdict.scope.exercised:
        yield f"{row.value} {row.compared} {row.failed} {row.refused}"
    for edge in verdict.scope.edges:
        yield f"{edge.edge} {edge.handled} {edge.refused} {edge.wrong} {edge.said}".strip()
    for one in verdict.findings:
        yield from (one.fault, one.diagnosis.title, one.diagnosis.right, one.diagnosis.broken, one.condition)
        yield from (str(one.problem), one.evidence.call, one.evidence.text, replay_line(one, verdict))
        yield from (*one.evidence.reads, one.hint)
        if one.evidence.index is not None:
            yield f"is {one.evidence.got}, should be {one.evidence.expected}"
        for term in one.evidence.terms[:16]:
            yield f"{term.left_value} · {term.right_value}"
    for one in verdict.rounding:
        yield from (one.said, one.where)
    for one in verdict.warnings:
        yield from (one.evidence.call, one.summary)


def unsaid(verdict, source):
    """What a page does not say; blanks do not count, as tables have none between their cells."""
    text = "".join(Source(source).text.split())
    return [words for words in due(verdict) if "".join(words.split()) not in text]


@pytest.mark.parametrize("name", ASKED)
def test_a_page_says_all_of_its_verdict(name, shown):
    verdict = shown(name)
    assert len(list(due(verdict))) > 15
    assert unsaid(verdict, page(verdict)) == []
    other = "conforms" if name != "conforms" else "faulty"
    assert unsaid(verdict, page(shown(other))) != []


def test_each_kind_of_verdict_is_shown(shown):
    assert [shown(name).verdict for name in ASKED] == ["faulty", "faulty", "faulty", "conforms", "no-verdict"]
    assert shown("rounded").rounding
    assert shown("raises").findings[0].kind == "raised"


def test_no_subject_speaks_html(monkeypatch, shown):
    source = page(hostile(shown))
    assert faults_of(source) == []
    assert source.encode()
    assert "{{ 7 * 7 }}" in Source(source).text
    assert not {"\x1b", "\u202e", "\ud800"} & set(source)
    assert source.count("&lt;script&gt;") > 30
    loader = rendering._templates().loader
    templates = jinja2.Environment(loader=loader, trim_blocks=True, lstrip_blocks=True)  # noqa: S701 - what is planted
    monkeypatch.setattr(rendering, "_templates", lambda: templates)
    assert "script" in faults_of(page(hostile(shown))), "templates that do not escape are seen"


def test_no_template_marks_a_text_as_safe():
    folder = Path(rendering.__file__).parent / "templates"
    texts = [path.read_text(encoding="utf-8") for path in folder.glob("*.html")]
    assert len(texts) > 4
    assert not [text for text in texts if re.search(r"\|\s*safe|autoescape", text)]


def test_the_map_is_what_the_formula_reads_and_what_the_subject_reads(shown):
    evidence = shown("faulty").findings[0].evidence
    of = evidence.map
    asked = parse(of.problem)
    last = asked.weight_shape[-1] - 1
    right = {(i[2:], k[2:]) for i, k, o in terms(asked.geometry) if o == of.index}
    flipped = {(i, (*k[:-1], last - k[-1])) for i, k in right}
    assert {(one.at, one.through) for one in of.right} == right
    assert {(one.at, one.through) for one in of.seen} == flipped != right
    assert evidence.picture[1].split()[0] in {"0", "1", "2", "."}


SIZES = [((5,), (3,)), ((3, 4), (2, 2)), ((3, 2, 4), (2, 1, 2))]


@pytest.mark.parametrize(("size", "steps"), SIZES, ids=["1 axis", "2 axes", "3 axes"])
def test_every_cell_is_drawn_where_it_lies(size, steps):
    zero, last = (0,) * len(size), tuple(n - 1 for n in size)
    end = tuple(n - 1 for n in steps)
    right = (Read(at=zero, through=zero), Read(at=last, through=end))
    seen = (Read(at=zero, through=zero), Read(at=last, through=zero), Read(at=last, through=end))
    given = {"problem": "conv1d x1x1x5 w1x1x3", "part": "output", "index": zero, "operand": "input"}
    of = IndexMap(**given, size=size, through="weight", steps=steps, right=right, seen=seen)
    formula, read = drawn_map(of).grids
    slices = 2 if len(size) == 3 else 1
    assert len(formula.cells) == len(read.cells) == slices * math.prod(size[-2:])
    assert [(one.label, one.role) for one in formula.cells if one.role] == [
        (",".join(map(str, zero)), "read"),
        (",".join(map(str, end)), "missed"),
    ]
    assert [(one.label, one.role) for one in read.cells if one.role][1] == (f"{','.join(map(str, zero))} +1", "stray")
    for grid in (formula, read):
        places = {(one.x, one.y) for one in grid.cells}
        assert len(places) == len(grid.cells)
        assert all(one.x + grid.wide <= grid.width and one.y + TALL <= grid.height for one in grid.cells)
        last_cell = grid.cells[-1]
        assert (last_cell.x, last_cell.y) == max(places, key=lambda at: (at[1], at[0]))
        assert f"input[{', '.join(map(str, last))}]" in last_cell.title
    assert formula.said.startswith("For output[0")


def rounding_with(shown, *sums):
    return replace(shown("conforms").rounding[0], sums=sums)


def test_errors_are_drawn_on_logarithmic_axes_beside_their_bound(shown):
    sums = [Beside(terms=10**n, error=10.0**e, bound=10.0**n) for n, e in ((0, 0), (1, 0), (2, 3), (3, 0))]
    drawn = drawn_errors(rounding_with(shown, *sums))
    assert [dot.beyond for dot in drawn.dots] == [False, False, True, False]
    across = [round(b.x - a.x, 1) for a, b in zip(drawn.dots, drawn.dots[1:], strict=False)]
    assert max(across) - min(across) < 0.3
    upwards = [a.bound - b.bound for a, b in zip(drawn.dots, drawn.dots[1:], strict=False)]
    assert max(upwards) - min(upwards) < 0.3 < min(upwards)
    for dot in drawn.dots:
        assert dot.beyond == (dot.y < dot.bound)
        assert drawn.left <= dot.x <= drawn.right
        assert drawn.top <= dot.y <= drawn.bottom
    assert [row[3] for row in drawn.rows] == ["1", "0.1", "10", "0.001"]
    assert "1 of 4 beyond" in drawn.said


def test_what_is_exact_or_not_finite_is_drawn_at_an_edge(shown):
    drawn = drawn_errors(
        rounding_with(shown, Beside(terms=1, error=0.0, bound=1.0), Beside(terms=9, error=math.inf, bound=9.0))
    )
    assert [(dot.y, dot.beyond) for dot in drawn.dots] == [(drawn.bottom, False), (drawn.top, True)]
    assert drawn.rows[1][1] == "not finite"
    assert drawn_errors(rounding_with(shown)) is None


def test_the_errors_of_a_verdict_are_those_that_its_ratio_is_of(shown):
    (right,), (coarse,) = shown("conforms").rounding, shown("rounded").rounding
    assert right.name == "any-order"
    assert max(one.error / one.bound for one in right.sums) == pytest.approx(right.ratio, rel=1e-12)
    assert max(one.terms for one in right.sums) == right.terms[1]
    assert max(one.error / one.bound for one in coarse.sums) > 1000
    for one in (*right.sums, *coarse.sums):
        assert one.bound >= one.terms * (one.terms > 1), "n terms are bound by n u A at least"


@pytest.mark.parametrize("slug", CATALOGUE)
def test_the_pieces_of_two_formulas_are_these_formulas(slug):
    fault = CATALOGUE[slug]
    sides = beside(fault.right, fault.broken)
    assert ["".join(one.text for one in side) for side in sides] == [fault.right, fault.broken]


def test_words_that_differ_are_marked():
    right, broken = beside(CATALOGUE["kernel-flipped"].right, CATALOGUE["kernel-flipped"].broken)
    assert [one.text for one in right if one.differs] == []
    assert [one.text for one in broken if one.differs] == ["K-1-"]
    assert not any(one.differs for side in beside("a b c", "x y z w") for one in side)


def test_operands_are_tables_with_what_the_sum_reads_first():
    values = [[[[n * 10 + i, 0.123456789] for i in range(2)]] for n in range(9)]
    term = Term(
        left="input", left_index=(8, 0, 1, 1), left_value="0", right="weight", right_index=(0,), right_value="0"
    )
    (shown_operand,) = operands(Evidence(call="", terms=(term,), operands={"input": values}))
    assert shown_operand.shape == (9, 1, 2, 2)
    assert len(shown_operand.slices) == MOST_TABLES
    assert shown_operand.left_out == f"and {9 - MOST_TABLES} more"
    first = shown_operand.slices[0]
    assert (first.name, [[one.text for one in row] for row in first.rows]) == (
        "input[8, 0]",
        [["80", "0.12346"], ["81", "0.12346"]],
    )
    assert [one.said for row in first.rows for one in row if one.read] == [
        "input[8, 0, 1, 1] is 0.123456789, in the sum"
    ]
    (line,) = operands(Evidence(call="", operands={"bias": [1, 2]}))
    assert [[one.text for one in row] for row in line.slices[0].rows] == [["1", "2"]]
    (large,) = operands(Evidence(call="", operands={"input": [list(range(40))]}))
    assert (large.slices, bool(large.left_out)) == ((), True)


def test_a_notebook_shows_the_page_in_a_frame(monkeypatch, shown):
    verdict = shown("faulty")
    shown_as = verdict._repr_html_()
    (framed,) = re.findall(r'srcdoc="([^"]*)"', shown_as)
    assert html.unescape(framed) == page(verdict, framed=True)
    assert "allow-scripts" not in shown_as
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(rendering, "find_spec", lambda _: None)
    plain = hostile(shown)._repr_html_()
    assert plain.startswith("<pre>")
    assert "kernel-flipped" in verdict._repr_html_()
    assert faults_of(plain) == []


SAYS_THAT_IT_RAN = """
import pathlib
pathlib.Path(__file__).with_name("ran").touch()
def conv2d(input, weight): return input
"""


@pytest.mark.usefixtures("quick_is_brief")
def test_the_command_writes_the_page(tmp_path):
    file = tmp_path / "verdict.html"
    subject = ASKED["faulty"][0]
    words = ["audit", subject, "--op", "conv2d", "--level", "quick", "--seed", "3", "--fail-fast", "--html", str(file)]
    assert CliRunner().invoke(main, words).exit_code == 1
    source = file.read_text(encoding="utf-8")
    assert faults_of(source) == []
    assert "kernel-flipped" in Source(source).text


def test_without_jinja2_the_page_is_refused_before_the_subject_runs(tmp_path, monkeypatch):
    (tmp_path / "subject.py").write_text(SAYS_THAT_IT_RAN)
    monkeypatch.setattr(rendering, "find_spec", lambda _: None)
    done = CliRunner().invoke(main, ["audit", f"{tmp_path}/subject.py:conv2d", "--html", str(tmp_path / "page.html")])
    assert done.exit_code == 2
    assert done.output == (
        "conv-oracle: --html needs the library jinja2: it is not installed; pip install 'conv-oracle[html]' would fit\n"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["subject.py"]


def test_neither_the_package_nor_an_audit_loads_jinja2():
    code = "import sys, conv_oracle.cli, conv_oracle.report; sys.exit('jinja2' in sys.modules)"
    source = Path(conv_oracle.__file__).parents[1]
    assert subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(source)}, check=False).returncode == 0
