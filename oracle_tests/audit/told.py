"""What every registry of subjects tells an audit of each of them."""

from __future__ import annotations

from typing import Any


class Told:
    """Of a dataclass with op, arrays, dtypes and gradients."""

    op: str
    arrays: str
    dtypes: tuple[str, ...]
    gradients: bool

    @property
    def options(self) -> dict[str, Any]:
        """What `audit` is told besides the target."""
        told = {"op": self.op, "arrays": self.arrays, "dtypes": self.dtypes}
        return told | ({"gradients": True} if self.gradients else {})
