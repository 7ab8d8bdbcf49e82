"""Which index has too few bits: the array, and the threshold, beyond which answers are wrong and before which right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from conv_oracle.auditing.large.answers import Seen
from conv_oracle.auditing.large.products import Numbers
from conv_oracle.auditing.large.sizes import roles
from conv_oracle.auditing.operands import DTYPES

MOST_RIGHT = 0.25
"""Of what an overflow would spoil, at most so much may be right: a wrong element can have the same value."""

MOST_OUTSIDE = 0.5
"""Of what is wrong, at most so much may be elsewhere: a number that is written to a wrong place may spoil another."""

UNITS = ("elements", "bytes")
LAYOUTS = {"ko": " (in, *K, *O)", "ok": " (*O, in, *K)"}
"""Of the workspace, by its role."""


@dataclass(frozen=True)
class Overflow:
    """An index of so many bits into an array, by its role, that counts elements or bytes."""

    role: str
    unit: str
    bits: int

    def threshold(self, dtype: str) -> int:
        """The first offset, in elements, that the index does not hold."""
        return (1 << self.bits) // (DTYPES[dtype].itemsize if self.unit == "bytes" else 1)

    def said(self, seen: Seen) -> str:
        """The overflow in words that complete the fault's title."""
        return f"that of the {self.name(seen)}, in {self.unit}, holds {self.bits}"

    def condition(self, seen: Seen) -> str:
        """Where it shows."""
        return f"where the {self.name(seen)} has more than 2^{self.bits} {self.unit}"

    def name(self, seen: Seen) -> str:
        """PyTorch's name of the array; of the workspace, with its layout."""
        return roles(seen.problem).names[self.role] + LAYOUTS.get(self.role, "")

    def spoils(self, seen: Seen) -> Numbers:
        """The offsets in the result whose sums have a product beyond the threshold."""
        products = seen.drawn.products
        beyond = products.offsets[self.role] >= self.threshold(seen.problem.dtype)
        return np.unique(products.offsets[seen.drawn.result][beyond])


def overflows(bits: int) -> Iterator[Overflow]:
    """Every index that may overflow, the likeliest first."""
    for b in (bits, bits + 1):
        for role in ("x", "w", "y", "ko", "ok"):
            for unit in UNITS:
                yield Overflow(role, unit, b)


def explained(one: Seen, seen: Sequence[Seen], bits: int) -> list[Overflow]:
    """The overflows that explain a wrong answer: those that fit all answers best first.

    A process that died, or an exception, says nothing by itself: then another answer has to be right.
    """
    if one.kind != "wrong-value" and not any(other.standing == "right" for other in seen):
        return []
    fits = []
    answered = [other for other in seen if other.standing in ("right", "wrong")]
    for number, candidate in enumerate(overflows(bits)):
        outside = _outside(candidate, one)
        spoilt, right = np.sum([_counts(candidate, other) for other in answered], 0)
        if outside <= MOST_OUTSIDE and right <= MOST_RIGHT * spoilt:
            fits.append((outside + right / spoilt, number, candidate))
    return [candidate for _, _, candidate in sorted(fits, key=lambda fit: fit[:2])]


def _outside(candidate: Overflow, one: Seen) -> float:
    """Of what should not be zero and is wrong in an answer, the share not beyond the threshold; 1 of nothing."""
    spoilt = candidate.spoils(one)
    if one.kind != "wrong-value":
        return 0.0 if one.kind in ("crashed", "raised") and len(spoilt) else 1.0
    missing = one.wrong[one.expected != 0]
    return float(np.mean(~np.isin(missing, spoilt))) if len(missing) else 1.0


def _counts(candidate: Overflow, one: Seen) -> tuple[int, int]:
    """How many elements of the result should be spoilt, and how many of them are right; of no answer, none."""
    spoilt = candidate.spoils(one)
    if one.kind is not None and one.kind != "wrong-value":
        return len(spoilt), 0
    return len(spoilt), int((~np.isin(spoilt, one.wrong)).sum())
