"""How blocks of memory become operands in the subject's process, and how what is returned becomes bytes.

Joined to the worker's text, and self-contained like it: NumPy and the standard library, and PyTorch where the operands
are tensors. What is used later is bound before the subject is imported, so that what it patches is not what answers.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from conv_oracle.auditing.sandbox.derivatives import TorchDerivatives

_ndarray, _tobytes = np.ndarray, np.ndarray.tobytes


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

    return Adapter(block, over, operand, refill, holds, part, TorchDerivatives(torch).differentiate)


ADAPTERS: dict[str, Callable[[str], Adapter]] = {"numpy": numpy_adapter, "torch": torch_adapter}


def type_name(value: Any) -> str:
    """The name of a value's type, with its module unless that is the builtins."""
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
