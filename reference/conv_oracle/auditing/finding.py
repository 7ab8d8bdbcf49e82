"""What an audit finds: a violation, the evidence of it, and its diagnosis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from conv_oracle.faults import Fault
from conv_oracle.problem import Problem

Kind = Literal[
    "wrong-value",
    "wrong-shape",
    "wrong-dtype",
    "not-an-array",
    "raised",
    "crashed",
    "hung",
    "out-of-memory",
    "malformed",
    "mutated-operand",
    "stale-answer",
    "answer-changed",
    "varies",
    "accepted-but-invalid",
    "rounding",
    "special-value",
]


@dataclass(frozen=True, kw_only=True)
class Term:
    """One product of a sum: where its two factors stand, and what they are."""

    left: str
    left_index: tuple[int, ...]
    left_value: str
    right: str
    right_index: tuple[int, ...]
    right_value: str


Placed = tuple[tuple[int, ...], tuple[int, ...], int, bool]
"""Shape, strides and start, counted in numbers, and whether it may be written."""


@dataclass(frozen=True, kw_only=True)
class Repetition:
    """The calls that showed it, for whoever makes them again.

    steps: a 'call' with a draw's operands, a 'reuse' of the memory of the call before with another draw's numbers, or
    a 'reread' of what an earlier step returned. layouts: where each operand lies in the one block of memory of a call.
    memory: of every draw, the block's numbers. expected: of every draw, the right numbers in C order. With `by`, what
    comes back are the output, its gradients by these operands, and (second) theirs; `number` is which of them is wrong;
    `between`: another forward pass comes before the gradients. apart: plain calls on operands in C order would not
    show it.
    rounded: the arithmetic is not exact.
    """

    steps: tuple[tuple[str, int], ...]
    layouts: Mapping[str, Placed]
    memory: tuple[tuple[object, ...], ...]
    expected: tuple[tuple[object, ...], ...]
    number: int = 0
    by: tuple[str, ...] = ()
    second: bool = False
    between: bool = False
    apart: bool = False
    rounded: bool = False


@dataclass(frozen=True, kw_only=True)
class Earlier:
    """A call that has to come earlier in the same process."""

    problem: Problem
    call: str


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What was seen on one problem.

    index, got and expected are those of the first number that differs, of `differing` among `outputs`, in a part of
    the answer; terms are the products whose sum is expected, with bias where there is one. text says the rest.
    reads: where coded probes saw the subject read something else than the formula does.
    picture: the cells that one number of the answer reads, and those that it should, in text.
    operands: the arrays of that call, as nested lists of numbers (complex ones as text); none where they are large.
    repetition: the calls with all that they need; none where that is large.
    within: how far a right answer may be from what is expected, where numbers round.
    by, second: that call, where it is differentiated: by these operands, and (second) those gradients too.
    """

    call: str
    text: str = ""
    index: tuple[int, ...] | None = None
    got: str = ""
    expected: str = ""
    terms: tuple[Term, ...] = ()
    bias: str = ""
    differing: int = 0
    outputs: int = 0
    part: str = "output"
    reads: tuple[str, ...] = ()
    picture: tuple[str, ...] = ()
    operands: Mapping[str, object] = field(default_factory=dict)
    repetition: Repetition | None = None
    within: float = 0.0
    by: tuple[str, ...] = ()
    second: bool = False


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """The cause of a finding: an entry of the catalogue, in one of its ways.

    title: it in one sentence. right, broken: the formula, and what it becomes. explained: so many of `of` wrong answers
    are, bit for bit, what a convolution with this fault answers; 0 of 0 where the kind of finding is the evidence.
    false_matches: problems that meet the condition and are right. alike: what else would answer the same on all that
    could be asked. bugs: public reports of it elsewhere.
    """

    fault: str
    title: str
    right: str
    broken: str
    explained: int = 0
    of: int = 0
    false_matches: int = 0
    alike: tuple[str, ...] = ()
    bugs: tuple[str, ...] = ()

    @classmethod
    def of_fault(cls, fault: Fault) -> Diagnosis:
        """What the catalogue says of a fault."""
        return cls(fault=fault.slug, title=fault.title, right=fault.right, broken=fault.broken, bugs=fault.bugs)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One violation, with the smallest problem on which it was seen.

    `condition` says where it is seen: what the failing problems have in common and the passing ones lack.
    `problems` failed of `asked`. `fault` is the name of the cause in the catalogue, and `diagnosis` what it says.
    before: what has to be asked first, in the same process; without it the problem is answered rightly.
    """

    kind: Kind
    problem: Problem
    summary: str
    condition: str
    problems: int
    asked: int
    evidence: Evidence
    fault: str | None = None
    diagnosis: Diagnosis | None = None
    before: tuple[Earlier, ...] = ()
