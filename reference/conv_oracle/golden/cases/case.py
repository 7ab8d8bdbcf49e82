"""What a case is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Result = Literal["valid", "invalid", "acceptable"]


@dataclass(frozen=True)
class Case:
    """One problem, in its notation (without a dtype: float32).

    `refusal` is the word that a refusal must be about; `conventions` are the allowed answers where there are several;
    `shapes` replaces an operand's shape by one that does not fit; `limits` bounds an operand's values; `exponents` are
    the powers of two that x, w and dy are scaled by, for faults that small numbers show; `since` is the version of the
    set that it came with.
    """

    id: str
    comment: str
    problem: str
    refusal: str = ""
    conventions: tuple[str, ...] = ()
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)
    exponents: Mapping[str, int] = field(default_factory=dict)
    since: int = 1

    @property
    def result(self) -> Result:
        """What a consumer should expect of the case."""
        return "invalid" if self.refusal else "acceptable" if self.conventions else "valid"


@dataclass(frozen=True)
class Sequences:
    """Two sequences and how they are combined; `since` is the version of the set that they came with."""

    id: str
    comment: str
    operation: str
    mode: str
    f: tuple[int, ...]
    g: tuple[int, ...]
    refusal: str = ""
    conventions: tuple[str, ...] = ()
    since: int = 1

    @property
    def result(self) -> Result:
        """What a consumer should expect of the case."""
        return "invalid" if self.refusal else "acceptable" if self.conventions else "valid"
