"""The key of a verdict by content: whatever may change it changes the key, and nothing else does.

In it: the target's tree, the interpreter and what the tree imports of it, the versions of conv-oracle, NumPy and
PyTorch, and the options with their defaults; of the seed, the one that was given. The names of the directories above
the target are not.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import json
import shlex
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from conv_oracle.adapters import shipped
from conv_oracle.auditing import AuditOptions
from conv_oracle.campaign.jobs import asked
from conv_oracle.campaign.surroundings import of_interpreter
from conv_oracle.campaign.trees import below, content, tree_of
from conv_oracle.errors import CampaignError
from conv_oracle.version import __version__

BY_CONTENT = ("target", "layers", "source", "python", "jobs", "seed")
"""Options whose files are in the key, and not their paths; and those that decide nothing."""


def key_of(options: Mapping[str, Any], *, besides: frozenset[Path] = frozenset()) -> str:
    """The key of the verdict that an audit with these options has, as 64 hexadecimal digits.

    options: of a job; a seed among them is one that was given. besides: files that belong to no tree, those of the
    campaign. Raises CampaignError for a tree that is too large, and an interpreter that cannot be asked; TargetError
    for options that do not fit.
    """
    chosen = AuditOptions(**asked({"seed": 0, **options}))
    told = {one.name: str(getattr(chosen, one.name)) for one in fields(chosen) if one.name not in BY_CONTENT}
    trees = {root: tree_of(root, besides) for root in _roots(chosen)}
    beside = {file.name.partition(".")[0] for files in trees.values() for file in files}
    modules = sorted({name for files in trees.values() for file in files for name in imported(file)} - beside)
    where, _, name = shipped(chosen.target).rpartition(":")
    if not chosen.command and not Path(where or chosen.target).is_file():
        modules = sorted({*modules, where.partition(".")[0]})
    try:
        had = of_interpreter(chosen.python, tuple(modules), str(Path.cwd()))
    except (OSError, ValueError) as error:
        raise CampaignError(f"python is an interpreter: python={chosen.python!r} cannot be asked ({error})") from None
    whole = {
        "conv-oracle": [__version__, own()],
        "options": told,
        "seed": options.get("seed"),
        "name": f"{Path(where).name}:{name}" if Path(where).is_file() else chosen.target,
        "trees": [[root.name, content(root.parent, files)] for root, files in trees.items()],
        "python": had["python"],
        "versions": had["versions"],
        "modules": {module: _of_module(origin, besides) for module, origin in had["modules"].items()},
        "programs": _programs(chosen, besides),
    }
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


@functools.cache
def own() -> str:
    """The digest of conv-oracle's own sources: in a checkout they change under one version."""
    root = Path(__file__).parents[1]
    return content(root, sorted(path for path in root.rglob("*") if path.suffix in (".py", ".json", ".txt")))


def imported(file: Path) -> set[str]:
    """The first names of the modules that a Python file imports, but for the standard library's."""
    if file.suffix != ".py":
        return set()
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, ValueError, SyntaxError, RecursionError):
        return set()
    found = set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            found.add(node.module.partition(".")[0])
    return found - sys.stdlib_module_names


def _roots(chosen: AuditOptions) -> Iterable[Path]:
    """The files that an audit names: the target's, those of a command, of layers, and of constants."""
    where = shipped(chosen.target).rpartition(":")[0]
    named = [] if chosen.command else [where, chosen.target]
    named += [*chosen.source, chosen.layers, chosen.layers.rpartition(":")[0]]
    if chosen.command:
        named += shlex.split(chosen.command)[1:]
    return dict.fromkeys(Path(one).absolute() for one in named if one and Path(one).is_file())


def _programs(chosen: AuditOptions, besides: frozenset[Path]) -> list[list[str]]:
    """What a command starts, and what its other words name: everything beside them."""
    if not chosen.command:
        return []
    first, *words = shlex.split(chosen.command)
    found = shutil.which(first)
    told = [[first, content(Path(found).parent, [Path(found)]) if found else ""]]
    files = [path for word in words if (path := Path(word).absolute()).is_file()]
    return [*told, *([file.name, content(file.parent, sorted(below(file.parent, besides)))] for file in files)]


def _of_module(origin: Any, besides: frozenset[Path]) -> Any:
    """What stands in the key for a module: an installed one's version and record, another's files."""
    if not isinstance(origin, Mapping):
        return origin
    place = Path(origin["place"])
    return content(place.parent, sorted(below(place, besides)) if place.is_dir() else tree_of(place, besides))
