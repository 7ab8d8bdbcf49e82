"""Two formulas beside each other: which of their words differ."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

LEAST_ALIKE = 0.6
"""Of their words; formulas that have less in common are told without marks, as whole sentences."""


@dataclass(frozen=True)
class Piece:
    """Words of a formula, and whether the other one has them."""

    text: str
    differs: bool = False


def beside(right: str, broken: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """The pieces of two formulas; joined, each gives its formula."""
    left, other = (re.findall(r"\w+|\s+|[^\w\s]", text) for text in (right, broken))
    matched = SequenceMatcher(None, left, other, autojunk=False)
    if matched.ratio() < LEAST_ALIKE:
        return (Piece(right),), (Piece(broken),)
    codes = matched.get_opcodes()
    return (
        tuple(Piece("".join(left[a:b]), kind != "equal") for kind, a, b, _, _ in codes if b > a),
        tuple(Piece("".join(other[a:b]), kind != "equal") for kind, _, _, a, b in codes if b > a),
    )
