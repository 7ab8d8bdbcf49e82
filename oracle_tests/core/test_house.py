"""The house: imports go one way, and what must stand alone stands alone."""

import ast
from pathlib import Path

import pytest

import conv_oracle

ROOT = Path(conv_oracle.__file__).parent
FLOORS = {
    "errors": [],
    "geometry": ["errors"],
    "index_map": ["errors", "geometry"],
    "passes": ["errors", "geometry"],
    "problem": ["errors", "geometry", "passes"],
    "space": ["errors", "geometry", "problem", "passes"],
    "formulas": ["errors", "geometry", "index_map", "passes"],
    "truth": ["errors", "geometry", "passes", "problem"],
    "faults": ["errors", "geometry", "index_map", "passes", "problem"],
    "golden": ["errors", "geometry", "passes", "problem", "formulas", "faults"],
    "auditing": [
        "errors",
        "geometry",
        "index_map",
        "passes",
        "problem",
        "space",
        "formulas",
        "truth",
        "faults",
        "golden",
    ],
    "report": ["errors", "geometry", "index_map", "passes", "problem", "formulas", "faults", "auditing"],
    "cli": ["errors", "problem", "faults", "auditing", "report"],
    "__init__": ["errors", "geometry", "passes", "problem", "formulas", "truth", "auditing"],
}
LIBRARIES = {"numpy"}
ABOVE = {"report": {"numpy", "rich"}, "cli": {"numpy", "rich", "click"}}
MODULES = sorted(ROOT.rglob("*.py"))
STANDARD = __import__("sys").stdlib_module_names


def imports(source: str) -> list[str]:
    """Every module that a source text imports, relative imports included as they are written."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            found += [f"{base}.{alias.name}" for alias in node.names] if base == "conv_oracle" else [base]
    return found


def floor_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def violations(floor: str, source: str, *, worker: bool = False) -> list[str]:
    """The imports of a source text on this floor of the house that go the wrong way."""
    wrong = []
    for name in imports(source):
        first, *rest = name.split(".")
        if first == "conv_oracle":
            target = rest[0] if rest and (rest[0] in FLOORS) else "__init__"
            if worker or (target != floor and target not in FLOORS[floor]):
                wrong.append(name)
        elif first not in STANDARD | ABOVE.get(floor, LIBRARIES) | ({"torch", "ml_dtypes"} if worker else set()):
            wrong.append(name)
    return wrong


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path):
    source = path.read_text(encoding="utf-8")
    assert floor_of(path) in FLOORS, "a new floor of the house: draw it in FLOORS and in README"
    assert violations(floor_of(path), source, worker=path.name == "worker.py") == []


@pytest.mark.parametrize(
    ("floor", "line"),
    [
        ("truth", "from conv_oracle.formulas import conv"),
        ("truth", "from conv_oracle import index_map"),
        ("truth", "import conv_oracle.index_map as m"),
        ("formulas", "from conv_oracle.truth import conv"),
        ("formulas", "import torch"),
        ("geometry", "def f():\n    import torch"),
        ("geometry", "from conv_oracle.passes import Passes"),
        ("auditing", "from conv_oracle.report import terminal"),
        ("auditing", "import scipy.signal"),
        ("truth", "from .. import formulas"),
    ],
)
def test_an_import_the_wrong_way_is_seen(floor, line):
    assert violations(floor, line) != []
