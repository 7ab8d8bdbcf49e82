"""Circumstance: what sets calls apart from plain ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from conv_oracle.auditing.operands import SAID, Style
from conv_oracle.auditing.sandbox import Side

Aspect = Literal["plain", "layout", "values", "magnitude", "gradients", "state", "use", "probe", "memory"]


@dataclass(frozen=True)
class Circumstance:
    """What sets calls apart from plain ones, which have ordinary operands in C order, in a process that has run before.

    aspect: its kind. layout: another memory layout; values: values drawn in a style; magnitude: values scaled by powers
    of two; gradients: by some operands only; state: what the process did before; use: a way in which people call;
    probe: operands made to reveal something; memory: what lies beside the operands. said: its description in reports;
    no two are the same. style: of aspect 'values', the style. forms: of aspect 'layout', (operand, form) of each that
    is not in C order.
    """

    aspect: Aspect
    said: str = ""
    style: Style | None = None
    forms: tuple[tuple[str, str], ...] = ()

    @property
    def plain(self) -> bool:
        """Whether the calls are plain."""
        return self.aspect == "plain"

    def __str__(self) -> str:
        return self.said


PLAIN = Circumstance("plain")
SCALED = Circumstance("magnitude", "operands scaled by powers of two")
FIRST_CALL = Circumstance("state", "as the first call of a process")
AFTER_REFUSAL = Circumstance("state", "after a refused call")
THREADED = Circumstance("state", "in a process whose threads are not limited")
CODED = Circumstance("probe", "coded operands")
ROUNDING = Circumstance("probe", "values that round")
SPECIAL = Circumstance("probe", "special values")


def of_layouts(forms: Mapping[str, str]) -> Circumstance:
    """Operands by name, each in a memory layout other than C order: 'transposed input, transposed weight'."""
    said = (f"{name} in {form}" if "order" in form else f"{form} {name}" for name, form in forms.items())
    return Circumstance("layout", ", ".join(said), forms=tuple(forms.items()))


def of_style(style: Style) -> Circumstance:
    """Operand values drawn in a style: 'sparse values', 'symmetric kernels'."""
    return Circumstance("values", SAID.get(style, f"{style} values"), style)


def of_guards(side: Side) -> Circumstance:
    """Operands against pages of memory that cannot be touched: 'guard pages behind the operands'."""
    return Circumstance("memory", f"guard pages {side} the operands")


def of_gradients(by: Sequence[str]) -> Circumstance:
    """Gradients by these operands alone: 'gradients by input and weight only'."""
    return Circumstance("gradients", f"gradients by {' and '.join(by)} only")


def of_use(said: str) -> Circumstance:
    """A way in which people call: 'plain ints'."""
    return Circumstance("use", said)
