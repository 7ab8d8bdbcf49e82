"""How what a target names is loaded, in the interpreter of the subject.

Joined to the programs that run there, and self-contained like them: the standard library alone.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from typing import Any


def load(target: str) -> Any:
    """The object that `package.module:name` or `path/to/file.py:name` names."""
    where, _, name = target.rpartition(":")
    if where.endswith(".py"):
        path = os.path.abspath(where)  # noqa: PTH100 - this file asks as little of its interpreter as it can
        stem = os.path.splitext(os.path.basename(path))[0]  # noqa: PTH119, PTH122
        sys.path.insert(0, os.path.dirname(path))  # noqa: PTH120
        spec = importlib.util.spec_from_file_location(stem, path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{where} is not a Python file")
        found: Any = importlib.util.module_from_spec(spec)
        sys.modules[stem] = found
        spec.loader.exec_module(found)
    else:
        sys.path.insert(0, os.getcwd())  # noqa: PTH109
        found = importlib.import_module(where)
    for part in name.split("."):
        found = getattr(found, part)
    return found
