"""What an interpreter has: its version, and where the modules are that a subject imports.

Runs by itself too, as `python surroundings.py MODULE ...` in the interpreter that it tells of: it needs the standard
library alone, imports nothing that it tells of, and prints JSON.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.machinery
import importlib.metadata
import importlib.util
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Mapping
from typing import Any

SECONDS = 60.0
LIBRARIES = ("numpy", "torch")


def surroundings(modules: Iterable[str]) -> dict[str, Any]:
    """The interpreter, the versions of NumPy and PyTorch, and of each module where it comes from.

    Of a module of an installed distribution that is its name, version and record; of any other its file or folder;
    None where there is none.
    """
    return {
        "python": [platform.python_implementation(), *sys.version.split("\n")],
        "versions": {name: _version(name) for name in LIBRARIES},
        "modules": {name: _origin(name) for name in modules},
    }


@functools.lru_cache(maxsize=4096)
def of_interpreter(python: str, modules: tuple[str, ...], directory: str) -> Mapping[str, Any]:
    """The surroundings in an interpreter, '' for this one. directory: where it runs.

    Raises OSError where it cannot be started, ValueError where it does not answer.
    """
    if not python:
        return surroundings(modules)
    command = [python, os.path.abspath(__file__), *modules]  # noqa: PTH100 - this file stands alone
    try:
        done = subprocess.run(  # noqa: S603 - the interpreter that the user named
            command, cwd=directory, capture_output=True, text=True, timeout=SECONDS, check=True
        )
        told: dict[str, Any] = json.loads(done.stdout)
    except (subprocess.SubprocessError, ValueError) as error:
        raise ValueError(f"it does not say what it has: {type(error).__name__}") from None
    return told


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


@functools.cache
def _distributions() -> Mapping[str, list[str]]:
    return importlib.metadata.packages_distributions()


@functools.cache
def _origin(module: str) -> Any:
    """[distribution, version, digest of its record] or {'place': path}; None for a module that is not there."""
    for name in _distributions().get(module, []):
        distribution = importlib.metadata.distribution(name)
        if '"editable"' not in (distribution.read_text("direct_url.json") or ""):
            record = distribution.read_text("RECORD") or ""
            return [name, distribution.version, hashlib.sha256(record.encode()).hexdigest()]
    try:
        found = importlib.machinery.PathFinder.find_spec(module, _path()) or importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    if found is None or found.origin in ("built-in", "frozen"):
        return None
    places = list(found.submodule_search_locations or [])
    return {"place": places[0] if places else found.origin}


def _path() -> list[str]:
    """Where a subject's process looks for modules: as `load` has it."""
    return [os.getcwd(), *sys.path]  # noqa: PTH109 - this file stands alone


if __name__ == "__main__":
    print(json.dumps(surroundings(sys.argv[1:])))  # noqa: T201 - this is what it is for
