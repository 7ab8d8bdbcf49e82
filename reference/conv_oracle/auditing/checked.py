"""The values that options take: of the right type, in a list, one of those known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from conv_oracle.errors import TargetError


def typed(name: str, value: object, kind: type | tuple[type, ...]) -> None:
    """Raises TargetError for a value of another type; a bool is no number."""
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        names = " or ".join(one.__name__ for one in kinds if one is not type(None))
        raise TargetError(f"{name} has the wrong type: {name}={value!r}; a value of type {names} would fit")


def listed(name: str, values: Any, kind: type | tuple[type, ...]) -> tuple[Any, ...]:
    """The entries of a list. Raises TargetError for what is none: a string is not a list of its letters."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise TargetError(f"{name} is a list: {name}={values!r}; [{values!r}] would fit")
    listed = tuple(values)
    for value in listed:
        typed(f"an entry of {name}", value, kind)
    return listed


def check(name: str, value: str, known: Sequence[str]) -> None:
    """Raises TargetError for a value that is not one of those known."""
    if value not in known:
        raise TargetError(f"{name} is one of {', '.join(known)}: {name}={value!r}; {known[0]} would fit")
