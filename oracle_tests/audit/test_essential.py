"""The essential problems: few, small, and together they show nearly every planted fault of values."""

import re

import pytest

from audit.planted.directly import is_wrong, plants_of_values, usual_operands
from conv_oracle.auditing import OPERATIONS
from conv_oracle.auditing.problems import MOST_ESSENTIAL, edge_of, essential
from conv_oracle.faults import variants
from conv_oracle.operation import operation
from conv_oracle.truth import fast

ON_EDGES = re.compile(r"empty|same_|valid_|unbatched|until_it_fits|gives_way|refuses_|_at_most")
"""Of plants that are wrong, or raise, on an edge alone: these are no faults of values."""

LARGEST = 20_000


def missed(op):
    """The plants of an operation, and those that no essential problem shows."""
    plants = [plant for plant in plants_of_values(op) if not ON_EDGES.search(plant.name)]
    return plants, [plant for plant in plants if not any(is_wrong(plant, problem) for problem in essential(op))]


def test_they_show_nine_of_ten_planted_faults_of_values():
    every, unseen = [], []
    for name in OPERATIONS:
        plants, hidden = missed(operation(name))
        every += plants
        unseen += hidden
    assert len(every) > 230
    assert len(unseen) <= 0.1 * len(every), sorted(plant.name for plant in unseen)


@pytest.mark.parametrize("name", OPERATIONS)
def test_they_are_few_small_and_ordinary(name):
    listed = essential(operation(name))
    assert 10 <= len(listed) <= MOST_ESSENTIAL
    assert len(set(listed)) == len(listed)
    assert max(problem.multiply_adds for problem in listed) <= LARGEST
    assert not any(map(edge_of, listed))
    assert any(problem.stride == (1,) * problem.dimensions for problem in listed)


def test_half_of_them_show_fewer():
    op = operation("conv2d")
    plants, _ = missed(op)
    few = essential(op)[:4]
    assert sum(any(is_wrong(plant, problem) for problem in few) for plant in plants) < 0.9 * len(plants)


def test_every_family_of_the_catalogue_shows():
    """Of each fault that an edit expresses, some variant, wherever a problem of few products can show it."""
    op = operation("conv2d")
    shown, every = set(), set()
    for fault, variant in variants(op):
        every.add(fault.slug)
        for number, problem in enumerate(essential(op)):
            if fault.slug in shown or problem.multiply_adds > 1000 or number > 20:
                continue
            operands = usual_operands(problem)
            answer = variant.edit.answered(problem, operands)
            right = problem.compute(fast, operands)
            if answer is not None and (answer.shape != right.shape or (answer != right).any()):
                shown.add(fault.slug)
    assert len(shown) > 0.75 * len(every), sorted(every - shown)
