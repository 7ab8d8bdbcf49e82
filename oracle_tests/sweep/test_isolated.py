"""Half precision and channels_last: the same comparisons, with torch in a process of its own."""

from itertools import product

import pytest

from conv_oracle.space import CHANNELS, FAMILIES, covering_problems, one_axis_problems
from conv_oracle.truth import fast
from sweep.check import assert_same, blocks, checked_answers, repeat
from sweep.compare import difference
from sweep.isolated import Run, against_itself, known_faults, shared_child
from sweep.operands import fits, make_case
from sweep.witness import VERSION


def check_isolated(problems, run, tally, child):
    flags = ("oneDNN",) * run.onednn + ("channels_last",) * run.channels_last
    for cases in blocks(make_case(problem, run.seed) for problem in problems if fits(problem)):
        for case, theirs in zip(cases, child.answers(cases, run), strict=True):
            ours = checked_answers(fast, case, run.seed)
            fault = theirs if isinstance(theirs, str) else wrong(case, ours, theirs, run.seed)
            if fault:
                known = [known.cause for known in known_faults() if known.covers(case.notation, run, fault)]
                line = f"{VERSION}, {run}: {case.notation}: {fault}"
                tally.faults.append((True, known[0]) if known else (False, line))
            else:
                outputs = assert_same(case, ours, theirs, VERSION, run.seed)
                tally.problem(case.problem, outputs, double=case.double, flags=flags)


def wrong(case, ours, theirs, seed):
    if not any(difference(got, want) for (_, got), (_, want) in zip(theirs.named(), ours.named(), strict=True)):
        return None
    fault = against_itself(case, ours, theirs, seed)
    if fault is None:
        assert_same(case, ours, theirs, VERSION, seed)
    return fault


@pytest.mark.parametrize("onednn", [True, False], ids=["onednn", "plain"])
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("family", FAMILIES)
def test_half_precision(family, dtype, onednn, seed, tally):
    def problems():
        for dimensions in (1, 2, 3):
            yield from covering_problems(family, dimensions, wider=True, dtype=dtype)
        for pattern, batch in ((CHANNELS[3], 2), (CHANNELS[7], 1)) if onednn else ((CHANNELS[1], 3),):
            yield from one_axis_problems(family, channels=[pattern], batches=[batch], dtype=dtype)

    check_isolated(problems(), Run(seed, onednn), tally, shared_child())


@pytest.mark.parametrize("onednn", [True, False], ids=["onednn", "plain"])
@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32", "float64"])
def test_channels_last(dtype, onednn, seed, tally):
    problems = (
        problem
        for family, dimensions in product(FAMILIES, (2, 3))
        for problem in covering_problems(family, dimensions, dtype=dtype)
        if len(problem.input_shape) == dimensions + 2
    )
    check_isolated(problems, Run(seed, onednn, channels_last=True), tally, shared_child())
