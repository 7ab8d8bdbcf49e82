"""What is wrong only as people use it is caught: a sample at once, all of them when slow."""

from dataclasses import replace

import pytest

from audit.brief import BRIEF
from audit.usage.registry import SUBJECTS
from conv_oracle.auditing import audit

PATIENT = replace(BRIEF, most_seconds=5.0, rounding=2.0)  # however busy the machine is: what is caught ends early
EVERY = 20
"""One in so many is the sample."""


def name_of(subject):
    return subject.name


def caught(subject, level):
    limits = {"timeout": 4.0, "compile_timeout": 8.0}
    return audit(subject.target, **subject.options, level=level, jobs=1, seed=1, fail_fast=True, **limits)


@pytest.mark.parametrize("subject", [s for s in SUBJECTS if not s.narrow][::EVERY], ids=name_of)
@pytest.mark.sampled(4)
def test_a_brief_audit_catches_a_sample(subject):
    assert caught(subject, PATIENT).verdict == "faulty"


@pytest.mark.slow
@pytest.mark.parametrize("subject", SUBJECTS, ids=name_of)
def test_every_one_is_caught(subject):
    assert caught(subject, "standard" if subject.narrow else "quick").verdict == "faulty"


def test_there_are_at_least_60_and_20_of_them_narrow():
    names = [subject.name for subject in SUBJECTS]
    assert len(set(names)) == len(names) >= 60
    assert sum(subject.narrow for subject in SUBJECTS) >= 20
