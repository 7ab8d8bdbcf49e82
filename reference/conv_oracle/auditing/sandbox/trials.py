"""Trials: single calls of a subject before its audit, how well they go, and which restrictions they show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from conv_oracle.auditing.operands import DTYPES, Draws, draw, expected, from_bytes
from conv_oracle.auditing.problems import Restriction, fitted_to
from conv_oracle.auditing.sandbox.frames import Answer
from conv_oracle.auditing.sandbox.pool import Sandbox
from conv_oracle.auditing.sandbox.signature import Binding
from conv_oracle.auditing.sandbox.uncallable import MULTIPLES, means_refusal, refused
from conv_oracle.operation import Operation
from conv_oracle.problem import Problem
from conv_oracle.space import solvable

RIGHT, CAME, FAILED, RAISED = 3, 2, 1, 0
"""How well a trial went: the right values, an answer, a crash or the like (which the audit judges), an exception."""


@dataclass(frozen=True)
class Trials:
    """Single calls of the subject. seed: that of the audit. refusals: exception types that mean 'not supported'.

    raised: the problems that raised.
    """

    sandbox: Sandbox
    op: Operation
    dtype: str
    seed: int
    refusals: tuple[str, ...]
    raised: list[Problem] = field(default_factory=list)

    def answer(self, binding: Binding, problem: Problem) -> Answer:
        """The answer to one problem."""
        return self.called(binding, problem)[1]

    def score(self, binding: Binding, problem: Problem) -> int:
        """How well one call goes."""
        return self.called(binding, problem)[0]

    def called(self, binding: Binding, problem: Problem) -> tuple[int, Answer]:
        """How well one call goes, and its answer; the problem is asked in the dtype of the trials."""
        problem = replace(problem, dtype=self.dtype)
        draws = draw(problem, problem.operand_shapes, 3, np.random.default_rng([self.seed, len(str(problem))]))
        ((_, answers),) = self.sandbox.ask([(None, binding.series(draws, [("call", 0)]))])
        answer = answers[0]
        if answer.outcome == "raised" and "Exception" not in answer.types:  # sys.exit is no refusal
            answer = replace(answer, outcome="crashed")
        if answer.outcome == "raised":
            self.raised.append(problem)
            return RAISED, answer
        if answer.outcome not in ("returned", "not-an-array"):
            return FAILED, answer
        return (RIGHT if _is_right(answer, problem, draws) else CAME), answer


def _is_right(answer: Answer, problem: Problem, draws: Draws) -> bool:
    """Whether an answer has the right shape and, but for a narrow format, whose sums may round, the right values."""
    returned = DTYPES.get(answer.parts[0].dtype) if answer.parts else None
    if returned is None or answer.parts[0].shape != problem.result_shape or returned.narrow:
        return returned is not None and answer.parts[0].shape == problem.result_shape
    truth = expected(problem, draws)[problem.operation.returns][0]
    if len(answer.data) != truth.size * returned.itemsize:
        return False
    with np.errstate(all="ignore"):
        close = np.abs(from_bytes(answer.data, returned, truth.shape) - truth) < 0.5  # the truth is of integers
    return bool(close.all())


def is_said(way: Binding, problem: Problem) -> bool:
    """Whether a way of calling can express a problem, and is not known to be refused; a bias may be left out."""
    return replace(way, optional_bias=True).refuses(problem) is None


def padded(binding: Binding, problem: Problem) -> Problem:
    """A problem with the padding that the subject has of its own accord, where it has one."""
    return binding.fitted(problem) if binding.pads else problem


def needed(
    trials: Trials,
    binding: Binding,
    sample: Problem,
    met: Sequence[Restriction],
    refuses: Callable[[Problem], str | None],
) -> tuple[tuple[Restriction, ...], list[str]]:
    """Which of the restrictions that a problem meets are needed, each with the exception that shows it.

    One that cannot be broken while the others hold is looked at again once fewer of these are left: multiples from the
    largest number on, the others from the loosest on. What cannot be broken then follows from the rest.
    """
    kept, shown = list(met), dict[str, str]()
    for last in (False, True):
        left = [one for one in kept if one.said not in shown]
        if last:
            left.sort(key=lambda one: (0, met.index(one)) if MULTIPLES in one.said else (1, -met.index(one)))
        for restriction in left:
            rest = [one for one in kept if one is not restriction]
            made = (_kept_to(rest, restriction, padded(binding, one)) for one in restriction.broken(sample))
            made = (problem and padded(binding, problem) for problem in made)
            broken = [problem for problem in made if problem is not None and refuses(problem) is None]
            answers = [trials.answer(binding, problem) for problem in broken]
            if answers and all(means_refusal(restriction.said, answer) for answer in answers):
                shown[restriction.said] = f"asked with {restriction.said} only: {refused(answers[0])}"
            elif answers or last:
                kept = rest
    return tuple(kept), [shown[one.said] for one in kept]


def _kept_to(rest: Sequence[Restriction], broken: Restriction, problem: Problem) -> Problem | None:
    """A problem that breaks one restriction and meets the rest; None where there is none."""
    made = fitted_to(rest, problem)
    fits = solvable(made) and made.multiply_adds and all(one.meets(made) for one in rest)
    return made if fits and not broken.meets(made) else None
