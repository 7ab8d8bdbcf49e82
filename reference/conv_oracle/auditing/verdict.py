"""The verdict of an audit, and the scope in which it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from conv_oracle.auditing.finding import Finding
from conv_oracle.auditing.options import AuditOptions
from conv_oracle.auditing.rounding import Rounding

Status = Literal["conforms", "faulty", "no-verdict"]
Arithmetic = Literal["exact", "inexact", "not measured"]


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """One value of one parameter: the problems that were compared, that failed, and that were refused."""

    parameter: str
    value: str
    compared: int
    failed: int
    refused: int


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What the verdict covers. It says nothing beyond.

    undetected: the largest probability with which a wrong index map went undetected on a problem that was compared.
    unnoticed: a value-dependent fault in more than this share of calls went unnoticed with a probability below 1e-12.
    most_calls: the most calls that one process answered.
    """

    level: str
    dtypes: tuple[str, ...]
    planned: int
    problems: int
    discriminating: int
    calls: int
    outputs: int
    undetected: float
    unnoticed: float
    most_calls: int
    truncated: str
    exercised: tuple[Exercise, ...]
    narrowed: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The outcome of an audit.

    warnings: invalid arguments that were accepted. arithmetic: whether all that was compared is exact, bit for bit.
    rounding: how each part of the answer is rounded, per dtype. printed: what the subject printed, cut.
    """

    verdict: Status
    options: AuditOptions
    findings: tuple[Finding, ...]
    warnings: tuple[Finding, ...]
    scope: Scope
    arithmetic: Arithmetic
    rounding: tuple[Rounding, ...]
    seconds: float
    versions: Mapping[str, str]
    printed: str = ""

    @property
    def exit_code(self) -> int:
        """0 conforms, 1 faulty, 3 no verdict."""
        return {"conforms": 0, "faulty": 1, "no-verdict": 3}[self.verdict]
