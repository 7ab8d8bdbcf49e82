"""The house: imports go one way, what must stand alone stands alone, and nothing grows beyond a reader's reach."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

import conv_oracle
from conv_oracle.auditing.sandbox.processes import JOINED as OF_A_WORKER
from conv_oracle.auditing.targets.words import FILES

ROOT = Path(conv_oracle.__file__).parent
REPOSITORY = ROOT.parents[1]

REFERENCE = ["errors", "geometry", "index_map", "passes", "operation", "problem", "space"]
FLOORS = {
    "errors": [],
    "version": [],
    "operation": ["errors"],
    "geometry": ["errors"],
    "index_map": ["errors", "geometry"],
    "passes": ["errors", "geometry"],
    "problem": ["errors", "geometry", "operation", "passes"],
    "space": ["errors", "geometry", "operation", "problem", "passes"],
    "formulas": ["errors", "geometry", "index_map", "passes"],
    "truth": ["errors", "geometry", "operation", "passes", "problem"],
    "faults": ["errors", "geometry", "index_map", "operation", "passes", "problem"],
    "golden": ["errors", "geometry", "operation", "passes", "problem", "formulas", "truth", "faults"],
    "vectors": ["golden"],
    "adapters": [],
    "auditing": [*REFERENCE, "version", "formulas", "truth", "faults", "golden", "adapters"],
    "accepting": ["errors", "faults", "auditing"],
    "settings": ["errors", "auditing"],
    "report": [*REFERENCE, "formulas", "faults", "auditing"],
    "testing": ["errors", "auditing", "accepting", "settings", "report"],
    "agents": ["errors", "version", "operation", "problem", "truth", "auditing", "report"],
    "cli": [
        *("errors", "version", "problem", "faults", "auditing", "accepting", "settings", "report", "agents", "campaign")
    ],
    "campaign": ["errors", "version", "problem", "adapters", "auditing", "report"],
    "__main__": ["cli"],
    "__init__": [*REFERENCE, "version", "formulas", "truth", "auditing", "report", "agents"],
}
"""Which modules and rooms of the package each may import."""

ROOMS = {
    "level": [],
    "finding": [],
    "problems": ["level"],
    "operands": [],
    "targets": [],
    "sandbox": ["operands", "problems", "targets"],
    "judging": ["finding", "level", "operands", "sandbox"],
    "reading": ["operands"],
    "diagnosis": ["finding", "judging", "operands", "problems", "reading", "sandbox"],
    "rounding": ["diagnosis", "finding", "judging", "level", "operands", "problems", "sandbox"],
    "checked": [],
    "options": ["checked", "level", "operands", "problems", "rounding", "sandbox", "targets"],
    "hints": ["finding", "options"],
    "verdict": ["finding", "options", "rounding", "targets"],
    "scope": ["judging", "level", "operands", "sandbox", "verdict", "targets"],
    "support": ["diagnosis", "finding", "judging", "problems", "verdict"],
    "files": [],
    "journal": ["files"],
    "vectors": ["operands", "sandbox"],
    "plan": ["options", "problems", "sandbox", "vectors", "targets"],
    "pace": ["problems"],
    "course": ["diagnosis", "finding", "journal", "judging", "level", "pace", "sandbox"],
    "own_layers": ["course", "judging", "operands", "problems", "verdict"],
}
ROOMS["afterwards"] = ["course", "diagnosis", "finding", "judging", "problems", "sandbox"]
ROOMS["large"] = ["course", "diagnosis", "finding", "judging", "operands", "options", "plan", "sandbox", "verdict"]
ROOMS["run"] = [*ROOMS]
ROOMS["finding_out"] = ["level", "options", "run", "verdict"]
ROOMS["offline"] = [*ROOMS]
ROOMS["__init__"] = [*ROOMS]
"""Which rooms and modules of auditing/ each of them may import; another room's face alone, never what is behind it."""

LIBRARIES = {"numpy"}
ABOVE = {"report": {"numpy", "rich", "jinja2"}, "cli": {"numpy", "rich", "click"}}
ALONE = {
    "auditing/sandbox/adapters.py": {"numpy", "torch", "ml_dtypes"},
    "auditing/sandbox/derivatives.py": set(),
    "auditing/sandbox/manners.py": {"numpy"},
    "auditing/sandbox/worker.py": {"numpy"},
    "auditing/sandbox/performing.py": set(),
    "auditing/sandbox/sparse.py": {"numpy", "torch"},
    "auditing/sandbox/guarded.py": set(),
    "auditing/sandbox/launcher.py": set(),
    "auditing/targets/facts.py": set(),
    "auditing/targets/loading.py": set(),
    "auditing/targets/names.py": set(),
    "auditing/targets/arranged.py": {"numpy"},
    "auditing/targets/sources.py": set(),
    "auditing/targets/objects.py": set(),
    "auditing/targets/classes.py": {"numpy"},
    "auditing/targets/adapted.py": set(),
    "auditing/targets/program.py": {"numpy"},
    "auditing/targets/native.py": {"numpy"},
    "auditing/sandbox/recording.py": set(),
    "auditing/offline/answer.py": {"numpy", "ml_dtypes"},
    "auditing/targets/onnx_files.py": set(),
    "agents/one_convolution.py": set(),
    "adapters/with_jax.py": {"numpy", "jax"},
    "adapters/with_keras.py": {"numpy", "keras"},
    "adapters/with_mlx.py": {"numpy", "mlx"},
    "adapters/with_onnx.py": {"numpy", "onnx"},
    "adapters/with_opencv.py": {"numpy", "cv2", "onnx"},
    "adapters/with_paddle.py": {"numpy", "paddle"},
    "adapters/with_scipy.py": {"numpy", "scipy"},
    "adapters/with_tensorflow.py": {"numpy", "tensorflow"},
    "adapters/with_tinygrad.py": {"numpy", "tinygrad"},
}
"""What runs as a script of its own, and the libraries that it may ask of its interpreter."""

JOINED = {
    f"conv_oracle.auditing.sandbox.{name}"
    for name in ("adapters", "derivatives", "guarded", "manners", "performing", "sparse")
}
JOINED |= {
    f"conv_oracle.auditing.targets.{name}"
    for name in (
        "loading",
        "names",
        "arranged",
        "sources",
        "objects",
        "classes",
        "adapted",
        "program",
        "facts",
        "onnx_files",
    )
}
"""What is joined with the worker to one text, so that it may be imported."""

MODULES = sorted(ROOT.rglob("*.py"))
STANDARD = __import__("sys").stdlib_module_names

MOST_LINES_OF_A_FUNCTION = 60
MOST_LINES_OF_A_FILE = 400
SOURCES = sorted(path for top in ("reference", "oracle_tests", "scripts") for path in (REPOSITORY / top).rglob("*.py"))
PARSED_BY = {"startswith", "endswith", "removeprefix", "removesuffix", "partition", "rpartition", "split", "replace"}
PARSED_BY |= {"match", "search", "fullmatch", "sub", "compile"}
NAME_OF_AN_OPERATION = re.compile(
    r"conv(_transpose)?([1-9\[(].*)?|_?transposed?|_?(input|weight)\$|_(input|weight)|conv_.*"
)
NAME_COMPARED = re.compile(r"conv(_transpose)?[1-9]d.*|transposed?|_(input|weight)")
"""What a name is taken apart by, and what it is compared with; `family == 'conv'` asks the value."""


def imports(source: str) -> list[str]:
    """Every module that a source text imports, relative imports included as they are written."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            whole = base in ("conv_oracle", "conv_oracle.auditing")
            found += [f"{base}.{alias.name}" for alias in node.names] if whole else [base]
            found += [f"{base}.{alias.name}" for alias in node.names if not whole and is_hidden(base, alias.name)]
    return found


def is_hidden(room: str, name: str) -> bool:
    """Whether a name that is imported of a room of auditing/ is one of its modules, and not of its face."""
    folder = ROOT.joinpath(*room.split(".")[1:])
    return (folder / f"{name}.py").is_file() and name not in face_of(folder / "__init__.py")


def face_of(path: Path) -> list[str]:
    """The names in a module's `__all__`."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"]:
            return list(ast.literal_eval(node.value))
    return []


def floor_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def room_of(path: Path) -> str:
    """The room of auditing/ that a file is in, or the module that it is; '' elsewhere."""
    parts = path.relative_to(ROOT).parts
    return parts[1].removesuffix(".py") if parts[0] == "auditing" else ""


def violations(floor: str, source: str, room: str = "", alone: set[str] | None = None) -> list[str]:
    """The imports of a source text on this floor of the house, and in this room of auditing/, that go the wrong way."""
    wrong = []
    for name in imports(source):
        first, *rest = name.split(".")
        if first == "conv_oracle":
            target = rest[0] if rest and (rest[0] in FLOORS) else "__init__"
            if alone is not None:
                wrong += [name] * (name not in JOINED)
            elif (target != floor and target not in FLOORS[floor]) or _inside(rest, floor, room):
                wrong.append(name)
        elif first not in STANDARD | (ABOVE.get(floor, LIBRARIES) if alone is None else alone):
            wrong.append(name)
    return wrong


def _inside(names: list[str], floor: str, room: str) -> bool:
    """Whether an import reaches into a room of auditing/ that it may not, or behind the face of another."""
    if names == ["auditing"]:
        return floor == "auditing"
    if names[:1] != ["auditing"]:
        return False
    if floor != "auditing":
        return len(names) > 2 or names[1] in ROOMS
    known = names[1] if names[1] in ROOMS else "__init__"
    if known == room:
        return False
    behind_a_face = len(names) > 2 and (ROOT / "auditing" / known).is_dir()
    return known not in ROOMS[room] or behind_a_face


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path):
    source, name = path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix()
    assert floor_of(path) in FLOORS, "a new floor of the house: draw it in FLOORS and in README"
    assert not room_of(path) or room_of(path) in ROOMS, "a new room of the audit: draw it in ROOMS"
    assert violations(floor_of(path), source, room_of(path), ALONE.get(name)) == []


@pytest.mark.parametrize(
    ("floor", "room", "line"),
    [
        ("truth", "", "from conv_oracle.formulas import conv"),
        ("truth", "", "from conv_oracle import index_map"),
        ("truth", "", "import conv_oracle.index_map as m"),
        ("formulas", "", "from conv_oracle.truth import conv"),
        ("formulas", "", "import torch"),
        ("geometry", "", "def f():\n    import torch"),
        ("geometry", "", "from conv_oracle.passes import Passes"),
        ("auditing", "run", "from conv_oracle.report import terminal"),
        ("auditing", "run", "import scipy.signal"),
        ("truth", "", "from .. import formulas"),
        ("report", "", "from conv_oracle.auditing.sandbox import Binding"),
        ("cli", "", "from conv_oracle.auditing.run import audit"),
        ("auditing", "problems", "from conv_oracle.auditing.operands import DTYPES"),
        ("auditing", "judging", "from conv_oracle.auditing.diagnosis import findings"),
        ("auditing", "judging", "from conv_oracle.auditing import verdict"),
        ("auditing", "judging", "from conv_oracle.auditing.operands.draws import draw"),
        ("auditing", "run", "from conv_oracle.auditing.judging.ledger import Ledger"),
        ("auditing", "finding", "from conv_oracle.auditing import audit"),
        ("auditing", "run", "from conv_oracle.auditing.judging import ledger"),
        ("auditing", "judging", "import conv_oracle.auditing"),
        ("auditing", "run", "from conv_oracle import auditing"),
    ],
)
def test_an_import_the_wrong_way_is_seen(floor, room, line):
    assert violations(floor, line, room) != []


def behind_faces(source: str) -> list[str]:
    """The imports of a source text that reach behind the face of a room of auditing/."""
    found = [name.split(".") for name in imports(source)]
    ours = [name for name in found if name[1:2] == ["auditing"] and len(name) > 2]
    modules = {path.stem for path in (ROOT / "auditing").glob("*.py")} - {"__init__"}
    return [".".join(name) for name in ours if len(name) > 3 or name[2] in modules]


def test_scripts_use_the_faces_of_the_rooms_alone():
    for path in (REPOSITORY / "scripts").rglob("*.py"):
        assert behind_faces(path.read_text(encoding="utf-8")) == [], path
    assert behind_faces("from conv_oracle.auditing.judging import Ask") == []
    assert behind_faces("from conv_oracle.auditing import audit") == []
    assert behind_faces("from conv_oracle.auditing.judging.ledger import Ledger") != []
    assert behind_faces("from conv_oracle.auditing.judging import ledger") != []
    assert behind_faces("from conv_oracle.auditing.run import audit") != []
    assert behind_faces("from conv_oracle.auditing import course") != []


@pytest.mark.parametrize("name", ALONE)
def test_what_runs_as_a_script_stands_alone(name):
    assert (ROOT / name).is_file()
    assert violations("auditing", "from conv_oracle.errors import TargetError", "sandbox", ALONE[name]) != []
    assert violations("auditing", "import rich", "sandbox", ALONE[name]) != []


@pytest.mark.parametrize("name", ["guarded", "launcher"])
def test_some_ask_nothing_of_their_interpreter(name):
    assert violations("auditing", "import numpy", "sandbox", ALONE[f"auditing/sandbox/{name}.py"]) == ["numpy"]


def names_bound(source: str) -> list[str]:
    """The names that a source text binds at its top, but for what it imports."""
    bound = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            bound.append(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            bound += [name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]
    return bound


def bound_twice(*sources: str) -> set[str]:
    """The names that more than one of the texts binds: joined to one program, one takes the place of the other."""
    counts = Counter(name for source in sources for name in {*names_bound(source)})
    return {name for name, count in counts.items() if count > 1}


@pytest.mark.parametrize("makers", [FILES, ("program",)], ids=["words", "command"])
def test_files_that_are_joined_bind_no_name_twice(makers):
    files = [*(f"targets/{name}" for name in makers), *(f"sandbox/{name}" for name in OF_A_WORKER)]
    texts = [(ROOT / "auditing" / f"{name}.py").read_text(encoding="utf-8") for name in files]
    assert bound_twice(*texts) == set()
    assert bound_twice(texts[0], "def _own(): pass\nA = 1", "class A: pass\n_own: int = 2") == {"A", "_own"}


def parsed_operations(source: str) -> list[str]:
    """Where a source text takes an operation's name apart."""
    found = []
    for node in ast.walk(ast.parse(source)):
        parts, names = list[ast.expr](), NAME_OF_AN_OPERATION
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in PARSED_BY:
            parts = node.args
        elif isinstance(node, ast.Compare):
            parts, names = [node.left, *node.comparators], NAME_COMPARED
        words = [one.value for part in parts for one in ast.walk(part) if isinstance(one, ast.Constant)]
        if any(isinstance(word, str) and names.fullmatch(word) for word in words):
            found.append(ast.unparse(node))
    return found


def test_only_one_module_takes_the_name_of_an_operation_apart():
    for path in (*MODULES, *(REPOSITORY / "scripts").rglob("*.py")):
        if path.name != "operation.py":
            assert parsed_operations(path.read_text(encoding="utf-8")) == [], path


@pytest.mark.parametrize(
    "line",
    [
        'op.endswith("_input")',
        'op.endswith(("_input", "_weight"))',
        'op.startswith("conv_transpose")',
        'int(op.removeprefix("conv").removeprefix("_transpose")[0])',
        'op.replace("conv2d", "")',
        'problem.operation == "conv2d"',
        '"transpose" in op',
        'op[-6:] == "_input"',
        're.match(r"conv[123]d", op)',
        're.search("_weight$", op)',
    ],
)
def test_a_name_taken_apart_is_seen(line):
    assert parsed_operations(line) != []


def too_long(source: str) -> list[str]:
    """The functions of a source text that have too many lines."""
    return [
        f"{node.name} has {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno - node.lineno >= MOST_LINES_OF_A_FUNCTION
    ]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_a_reader_takes_in_each_function_and_each_file(path):
    source = path.read_text(encoding="utf-8")
    assert too_long(source) == []
    assert source.count("\n") <= MOST_LINES_OF_A_FILE


def test_a_function_that_is_too_long_is_seen():
    body = "    pass\n" * (MOST_LINES_OF_A_FUNCTION - 1)
    assert too_long(f"def f():\n{body}") == []
    assert too_long(f"def f():\n{body}    pass\n") == ["f has 61 lines"]
