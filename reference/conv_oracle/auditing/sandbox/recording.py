"""What `--layers file.py:make_model` runs: one forward pass of a user's model, whose convolutions are written down.

Joined with targets/loading to one self-contained text, which the interpreter of the subject reads from its standard
input, with a call of main() at its end; it needs PyTorch there and nothing of conv-oracle. It writes {"layers": [a
notation each]} as JSON, or {"error": text}.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
from typing import Any

from conv_oracle.auditing.targets.loading import load

FORWARD = ("convolution", "_convolution", "convolution_overrideable")
"""What every convolution becomes below torch.nn.functional; the first nine arguments are alike."""

COMPOSED = (
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "_convolution_mode",
)
"""What is not yet taken apart where a model runs in inference mode."""


def recorder() -> Any:
    """A context in which every convolution that is computed is written down: `layers`, in the order of the calls."""
    mode: Any = importlib.import_module("torch.utils._python_dispatch").TorchDispatchMode

    class Recorder(mode):  # type: ignore[misc] # PyTorch is imported where a model runs alone
        def __init__(self) -> None:
            super().__init__()
            self.layers: list[str] = []

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            """Write a convolution down, and compute it."""
            kwargs = kwargs or {}
            name = func.overloadpacket.__name__
            if name in COMPOSED:
                with self:
                    made = func.decompose(*args, **kwargs)
                if made is not NotImplemented:
                    return made
            if name in FORWARD:
                self.layers.append(notation(*args[:9]))
            return func(*args, **kwargs)

    return Recorder()


def notation(
    x: Any, w: Any, bias: Any, stride: Any, padding: Any, dilation: Any, transposed: bool, extra: Any, groups: int
) -> str:
    """The line that describes one call."""
    family = "conv_transpose" if transposed else "conv"
    words = [f"{family}{w.ndim - 2}d", "x" + sizes(x.shape, "x"), "w" + sizes(w.shape, "x")]
    words += [letter + sizes(values, ",") for letter, values in (("s", stride), ("p", padding), ("d", dilation))]
    words += ["o" + sizes(extra, ",")] if transposed else []
    return " ".join([*words, f"g{groups}", *(["bias"] if bias is not None else [])])


def sizes(values: Any, between: str) -> str:
    """Numbers in a row."""
    return between.join(str(int(value)) for value in values)


def parted(made: Any) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
    """(model, args, kwargs) of what make_model returned: a model with example_input_array, or (model, inputs)."""
    if isinstance(made, tuple) and len(made) == 2:
        model, inputs = made
    else:
        model, inputs = made, getattr(made, "example_input_array", None)
    if not callable(model) or inputs is None:
        said = f"a {type(made).__name__}"
        raise TypeError(f"make_model returns (model, inputs), or a model with example_input_array: it returned {said}")
    if isinstance(inputs, dict):
        return model, (), inputs
    return model, tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,), {}


def recorded(target: str) -> list[str]:
    """The convolutions of one forward pass, as a model computes it when it is used."""
    torch: Any = importlib.import_module("torch")
    model, args, kwargs = parted(load(target)())
    if isinstance(model, torch.nn.Module):
        with contextlib.suppress(NotImplementedError):  # an exported one has but one mode
            model.eval()
    with torch.no_grad(), recorder() as written:
        model(*args, **kwargs)
    return list(written.layers)


def main(target: str, answers: int) -> None:
    """Run a model, and write what was recorded, or why nothing was."""
    try:
        said: dict[str, Any] = {"layers": recorded(target)}
    except Exception as error:
        said = {"error": f"{type(error).__name__}: {error}"}
    with os.fdopen(answers, "w") as file:
        json.dump(said, file)
