"""Which targets are ONNX's, and what makes them subjects: `model.onnx`, and a backend's `prepare`."""

from __future__ import annotations

from conv_oracle.adapters import ADAPTERS, HERE
from conv_oracle.auditing.targets.making import Making
from conv_oracle.errors import TargetError
from conv_oracle.operation import Operation

SUFFIX, PREPARE = ".onnx", "prepare"


def is_model(target: str) -> bool:
    """Whether a target is the file of a model."""
    return target.endswith(SUFFIX)


def onnx_making(target: str, op: Operation) -> Making | None:
    """What makes a target of ONNX a subject; None for any other. Raises TargetError for what has no operator there."""
    if not is_model(target) and target.rpartition(":")[2] != PREPARE:
        return None
    if not op.forward or op.axes > 3:
        raise TargetError(f"ONNX has Conv and ConvTranspose: op={op.name!r}; {op.of_forward.name!r} would fit")
    words = {"adapter": f"{HERE / ADAPTERS['onnx']}".removesuffix(":"), "op": op.name}
    return Making("onnx_layer" if is_model(target) else "onnx_backend", ("loading", "onnx_files"), words)
