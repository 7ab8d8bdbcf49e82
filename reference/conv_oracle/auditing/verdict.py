"""The verdict of an audit, and the scope in which it holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from conv_oracle.auditing.finding import Finding
from conv_oracle.auditing.options import AuditOptions
from conv_oracle.auditing.rounding import Rounding
from conv_oracle.auditing.targets import Called

Status = Literal["conforms", "faulty", "no-verdict"]
Arithmetic = Literal["exact", "inexact", "not measured"]


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """One value of one parameter, and how many problems with it were right, wrong and refused.

    parameter: 'stride', 'padding', ..., or 'operands' for layouts and kinds of values. value: as text, 'more than 1'.
    compared, failed, refused: the problems answered right, answered wrongly, and refused as not supported.
    """

    parameter: str
    value: str
    compared: int
    failed: int
    refused: int


@dataclass(frozen=True, kw_only=True)
class Edges:
    """How the problems on one edge were answered: on these, conventions differ.

    edge: which. handled, refused, wrong: how many were answered as PyTorch does, refused, and answered otherwise; where
    there is no right answer, a refusal is what handles it. said: what was said or returned, of the first that was not
    handled; '' where all were.
    """

    edge: str
    handled: int
    refused: int
    wrong: int
    said: str = ""


@dataclass(frozen=True, kw_only=True)
class Essential:
    """The problems without which no verdict is 'conforms'.

    planned, right: how many there are, and how many were answered rightly. excused: how many are of a sort that the
    subject refuses every time. missing: the others, in their notation. help: how to get an answer to those; '' if none
    is missing. wrong: those of `missing` that were answered wrongly. unasked: how many of them were not asked in time.
    """

    planned: int
    right: int
    excused: int
    missing: tuple[str, ...] = ()
    help: str = ""
    wrong: tuple[str, ...] = ()
    unasked: int = 0


@dataclass(frozen=True, kw_only=True)
class Layers:
    """The user's own layers, which were asked at their real size: those of --layers.

    planned: how many the signature can express, in every dtype. right, wrong, refused: how they were answered.
    unanswered: the others, as 'notation: why'. left_out: what was not planned, one sentence for each reason.
    undetected: the largest probability with which a wrong index map went undetected on one that was right; 1 if none.
    """

    planned: int
    right: int
    wrong: int
    refused: int
    unanswered: tuple[str, ...]
    left_out: tuple[str, ...]
    undetected: float


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What the verdict covers. It says nothing beyond.

    level, dtypes: what was asked for. planned, problems: the problems of the level, and those that were tested.
    discriminating: the problems found right on which a wrong index can show. calls: all calls of the subject.
    outputs: the elements that were compared.
    undetected: the largest probability with which a wrong index map went undetected on a problem that was compared.
    unnoticed: a value-dependent fault in more than this share of calls went unnoticed with a probability below 1e-12.
    most_calls: the most calls that one process answered.
    truncated: why the list was not tested to its end; empty where it was.
    exercised: per value of each parameter the problems right, wrong and refused.
    essential: the problems without which no verdict is 'conforms'; None where the problems were given.
    layers: the user's own layers; None without --layers. They are not among the problems above, and decide.
    edges: how problems on edges were answered; they do not decide, unless the audit says so.
    narrowed: what the signature, refusals and limits left out. notes: further remarks, one sentence each.
    harness: errors of the audit itself, or of its machine: with one of them, no verdict is 'conforms'.
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
    essential: Essential | None
    layers: Layers | None
    edges: tuple[Edges, ...]
    narrowed: tuple[str, ...]
    notes: tuple[str, ...]
    harness: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Ignored:
    """A finding that does not decide, as somebody chose. reason: why, in their words."""

    finding: Finding
    reason: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The outcome of an audit.

    verdict: 'conforms', 'faulty' or 'no-verdict'. options: those of the audit, with their defaults filled in.
    findings: one per cause. warnings: invalid arguments that were accepted. scope: what was tested.
    arithmetic: whether all right answers were exact, bit for bit. rounding: the class of arithmetic per part and dtype.
    seconds: the duration. versions: of libraries here and in the subject's process. printed: the subject's output.
    called: how a target is called whose arguments are not PyTorch's, as was declared or recognised.
    recorded: the folder whose recorded answers were graded; '' where a subject was called.
    ignored: the findings that do not decide, as somebody chose. otherwise: what the verdict is where all are ignored:
    'conforms' where enough was answered rightly beside them.
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
    called: Called | None = None
    recorded: str = ""
    ignored: tuple[Ignored, ...] = ()
    otherwise: Status = "no-verdict"

    shown: ClassVar[Callable[[Verdict], str | None]] = staticmethod(lambda _: None)
    """What a notebook shows of a verdict, as HTML; whoever can draw one puts it here."""

    def _repr_html_(self) -> str | None:
        return type(self).shown(self)

    @property
    def exit_code(self) -> int:
        """0 conforms, 1 faulty, 3 no verdict."""
        return {"conforms": 0, "faulty": 1, "no-verdict": 3}[self.verdict]
