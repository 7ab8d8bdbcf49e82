"""The playground: it prints what conv_oracle computes, its states are addresses, and it refuses what has no answer."""

from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest

import gallery
from conv_oracle import formulas
from conv_oracle.errors import GeometryError
from conv_oracle.golden import load
from conv_oracle.index_map import axis_tables
from conv_oracle.problem import parse
from gallery.golden import FIXTURES, difference, questions

PROBLEMS = [
    "conv1d x1x2x7 w4x2x3 s2 p1",
    "conv2d x1x2x4x5 w3x2x2x3 s2,1 p1:0,1 bias",
    "conv2d x2x4x5x4 w6x2x3x2 s2,3 p1:2,0:3 d2,1 g2 bias",
    "conv2d x1x1x4x5 w1x1x3x3 p1 reflect",
    "conv1d x2x6 w2x1x4 psame g2",
    "conv3d x1x1x3x4x3 w2x1x2x2x3 p0,1,1",
    "conv_transpose1d x1x2x4 w2x3x3 s2 p1 o1 bias",
    "conv_transpose2d x1x4x3x3 w4x1x2x3 s3,2 o1,0 d1,2 g2",
]
REFUSED = [
    "conv2d x1x3x4x5 w3x2x2x3",
    "conv1d x1x1x2 w1x1x5",
    "conv1d x1x2x5 w3x1x2 g2",
    "conv1d x1x1x5 w1x1x2 psame s2",
    "conv1d x1x1x3 w1x1x2 p3 reflect",
    "conv_transpose1d x1x1x3 w1x1x2 s2 o2",
]
UNREADABLE = [
    "",
    "conv4d x1 w1",
    "conv2d x1x1x4x5",
    "conv1d x1x1x5 w1x1x2 z3",
    "conv1d x1x1x5 w1x1x2 s1,1,1",
    "conv1d x1x1x5 w1x1x2 sx",
]

TYPE = """
const set = (name, value) => {
  const input = document.querySelector(`[name="${name}"]`);
  if (input.type === "checkbox") input.checked = value; else input.value = value;
  input.dispatchEvent(new Event("input", { bubbles: true }));
};
for (const [name, value] of arguments[0]) set(name, value);
"""
READ = """
const texts = (selector, of) =>
  Object.fromEntries([...document.querySelectorAll(selector)].map((one) => [one.name || one.dataset.out, of(one)]));
return {
  fields: texts(".controls [name]", (one) => one.type === "checkbox" ? one.checked : one.value),
  out: texts("[data-out]", (one) => one.textContent),
  said: document.querySelector(".said").textContent,
  hash: location.hash,
  refused: document.querySelector(".said").classList.contains("refusal"),
};
"""


@pytest.fixture
def playground(browser):
    browser.open("en/playground.html")

    def typed(*pairs):
        browser.run(TYPE, pairs)
        return browser.run(READ)

    return typed


def array(text, shape):
    return np.array([int(part.replace("\N{MINUS SIGN}", "-")) for part in text.split()]).reshape(shape)


def spoilt(text):
    """The same numbers, the first one off by one."""
    first, *rest = text.split()
    return " ".join([str(int(first.replace("\N{MINUS SIGN}", "-")) + 1), *rest])


def violations(notation, shown):
    """What the playground shows of a problem and should not, for the operands that stand in its fields."""
    problem = parse(notation)
    shapes = {
        "x": problem.input_shape,
        "w": problem.weight_shape,
        "b": (problem.out_channels,),
        "dy": problem.output_shape,
    }
    operands = {
        name: array(shown["fields"][name], shape) for name, shape in shapes.items() if name != "b" or problem.bias
    }
    results = {"y": shapes["dy"], "dx": shapes["x"], "dw": shapes["w"], "db": shapes["b"]}
    printed = {name: array(shown["out"][name], shape) for name, shape in results.items()}
    transposed = problem.transposed
    forward, by_input, by_weight = (
        (formulas.conv_transpose, formulas.conv_transpose_input, formulas.conv_transpose_weight)
        if transposed
        else (formulas.conv, formulas.conv_input, formulas.conv_weight)
    )
    x, w, dy = operands["x"], operands["w"], operands["dy"]
    right = {
        "y": forward(x, w, operands.get("b"), **problem.parameters),
        "dx": by_input(x.shape, w, dy, **problem.parameters),
        "dw": by_weight(x, w.shape, dy, **problem.parameters),
        "db": formulas.conv_bias(dy, dimensions=problem.dimensions),
    }
    wrong = [name for name, value in right.items() if not np.array_equal(printed[name], value)]
    for axis, table in enumerate(axis_tables(problem.geometry)):
        rows = [line.partition("│")[2].split() for line in shown["out"][f"table{axis}"].splitlines()]
        wrong += [f"table{axis}"] * (rows != [[str(i) if i >= 0 else "·" for i in row] for row in table.tolist()])
    sizes = problem.output_shape[-problem.dimensions :]
    wrong += [f"size {axis}" for axis, size in enumerate(sizes) if f"= {size}" not in shown["said"].split(";")[axis]]
    return wrong


def test_what_is_shown_is_what_conv_oracle_computes(playground):
    for notation in PROBLEMS:
        shown = playground(("notation", notation))
        assert not shown["refused"], notation
        assert violations(notation, shown) == []
        for name in ("y", "dx", "dw", "db"):
            spoiled = shown | {"out": shown["out"] | {name: spoilt(shown["out"][name])}}
            assert violations(notation, spoiled) == [name]


def test_the_fields_say_the_same_as_the_line(playground):
    line = "conv2d x1x2x4x5 w3x2x2x3 s2,1 p1:0,1 bias"
    shown = playground(("notation", line))
    fields = shown["fields"]
    assert (fields["operation"], fields["stride"], fields["padding"], fields["bias"]) == (
        "conv2d",
        "2,1",
        "1:0,1",
        True,
    )
    shown = playground(("padding", "2"), ("padding_mode", "circular"), ("bias", False), ("weight_shape", "3, 2, 1, 2"))
    assert shown["fields"]["notation"] == "conv2d x1x2x4x5 w3x2x1x2 s2,1 p2 circular"
    assert violations(shown["fields"]["notation"], shown) == []


def test_what_has_no_answer_is_refused_in_words(playground):
    for notation in REFUSED:
        with pytest.raises(GeometryError):
            _ = parse(notation).geometry
    for notation in [*REFUSED, *UNREADABLE]:
        assert not playground(("notation", PROBLEMS[0]))["refused"]
        shown = playground(("notation", notation))
        assert shown["refused"], notation
        assert shown["said"].startswith("refused: ")
        assert shown["out"] == {}
        assert "{" not in shown["said"]
        assert "undefined" not in shown["said"]


def test_values_are_typed_and_a_state_is_an_address(playground, browser):
    playground(("notation", "conv1d x1x1x4 w1x1x2"))
    shown = playground(("x", "1 2 3 4"), ("w", "10 -1"), ("dy", "1 0 2"))
    assert shown["out"]["y"].split() == ["8", "17", "26"]
    again = browser.open(f"ko/playground.html{shown['hash']}")
    again = browser.run(READ)
    assert {name: again["fields"][name] for name in ("notation", "x", "w", "dy")} == {
        "notation": "conv1d x1x1x4 w1x1x2",
        "x": "1 2 3 4",
        "w": "10 -1",
        "dy": "1 0 2",
    }
    assert again["out"] == shown["out"]
    assert playground(("x", "1 2 3"))["refused"]
    browser.open(f"en/playground.html#{quote('conv2d x1x1x3x3 w1x1x2x2')}")
    assert violations("conv2d x1x1x3x3 w1x1x2x2", browser.run(READ)) == []


def test_a_problem_that_is_too_large_is_refused(playground):
    assert "at most" in playground(("notation", "conv2d x8x64x64x64 w64x64x3x3"))["said"]


def test_the_browser_gives_the_right_answers_to_the_golden_vectors(browser):
    browser.open("en/playground.html")
    asked = [one for family in load(FIXTURES) for one in questions(family)][::8]
    script = (Path(gallery.__file__).parent / "answers.js").read_text(encoding="utf-8")
    given = browser.run(
        f"{script}; return arguments[0].map((one) => answer(Convolution, one))", [one for _, one, _ in asked]
    )
    assert len(given) == len(asked) > 300
    assert [
        case for (case, _, expected), answer in zip(asked, given, strict=True) if difference(expected, answer)
    ] == []
