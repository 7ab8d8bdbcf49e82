"""What the right, planted and foreign subjects have in common: the options of an audit of one."""

from __future__ import annotations

from typing import Any


class Subject:
    """The base of a dataclass with the fields op, arrays, dtypes and gradients."""

    op: str
    arrays: str
    dtypes: tuple[str, ...]
    gradients: bool

    @property
    def options(self) -> dict[str, Any]:
        """The keyword arguments of `audit` besides the target."""
        given = {"op": self.op, "arrays": self.arrays, "dtypes": self.dtypes}
        return given | ({"gradients": True} if self.gradients else {})
