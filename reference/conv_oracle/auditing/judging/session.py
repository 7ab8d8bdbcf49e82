"""A session: the ledger of an audit, and how to make further calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from conv_oracle.auditing.judging.asking import Ask, Asking
from conv_oracle.auditing.judging.circumstance import CODED
from conv_oracle.auditing.judging.judge import Judgement, judge
from conv_oracle.auditing.judging.ledger import Ledger
from conv_oracle.auditing.judging.using import next_use, used
from conv_oracle.auditing.level import Level
from conv_oracle.auditing.operands import DTYPES, draw, given
from conv_oracle.auditing.sandbox import PLAINLY, Binding, Guard, Sandbox, Series
from conv_oracle.passes import Array
from conv_oracle.problem import Problem

USE_EVERY, USE_EVERY_IF_SLOW = 3, 4
"""One problem in so many is also called in a way in which people call."""

USE_MULTIPLY_ADDS = 100_000
"""The most multiply-adds of such a problem: a use makes up to five calls."""


@dataclass(frozen=True)
class Session:
    """The ledger of an audit, and what further calls need.

    refusals: names of exception types that mean "not supported". planned: the problems of the level, tested or not.
    fail_fast: whether to end soon after the first wrong answer.
    """

    ledger: Ledger
    asking: Asking
    binding: Binding
    sandbox: Sandbox
    level: Level
    refusals: tuple[str, ...]
    planned: Sequence[Problem] = ()
    fail_fast: bool = False

    def asked(self, asks: Iterable[Ask]) -> Iterator[tuple[Ask, list[Judgement]]]:
        """Make these calls, and judge the answers; nothing is recorded."""
        for ask, answers in self.sandbox.ask((ask, self.series(ask)) for ask in asks):
            yield ask, self.ledger.alike(ask, judge(ask, answers, refusals=self.refusals))

    @property
    def function(self) -> str:
        """What calls of the subject are written as."""
        return self.sandbox.subject.function

    def series(self, ask: Ask) -> Series:
        """The calls, with the arguments that the subject's signature takes."""
        series = self.binding.series(ask.draws, ask.steps, ask.gradients, ask.use, ask.earlier)
        if ask.guard is None:
            return series
        return replace(series, guard=Guard(ask.guard, tuple(ask.draws.places), DTYPES[ask.problem.dtype].itemsize))

    def asks(self, problem: Problem, turn: int, *, guarded: bool) -> Iterator[Ask]:
        """All series of a problem, as `Asking.asks`, and in one of the ways in which people call."""
        yield from self.asking.asks(problem, turn, guarded=guarded)
        asking, every = self.asking, USE_EVERY_IF_SLOW if self.asking.slow else USE_EVERY
        affordable = problem.multiply_adds <= USE_MULTIPLY_ADDS and problem not in asking.vectors
        if asking.uses and turn % every == every - 1 and affordable:
            ask = next_use(asking, self.binding, problem, turn // every, guarded=guarded)
            if ask is not None:
                yield ask

    def small(self, ask: Ask, problem: Problem, most: int) -> Ask | None:
        """The same circumstance on another problem, with integers of magnitude at most `most`; None where none fit."""
        if ask.use == PLAINLY:
            return self.asking.small(ask, problem, most)
        return used(self.asking, self.binding, ask.use, problem, guarded=ask.draws.guarded, most=most)

    def guarded(self, ask: Ask) -> Ask | None:
        """The same on operands that leave room for rounding; None where there is no room, or they already did."""
        if ask.use == PLAINLY or ask.draws.guarded:
            return self.asking.guarded(ask)
        return used(self.asking, self.binding, ask.use, ask.problem, guarded=True)

    def refusal(self, problem: Problem) -> Series:
        """One call of a problem that must be refused."""
        return self.series(self.refusal_ask(problem))

    def refusal_ask(self, problem: Problem) -> Ask:
        """The operands of a problem that must be refused, for one call."""
        return Ask(draw(problem, problem.operand_shapes, 2, np.random.default_rng(0)), [("call", 0)])

    def is_wrong(self, ask: Ask, operands: Mapping[str, Array]) -> bool:
        """Whether a call of the same problem and gradients, on these operands in C order, is answered wrongly."""
        problem = ask.problem
        shapes = ask.gradients.operand_shapes(problem) if ask.gradients else problem.operand_shapes
        again = Ask(given(problem, shapes, [operands]), [("call", 0)], CODED, ask.gradients)
        return any(judgement.wrong for _, judgements in self.asked([again]) for judgement in judgements)
