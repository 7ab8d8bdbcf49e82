"""KernelBench: an answer's `ModelNew`, audited as the layer that the problem's `Model` is.

A problem is a file with `Model`, `get_inputs` and `get_init_inputs`; an answer is a file with `ModelNew`. Where Model
is one convolution, its operation, weight and parameters are read from it, and ModelNew is asked for that layer on many
images, batches and values, exactly. A Model that computes anything else is refused.

An answer has to keep its weight as one parameter, as the one of Model or as a matrix of it, and its bias as another: an
audit puts other numbers there for each call. So a copy that is packed when the answer is made is told as a weight that
is kept.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from conv_oracle.agents.reward import Reward, rewarded
from conv_oracle.auditing import Destination, Verdict, audit
from conv_oracle.errors import TargetError

SECONDS = 120.0
"""For a problem's Model to be made and run once without values."""

READER = Path(__file__).with_name("one_convolution.py")

AS_LAYER = '''"""An answer's ModelNew, made as its problem makes Model: what conv-oracle audits."""

import importlib.util
import os
import sys


def loaded(path, name):
    sys.path.insert(0, os.path.dirname(path))
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


layer = loaded({answer!r}, "answer").ModelNew(*loaded({problem!r}, "problem").get_init_inputs())
'''


@dataclass(frozen=True, kw_only=True)
class Layer:
    """The one convolution that a Model is. op: its operation; fix: its weight's shape and parameters, as in `--fix`."""

    op: str
    fix: str


def layer_of(problem: Path | str, *, python: str = "") -> Layer:
    """The convolution that the Model of a problem's file is.

    python: the interpreter that has PyTorch; '' is this one. The file is run there, as it is the benchmark's own.
    Raises TargetError where it cannot be run, or its Model is not exactly one convolution.
    """
    path = Path(problem).absolute()
    try:
        return _layer_of(path, path.stat().st_mtime_ns, python or sys.executable)
    except OSError as error:
        raise TargetError(f"the problem's file must exist: file={str(problem)!r} ({error.strerror})") from None


@lru_cache(maxsize=256)
def _layer_of(path: Path, modified: int, python: str) -> Layer:  # noqa: ARG001 - a file that changed is another one
    """The same, read once of each file: a loop judges many answers to one problem."""
    try:
        done = subprocess.run(  # noqa: S603 - the benchmark's own file
            [python, "-", str(path)],
            input=READER.read_text(encoding="utf-8"),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
        )
        lines = [*done.stderr.splitlines()[-1:], *done.stdout.splitlines()]
        said = json.loads(lines[-1]) if done.returncode == 0 else {"error": lines[0] if lines else "it was ended"}
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        said = {"error": str(error)}
    if "error" in said:
        raise TargetError(
            f"a problem's Model must be one convolution of its input: problem={str(path)!r}; {said['error']}; "
            "a task of level1 whose name has conv would fit"
        )
    return Layer(op=said["op"], fix=said["fix"])


def options_of(problem: Path | str, answer: Path | str, *, into: Path | str = "", **options: Any) -> dict[str, Any]:
    """The options of `audit` for an answer to a problem, and the file that they name.

    into: the folder of that file, which makes ModelNew, and which a replay needs; by default the answer's own. It is
    named after the answer: `answer_as_layer.py`. options: others of `audit`; float32 operands in PyTorch's tensors are
    the default. Raises TargetError where `layer_of` does, and where a file is missing or cannot be written.
    """
    path = Path(answer).absolute()
    if not path.is_file():
        raise TargetError(f"the answer's file must exist: file={str(answer)!r}")
    layer = layer_of(problem, python=str(options.get("python") or ""))
    target = (Path(into) if into else path.parent) / f"{path.stem}_as_layer.py"
    made = AS_LAYER.format(answer=str(path), problem=str(Path(problem).absolute()))
    try:
        Destination.of(target).write(made.encode())
    except OSError as error:
        raise TargetError(
            f"the file of a layer needs a folder that can be written to: file={str(target)!r} ({error.strerror}); "
            "into=FOLDER would fit"
        ) from None
    fitting = {"op": layer.op, "fix": layer.fix, "arrays": "torch", "dtypes": ("float32",), "source": (str(path),)}
    return {"target": f"{target}:layer", **fitting, **options}


def audited(problem: Path | str, answer: Path | str, *, into: Path | str = "", **options: Any) -> Verdict:
    """The verdict of an answer to a problem. The arguments and errors are those of `options_of` and `audit`."""
    return audit(**options_of(problem, answer, into=into, **options))


def answer_rewarded(problem: Path | str, answer: Path | str, *, into: Path | str = "", **options: Any) -> Reward:
    """The reward of an answer to a problem, as `rewarded` gives it. Arguments and errors are those of `options_of`."""
    return rewarded(**options_of(problem, answer, into=into, **options))
