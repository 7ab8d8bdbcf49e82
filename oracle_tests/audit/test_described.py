"""Faults that nobody planned are named as their authors named them before: a sample at once, all of them when slow."""

import pytest

from audit.brief import BRIEF
from audit.described.kept.registry import SUBJECTS as KEPT
from audit.described.seen.registry import SUBJECTS as SEEN
from conv_oracle.auditing import audit
from conv_oracle.faults import CATALOGUE

SAMPLE = (
    "seen/loops:conv2d_checked",
    "seen/backward:transposed1d_scatter",
)
LIMITS = {"jobs": 1, "seed": 1, "timeout": 5.0, "compile_timeout": 5.0}


def first_of(subject, level):
    verdict = audit(subject.target, **subject.options, level=level, **LIMITS)
    assert verdict.verdict == "faulty", (subject.name, verdict.scope)
    return verdict.findings[0]


@pytest.mark.parametrize("subject", [one for one in SEEN if one.name in SAMPLE], ids=lambda one: one.name)
def test_a_brief_audit_names_a_sample(subject):
    found = first_of(subject, BRIEF)
    assert found.fault in subject.names, (found.diagnosis.title, subject.says)


@pytest.mark.slow
@pytest.mark.parametrize("half", [SEEN, KEPT], ids=["seen", "kept"])
def test_nine_of_ten_are_named_rightly_and_hardly_one_is_unknown(half):
    found = {one.name: first_of(one, "quick").fault for one in half}
    wrong = [one.name for one in half if found[one.name] not in one.names]
    assert len(wrong) <= 0.1 * len(half), {name: found[name] for name in wrong}
    assert list(found.values()).count("unknown") <= 0.03 * len(half)


def test_there_are_120_and_each_has_names_that_exist():
    assert len({one.name for one in (*SEEN, *KEPT)}) >= 120
    assert all(one.names and one.names <= set(CATALOGUE) and one.says for one in (*SEEN, *KEPT))
    assert {one.name for one in SEEN} >= set(SAMPLE)
