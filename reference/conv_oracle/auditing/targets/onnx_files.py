"""Models of ONNX, and backends that run them, as subjects: by the adapter of ONNX, in the subject's interpreter.

Joined to the worker's text, and self-contained like it.
"""

from __future__ import annotations

from typing import Any

from conv_oracle.auditing.targets.loading import load


def onnx_layer(target: str, words: dict[str, Any]) -> Any:
    """The layer of the model that a file holds. words: the path of the adapter."""
    return load(f"{words['adapter']}:layer_in")(target)


def onnx_backend(target: str, words: dict[str, Any]) -> Any:
    """An operation of a backend, whose `prepare` the target is. words: the path of the adapter, and the operation."""
    prepare = load(target)
    return getattr(load(f"{words['adapter']}:of_backend")(prepare), words["op"])
