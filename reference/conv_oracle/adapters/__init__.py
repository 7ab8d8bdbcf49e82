"""Adapters: libraries whose convolutions are audited by a short name, as in `conv-oracle audit jax:conv2d`.

An adapter is one file that runs in the interpreter of the subject, where the library is and conv-oracle need not be.
Its functions take and return NumPy arrays, with PyTorch's parameters as far as the library has them: what it cannot be
asked raises NotImplementedError, which narrows a verdict's scope. All arithmetic is the library's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

__all__ = ["ADAPTERS", "HERE", "shipped"]

ADAPTERS: Mapping[str, str] = {
    "jax": "with_jax.py:",
    "keras": "with_keras.py:",
    "mlx": "with_mlx.py:",
    "onnx": "with_onnx.py:",
    "onnxruntime": "with_onnx.py:runtime.",
    "opencv": "with_opencv.py:",
    "paddle": "with_paddle.py:",
    "scipy": "with_scipy.py:",
    "tensorflow": "with_tensorflow.py:",
    "tinygrad": "with_tinygrad.py:",
}
"""The short names, each with its file in this folder, and with what comes before an operation's name there."""

HERE = Path(__file__).parent


def shipped(target: str) -> str:
    """The target in the adapter's file that `jax:conv2d` names; any other target as it is.

    A name with a dot, as in `jax:lax.conv`, is one of the library's own.
    """
    short, _, name = target.rpartition(":")
    return f"{HERE / ADAPTERS[short]}{name}" if short in ADAPTERS and "." not in name else target
