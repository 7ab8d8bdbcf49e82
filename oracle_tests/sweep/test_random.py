"""Beyond the enumerated space: random problems, channels and sizes to 64, at most 10^7 multiply-adds."""

import hypothesis
import pytest

from conv_oracle.operation import FAMILIES
from conv_oracle.truth import fast
from sweep.check import check_problems
from sweep.isolated import Run, check_isolated, shared_child
from sweep.strategies import problems

EXAMPLES = 60


def randomly(strategy, seed, examples=EXAMPLES):
    """A decorator: run the function on what the seed draws from the strategy, the smallest failure last."""

    def run(function):
        settings = hypothesis.settings(
            max_examples=examples,
            deadline=None,
            database=None,
            print_blob=False,
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        hypothesis.seed(seed)(settings(hypothesis.given(strategy)(function)))()

    return run


@pytest.mark.parametrize("share", range(4))
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("family", FAMILIES)
def test_random_problems(family, dtype, share, seed, tally):
    @randomly(problems(family, dtype), seed * 1000 + share)
    def check(problem):
        check_problems([problem], fast, seed=seed, tally=tally, onednn=dtype == "float32" and share == 0)


@pytest.mark.parametrize("channels_last", [False, True], ids=["contiguous", "channels_last"])
@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32"])
@pytest.mark.parametrize("family", FAMILIES)
def test_random_isolated(family, dtype, channels_last, seed, tally):
    @randomly(problems(family, dtype), seed * 1000 + 7 + channels_last, EXAMPLES // 2)
    def check(problem):
        check_isolated([problem], fast, Run(seed, channels_last=channels_last), tally, shared_child())
