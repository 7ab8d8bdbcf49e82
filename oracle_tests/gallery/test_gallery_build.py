"""The building of the gallery: torch and the golden vectors stop it, its files are whole, small and of one piece."""

import re
import shutil
import subprocess
import sys
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch

from conv_oracle import formulas
from gallery import __main__ as command
from gallery import facts, golden, sources, text
from gallery.agreement import agree, agree_within, torch_name
from gallery.errors import GalleryError
from gallery.pages import FORMULAS, PAGES, VERDICTS
from gallery.site import MARK, MOST_BYTES_OF_A_PAGE, weighed, write

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "gallery"
PLANTED = {
    "convolved": ("discrete", "convolve", formulas.cross_correlate),
    "correlated": ("discrete", "cross_correlate", formulas.convolve),
    "translated": ("discrete", "convolve", formulas.cross_correlate),
    "patches": ("discrete", "on_patch", lambda f, g, i: formulas.on_patch(f, g, i) + 1),
    "convolution": ("continuous", "sampled_convolution", lambda *_: Fraction(2, 3)),
    "correlation": ("continuous", "cross_correlate", formulas.convolve),
    "figures": ("continuous", "triangle", lambda x: max(0, 1 - x * x)),
    "derivative": ("continuous", "cross_correlate", formulas.convolve),
    "images": ("images", "filter_image", lambda kernel, x: formulas.filter_image(kernel, x, "zeros")),
    "sizes": ("layers", "conv_output_size", lambda i, k, *_: i - k + 1),
    "locality": ("words", "reading_field", lambda *settings: [settings[-1]]),
    "frequency": ("words", "filter_image", lambda kernel, x, mode: formulas.filter_image(kernel, x, mode) + 1),
    "backward": ("backward", "conv_weight", lambda x, shape, dy: formulas.conv_weight(x, shape, dy[:, ::-1])),
    "input_gradient": ("backward", "convolve", formulas.cross_correlate),
    "weight_gradient": ("backward", "cross_correlate", formulas.convolve),
}
"""By the facts of a page: their module, and what is put in the place of a definition there; torch must contradict."""


@pytest.mark.parametrize("name", PLANTED)
def test_the_build_fails_where_torch_disagrees(monkeypatch, name):
    module, definition, wrong = PLANTED[name]
    monkeypatch.setattr(sys.modules[f"gallery.facts.{module}"], definition, wrong)
    with pytest.raises(GalleryError, match="agree"):
        getattr(facts, name)()


@pytest.mark.parametrize(
    ("name", "function"), [("dense", "dense_layer"), ("banded", "banded_layer"), ("channels", "stack_of_kernels")]
)
def test_the_build_fails_where_torch_disagrees_with_the_definition_itself(monkeypatch, name, function):
    right = getattr(formulas, function)
    monkeypatch.setattr(formulas, function, lambda *operands: right(*operands) * 2)
    with pytest.raises(GalleryError, match="agree"):
        getattr(facts, name)()


def test_agreement_is_of_shapes_and_of_every_number():
    agree("it", [1, 2], torch.tensor([1.0, 2.0]))
    with pytest.raises(GalleryError, match=r"it: conv_oracle and torch agree: at \[1\] ours is 2, torch's 3"):
        agree("it", [1, 2], [1, 3])
    with pytest.raises(GalleryError, match=r"ours has shape \(2,\), torch's \(1,\)"):
        agree("it", [1, 2], [1])
    agree_within("it", [1.0], [1.5], 0.5)
    for wrong in ([1.5000001], [float("nan")]):
        with pytest.raises(GalleryError, match="agree within"):
            agree_within("it", [1.0], wrong, 0.5)
    with pytest.raises(GalleryError, match="there is no conv9d"):
        torch_name("torch.nn.functional.conv9d")


def test_the_pages_are_the_formulas_of_the_document():
    assert [page.number for page in FORMULAS] == sorted(sources.documented()) == list(range(1, 16))
    assert {page.verdict for page in FORMULAS} == set(VERDICTS)
    for page in FORMULAS:
        assert (page.said is None) == (page.printed != ""), page.slug
        assert page.torch, page.slug
        assert page.tests, page.slug
        assert page.pictures, page.slug


def test_the_verdicts_are_those_of_the_document():
    for line in (ROOT / "reference" / "FORMULAS.md").read_text(encoding="utf-8").splitlines():
        if match := re.match(r"\| S(\d+) \|.*?\| ([^|]*)\|", line.replace(r"\|", "")):
            page = FORMULAS[int(match[1]) - 1]
            assert ("**false**" in match[2]) == (page.verdict == "false"), page.slug
            assert ("misprint" in match[2]) == (page.verdict == "misprint"), page.slug


def test_code_and_proofs_are_drawn_from_their_files():
    drawn = sources.definition("cross_correlate")
    assert (drawn.path, drawn.name) == ("reference/conv_oracle/formulas/discrete.py", "cross_correlate")
    plain = re.sub(r"<[^>]+>", "", drawn.code)
    assert "return _sum(f, g, mode, correlation_lags, operator.add)" in plain
    assert "FALSE" not in plain, "its docstring is left out"
    proof = sources.proof("test_dense.py::test_s1_is_torch_linear")
    body = (ROOT / proof.path).read_text(encoding="utf-8").splitlines()
    assert body[proof.line - 1] == "def test_s1_is_torch_linear():"
    with pytest.raises(GalleryError, match="a proof is a test of the formulas"):
        sources.proof("test_dense.py::test_nothing")
    with pytest.raises(GalleryError, match="a definition is a name of"):
        sources.definition("no_such_definition")


def test_a_docstring_is_left_out_and_nothing_else():
    source = 'def f(x):\n    """Says\n\n    much."""\n    return x\n'
    assert sources.without_docstring(source) == "def f(x):\n    return x"
    assert sources.without_docstring("def f(x):\n    return x\n") == "def f(x):\n    return x"


def test_words_are_there_in_both_languages_and_all_are_used():
    said = text.words()
    used = "".join(
        path.read_text(encoding="utf-8") for folder in ("templates", "assets") for path in (SCRIPT / folder).iterdir()
    )
    used += (SCRIPT / "pages.py").read_text(encoding="utf-8")
    dynamic = ("effect_", "turned_", "line_", *VERDICTS)
    for key in said:
        name = key.removeprefix("js_")
        assert key.startswith(dynamic) or re.search(rf"[\"']{name}[\"']", used), key
    with pytest.raises(GalleryError, match=r"a word stands in words\.toml: 'nowhere'"):
        text.say("nowhere", "en")
    for values in said.values():
        holes = [sorted(re.findall(r"\{(\w+)\}", values[language])) for language in text.LANGUAGES]
        assert holes[0] == holes[1], values


def test_a_formula_is_mathml_and_may_break_between_its_parts():
    assert text.parts(r"a = b + f(c = d), \quad e") == ["a", "= b", "+ f(c = d),", r"\quad e"]
    page = text.with_formulas("so $y = x$.")
    assert page.count("<math") == 2
    assert "<wbr>" in page
    assert "$" not in page
    assert text.mathml(r"(-x)").count('form="prefix"') == 1
    with pytest.raises(GalleryError, match="a formula is LaTeX"):
        text.mathml(r"\left( x")


def test_numbers_are_written_as_people_read_them():
    assert [text.number(value) for value in (-3, Fraction(-1, 3), 0.5, -0.0, 1 / 3, np.int64(7), "x", True)] == [
        "\N{MINUS SIGN}3",
        "\N{MINUS SIGN}1/3",
        "0.5",
        "0",
        "0.33333",
        "7",
        "x",
        True,
    ]
    assert text.as_json({"a": [Fraction(1, 3), np.int64(2), "</script>"]}) == '{"a":[0.333333,2,"<\\/script>"]}'


class Page(HTMLParser):
    """A page read strictly: what is open must be closed, and in its order."""

    EMPTY = frozenset({"meta", "link", "input", "br", "wbr", "hr", "img", "rect", "mspace", "line"})

    def __init__(self, source):
        super().__init__()
        self.open, self.wrong, self.ids, self.links = [], [], [], []
        self.feed(source)
        self.wrong += self.open

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.ids += [values["id"]] if "id" in values else []
        self.links += [values[name] for name in ("href", "src") if name in values]
        if tag in ("div", "table", "ul", "ol", "pre", "figure") and "p" in self.open:
            self.wrong.append(f"{tag} in p")
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        if self.open[-1:] != [tag]:
            self.wrong.append(f"</{tag}> in {self.open[-3:]}")
        else:
            self.open.pop()


def dead_links(folder):
    """(page, link) of every link of a site that leads nowhere in it."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in folder.rglob("*.html")}
    dead = []
    for path, page in pages.items():
        for link in page.links:
            target, _, anchor = link.partition("#")
            file = (path.parent / target).resolve() if target else path
            if link == "data:,":
                continue
            there = file.is_relative_to(folder.resolve()) and file.is_file()
            if not there or (anchor and anchor not in pages[file].ids):
                dead.append((path.name, link))
    return dead


def test_the_site_is_whole(site):
    folder = site.resolve()
    assert dead_links(folder) == []
    for path in folder.rglob("*.html"):
        page = Page(path.read_text(encoding="utf-8"))
        assert page.wrong == [], path
        assert len(set(page.ids)) == len(page.ids), path
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*.html")}
    due = {f"{language}/{page.slug}.html" for language in text.LANGUAGES for page in PAGES}
    assert due <= names


def test_a_dead_link_and_a_page_that_is_not_whole_are_seen(tmp_path):
    (tmp_path / "a.html").write_text('<a href="b.html">b</a><a href="a.html#none">c</a><p><table></p>')
    assert dead_links(tmp_path.resolve()) == [("a.html", "b.html"), ("a.html", "a.html#none")]
    assert "table in p" in Page((tmp_path / "a.html").read_text()).wrong


def test_nothing_is_fetched_from_elsewhere(site):
    for path in site.rglob("*"):
        if path.is_file():
            found = re.findall(r"https?://[^\s\"'<)]+", path.read_text(encoding="utf-8"))
            assert set(found) <= {"http://www.w3.org/2000/svg"}, path


def test_the_site_is_light(site):
    weight = weighed({p.relative_to(site).as_posix(): p.read_bytes() for p in site.rglob("*") if p.is_file()})
    assert weight.files > 50
    page = b"x" * (MOST_BYTES_OF_A_PAGE + 1)
    with pytest.raises(GalleryError, match=r"a page has at most 400000 bytes: a\.html has 400001"):
        weighed({"a.html": page})
    with pytest.raises(GalleryError, match="the site has at most 1572864 bytes"):
        weighed({f"{n}.html": page[:-1] for n in range(4)})


def with_a_fault(folder, right, wrong):
    """A copy of the scripts that answer the golden vectors, one step of them changed; the path of the first."""
    (folder / "assets").mkdir()
    shutil.copy(SCRIPT / "answers.js", folder)
    source = (SCRIPT / "assets" / "arithmetic.js").read_text(encoding="utf-8")
    assert right in source
    (folder / "assets" / "arithmetic.js").write_text(source.replace(right, wrong), encoding="utf-8")
    return folder / "answers.js"


JAVASCRIPT_FAULTS = {
    "forward": ("y[to] += w[k] * x[from]", "y[to] += w[k] * x[from] * 2", "y is"),
    "transposed": ("g.transposed ? [o, i] : [i, o]", "[i, o]", ""),
    "dilation": ("k * dilation - before", "k - before", ""),
    "weight": ("dw[k] += x[from] * dy[to]", "dw[k] += x[from] * dy[0]", "dw is"),
    "size": ("(size - 1) * stride - before", "size * stride - before", ""),
    "refusal": ('ask(channels === due, "channels"', 'ask(true, "channels"', "must be refused"),
    "sequence": ("g[i + sign * a]", "g[i - sign * a]", "values is"),
    "notation": ("p.dilation = numbers(word, rest)", "p.stride = numbers(word, rest)", "is"),
    "operand": ("2654435769", "2654435768", "values is"),
}


@pytest.mark.parametrize("fault", JAVASCRIPT_FAULTS)
@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_golden_vectors_stop_javascript_that_is_wrong(tmp_path, asked, fault):
    right, wrong, said = JAVASCRIPT_FAULTS[fault]
    some = asked[::12] + [one for one in asked if one[1]["kind"] == "sequence" or one[2] is None]
    answers = golden.answer([question for _, question, _ in some], with_a_fault(tmp_path, right, wrong))
    differences = [golden.difference(expected, given) for (_, _, expected), given in zip(some, answers, strict=True)]
    assert any(said in one for one in differences if one)


@pytest.fixture(scope="module")
def asked():
    """The questions of the golden vectors."""
    return [one for family in golden.load(golden.FIXTURES) for one in golden.questions(family)]


def test_the_questions_are_of_every_family(asked):
    kinds = [question["kind"] for _, question, _ in asked]
    assert {kind: kinds.count(kind) > 10 for kind in set(kinds)} == dict.fromkeys(
        ("passes", "size", "parse", "sequence", "operand"), True
    )
    assert sum(expected is None for _, _, expected in asked) > 60


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_javascript_that_breaks_down_stops_the_build(tmp_path):
    with pytest.raises(GalleryError, match=r"the JavaScript runs: answers\.js: SyntaxError"):
        golden.answer([{}], with_a_fault(tmp_path, "const range =", "const const ="))


def test_the_build_says_where_node_is_missing(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(command, "write", lambda *_: weighed({"index.html": b""}))
    assert command.main(["--into", str(tmp_path)]) == 0
    assert "was NOT checked on the golden vectors: node is not installed" in capsys.readouterr().out


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("mine")
    assert command.main(["--into", str(tmp_path)]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert re.fullmatch(r"gallery: a site has a folder of its own: .* holds other files; an empty one would fit", said)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_build_that_fails_leaves_the_site_as_it_was(monkeypatch, tmp_path, capsys):
    (tmp_path / MARK).write_text("ours")
    monkeypatch.setattr(formulas, "dense_layer", lambda *_: np.array([0, 0, 0]))
    monkeypatch.setattr(command, "check", lambda: 0)
    assert command.main(["--into", str(tmp_path)]) == 1
    assert "gallery: S1, the dense layer: conv_oracle and torch agree" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == [MARK]
    with pytest.raises(GalleryError):
        write(tmp_path)


def test_usage_is_told_in_one_line(tmp_path, capsys):
    file = tmp_path / "file"
    file.write_text("")
    for arguments in (["--into"], ["--onto", "x"], ["--into", str(file)]):
        assert command.main(arguments) == 2
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert line.startswith("gallery: ")


@pytest.mark.slow
def test_the_command_builds_the_site(tmp_path):
    done = subprocess.run(
        [sys.executable, SCRIPT, "--into", tmp_path / "site"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"index.html: \d+ files, \d\.\d\d MiB", done.stdout)
    assert (tmp_path / "site" / "ko" / "s15.html").is_file()
