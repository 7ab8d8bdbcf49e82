"""Circumstance: what sets calls apart from plain ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from conv_oracle.auditing.operands import Style

Aspect = Literal["plain", "layout", "values", "magnitude", "gradients", "state", "probe"]


@dataclass(frozen=True)
class Circumstance:
    """What sets calls apart from plain ones: on operands in C order, with usual numbers, in a process that has run.

    aspect: of what kind it is. layout: operands lie otherwise in memory; values: they are drawn in a style; magnitude:
    they are scaled by powers of two; gradients: only some are asked for; state: what came before in the process; probe:
    operands that were made to read something. said: in words, as reports print it; no two have the same.
    """

    aspect: Aspect
    said: str = ""
    style: Style | None = None

    @property
    def plain(self) -> bool:
        """Whether nothing sets these calls apart."""
        return self.aspect == "plain"

    def __str__(self) -> str:
        return self.said


PLAIN = Circumstance("plain")
SCALED = Circumstance("magnitude", "scaled by powers of two")
FIRST_CALL = Circumstance("state", "as the first call of a process")
AFTER_REFUSAL = Circumstance("state", "after a call that was refused")
CODED = Circumstance("probe", "coded operands")
ROUNDING = Circumstance("probe", "numbers that round")
SPECIAL = Circumstance("probe", "special values")


def of_layouts(forms: Mapping[str, str]) -> Circumstance:
    """Operands by name, each in a form besides C order."""
    return Circumstance("layout", ", ".join(f"{name} {form}" for name, form in forms.items()))


def of_style(style: Style) -> Circumstance:
    """Numbers drawn in a style."""
    return Circumstance("values", style, style)


def of_gradients(by: Sequence[str]) -> Circumstance:
    """Gradients by some of the operands alone."""
    return Circumstance("gradients", f"grad of {' and '.join(by)} only")
