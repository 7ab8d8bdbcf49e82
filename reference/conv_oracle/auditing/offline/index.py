"""The index of an export: what is asked, in plain JSON and PyTorch's words, and where its arrays lie."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from conv_oracle.auditing.judging import Ask
from conv_oracle.auditing.offline.arrays import ARRAYS, Stored
from conv_oracle.auditing.offline.choices import PARAMETERS, Choices
from conv_oracle.auditing.operands import DTYPES
from conv_oracle.auditing.sandbox import geometry_values
from conv_oracle.auditing.targets import ORDER
from conv_oracle.errors import TargetError
from conv_oracle.problem import Problem
from conv_oracle.version import __version__

FORMAT = 1
INDEX = "index.json"
OPERANDS, RESULTS = "operands", "results"


def stored_operands(name: str, ask: Ask) -> dict[str, Stored]:
    """The operands of a question, each with its calls along a first axis, by the names of their arrays."""
    draws, dtype = ask.draws, DTYPES[ask.problem.dtype]
    blocks = np.frombuffer(draws.payload(), dtype.storage).reshape(len(draws), -1)
    stored = {}
    for operand, (layout, start) in draws.places.items():
        array = blocks[:, start : start + layout.size]
        stored[f"{name}.{operand}"] = Stored(dtype.name, (len(draws), *layout.shape), array.tobytes())
    return stored


def digest(arrays: Mapping[str, Stored]) -> str:
    """sha256 of what arrays hold, whatever file they are in: of each, the line `name dtype 2x3` and its bytes."""
    whole = hashlib.sha256()
    for name, one in arrays.items():
        whole.update(f"{name} {one.dtype} {'x'.join(map(str, one.shape))}\n".encode())
        whole.update(one.data)
    return whole.hexdigest()


def entry(name: str, chunk: str, ask: Ask, arrays: Mapping[str, Stored], choices: Choices) -> dict[str, Any]:
    """A question as JSON. arrays: its operands; chunk: the chunk that they are in."""
    problem, whole, suffix = ask.problem, ARRAYS[choices.arrays].whole, ARRAYS[choices.arrays].suffix
    return {
        "id": name,
        "problem": str(problem),
        "operation": problem.operation.name,
        "dtype": problem.dtype,
        "calls": len(ask.draws),
        "parameters": _parameters(problem, choices),
        "operands": {
            array.partition(".")[2]: {
                "shape": list(one.shape),
                "file": f"{OPERANDS}/{chunk if whole else array}{suffix}",
                **({"array": array} if whole else {}),
            }
            for array, one in arrays.items()
        },
        "answer": {
            "file": f"{RESULTS}/{chunk if whole else name}{suffix}",
            **({"array": name} if whole else {}),
        },
        "chunk": chunk,
        "sha256": digest(arrays),
    }


def index_text(choices: Choices, entries: Sequence[Mapping[str, Any]] | None) -> str:
    """The text of the index; without entries, that of an export that has only begun. A problem is a line."""
    head = {"format": FORMAT, "version": __version__, "whole": entries is not None, "options": choices.written()}
    lines = ",\n".join(json.dumps(one) for one in entries or ())
    return f'{json.dumps(head)[:-1]}, "problems": [\n{lines}\n]}}\n'


def read_index(directory: Path) -> tuple[Choices, Mapping[str, Any]]:
    """The choices of an export, and its index. Raises TargetError where there is none."""
    file = directory / INDEX
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        if told["format"] != FORMAT:
            raise TargetError(f"the index of an export has format {FORMAT}: {str(file)!r} has {told['format']!r}")
        return Choices.read(told["options"]), told
    except OSError:
        raise TargetError(
            f"a folder that conv-oracle export wrote has an index: file={str(file)!r} cannot be read; "
            "conv-oracle export --into would fit"
        ) from None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise TargetError(
            f"the index is as conv-oracle export wrote it: file={str(file)!r} is not ({type(error).__name__}: {error});"
            " that file from the export would fit"
        ) from None


def _parameters(problem: Problem, choices: Choices) -> dict[str, Any]:
    """The arguments besides the operands, by PyTorch's names and in its order: those that the other machine takes."""
    values: dict[str, Any] = {
        "input_size": list(problem.input_shape),
        "weight_size": list(problem.weight_shape),
        "padding": problem.padding if isinstance(problem.padding, str) else list(geometry_values(problem, "padding")),
        "groups": problem.groups,
        **{name: list(getattr(problem, name)) for name in ("stride", "output_padding", "dilation")},
    }
    taken = [name for name in ORDER[problem.operation.nd_name] if name not in PARAMETERS or name in choices.parameters]
    return {name: values[name] for name in taken if name in values}
