"""The sandbox by itself, and how an audit puts up with what is out of the ordinary."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from audit.brief import BRIEF
from conv_oracle.auditing import audit
from conv_oracle.auditing.judging import Ask, Judgement, Ledger
from conv_oracle.auditing.operands import draw
from conv_oracle.auditing.sandbox import Sandbox, Subject, bindings
from conv_oracle.errors import TargetError
from conv_oracle.operation import operation
from conv_oracle.problem import parse

SUBJECTS = Path(__file__).with_name("faulty_subjects.py")


def drawn(notation):
    problem = parse(notation)
    return draw(problem, problem.operand_shapes, 2, np.random.default_rng(0), uniform=2)


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_time_of_who_judges_is_not_the_subjects(jobs):
    limit = 0.5
    with Sandbox(Subject(f"{SUBJECTS}:right", "numpy", timeout=limit), jobs) as sandbox:
        binding = bindings(sandbox.introduce().signature, operation("conv2d"))[0]
        series = [binding.series(drawn(f"conv2d x1x1x4x{n} w1x1x1x1 float64"), [("call", 0)]) for n in range(4, 8)]
        for _, answers in sandbox.ask(enumerate(series)):
            assert [answer.outcome for answer in answers] == ["returned"]
            time.sleep(1.2 * limit)


@pytest.mark.parametrize("name", ["aborts_on_words", "aborts_on_an_unbatched_input"])
@pytest.mark.sampled(2)
def test_only_what_raises_is_a_refusal(name):
    verdict = audit(f"{SUBJECTS}:{name}", op="conv2d", level=BRIEF, jobs=1, seed=3)
    assert {finding.kind for finding in verdict.findings} == {"crashed"}


def test_a_crash_is_a_crash_where_a_refusal_is_asked_for_too():
    found = audit(f"{SUBJECTS}:aborts_without_an_output", op="conv2d", level=BRIEF, jobs=1, seed=3).findings
    assert "where no output exists" in {finding.condition for finding in found}
    assert {(finding.kind, finding.fault) for finding in found} == {("crashed", "crashes")}


def test_what_is_certain_is_kept_where_another_step_is_doubtful():
    ledger, ask = Ledger(BRIEF), Ask(drawn("conv2d x1x1x4x4 w1x1x3x3 float64"), [("call", 0), ("call", 1)])
    ones = np.ones(4)
    doubtful = Judgement("wrong", "wrong-value", largest=3.0, got=ones, expected=ones)
    ledger.note(ask, [doubtful, Judgement("wrong", "crashed", "it died")])
    assert [symptom.kind for symptom in ledger.worst] == ["crashed"]
    assert [doubt.observation.step for doubt in ledger.doubted] == [0]


def test_a_fault_of_the_harness_is_no_fault_of_the_subject_and_is_not_forgotten():
    ledger, ask = Ledger(BRIEF), Ask(drawn("conv2d x1x1x4x4 w1x1x3x3 float64"), [("call", 0), ("call", 0)])
    doubtful = Judgement("wrong", "wrong-value", largest=3.0, got=np.ones(4), expected=np.ones(4))
    ledger.settle(ask, doubtful, [Judgement("harness-fault", text="no memory for the answer")] * 2)
    assert not ledger.worst
    resumed = Ledger(BRIEF)
    resumed.restore(ledger.written())
    assert resumed.harness == {"no memory for the answer": 2}


@pytest.mark.parametrize(
    "notation", ["conv2d x1x1x4x4 w1x1x3x3 p1:2,1 float64", "conv2d x1x1x4x4 w1x1x3x3 p1 reflect float64"]
)
def test_what_a_call_cannot_say_is_not_asked(notation):
    verdict = audit(f"{SUBJECTS}:right", op="conv2d", only=[parse(notation)], jobs=1)
    assert verdict.verdict == "no-verdict"
    assert any(line.startswith("not tested: conv2d x1x1x4x4") for line in verdict.scope.narrowed)


def test_what_comes_after_the_levels_time_is_cut_short_and_said():
    short = replace(BRIEF, seconds=0.05, after=0.0, settling_seconds=0.0)
    verdict = audit(f"{SUBJECTS}:right", op="conv2d", level=short, jobs=1, seed=3)
    assert verdict.findings == ()
    assert any("cut short by the time limit" in line for line in verdict.scope.narrowed)
    assert not any(row.parameter == "operands" and "first call" in row.value for row in verdict.scope.exercised)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"timeout": float("nan")}, "timeout=nan"),
        ({"timeout": 0.0}, "timeout=0"),
        ({"jobs": -1}, "jobs=-1"),
        (
            {"only": [parse("conv2d x1x1x4x4 w1x1x3x3 float8"), parse("conv2d x1x1x4x4 w1x1x3x3 float64")]},
            "dtype='float8'",
        ),
        ({"only": [parse("conv1d x1x1x4 w1x1x3 float64")]}, "op='conv1d'"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(options, said):
    with pytest.raises(TargetError, match=said):
        audit(f"{SUBJECTS}:right", op="conv2d", **{"level": BRIEF, **options})
