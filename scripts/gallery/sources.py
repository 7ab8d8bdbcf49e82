"""Definitions and tests as they stand in their files: nothing on the site is a copy that could grow old."""

from __future__ import annotations

import ast
import html
import inspect
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

import conv_oracle
from conv_oracle import formulas, geometry, index_map
from gallery.errors import GalleryError

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "oracle_tests" / "formulas"
DOCUMENT = ROOT / "reference" / "FORMULAS.md"


@dataclass(frozen=True)
class Source:
    """A piece of code: its name, the file that it is in, from the repository's root, its first line, and its HTML."""

    name: str
    path: str
    line: int
    code: str


@cache
def definition(name: str) -> Source:
    """A function or class of conv_oracle without its docstring, by a name of formulas, geometry or index_map.

    'formulas.discrete._sum' reaches what their faces do not show. Raises GalleryError where there is none.
    """
    found = _found(name)
    source = textwrap.dedent(inspect.getsource(found))
    path = Path(inspect.getsourcefile(found) or "").resolve().relative_to(ROOT)
    _, line = inspect.getsourcelines(found)
    return Source(name.rpartition(".")[2], path.as_posix(), line, coloured(without_docstring(source)))


def _found(name: str) -> Callable[..., Any]:
    for room in (formulas, geometry, index_map, conv_oracle):
        found: Any = room
        for part in name.split("."):
            found = getattr(found, part, None)
        if found is not None:
            return found  # type: ignore[no-any-return]
    raise GalleryError(f"a definition is a name of formulas, geometry or index_map: {name!r}; 'convolve' would fit")


def without_docstring(source: str) -> str:
    """The source of one function or class, its docstring left out."""
    node = ast.parse(source).body[0]
    assert isinstance(node, ast.FunctionDef | ast.ClassDef)  # noqa: S101 - what inspect gives, for mypy
    first = node.body[0]
    if not (isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and len(node.body) > 1):
        return source.rstrip()
    lines = source.splitlines()
    del lines[first.lineno - 1 : first.end_lineno]
    return re.sub(r"\n\n+(?=    \S)", "\n", "\n".join(lines), count=1).rstrip()


@cache
def proof(test: str) -> Source:
    """A test of the formulas, `file.py::name`. Raises GalleryError where it is not there."""
    name, _, function = test.partition("::")
    path = TESTS / name
    if path.is_file():
        text = path.read_text(encoding="utf-8")
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef) and node.name == function:
                first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
                lines = text.splitlines()[first - 1 : node.end_lineno]
                return Source(function, path.relative_to(ROOT).as_posix(), first, coloured("\n".join(lines)))
    raise GalleryError(
        f"a proof is a test of the formulas: {test!r}; 'test_dense.py::test_s1_is_torch_linear' would fit"
    )


def coloured(code: str) -> str:
    """Python as HTML: keywords, strings, numbers and comments in spans, all else plain."""
    marked = highlight(code, PythonLexer(), HtmlFormatter(nowrap=True)).rstrip()
    marked = re.sub(r'<span class="(?:n[a-z]?|p|o|fm|vm|bp|w|ow)">(.*?)</span>', r"\1", marked)
    return re.sub(r'<span class="(k|s|m|c)[a-z0-9]*">', r'<span class="\1">', marked).replace("$", "&#36;")


@cache
def documented() -> dict[int, tuple[str, str, str]]:
    """(as printed, the functions, the tests) of every formula in reference/FORMULAS.md, by its number."""
    rows = {}
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        if match := re.match(r"\| S(\d+) \|", line):
            cells = [html.unescape(cell.strip()) for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            rows[int(match[1])] = (cells[1], cells[3], cells[4])
    return rows
