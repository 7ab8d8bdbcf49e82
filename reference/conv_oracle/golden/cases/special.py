"""Cases of special values: one NaN, or one infinity, among small integers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class SpecialCase:
    """A problem of which one element of one operand is `value`: nan, inf or -inf."""

    id: str
    comment: str
    problem: str
    operand: str
    index: tuple[int, ...]
    value: str
    since: int = 2


PROBLEMS = {
    "conv1d": ("conv1d x2x4x7 w4x2x3 s2 p1 g2 bias", {"x": (1, 2, 3), "w": (1, 1, 0), "b": (2,), "dy": (0, 3, 1)}),
    "conv2d": (
        "conv2d x2x3x5x4 w4x3x3x2 p1,0 bias",
        {"x": (1, 2, 2, 1), "w": (3, 1, 0, 1), "b": (1,), "dy": (1, 0, 2, 2)},
    ),
    "conv2d-strided": (
        "conv2d x1x4x6x7 w6x2x2x3 s2,3 p0,1 d2,1 g2 bias",
        {"x": (0, 3, 2, 5), "w": (5, 0, 1, 2), "b": (5,), "dy": (0, 4, 1, 0)},
    ),
    "conv3d": (
        "conv3d x1x2x3x4x3 w3x2x2x3x1 p0,1,0 bias",
        {"x": (0, 1, 1, 2, 0), "w": (2, 0, 1, 0, 0), "b": (0,), "dy": (0, 2, 1, 3, 2)},
    ),
    "conv_transpose1d": (
        "conv_transpose1d x2x3x4 w3x4x3 s2 p1 bias",
        {"x": (0, 1, 2), "w": (2, 3, 0), "b": (1,), "dy": (1, 2, 3)},
    ),
    "conv_transpose2d": (
        "conv_transpose2d x2x4x3x2 w4x3x2x3 g2 bias",
        {"x": (1, 3, 1, 0), "w": (3, 2, 1, 1), "b": (4,), "dy": (0, 5, 2, 3)},
    ),
}
VALUES = {"x": ("nan", "inf", "-inf"), "w": ("nan", "inf"), "b": ("nan", "-inf"), "dy": ("nan", "-inf")}
WORDS = {"nan": "NaN", "inf": "infinity", "-inf": "minus infinity"}
OPERANDS = {"x": "input", "w": "weight", "b": "bias", "dy": "cotangent"}


def _cases() -> Iterator[SpecialCase]:
    for name, (notation, places) in PROBLEMS.items():
        operation, _, more = name.partition("-")
        for operand, values in VALUES.items():
            for value in values:
                word = {"nan": "nan", "inf": "infinity", "-inf": "minus-infinity"}[value]
                case = "-".join(filter(None, (operation, "special", more, OPERANDS[operand], word)))
                said = f"{WORDS[value]} in one element of {operand}."
                yield SpecialCase(case, said[0].upper() + said[1:], notation, operand, places[operand], value)


SPECIAL = tuple(_cases())
