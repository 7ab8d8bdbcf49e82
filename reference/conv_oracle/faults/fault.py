"""What the catalogue says of a fault, and the ways in which it can be made."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from conv_oracle.faults.edits import Edit
from conv_oracle.operation import Operation


@dataclass(frozen=True)
class Variant:
    """One way to have a fault: on this axis, of that parameter.

    said: completes the fault's title; unlike that of every other way of the same fault in the same operation.
    concerns: the operands, and the parameters `groups` and `kernel_size`, one of which a computation must have for
    this way to matter; empty where all have what it needs.
    continues: whether `said` continues the sentence of the title; else it stands after a colon.
    """

    said: str
    edit: Edit
    concerns: tuple[str, ...] = ()
    continues: bool = False


Ways = Callable[[Operation], Iterable[Variant]]
"""The ways to have a fault in an operation."""


def none_of_one_call(_: Operation) -> Iterable[Variant]:
    """The ways of a fault that no edit of one call expresses: none."""
    return ()


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One entry of the catalogue.

    slug: its name. title: a sentence about the subject.
    right, broken: the formula and what it becomes. reveals, hides: problems that show it, and that do not.
    bugs: public reports of it, as owner/repository#number.
    damages: of a fault of arithmetic, which values it spoils in practice.
    variants: the ways to have it. rare: ways of which there are many, each of them unlikely.
    parameters: those that it misuses, by PyTorch's names; a subject without them cannot have it.

    vague: it says no more than that something is wrong. last: it may be a consequence of other faults, and is reported
    after them. of_state: it depends on earlier calls. like_rounding: coarse rounding looks like it on integers.
    in_a_sum: a plain sum, as the gradient by the bias is, can have it.
    """

    slug: str
    title: str
    right: str
    broken: str
    reveals: str
    hides: str
    bugs: tuple[str, ...] = ()
    variants: Ways = none_of_one_call
    rare: Ways = none_of_one_call
    damages: str = ""
    parameters: tuple[str, ...] = ()
    vague: bool = False
    last: bool = False
    of_state: bool = False
    like_rounding: bool = False
    in_a_sum: bool = False


def title_of(fault: Fault, variant: Variant) -> str:
    """A fault in one of its ways, in one sentence."""
    if not variant.said:
        return fault.title
    return f"{fault.title}{' ' if variant.continues else ': '}{variant.said}"
