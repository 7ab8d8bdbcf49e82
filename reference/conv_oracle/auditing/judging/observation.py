"""Observation: one judged answer, with the question that it answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from conv_oracle.auditing.judging.asking import Ask
from conv_oracle.auditing.judging.circumstance import Circumstance
from conv_oracle.auditing.judging.judge import Judgement
from conv_oracle.auditing.operands import expected
from conv_oracle.passes import Array
from conv_oracle.problem import Problem


@dataclass(frozen=True)
class Observation:
    """What one step of a question was answered, and what that answer is."""

    ask: Ask
    step: int
    judgement: Judgement

    @property
    def problem(self) -> Problem:
        """The problem."""
        return self.ask.problem

    @property
    def block(self) -> int:
        """The draw that was answered."""
        return self.ask.block_of(self.step)

    @property
    def circumstance(self) -> Circumstance:
        """What sets the call apart."""
        return self.ask.circumstance_of(self.step)

    @property
    def truth(self) -> Array:
        """What should have been returned, of an operation that returns one array."""
        ask = self.ask
        values: Array = expected(ask.problem, ask.draws)[ask.parts[0]][self.block]
        return values

    def judged(self, **changes: Any) -> Observation:
        """The same answer, with another word on it."""
        return replace(self, judgement=replace(self.judgement, **changes))
