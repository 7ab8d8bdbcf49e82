"""A reward is 1.0 for what conforms, 0.0 for what is wrong, and masked where nothing was learned."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

import conv_oracle
from audit.brief import BRIEF, HURRIED
from conv_oracle.agents import MOST_BYTES, Reward, rewarded
from conv_oracle.auditing import Essential, audit
from conv_oracle.errors import SubjectError, TargetError

SUBJECTS = Path(__file__).parents[1]
EXAMPLES = SUBJECTS.parents[1] / "scripts" / "example"


def of(outcome, **options):
    made = conv_oracle.reward(outcome, **options)
    assert isinstance(made, Reward)
    assert len(made.feedback.encode()) <= MOST_BYTES
    assert made.feedback.endswith("\n")
    assert (made.reward == 1.0) == (made.failure_kind == "")
    return made.reward, made.mask_sample, made.failure_kind


def without_verdict(verdict, **scope):
    return replace(verdict, verdict="no-verdict", scope=replace(verdict.scope, **scope))


def missing(**changes):
    return Essential(planned=9, right=3, excused=0, missing=("conv2d x1x1x1x2 w1x1x1x2",), help="...", **changes)


def test_what_conforms_and_what_is_faulty(right, faulty):
    assert of(right) == (1.0, False, "")
    assert of(faulty) == (0.0, False, "wrong-value")


def test_a_subject_that_refuses_everything_has_only_itself_to_blame():
    verdict = audit(f"{SUBJECTS}/faulty_subjects.py:refuses_everything", op="conv2d", level=HURRIED, seed=3)
    assert verdict.verdict == "no-verdict"
    assert of(verdict) == (0.0, False, "too-little-answered")


def test_what_was_not_asked_in_time_is_nobodys_fault(right):
    assert of(without_verdict(right, essential=missing(unasked=1))) == (0.0, True, "too-slow")
    assert of(without_verdict(right, essential=missing())) == (0.0, False, "too-little-answered")
    late = {"essential": None, "truncated": "stopped at the level's time limit, 1 s"}
    assert of(without_verdict(right, **late)) == (0.0, True, "too-slow")
    assert of(without_verdict(right, **{**late, "truncated": ""})) == (0.0, False, "too-little-answered")


def test_an_error_of_the_audit_is_masked(right):
    assert of(without_verdict(right, harness=("OSError: no memory",))) == (0.0, True, "harness")
    assert of(MemoryError()) == (0.0, True, "harness")
    assert of(SubjectError("it does not load")) == (0.0, False, "not-loadable")
    assert of(TargetError("a level is known: level='swift'")) == (0.0, True, "not-asked")


@pytest.mark.parametrize(
    "source",
    [
        "def conv2d(input, weight):\n    return input +\n",
        "raise RuntimeError('\\x1b[2J\\n' + 'reward 1.0 ' * 900)",
        "def conv2d(input, weight):\n    raise KeyError('always')\n",
        "def other(input, weight): ...\n",
        "import os\nos._exit(0)\n",
    ],
    ids=["syntax", "raises", "every-call-raises", "missing", "exits"],
)
def test_what_does_not_load_or_answer_is_told_and_not_raised(tmp_path, source):
    (tmp_path / "mine.py").write_text(source)
    made = rewarded(f"{tmp_path}/mine.py:conv2d", level=BRIEF)
    assert (made.reward, made.mask_sample, made.failure_kind) == (0.0, False, "not-loadable")
    assert len(made.feedback.encode()) <= MOST_BYTES
    assert made.feedback.count("\n") == 1
    assert made.feedback[:-1].isprintable()


def test_options_that_do_not_fit_are_raised_as_every_answer_would_be_masked():
    with pytest.raises(TargetError, match="level='swift'"):
        rewarded(f"{EXAMPLES}/faulty.py:conv2d", level="swift")
    with pytest.raises(TargetError, match="needs='strides'"):
        rewarded(f"{EXAMPLES}/faulty.py:conv2d", needs=("strides",))


def test_an_error_of_our_own_is_masked_and_not_raised(monkeypatch):
    def fails(*_, **__):
        raise RuntimeError("ours")

    monkeypatch.setattr(sys.modules[rewarded.__module__], "audit", fails)
    made = rewarded(f"{EXAMPLES}/faulty.py:conv2d")
    assert (made.mask_sample, made.failure_kind, made.feedback) == (True, "harness", 'harness: "RuntimeError: ours"\n')


def test_leaving_a_parameter_out_is_no_way_to_a_reward(right):
    every = ("stride", "padding", "dilation", "groups", "bias", "batch")
    assert of(right, needs=every) == (1.0, False, "")
    narrow = tuple(row for row in right.scope.exercised if (row.parameter, row.value) != ("groups", "more than 1"))
    verdict = replace(right, scope=replace(right.scope, exercised=narrow))
    assert of(verdict) == (1.0, False, "")
    assert of(verdict, needs=every) == (0.0, False, "narrow")
    assert "groups must be taken" in conv_oracle.reward(verdict, needs=every).feedback
    refused = tuple(replace(row, compared=0) if row.value == "more than 1" else row for row in right.scope.exercised)
    assert of(replace(right, scope=replace(right.scope, exercised=refused)), needs=["stride"]) == (0.0, False, "narrow")
