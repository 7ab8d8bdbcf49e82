"""The notebooks in reference/notebooks/: run from top to bottom in one namespace, their outputs kept in the file."""

from __future__ import annotations

import ast
import contextlib
import io
from pathlib import Path
from typing import Any

import nbformat

from gallery.errors import GalleryError
from gallery.sources import ROOT

FOLDER = ROOT / "reference" / "notebooks"


def notebooks() -> list[Path]:
    """The notebooks, by their names."""
    return sorted(FOLDER.glob("*.ipynb"))


def run(path: Path) -> Any:
    """The notebook with the outputs that its cells give now. Raises GalleryError, naming the cell, where one fails."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    scope: dict[str, Any] = {"__name__": "__main__"}
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for count, cell in enumerate(cells, 1):
        try:
            with contextlib.chdir(path.parent):
                printed, value = _executed(cell.source, f"{path.name}[{count}]", scope)
        except Exception as error:
            raise GalleryError(
                f"a notebook runs: {path.name}: cell {count}: {type(error).__name__}: {error}"
            ) from error
        cell.execution_count = count
        cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=printed)] if printed else []
        if value is not None:
            result = nbformat.v4.new_output("execute_result", data=_data(value), execution_count=count)
            cell.outputs.append(result)
    nbformat.validate(notebook)
    return notebook


def text(notebook: Any) -> str:
    """A notebook as its file holds it."""
    return str(nbformat.writes(notebook)) + "\n"


def _executed(source: str, name: str, scope: dict[str, Any]) -> tuple[str, Any]:
    """(what a cell prints, the value of its last line if that is an expression)."""
    tree = ast.parse(source, name)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(tree, name, "exec"), scope)  # noqa: S102 - the repository's own notebook
        value = None
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), name, "eval"), scope)  # noqa: S307 - the same
    return printed.getvalue(), value


def _data(value: Any) -> dict[str, str]:
    """What a notebook keeps of a value: its repr, and the SVG of a picture."""
    drawn = {"image/svg+xml": value.svg} if hasattr(value, "svg") else {}
    return {"text/plain": repr(value)} | drawn
