"""What an audit finds: a violation, its evidence, and its diagnosis."""

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
    "out-of-bounds",
    "malformed",
    "mutated-operand",
    "stale-answer",
    "answer-changed",
    "varies",
    "accepted-but-invalid",
    "rounding",
    "special-value",
    "refuses-inconsistently",
]


@dataclass(frozen=True, kw_only=True)
class Term:
    """One product of the sum that makes an element: its two factors.

    left, right: the names of the operands ('input', 'weight', 'grad_output'). left_index, right_index: the element of
    each. left_value, right_value: their values in decimal.
    """

    left: str
    left_index: tuple[int, ...]
    left_value: str
    right: str
    right_index: tuple[int, ...]
    right_value: str


Placed = tuple[tuple[int, ...], tuple[int, ...], int, bool]
"""(shape, strides, start, writable) of an operand in its block of memory; strides and start count elements."""


@dataclass(frozen=True, kw_only=True)
class Repetition:
    """The calls that showed a violation, so that a script can repeat them.

    steps: ('call', n) is a call with draw n; ('reuse', n) the same after draw n was written into the memory of the call
    before; ('reread', s) reads again what step s returned.
    layouts: where each operand lies in the block of memory of a call.
    memory: per draw the elements of the block. expected: per draw the right result, in C order.
    by: the operands that the call is differentiated by; then it returns the output, its gradients by them and, with
    `second`, the gradients of those. number: the position among these of the array that is wrong.
    between: whether another forward pass comes before the gradients. way: how gradients are taken, see `Gradients`.
    use: the way of calling, a key of USES, if not the plain one. earlier: the call that comes before each.
    apart: whether plain calls, on operands in C order, would not show it.
    rounded: whether the subject's arithmetic is inexact, so that results are compared as rounded integers.
    """

    steps: tuple[tuple[str, int], ...]
    layouts: Mapping[str, Placed]
    memory: tuple[tuple[object, ...], ...]
    expected: tuple[tuple[object, ...], ...]
    number: int = 0
    by: tuple[str, ...] = ()
    second: bool = False
    between: bool = False
    way: str = ""
    use: str = ""
    earlier: str = ""
    apart: bool = False
    rounded: bool = False


@dataclass(frozen=True, kw_only=True)
class Earlier:
    """A call that must come first, in the same process. call: it, as Python source."""

    problem: Problem
    call: str


@dataclass(frozen=True, kw_only=True)
class Read:
    """One element that is read: its position on the axes, and that of the element that it is multiplied with."""

    at: tuple[int, ...]
    through: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class IndexMap:
    """The elements that one element of an answer reads: by the formula, and as coded probes saw the subject read them.

    problem: in its notation. part, index: the element of the answer. operand: what is read, in the example and channel
    of that element; size: its sizes on the axes. through: the operand that it is multiplied with; steps: the sizes of
    that. right, seen: what the formula reads, and what the subject read.
    """

    problem: str
    part: str
    index: tuple[int, ...]
    operand: str
    size: tuple[int, ...]
    through: str
    steps: tuple[int, ...]
    right: tuple[Read, ...]
    seen: tuple[Read, ...]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What was seen on one problem.

    call: the call, as Python source. text: the violation, where it is more than a wrong value.
    index, got, expected: the first element that differs, in C order; index is None where none is known.
    differing, outputs: how many elements differ, and how many there are, in `part`, one array of the answer.
    terms, bias: the products, and the bias if any, whose sum is `expected`; empty where the problem is large.
    reads: where coded probes saw the subject read other elements than the formula does, one statement each.
    picture: lines of text; the elements that one element of the answer should read, and those that it reads.
    map: the same, not drawn; of three axes too, of which there is no text.
    operands: the operands of the call, as nested lists (complex values as text); empty where they are large.
    repetition: the calls with everything that they need; None where that is large.
    within: the largest |got - expected| of a right answer, where values are rounded; 0 where they are exact.
    by: the operands that the call is differentiated by; second: whether those gradients are differentiated again.
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
    map: IndexMap | None = None
    operands: Mapping[str, object] = field(default_factory=dict)
    repetition: Repetition | None = None
    within: float = 0.0
    by: tuple[str, ...] = ()
    second: bool = False


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """The cause of a finding: an entry of the catalogue, in one of its variants.

    fault: its name in the catalogue. title: the fault in one sentence. right, broken: the formula, and what the fault
    makes of it. explained, of: the wrongly answered problems whose answer is, bit for bit, that of a convolution with
    this fault, and all that were answered wrongly; both 0 where the kind of finding is the evidence.
    false_matches: problems that meet the finding's condition and were answered right.
    alike: titles of other faults that give the same answers on every problem that was tried. also: titles of what else
    was seen and follows from this.
    bugs: public reports of this fault elsewhere.
    """

    fault: str
    title: str
    right: str
    broken: str
    explained: int = 0
    of: int = 0
    false_matches: int = 0
    alike: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    bugs: tuple[str, ...] = ()

    @classmethod
    def of_fault(cls, fault: Fault) -> Diagnosis:
        """The diagnosis that a catalogue entry is, without counts."""
        return cls(fault=fault.slug, title=fault.title, right=fault.right, broken=fault.broken, bugs=fault.bugs)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One violation, with the smallest problem on which it was seen.

    kind: the sort of violation. problem: the smallest problem. summary: the violation in one sentence.
    condition: what the failing problems have in common and the passing ones lack.
    problems, asked: how many problems failed, of how many.
    evidence: what was seen on `problem`. fault: the name of the cause in the catalogue; diagnosis: what is known of it.
    before: the calls that must come first, in the same process; without them the problem is answered right.
    hint: the option that would say so, where this may be a convention; '' elsewhere.
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
    hint: str = ""

    @property
    def name(self) -> str:
        """What it is known by: the fault in the catalogue, else its kind."""
        return self.fault or self.kind
