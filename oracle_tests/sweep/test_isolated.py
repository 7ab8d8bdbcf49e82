"""Half precision and channels_last: the same comparisons, with torch in a process of its own."""

import sys
from dataclasses import replace
from itertools import product

import pytest

from conv_oracle.operation import FAMILIES
from conv_oracle.problem import parse
from conv_oracle.space import CHANNELS, covering_problems, one_axis_problems, solvable
from conv_oracle.truth import fast
from sweep.isolated import Child, Run, check_isolated, known_faults, shared_child
from sweep.operands import fits, make_case
from sweep.tally import Tally
from sweep.witness import VERSION, accepts


@pytest.mark.parametrize("onednn", [True, False], ids=["onednn", "plain"])
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.sampled(2)
def test_half_precision(family, dtype, onednn, seed, tally):
    """Each way of computing gets every other problem."""
    covering = (
        problem
        for dimensions in (1, 2, 3)
        for n, problem in enumerate(covering_problems(family, dimensions, wider=True, dtype=dtype))
        if n % 2 == onednn and fits(problem)
    )
    check_isolated(covering, fast, Run(seed, onednn), tally, shared_child())


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("family", FAMILIES)
def test_half_precision_on_one_axis(family, dtype, seed, tally):
    onednn = dtype == "bfloat16"
    pattern, batch = (CHANNELS[3], 2) if onednn else (CHANNELS[7], 3)
    problems = one_axis_problems(family, channels=[pattern], batches=[batch], dtype=dtype)
    check_isolated(filter(fits, problems), fast, Run(seed, onednn), tally, shared_child())


@pytest.mark.parametrize("onednn", [True, False], ids=["onednn", "plain"])
@pytest.mark.parametrize("dtype", [pytest.param("bfloat16", marks=pytest.mark.slow), "float16", "float32", "float64"])
@pytest.mark.sampled(2)
def test_channels_last(dtype, onednn, seed, tally):
    problems = (
        problem
        for family, dimensions in product(FAMILIES, (2, 3))
        for n, problem in enumerate(covering_problems(family, dimensions, dtype=dtype))
        if n % 2 == onednn and len(problem.input_shape) == dimensions + 2 and fits(problem)
    )
    # Another seed: problems of the other nodes come again here, with other operands.
    check_isolated(problems, fast, Run(seed + 1, onednn, channels_last=True), tally, shared_child())


@pytest.mark.parametrize("fault", known_faults(), ids=lambda fault: fault.example)
def test_known_fault_is_still_there(fault, tally):
    """A committed fault is replayed; one that torch has fixed since must leave the list with the version's change."""
    assert fault.explains(fault.example, fault.run, fault.what) == (fault.witness == VERSION)
    problem = parse(fault.example)
    if solvable(problem):
        check_isolated([problem], fast, fault.run, tally, shared_child())
    elif accepts(problem, onednn=fault.run.onednn) and not accepts(problem, onednn=not fault.run.onednn):
        tally.faults.append((True, fault.cause))
    assert tally.faults == [(True, fault.cause)] or fault.witness != VERSION


# What a witness may do to itself: programs that stand in for torch


def _child(does):
    """A child that reads a question and answers it as torch would, unless `does` says otherwise about the notation."""
    return Child(
        [
            sys.executable,
            "-c",
            "import os, signal, sweep.isolated as isolated\n"
            "answer = isolated._answer\n"
            "def broken(questions, run):\n"
            "    for notation, _ in questions:\n"
            f"        {does}\n"
            "    return answer(questions, run)\n"
            "isolated._answer = broken\n"
            "isolated.main()\n",
        ]
    )


LINES = [f"conv1d x2x2x{size} w3x2x2 float16" for size in (4, 5, 6)]


def _faults(child, lines):
    tally = Tally()
    try:
        check_isolated(map(parse, lines), fast, Run(1), tally, child)
    finally:
        child.stop()
    counted = sum(n for _, row, n in tally.as_json()["counts"] if row == "problems")
    return counted, [line for _, line in tally.faults]


def test_a_crash_is_bisected_to_its_problem():
    does = "'x2x2x4 ' in notation and os.kill(os.getpid(), signal.SIGSEGV) or 'x2x2x6 ' in notation and os._exit(3)"
    counted, faults = _faults(_child(does), LINES)
    assert counted == 1
    assert faults == [
        f"{VERSION}, oneDNN on: {LINES[0]}: crashed with signal SIGSEGV",
        f"{VERSION}, oneDNN on: {LINES[2]}: crashed with exit status 3",
    ]


@pytest.mark.slow
def test_a_hang_is_bisected_to_its_problem(monkeypatch):
    monkeypatch.setattr("sweep.isolated.PATIENCE", 1.5)
    counted, faults = _faults(_child("'x2x2x4 ' in notation and signal.pause()"), LINES[:2])
    assert counted == 1
    assert faults == [f"{VERSION}, oneDNN on: {LINES[0]}: hung"]


def test_a_witness_that_contradicts_itself_is_recorded_and_one_that_does_not_fails_us():
    case = make_case(parse("conv1d x2x2x6 w3x2x2 bias float16"), 1)
    theirs = shared_child().answers([case], Run(1))[0]
    wrong = theirs._replace(input=theirs.input + theirs.input.dtype.type(1))

    class Stub:
        def answers(self, cases, run):
            del cases, run
            return [wrong]

    tally = Tally()
    check_isolated([case.problem], fast, Run(1), tally, Stub())
    assert [known for known, _ in tally.faults] == [False]
    assert "wrong input gradient, first at (0, 0, 0)" in tally.faults[0][1]
    broken = replace(fast, to_output=lambda x, w, g: -fast.to_output(x, w, g))
    with pytest.raises(AssertionError, match="forward differs from torch"):
        check_isolated([case.problem], broken, Run(1), Tally(), shared_child())
