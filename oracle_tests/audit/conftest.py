"""What the tests of the audit share."""

import pytest

from audit.brief import BRIEF
from conv_oracle.auditing import LEVELS


@pytest.fixture
def quick_is_brief(monkeypatch):
    """Level 'quick' of the command asks as little as the tests do: a command takes levels by their names alone."""
    monkeypatch.setitem(LEVELS, "quick", BRIEF)
