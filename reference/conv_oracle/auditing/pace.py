"""How long a subject takes for a product, or an example: what would take too much time is left out, and told."""

from __future__ import annotations

from dataclasses import dataclass

from conv_oracle.problem import Problem

LARGEST_IF_SLOW = 5_000
"""The most multiply-adds of a problem for a subject whose calls are slow: it may be one that is slow per product."""

TELLING = 10_000
"""Calls of so many multiply-adds tell how long a product takes; in smaller ones, all else takes longer."""

MANY = 32
"""Calls of so many examples tell how long an example takes that is computed by itself."""

SHARE = 0.02
"""A problem may take this share of the level's seconds; one of many examples all of them."""


@dataclass
class Pace:
    """The seconds of the calls that tell, as the audit waits for them, and their multiply-adds; the same by example."""

    seconds: float = 0.0
    products: int = 0
    seconds_of_many: float = 0.0
    examples: int = 0

    def note(self, problem: Problem, calls: int, seconds: float) -> None:
        """Add calls that were answered."""
        if problem.multiply_adds >= TELLING:
            self.seconds += seconds
            self.products += calls * problem.multiply_adds
        elif problem.geometry.batch >= MANY:
            self.seconds_of_many += seconds
            self.examples += calls * problem.geometry.batch

    def refuses(self, problem: Problem, calls: int, *, level: float, slow: bool) -> str:
        """Why a problem that is not essential is left out; empty where it is not.

        calls: how many are made of it, at least. level: the level's seconds. slow: whether every call is.
        """
        if problem.multiply_adds <= LARGEST_IF_SLOW:
            return ""
        if slow:
            return f"not tested, as calls are slow: problems of more than {LARGEST_IF_SLOW:,} multiply-adds"
        if self.seconds / max(1, self.products) * problem.multiply_adds * calls > SHARE * level:
            return "not tested, as they would take too long: problems of many multiply-adds"
        if self.seconds_of_many / max(1, self.examples) * problem.geometry.batch * calls > level:
            return "not tested, as they would take too long: problems of many examples"
        return ""
