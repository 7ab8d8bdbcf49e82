"""One problem against its witnesses: every pass against torch, some against the definition too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from conv_oracle.formulas import definition
from conv_oracle.passes import Passes
from conv_oracle.problem import Problem
from sweep import witness
from sweep.answers import Answers, answers
from sweep.compare import difference
from sweep.operands import Case, disturbed_pools, make_case
from sweep.tally import Tally

BLOCK = 64
"""Problems to one call of torch's autograd engine, whose start costs as much as a small convolution."""

DEFINITION_EVERY = 7
DEFINITION_MOST = 200
"""Multiply-adds up to which a problem may be asked of the definition."""


def check_problems(
    problems: Iterable[Problem],
    passes: Passes,
    *,
    seed: int,
    tally: Tally,
    onednn: bool = False,
    definition_every: int = DEFINITION_EVERY,
    definition_most: int = DEFINITION_MOST,
    double: bool | None = None,
) -> None:
    """Assert that every pass of every problem equals torch's, and for one in `definition_every` the definition's."""
    flags = ("oneDNN",) if onednn else ()
    for cases in blocks(make_case(problem, seed, double=double) for problem in problems):
        for case, theirs in zip(cases, witness.torch_answers(cases, onednn=onednn), strict=True):
            ours = checked_answers(passes, case, seed)
            outputs = assert_same(case, ours, theirs, witness.VERSION, seed)
            tally.problem(case.problem, outputs, double=case.double, flags=flags)
            if definition_every and case.key // 16 % definition_every == 0:
                check_definition(case, ours, seed, tally, definition_most)
    changed = disturbed_pools()
    assert not changed, f"somebody wrote into the operands: {', '.join(changed)}"


def check_definition(case: Case, ours: Answers, seed: int, tally: Tally, most: int = DEFINITION_MOST) -> None:
    """Assert that every pass equals the definition's, unless the problem is too large to wait for."""
    if case.problem.multiply_adds <= most:
        assert_same(case, ours, checked_answers(definition, case, seed), "the definition", seed)
        tally.count(case.problem, "against the definition")


def checked_answers(passes: Passes, case: Case, seed: int) -> Answers:
    """Our answers; an error of ours is a failure like a wrong value, for every problem here has a solution."""
    try:
        return answers(passes, case)
    except Exception as error:
        raise AssertionError(
            f"{case.notation}: raised {type(error).__name__}: {error}\n{repeat(case, seed)}"
        ) from error


def assert_same(case: Case, ours: Answers, theirs: Answers, name: str, seed: int) -> int:
    """Assert equality of every pass, and return how many numbers were compared."""
    outputs = 0
    for (what, got), (_, expected) in zip(ours.named(), theirs.named(), strict=True):
        found = difference(got, expected)
        if found:
            raise AssertionError(f"{case.notation}: {what} differs from {name}: {found}\n{repeat(case, seed)}")
        outputs += expected.size
    return outputs


def repeat(case: Case, seed: int) -> str:
    """The command that repeats one problem."""
    return f"repeat: python -m pytest oracle_tests/sweep -n 0 --seed {seed} --problem '{case.notation}'"


def blocks(cases: Iterator[Case]) -> Iterator[list[Case]]:
    """The cases by BLOCK."""
    while block := list(islice(cases, BLOCK)):
        yield block
