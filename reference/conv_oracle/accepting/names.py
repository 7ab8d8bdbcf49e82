"""The names by which findings are chosen: those of the catalogue, and the kinds of what has no other name."""

from __future__ import annotations

from typing import get_args

from conv_oracle.auditing import Kind
from conv_oracle.errors import TargetError, near
from conv_oracle.faults import CATALOGUE

NAMES = (*CATALOGUE, *(kind for kind in get_args(Kind) if kind not in CATALOGUE))


def check_name(option: str, name: str) -> None:
    """Raises TargetError for what is no fault of the catalogue and no kind of finding, with what is close to it."""
    if name not in NAMES:
        raise TargetError(
            f"{option} takes a fault of the catalogue, or a kind of finding: {option}={name!r}; "
            f"{near(name, NAMES)} would fit"
        )
