"""Calls on sparse operands, and their answers against the truth: where each nonzero element lies, and what it is."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from conv_oracle.auditing.finding import Kind
from conv_oracle.auditing.judging import is_wider
from conv_oracle.auditing.large.products import Drawn, Numbers
from conv_oracle.auditing.large.sizes import roles
from conv_oracle.auditing.operands import DTYPES, DType, from_bytes, to_bytes
from conv_oracle.auditing.sandbox import ACCIDENTS, MOST_SENT, Answer, Binding, Series
from conv_oracle.passes import Array
from conv_oracle.problem import Problem

HEAD = 3 * 8
"""The bytes of the three counts that an answer begins with."""

REFUSALS = ("NotImplementedError",)
OF_MEMORY = ("out of memory", "can't allocate memory", "cannot allocate memory", "unable to allocate", "bad_alloc")
KILLED = "SIGKILL"
"""What the kernel ends a process with where the machine's memory runs out."""

Standing = Literal["right", "wrong", "refused", "unasked"]
"""Of what is refused, and of what memory or time did not suffice for, nothing is known."""


@dataclass(frozen=True)
class Seen:
    """One answer, compared.

    kind: of a wrong answer, the sort of violation. text: what was said, of any answer that is not right.
    wrong: the offsets in the result at which it differs, as far as they were sent; got: the values there, where the
    truth is `expected`. differing: how many there are. rounded: whether it is right but for rounding.
    """

    drawn: Drawn
    standing: Standing
    kind: Kind | None = None
    text: str = ""
    wrong: Numbers = field(default_factory=lambda: np.zeros(0, np.int64))
    got: Array = field(default_factory=lambda: np.zeros(0))
    expected: Array = field(default_factory=lambda: np.zeros(0))
    differing: int = 0
    rounded: bool = False

    @property
    def problem(self) -> Problem:
        """The problem."""
        return self.drawn.problem


def series_of(drawn: Drawn, binding: Binding) -> Series:
    """One call, whose operands are sent as what is not zero in them."""
    asked = drawn.problem
    args, kwargs, names = binding.arguments(asked)
    by_name = {roles(asked).names[role]: sparse for role, sparse in drawn.given.items()}
    start, placed = 0, []
    positions, values = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for name in names:
        shape = asked.operand_shapes[name]
        placed.append((shape, tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape))), start, True))
        if name in by_name:
            positions.append(by_name[name].offsets + start)
            values.append(by_name[name].values)
        start += math.prod(shape)
    where, what = np.concatenate(positions), np.concatenate(values)
    head = np.array([len(where)], "<i8").tobytes() + where.astype("<i8").tobytes()
    payload = head + to_bytes(what.astype(np.float64), DTYPES[asked.dtype])
    most = HEAD + MOST_SENT * (8 + 16)
    return Series(args, kwargs, asked.dtype, placed, payload, len(payload), [("call", 0)], most, sparse=True)


def compared(drawn: Drawn, answer: Answer, refusals: Collection[str]) -> Seen:
    """The answer to one call, judged. refusals: exception types that mean "not supported", besides REFUSALS."""
    if answer.outcome != "returned":
        return _without_result(drawn, answer, {*REFUSALS, *refusals})
    asked = drawn.problem
    shape = asked.result_shape
    part = answer.parts[0]
    dtype = DTYPES.get(part.dtype)
    allowed = dtype is not None and (part.dtype == asked.dtype or is_wider(dtype, DTYPES[asked.dtype]))
    if part.shape != shape or dtype is None or not allowed:
        text = f"returned {part.dtype} of shape {part.shape}, expected {asked.dtype} of shape {shape}"
        return Seen(drawn, "wrong", "wrong-shape" if allowed else "wrong-dtype", text)
    read = _read(answer.data, dtype, math.prod(shape))
    if read is None:
        return Seen(drawn, "wrong", "malformed", f"sent {len(answer.data)} bytes, which list no elements of the result")
    if answer.mutated:
        return Seen(drawn, "wrong", "mutated-operand", "the call changed the bytes of an operand")
    return _against_the_truth(drawn, *read)


def _without_result(drawn: Drawn, answer: Answer, refusals: set[str]) -> Seen:
    said = f"{answer.types[0]}: {answer.text}" if answer.types else answer.text
    short = any(word in said.lower() for word in OF_MEMORY) or "MemoryError" in answer.types
    if answer.outcome in ("hung", "out-of-memory", "harness-fault") or short or KILLED in said:
        return Seen(drawn, "unasked", text=said)
    if answer.outcome == "raised":
        accident = bool({*answer.types} & {*ACCIDENTS}) and not answer.on_purpose and not {*answer.types} & refusals
        return Seen(drawn, "wrong", "raised", said) if accident else Seen(drawn, "refused", text=said)
    kind: Kind = "not-an-array" if answer.outcome == "not-an-array" else "crashed"
    kind = "malformed" if answer.outcome == "malformed" else kind
    return Seen(drawn, "wrong", kind, said or f"returned {answer.types}")


def _read(data: bytes, dtype: DType, size: int) -> tuple[int, int, Numbers, Array] | None:
    """How many nonzero elements, how many rounded zeros, and offsets and values of the first; None for other bytes."""
    if len(data) < HEAD:
        return None
    count, rounded, sent = np.frombuffer(data, "<i8", 3).tolist()
    known = 0 <= sent == min(count, MOST_SENT) and 0 <= rounded <= size and count <= size
    if not known or len(data) != HEAD + sent * (8 + dtype.itemsize):
        return None
    offsets = np.frombuffer(data, "<i8", sent, HEAD)
    if sent and (offsets[0] < 0 or offsets[-1] >= size or (np.diff(offsets) <= 0).any()):
        return None
    return count, rounded, offsets, from_bytes(data[HEAD + 8 * sent :], dtype, (sent,)).astype(np.float64)


def _against_the_truth(drawn: Drawn, count: int, rounded: int, offsets: Numbers, values: Array) -> Seen:
    """Every offset at which the answer or the truth is not zero; beyond the last that was sent, nothing is known."""
    at, sums = drawn.products.sums(drawn.result)
    cut = count > len(offsets)
    every = np.union1d(offsets, at[at <= offsets[-1]] if cut else at)
    got, expected = np.zeros(len(every)), np.zeros(len(every))
    got[np.searchsorted(every, offsets)] = values
    known = np.isin(at, every)
    expected[np.searchsorted(every, at[known])] = sums[known]
    with np.errstate(invalid="ignore"):
        differs = ~(np.rint(got) == expected)
    inexact = bool(rounded or (got != expected).any())
    if not differs.any() and not cut:
        return Seen(drawn, "right", rounded=inexact)
    more = count - len(offsets)
    text = f"{count:,} elements are not zero, {np.count_nonzero(sums):,} should be"
    wrong = (every[differs], got[differs], expected[differs])
    return Seen(drawn, "wrong", "wrong-value", text, *wrong, int(differs.sum()) + more)
