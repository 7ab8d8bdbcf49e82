"""A function of a shared library as a Python function with PyTorch's arguments, in the process of the subject.

Joined to the worker's text, and self-contained like it: the standard library and NumPy. Operands in C order are passed
as they are, so that guard pages beside them stay where they are; the result and a workspace are memory of ours with
something beside it in which a write shows, and full of NaN patterns that differ from call to call.
"""

from __future__ import annotations

import ctypes
import inspect
import itertools
import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from conv_oracle.auditing.sandbox.adapters import numpy_dtype
from conv_oracle.auditing.sandbox.guarded import Room, room
from conv_oracle.auditing.targets.facts import evaluated, facts, is_taken, number, scalar
from conv_oracle.auditing.targets.names import DEFAULTS, ORDER

FEWEST_SPARE = 64
_NANS = {2: 0x7E00, 4: 0x7FC00000, 8: 0x7FF8 << 48}
"""The smallest quiet NaN of a format by its bytes; bfloat16's is another one."""

_counted = itertools.count(1)


def native_function(target: str, words: Mapping[str, Any]) -> Callable[..., Any]:
    """The function of a library. Raises ImportError where the library cannot be loaded or has no such function.

    words: library, function, operation (of ORDER), axes, parameters (name, role, type, whether a pointer), returns,
    fixed (what the function is made for, by role), optional_bias, zeroed, workspace (an expression, or '').
    """
    try:
        library = ctypes.CDLL(words["library"])
    except OSError as error:
        raise ImportError(f"the library cannot be loaded: {error}") from None
    try:
        called = library[words["function"]]
    except AttributeError:
        raise ImportError(
            f'{os.path.basename(target)} has no such function: it is static, or in C++ it takes extern "C"'  # noqa: PTH119
        ) from None
    if words["sanitized"]:
        _tell_of_sanitizer()
    called.argtypes = [
        ctypes.c_void_p if pointer else getattr(ctypes, kind) for _, _, kind, pointer in words["parameters"]
    ]
    called.restype = getattr(ctypes, words["result_type"]) if words["result_type"] else None
    order = ORDER[words["operation"]]

    def function(*args: Any, **kwargs: Any) -> Any:
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        return _called(called, words, facts(words, given), given)

    roles = {role for _, role, _, _ in words["parameters"]} | {*words["fixed"]}
    names = [name for name in order if is_taken(name, roles)]
    function.__name__ = words["function"]
    function.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(
                name,
                inspect.Parameter.POSITIONAL_OR_KEYWORD,
                default=None if name == "bias" else DEFAULTS.get(name, inspect.Parameter.empty),
            )
            for name in names
        ]
    )
    return function


def _called(called: Any, words: Mapping[str, Any], found: Mapping[str, Any], given: Mapping[str, Any]) -> Any:
    """The result of one call. Raises RuntimeError for a status, OverwrittenError for what was written beside."""
    shape = found[{"conv_input": "input_shape", "conv_weight": "weight_shape"}.get(words["operation"], "output_shape")]
    rooms = dict[str, Room]()
    kept: list[Any] = []
    spare = _workspace(words, found)
    arguments: list[Any] = []
    for name, role, kind, pointer in words["parameters"]:
        if isinstance(role, int | float) or role is None:
            arguments.append(role)
        elif role in ("result", "workspace"):
            dtype = numpy_dtype(kind)
            size = math.prod(shape) if role == "result" else spare
            rooms[role] = room(words["result"] if role == "result" else name, size * dtype.itemsize)
            _poison(rooms[role].data, dtype, zeroed=role == "result" and words["zeroed"])
            arguments.append(rooms[role].address)
        elif role in ("workspace_elements", "workspace_bytes"):
            arguments.append(spare * (words["workspace_itemsize"] if role == "workspace_bytes" else 1))
        elif not pointer:
            arguments.append(scalar(found, role))
        elif role in ("input", "weight", "bias", "grad_output"):
            array = _operand(words, found, given.get(role), role, kind)
            kept.append(array)
            arguments.append(None if array is None else array.ctypes.data)
        else:
            numbers = np.array(number(found, role), kind)
            kept.append(numbers)
            arguments.append(numbers.ctypes.data)
    said = called(*arguments)
    for one in rooms.values():
        one.check()
    return _result(words, said, rooms.get("result"), shape)


def _operand(words: Mapping[str, Any], found: Mapping[str, Any], array: Any, role: str, kind: str) -> Any:
    """An operand in C order, itself where it lies so; None is NULL. Raises NotImplementedError for another dtype.

    Where a function always takes a bias, none is one of zeros. A bias may be of a wider type than the other operands.
    """
    dtype = numpy_dtype(kind)
    if array is None:
        return None if words["optional_bias"] else np.zeros(found["out_channels"], dtype)
    if array.dtype != dtype and not (role == "bias" and np.can_cast(array.dtype, dtype, "safe")):
        raise NotImplementedError(f"{role} is of {dtype.name}: {role} of {array.dtype.name}")
    return np.ascontiguousarray(array, dtype)


def _poison(data: memoryview, dtype: Any, *, zeroed: bool) -> None:
    """Fill memory with NaN, or a large integer, of another pattern in each call: what is never written then varies."""
    if zeroed or not len(data):
        return
    count, size = next(_counted), dtype.itemsize
    wide = size // 2 if dtype.kind == "c" else size
    if dtype.name == "bfloat16":
        pattern = 0x7FC0 | count & 0x3F
    elif dtype.kind in "fc":
        pattern = _NANS[wide] | count & 0xFF
    else:
        pattern = (0x5A5A5A5A5A5A5A5A ^ count * 0x9E37) & ((1 << 8 * wide) - 1)
    np.ndarray(len(data) // wide, f"u{wide}", data).fill(pattern)


def _workspace(words: Mapping[str, Any], found: Mapping[str, Any]) -> int:
    """The elements of the workspace: as is said of it, else generously."""
    if words["workspace"]:
        return evaluated(words["workspace"], {name: scalar(found, role) for name, role in words["sizes"].items()})
    if not any(role == "workspace" for _, role, _, _ in words["parameters"]):
        return 0
    padded = [size + 2 * padding for size, padding in zip(found["size"], found["padding"], strict=True)]
    places = math.prod(padded) + math.prod(found["output_size"])
    elements = found["batch"] * (found["in_channels"] + found["out_channels"]) * math.prod(found["kernel"]) * places
    return int(max(elements, FEWEST_SPARE) * words["workspace_spare"])


def _result(words: Mapping[str, Any], said: Any, written: Room | None, shape: Sequence[int]) -> Any:
    """What the caller gets. Raises RuntimeError for a status that is not right, or a result at NULL."""
    returns, name = words["returns"], words["function"]
    if (returns == "status" and said) or (returns == "success" and not said):
        raise RuntimeError(f"{name} returned {said}")
    if written is not None:
        return np.ndarray(shape, numpy_dtype(words["result_dtype"]), written.data)
    if not said:
        raise RuntimeError(f"{name} returned NULL")
    dtype = numpy_dtype(words["result_dtype"])
    theirs = (ctypes.c_ubyte * (math.prod(shape) * dtype.itemsize)).from_address(said)
    copied = np.ndarray(shape, dtype, theirs).copy()
    if returns == "owned_output":
        ctypes.CDLL(None).free(ctypes.c_void_p(said))
    return copied


_keep: list[Any] = []


def _tell_of_sanitizer() -> None:
    """Let the summary of a sanitizer's report be the last line that is printed before the process ends."""

    def ended(report: bytes) -> None:
        lines = report.decode(errors="replace").splitlines()
        summary = next((line for line in lines if line.startswith("SUMMARY:")), lines[0] if lines else "")
        os.write(2, f"{summary}\n".encode())
        os._exit(1)

    callback = ctypes.CFUNCTYPE(None, ctypes.c_char_p)(ended)
    _keep.append(callback)
    set_callback = getattr(ctypes.CDLL(None), "__asan_set_error_report_callback", None)
    if set_callback is not None:
        set_callback(callback)
