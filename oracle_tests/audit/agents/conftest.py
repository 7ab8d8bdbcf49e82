"""Verdicts that several tests look at, and copies of the shipped examples under a user's names."""

import shutil
from pathlib import Path

import pytest

from audit.brief import HURRIED
from conv_oracle.auditing import audit

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "scripts" / "example"


@pytest.fixture(scope="session")
def faulty():
    return audit(f"{EXAMPLES}/faulty.py:conv2d", level=HURRIED, seed=1, fail_fast=True)


@pytest.fixture(scope="session")
def right():
    return audit(f"{EXAMPLES}/conforming.py:conv2d", level=HURRIED, seed=1)


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """The faulty example as `mine.py` in the current directory."""
    shutil.copy(EXAMPLES / "faulty.py", tmp_path / "mine.py")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "mine.py"
