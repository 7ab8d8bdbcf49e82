"""What `kernelbench` runs in an interpreter that has PyTorch: it says which one convolution a problem's Model is.

It reads this text from its standard input, and needs nothing of conv-oracle. The model is run once on the meta device,
where arrays have shapes and no values, so that no size is too large; it prints {"op": ..., "fix": ...} as JSON, or
{"error": text}.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import sys
from typing import Any


def loaded(path: str) -> Any:
    """The module of a file."""
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))  # noqa: PTH100, PTH120
    spec = importlib.util.spec_from_file_location("problem", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    found = importlib.util.module_from_spec(spec)
    sys.modules["problem"] = found
    spec.loader.exec_module(found)
    return found


def one_convolution(path: str) -> dict[str, str]:
    """The operation and the fixed layer that the Model of a file is. Raises ValueError where it is something else."""
    torch: Any = importlib.import_module("torch")
    mode: Any = importlib.import_module("torch.utils._python_dispatch").TorchDispatchMode
    problem, calls = loaded(path), []

    class Recorder(mode):  # type: ignore[misc] # PyTorch is imported where a model runs alone
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            """Write a call down, and make it."""
            made = func(*args, **(kwargs or {}))
            calls.append((func.overloadpacket.__name__, args, made))
            return made

    with torch.device("meta"), torch.no_grad():
        model, inputs = problem.Model(*problem.get_init_inputs()), problem.get_inputs()
        with Recorder():
            returned = model(*inputs)
    names = [name for name, _, _ in calls]
    if names != ["convolution"]:
        raise ValueError(f"its Model calls {', '.join(names) or 'nothing'}")
    _, (x, weight, bias, stride, padding, dilation, transposed, extra, groups), made = calls[0]
    own = [*model.parameters(), None]
    if len(inputs) != 1 or x is not inputs[0] or not all(any(one is of for of in own) for one in (weight, bias)):
        raise ValueError("its Model convolves something else than its one input with its own weight and bias")
    if returned is not made:
        raise ValueError("its Model returns something else than its convolution")
    words = ["w" + sizes(weight.shape, "x")]
    words += [letter + sizes(values, ",") for letter, values in (("s", stride), ("p", padding), ("d", dilation))]
    words += ["o" + sizes(extra, ",")] if transposed else []
    words += [f"g{groups}", *(["bias"] if bias is not None else [])]
    return {"op": f"conv{'_transpose' * transposed}{weight.ndim - 2}d", "fix": " ".join(words)}


def sizes(values: Any, between: str) -> str:
    """Numbers in a row."""
    return between.join(str(int(value)) for value in values)


def main(path: str) -> None:
    """Print what a file's Model is, or why it is no convolution."""
    try:
        said = one_convolution(path)
    except Exception as error:
        said = {"error": f"{type(error).__name__}: {error}" if not isinstance(error, ValueError) else str(error)}
    sys.stdout.write(f"\n{json.dumps(said)}\n")


if __name__ == "__main__":
    main(sys.argv[1])
