"""How long a subject takes for a product: what would take too much of a level's seconds is left out, and told."""

from __future__ import annotations

from dataclasses import dataclass

from conv_oracle.problem import Problem

LARGEST_IF_SLOW = 5_000
"""The most multiply-adds of a problem for a subject whose calls are slow: it may be one that is slow per product."""

TELLING = 10_000
"""Calls of so many multiply-adds tell how long a product takes; in smaller ones, all else takes longer."""

SHARE = 0.02
"""A problem may take this share of the level's seconds."""


@dataclass
class Pace:
    """The seconds of the calls that tell, as the audit waits for them, and their multiply-adds."""

    seconds: float = 0.0
    products: int = 0

    def note(self, problem: Problem, calls: int, seconds: float) -> None:
        """Add calls that were answered."""
        if problem.multiply_adds >= TELLING:
            self.seconds += seconds
            self.products += calls * problem.multiply_adds

    def refuses(self, problem: Problem, calls: int, *, level: float, slow: bool) -> str:
        """Why a problem that is not essential is left out; empty where it is not.

        calls: how many are made of it, at least. level: the level's seconds. slow: whether every call is.
        """
        if problem.multiply_adds <= LARGEST_IF_SLOW:
            return ""
        if slow:
            return f"not tested, as calls are slow: problems of more than {LARGEST_IF_SLOW:,} multiply-adds"
        expected = self.seconds / max(1, self.products) * problem.multiply_adds * calls
        return "not tested, as they would take too long: problems of many multiply-adds" * (expected > SHARE * level)
