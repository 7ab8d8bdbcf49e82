"""The section [tool.conv-oracle] of a pyproject.toml: what an audit is asked for by default."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from conv_oracle.auditing import AuditOptions
from conv_oracle.errors import TargetError, near

FILE, SECTION = "pyproject.toml", "conv-oracle"
SAID = {"dtypes": "dtype", "refusals": "refusal"}
"""Options whose name on the command line is another one."""

NOT_SET = ("target", "command", "only", "limits")
CHOSEN = {"select": list, "ignore": list, "baseline": str}
"""What the section has besides the options of an audit: which findings decide."""

TYPES: Mapping[str, tuple[type, ...]] = {"bool": (bool,), "tuple": (list,)}
NUMBERS_AND_WORDS = (str, int, float)


def settings(directory: Path) -> dict[str, Any]:
    """What the nearest pyproject.toml says, in a directory or above: by the names of AuditOptions, and of CHOSEN.

    Lists are tuples; a baseline is a path. {} where there is no such file, or no section in it. Raises TargetError for
    a key that is not known, for a value of another type, and for a file that cannot be read.
    """
    folders = (directory.absolute(), *directory.absolute().parents)
    file = next((folder / FILE for folder in folders if (folder / FILE).is_file()), None)
    if file is None:
        return {}
    try:
        told = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {}).get(SECTION, {})
    except (OSError, ValueError) as error:
        raise TargetError(f"{FILE} must be TOML that can be read: file={str(file)!r} ({error})") from None
    if not isinstance(told, dict):
        raise TargetError(f"[tool.{SECTION}] is a table: {SECTION}={told!r}; level = 'quick' in it would fit")
    known = _known()
    found = dict[str, Any]()
    for key, value in told.items():
        if key not in known:
            fit = near(key, sorted(known))
            raise TargetError(f"[tool.{SECTION}] takes options of an audit: {key}={value!r}; {fit} would fit")
        name, kinds = known[key]
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            fit = {bool: "true", list: f"[{value!r}]"}.get(kinds[0], "a text or a number")
            raise TargetError(f"{key} in [tool.{SECTION}] has the wrong type: {key}={value!r}; {fit} would fit")
        found[name] = tuple(value) if isinstance(value, list) else value
    if "baseline" in found:
        found["baseline"] = file.parent / found["baseline"]
    return found


def _known() -> dict[str, tuple[str, tuple[type, ...]]]:
    """Every key, with the name and the types of what it sets."""
    own = {
        SAID.get(one.name, one.name.replace("_", "-")): (one.name, _types(str(one.type)))
        for one in fields(AuditOptions)
        if one.name not in NOT_SET
    }
    return own | {name: (name, (kind,)) for name, kind in CHOSEN.items()}


def _types(annotation: str) -> tuple[type, ...]:
    return TYPES.get(annotation.partition("[")[0], NUMBERS_AND_WORDS)
