"""The table of contents: a line for every formula, and a definition behind every name in it."""

import inspect
import re

import pytest

from conv_oracle import formulas, geometry

LINES = re.findall(r"^    (S\d+) +(.*(?:\n {20,}.*)*)", formulas.__doc__, flags=re.MULTILINE)
NAMES = [(number, name) for number, line in LINES for name in re.findall(r"`([\w.]+)`", line)]


def test_every_formula_of_the_source_has_its_line():
    assert [number for number, _ in LINES] == [f"S{n}" for n in range(1, 16)]
    assert {number for number, _ in NAMES} == {number for number, _ in LINES}


@pytest.mark.parametrize(("number", "name"), NAMES)
def test_every_name_in_it_is_there_and_says_its_number(number, name):
    place = geometry if name.removeprefix("geometry.") in vars(geometry) else formulas
    found = place
    for part in name.removeprefix("geometry.").split("."):
        found = getattr(found, part)
    if inspect.isroutine(found):
        assert re.search(rf"\b{number}\b", found.__doc__), f"{name} does not say that it is {number}"


def test_what_is_exported_is_there():
    assert sorted(formulas.__all__) == sorted(set(formulas.__all__))
    assert all(hasattr(formulas, name) for name in formulas.__all__)
