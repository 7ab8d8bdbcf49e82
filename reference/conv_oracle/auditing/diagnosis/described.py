"""What a subject computes where it is wrong: read on the most telling problems, and described."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from conv_oracle.auditing.diagnosis.conditions import measures
from conv_oracle.auditing.diagnosis.explaining import Case
from conv_oracle.auditing.diagnosis.relations import revealed
from conv_oracle.auditing.judging import CODED, Ask, Judgement, Session, returned
from conv_oracle.auditing.operands import by_all, given
from conv_oracle.auditing.problems import smaller
from conv_oracle.auditing.reading import MOST_CALLS, Computation, Description, Operands, computation, described, needed
from conv_oracle.passes import Array
from conv_oracle.problem import Problem

MOST_READ, MOST_TRIED, MOST_CANDIDATES = 16, 40, 120
NOVELTY = 0.3
LARGEST_READ = 20_000
PER_PRODUCT, PER_NUMBER = 1e-6, 3e-8
"""The seconds that a loop in Python takes for a product, and that a call takes for a number of its arrays."""

EASY, ROUNDS, REDUCTIONS = 40_000, 8, 12
"""The numbers of a reading of which there are many in the time; and how far larger problems are made smaller first."""

ENOUGH = 2
"""So many are read with the time of three each."""

LEAST_TO_DESCRIBE = 1.5
"""The seconds for what was read, at least, where reading took longer than it was expected to."""

FEW = 8
"""Where fewer problems failed, smaller ones near them are read as well."""


def descriptions(session: Session, cases: Sequence[Case], end: float) -> tuple[Description, ...]:
    """What departs from the formula where these answers are wrong, all of one part; nothing where it cannot be read.

    end: when reading is to be over, on time.monotonic's clock.
    """
    read: dict[Problem, Computation] = {}
    of = cases[0].problem.operation if cases else None
    each, answers = (end - time.monotonic()) / 6, _Answers(session)
    for asked in map(partial(_reduced, session), _telling([case.asked for case in cases])):
        if len(read) == MOST_READ or time.monotonic() > end - 3 * each:
            break
        if asked in read or session.binding.refuses(asked) is not None:
            continue
        calls = min(MOST_CALLS, int(each / answers.expected(asked) / (3 if len(read) >= ENOUGH else 1)))
        problem = asked if of in (None, asked.operation) else replace(asked, operation=of, bias=False)
        one = computation(problem, partial(answers, asked), calls, min(session.asking.bits))
        if one is not None:
            read[asked] = one
    return described([*read.values()], max(end, time.monotonic() + LEAST_TO_DESCRIBE))


def _telling(failing: Sequence[Problem]) -> Iterator[Problem]:
    """Problems that show the most, each with parameters that those before it have not, as far as there are any."""
    known = list(dict.fromkeys(failing))
    if len(known) < FEW:
        known += [near for problem in failing for near in smaller(problem)]
    left = [p for p in dict.fromkeys(known) if 0 < p.multiply_adds <= LARGEST_READ and p.geometry.batch]
    left = sorted(left, key=_shown, reverse=True)[:MOST_CANDIDATES]
    values = {problem: set(measures(problem).items()) for problem in left}
    seen = set[tuple[str, int]]()
    for _ in range(min(MOST_TRIED, len(left))):
        best = max(left, key=lambda problem: _shown(problem) + NOVELTY * len(values[problem] - seen))
        left.remove(best)
        seen |= values[best]
        yield best


def _shown(problem: Problem) -> float:
    """How much of the relation a problem shows, for how many numbers."""
    several = sum(size > 1 for size in (problem.geometry.batch, problem.geometry.in_channels, problem.out_channels))
    return (
        float(revealed(problem))
        + 2 * several
        + 2 * (problem.groups > 1)
        - max(0.0, math.log2(_numbers(problem) / EASY))
    )


def _numbers(problem: Problem) -> int:
    """How many numbers the calls of a whole reading have."""
    one, two, *_ = (math.prod(shape) for name, shape in problem.operand_shapes.items() if name != "bias")
    return needed(problem) * (one + two + math.prod(problem.result_shape))


def _reduced(session: Session, problem: Problem) -> Problem:
    """A smaller problem near this one that is answered wrongly too, so that it is read in fewer calls."""
    for _ in range(ROUNDS):
        if _numbers(problem) <= EASY:
            break
        known = _numbers(problem)
        near = sorted((p for p in smaller(problem) if p.multiply_adds and _numbers(p) < known), key=_shown)
        asks = [session.asking.plain(p, 1, guarded=session.ledger.inexact) for p in near[: -REDUCTIONS - 1 : -1]]
        told = session.asked([ask for ask in asks if ask and session.binding.refuses(ask.problem) is None])
        wrong = [ask.problem for ask, judgements in told if any(judgement.wrong for judgement in judgements)]
        if not wrong:
            break
        problem = wrong[0]
    return problem


@dataclass
class _Answers:
    """Answers by calls of the subject. seconds, foreseen: what all calls took, and were expected to take."""

    session: Session
    seconds: float = 0.0
    foreseen: float = 0.0

    def expected(self, problem: Problem) -> float:
        """The seconds of a call, by those before it."""
        slower = self.seconds / self.foreseen if self.foreseen else 1.0
        return slower * self._foreseen(problem)

    def _foreseen(self, problem: Problem) -> float:
        numbers = sum(map(math.prod, problem.operand_shapes.values())) + math.prod(problem.result_shape)
        return self.session.sandbox.call_seconds + problem.multiply_adds * PER_PRODUCT + numbers * PER_NUMBER

    def __call__(self, asked: Problem, problem: Problem, operands: Sequence[Operands]) -> list[Array] | None:
        """Answers to a problem, float64: those of calls of `asked`, or one of its gradients, which `problem` is then.

        None where not all are arrays of the result's shape.
        """
        began = time.monotonic()
        gradients = None if problem.operation == asked.operation else by_all(asked, second=False)
        shapes = gradients.operand_shapes(asked) if gradients else asked.operand_shapes
        draws = given(asked, shapes, [_filled(one, shapes) for one in operands])
        ask = Ask(draws, [("call", n) for n in range(len(draws))], CODED, gradients)
        part, found = problem.operation.returns, list[Array]()
        of_parts = dict.fromkeys(ask.parts, asked.result_shape)
        of_parts |= {f"grad_{name}": shape for name, shape in shapes.items()} if gradients else {}
        for _, answers in self.session.sandbox.ask([(None, self.session.series(ask))]):
            for answer in answers:
                got = returned(ask, answer, part, of_parts, formats=self.session.ledger.formats)
                if not isinstance(got, Judgement):
                    found.append(np.asarray(got).real.astype(np.float64))
        self.seconds += time.monotonic() - began
        self.foreseen += len(operands) * self._foreseen(asked)
        return found if len(found) == len(operands) else None


def _filled(operands: Operands, shapes: Mapping[str, tuple[int, ...]]) -> Operands:
    """The operands of a gradient with those of the call, on whose values it does not depend: ones, and a bias of 0."""
    rest = {name: np.full(shape, float(name != "bias")) for name, shape in shapes.items() if name not in operands}
    return {**operands, **rest}
