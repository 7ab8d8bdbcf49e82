"""The simulated arithmetics are imported by subjects too, which stand alone: both find them beside this file."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from conv_oracle.auditing.level import LEVELS
from conv_oracle.auditing.problems import problems

sys.path.insert(0, str(Path(__file__).parent))

FEW = {"covering": 40, "one_axis": 30, "tails": 20, "pairs": 8, "large": 4, "layers": 6, "mined": 10}


@pytest.fixture(autouse=True, scope="module")
def _few_problems():
    """The first phase asks little here: these audits are about the second."""
    problems.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(LEVELS, "quick", replace(LEVELS["quick"], **FEW))
        patch.setattr("conv_oracle.auditing.ledger.ENOUGH_AFTER_A_FINDING", (300, 0.0, 1.0))
        patch.setattr("conv_oracle.auditing.rounding.phase.REDUCTION_SECONDS", 1.0)
        yield
    problems.cache_clear()
