"""Operands of gigabytes in the subject's process, made of their few nonzero elements, and answers read as theirs.

Joined to the worker's text, and self-contained like it. A block is not sent as its bytes but as the positions and the
values of what is not zero in it, and an answer comes back in the same way, so that no pipe carries gigabytes:

    a block     count, positions, values                    in ascending order of positions, which count its elements
    an answer   count, rounded, sent, positions, values     in C order; the first MOST_SENT are sent

Counts and positions have 8 bytes each, values are as in memory. The operands are integers: an element of a format with
a fraction that is nearer to zero than one half is a zero that was rounded, which is counted apart and not sent.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

MOST_SENT = 100_000
CHUNK = 1 << 22
"""So many elements are looked at together."""

HALF = {"float16": 0x3800, "bfloat16": 0x3F00, "float32": 0x3F000000, "float64": 0x3FE0000000000000}
"""The bits of one half: those of what is larger, infinity and NaN included, are larger numbers."""

_array, _flatnonzero, _frombuffer, _zeros = np.array, np.flatnonzero, np.frombuffer, np.zeros

Chunks = Iterator[tuple[int, Any]]
"""Elements of an array in C order, as unsigned integers of their bits, each time with the position of the first."""


class Nonzeros(NamedTuple):
    """The elements of an array that are not zero: how many; how many are but rounded zeros; the first of them."""

    many: int
    rounded: int
    positions: Any
    bits: Any

    def written(self) -> bytes:
        """As an answer is sent."""
        sent = len(self.positions)
        head = _array([self.many, self.rounded, sent], "<i8")
        return bytes(head.tobytes() + self.positions.astype("<i8").tobytes() + self.bits.tobytes())


def nonzeros(chunks: Chunks, dtype: str) -> Nonzeros:
    """The nonzero elements of an array of this dtype; of formats with a fraction, those of at least one half."""
    count = rounded = kept = 0
    positions: list[Any] = [_zeros(0, "<i8")]
    found: list[Any] = []
    for start, bits in chunks:
        magnitude = bits & bits.dtype.type((1 << 8 * bits.itemsize - 1) - 1) if dtype in HALF else bits
        if not found:
            found.append(bits[:0])
        if not magnitude.any():
            continue
        places = _flatnonzero(magnitude)
        far = places[magnitude[places] >= HALF.get(dtype, 1)]
        count, rounded = count + len(far), rounded + len(places) - len(far)
        far = far[: MOST_SENT - kept]
        kept += len(far)
        positions.append(far + start)
        found.append(bits[far])
    return Nonzeros(count, rounded, np.concatenate(positions), np.concatenate(found or [_zeros(0, "u1")]))


def numpy_chunks(array: Any) -> Chunks:
    """Those of a NumPy array; one that is not in C order is copied piece by piece."""
    flat = array.reshape(-1) if array.flags.c_contiguous else array.flat
    for start in range(0, array.size, CHUNK):
        yield start, flat[start : start + CHUNK].view(f"u{array.itemsize}")


def tensor_chunks() -> Callable[[Any], Chunks]:
    """Those of a tensor, on any device."""
    as_bytes = importlib.import_module("torch").uint8

    def chunks(tensor: Any) -> Chunks:
        flat, size = tensor.detach().contiguous().view(-1), tensor.element_size()
        for start in range(0, flat.numel(), CHUNK):
            yield start, flat[start : start + CHUNK].cpu().view(as_bytes).numpy().view(f"u{size}")

    return chunks


def tensor_zeros() -> Callable[[list[int], Any], Any]:
    """Zeros of the kind and on the device of another tensor; on the CPU no page is touched before it is written."""
    torch = importlib.import_module("torch")
    from_numpy, zeros = torch.from_numpy, torch.zeros

    def made(shape: list[int], like: Any) -> Any:
        if not like.is_cpu:
            return zeros(shape, dtype=like.dtype, device=like.device)
        size = int(np.prod(shape, dtype=np.int64)) * like.element_size()
        return from_numpy(_zeros(size, "u1")).view(like.dtype).reshape(shape)

    return made


class Block:
    """A block that lists its nonzero elements: their positions and values, and the operands made of it so far."""

    def __init__(self, positions: Any, values: Any) -> None:
        """Nothing is made of it yet. made: each operand, with the position of its first element."""
        self.positions, self.values = positions, values
        self.made: list[tuple[Any, int]] = []

    def of(self, flat: Any, start: int) -> tuple[list[int], Any]:
        """The positions in one operand, and the values there."""
        own = _flatnonzero((self.positions >= start) & (self.positions < start + len(flat))).tolist()
        return [int(self.positions[which]) - start for which in own], self.values[own]

    def write(self, flat: Any, start: int) -> None:
        """Write the values into one operand, one by one: no library is trusted with an index of so many bits."""
        for position, value in zip(*self.of(flat, start), strict=True):
            flat[position] = value


def sparse_adapter(plain: Any, arrays: str) -> Any:
    """The adapter for blocks that list what is not zero.

    plain: the adapter for blocks of bytes. arrays: 'numpy' or 'torch'.
    """
    of_tensors = arrays == "torch"
    chunks = tensor_chunks() if of_tensors else numpy_chunks
    zeros = tensor_zeros() if of_tensors else lambda shape, like: _zeros(shape, like.dtype)

    def values_in(data: bytes, dtype: str) -> tuple[Any, Any]:
        count = int(_frombuffer(data, "<i8", 1)[0])
        values = plain.operand(plain.block(data[8 + 8 * count :], dtype), [[count], [1], 0, True])
        return _frombuffer(data, "<i8", count, 8), values

    def block(data: bytes, dtype: str) -> Block:
        return Block(*values_in(data, dtype))

    def operand(memory: Block, layout: list[Any]) -> Any:
        shape, _, start, _ = layout
        array = zeros(shape, memory.values)
        memory.write(array.reshape(-1), start)
        memory.made.append((array, start))
        return array

    def refill(memory: Block, data: bytes) -> None:
        flats = [(array.reshape(-1), start) for array, start in memory.made]
        for flat, start in flats:
            for position in memory.of(flat, start)[0]:
                flat[position] = 0
        memory.positions, memory.values = values_in(data, dtype_of(memory.values))
        for flat, start in flats:
            memory.write(flat, start)

    def holds(memory: Block, _: bytes) -> bool:
        return all(same(array, *memory.of(array.reshape(-1), start)) for array, start in memory.made)

    def same(array: Any, positions: list[int], values: Any) -> bool:
        dtype = dtype_of(array)
        now, then = nonzeros(chunks(array), dtype), nonzeros(chunks(values), dtype)
        return not now.rounded and now.positions.tolist() == positions and now.bits.tolist() == then.bits.tolist()

    def dtype_of(array: Any) -> str:
        return str(plain.part(array, -1)[0][0])

    def part(result: Any, _: int) -> tuple[Any, bytes]:
        said, _ = plain.part(result, -1)
        return said, nonzeros(chunks(result), said[0]).written() if type(said) is list else b""

    return plain._replace(block=block, operand=operand, refill=refill, holds=holds, part=part, differentiate=None)
