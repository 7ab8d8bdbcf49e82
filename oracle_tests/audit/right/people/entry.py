"""Right subjects as people write them: what each answers, what it refuses and how, and what an audit must say of it.

Each equals torch.nn.functional on every problem that it answers. What it does not support it refuses with an exception
that nobody declared to the audit: an assert, a ValueError, whatever int + tuple raises.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from audit.right.registry import SPECIAL
from audit.subject import Subject
from conv_oracle.auditing import Verdict

HERE = Path(__file__).parent


@dataclass(frozen=True)
class People(Subject):
    """One right subject as one operation.

    takes: the parameters that it has beyond its two operands; names: its own names for PyTorch's; plain: those that it
    wants as one int. tuples, ints: the exception that it raises for the parameters as tuples, or as ints, instead; ''
    where it takes these too. forms: the exception for operands that lie in memory in this way. supports: problems that
    it must answer. refuses: problems that it must refuse, each with the exception; it raises no other on any problem.
    finite: right for finite numbers alone, as it multiplies zeros. seconds: what it sleeps, longest.
    """

    name: str
    target: str
    op: str
    takes: frozenset[str]
    supports: tuple[str, ...]
    refuses: tuple[tuple[str, str], ...]
    arrays: str = "numpy"
    dtypes: tuple[str, ...] = ("float64",)
    gradients: bool = False
    expected: Literal["conforms", "no-target"] = "conforms"
    arithmetic: Literal["exact", "inexact"] = "exact"
    names: Mapping[str, str] = field(default_factory=dict)
    plain: frozenset[str] = frozenset()
    tuples: str = ""
    ints: str = ""
    forms: Mapping[str, str] = field(default_factory=dict)
    needs_bias: bool = False
    by_position: bool = False
    by_keyword: bool = False
    finite: bool = False
    seconds: float = 0.0

    @property
    def raises(self) -> frozenset[str]:
        """Every exception that it refuses a problem with."""
        return frozenset(exception for _, exception in self.refuses)

    def holds(self, verdict: Verdict) -> bool:
        """Whether a verdict is the expected one, and accuses it of nothing."""
        findings = [one for one in verdict.findings if not (self.finite and one.fault in SPECIAL)]
        return not findings and (bool(verdict.findings) or verdict.verdict == self.expected)


PER_AXIS = frozenset({"stride", "padding", "dilation"})
GEOMETRY = ("bias", "stride", "padding", "dilation", "groups")
STRIDED = ("bias", "stride", "padding")
DILATED = (*STRIDED, "dilation")
GROUPED = (*STRIDED, "groups")
PAD = {"padding": "pad"}


SHORT = ("course_code", "course_backward", "array_demands", "fast_forms", "in_c")
"""Where a bias is called b."""


def people(
    where: str, op: str, takes: tuple[str, ...], supports: str, refuses: Mapping[str, str], **options: Any
) -> People:
    """supports, refuses: problems after their operation, separated by semicolons; the first dtype goes unsaid."""
    file, _, function = where.partition(":")
    dtype = options.get("dtypes", ("float64",))[0]

    def whole(listed: str) -> list[str]:
        said = [f"{op} {' '.join(each.split())}" for each in listed.split(";") if each.strip()]
        return [each if re.search(r" (?:float|int)\d+$", each) else f"{each} {dtype}" for each in said]

    refused = tuple((each, exception) for exception, listed in refuses.items() for each in whole(listed))
    name = f"{file}:{function} as {op}" + f" in {dtype}" * (not supports)
    target = f"{HERE / file}.py:{function}"
    names = ({"bias": "b"} if file in SHORT else {}) | options.pop("names", {})
    plain = options.pop("plain", frozenset()) & frozenset(takes)
    return People(
        name, target, op, frozenset(takes), tuple(whole(supports)), refused, plain=plain, names=names, **options
    )


ONE_INT: dict[str, Any] = {"plain": PER_AXIS, "tuples": "TypeError"}
"""One int each, with which it reckons: int + tuple is a TypeError."""

UNBATCHED = "x3x8x8 w4x3x3x3 bias"
SAME = "x2x3x8x8 w4x3x3x3 psame bias"
LONG = "x2x3x2x2 w4x3x5x5 bias"
NOTHING = "x0x3x8x8 w4x3x3x3 bias"
