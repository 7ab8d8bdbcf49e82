"""The site's JavaScript on the golden vectors: Node answers every real case, and each answer must be equal."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from conv_oracle.golden import Entry, Family, load
from gallery.errors import GalleryError, NodeMissingError

HERE = Path(__file__).parent
FIXTURES = HERE.parents[1] / "fixtures"
ANSWERS = HERE / "answers.js"
ASKED = ("conv", "conv_transpose", "conv_input", "conv_weight", "conv_bias", "output_size", "sequence")
"""The families whose answers are exact, in float32 and in PyTorch's layout."""

SIGNS = {"convolve": -1, "cross_correlate": 1}
READ = (
    "operation",
    "input_shape",
    "weight_shape",
    "stride",
    "dilation",
    "groups",
    "bias",
    "padding_mode",
    "output_padding",
)
"""What a line of notation says."""

Question = dict[str, Any]
Asked = tuple[str, Question, Any]
"""The case and what is asked of it, the question, and the right answer; None where the question must be refused."""


def check(directory: Path = FIXTURES, script: Path = ANSWERS) -> int:
    """Ask the script every question of the golden vectors in a directory; how many there are.

    Raises NodeMissingError without node, and GalleryError for the first answer that differs.
    """
    _node()
    asked = [one for family in load(directory) for one in questions(family)]
    answers = answer([question for _, question, _ in asked], script)
    for (case, _, expected), given in zip(asked, answers, strict=True):
        if wrong := difference(expected, given):
            raise GalleryError(f"the JavaScript agrees with the golden vectors: {case}: {wrong}")
    return len(asked)


def answer(questions: list[Question], script: Path = ANSWERS) -> list[Any]:
    """What the script answers. Raises NodeMissingError without node, and GalleryError where the script fails."""
    node = _node()
    text = "".join(f"{json.dumps(question)}\n" for question in questions)
    done = subprocess.run([node, script], input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise GalleryError(f"the JavaScript runs: {script.name}: {_error(done.stderr)}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def _node() -> str:
    node = shutil.which("node")
    if node is None:
        raise NodeMissingError("node is not installed; Node.js 18 or newer would fit")
    return node


def _error(said: str) -> str:
    """The line of Node's words that names the error."""
    return next((line for line in said.splitlines() if "Error" in line), said.strip())


def difference(expected: Any, given: Any) -> str:
    """What is wrong with an answer; nothing where it is right."""
    if expected is None:
        return "" if "refused" in given else "it is answered, and must be refused"
    if "refused" in given:
        return f"it is refused: {given['refused']}"
    wrong = [name for name, values in expected.items() if given.get(name) != values]
    return f"{wrong[0]} is {given.get(wrong[0])}, should be {expected[wrong[0]]}" if wrong else ""


def questions(family: Family) -> Iterator[Asked]:
    """Every question that a family asks; complex cases, and those with several right answers, are left out."""
    if family.name not in ASKED:
        return
    for entry in family.cases:
        if entry.get("result") not in ("valid", "invalid"):
            continue
        if family.name == "sequence":
            yield from _sequence(entry)
        elif entry["parameters"]["dtype"] != "complex64":
            yield from _problem(family, entry)


def _sequence(entry: Entry) -> Iterator[Asked]:
    if entry["mode"] == "full" and entry["result"] == "valid":
        question = {"kind": "sequence", "f": entry["f"], "g": entry["g"], "sign": SIGNS[entry["operation"]]}
        yield entry["id"], question, {"values": entry["h"], "start": entry["start"]}


def _problem(family: Family, entry: Entry) -> Iterator[Asked]:
    parameters, case = entry["parameters"], entry["id"]
    if entry["result"] == "invalid":
        yield case, _passes(family, entry), None
        return
    told = {name: parameters[name] for name in READ if name in parameters}
    told |= {} if isinstance(parameters["padding"], str) else {"pads": parameters["pads"]}
    told["notation"] = entry["problem"].removesuffix(" float32")
    yield f"{case}: its notation", {"kind": "parse", "notation": entry["problem"]}, told
    if "outputShape" in entry:
        yield case, {"kind": "size", "parameters": parameters}, {"outputShape": entry["outputShape"]}
        return
    yield case, _passes(family, entry), {name: _values(family, entry, name) for name in entry["results"]}
    for name, described in entry["operands"].items():
        if described["exponent"] == 0:
            values = _values(family, entry, name)
            question = {"kind": "operand", "name": f"{case}/{name}", "count": len(values), "limit": described["limit"]}
            yield f"{case}: its {name}", question, {"values": values}


def _passes(family: Family, entry: Entry) -> Question:
    operands = {name: _values(family, entry, name) for name in entry.get("operands", {})}
    return {"kind": "passes", "parameters": entry["parameters"], "operands": operands}


def _values(family: Family, entry: Entry, name: str) -> list[float]:
    """An array of a case as numbers; of one that must be refused, and has none, as many zeros."""
    key = f"{entry['id']}/{name}"
    if key in family.arrays:
        return [float(value) for value in family.arrays[key].ravel()]
    count = 1
    for size in entry["operands"][name]["shape"]:
        count *= size
    return [0.0] * count
