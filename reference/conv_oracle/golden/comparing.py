"""How two JSON values, or two arrays, differ: the first place, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from conv_oracle.golden.asking import spelled_out
from conv_oracle.golden.families import Entry, FixtureError, Stored
from conv_oracle.problem import Problem, parse


def check_keys(where: str, value: Any, expected: Sequence[str]) -> None:
    """Refuse what is not an object with these keys in this order, naming the key."""
    if not isinstance(value, dict):
        raise FixtureError(f"{where}: an object with the keys {', '.join(expected)} was expected")
    for kind, keys in (
        ("unknown", [key for key in value if key not in expected]),
        ("missing", [key for key in expected if key not in value]),
        ("reordered", [key for key, place in zip(value, expected, strict=False) if key != place]),
    ):
        if keys:
            raise FixtureError(f"{where}: {kind} key {keys[0]!r}; {', '.join(expected)} would fit")


def check_problem(entry: Entry) -> Problem:
    """The problem of a case; refused where its notation and its parameters differ."""
    if not isinstance(entry["problem"], str):
        raise FixtureError("a problem is a line of notation")
    problem = parse(entry["problem"])
    if str(problem) != entry["problem"]:
        raise FixtureError(f"the problem is printed {str(problem)!r}, and not {entry['problem']!r}")
    expected = spelled_out(problem)
    check_keys("parameters", entry["parameters"], tuple(expected))
    found = value_difference(entry["parameters"], expected, ("parameters",), "and the problem says")
    if found is not None:
        raise FixtureError(found.said)
    return problem


def array_difference(old: Stored | None, new: Stored, now: str = "rebuilt") -> str:
    """In words, how many values differ and the first of them; '' where none does. `now` is said of the new ones."""
    if old is None:
        return "is missing"
    if old.shape != new.shape:
        return f"has shape {old.shape}, {now} {new.shape}"
    differ = np.argwhere(~(old == new))
    if not len(differ):
        return ""
    index = tuple(map(int, differ[0]))
    return f"differs in {len(differ)} of {new.size}, first at {index}: {old[index]:g}, {now} {new[index]:g}"


@dataclass(frozen=True)
class Difference:
    """Where two JSON values differ, by the keys that lead there, and how, in words."""

    path: tuple[str, ...]
    said: str


def value_difference(old: Any, new: Any, path: tuple[str, ...] = (), now: str = "rebuilt") -> Difference | None:
    """The first place where two JSON values differ, key order included. `now` is said of the new one."""
    where = ".".join(path)
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*new, *old]:
            if key not in old or key not in new:
                there = (*path, key)
                return Difference(there, f"{'.'.join(there)} is {'missing' if key in new else 'an unknown key'}")
        for key in new:
            found = value_difference(old[key], new[key], (*path, key), now)
            if found is not None:
                return found
        same, said = list(old) == list(new), f"{where or 'the case'}: its keys are reordered"
    else:
        same, said = type(old) is type(new) and old == new, f"{where} is {old!r}, {now} {new!r}"
    return None if same else Difference(path or ("",), said)
