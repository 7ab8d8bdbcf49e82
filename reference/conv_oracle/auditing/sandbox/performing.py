"""The calls of a series on the subject, in its process, and what comes back as headers and bytes.

Joined to the worker's text, and self-contained like it. A series is one way of calling, with several blocks of memory
in which its operands lie, and these steps:

    ["call", b]     new operands in a copy of block b, and a call
    ["reuse", b]    the operands of the call before: their memory gets block b's bytes, and a call with the same objects
    ["reread", s]   no call: what step s returned, as it is now
"""

from __future__ import annotations

import dis
import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from conv_oracle.auditing.sandbox.adapters import Adapter, type_name
from conv_oracle.auditing.sandbox.guarded import OverwrittenError, Watch, guarded
from conv_oracle.auditing.sandbox.manners import (
    SURROUNDINGS,
    arranged,
    at_once,
    mapped,
    poison,
    refresh,
    unchanged,
)

Header = dict[str, Any]
TEXT = 500
RAISE = dis.opmap["RAISE_VARARGS"]
MOST_FRAMES = 10_000
OF_TARGETS = ("raised", "malformed")
"""The outcomes of exceptions that what makes a subject raises in its name: the type has one as `outcome`."""
OWN = "<stdin>"
"""The file that this program is read from."""


def described(error: BaseException) -> dict[str, Any]:
    """An exception as its message and the names of its type and of that type's bases.

    One whose type has an outcome was raised by no statement of the subject, so that its place says nothing.
    """
    try:
        message = str(error)[:TEXT]
    except BaseException:
        message = "(its message cannot be read)"
    names = []
    for kind in type(error).__mro__[:-1]:
        module = "" if kind.__module__ == "builtins" else kind.__module__ + "."
        names.append((module + kind.__qualname__)[:TEXT])
    outcome = getattr(type(error), "outcome", None)
    known = type(outcome) is str and outcome in OF_TARGETS
    where = {"outcome": outcome} if known else {"outcome": "raised", **place(error)}
    return {"types": names, "message": message, **where}


def place(error: BaseException) -> Header:
    """The file, line and function where an exception was raised; of an endless recursion, where it went on.

    on_purpose: whether a raise or an assert statement raised it, of a file that is not NumPy's or PyTorch's.
    """
    try:
        trace = error.__traceback__
        for _ in range(MOST_FRAMES):
            if trace is None or trace.tb_next is None:
                break
            trace = trace.tb_next
        if trace is None:
            return {"place": ""}
        code = trace.tb_frame.f_code
        theirs = any(f"{os.sep}{name}{os.sep}" in code.co_filename for name in ("numpy", "torch"))
        if code.co_filename == OWN:
            return {"place": "", "on_purpose": True}
        said = f"{os.path.basename(code.co_filename)}:{trace.tb_lineno} in {code.co_name}"[:TEXT]  # noqa: PTH119
        return {"place": said, "on_purpose": bool(not theirs and code.co_code[trace.tb_lasti] == RAISE)}
    except Exception:  # a traceback of the subject's making
        return {"place": ""}


def value_of(value: Any, operands: list[Any]) -> Any:
    """An argument as the header writes it: {"operand": n} is an array, a list is a tuple, {"list": [...]} a list."""
    if type(value) is list:
        return tuple(value)
    if type(value) is dict:
        return operands[value["operand"]] if "operand" in value else value["list"]
    return value


def answered(adapter: Adapter, results: list[Any], most: int) -> tuple[Header, bytes]:
    """What was returned, as a header and bytes. An array whose values cannot be read counts as none."""
    parts: list[Any] = []
    data = b""
    for result in results:
        try:
            said, part = adapter.part(result, most)
        except MemoryError:
            raise
        except BaseException as error:
            said, part = f"{type_name(result)} whose values cannot be read ({type(error).__name__})", b""
        if type(said) is not list:
            return {"outcome": "not-an-array", "type": said, "part": len(parts)}, b""
        parts.append(said)
        data = data + part if data else part
    return {"outcome": "returned", "parts": parts}, data


def reread(adapter: Adapter, results: list[Any], most: int) -> tuple[Header, bytes]:
    """What an earlier step returned, as it is now."""
    try:
        header, data = answered(adapter, results, most)
    except BaseException as error:
        header, data = described(error), b""
    return {**header, "mutated": False}, data


class Operands:
    """The operands of a call, and the block of memory whose bytes they have."""

    def __init__(self, adapter: Adapter, series: Header, data: bytes) -> None:
        """Views of a block with these bytes, or what the manner makes of them. Equal layouts are one array."""
        self._adapter, self._data, self._memory = adapter, data, adapter.block(data, series["dtype"])
        layouts, self._views = series["operands"], list[Any]()
        for number, layout in enumerate(layouts):
            first = layouts.index(layout)
            self._views.append(adapter.operand(self._memory, layout) if first == number else self._views[first])
        self.arrays = arranged(self._views, series["manner"])

    def refill(self, data: bytes) -> None:
        """Give the same objects other values."""
        self._data = data
        self._adapter.refill(self._memory, data)
        refresh(self.arrays, self._views)

    def unchanged(self) -> bool:
        """Whether the operands have the values that they were given, and the memory between them as well."""
        return self._adapter.holds(self._memory, self._data) and unchanged(self.arrays, self._views)


class Performance:
    """The calls of a series on a subject."""

    def __init__(self, subject: Any, series: Header, payload: memoryview, adapter: Adapter) -> None:
        """Nothing is called yet. payload: the bytes of all blocks."""
        self.subject, self.series, self.payload, self.adapter = subject, series, payload, adapter
        self.manner: Header = series["manner"]
        self.keeps = any(step[0] == "reread" for step in series["steps"])
        self.returned: list[list[Any]] = []

    def block(self, which: int) -> bytes:
        """The bytes of a block; after the last one comes the first."""
        first = which * self.series["size"] % max(len(self.payload), 1)
        return bytes(self.payload[first : first + self.series["size"]])

    def operands(self, which: int) -> Operands:
        """New operands with the bytes of a block."""
        return Operands(self.adapter, self.series, self.block(which))

    def call(self, arrays: list[Any], args: Any = None, kwargs: Any = None) -> Any:
        """One call on these arrays, by default with the arguments of the series."""
        given, named = self.given(arrays, args, kwargs)
        return self.subject(*given, **named)

    def given(self, arrays: list[Any], args: Any = None, kwargs: Any = None) -> tuple[list[Any], dict[str, Any]]:
        """The arguments on these arrays, by default those of the series."""
        args = self.series["args"] if args is None else args
        kwargs = self.series["kwargs"] if kwargs is None else kwargs
        given = [value_of(value, arrays) for value in args]
        return given, {name: value_of(value, arrays) for name, value in kwargs.items()}

    def results(self, held: Operands, which: int) -> list[Any]:
        """What one call returns, with its gradients or under a transformation where those are asked for."""
        for args, kwargs in self.manner.get("earlier", ()):
            self.call(held.arrays, args, kwargs)
        plan = self.series["gradients"]
        if plan and hasattr(self.subject, "gradients"):
            return list(self.subject.gradients(self.given(held.arrays), held.arrays, plan))
        if plan and self.adapter.differentiate:
            between = lambda: self.call(self.operands(which + 1).arrays)  # noqa: E731
            return self.adapter.differentiate(self.call, held.arrays, plan, between)
        if "transform" in self.manner:
            return mapped(self.call, held.arrays, self.operands(which + 1).arrays)
        return [self.call(held.arrays)]

    def answer(self, held: Operands, which: int) -> tuple[Header, bytes]:
        """The answer of one call, which never raises."""
        results: list[Any] = []
        done = None
        try:
            if "poison" in self.manner:
                done = poison(self.manner["poison"], freed=which % 2 == 0)
            results = self.results(held, which)
            header, data = answered(self.adapter, results, self.series["most"])
        except OverwrittenError as error:
            header, data = {**out_of_bounds(error.name, error.place, how="written"), "outcome": "overwritten"}, b""
        except BaseException as error:
            header, data = described(error), b""
        if done:
            done()
        try:
            header["mutated"] = not held.unchanged()
        except Exception as error:
            header, data = {**described(error), "outcome": "harness-fault"}, b""
        if self.keeps:
            self.returned.append(results)
        return header, data

    def steps(self) -> Iterator[tuple[Header, bytes]]:
        """Perform the steps in order, and yield the answer of each."""
        surround = SURROUNDINGS[self.manner.get("around", "")]
        held: Operands | None = None
        for kind, which in self.series["steps"]:
            if kind == "reread":
                yield reread(self.adapter, self.returned[which], self.series["most"])
                self.returned.append([])
                continue
            try:
                if kind == "call" or held is None:
                    held = self.operands(which)
                else:
                    held.refill(self.block(which))
            except Exception as error:
                held = None
                self.returned += [[]] * self.keeps
                yield {**described(error), "outcome": "harness-fault"}, b""
                continue
            yield surround(partial(self.answer, held, which))

    def steps_at_once(self) -> Iterator[tuple[Header, bytes]]:
        """Perform all steps together, each in a thread; they are calls."""
        answers: list[Callable[[], tuple[Header, bytes]]] = [
            partial(self.answer, self.operands(which), which) for _, which in self.series["steps"]
        ]
        yield from at_once(answers)


def perform(subject: Any, series: Header, payload: memoryview, adapter: Adapter) -> Iterator[tuple[Header, bytes]]:
    """Perform the steps of a series, and yield the answer of each."""
    performance = Performance(subject, series, payload, adapter)
    return performance.steps_at_once() if series["manner"].get("at_once") else performance.steps()


def apart(adapter: Adapter, series: Header, watched: list[Any]) -> Adapter:
    """An adapter for operands that each lie alone against a guard page; `watched` gets their memories, with names."""
    side, spans = series["guard"]["side"], series["guard"]["spans"]

    def block(data: bytes, dtype: str) -> list[Any]:
        memories = [guarded(data[first:last], side) for _, first, last in spans]
        watched.extend((name, memory) for (name, _, _), memory in zip(spans, memories, strict=True))
        return [adapter.over(memory.data, dtype) for memory in memories]

    def operand(block: list[Any], layout: list[Any]) -> Any:
        shape, strides, _, writable = layout
        return adapter.operand(block[series["operands"].index(layout)], [shape, strides, 0, writable])

    def refill(block: list[Any], data: bytes) -> None:
        for own, (_, first, last) in zip(block, spans, strict=True):
            adapter.refill(own, data[first:last])

    def holds(block: list[Any], data: bytes) -> bool:
        return all(adapter.holds(own, data[first:last]) for own, (_, first, last) in zip(block, spans, strict=True))

    return adapter._replace(block=block, operand=operand, refill=refill, holds=holds)


def perform_apart(
    subject: Any, series: Header, payload: memoryview, adapter: Adapter, watch: Watch
) -> Iterator[tuple[Header, bytes]]:
    """`perform`, with each operand against a guard page. What is written beside one is told in place of an answer."""
    with watch.on():
        for header, data in perform(subject, series, payload, apart(adapter, series, watch.memories)):
            written = watch.written()
            yield (out_of_bounds(*written, how="written"), b"") if written else (header, data)


def out_of_bounds(name: str, place: tuple[str, int], *, how: str = "read or written") -> Header:
    """The answer of a call that touched memory beside an operand. place: a side and the bytes from that edge."""
    side, offset = place
    edge = "beginning" if side == "before" else "end"
    message = f"memory {side} {name} was {how}, at offset {offset:+d} bytes from its {edge}"
    return {"outcome": "out-of-bounds", "message": message, "place": f"{side} {name}"}
