"""Restrictions: what fits one meets it, what breaks one does not, and an ordinary problem is an edge's sibling."""

import pytest

from conv_oracle.auditing import LEVELS
from conv_oracle.auditing.problems import axes_of, edge_of, edges, fitted_to, ordinary, problems, size_restrictions
from conv_oracle.auditing.sandbox.samples import usual
from conv_oracle.operation import operation
from conv_oracle.problem import parse
from conv_oracle.space import solvable

OPS = ("conv1d", "conv2d", "conv3d", "conv_transpose2d", "conv2d_input", "conv1d_weight")
QUICK = LEVELS["quick"]


@pytest.mark.parametrize("op", OPS)
def test_what_is_fitted_meets_a_restriction_and_what_breaks_it_does_not(op):
    asked = [p for p in problems(operation(op), QUICK)[::23] if p.multiply_adds < 100_000]
    seen = set()
    for sample in usual(operation(op), 3):
        for restriction in size_restrictions(sample):
            if restriction.said in seen or not restriction.meets(sample):
                continue
            seen.add(restriction.said)
            fitted = [restriction.fitted(problem) for problem in asked]
            assert all(restriction.meets(problem) for problem in fitted if solvable(problem)), restriction.said
            grouped = "one group" in restriction.said  # a sample of one group has none to break
            assert grouped or list(restriction.broken(sample)), restriction.said
            assert not any(map(restriction.meets, restriction.broken(sample))), restriction.said
    assert len(seen) > 20


def test_several_restrictions_are_met_together():
    sample = parse("conv2d x1x16x16x16 w16x16x3x3 p1 float64")
    said = (
        "a square kernel",
        "a square image",
        "an odd kernel",
        "channels per group in multiples of 4",
        "a batch of 1",
    )
    wanted = [one for one in size_restrictions(sample) if one.said in said]
    assert len(wanted) == len(said)
    for problem in problems(operation("conv2d"), QUICK)[:200]:
        fitted = fitted_to(wanted, problem)
        if solvable(fitted):
            assert all(one.meets(fitted) for one in wanted), (problem, fitted)


@pytest.mark.parametrize("op", OPS)
def test_ordinary_problems_come_first_and_edges_apart(op):
    listed, apart = problems(operation(op), QUICK), edges(operation(op), QUICK)
    assert not any(map(edge_of, listed))
    assert all(map(edge_of, apart))
    counts = {edge: sum(edge_of(p) == edge for p in apart) for edge in map(edge_of, apart)}
    assert set(counts.values()) <= set(range(1, QUICK.edges + 1))
    assert "an empty batch" in counts


def test_a_problem_on_an_edge_has_an_ordinary_sibling():
    assert str(ordinary(parse("conv2d x0x2x5x5 w2x2x3x3 float64"))) == "conv2d x2x2x5x5 w2x2x3x3 float64"
    assert str(ordinary(parse("conv2d x2x5x5 w2x2x3x3 float64"))) == "conv2d x1x2x5x5 w2x2x3x3 float64"
    assert str(ordinary(parse("conv2d x2x2x5x5 w2x2x3x3 psame float64"))) == "conv2d x2x2x5x5 w2x2x3x3 p1 float64"
    assert ordinary(parse("conv2d x2x2x5x5 w2x2x2x2 psame float64")) is None
    beyond = parse("conv_transpose1d x1x1x3 w1x1x3 s2 o2 d3 float64")
    assert [axis.output_padding for axis in axes_of(ordinary(beyond))] == [1]
