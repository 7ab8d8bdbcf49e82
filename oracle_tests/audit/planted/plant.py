"""A planted fault: the options of an audit of it, and what that audit must find."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit.subject import Subject

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Plant(Subject):
    """One wrong subject as one operation; `fault` is its class, `narrow` one that shows on few problems or calls.

    named: the faults of the catalogue that it may be called. Those of edges.py are for authors of libraries: a fault
    only where edges decide. own_kind: the catalogue computes this fault by the same
    edit, so that the name it gets proves less than that of a fault which the catalogue does not contain as it is.
    """

    name: str
    target: str
    op: str
    fault: str
    named: frozenset[str]
    narrow: bool = False
    arrays: str = "numpy"
    dtypes: tuple[str, ...] = ("float64",)
    gradients: bool = False
    own_kind: bool = False

    @property
    def on_edge(self) -> bool:
        """Whether it is wrong on an edge, where conventions differ."""
        return self.name.startswith("edges:") or "empty_batch" in self.name

    @property
    def options(self) -> dict[str, Any]:
        """The keyword arguments of `audit` besides the target."""
        return super().options | ({"edges": "fault"} if self.on_edge else {})
