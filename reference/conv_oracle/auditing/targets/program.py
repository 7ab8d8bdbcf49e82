"""A program in any language as a subject: started once, and asked by the protocol of reference/PROTOCOL.md.

Joined to the worker's text, and self-contained like it: NumPy and the standard library. The program is a child of the
worker, so that the limits and the end of that are its own. What it does not support is a refusal; an error that it
tells is an exception; where it ends, the worker ends in the same way; what has no form of the protocol is told as such.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import json
import math
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np

PROTOCOL = 1
MOST_OF_A_LINE = 1 << 16
SECONDS_TO_CLOSE = 1.0
OF_PARAMETERS = {"bias": None, "stride": 1, "padding": 0, "output_padding": 0, "dilation": 1, "groups": 1}
"""What may be left out, and what it is then."""

_INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
OF_NUMPY = ("float16", "float32", "float64", "complex64", "complex128", *_INTEGERS)
OF_OTHERS = ("bfloat16", "float8_e4m3fn", "float8_e5m2")
"""The dtypes of an answer: NumPy's, and those that it has from ml_dtypes."""


class ProgramError(Exception):
    """What a program says that went wrong. No statement of Python raises it."""

    __module__, outcome = "builtins", "raised"


class BrokenAnswerError(Exception):
    """What a program wrote is no answer of the protocol."""

    __module__, outcome = "builtins", "malformed"


class Program:
    """A program that runs, and answers one request at a time."""

    def __init__(self, command: Sequence[str]) -> None:
        """Start it. Raises OSError where it cannot be started."""
        theirs, self._requests = os.pipe()
        self._answers, ours = os.pipe()
        self._process = subprocess.Popen([*command], stdin=theirs, stdout=ours)  # noqa: S603 - the user's own
        for descriptor in (theirs, ours):
            os.close(descriptor)
        self._held, self._met, self._lock = bytearray(), False, threading.Lock()

    def asked(self, request: Mapping[str, Any], data: bytes = b"") -> tuple[dict[str, Any], bytearray]:
        """The line and the bytes of an answer.

        Raises NotImplementedError for what it refuses, ProgramError for an error that it tells, BrokenAnswerError for
        what is no answer. Where the program has ended, so does this process.
        """
        with self._lock:
            if not self._held and select.select([self._answers], [], [], 0)[0]:
                self._receive()
            if self._held:
                raise BrokenAnswerError(f"wrote {bytes(self._held[:40])!r}, which nobody asked for")
            self._send(json.dumps(request).encode() + b"\n" + data)
            answer = self._line()
            count = answer.get("bytes", 0)
            if "refused" in answer:
                raise NotImplementedError(str(answer["refused"]))
            if "error" in answer:
                raise ProgramError(str(answer["error"]))
            if type(count) is not int or count < 0:
                raise BrokenAnswerError(f"an answer has a number of bytes: bytes={count!r}")
            found, self._met = self._taken(count), True
            return answer, found

    def _send(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._requests, view) :]
        except BrokenPipeError:
            self._end()

    def _line(self) -> dict[str, Any]:
        while (end := self._held.find(b"\n")) < 0:
            if len(self._held) > MOST_OF_A_LINE:
                raise BrokenAnswerError(f"wrote more than {MOST_OF_A_LINE} bytes without the end of a line")
            self._receive()
        text = bytes(self._taken(end + 1))
        try:
            answer = json.loads(text)
        except (ValueError, RecursionError):
            answer = None
        if type(answer) is not dict:
            raise BrokenAnswerError(f"wrote {text[:60]!r}, which is no JSON object; for people there is standard error")
        return answer

    def _taken(self, count: int) -> bytearray:
        while len(self._held) < count:
            self._receive()
        taken, self._held = self._held[:count], self._held[count:]
        return taken

    def _receive(self) -> None:
        part = os.read(self._answers, 1 << 20)
        if not part:
            self._end()
        self._held += part

    def _end(self) -> NoReturn:
        """End this process as the program has ended; before it has answered at all, raise ProgramError."""
        try:
            code = self._process.wait(SECONDS_TO_CLOSE)
        except subprocess.TimeoutExpired:
            raise BrokenAnswerError("closed a pipe of its own while it kept running") from None
        if not self._met:
            how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
            raise ProgramError(f"the program ended {how} before it answered the first line")
        if code < 0:
            with contextlib.suppress(ValueError, OSError):  # no other thread than the first may do this
                signal.signal(-code, signal.SIG_DFL)
            os.kill(os.getpid(), -code)
        os._exit(code if code >= 0 else 128 - code)


def program_at(_: str, words: Mapping[str, Any]) -> Callable[..., Any]:
    """A function with PyTorch's arguments that asks a program.

    words: the command, as a list; the operation, its number of axes, and its parameters in PyTorch's order; the dtypes
    that will be asked. Raises ProgramError where the program does not start, or takes nothing of this.
    """
    if sys.byteorder != "little":
        raise ProgramError("the protocol's numbers are little-endian: those of this machine are not")
    program = Program(words["command"])
    hello = program.asked({"protocol": PROTOCOL})[0]
    known = {name: _listed_in(hello, name) for name in ("operations", "dtypes", "parameters")}
    if known["operations"] is None or hello.get("protocol") != PROTOCOL:
        raise ProgramError(
            f"the first answer has the protocol and a list of operations: answer={hello!s:.80}; "
            f'{{"protocol": {PROTOCOL}, "operations": ["{words["operation"]}"]}} would fit'
        )
    _must_be_among("--op", (words["operation"],), known["operations"])
    _must_be_among("--dtype", words["dtypes"], known["dtypes"])
    return _function_of(program, words, known["dtypes"], known["parameters"])


def _listed_in(hello: Mapping[str, Any], name: str) -> list[str] | None:
    """A list of names that the program gives; None where it says nothing."""
    listed = hello.get(name)
    if listed is not None and not (type(listed) is list and all(type(one) is str for one in listed)):
        raise ProgramError(f'what a program takes is a list of names: {name}={listed!r:.80}; ["..."] would fit')
    return listed


def _must_be_among(option: str, asked: Sequence[str], known: Sequence[str] | None) -> None:
    """Raises ProgramError unless the program takes some of what is asked."""
    if known is not None and not {*asked} & {*known}:
        fits = f"{option} {known[0]} would fit" if known else "a program that takes some would fit"
        raise ProgramError(f"the program takes {', '.join(known) or 'nothing'}: {option} is {', '.join(asked)}; {fits}")


def _function_of(
    program: Program, words: Mapping[str, Any], dtypes: Sequence[str] | None, parameters: Sequence[str] | None
) -> Callable[..., Any]:
    """The function, with a signature of those parameters that the program takes."""
    order: list[str] = words["order"]
    kept = [name for name in order if name not in OF_PARAMETERS or parameters is None or name in parameters]
    either, none = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.empty
    taken = inspect.Signature([inspect.Parameter(name, either, default=OF_PARAMETERS.get(name, none)) for name in kept])
    left = {name: value for name, value in OF_PARAMETERS.items() if name in order and name not in kept}

    def convolution(*args: Any, **named: Any) -> Any:
        given = taken.bind(*args, **named)
        given.apply_defaults()
        values = {name: {**left, **given.arguments}[name] for name in order}
        request, data = _request_of(words["operation"], words["axes"], values)
        if dtypes is not None and request["dtype"] not in dtypes:
            raise NotImplementedError(f"dtype {request['dtype']}: the program takes {', '.join(dtypes)}")
        return _array_of(*program.asked(request, data))

    convolution.__signature__ = taken  # type: ignore[attr-defined]
    return convolution


def _request_of(operation: str, axes: int, values: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
    """The line of a call and the bytes behind it. Raises NotImplementedError for what the protocol cannot say."""
    arrays = {name: value for name, value in values.items() if type(value) is np.ndarray}
    data = b"".join([value.tobytes() for value in arrays.values()])
    request: dict[str, Any] = {"operation": operation, "dtype": next(iter(arrays.values())).dtype.name}
    for name, value in values.items():
        if type(value) is str:
            raise NotImplementedError(f"the protocol has numbers alone: {name}={value!r}")
        if name in arrays:
            request[name] = list(value.shape)
        elif value is None or name == "groups":
            request[name] = value
        else:
            request[name] = [value] * axes if type(value) is int else list(value)
        if name not in OF_PARAMETERS and len(request[name]) != axes + 2:
            raise NotImplementedError(f"the protocol has batches alone: {name} has {len(request[name])} axes")
    request["bytes"] = len(data)
    return request, data


def _array_of(answer: Mapping[str, Any], data: bytearray) -> Any:
    """The array of an answer. Raises BrokenAnswerError where there is none."""
    shape, name = answer.get("shape"), answer.get("dtype")
    if type(shape) is not list or not all(type(size) is int and size >= 0 for size in shape):
        raise BrokenAnswerError(f"an answer has a shape, a list of sizes: shape={shape!r:.80}")
    if type(name) is not str or name not in OF_NUMPY + OF_OTHERS:
        raise BrokenAnswerError(f"an answer has the name of a dtype: dtype={name!r:.80}")
    dtype: Any = np.dtype(getattr(importlib.import_module("ml_dtypes"), name) if name in OF_OTHERS else name)
    needed = math.prod(shape) * dtype.itemsize
    if len(data) != needed:
        raise BrokenAnswerError(f"{name} of shape {tuple(shape)} takes {needed} bytes: bytes={len(data)}")
    return np.ndarray(shape, dtype, data)
