"""What the catalogue says of a fault, and the ways in which it can be made."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from conv_oracle.faults.edits import Edit


@dataclass(frozen=True)
class Variant:
    """One way to have a fault: on this axis, of that parameter. `said` completes the fault's title."""

    said: str
    edit: Edit


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One entry of the catalogue.

    slug: its name. title: a sentence about the subject. kind: the class of FAULTS, for its statistics of real bugs.
    right, broken: the formula and what it becomes. reveals, hides: problems that show it, and that do not.
    bugs: public reports of it, as owner/repository#number.
    damages: of a fault of arithmetic, which values it spoils in practice.
    variants: the ways to make it, of an operation on so many axes; none for what no edit of one call expresses.
    rare: ways of which there are many, each of them unlikely.
    parameters: those that it misuses, by PyTorch's names; a subject without them cannot have it.

    vague: it says no more than that something is wrong. last: it may be a consequence of other faults, and is told
    after them. of_state: it hangs on earlier calls. like_rounding: coarse rounding looks like it on integers.
    in_a_sum: a plain sum, as the gradient by the bias is, can have it.
    """

    slug: str
    title: str
    kind: str
    right: str
    broken: str
    reveals: str
    hides: str
    bugs: tuple[str, ...] = ()
    variants: Callable[[str, int], Iterable[Variant]] = lambda *_: ()
    rare: Callable[[str, int], Iterable[Variant]] = lambda *_: ()
    damages: str = ""
    parameters: tuple[str, ...] = ()
    vague: bool = False
    last: bool = False
    of_state: bool = False
    like_rounding: bool = False
    in_a_sum: bool = False
