"""The audits of the tests ask less than those of a user, so that there can be many."""

from dataclasses import replace

import pytest

from conv_oracle.audit import levels


@pytest.fixture(autouse=True)
def _few_problems(monkeypatch):
    monkeypatch.setitem(levels.LEVELS, "quick", replace(levels.LEVELS["quick"], covering=160, one_axis=120))
    monkeypatch.setattr("conv_oracle.audit.run.ENOUGH_AFTER_A_FINDING", (150, 0.0, 2.0))
    levels.problems.cache_clear()
