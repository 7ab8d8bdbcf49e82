"""The subject's side of the sandbox: loads the subject, calls it, and returns bytes.

Joined with `adapters`, `manners` and `sparse` to one self-contained text, which the interpreter of the subject reads
from its standard input, with a call of main() at its end. It needs NumPy there (and PyTorch for a subject of tensors)
and nothing of conv-oracle. It knows no expected value and judges nothing.

Tasks arrive as messages: the lengths of a JSON header and of the operands' raw bytes, then both. The first header
names the target; each later one lists series of calls. A series is one way of calling, with several blocks of memory
in which its operands lie, and these steps:

    ["call", b]     new operands in a copy of block b, and a call
    ["reuse", b]    the operands of the call before: their memory gets block b's bytes, and a call with the same objects
    ["reread", s]   no call: what step s returned, as it is now

Every step is answered, by a frame of its own, before the next one starts, so that a crash or a hang can be
attributed to its call. Nothing that is read is ever executed.
"""

from __future__ import annotations

import ctypes
import dis
import importlib
import importlib.util
import inspect
import json
import os
import platform
import signal
import struct
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from conv_oracle.auditing.sandbox.adapters import ADAPTERS, Adapter, type_name
from conv_oracle.auditing.sandbox.manners import (
    SURROUNDINGS,
    arranged,
    at_once,
    mapped,
    poison,
    refresh,
    unchanged,
)
from conv_oracle.auditing.sandbox.sparse import sparse_adapter

PARENT_DEATH_SIGNAL = 1
MESSAGE = struct.Struct("<IQ")
FRAME = struct.Struct("<IIQ")
TEXT = 500
RAISE = dis.opmap["RAISE_VARARGS"]
MOST_FRAMES = 10_000

# Bound before the subject is imported, so that what it patches later is not what answers.
_read, _write, _exit = os.read, os.write, os._exit
_dumps, _loads = json.dumps, json.loads

Header = dict[str, Any]


def read_exactly(descriptor: int, length: int) -> bytes:
    """The next `length` bytes; the process ends where the parent has closed its side."""
    parts = []
    while length:
        part = _read(descriptor, min(length, 1 << 20))
        if not part:
            _exit(0)
        parts.append(part)
        length -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def send(descriptor: int, number: int, header: dict[str, Any], data: bytes = b"") -> None:
    """One answer frame."""
    text = _dumps(header).encode()
    view = memoryview(FRAME.pack(number, len(text), len(data)) + text + data)
    while view:
        view = view[_write(descriptor, view) :]


def load(target: str) -> Any:
    """The object that `package.module:name` or `path/to/file.py:name` names."""
    where, _, name = target.rpartition(":")
    if where.endswith(".py"):
        path = os.path.abspath(where)  # noqa: PTH100 - this file asks as little of its interpreter as it can
        stem = os.path.splitext(os.path.basename(path))[0]  # noqa: PTH119, PTH122
        sys.path.insert(0, os.path.dirname(path))  # noqa: PTH120
        spec = importlib.util.spec_from_file_location(stem, path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{where} is not a Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[stem] = module
        spec.loader.exec_module(module)
    else:
        sys.path.insert(0, os.getcwd())  # noqa: PTH109
        module = importlib.import_module(where)
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part)
    if not callable(found):
        raise TypeError(f"{name} is not callable: it is of type {type(found).__name__}")
    return found


def signature(subject: Any) -> Any:
    """[name, kind, has a default] of every parameter, or None where Python knows none."""
    try:
        parameters = inspect.signature(subject).parameters.values()
    except (ValueError, TypeError):
        return None
    return [[p.name, p.kind.name, p.default is not p.empty] for p in parameters]


def source_of(subject: Any) -> str:
    """The source file of the subject, or '' where Python knows none."""
    try:
        return os.path.abspath(inspect.getsourcefile(inspect.unwrap(subject)) or "")  # noqa: PTH100
    except Exception:
        return ""


def described(error: BaseException) -> dict[str, Any]:
    """An exception as its message and the names of its type and of that type's bases."""
    try:
        message = str(error)[:TEXT]
    except BaseException:
        message = "(its message cannot be read)"
    names = []
    for kind in type(error).__mro__[:-1]:
        module = "" if kind.__module__ == "builtins" else kind.__module__ + "."
        names.append((module + kind.__qualname__)[:TEXT])
    return {"outcome": "raised", "types": names, "message": message, **place(error)}


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
        self._adapter, self._memory = adapter, adapter.block(data, series["dtype"])
        views: dict[str, Any] = {}
        for layout in series["operands"]:
            if str(layout) not in views:
                views[str(layout)] = adapter.operand(self._memory, layout)
        self._views = [views[str(layout)] for layout in series["operands"]]
        self.arrays = arranged(self._views, series["manner"])

    def refill(self, data: bytes) -> None:
        """Give the same objects other values."""
        self._adapter.refill(self._memory, data)
        refresh(self.arrays, self._views)

    def holds(self, data: bytes) -> bool:
        """Whether the operands have the values of these bytes, and the memory between them as well."""
        return self._adapter.holds(self._memory, data) and unchanged(self.arrays, self._views)


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
        args = self.series["args"] if args is None else args
        kwargs = self.series["kwargs"] if kwargs is None else kwargs
        given = [value_of(value, arrays) for value in args]
        return self.subject(*given, **{name: value_of(value, arrays) for name, value in kwargs.items()})

    def results(self, held: Operands, which: int) -> list[Any]:
        """What one call returns, with its gradients or under a transformation where those are asked for."""
        for args, kwargs in self.manner.get("earlier", ()):
            self.call(held.arrays, args, kwargs)
        plan = self.series["gradients"]
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
        except BaseException as error:
            header, data = described(error), b""
        if done:
            done()
        header["mutated"] = not held.holds(self.block(which))
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


def isolate() -> None:
    """Die with the parent, whatever kills it. Linux only; elsewhere the parent's clean-up must suffice."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, signal.SIGKILL)


def main(tasks: int, answers: int, arrays: str, device: str) -> None:
    """Load the subject, introduce it, and answer calls until the parent closes the pipe.

    tasks, answers: file descriptors. arrays: 'numpy' or 'torch'. device: torch's.
    """
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.set_inheritable(tasks, False)
    os.set_inheritable(answers, False)
    isolate()
    if sys.path[:1] == [""]:
        del sys.path[0]
    whole = vars(sys.modules["__main__"])
    named = whole.pop("__file__", None)  # multiprocessing would look for a file of this name

    def message() -> tuple[Any, bytes]:
        lengths = MESSAGE.unpack(read_exactly(tasks, MESSAGE.size))
        return _loads(read_exactly(tasks, lengths[0])), read_exactly(tasks, lengths[1])

    hello, _ = message()
    versions = {"python": platform.python_version(), "numpy": np.__version__}
    try:
        adapter = ADAPTERS[arrays](device)
        of_sparse = sparse_adapter(adapter, arrays)
        if arrays == "torch":
            versions["torch"] = str(sys.modules["torch"].__version__)
        subject = load(hello["target"])
    except BaseException as error:
        send(answers, 0, {**described(error), "outcome": "not-loaded"})
        whole["__file__"] = named  # the interpreter removes it at its end
        return
    told = {"signature": signature(subject), "versions": versions, "source": source_of(subject)}
    send(answers, 0, {"outcome": "ready", **told})
    while True:
        series, data = message()
        payload = memoryview(data)
        begin = 0
        for one in series:
            end = begin + one["bytes"]
            how = of_sparse if one["sparse"] else adapter
            for step, (header, data) in enumerate(perform(subject, one, payload[begin:end], how)):
                send(answers, one["number"] + step, header, data)
            begin = end
