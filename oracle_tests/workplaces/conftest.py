"""What these tests share: verdicts of the shipped example, each audited once."""

from dataclasses import replace
from pathlib import Path

import pytest

from audit.brief import HURRIED
from conv_oracle.auditing import audit

EXAMPLE = Path(__file__).parents[2] / "scripts" / "example"


@pytest.fixture(scope="session")
def faulty():
    return audit(f"{EXAMPLE}/faulty.py:conv2d", level=replace(HURRIED, seconds=9.0), seed=1)


@pytest.fixture(scope="session")
def conforming():
    return audit(f"{EXAMPLE}/conforming.py:conv2d", level=replace(HURRIED, seconds=9.0), seed=1)


@pytest.fixture(scope="session")
def without_verdict(conforming):
    """What an audit says that was not long enough."""
    needed = replace(
        conforming.scope.essential, right=1, missing=("conv2d x1x1x2x2 w1x1x2x2 float64",), help="--seconds 9"
    )
    return replace(conforming, verdict="no-verdict", scope=replace(conforming.scope, essential=needed))
