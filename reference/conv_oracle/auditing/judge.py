"""One answer against the truth, from its bytes alone."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from conv_oracle.auditing.binding import result_shape
from conv_oracle.auditing.operands import DTYPES, DType, from_bytes
from conv_oracle.auditing.sandbox import Answer
from conv_oracle.auditing.verdict import Kind
from conv_oracle.passes import Array
from conv_oracle.problem import Problem
from conv_oracle.truth import fast

Standing = Literal["right", "rounded", "wrong", "refused", "harness-fault"]

REFUSALS = ("NotImplementedError",)


@dataclass(frozen=True)
class Judgement:
    """What one answer is: right, right but for its rounding, wrong in a way, or no answer at all.

    cause is an exception's type and place, which tells it from others of its kind.
    `largest` is the largest difference from an integer answer that is not equal: it tells a rounding from a fault.
    """

    standing: Standing
    kind: Kind | None = None
    text: str = ""
    cause: str = ""
    outputs: int = 0
    largest: float = 0.0
    got: Array | None = field(default=None, repr=False)
    expected: Array | None = field(default=None, repr=False)

    @property
    def wrong(self) -> bool:
        """Whether it speaks against the subject."""
        return self.standing == "wrong"


def judge(
    problem: Problem, operands: Mapping[str, Array], answer: Answer, *, refusals: Collection[str] = (), guarded: bool
) -> Judgement:
    """Compare one answer. The truth is computed here, after the answer has arrived.

    `guarded`: the operands leave room for rounding, and an answer that rounds to the right integers is `rounded`.
    """
    if answer.outcome == "returned":
        return _returned(problem, operands, answer, guarded=guarded)
    if answer.outcome == "raised":
        return _raised(answer, refusals)
    return _no_array(answer)


def judge_refusal(answer: Answer) -> Judgement:
    """An answer to a problem that has no solution: any exception is right, and so is an empty array."""
    if answer.outcome in ("raised", "harness-fault") or (answer.outcome == "returned" and 0 in answer.shape):
        return Judgement("right")
    if answer.outcome == "returned":
        return Judgement("wrong", "accepted-but-invalid", f"returned an array of shape {answer.shape}")
    return _no_array(answer)


def first(types: tuple[str, ...]) -> str:
    """The name of an exception's own type."""
    return types[0] if types else "an exception without a type"


def matches(types: Collection[str], refusals: Collection[str]) -> bool:
    """Whether an exception, or a base of it, bears one of these names, with its module or without."""
    return any(name in refusals or name.rpartition(".")[2] in refusals for name in types)


def _no_array(answer: Answer) -> Judgement:
    if answer.outcome == "harness-fault":
        return Judgement("harness-fault", text=f"{first(answer.types)}: {answer.text}")
    if answer.outcome == "not-an-array":
        return Judgement("wrong", "not-an-array", f"returned {answer.text or 'nothing that has a type'}")
    if answer.outcome in ("crashed", "hung", "out-of-memory"):
        return Judgement("wrong", answer.outcome, answer.text)
    return Judgement("wrong", "malformed", answer.text)


def _returned(problem: Problem, operands: Mapping[str, Array], answer: Answer, *, guarded: bool) -> Judgement:
    if answer.shape != (shape := result_shape(problem)):
        return Judgement("wrong", "wrong-shape", f"returned shape {answer.shape}, the shape is {shape}")
    returned = _returned_dtype(answer, DTYPES[problem.dtype])
    if returned is None:
        return Judgement("wrong", "wrong-dtype", f"returned {answer.dtype}, the operands are {problem.dtype}")
    if len(answer.data) != returned.itemsize * math.prod(shape):
        return Judgement("wrong", "malformed", f"sent {len(answer.data)} bytes for {returned.name} of shape {shape}")
    judgement = _compared(from_bytes(answer.data, returned, shape), problem.compute(fast, operands), guarded=guarded)
    if answer.mutated and not judgement.wrong:
        return Judgement("wrong", "mutated-operand", "an operand had other bytes after the call")
    return judgement


def _raised(answer: Answer, refusals: Collection[str]) -> Judgement:
    text = f"{first(answer.types)}: {answer.text}" if answer.text else first(answer.types)
    if matches(answer.types, {*REFUSALS, *refusals}):
        return Judgement("refused", text=text)
    if "MemoryError" in answer.types:
        return Judgement("wrong", "out-of-memory", text)
    cause = f"{first(answer.types)} at {answer.place}"
    return Judgement("wrong", "raised", f"{text} ({answer.place})" if answer.place else text, cause)


def _returned_dtype(answer: Answer, asked: DType) -> DType | None:
    """The format to read an answer by; None where it may not have it. Integers may be wider than their operands."""
    returned = DTYPES.get(answer.dtype)
    if returned is None or returned.name == asked.name:
        return returned
    wider = {returned.kind, asked.kind} <= {"i", "u"} and returned.itemsize > asked.itemsize
    return returned if wider else None


def _compared(got: Array, expected: Array, *, guarded: bool) -> Judgement:
    if got.dtype.kind in "iu":
        expected = expected.astype(np.int64).astype(got.dtype)
        equal = bool((got == expected).all())
        return _judged(got, expected, "right" if equal else "wrong", np.inf)
    if bool((got == expected).all()):
        return _judged(got, expected, "right", 0.0)
    wide = got.astype(expected.dtype)
    with np.errstate(invalid="ignore", over="ignore"):
        difference = np.abs(wide - expected)
        largest = float(difference.max()) if np.isfinite(wide).all() else np.inf
        close = bool((np.rint(wide) == expected).all())
    return _judged(got, expected, "rounded" if guarded and close else "wrong", largest)


def _judged(got: Array, expected: Array, standing: Standing, largest: float) -> Judgement:
    if standing == "right":
        return Judgement("right", outputs=got.size)
    kind: Kind | None = "wrong-value" if standing == "wrong" else None
    return Judgement(standing, kind, outputs=got.size, largest=largest, got=got, expected=expected)
