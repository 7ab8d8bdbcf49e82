"""How one part of the answer is rounded, as a verdict says it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Rounding:
    """How one part of the answer is rounded in one dtype: the class that all that was measured has.

    allowed: whether that class is. ratio: the largest error over the bound of the class; where: the problem, the data
    suite and the output of it. terms: the fewest and the most that were summed. growth: of a fast algorithm, the error
    in units of its norms. properties: what is no fault either way, subnormal numbers and the order of summation.
    """

    part: str
    dtype: str
    name: str
    said: str
    allowed: bool
    ratio: float
    where: str
    terms: tuple[int, int]
    problems: int
    outputs: int
    growth: float
    properties: tuple[str, ...] = ()
