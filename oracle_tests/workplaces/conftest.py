"""What these tests share: verdicts of the shipped example, each audited once."""

from dataclasses import replace
from pathlib import Path

import pytest

from audit.brief import HURRIED
from conv_oracle.auditing import audit

EXAMPLE = Path(__file__).parents[2] / "scripts" / "example"
FAULTY = Path(__file__).parents[1] / "audit" / "faulty_subjects.py"


@pytest.fixture(scope="module")
def faulty():
    return audit(f"{EXAMPLE}/faulty.py:conv2d", level=replace(HURRIED, seconds=1.0), seed=1)


@pytest.fixture(scope="module")
def conforming():
    return audit(f"{EXAMPLE}/conforming.py:conv2d", level=replace(HURRIED, seconds=1.0), seed=1)


@pytest.fixture(scope="module")
def without_verdict():
    return audit(f"{FAULTY}:refuses_everything", op="conv2d", level=HURRIED, seed=1)
