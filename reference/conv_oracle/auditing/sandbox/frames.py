"""The protocol of a worker's pipes: series of calls go in, answers come out, and nothing else.

A worker is not trusted. What it writes is checked for order, size and form before it is used, and never executed.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

MESSAGE = struct.Struct("<IQ")
FRAME = struct.Struct("<IIQ")
HEADER_BYTES = 1 << 16
MOST_PARTS = 16

Outcome = Literal[
    "returned",
    "not-an-array",
    "raised",
    "crashed",
    "hung",
    "out-of-memory",
    "out-of-bounds",
    "overwritten",
    "malformed",
    "harness-fault",
]
SAID_BY_WORKER = ("returned", "not-an-array", "raised", "out-of-bounds", "overwritten", "malformed", "harness-fault")
SAID_LAST = ("out-of-bounds", "malformed")
"""After which a worker answers nothing more, and is ended."""

Alike = str
"""What calls have in common that need no other compilation."""

Step = tuple[Literal["call", "reuse", "reread"], int]
"""('call', b): a call on the operands of block b. ('reuse', b): on the same objects, after b was written into them.
('reread', s): no call; what step s returned, as it is now."""


Side = Literal["before", "behind"]


@dataclass(frozen=True)
class Guard:
    """Operands that each lie alone in memory, with a page that cannot be touched on this side of them.

    names: of the operands, in their order. itemsize: the bytes of an element.
    """

    side: Side
    names: tuple[str, ...]
    itemsize: int


class MalformedError(Exception):
    """A frame that does not follow the protocol."""


@dataclass(frozen=True)
class Series:
    """Calls with the same arguments on several blocks of operands, as a message carries them.

    args, kwargs: the arguments, an operand as {"operand": n}, a tuple as a list, a list as {"list": [...]}.
    dtype: of the operands.
    operands: (shape, strides, start, writable) of each; strides and start count elements.
    payload: the blocks, one after the other, of `size` bytes each. steps: the calls in order.
    most: the largest size of one answer, in bytes. gradients: what the worker differentiates by, as positions.
    manner: how operands are held and calls are made, where not plainly; see `manners`.
    sparse: whether blocks and answers list what is not zero; see `sparse`.
    guard: where guard pages lie, if anywhere; then all operands are in C order.
    seconds: the most that a call may take, where that is less than any other may.
    """

    args: list[Any]
    kwargs: dict[str, Any]
    dtype: str
    operands: Sequence[tuple[Sequence[int], Sequence[int], int, bool]]
    payload: bytes
    size: int
    steps: Sequence[Step]
    most: int
    gradients: Mapping[str, Any] | None = None
    manner: Mapping[str, Any] = field(default_factory=dict)
    sparse: bool = False
    guard: Guard | None = None
    seconds: float = math.inf

    @cached_property
    def alike(self) -> Alike:
        """What tells its calls from those of other shapes, strides, dtypes or arguments, which may compile anew."""
        return repr((self.dtype, self.operands, self.args, self.kwargs, self.gradients))

    def header(self, number: int) -> dict[str, Any]:
        """The header of the series, for JSON; its answers are numbered from `number`."""
        return {
            "number": number,
            "args": self.args,
            "kwargs": self.kwargs,
            "dtype": self.dtype,
            "operands": self.operands,
            "bytes": len(self.payload),
            "size": self.size,
            "steps": self.steps,
            "most": self.most,
            "gradients": self.gradients,
            "manner": self.manner,
            "sparse": self.sparse,
            "guard": self.guard and self._guarded(self.guard),
        }

    def _guarded(self, guard: Guard) -> dict[str, Any]:
        """The side, and of each operand its name, and from where to where its bytes lie in a block."""
        spans = [
            (name, start * guard.itemsize, (start + math.prod(shape)) * guard.itemsize)
            for name, (shape, _, start, _) in zip(guard.names, self.operands, strict=True)
        ]
        return {"side": guard.side, "spans": spans}


@dataclass(frozen=True)
class Part:
    """One array of an answer: its bytes are in C order."""

    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Answer:
    """The answer to one step, not judged yet.

    parts: dtype and shape of each array; data: their bytes, one after the other. mutated: whether an operand changed.
    types: of an exception, the names of its type and its bases; text: its message; place: where it was raised;
    on_purpose: whether by a statement that raises. Of memory that was touched beside an operand, text says it all, and
    place which operand and side.
    """

    outcome: Outcome
    parts: tuple[Part, ...] = ()
    data: bytes = b""
    mutated: bool = False
    types: tuple[str, ...] = ()
    text: str = ""
    place: str = ""
    on_purpose: bool = False

    def with_data(self, data: bytes) -> Answer:
        """The same with other bytes: as `dataclasses.replace`, in a tenth of its time, for every answer needs it."""
        made = object.__new__(Answer)
        made.__dict__.update(self.__dict__, data=data)
        return made


@dataclass(frozen=True)
class Introduction:
    """A loaded subject: (name, kind, has a default) per parameter, or None; versions by library; its source file.

    called: how a target of another kind is called, as its maker tells it; it is not trusted.
    """

    signature: tuple[tuple[str, str, bool], ...] | None
    versions: Mapping[str, str]
    source: str
    called: Mapping[str, Any] | None = None


def message(header: object, payload: bytes = b"") -> bytes:
    """The bytes of a message to a worker: lengths, header as JSON, payload."""
    text = json.dumps(header).encode()
    return MESSAGE.pack(len(text), len(payload)) + text + payload


class Inbox:
    """The bytes that a worker sent, parsed frame by frame."""

    def __init__(self) -> None:
        """Empty."""
        self._bytes = bytearray()
        self._begin = 0
        self._known: dict[bytes, Answer] = {}

    def add(self, part: bytes) -> None:
        """Append bytes that have arrived."""
        if self._begin:
            del self._bytes[: self._begin]
            self._begin = 0
        self._bytes += part

    def __len__(self) -> int:
        return len(self._bytes) - self._begin

    def answer(self, number: int, most: int) -> Answer | None:
        """The next answer; None while incomplete. Raises MalformedError unless it has this number and <= most bytes."""
        frame = self._frame(number, most)
        if frame is None:
            return None
        text, data = frame
        known = self._known.get(text)
        if known is None:
            known = _answer(_parsed(text))
            if len(self._known) < 1000:
                self._known[text] = known
        return known.with_data(data) if data else known

    def introduction(self) -> dict[str, Any] | None:
        """The header of the first frame; None while it is incomplete. Raises MalformedError."""
        frame = self._frame(0, 0)
        return None if frame is None else _parsed(frame[0])

    def _frame(self, number: int, most: int) -> tuple[bytes, bytes] | None:
        if len(self) < FRAME.size:
            return None
        got, text, data = FRAME.unpack_from(self._bytes, self._begin)
        if got != number:
            raise MalformedError(f"an answer numbered {got}, out of order")
        if text > HEADER_BYTES or data > most:
            raise MalformedError(f"an answer of {text} + {data} bytes: {HEADER_BYTES} + {most} are allowed")
        begin = self._begin + FRAME.size
        middle, end = begin + text, begin + text + data
        if len(self._bytes) < end:
            return None
        self._begin = end
        return bytes(self._bytes[begin:middle]), bytes(self._bytes[middle:end])


def introduction(header: Mapping[str, Any]) -> Introduction | str:
    """The introduction of a loaded subject, or the reason why it was not loaded. Raises MalformedError."""
    types = header.get("types")
    if header.get("outcome") == "not-loaded" and _list_of(types, str) and types:
        fits = "; the --python of an interpreter that has it would fit" if types[0] == "ModuleNotFoundError" else ""
        return f"{types[0]}: {printable(header.get('message', ''))}{fits}"
    signature, versions = header.get("signature"), header.get("versions")
    known = signature is None or (
        isinstance(signature, list)
        and all(isinstance(p, list) and [type(entry) for entry in p] == [str, str, bool] for p in signature)
    )
    if header.get("outcome") != "ready" or not isinstance(versions, dict) or not known:
        raise MalformedError("a malformed introduction")
    return Introduction(
        None if signature is None else tuple((name, kind, default) for name, kind, default in signature),
        {printable(name): printable(version) for name, version in versions.items()},
        str(header.get("source", "")),
        called if isinstance(called := header.get("called"), dict) else None,
    )


def printable(value: object) -> str:
    """Text of the subject as one printable line of at most 1,000 characters."""
    return "".join(c if c.isprintable() else " " for c in str(value))[:1000].strip()


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        raise MalformedError("an answer that is not JSON") from None
    if not isinstance(header, dict):
        raise MalformedError("an answer that is not a JSON object")
    return header


def _answer(header: Mapping[str, Any]) -> Answer:
    outcome = header.get("outcome")
    if outcome not in SAID_BY_WORKER or not isinstance(mutated := header.get("mutated", False), bool):
        raise MalformedError("an answer without a known outcome")
    parts, types = header.get("parts", []), header.get("types", [])
    if not isinstance(parts, list) or len(parts) > MOST_PARTS or not _list_of(types, str):
        raise MalformedError("an answer whose parts or types are not lists")
    for part in parts:
        if not (isinstance(part, list) and len(part) == 2 and type(part[0]) is str and _list_of(part[1], int)):
            raise MalformedError("an answer with a part that is not a dtype and a shape")
    text = header.get("message", "") if outcome != "not-an-array" else header.get("type", "")
    return Answer(
        outcome,
        tuple(Part(printable(dtype), tuple(shape)) for dtype, shape in parts),
        b"",
        mutated,
        tuple(map(printable, types)),
        printable(text),
        printable(header.get("place", "")),
        header.get("on_purpose") is True,
    )


def _list_of(value: object, kind: type) -> bool:
    return isinstance(value, list) and all(type(entry) is kind for entry in value)
