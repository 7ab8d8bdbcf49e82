"""An entry of a registry: a convolution that is right but where people use it, and how it is audited."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit.subject import Subject

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Usage(Subject):
    """One convolution that is wrong only in one way of using it, or on values or sizes that only users have.

    narrow: whether it is wrong on a small part of that use; then level standard must find it, else quick. more: other
    options of `audit`, as (name, value).
    """

    name: str
    target: str
    op: str = "conv2d"
    arrays: str = "numpy"
    dtypes: tuple[str, ...] = ("float64",)
    gradients: bool = False
    narrow: bool = False
    more: tuple[tuple[str, Any], ...] = ()

    @property
    def options(self) -> dict[str, Any]:
        """The keyword arguments of `audit` besides the target."""
        return super().options | dict(self.more)


def usage(where: str, **rest: Any) -> Usage:
    """`where` is module:function of this folder."""
    module, _, function = where.partition(":")
    return Usage(where, f"{HERE / module}.py:{function}", **rest)


def tensors(where: str, **rest: Any) -> Usage:
    """The same of PyTorch's tensors."""
    return usage(where, arrays="torch", **{"dtypes": ("float32",), **rest})
