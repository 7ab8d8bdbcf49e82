"""A planted fault: what an audit of it is told, and what it must find."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from audit.told import Told

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Plant(Told):
    """One wrong subject as one operation; `fault` is its class, `narrow` one that shows on few problems or calls.

    named: the faults of the catalogue that it may be called.
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
