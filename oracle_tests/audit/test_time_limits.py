"""The time limits of calls: a first call may compile, another may not, and none goes on without end."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from audit.brief import BRIEF
from conv_oracle.auditing import audit
from conv_oracle.auditing.operands import draw
from conv_oracle.auditing.sandbox import Limits, Sandbox, Subject, bindings
from conv_oracle.auditing.sandbox.workers import Seconds
from conv_oracle.operation import operation
from conv_oracle.problem import parse

SUBJECTS = Path(__file__).with_name("slow_subjects.py")
SHORT = replace(BRIEF, seconds=3.0, settling_seconds=0.0, diagnosis_seconds=1.0)
LIMIT = 0.3
"""Less than a first call of these subjects takes."""


def audited(name, **options):
    given = {"op": "conv2d", "level": SHORT, "jobs": 1, "seed": 3, "timeout": LIMIT}
    return audit(f"{SUBJECTS}:{name}", **{**given, **options})


@pytest.mark.parametrize("name", ["compiles_once", pytest.param("compiles_each_shape", marks=pytest.mark.slow)])
def test_a_first_call_may_compile(name):
    verdict = audited(name)
    assert verdict.findings == ()
    assert verdict.verdict == ("conforms" if name == "compiles_once" else "no-verdict")
    if verdict.verdict == "no-verdict":  # each of the essential shapes takes a compilation
        assert "were not asked in time: --seconds" in verdict.scope.essential.help


@pytest.mark.parametrize("name", ["compiles_once", pytest.param("compiles_each_shape", marks=pytest.mark.slow)])
@pytest.mark.slow
def test_a_first_call_has_a_limit_too(name):
    verdict = audited(name, compile_timeout=LIMIT)
    assert {finding.kind for finding in verdict.findings} == {"hung"}


def test_a_call_that_was_made_before_does_not_compile():
    verdict = audited("hangs_when_repeated")
    assert {finding.kind for finding in verdict.findings} == {"hung"}


def test_the_seconds_of_first_and_of_repeated_calls_are_kept_apart():
    with Sandbox(Subject(f"{SUBJECTS}:compiles_each_shape", "numpy")) as sandbox:
        binding = bindings(sandbox.introduce().signature, operation("conv2d"))[0]
        assert (sandbox.first_call_seconds, sandbox.call_seconds) == (0.0, 0.0)
        series = []
        for size in (4, 5):
            problem = parse(f"conv2d x1x1x4x{size} w1x1x1x1 float64")
            draws = draw(problem, problem.operand_shapes, 2, np.random.default_rng(0), uniform=2)
            series.append(binding.series(draws, [("call", 0), ("call", 1), ("reread", 0)]))
        assert len(list(sandbox.ask(enumerate(series)))) == 2
        assert sandbox.first_call_seconds >= 0.2  # half of what it sleeps: two clocks measure it
        assert 0.0 < sandbox.call_seconds < sandbox.first_call_seconds


def test_one_first_call_that_does_not_end_is_waited_for_and_no_other():
    subject = Subject("kernels:conv2d", "numpy", timeout=1.0, limits=Limits(loading_seconds=50.0))
    seconds = Seconds()
    assert (seconds.limit(subject, first=True), seconds.limit(subject, first=False)) == (50.0, 1.0)
    assert replace(subject, compile_timeout=7.0).first_timeout == 7.0
    assert replace(subject, compile_timeout=0.5).first_timeout == 1.0
    seconds.unended = True
    assert seconds.limit(subject, first=True) == 1.0
    seconds.note(3.0, first=True)
    assert seconds.limit(subject, first=True) == 15.0
    seconds.note(30.0, first=True)
    assert seconds.limit(subject, first=True) == 50.0


@pytest.mark.slow
def test_a_subject_that_never_ends_costs_its_longest_time_once():
    compiling = 3.0
    began = time.monotonic()
    verdict = audited("never_ends", compile_timeout=compiling)
    assert {finding.kind for finding in verdict.findings} == {"hung"}
    assert compiling < time.monotonic() - began < compiling + SHORT.longest


def slow_series(sandbox, count):
    """Series of one quick call and of slow ones after it."""
    binding = bindings(sandbox.introduce().signature, operation("conv2d"))[0]
    for size in range(4, 4 + count):
        problem = parse(f"conv2d x1x1x4x{size} w1x1x1x1 float64")
        draws = draw(problem, problem.operand_shapes, 2, np.random.default_rng(0), uniform=2)
        yield size, binding.series(draws, [("call", 0), *[("call", 1)] * 8])


def test_what_would_begin_after_the_end_is_not_asked_and_is_no_fault_of_the_subject():
    with Sandbox(Subject(f"{SUBJECTS}:hangs_when_repeated", "numpy")) as sandbox:
        series = list(slow_series(sandbox, 3))
        sandbox.allow(0.3)
        began = time.monotonic()
        answered = dict(sandbox.ask(series))
        assert 0.3 < time.monotonic() - began < 3.0
        assert [answers[-1].outcome for answers in answered.values()] == ["harness-fault"] * 3
        assert len(answered[4]) < 9
        assert sandbox.over


def test_an_answer_that_is_on_its_way_is_waited_for_and_no_other():
    with Sandbox(Subject(f"{SUBJECTS}:hangs_when_repeated", "numpy")) as sandbox:
        (one,) = slow_series(sandbox, 1)
        quick = replace(one[1], steps=one[1].steps[:2])
        assert dict(sandbox.ask([(0, quick)]))
        began = time.monotonic()
        assert dict(sandbox.ask([(1, quick), one], began + 0.3)).keys() <= {1}
        assert time.monotonic() - began < 3.5
        assert not sandbox.over


def test_no_call_is_waited_for_beyond_the_bound():
    with Sandbox(Subject(f"{SUBJECTS}:never_ends", "numpy")) as sandbox:
        ((_, series),) = slow_series(sandbox, 1)
        sandbox.bound(0.5)
        sandbox.allow(60.0)
        began = time.monotonic()
        ((_, answers),) = sandbox.ask([(0, series)])
        assert answers[-1].outcome == "harness-fault"
        assert time.monotonic() - began < 5.0
