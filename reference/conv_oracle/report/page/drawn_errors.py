"""Errors beside their bound as a drawing: both axes are logarithmic."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from conv_oracle.auditing import Beside, Rounding

WIDTH, HEIGHT = 420, 280
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 16, 42
MOST_DECADES = 9
"""What is smaller by more than that stands at the bottom, as what is exact does."""

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Dot:
    """One error at (x, y), and its bound at (x, bound). beyond: whether it is larger than that. title: in words."""

    x: float
    y: float
    bound: float
    beyond: bool
    title: str


@dataclass(frozen=True)
class Tick:
    """A number of an axis, and where it stands along it."""

    at: float
    text: str


@dataclass(frozen=True)
class DrawnErrors:
    """The errors of one part in one dtype.

    said: what is drawn, in words. rows: the same as numbers: terms, error, bound, and the error over the bound.
    """

    said: str
    dots: tuple[Dot, ...]
    line: str
    across: tuple[Tick, ...]
    upwards: tuple[Tick, ...]
    rows: tuple[tuple[str, str, str, str], ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def drawn_errors(of: Rounding) -> DrawnErrors | None:
    """The drawing of how one part is rounded; None where no sum was measured that has a bound."""
    shown = [one for one in _nearest(of.sums) if math.isfinite(one.bound) and one.bound > 0]
    if not shown:
        return None
    finite = [value for one in shown for value in (one.error, one.bound) if 0 < value < math.inf]
    highest = math.ceil(math.log10(max(finite)) + 0.05)
    lowest = max(math.floor(math.log10(min(finite)) - 0.05), highest - MOST_DECADES)
    longest = math.log10(max(10, *(one.terms for one in shown)))

    def x(terms: float) -> float:
        return round(LEFT + 10 + (WIDTH - LEFT - RIGHT - 20) * math.log10(terms) / longest, 1)

    def y(value: float) -> float:
        at = math.log10(value) if 0 < value < math.inf else (highest if value else lowest)
        share = (min(max(at, lowest), highest) - lowest) / (highest - lowest)
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share, 1)

    beyond = sum(_beyond(one) for one in shown)
    return DrawnErrors(
        said=f"{of.part}, {of.dtype}: errors of sums of {shown[0].terms:,} to {shown[-1].terms:,} terms, in units of u "
        f"times the sum of absolute values, and the bound of sums in {of.working}: {beyond} of {len(shown)} beyond",
        dots=tuple(Dot(x(one.terms), y(one.error), y(one.bound), _beyond(one), _said(one)) for one in shown),
        line=" ".join(f"{x(one.terms):g},{y(one.bound):g}" for one in shown),
        across=tuple(Tick(x(10.0**n), f"{10**n:,}") for n in range(math.floor(longest) + 1)),
        upwards=tuple(Tick(y(10.0**n), _power(n)) for n in _decades(lowest, highest)),
        rows=tuple(
            (f"{one.terms:,}", _number(one.error), _number(one.bound), _number(one.error / one.bound)) for one in shown
        ),
    )


def _nearest(sums: Sequence[Beside]) -> list[Beside]:
    """Of all layers, for sums of about each length the one that is nearest to its bound; the shortest first."""
    found: dict[int, Beside] = {}
    for one in sums:
        length = one.terms.bit_length()
        if length not in found or one.error / one.bound > found[length].error / found[length].bound:
            found[length] = one
    return [found[length] for length in sorted(found)]


def _decades(lowest: int, highest: int) -> Iterator[int]:
    """The powers of ten that are written: at most seven."""
    step = max(1, math.ceil((highest - lowest) / 6))
    yield from range(lowest, highest + 1, step)


def _power(n: int) -> str:
    return f"{10**n:,}" if 0 <= n < 4 else f"10{str(n).translate(SUPERSCRIPTS)}"


def _beyond(one: Beside) -> bool:
    return one.error > one.bound


def _said(one: Beside) -> str:
    return f"{one.terms:,} terms: error {_number(one.error)}, bound {_number(one.bound)}"


def _number(value: float) -> str:
    return f"{value:.3g}" if math.isfinite(value) else "not finite"
