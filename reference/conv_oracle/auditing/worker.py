"""The subject's side of the sandbox: loads the subject, calls it, and sends back bytes.

One self-contained file, run as a script in whatever interpreter the subject lives in; it needs NumPy there (and PyTorch
for a subject of tensors) and nothing of conv-oracle. It knows no expected value and judges nothing.

    worker.py TASKS ANSWERS ARRAYS        two file descriptors, and 'numpy' or 'torch'

Tasks arrive as messages: the lengths of a JSON header and of the operands' raw bytes, then both. The first header names
the target; each later one lists calls. Every call is answered, by a frame of its own, before the next one starts,
so that whoever reads knows which call a crash or a hang belongs to. Nothing that is read is ever executed.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import inspect
import json
import os
import platform
import signal
import struct
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

PARENT_DEATH_SIGNAL = 1
MESSAGE = struct.Struct("<IQ")
FRAME = struct.Struct("<IIQ")
TEXT = 500

# Bound before the subject is imported, so that what it patches later is not what answers.
_read, _write, _exit = os.read, os.write, os._exit
_dumps, _loads = json.dumps, json.loads
_ndarray, _tobytes = np.ndarray, np.ndarray.tobytes
_frombuffer = np.frombuffer

Adapter = tuple[Callable[[bytearray, str, list[int], int], Any], Callable[[Any, int], tuple[dict[str, Any], bytes]]]


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
        raise TypeError(f"{name} is a {type(found).__name__}, which cannot be called")
    return found


def signature(subject: Any) -> Any:
    """[name, kind, has a default] of every parameter, or None where Python knows none."""
    try:
        parameters = inspect.signature(subject).parameters.values()
    except (ValueError, TypeError):
        return None
    return [[p.name, p.kind.name, p.default is not p.empty] for p in parameters]


def numpy_adapter() -> Adapter:
    """Operands as NumPy arrays, answers from NumPy arrays."""

    def operand(memory: bytearray, dtype: str, shape: list[int], offset: int) -> Any:
        count = 1
        for size in shape:
            count *= size
        return _frombuffer(memory, numpy_dtype(dtype), count, offset).reshape(shape)

    def answer(result: Any, most: int) -> tuple[dict[str, Any], bytes]:
        if type(result) is not _ndarray:
            return {"outcome": "not-an-array", "type": type_name(result)}, b""
        name = result.dtype.name if result.dtype.isnative else result.dtype.str
        data = _tobytes(result) if result.nbytes <= most else b""
        return {"outcome": "returned", "dtype": name, "shape": list(result.shape)}, data

    return operand, answer


def numpy_dtype(name: str) -> Any:
    """NumPy's dtype of this name; bfloat16 comes from ml_dtypes."""
    return np.dtype(getattr(importlib.import_module("ml_dtypes"), name) if name == "bfloat16" else name)


def torch_adapter() -> Adapter:
    """Operands as tensors on the CPU, answers from tensors with any strides, on any device, requiring grad or not."""
    torch = importlib.import_module("torch")
    tensor, from_memory, empty = torch.Tensor, torch.frombuffer, torch.empty
    strided, as_bytes = torch.strided, torch.uint8

    def operand(memory: bytearray, dtype: str, shape: list[int], offset: int) -> Any:
        count = 1
        for size in shape:
            count *= size
        kind = getattr(torch, dtype)
        if not count:
            return empty(shape, dtype=kind)
        return from_memory(memory, dtype=kind, count=count, offset=offset).view(shape)

    def answer(result: Any, most: int) -> tuple[dict[str, Any], bytes]:
        if type(result) is not tensor:
            return {"outcome": "not-an-array", "type": type_name(result)}, b""
        if result.layout is not strided:
            return {"outcome": "not-an-array", "type": f"a tensor of layout {result.layout}"}, b""
        name, shape, data = str(result.dtype).replace("torch.", ""), list(result.shape), b""
        if 0 < result.numel() * result.element_size() <= most:
            plain = result.detach().resolve_conj().resolve_neg().cpu().contiguous()
            data = _tobytes(plain.view(-1).view(as_bytes).numpy())
        return {"outcome": "returned", "dtype": name, "shape": shape}, data

    return operand, answer


ADAPTERS: dict[str, Callable[[], Adapter]] = {"numpy": numpy_adapter, "torch": torch_adapter}


def type_name(value: Any) -> str:
    """The name of a value's type, with its module unless that is the builtins."""
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


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
    return {"outcome": "raised", "types": names, "message": message, "place": place(error)}


def place(error: BaseException) -> str:
    """The file, line and function where an exception was raised."""
    trace = error.__traceback__
    if trace is None:
        return ""
    while trace.tb_next is not None:
        trace = trace.tb_next
    code = trace.tb_frame.f_code
    return f"{os.path.basename(code.co_filename)}:{trace.tb_lineno} in {code.co_name}"[:TEXT]  # noqa: PTH119


def value_of(value: Any, operands: list[Any]) -> Any:
    """An argument as the header writes it: {"operand": n} is an array, a list is a tuple."""
    if type(value) is list:
        return tuple(value)
    if type(value) is dict:
        return operands[value["operand"]]
    return value


def perform(subject: Any, call: dict[str, Any], payload: bytes, adapter: Adapter) -> tuple[dict[str, Any], bytes]:
    """One call of the subject on operands of its own, and what came of it."""
    start, end = call["memory"]
    before = payload[start:end]
    memory = bytearray(before)
    try:
        operands = [adapter[0](memory, *operand) for operand in call["operands"]]
        args = [value_of(value, operands) for value in call["args"]]
        kwargs = {name: value_of(value, operands) for name, value in call["kwargs"].items()}
    except Exception as error:
        return {**described(error), "outcome": "harness-fault"}, b""
    try:
        header, data = adapter[1](subject(*args, **kwargs), call["most"])
    except BaseException as error:
        header, data = described(error), b""
    header["mutated"] = memory != before
    return header, data


def isolate() -> None:
    """Die with the parent, whatever kills it. Linux only; elsewhere the parent's own clean-up has to do."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, signal.SIGKILL)


def main() -> None:
    """Load, say so, and answer calls until the parent closes the pipe."""
    tasks, answers, arrays = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    os.set_inheritable(tasks, False)
    os.set_inheritable(answers, False)
    isolate()
    del sys.path[0]
    sys.argv[1:] = []

    def message() -> tuple[Any, bytes]:
        lengths = MESSAGE.unpack(read_exactly(tasks, MESSAGE.size))
        return _loads(read_exactly(tasks, lengths[0])), read_exactly(tasks, lengths[1])

    hello, _ = message()
    versions = {"python": platform.python_version(), "numpy": np.__version__}
    try:
        adapter = ADAPTERS[arrays]()
        if arrays == "torch":
            versions["torch"] = str(sys.modules["torch"].__version__)
        subject = load(hello["target"])
    except BaseException as error:
        send(answers, 0, {**described(error), "outcome": "not-loaded"})
        return
    send(answers, 0, {"outcome": "ready", "signature": signature(subject), "versions": versions})
    while True:
        calls, payload = message()
        for call in calls:
            send(answers, call["number"], *perform(subject, call, payload, adapter))


if __name__ == "__main__":
    main()
