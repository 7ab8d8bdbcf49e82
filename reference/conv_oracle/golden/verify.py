"""What must hold within a set of golden vectors, and how two sets differ."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from conv_oracle.errors import ConvOracleError
from conv_oracle.geometry import Shape
from conv_oracle.golden.asking import generated, operand_shapes, result_shapes
from conv_oracle.golden.comparing import array_difference, check_keys, check_problem, value_difference
from conv_oracle.golden.container import array_digest
from conv_oracle.golden.cores import BITS, OPERATIONS
from conv_oracle.golden.families import ANSWERS, FAULTS, HISTORY, Entry, Family, FixtureError, exponents_of
from conv_oracle.golden.kinds import KINDS, check_kind
from conv_oracle.operation import operation
from conv_oracle.problem import Problem

_SLUG = re.compile(r"[a-z0-9_]+(?:-[a-z0-9]+)*")
_DIGITS = re.compile(r"[01]*1[01]*")
_LARGEST = 2**24
_MOST_EXPONENT = 48
_NOTES = ("title", "right", "broken", "reveals", "hides")


def errors_in(family: Family) -> list[str]:
    """What is wrong within one family: with its order, and at most one line per case."""
    found = []
    ids = [entry.get("id") if isinstance(entry, dict) else None for entry in family.cases]
    for before, after in pairwise(ids):
        if not (isinstance(before, str) and isinstance(after, str) and before < after):
            found.append(f"{family.name}: cases are sorted by id, each once: {before!r} before {after!r}")
    expected: list[str] = []
    for place, entry in enumerate(family.cases):
        try:
            expected += _check_case(family, entry)
        except ConvOracleError as error:
            name = ids[place] if isinstance(ids[place], str) else f"case {place}"
            found.append(f"{family.name}: {name}: {error}")
    if not found:
        known = set(expected)
        unknown = [name for name in family.arrays if name not in known]
        found += [f"{family.name}: unknown array {name!r}" for name in unknown]
        moved = [name for name, place in zip(family.arrays, expected, strict=False) if name != place]
        found += [
            f"{family.name}: array {name!r} is not in the order of the cases" for name in moved[:1] if not unknown
        ]
    return found


def differences(stored: Sequence[Family], rebuilt: Sequence[Family]) -> list[str]:
    """Where two sets differ: the case, and the first key or the array and its first index."""
    found = []
    by_name = {family.name: family for family in stored}
    for new in rebuilt:
        if new.name not in by_name:
            found.append(f"{new.name}: cannot be read")
            continue
        old = by_name[new.name]
        old_cases, new_cases = _by_id(old), _by_id(new)
        found += [f"{new.name}: {name}: unknown case" for name in old_cases if name not in new_cases]
        found += [f"{new.name}: {name}: missing case" for name in new_cases if name not in old_cases]
        for name in [name for name in new_cases if name in old_cases]:
            found += [f"{new.name}: {name}: {line}" for line in _case_differences(name, old, new)]
    return found


def case_difference(found: Sequence[Entry], expected: Sequence[Entry], now: str) -> list[str]:
    """Where two lists of cases differ, in words: a case that is there or not, or the first place within each."""
    old, new = ({str(case.get("id")): case for case in cases if isinstance(case, dict)} for cases in (found, expected))
    lines = [f"{name}: unknown case" for name in old if name not in new]
    lines += [f"{name}: missing case" for name in new if name not in old]
    for name in (name for name in new if name in old):
        place = value_difference(old[name], new[name], now=now)
        lines += [f"{name}: {place.said}"] if place is not None else []
    if not lines and list(found) != list(expected):
        lines.append("cases are sorted by id, each once")
    return lines


def _by_id(family: Family) -> dict[str, Entry]:
    return {str(entry.get("id")): entry for entry in family.cases if isinstance(entry, dict)}


def _case_differences(name: str, old: Family, new: Family) -> Iterator[str]:
    own = [key for key in new.arrays if key.startswith(f"{name}/")]
    differing = False
    for key in own:
        line = array_difference(old.arrays.get(key), new.arrays[key])
        if line:
            differing = True
            yield f"{key.removeprefix(f'{name}/')} {line}"
    for key in old.arrays:
        if key.startswith(f"{name}/") and key not in new.arrays:
            differing = True
            yield f"{key.removeprefix(f'{name}/')} is an unknown array"
    found = value_difference(_by_id(old)[name], _by_id(new)[name])
    if found is not None and not (differing and found.path[-1] == "sha256"):
        yield found.said


def _check_case(family: Family, entry: Entry) -> list[str]:
    """Refuse a case that contradicts itself; the names of its arrays in order."""
    if family.name in KINDS:
        return check_kind(family, entry)
    if family.name in (FAULTS, HISTORY):
        return (_check_fault if family.name == FAULTS else _check_version)(entry)
    result = entry.get("result") if isinstance(entry, dict) else None
    value = {"invalid": ("refusal",), "acceptable": ("alternatives",)}
    if family.name == "sequence":
        keys = ("operation", "mode", "f", "g", *value.get(str(result), ("h", "start", "absSum")))
    elif family.name in ANSWERS:
        keys = ("problem", "parameters", "answer", "operands", *value.get(str(result), ("results",)))
    else:
        keys = ("problem", "parameters", *value.get(str(result), ("outputShape",)))
    core = ("core",) if family.name in ANSWERS and result not in ("invalid", "acceptable") else ()
    check_keys("the case", entry, ("id", "comment", "result", *keys, "flags", *core))
    if result not in ("valid", "invalid", "acceptable"):
        raise FixtureError(f"result is valid, invalid or acceptable: {result!r}")
    if not isinstance(entry["id"], str) or not _SLUG.fullmatch(entry["id"]):
        raise FixtureError("an id is words of small letters and digits joined by '-'")
    if not isinstance(entry["comment"], str) or "\n" in entry["comment"]:
        raise FixtureError("a comment is one line")
    _check_flags(entry)
    problem = check_problem(entry) if "problem" in entry else None
    if result == "acceptable":
        _check_alternatives(entry["alternatives"])
    if family.name in ANSWERS and problem is not None:
        return _check_arrays(family, entry, problem)
    if problem is not None and result == "valid" and entry["outputShape"] != list(problem.output_shape):
        raise FixtureError(f"outputShape is {entry['outputShape']}, and not {list(problem.output_shape)}")
    return []


def _check_flags(entry: Entry) -> None:
    arrays = ("y", "dx", "dw", "db") if "core" in entry else ()
    flagged = arrays or (("shape",) if "outputShape" in entry else ("h",) if "h" in entry else ())
    check_keys("flags", entry["flags"], flagged)
    for name, flags in entry["flags"].items():
        if not isinstance(flags, dict) or not all(isinstance(d, str) and _DIGITS.fullmatch(d) for d in flags.values()):
            raise FixtureError(f"flags of {name} have a digit for each way of a fault, 0 or 1, and not only zeros")
    known = [f"{name}/{dtype}" for name in OPERATIONS for dtype in BITS]
    if arrays and (not isinstance(entry["core"], list) or [c for c in known if c in entry["core"]] != entry["core"]):
        raise FixtureError(f"core is a list of <operation>/<dtype>, in their order: {entry['core']!r}")


def _check_fault(entry: Entry) -> list[str]:
    """Refuse an entry of the catalogue that is not whole."""
    check_keys("the fault", entry, ("id", *_NOTES, "ways"))
    if not isinstance(entry["id"], str) or not _SLUG.fullmatch(entry["id"]):
        raise FixtureError("an id is words of small letters and digits joined by '-'")
    if not all(isinstance(entry[name], str) for name in _NOTES):
        raise FixtureError("a note is a text")
    if not isinstance(entry["ways"], dict):
        raise FixtureError("ways is an object of lists of texts")
    for name, said in entry["ways"].items():
        if not isinstance(said, list) or not said or not all(isinstance(way, str) for way in said):
            raise FixtureError(f"ways of {name} is a list of texts")
    return []


def _check_version(entry: Entry) -> list[str]:
    """Refuse an entry of the history that is not whole."""
    check_keys("the version", entry, ("id", "comment", "added", "corrected"))
    if not isinstance(entry["id"], str) or not _SLUG.fullmatch(entry["id"]) or not isinstance(entry["comment"], str):
        raise FixtureError("a version has an id and a comment")
    for name in ("added", "corrected"):
        if not isinstance(entry[name], list) or not all(isinstance(case, str) for case in entry[name]):
            raise FixtureError(f"{name} is a list of ids")
    return []


def unknown_flags(families: Sequence[Family]) -> list[str]:
    """The flags that the catalogue of the set does not explain: at most one line per case."""
    catalogue = {entry["id"]: entry["ways"] for family in families if family.name == FAULTS for entry in family.cases}
    found = []
    for family in families:
        for entry in family.questions:
            for name, digits, slug in _flags_of(entry):
                ways = catalogue.get(slug, {}).get(name, ())
                if len(ways) != len(digits):
                    found.append(
                        f"{family.name}: {entry['id']}: {slug} has {len(ways)} ways in {name}, and {len(digits)} flags"
                    )
                    break
    return found


def _flags_of(entry: Entry) -> Iterator[tuple[str, str, str]]:
    for result, flags in entry.get("flags", {}).items():
        name = operation(entry["problem"].partition(" ")[0] if "problem" in entry else "conv1d").of_forward
        for slug, digits in flags.items():
            yield f"{name}.{'y' if result in ('shape', 'h') else result}", digits, slug


def _check_alternatives(alternatives: Any) -> None:
    if not isinstance(alternatives, list) or len(alternatives) < 2:
        raise FixtureError("alternatives is a list of two or more")
    for alternative in alternatives:
        present = alternative if isinstance(alternative, dict) else {}
        answer = [key for key in ("results", "outputShape", "h", "start", "absSum") if key in present]
        check_keys("an alternative", alternative, ("convention", "comment", *answer))


def _check_arrays(family: Family, entry: Entry, problem: Problem) -> list[str]:
    if entry["answer"] != ANSWERS[family.name]:
        raise FixtureError(f"answer is {entry['answer']!r}, and not {ANSWERS[family.name]!r}")
    case, result, operands = entry["id"], entry["result"], entry["operands"]
    shapes = operand_shapes(problem, cotangent=result == "valid")
    if result == "invalid":
        shapes |= {"dy": ()} if isinstance(operands, dict) and "dy" in operands else {}
        check_keys("operands", operands, tuple(shapes))
        for name, operand in operands.items():
            check_keys(f"operand {name}", operand, ("shape",))
        return []
    check_keys("operands", operands, tuple(shapes))
    of_complex = problem.complex_valued
    names = []
    for name in shapes:
        check_keys(f"operand {name}", operands[name], ("shape", "limit", "exponent", "sha256"))
    exponents = _exponents(operands)
    for name, shape in shapes.items():
        names.append(
            _check_array(family, f"{case}/{name}", operands[name], shape, exponents[name], of_complex=of_complex)
        )
        limit = operands[name]["limit"]
        if type(limit) is not int or not 0 < limit <= _LARGEST:
            raise FixtureError(f"operand {name}: limit is an integer above zero: {limit!r}")
        made = generated(case, name, shape, limit, exponents[name], of_complex=of_complex)
        line = array_difference(family.arrays[names[-1]], made, now="not")
        if line:
            raise FixtureError(f"operand {name} is not what the generator makes: it {line}")
    if result == "valid":
        expected = result_shapes(problem)
        check_keys("results", entry["results"], tuple(expected))
        return names + [
            _check_result(
                family, f"{case}/{name}", entry["results"][name], shape, exponents[name], of_complex=of_complex
            )
            for name, shape in expected.items()
        ]
    for alternative in entry["alternatives"]:
        if "results" in alternative:
            check_keys("results", alternative["results"], ("y",))
            key = f"{case}/{alternative['convention']}/y"
            names.append(_check_result(family, key, alternative["results"]["y"], None, 0, of_complex=of_complex))
    return names


def _exponents(operands: Mapping[str, Any]) -> dict[str, int]:
    """The power of two of everything; refused where x, w, b and dy do not have those that fit."""
    given = {name: operand["exponent"] for name, operand in operands.items()}
    if not all(type(exponent) is int and abs(exponent) <= _MOST_EXPONENT for exponent in given.values()):
        raise FixtureError(f"an exponent is an integer from -{_MOST_EXPONENT} to {_MOST_EXPONENT}: {given}")
    expected = exponents_of(given)
    if given.get("b", expected["b"]) != expected["b"]:
        raise FixtureError(f"operand b: exponent is {given['b']}, and not {expected['b']}, that of x and w together")
    return expected


def _check_result(
    family: Family, key: str, described: Mapping[str, Any], shape: Shape | None, exponent: int, *, of_complex: bool
) -> str:
    check_keys(key, described, ("shape", "absSum", "exponent", "sha256"))
    name = _check_array(family, key, described, shape, exponent, of_complex=of_complex)
    array, bound = np.ldexp(family.arrays[name], -exponent), described["absSum"]
    if type(bound) is not int or not 0 <= bound <= _LARGEST or (array.size and np.abs(array).max() > bound):
        raise FixtureError(f"{key}: absSum is an integer that bounds every value: {bound!r}")
    return name


def _check_array(
    family: Family, key: str, described: Mapping[str, Any], shape: Shape | None, exponent: int, *, of_complex: bool
) -> str:
    """Refuse an array that is not there, or not what its description and its problem say."""
    array = family.arrays.get(key)
    if array is None:
        raise FixtureError(f"array {key!r} is missing")
    expected = list(array.shape) if shape is None else [*shape, *([2] if of_complex else [])]
    if described["shape"] != expected or list(array.shape) != expected:
        raise FixtureError(f"{key}: shape is {described['shape']}, stored {list(array.shape)}, and not {expected}")
    if described["exponent"] != exponent:
        raise FixtureError(f"{key}: exponent is {described['exponent']!r}, and not {exponent}")
    whole = np.ldexp(array, -exponent)
    if not np.all(whole == np.rint(whole)) or np.signbit(array[array == 0]).any():
        raise FixtureError(f"{key}: a value is an integer times 2^exponent, and zero has no sign")
    if described["sha256"] != array_digest(array):
        raise FixtureError(f"{key}: its sha256 is {array_digest(array)}, and not the one in the manifest")
    return key
