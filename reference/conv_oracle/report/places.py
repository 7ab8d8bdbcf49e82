"""Where a target is defined: its file and line, found without running it."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path


def defined_at(target: str) -> tuple[Path, int] | None:
    """The file of a target, and the line of its definition; line 1 where that is not found, None without a file."""
    where, _, name = target.rpartition(":")
    file = _file(where)
    if file is None:
        return None
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    return file, (_line(text, name.split(".")) if file.suffix == ".py" else _line_of_call(text, name)) or 1


def _file(where: str) -> Path | None:
    """The file that a path, or a module's name, means; packages are not imported for it."""
    if not where:
        return None
    if Path(where).is_file():
        return Path(where)
    parts = where.split(".")
    folders = (Path.cwd(), *(Path(entry) for entry in sys.path if entry))
    tried = (folder.joinpath(*parts) for folder in folders)
    found = (file for path in tried for file in (path.with_name(path.name + ".py"), path / "__init__.py"))
    return next((file for file in found if file.is_file()), None)


def _line(text: str, names: list[str]) -> int | None:
    """The line at which Python source binds a name, or a name in a class."""
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError):
        return None
    line = None
    for name in names:
        bound = next((node for node in body if name in _bound(node)), None)
        if bound is None:
            break
        line = bound.lineno
        body = bound.body if isinstance(bound, ast.ClassDef) else []
    return line


def _bound(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    return []


def _line_of_call(text: str, name: str) -> int | None:
    """The first line of C in which a name stands before a parenthesis."""
    word = re.compile(rf"\b{re.escape(name)}\s*\(")
    return next((number for number, line in enumerate(text.splitlines(), 1) if word.search(line)), None)
