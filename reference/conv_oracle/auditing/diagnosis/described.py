"""What a subject computes where it is wrong: read on the most telling problems, and described."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import numpy as np

from conv_oracle.auditing.diagnosis.conditions import measures
from conv_oracle.auditing.diagnosis.relations import revealed
from conv_oracle.auditing.judging import CODED, Ask, Observation, Session
from conv_oracle.auditing.operands import given
from conv_oracle.auditing.problems import smaller
from conv_oracle.auditing.reading import MOST_CALLS, Answers, Computation, Description, Operands, computation, described
from conv_oracle.passes import Array
from conv_oracle.problem import Problem

MOST_READ, MOST_TRIED, MOST_CANDIDATES = 16, 40, 120
NOVELTY = 0.3
LARGEST_READ = 20_000
PER_PRODUCT = 1e-6
"""The seconds that a loop in Python takes for a product."""

LEAST_TO_DESCRIBE = 1.0
"""The seconds for what was read, at least, where reading took longer than it was expected to."""

FEW = 8
"""Where fewer problems failed, smaller ones near them are read as well."""


def descriptions(session: Session, failing: Sequence[Problem], end: float) -> tuple[Description, ...]:
    """What departs from the formula on these problems; nothing where that cannot be read.

    end: when reading is to be over, on time.monotonic's clock.
    """
    read: list[Computation] = []
    each, slower = (end - time.monotonic()) / 6, 1.0
    for problem in _telling(failing):
        began = time.monotonic()
        if len(read) == MOST_READ or began > end - 2 * each:
            break
        if session.binding.refuses(problem) is not None:
            continue
        expected = slower * (session.sandbox.call_seconds + problem.multiply_adds * PER_PRODUCT)
        calls = min(MOST_CALLS, int(each / expected / 3))
        if (one := computation(problem, _answers(session), calls, min(session.asking.bits))) is not None:
            read.append(one)
        slower = max(slower, (time.monotonic() - began) / (3 * calls * expected) * slower) if calls else slower
    return described(read, max(end, time.monotonic() + LEAST_TO_DESCRIBE))


def _telling(failing: Sequence[Problem]) -> list[Problem]:
    """Problems that show the most, each with parameters that those before it have not, as far as there are any."""
    known = list(dict.fromkeys(failing))
    if len(known) < FEW:
        known += [near for problem in failing for near in smaller(problem)]
    left = [p for p in dict.fromkeys(known) if 0 < p.multiply_adds <= LARGEST_READ and p.geometry.batch]
    left = sorted(left, key=_shown, reverse=True)[:MOST_CANDIDATES]
    values = {problem: set(measures(problem).items()) for problem in left}
    chosen, seen = list[Problem](), set[tuple[str, int]]()
    while left and len(chosen) < MOST_TRIED:
        best = max(left, key=lambda problem: _shown(problem) + NOVELTY * len(values[problem] - seen))
        left.remove(best)
        chosen.append(best)
        seen |= values[best]
    return chosen


def _shown(problem: Problem) -> float:
    """How much of the relation a problem shows, for how many products."""
    several = sum(size > 1 for size in (problem.geometry.batch, problem.geometry.in_channels, problem.out_channels))
    return (
        float(revealed(problem))
        + 2 * several
        + 2 * (problem.groups > 1)
        - max(0.0, math.log2(problem.multiply_adds / 500))
    )


def _answers(session: Session) -> Answers:
    """Answers by calls of the subject."""

    def answers(problem: Problem, operands: Sequence[Operands]) -> list[Array] | None:
        draws = given(problem, problem.operand_shapes, operands)
        found = list[Array]()
        for ask, judgements in session.asked([Ask(draws, [("call", n) for n in range(len(draws))], CODED)]):
            for step, judgement in enumerate(judgements):
                if judgement.standing == "right":
                    found.append(Observation(ask, step, judgement).truth.real)
                elif judgement.got is not None and judgement.got.shape == problem.result_shape:
                    found.append(np.asarray(judgement.got).real.astype(np.float64))
        return found if len(found) == len(operands) else None

    return answers
