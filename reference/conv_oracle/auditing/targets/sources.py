"""What a function's source says of its calls: what it returns, and which entries of a dictionary it reads.

Joined to the worker's text, and self-contained like it.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from typing import Any

GRADIENTS = {
    "dx": ("dx", "d_x", "dinput", "d_input", "grad_input", "grad_x", "da_prev", "dinputs"),
    "dw": ("dw", "d_w", "dweight", "dweights", "d_weight", "d_weights", "grad_weight", "grad_weights", "grad_w", "dk"),
    "db": ("db", "d_b", "dbias", "d_bias", "dbiases", "d_biases", "grad_bias", "grad_b"),
}
"""The names that people give to gradients."""

OUTPUTS = ("y", "out", "output", "outputs", "result", "z")


def source_tree(found: Any) -> ast.FunctionDef | None:
    """The definition of a function of Python; None where its source is not at hand."""
    try:
        body = ast.parse(textwrap.dedent(inspect.getsource(found))).body
    except (OSError, TypeError, SyntaxError, ValueError):
        return None
    return next((node for node in body if isinstance(node, ast.FunctionDef)), None)


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function, without those of functions in it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            yield child
            yield from _own(child)


def returned_by(tree: ast.FunctionDef | None) -> dict[str, Any] | None:
    """Where the arrays are in what a function returns; None for an array itself, or what cannot be told.

    Raises TypeError for a dictionary none of whose entries is known to be the output.
    """
    found = [node.value for node in _own(tree) if isinstance(node, ast.Return) and node.value] if tree else []
    if not found:
        return None
    if all(isinstance(one, ast.Tuple) and len(one.elts) > 1 for one in found):
        names = [gradient_named(one) for one in found[-1].elts]  # type: ignore[attr-defined]
        if not any(name in GRADIENTS for name in names):
            names = ["y", "cache", *("*" for _ in names[2:])]
        elif len(names) == len(GRADIENTS):  # one that is computed in place has no name
            left = iter([one for one in GRADIENTS if one not in names])
            names = [next(left, name) if name == "*" else name for name in names]
        return {"tuple": True, "names": names}
    if all(isinstance(one, ast.Dict) for one in found):
        keys = [key.value for key in found[-1].keys if isinstance(key, ast.Constant)]  # type: ignore[attr-defined]
        key = keys[0] if len(keys) == 1 else next((one for one in keys if str(one).lower() in OUTPUTS), None)
        if key is None:
            raise TypeError(
                f"a dictionary with {', '.join(map(repr, keys))} is returned: --result says which, as in "
                f'"{{{keys[0] if keys else "y"!r}: y}}"'
            )
        return {"key": key, "names": ["y"]}
    return None


def gradient_named(node: ast.expr) -> str:
    """dx, dw or db where a returned name is known to be that; '*' elsewhere."""
    word = node.id.lower() if isinstance(node, ast.Name) else ""
    return next((name for name, words in GRADIENTS.items() if word in words), "*")


def keys_read(tree: ast.FunctionDef | None, name: str) -> list[str]:
    """The entries that a function reads of a dictionary with this name, in their order."""
    found = list[str]()
    for node in _own(tree) if tree else ():
        key: ast.expr | None = None
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == name:
            key = node.slice
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
            owner = node.func.value
            key = node.args[0] if isinstance(owner, ast.Name) and owner.id == name and node.args else None
        if isinstance(key, ast.Constant) and isinstance(key.value, str) and key.value not in found:
            found.append(key.value)
    return found


def unpacked(tree: ast.FunctionDef | None, name: str) -> list[str]:
    """The names that a function unpacks an argument into, as in `x, w = data`."""
    for node in _own(tree) if tree else ():
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name) and node.value.id == name:
            target = node.targets[0]
            if isinstance(target, ast.Tuple):
                return [one.id if isinstance(one, ast.Name) else "" for one in target.elts]
    return []
