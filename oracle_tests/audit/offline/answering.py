"""How the tests answer an export: by its own answer.py, with a function of ours as its subject."""

from __future__ import annotations

import importlib.util
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import conv_oracle
from conv_oracle.auditing.targets.loading import load
from conv_oracle.operation import operation

WIDE = {"f": np.float64, "c": np.complex128, "i": np.int64, "u": np.uint64}


def answer(directory: Path, subject: Callable[..., Any]) -> None:
    """Run the export's own loop on a subject."""
    spec = importlib.util.spec_from_file_location("answer", directory / "answer.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.subject = subject
    module.main()


def answered(exported: Path, directory: Path, subject: str | Callable[..., Any]) -> Path:
    """A copy of an export, answered by a function or by what a target names."""
    shutil.copytree(exported, directory)
    answer(directory, load(subject) if isinstance(subject, str) else subject)
    return directory


def small(subject: Callable[..., Any], most: int = 20_000) -> Callable[..., Any]:
    """The subject on a device that holds so many numbers."""

    def refusing(*args: Any, **rest: Any) -> Any:
        if sum(math.prod(one.shape) for one in args if hasattr(one, "shape")) > most:
            raise NotImplementedError(f"more than {most} numbers")
        return subject(*args, **rest)

    return refusing


def right(name: str) -> Callable[..., Any]:
    """A right convolution in the dtype of its operands."""
    compute = getattr(conv_oracle, operation(name).nd_name)

    def subject(*args: Any, **rest: Any) -> Any:
        arrays = [one for one in (*args, *rest.values()) if isinstance(one, np.ndarray)]
        kind = "f" if "float" in arrays[0].dtype.name else arrays[0].dtype.kind
        wide = [one.astype(WIDE[kind]) if isinstance(one, np.ndarray) else one for one in args]
        others = {n: one.astype(WIDE[kind]) if isinstance(one, np.ndarray) else one for n, one in rest.items()}
        with np.errstate(all="ignore"):
            return compute(*wide, **others).astype(arrays[0].dtype)

    return subject
