"""The two containers, JSON and safetensors, written in one way only and read without trust.

Both are written here and not by a library: the bytes then depend on no version of it. Reading executes nothing.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

from conv_oracle.golden.families import FixtureError, Stored

_WIDTH = 150
_DTYPE = "<f4"


def array_digest(array: Stored) -> str:
    """sha256 of the line `float32 2x3x5` and of the array's little-endian bytes in C order."""
    line = f"float32 {'x'.join(map(str, array.shape))}\n".encode()
    return hashlib.sha256(line + np.ascontiguousarray(array, _DTYPE).tobytes()).hexdigest()


def file_digest(data: bytes) -> str:
    """sha256 of a file's bytes, as `sha256sum` gives it."""
    return hashlib.sha256(data).hexdigest()


def pack_arrays(arrays: Mapping[str, Stored]) -> bytes:
    """A safetensors file: the header's length in 8 bytes, the header in JSON, the arrays one after another."""
    header, offset = {}, 0
    for name, array in arrays.items():
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    data = b"".join(np.ascontiguousarray(array, _DTYPE).tobytes() for array in arrays.values())
    return len(text).to_bytes(8, "little") + text + data


def unpack_arrays(data: bytes) -> dict[str, Stored]:
    """The arrays of a safetensors file by name, in its order; refused unless `pack_arrays` writes the same bytes."""
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 + length or not length:
        raise FixtureError(f"truncated: {len(data)} bytes, where the header alone ends at {8 + length}")
    header = parse_json(_decoded(data[8 : 8 + length]))
    if not isinstance(header, dict):
        raise FixtureError("the header is an object")
    arrays: dict[str, Stored] = {}
    offset = start = 8 + length
    for name, entry in header.items():
        shape = entry.get("shape") if isinstance(entry, dict) else None
        if not isinstance(shape, list) or not all(type(size) is int and 0 <= size < 2**31 for size in shape):
            raise FixtureError(f"array {name!r} has no shape")
        count = math.prod(shape)
        if offset + 4 * count > len(data):
            raise FixtureError(f"truncated in array {name!r}: {len(data)} bytes, where it ends at {offset + 4 * count}")
        expected = {"dtype": "F32", "shape": shape, "data_offsets": [offset - start, offset - start + 4 * count]}
        if list(entry.items()) != list(expected.items()):
            raise FixtureError(f"array {name!r} is described as {entry}, and not as {expected}")
        arrays[name] = np.frombuffer(data, _DTYPE, count, offset).reshape(shape)
        offset += 4 * count
    if offset < len(data):
        raise FixtureError(f"{len(data) - offset} bytes follow the last array")
    if pack_arrays(arrays) != data:
        raise FixtureError("the header is not spelled as it is written")
    return arrays


def dump_json(value: Any) -> str:
    """JSON text: what fits on a line is on one line, what does not has one member on each."""
    return _dump(value, "") + "\n"


def parse_json(text: str) -> Any:
    """The value of a JSON text of objects, lists, strings, booleans and integers; a key appears once."""
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_float=_no_number, parse_constant=_no_number)
    except (json.JSONDecodeError, RecursionError) as error:
        raise FixtureError(f"truncated, or not JSON: {error}") from None
    except ValueError as error:
        raise error if isinstance(error, FixtureError) else FixtureError(str(error)) from None


def decode_text(data: bytes) -> str:
    """UTF-8 text, whose lines end with LF."""
    if b"\r" in data:
        line = data[: data.index(b"\r")].count(b"\n") + 1
        raise FixtureError(f"lines end with LF, and line {line} has CR; a checkout without conversion would fit")
    return _decoded(data)


def _dump(value: Any, indent: str) -> str:
    line = json.dumps(value)
    if not isinstance(value, dict | list) or not value or (indent and len(indent) + len(line) <= _WIDTH):
        return line
    deeper = indent + "  "
    if isinstance(value, dict):
        members = [f"{json.dumps(key)}: {_dump(member, deeper)}" for key, member in value.items()]
    else:
        members = [_dump(member, deeper) for member in value]
    left, right = "{}" if isinstance(value, dict) else "[]"
    return left + ",".join(f"\n{deeper}{member}" for member in members) + f"\n{indent}{right}"


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise FixtureError(f"not UTF-8: {error.reason} at byte {error.start}") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for key, value in pairs:
        if key in members:
            raise FixtureError(f"key {key!r} appears twice")
        members[key] = value
    return members


def _no_number(text: str) -> NoReturn:
    raise FixtureError(f"a number is an integer: {text}")
