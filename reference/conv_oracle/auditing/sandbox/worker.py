"""The subject's side of the sandbox: loads the subject, calls it, and returns bytes.

One self-contained file, read from standard input by the interpreter of the subject, with a call of main() at its end;
it needs NumPy there (and PyTorch for a subject of tensors) and nothing of conv-oracle. It knows no expected value and
judges nothing.

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
from typing import Any, NamedTuple

import numpy as np

PARENT_DEATH_SIGNAL = 1
MESSAGE = struct.Struct("<IQ")
FRAME = struct.Struct("<IIQ")
TEXT = 500
RAISE = dis.opmap["RAISE_VARARGS"]
MOST_FRAMES = 10_000

# Bound before the subject is imported, so that what it patches later is not what answers.
_read, _write, _exit = os.read, os.write, os._exit
_dumps, _loads = json.dumps, json.loads
_ndarray, _tobytes = np.ndarray, np.ndarray.tobytes

Header = dict[str, Any]


class Adapter(NamedTuple):
    """How blocks of memory become operands, and what is returned becomes bytes."""

    block: Callable[[bytes, str], Any]
    """(bytes, dtype) -> memory that operands lie in."""
    over: Callable[[Any, str], Any]
    """(writable buffer, dtype) -> the same, in the buffer itself."""
    operand: Callable[[Any, list[Any]], Any]
    """(block, [dtype, shape, strides, start, writable]) -> an array in it; strides and start count elements."""
    refill: Callable[[Any, bytes], None]
    holds: Callable[[Any, bytes], bool]
    """Whether a block's bytes are these."""
    part: Callable[[Any, int], tuple[Any, bytes]]
    """(array, most bytes) -> ([dtype, shape], bytes), or (what it is instead, b"")."""
    differentiate: Callable[..., list[Any]] | None = None


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


def numpy_adapter(_: str) -> Adapter:
    """Operands as NumPy arrays, answers from NumPy arrays."""

    def block(data: bytes, dtype: str) -> Any:
        return _ndarray(len(data), "u1", data).copy(), numpy_dtype(dtype)  # memory like that of anybody's arrays

    def over(buffer: Any, dtype: str) -> Any:
        return _ndarray(len(buffer), "u1", buffer), numpy_dtype(dtype)

    def operand(memory: Any, layout: list[Any]) -> Any:
        shape, strides, start, writable = layout
        dtype = memory[1]
        size = dtype.itemsize
        array = _ndarray(shape, dtype, memory[0], start * size, [stride * size for stride in strides])
        if not writable:
            array.flags.writeable = False
        return array

    def refill(memory: Any, data: bytes) -> None:
        memory[0][:] = _ndarray(len(data), "u1", data)

    def holds(memory: Any, data: bytes) -> bool:
        return _tobytes(memory[0]) == data

    def part(result: Any, most: int) -> tuple[Any, bytes]:
        if type(result) is not _ndarray:
            return type_name(result), b""
        name = result.dtype.name if result.dtype.isnative else result.dtype.str
        return [name, list(result.shape)], _tobytes(result) if result.nbytes <= most else b""

    return Adapter(block, over, operand, refill, holds, part)


def numpy_dtype(name: str) -> Any:
    """NumPy's dtype of this name; bfloat16 and the float8 formats come from ml_dtypes."""
    foreign = name == "bfloat16" or name.startswith("float8")
    return np.dtype(getattr(importlib.import_module("ml_dtypes"), name) if foreign else name)


def torch_adapter(device: str) -> Adapter:
    """Operands as tensors, answers from tensors with any strides, on any device, requiring grad or not."""
    torch = importlib.import_module("torch")
    tensor, from_memory, strided, as_bytes = torch.Tensor, torch.frombuffer, torch.strided, torch.uint8
    there = torch.device(device)
    here = torch.empty(0, device=there).is_cpu
    kinds = {str(kind).replace("torch.", ""): kind for kind in vars(torch).values() if type(kind) is torch.dtype}
    names = {kind: name for name, kind in kinds.items()}
    storage = {torch.bfloat16: torch.int16}
    storage |= {kind: as_bytes for name, kind in kinds.items() if name.startswith("float8")}

    def block(data: bytes, dtype: str) -> Any:
        memory = bytearray(data)
        return from_memory(memory, dtype=kinds[dtype]).to(there), memory

    def over(buffer: Any, dtype: str) -> Any:
        return from_memory(buffer, dtype=kinds[dtype]), buffer

    def operand(block: Any, layout: list[Any]) -> Any:
        shape, strides, start, _ = layout
        return block[0].as_strided(shape, strides, start)

    def refill(block: Any, data: bytes) -> None:
        block[0].copy_(from_memory(bytearray(data), dtype=block[0].dtype))

    def holds(block: Any, data: bytes) -> bool:
        return bool(block[1] == data if here else _tobytes(block[0].cpu().view(as_bytes).numpy()) == data)

    def part(result: Any, most: int) -> tuple[Any, bytes]:
        if type(result) is not tensor:
            return type_name(result), b""
        if result.layout is not strided:
            return f"a tensor of layout {result.layout}", b""
        kind, data = result.dtype, b""
        if result.numel() * result.element_size() <= most:
            plain = result.detach().cpu()
            if plain.is_conj() or plain.is_neg():
                plain = plain.resolve_conj().resolve_neg()
            data = _tobytes((plain.view(storage[kind]) if kind in storage else plain).numpy())
        return [names[kind], list(result.shape)], data

    return Adapter(block, over, operand, refill, holds, part, torch_differentiation(torch))


def torch_differentiation(torch: Any) -> Callable[..., list[Any]]:
    """How a subject of tensors is differentiated; PyTorch's functions are bound before the subject is imported."""
    tensor, grad, zeros = torch.Tensor, torch.autograd.grad, torch.zeros_like

    def address(of: Any) -> int:
        """The address of a tensor's storage; all operands of a call share one."""
        return int(of.untyped_storage().data_ptr())

    def gradients(of: Any, by: list[Any], cotangents: Any, **options: bool) -> list[Any]:
        """The result of torch.autograd.grad; a gradient that it leaves undefined is zero.

        Where one shares the storage of an operand, as when the cotangent is returned unchanged, it is copied.
        """
        memory = address(by[0])

        def apart(got: Any) -> Any:
            return got.clone() if type(got) is tensor and address(got) == memory else got

        found = grad(of, by, cotangents, allow_unused=True, **options)
        return [zeros(source) if got is None else apart(got) for got, source in zip(found, by, strict=True)]

    def may_take(output: Any, cotangent: Any) -> bool:
        """Whether a cotangent can be that of an output: of its format, or of a real one that is narrower."""
        real = output.is_floating_point() and cotangent.is_floating_point()
        wider = real and output.element_size() > cotangent.element_size()
        return bool(output.dtype == cotangent.dtype or wider)

    def differentiate(
        call: Callable[..., Any], operands: list[Any], plan: Header, between: Callable[[], Any]
    ) -> list[Any]:
        """The forward result, its gradients by plan["by"], and theirs for the cotangents plan["second"].

        With plan["between"], another forward comes before the gradients.
        """
        operands = [array.detach() for array in operands]
        cotangent = operands[plan["cotangent"]]
        for number in plan["by"]:
            operands[number].requires_grad_()
        output = call(operands)
        if type(output) is not tensor or output.shape != cotangent.shape or not may_take(output, cotangent):
            return [output]
        if plan["between"]:
            between()
        sources, second = [operands[number] for number in plan["by"]], [operands[n] for n in plan["second"]]
        if not second:
            return [output, *gradients(output, sources, cotangent.to(output.dtype))]
        cotangent.requires_grad_()
        first = gradients(output, sources, cotangent.to(output.dtype), create_graph=True)
        if any(type(got) is not tensor for got in first):
            return [output, *first]
        if any("Error" in type(got.grad_fn).__name__ for got in first):
            raise RuntimeError("the gradients cannot be differentiated again")
        again = [operands[number] for number in (plan["cotangent"], *plan["by"][:2])]
        return [output, *first, *gradients(first, again, second)]

    return differentiate


ADAPTERS: dict[str, Callable[[str], Adapter]] = {"numpy": numpy_adapter, "torch": torch_adapter}


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
    """An argument as the header writes it: {"operand": n} is an array, a list is a tuple."""
    if type(value) is list:
        return tuple(value)
    if type(value) is dict:
        return operands[value["operand"]]
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


def perform(subject: Any, series: Header, payload: memoryview, adapter: Adapter) -> Iterator[tuple[Header, bytes]]:
    """Perform the steps of a series, and yield the answer of each."""
    most, size, plan, dtype = series["most"], series["size"], series["gradients"], series["dtype"]
    keeps = any(step[0] == "reread" for step in series["steps"])
    returned: list[list[Any]] = []
    memory, operands = None, []

    def call(arrays: list[Any]) -> Any:
        args = [value_of(value, arrays) for value in series["args"]]
        return subject(*args, **{name: value_of(value, arrays) for name, value in series["kwargs"].items()})

    def another(which: int) -> Any:
        """A call with the operands of another block, on its own."""
        first = which * size % len(payload)
        other = adapter.block(bytes(payload[first : first + size]), dtype)
        return call([adapter.operand(other, layout) for layout in series["operands"]])

    for kind, which in series["steps"]:
        if kind == "reread":
            yield reread(adapter, returned[which], most)
            returned.append([])
            continue
        try:
            before = bytes(payload[which * size : (which + 1) * size])
            if kind == "call" or memory is None:
                memory = adapter.block(before, dtype)
                operands = [adapter.operand(memory, layout) for layout in series["operands"]]
            else:
                adapter.refill(memory, before)
        except Exception as error:
            memory = None
            returned += [[]] * keeps
            yield {**described(error), "outcome": "harness-fault"}, b""
            continue
        results: list[Any] = []
        try:
            differentiate = adapter.differentiate
            if plan and differentiate:
                results = differentiate(call, operands, plan, lambda which=which: another(which + 1))
            else:
                results = [call(operands)]
            header, data = answered(adapter, results, most)
        except BaseException as error:
            header, data = described(error), b""
        header["mutated"] = not adapter.holds(memory, before)
        yield header, data
        if keeps:
            returned.append(results)


def apart(adapter: Adapter, series: Header, guarded: Callable[[bytes, str], Any], watched: list[Any]) -> Adapter:
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
    subject: Any, series: Header, payload: memoryview, adapter: Adapter, watch: Any, guarded: Any
) -> Iterator[tuple[Header, bytes]]:
    """`perform`, with each operand against a guard page. What is written beside one is told in place of an answer."""
    with watch.on():
        for header, data in perform(subject, series, payload, apart(adapter, series, guarded, watch.memories)):
            written = watch.written()
            yield (out_of_bounds(*written, how="written"), b"") if written else (header, data)


def out_of_bounds(name: str, place: tuple[str, int], *, how: str = "read or written") -> Header:
    """The answer of a call that touched memory beside an operand. place: a side and the bytes from that edge."""
    side, offset = place
    edge = "beginning" if side == "before" else "end"
    message = f"memory {side} {name} was {how}, at offset {offset:+d} bytes from its {edge}"
    return {"outcome": "out-of-bounds", "message": message, "place": f"{side} {name}"}


def isolate() -> None:
    """Die with the parent, whatever kills it. Linux only; elsewhere the parent's clean-up must suffice."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, signal.SIGKILL)


def main(tasks: int, answers: int, arrays: str, device: str, watching: Any, guarded: Any) -> None:
    """Load the subject, introduce it, and answer calls until the parent closes the pipe.

    tasks, answers: file descriptors. arrays: 'numpy' or 'torch'. device: torch's. watching, guarded: what watches
    memory between guard pages, and what makes it.
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
        if arrays == "torch":
            versions["torch"] = str(sys.modules["torch"].__version__)
        subject = load(hello["target"])
    except BaseException as error:
        send(answers, 0, {**described(error), "outcome": "not-loaded"})
        whole["__file__"] = named  # the interpreter removes it at its end
        return
    told = {"signature": signature(subject), "versions": versions, "source": source_of(subject)}
    send(answers, 0, {"outcome": "ready", **told})
    due = 0
    watch = watching(lambda name, place: send(answers, due, out_of_bounds(name, place)))
    while True:
        series, data = message()
        payload = memoryview(data)
        begin = 0
        for one in series:
            end, due = begin + one["bytes"], one["number"]
            given = (subject, one, payload[begin:end], adapter)
            for header, data in perform_apart(*given, watch, guarded) if one["guard"] else perform(*given):
                send(answers, due, header, data)
                due += 1
            begin = end
