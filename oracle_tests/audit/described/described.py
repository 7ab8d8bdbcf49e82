"""Convolutions with a mistake of their author's own choice, what a maintainer would say of it, and its right names."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit.subject import Subject


@dataclass(frozen=True)
class Described(Subject):
    """One wrong convolution. says: the mistake as a changelog would tell it; names: what a diagnosis may call it."""

    name: str
    target: str
    says: str
    names: frozenset[str]
    op: str = "conv2d"
    arrays: str = "numpy"
    dtypes: tuple[str, ...] = ("float64",)
    gradients: bool = False


def one(where: str, says: str, names: str, **rest: Any) -> Described:
    """`where` is module:function in the folder of the calling registry, `names` the right ones with spaces between."""
    module, _, function = where.partition(":")
    folder = Path(sys._getframe(1).f_globals["__file__"]).parent
    return Described(
        f"{folder.name}/{where}", f"{folder / module}.py:{function}", says, frozenset(names.split()), **rest
    )
