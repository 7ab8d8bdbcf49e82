"""A planted fault: what an audit of it is told, and what it must find."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Plant:
    """One wrong subject as one operation; `fault` is its class, `narrow` one that shows on few problems or calls."""

    name: str
    target: str
    op: str
    fault: str
    narrow: bool = False
    arrays: str = "numpy"
    dtypes: tuple[str, ...] = ("float64",)
    gradients: bool = False

    @property
    def options(self) -> dict[str, Any]:
        """What `audit` is told besides the target."""
        told = {"op": self.op, "arrays": self.arrays, "dtypes": self.dtypes}
        return told | ({"gradients": True} if self.gradients else {})
