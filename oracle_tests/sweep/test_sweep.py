"""The sweep: every problem of the plan, every pass, ours against torch's and against the definition."""

import pytest

from conv_oracle.problem import parse
from conv_oracle.truth import fast
from sweep.check import check_problems
from sweep.plan import Node, nodes


@pytest.mark.parametrize("node", nodes(), ids=lambda node: node.name)
def test_sweep(node: Node, seed, tally):
    check_problems(node.problems(), fast, seed=seed, tally=tally, onednn=node.onednn)


def test_one_problem(request, seed, tally):
    """--problem 'NOTATION': one problem of the sweep again, all of its comparisons."""
    problem = parse(request.config.option.problem)
    for onednn in (False, True):
        check_problems([problem], fast, seed=seed, tally=tally, onednn=onednn, definition_every=1, double=True)
