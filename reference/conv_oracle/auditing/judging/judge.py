"""Answers compared with the truth, by their bytes alone."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from conv_oracle.auditing.finding import Kind
from conv_oracle.auditing.judging.asking import Ask
from conv_oracle.auditing.operands import DTYPES, PARTS, DType, expected, float8, from_bytes, to_bytes
from conv_oracle.auditing.sandbox import Answer, Part
from conv_oracle.passes import Array

Standing = Literal["right", "rounded", "wrong", "refused", "harness-fault"]

REFUSALS = ("NotImplementedError",)
MOST_SAID = 120
WIDER_THAN_FLOAT8 = ("float16", "bfloat16", "float32")
WIDER = {"float16": ("float32", "float64"), "bfloat16": ("float32", "float64"), "float32": ("float64",)}
"""The formats of results that have all numbers of the operands' format, and more."""


Formats = Mapping[tuple[str, str], str]
"""By the dtype of the operands, and by part, the dtype in which results come."""


@dataclass(frozen=True)
class Judgement:
    """The judgement of one answer: right, right up to rounding, wrong, refused, or a harness error.

    kind: of a wrong answer, the sort of violation; text: its description. cause: of an exception, its type and place;
    on_purpose: whether a statement of the subject raised it. Of memory beside an operand, cause: side and operand.
    outputs: the number of elements compared. part: the name of the array that is wrong. returned: its dtype.
    formats: the dtype of every array, of an answer without a violation; wanted: the right one, where it is wrong.
    largest: the largest |got - expected| in units of the integer operands; small where it may be rounding.
    peak: the largest |sum| of integers, where the format rounds it; else 0.
    right_at_first: whether a fresh process answers the same call right.
    got, expected: the arrays, in the shape of the result; None where there are none.
    """

    standing: Standing
    kind: Kind | None = None
    text: str = ""
    cause: str = ""
    outputs: int = 0
    largest: float = 0.0
    peak: float = 0.0
    part: str = ""
    returned: str = ""
    formats: tuple[str, ...] = ()
    wanted: str = ""
    right_at_first: bool = False
    on_purpose: bool = False
    got: Array | None = field(default=None, repr=False)
    expected: Array | None = field(default=None, repr=False)

    @property
    def right(self) -> bool:
        """Whether the values are right, rounded or not."""
        return self.standing in ("right", "rounded")

    @property
    def wrong(self) -> bool:
        """Whether it is a violation."""
        return self.standing == "wrong"


def judge(ask: Ask, answers: Sequence[Answer], *, refusals: Collection[str] = ()) -> list[Judgement]:
    """One judgement per answer of a series. The truth is computed here, after the answers have arrived.

    refusals: names of exception types that mean "not supported", besides NotImplementedError.
    Where the operands are guarded, an answer that rounds to the right integers is `rounded`.
    """
    truth: Mapping[str, Array] = {}
    if any(answer.outcome == "returned" for answer in answers):
        truth = expected(ask.problem, ask.draws, gradients=ask.gradients is not None)
    known = _Truth(ask, truth)
    judged = [
        known.as_before(block, answer) or _one(known, block, answer, refusals)
        for block, answer in zip(ask.blocks, answers, strict=False)
    ]
    plain = len({which for _, which in ask.steps}) == len(ask.steps)
    if plain and all(judgement.standing == "right" for judgement in judged):
        return judged
    return [_among(ask, step, answers, judged) for step in range(len(answers))]


def returned(
    ask: Ask,
    answer: Answer,
    name: str,
    shapes: Mapping[str, tuple[int, ...]],
    *,
    refusals: Collection[str] = (),
    formats: Formats | None = None,
) -> Array | Judgement:
    """The array `name` of an answer, not compared; or the judgement of an answer whose form is wrong.

    shapes: the right shape of every part, by name. refusals: as in `judge`. formats: those that are known.
    """
    if answer.outcome == "raised":
        return _raised(answer, refusals)
    if answer.outcome != "returned":
        return _no_array(answer)
    begin, found = 0, None
    for own, part in zip(ask.parts, answer.parts, strict=False):
        dtype = _dtype_of(part, own, shapes[own], ask.problem.dtype, formats or {})
        if isinstance(dtype, Judgement):
            return dtype
        end = begin + dtype.itemsize * math.prod(part.shape)
        if own == name and end <= len(answer.data):
            found = from_bytes(answer.data[begin:end], dtype, part.shape)
        begin = end
    if found is None or len(answer.parts) != len(ask.parts) or begin != len(answer.data):
        return Judgement(
            "wrong", "malformed", f"sent {len(answer.parts)} arrays in {len(answer.data)} bytes, which do not match"
        )
    if answer.mutated:
        return Judgement("wrong", "mutated-operand", "the call changed the bytes of an operand", part=name)
    return found


def _dtype_of(part: Part, own: str, shape: tuple[int, ...], asked: str, formats: Formats) -> DType | Judgement:
    """The format to read a part by, or what is wrong with its shape or dtype, beside the formats that are known."""
    dtype = _returned_dtype(part, DTYPES[asked])
    if part.shape != shape or dtype is None:
        text = f"returned {part.dtype} of shape {said(part.shape)}, expected {asked} of shape {shape}"
        return Judgement("wrong", "wrong-shape" if dtype else "wrong-dtype", text, part=own)
    known = formats.get((asked, own), dtype.name)
    return dtype if known == dtype.name else of_other_format(dtype.name, asked, known, own)


def judge_refusal(answer: Answer) -> Judgement:
    """The answer to a problem that has no output: any exception is right, and so is an empty array."""
    empty = answer.outcome == "returned" and all(0 in part.shape for part in answer.parts)
    if answer.outcome in ("raised", "harness-fault") or empty:
        return Judgement("right")
    if answer.outcome == "returned":
        return Judgement("wrong", "accepted-but-invalid", f"returned an array of shape {said(answer.parts[0].shape)}")
    return _no_array(answer)


def first(types: tuple[str, ...]) -> str:
    """The name of an exception's own type."""
    return types[0] if types else "an exception without a type"


def matches(types: Collection[str], refusals: Collection[str]) -> bool:
    """Whether an exception type, or a base of it, has one of these names, with or without its module."""
    return any(name in refusals or name.rpartition(".")[2] in refusals for name in types)


class _Truth:
    """The expected values of a series, and their bytes per dtype."""

    def __init__(self, ask: Ask, values: Mapping[str, Array]) -> None:
        self.ask = ask
        self.values = values
        self.parts = ask.parts
        self._bytes: dict[tuple[str, str], bytes] = {}
        self._before: tuple[tuple[Part, ...], list[tuple[bytes, int]], Judgement] | None = None

    def peak(self, name: str, number: int) -> float:
        """The largest sum of integers in one draw."""
        values = self.values[name][number] / self.ask.draws.scale(PARTS[name][1])[number]
        return float(np.abs(values).max(initial=0.0))

    def equals(self, name: str, number: int, dtype: DType, data: bytes) -> bool:
        """Whether bytes are exactly those of the truth of one draw, correctly rounded to the dtype."""
        whole, size = self._rounded(name, dtype)
        return whole[number * size : (number + 1) * size] == data

    def _rounded(self, name: str, dtype: DType) -> tuple[bytes, int]:
        """The bytes of all draws, rounded to the dtype, and how many each has."""
        values = self.values[name]
        whole = self._bytes.get((name, dtype.name))
        if whole is None:
            integers = values.astype(np.int64) if dtype.kind in "iu" else values
            whole = self._bytes[name, dtype.name] = to_bytes(integers, dtype)
        return whole, len(whole) // len(values)

    def note_right(self, parts: tuple[Part, ...], judgement: Judgement) -> None:
        """Keep the judgement of a right answer for others of the same parts; not where its peak is its own."""
        dtypes = [DTYPES[returned] for returned in judgement.formats]
        if not any(dtype.narrow for dtype in dtypes):
            rounded = [self._rounded(name, dtype) for name, dtype in zip(self.parts, dtypes, strict=True)]
            self._before = parts, rounded, judgement

    def as_before(self, block: int, answer: Answer) -> Judgement | None:
        """The judgement that is kept, where an answer has those very parts, and the bytes of the truth of its draw."""
        if self._before is None or answer.parts is not self._before[0] or answer.mutated:
            return None
        begin = 0
        for whole, size in self._before[1]:
            if whole[block * size : (block + 1) * size] != answer.data[begin : begin + size]:
                return None
            begin += size
        return self._before[2] if begin == len(answer.data) else None


def _one(truth: _Truth, block: int, answer: Answer, refusals: Collection[str]) -> Judgement:
    if answer.outcome == "raised":
        return _raised(answer, refusals)
    if answer.outcome != "returned":
        return _no_array(answer)
    judged: list[Judgement] = []
    names, begin = truth.parts, 0
    for name, part in zip(names, answer.parts, strict=False):
        returned = _form(truth, name, part)
        if isinstance(returned, Judgement):
            return replace(returned, got=_of_another_shape(truth, part, answer.data[begin:]))
        end = begin + returned.itemsize * math.prod(part.shape)
        judged.append(_compared(truth, name, block, returned, answer.data[begin:end]))
        begin = end
    if len(answer.parts) != len(names) or begin != len(answer.data):
        return Judgement(
            "wrong", "malformed", f"sent {len(answer.parts)} arrays in {len(answer.data)} bytes, which do not match"
        )
    worst = max(judged, key=lambda judgement: ("right", "rounded", "wrong").index(judgement.standing))
    if answer.mutated and not worst.wrong:
        return Judgement("wrong", "mutated-operand", "the call changed the bytes of an operand")
    if len(judged) > 1:
        formats = tuple(judgement.returned for judgement in judged)
        worst = replace(worst, outputs=sum(judgement.outputs for judgement in judged), formats=formats)
    if worst.standing == "right":
        truth.note_right(answer.parts, worst)
    return worst


def _form(truth: _Truth, name: str, part: Part) -> DType | Judgement:
    """The format to read a part by, or what is wrong with its shape or dtype."""
    asked, shape = truth.ask.problem.dtype, truth.values[name].shape[1:]
    if part.shape != shape:
        text = f"returned shape {said(part.shape)}, expected {shape}"
        return Judgement("wrong", "wrong-shape", text, part=name)
    returned = _returned_dtype(part, DTYPES[asked])
    if returned is None:
        return Judgement("wrong", "wrong-dtype", f"returned {part.dtype} for operands of {asked}", part=name)
    return returned


def of_other_format(returned: str, asked: str, known: str, part: str) -> Judgement:
    """The judgement of a dtype that could be right, where all others are another one."""
    text = f"returned {returned} for operands of {asked}, where others came in {known}"
    return Judgement("wrong", "wrong-dtype", text, part=part, wanted=known)


def said(shape: tuple[int, ...]) -> str:
    """A shape as text, cut: a worker may send any."""
    whole = str(shape[:12]) if len(shape) <= 12 else f"with {len(shape)} dimensions"
    return whole if len(whole) <= MOST_SAID else f"{whole[:MOST_SAID]}..."


def _of_another_shape(truth: _Truth, part: Part, data: bytes) -> Array | None:
    """The elements of an array whose shape is wrong, for the diagnosis; None where the bytes do not hold them."""
    returned = _returned_dtype(part, DTYPES[truth.ask.problem.dtype])
    if returned is None or min(part.shape, default=1) < 1 or part.shape == ():
        return None
    if len(data) < (size := returned.itemsize * math.prod(part.shape)):
        return None
    return from_bytes(data[:size], returned, part.shape)


def _among(ask: Ask, step: int, answers: Sequence[Answer], judged: Sequence[Judgement]) -> Judgement:
    """A step compared with the others of its series: an answer that changed, varies, or is that of another call."""
    judgement, answer = judged[step], answers[step]
    if answer.outcome != "returned":
        return judgement
    kind, which = ask.steps[step]
    if kind == "reread":
        same = answers[which].data == answer.data or answers[which].outcome != "returned"
        text = "the array that an earlier call returned was changed by later calls"
        return Judgement("right") if same else replace(judgement, standing="wrong", kind="answer-changed", text=text)
    calls = [n for n in range(step) if ask.blocks[n] == which or judgement.kind == "wrong-value"]
    before = [n for n in calls if ask.steps[n][0] != "reread" and answers[n].outcome == "returned"]
    equal = [n for n in before if ask.blocks[n] == which]
    if any(answers[n].data != answer.data for n in equal):
        text = "the same call gave a different answer when repeated"
        kind_now: Kind = "varies"
        others = [answers[n].data for n in before if n not in equal] if answer.data.strip(b"\0") else []
        if judgement.kind == "wrong-value" and answer.data in others:
            kind_now, text = "stale-answer", "the answer is that of an earlier call with other operands"
        return replace(judgement, standing="wrong", kind=kind_now, text=text)
    if judgement.kind == "wrong-value" and answer.data.strip(b"\0"):  # zeros are an answer of many faults
        stale = any(answers[n].data == answer.data and not judged[n].wrong for n in before)
        if stale:
            text = "the answer is that of an earlier call with operands of the same shapes"
            return replace(judgement, kind="stale-answer", text=text)
    return judgement


def _no_array(answer: Answer) -> Judgement:
    if answer.outcome == "harness-fault":
        return Judgement("harness-fault", text=f"{first(answer.types)}: {answer.text}")
    if answer.outcome == "not-an-array":
        return Judgement("wrong", "not-an-array", f"returned {answer.text or 'an object of unknown type'}")
    if answer.outcome in ("crashed", "hung", "out-of-memory", "out-of-bounds"):
        return Judgement("wrong", answer.outcome, answer.text, answer.place)
    if answer.outcome == "overwritten":
        return Judgement("wrong", "out-of-bounds", answer.text, answer.place)
    return Judgement("wrong", "malformed", answer.text)


def _raised(answer: Answer, refusals: Collection[str]) -> Judgement:
    text = f"{first(answer.types)}: {answer.text}" if answer.text else first(answer.types)
    if matches(answer.types, {*REFUSALS, *refusals}):
        return Judgement("refused", text=text)
    if "MemoryError" in answer.types:
        return Judgement("wrong", "out-of-memory", text)
    cause = f"{first(answer.types)} at {answer.place}" if answer.place else first(answer.types)
    placed = f"{text} ({answer.place})" if answer.place else text
    return Judgement("wrong", "raised", placed, cause, on_purpose=answer.on_purpose)


def _returned_dtype(part: Part, asked: DType) -> DType | None:
    """The format of an answer; None where that dtype is wrong."""
    returned = DTYPES.get(part.dtype)
    return returned if returned is not None and (returned.name == asked.name or is_wider(returned, asked)) else None


def is_wider(returned: DType, asked: DType) -> bool:
    """Whether results may have this format, which is not that of the operands: a wider integer, or a wider real number.

    A convolution of float8 is often stored in a wider format, and its results may come in several.
    """
    if asked.short:
        return returned.name in WIDER_THAN_FLOAT8
    if {returned.kind, asked.kind} <= {"i", "u"}:
        return returned.itemsize > asked.itemsize
    return returned.name in WIDER.get(asked.name, ())


def _compared(truth: _Truth, name: str, block: int, returned: DType, data: bytes) -> Judgement:
    values = truth.values[name]
    size = values.size // len(values)
    if len(data) != returned.itemsize * size:
        return Judgement(
            "wrong", "malformed", f"sent {len(data)} bytes for {returned.name} of shape {values[block].shape}"
        )
    same = truth.equals(name, block, returned, data)
    peak = truth.peak(name, block) if returned.narrow else 0.0
    peak = peak if peak > 2**returned.bits else 0.0
    if same:
        return Judgement("right", outputs=size, peak=peak, returned=returned.name, formats=(returned.name,))
    got, wanted = from_bytes(data, returned, values.shape[1:]), values[block]
    if returned.kind in "iu":
        wanted = wanted.astype(np.int64).astype(got.dtype)
    elif returned.narrow:
        wanted = from_bytes(to_bytes(wanted, returned), returned, wanted.shape)
    if returned.short:
        within = np.abs(values[block]) <= float8.LARGEST[returned.name]
        got, wanted = np.where(within, got, 0), np.where(within, wanted, 0)
    if bool((got == wanted).all()):
        return Judgement("right", outputs=size, peak=peak, returned=returned.name, formats=(returned.name,))
    largest, close = np.inf, False
    if returned.kind in "fc":
        scale = truth.ask.draws.scale(PARTS[name][1])[block]
        with np.errstate(all="ignore"):
            wide, whole = got.astype(values.dtype) / scale, values[block] / scale
            largest = float(np.abs(wide - whole).max()) if np.isfinite(wide).all() else np.inf
            close = bool((np.rint(wide) == whole).all())
    standing: Standing = "rounded" if truth.ask.draws.guarded and close else "wrong"
    kind: Kind | None = "wrong-value" if standing == "wrong" else None
    return Judgement(
        standing,
        kind,
        outputs=got.size,
        largest=largest,
        part=name,
        returned=returned.name,
        formats=(returned.name,),
        got=got,
        expected=wanted,
    )
