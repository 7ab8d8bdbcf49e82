"""What the tests of the audit share."""

import pytest

from audit.brief import BRIEF
from audit.shown_verdicts import shown  # noqa: F401 - a fixture
from conv_oracle.auditing import LEVELS

HALVED = (
    "test_audit_faulty",
    "test_bias_after",
    "test_diagnosis",
    "test_fair_verdict",
    "test_fast_bounds",
    "test_float8",
    "test_float8_rounding",
    "test_hostile",
    "test_native_planted",
    "test_right_subjects",
    "test_rounding_audit",
    "test_wider",
)
"""Modules with an audit per parameter: every second one is for the slow run, the others are its sample."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for module in HALVED:
        audits = [item for item in items if item.module.__name__.endswith(module) and hasattr(item, "callspec")]
        for item in audits[1::2]:
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def quick_is_brief(monkeypatch):
    """Level 'quick' of the command asks as little as the tests do: a command takes levels by their names alone."""
    monkeypatch.setitem(LEVELS, "quick", BRIEF)
