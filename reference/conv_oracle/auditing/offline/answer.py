"""Answers the problems of this folder. Edit the line below; it needs Python and NumPy, and nothing of conv-oracle.

The subject takes NumPy arrays in PyTorch's order, and stride, padding and the like by name, as tuples of ints; it
returns an array, and raises NotImplementedError for what it does not support. Stopped and started again, it continues.
"""

import json
import os
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

subject: Any = None  # the line to edit, such as: from my_device import conv2d as subject

BY_POSITION = ("input", "input_size", "weight", "weight_size", "grad_output")
HERE = Path(__file__).parent
SAFETENSORS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "C64": "<c8"}
SAFETENSORS |= {f"{sign}{8 * size}": f"<{sign.lower()}{size}" for sign in "IU" for size in (1, 2, 4, 8)}
SAFETENSORS |= {"BF16": "bfloat16", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2"}


def dtype_of(name: str) -> Any:
    """A dtype; those that NumPy lacks are of the library ml_dtypes."""
    if "bfloat" in name or "float8" in name:
        import ml_dtypes  # noqa: PLC0415 - only these formats need it

        return np.dtype(getattr(ml_dtypes, name))
    return np.dtype(name)


@lru_cache(1)
def read_safetensors(file: Path) -> dict[str, Any]:
    """All arrays of a file: the header's length in 8 bytes, the header in JSON, then the data."""
    data = file.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    arrays = {}
    for name, one in json.loads(data[8:start]).items():
        if name != "__metadata__":
            begin, end = one["data_offsets"]
            flat = np.frombuffer(data[start + begin : start + end], dtype_of(SAFETENSORS[one["dtype"]]))
            arrays[name] = flat.reshape(one["shape"])
    return arrays


def written_safetensors(arrays: dict[str, Any]) -> bytes:
    """The bytes of a file that holds these arrays."""
    names = {dtype_of(theirs): name for name, theirs in SAFETENSORS.items() if "float" not in theirs}
    header, end = {}, 0
    for name, array in arrays.items():
        kind = {"bfloat16": "BF16", "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2"}.get(array.dtype.name)
        begin, end = end, end + array.nbytes
        header[name] = {"dtype": kind or names[array.dtype], "shape": array.shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + b"".join(array.tobytes() for array in arrays.values())


def operands_of(problem: dict[str, Any]) -> dict[str, Any]:
    """The operands of a problem, each with its calls along the first axis."""
    arrays = {}
    for name, one in problem["operands"].items():
        file = HERE / one["file"]
        array = read_safetensors(file)[one["array"]] if "array" in one else np.load(file)
        arrays[name] = array if array.dtype.name == problem["dtype"] else array.view(dtype_of(problem["dtype"]))
    return arrays


def answered(problem: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str] | None]:
    """(results by name, None), or nothing and why there is none."""
    operands, results = operands_of(problem), []
    parameters = {name: tuple(v) if isinstance(v, list) else v for name, v in problem["parameters"].items()}
    for call in range(problem["calls"]):
        given = {**{name: np.array(array[call]) for name, array in operands.items()}, **parameters}
        first = [given.pop(name) for name in BY_POSITION if name in given]
        try:
            results.append(np.array(subject(*first, **given)))  # a copy: the next call may reuse it
            if results[-1].dtype.hasobject:
                raise TypeError("what was returned is no array of numbers")  # noqa: TRY301 - told like any other
        except NotImplementedError as error:
            return {}, {"refused": str(error)}
        except Exception as error:
            return {}, {"raised": f"{type(error).__name__}: {error}"}
    if len({(one.shape, one.dtype) for one in results}) == 1:
        return {problem["id"]: np.stack(results)}, None
    return {f"{problem['id']}.{call}": one for call, one in enumerate(results)}, None


def put(file: Path, data: bytes) -> None:
    """A file that is there whole or not at all."""
    beside = file.with_name(f"{file.name}.partial")
    beside.write_bytes(data)
    os.replace(beside, file)  # noqa: PTH105 - one word for every Python


def main() -> None:
    """Answer chunk after chunk."""
    if subject is None:
        sys.exit(f"answer.py: edit the line that names your convolution: {__file__}")
    chunks: dict[str, list[dict[str, Any]]] = {}
    for problem in json.loads((HERE / "index.json").read_text())["problems"]:
        chunks.setdefault(problem["chunk"], []).append(problem)
    for number, (chunk, problems) in enumerate(chunks.items(), 1):
        done = HERE / "results" / f"{chunk}.json"
        if not done.exists():
            results, without = {}, {}
            for problem in problems:
                own, why = answered(problem)
                results.update(own)
                without.update({problem["id"]: why} if why else {})
            if any("array" in problem["answer"] for problem in problems):
                put(HERE / "results" / f"{chunk}.safetensors", written_safetensors(results))
            else:
                for name, array in results.items():
                    if array.dtype.name in ("bfloat16", "float8_e4m3fn", "float8_e5m2"):
                        array = array.view(f"u{array.itemsize}")  # noqa: PLW2901 - the bits
                    np.save(HERE / "results" / f"{name}.npy", array)
            put(done, json.dumps(without).encode())
        print(f"{number} of {len(chunks)} chunks", file=sys.stderr)  # noqa: T201 - it is a program


if __name__ == "__main__":
    main()
