"""The simulated arithmetics are imported by subjects too, which stand alone: both find them beside this file."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from conv_oracle.auditing.level import LEVELS
from conv_oracle.auditing.problems import problems

sys.path.insert(0, str(Path(__file__).parent))

FEW = {"covering": 40, "one_axis": 30, "tails": 20, "pairs": 8, "large": 4, "layers": 6, "constants": 10}
BRIEF = {"more_calls": 300, "least_seconds": 0.0, "most_seconds": 1.0, "rounding_reduction_seconds": 1.0}


@pytest.fixture(autouse=True, scope="module")
def _few_problems():
    """The first phase asks little here: these audits are about the second."""
    problems.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(LEVELS, "quick", replace(LEVELS["quick"], **FEW, **BRIEF))
        yield
    problems.cache_clear()
