"""Arrays in files, as .npy or safetensors: written for any machine, and read without trust."""

from __future__ import annotations

import importlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from conv_oracle.auditing.operands import DTYPES
from conv_oracle.errors import TargetError

CODES = {"bfloat16": "uint16", "float8_e4m3fn": "uint8", "float8_e5m2": "uint8"}
"""Formats that NumPy lacks, and what a .npy file has their bits as."""

_OF_SAFETENSORS = {"BF16": "bfloat16", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "BOOL": "bool"}
_OF_SAFETENSORS |= {f"F{bits}": f"float{bits}" for bits in (16, 32, 64)} | {"C64": "complex64"}
_OF_SAFETENSORS |= {f"{kind[0].upper()}{bits}": f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)}


@dataclass(frozen=True)
class Stored:
    """One array. dtype: its name; shape; data: its little-endian bytes in C order."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes


@dataclass(frozen=True)
class Arrays:
    """A kind of file. suffix: of its name. whole: whether one file holds a chunk. lacks: dtypes that it cannot hold."""

    suffix: str
    whole: bool
    lacks: tuple[str, ...] = ()


ARRAYS: Mapping[str, Arrays] = {
    "npy": Arrays(".npy", whole=False),
    "safetensors": Arrays(".safetensors", whole=True, lacks=("complex128",)),
}
"""A file per array, which every language reads; or one per chunk."""


def files_of(kind: str, chunk: str, arrays: Mapping[str, Stored]) -> Iterator[tuple[str, bytes]]:
    """(name, content) of the files that hold the arrays of a chunk.

    Raises TargetError where a library that is needed is not installed.
    """
    if kind == "npy":
        yield from ((f"{name}.npy", _npy(one)) for name, one in arrays.items())
    else:
        save = _library("safetensors.numpy").save
        yield f"{chunk}.safetensors", save({name: _viewed(one) for name, one in arrays.items()})


def arrays_in(path: Path) -> dict[str, Stored]:
    """The arrays of a file by name; that of a .npy file has the file's. Raises TargetError for what is no such file."""
    try:
        if path.suffix == ".npy":
            return {path.stem: _of_npy(np.load(io.BytesIO(path.read_bytes()), allow_pickle=False))}
        listed = _library("safetensors").deserialize(path.read_bytes())
        return {
            name: Stored(_OF_SAFETENSORS.get(one["dtype"], one["dtype"]), tuple(one["shape"]), bytes(one["data"]))
            for name, one in listed
        }
    except TargetError:
        raise
    except Exception as error:  # whatever the two libraries raise
        said = " ".join(str(error).split()) or type(error).__name__
        raise TargetError(
            f"a file of arrays must be whole: file={str(path)!r}; {said:.200}; the file written again would fit"
        ) from None


def named_by_codes(dtype: str, asked: str) -> str:
    """The format of an array whose dtype may stand for the bits of `asked`, which NumPy lacks."""
    return asked if CODES.get(asked) == dtype or dtype == f"void{8 * DTYPES[asked].itemsize}" else dtype


def _npy(one: Stored) -> bytes:
    file = io.BytesIO()
    np.save(file, np.frombuffer(one.data, DTYPES[one.dtype].storage).reshape(one.shape))
    return file.getvalue()


def _of_npy(array: np.ndarray[Any, Any]) -> Stored:
    if array.dtype.hasobject:
        raise TypeError("an array of objects")
    little = array.astype(array.dtype.newbyteorder("<")) if array.dtype.kind in "iufc" else array
    return Stored(little.dtype.name, little.shape, little.tobytes())


def _viewed(one: Stored) -> np.ndarray[Any, Any]:
    array = np.frombuffer(one.data, DTYPES[one.dtype].storage).reshape(one.shape)
    return array.view(getattr(_library("ml_dtypes"), one.dtype)) if one.dtype in CODES else array


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise TargetError(
            f"safetensors files need the library {name.partition('.')[0]}: it is not installed; "
            "pip install 'conv-oracle[offline]' would fit, or --arrays npy"
        ) from None
