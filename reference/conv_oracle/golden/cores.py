"""The cores: for each operation, number of axes and dtype, the fewest cases that show every way of every fault.

A way of a fault that some case shows in y, dx, dw or db is shown by a case of the core: whoever implements one
operation in one dtype, and runs its core alone, misses nothing that the whole set would tell.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any

from conv_oracle.golden.cover import smallest_cover
from conv_oracle.golden.families import ANSWERS, Entry, Family, numbers
from conv_oracle.operation import FAMILIES, Operation, operation

BITS = {"float32": 24, "float16": 11, "bfloat16": 8, "complex64": 24}
"""The dtypes that have a core, and how many bits of an integer they hold."""

OPERATIONS = tuple(Operation(family, axes).name for family in FAMILIES for axes in (1, 2, 3))
CORES = tuple(f"core_{name}" for name in OPERATIONS)
"""The files of the cores in JSON alone, one for each operation."""


def with_cores(families: Sequence[Family]) -> list[Family]:
    """The families, each valid case with the cores that it is in: "conv2d/float32", ..."""
    chosen = cores_of(families)
    return [replace(family, cases=tuple(_with_cores(entry, chosen) for entry in family.cases)) for family in families]


def cores_of(families: Sequence[Family]) -> dict[str, tuple[str, ...]]:
    """The ids of every core, by `<operation>/<dtype>`.

    First the fewest cases that a caller of PyTorch's functions can ask and that show what such cases show; then the
    fewest others that show the rest. Of several choices the one with the smallest arrays.
    """
    valid = [entry for family in families for entry in family.questions if "core" in entry]
    found = {}
    for name in OPERATIONS:
        for dtype, bits in BITS.items():
            eligible = [entry for entry in valid if _operation(entry) == name and is_exact(entry, dtype, bits)]
            shown = {entry["id"]: _shows(entry) for entry in eligible}
            usual = {entry["id"]: shown[entry["id"]] for entry in eligible if _is_usual(entry["parameters"])}
            weights = {entry["id"]: _size(entry) for entry in eligible}
            one = sum(weights.values())
            weights = {case: one + size for case, size in weights.items()}
            first = smallest_cover(usual, weights)
            covered = set().union(*(shown[case] for case in first))
            rest = {case: ways - covered for case, ways in shown.items() if ways - covered}
            found[f"{name}/{dtype}"] = tuple(sorted((*first, *smallest_cover(rest, weights))))
    return found


def is_exact(entry: Entry, dtype: str, bits: int) -> bool:
    """Whether a dtype holds the operands and every partial sum of a valid case."""
    if (entry["parameters"]["dtype"] == "complex64") != (dtype == "complex64"):
        return False
    arrays = [*entry["operands"].values(), *entry["results"].values()]
    if dtype == "float16" and any(array["exponent"] for array in arrays):
        return False
    return all(array.get("absSum", array.get("limit")) <= 2**bits for array in arrays)


def core_files(families: Sequence[Family]) -> dict[str, tuple[Entry, ...]]:
    """What the JSON form of each core holds: the cases of an operation that are core, with their arrays as integers."""
    files: dict[str, tuple[Entry, ...]] = {}
    for file, name in zip(CORES, OPERATIONS, strict=True):
        inside = [
            (family, entry)
            for family in families
            if family.name in ANSWERS
            for entry in family.cases
            if entry.get("core") and _operation(entry) == name
        ]
        files[file] = tuple(
            entry | {"arrays": dict(_integers(family, entry))} for family, entry in sorted(inside, key=_by_id)
        )
    return files


def _integers(family: Family, entry: Entry) -> Iterator[tuple[str, list[int]]]:
    """Every array in C order, over 2^exponent; of complex numbers the real and imaginary parts one by one."""
    for name, described in (entry["operands"] | entry["results"]).items():
        array = family.arrays.get(f"{entry['id']}/{name}")
        if array is not None:  # a set without it is refused where it is read
            yield name, numbers(array, of_complex=False, exponent=described["exponent"]).ravel().tolist()


def _with_cores(entry: Entry, chosen: Mapping[str, tuple[str, ...]]) -> Entry:
    if "core" not in entry:
        return entry
    return entry | {"core": [name for name, ids in chosen.items() if entry["id"] in ids]}


def _by_id(pair: tuple[Family, Entry]) -> str:
    return str(pair[1]["id"])


def _operation(entry: Entry) -> str:
    return operation(entry["parameters"]["operation"]).of_forward.name


def _shows(entry: Entry) -> set[Hashable]:
    return {
        (result, slug, place)
        for result, flags in entry["flags"].items()
        for slug, digits in flags.items()
        for place, digit in enumerate(digits)
        if digit == "1"
    }


def _is_usual(parameters: Mapping[str, Any]) -> bool:
    """Whether PyTorch's functions have words for it: padding with zeros, as many before as after."""
    padding = parameters["padding"]
    pairs = isinstance(padding, list) and any(isinstance(side, list) for side in padding)
    return not pairs and parameters.get("padding_mode", "zeros") == "zeros"


def _size(entry: Entry) -> int:
    return sum(prod(array["shape"]) for array in (*entry["operands"].values(), *entry["results"].values()))
