"""Observation: one judged answer, with the series of calls that it belongs to."""

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
    """One step of a series, and the judgement of its answer."""

    ask: Ask
    step: int
    judgement: Judgement

    @property
    def problem(self) -> Problem:
        """The problem."""
        return self.ask.problem

    @property
    def block(self) -> int:
        """The draw of the step."""
        return self.ask.block_of(self.step)

    @property
    def circumstance(self) -> Circumstance:
        """What sets the call apart."""
        return self.ask.circumstance_of(self.step)

    @property
    def truth(self) -> Array:
        """The array that should have been returned, by an operation that returns one: float64 or complex128."""
        ask = self.ask
        values: Array = expected(ask.problem, ask.draws)[ask.parts[0]][self.block]
        return values

    def judged(self, **changes: Any) -> Observation:
        """The same answer with fields of its judgement changed."""
        return replace(self, judgement=replace(self.judgement, **changes))
