"""The sweep: every problem of the plan, every pass, ours against torch's and against the definition."""

import pytest

from conv_oracle.problem import parse
from conv_oracle.truth import fast, gemm, small
from sweep.check import check_problems
from sweep.plan import Node, nodes


@pytest.mark.parametrize("node", nodes(), ids=lambda node: node.name)
@pytest.mark.sampled(4)
def test_sweep(node: Node, seed, tally, monkeypatch):
    if node.large:
        monkeypatch.setattr(small, "LARGEST", -1)
        monkeypatch.setattr(gemm, "BLOCK_BYTES", 1 << 12)
    check_problems(node.problems(), fast, seed=seed, tally=tally, onednn=node.onednn)


def test_one_problem(request, seed, tally):
    """--problem 'NOTATION': one problem of the sweep again, all of its comparisons."""
    problem = parse(request.config.option.problem)
    for onednn in (False, True):
        check_problems(
            [problem],
            fast,
            seed=seed,
            tally=tally,
            onednn=onednn,
            definition_every=1,
            definition_most=problem.multiply_adds,
            double=True,
        )
