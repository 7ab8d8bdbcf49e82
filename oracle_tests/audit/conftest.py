"""The audits of the tests ask less than those of a user, so that there can be many."""

from dataclasses import replace

import pytest

from conv_oracle.auditing.level import LEVELS
from conv_oracle.auditing.problems import problems

FEW = {"covering": 110, "one_axis": 80, "tails": 60, "pairs": 20, "large": 12, "layers": 16, "mined": 30}


@pytest.fixture(autouse=True, scope="module")
def _few_problems(request):
    """A module that sets WHOLE_LEVELS is about the lists as they are."""
    problems.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        if not getattr(request.module, "WHOLE_LEVELS", False):
            patch.setitem(LEVELS, "quick", replace(LEVELS["quick"], **FEW))
            patch.setattr("conv_oracle.auditing.ledger.ENOUGH_AFTER_A_FINDING", (500, 0.0, 2.0))
            patch.setattr("conv_oracle.auditing.findings.REDUCTION_SECONDS", 2.0)
        yield
    problems.cache_clear()
