"""Reading a set of golden vectors, without trust: nothing is executed, and what is not as written is refused by name.

`index.json` is the root: it names every other file and the digest of what it holds. A file that it does not name is
no part of the set. A file is a regular one, of which the index has the sha256, and whose lines end with LF.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from conv_oracle.golden.comparing import check_keys
from conv_oracle.golden.container import decode_text, dump_json, file_digest, parse_json, unpack_arrays
from conv_oracle.golden.cores import CORES, OPERATIONS, core_files
from conv_oracle.golden.families import FAMILIES, HISTORY, WITH_ARRAYS, Entry, Family, FixtureError, Stored
from conv_oracle.golden.verify import case_difference, errors_in, unknown_flags

FORMAT = 2
INDEX = "index.json"
SCHEMA = "schema.json"
_SHOWN = 3


def load(directory: Path) -> tuple[Family, ...]:
    """The whole set, verified. Raises FixtureError, naming the file, the case and what is wrong with it."""
    families, problems = read(directory)
    problems += [error for family in families for error in errors_in(family)]
    problems = problems or unknown_flags(families) or core_problems(directory, families)
    if problems:
        more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise FixtureError("; ".join(problems[:_SHOWN]) + more)
    return families


def read(directory: Path) -> tuple[tuple[Family, ...], list[str]]:
    """The families that can be read at all, and what is wrong with the files."""
    families, problems = [], []
    try:
        index = read_index(directory)
    except FixtureError as error:
        return (), [str(error)]
    for name in FAMILIES:
        cases, arrays, own = _family(directory, name, index["families"][name])
        problems += own
        if cases is not None:
            families.append(Family(name, cases, arrays))
    if not problems:
        problems += _version_problems(index, families)
    return tuple(families), problems


def core_problems(directory: Path, families: Sequence[Family]) -> list[str]:
    """What is wrong with the cores in JSON alone, which hold the cases of the families that are core."""
    try:
        index = read_index(directory)
    except FixtureError:  # `read` says so
        return []
    return [
        line
        for (name, cases), entry in zip(core_files(families).items(), index["cores"].values(), strict=True)
        for line in _core_file_problems(directory, name, cases, entry)
    ]


def read_index(directory: Path) -> dict[str, Any]:
    """The index, every key checked. Raises FixtureError."""
    text = _text(directory, INDEX)
    try:
        index = parse_json(text)
    except FixtureError as error:
        raise FixtureError(_named(INDEX, error)) from None
    check_keys(INDEX, index, ("$schema", "format", "version", "families", "cores"))
    _same(INDEX, "$schema", index["$schema"], SCHEMA)
    _same(INDEX, "format", index["format"], FORMAT)
    if type(index["version"]) is not int:
        raise FixtureError(f"{INDEX}: version is an integer: {index['version']!r}")
    check_keys(f"{INDEX}: families", index["families"], FAMILIES)
    for name, entry in index["families"].items():
        check_keys(f"{INDEX}: {name}", entry, ("cases", *parts(name)))
        for key, suffix in parts(name).items():
            where = f"{INDEX}: {name}: {key}"
            check_keys(where, entry[key], ("file", "sha256"))
            _same(where, "file", entry[key]["file"], file_name(name, entry[key]["sha256"], suffix))
    check_keys(f"{INDEX}: cores", index["cores"], OPERATIONS)
    for core, (name, entry) in zip(CORES, index["cores"].items(), strict=True):
        check_keys(f"{INDEX}: core of {name}", entry, ("cases", "file", "sha256"))
        _same(f"{INDEX}: core of {name}", "file", entry["file"], file_name(core, entry["sha256"], "json"))
    if dump_json(index) != text:
        raise FixtureError(
            f"{INDEX}: its text is not as it is written: another spacing, or another spelling of a value"
        )
    return index  # type: ignore[no-any-return]


def parts(family: str) -> dict[str, str]:
    """The files of a family, and their suffixes."""
    return {"manifest": "json"} | ({"arrays": "safetensors"} if family in WITH_ARRAYS else {})


def named_files(index: dict[str, Any]) -> set[str]:
    """The files that an index names."""
    named = {entry[part]["file"] for name, entry in index["families"].items() for part in parts(name)}
    return named | {entry["file"] for entry in index["cores"].values()}


def file_name(family: str, digest: Any, suffix: str) -> str:
    """A file is named by what it holds, so that no file is ever changed."""
    if not isinstance(digest, str) or len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        raise FixtureError(f"{INDEX}: {family}: a sha256 is 64 hexadecimal digits: {digest!r}")
    return f"{family}-{digest[:12]}.{suffix}"


def _family(
    directory: Path, name: str, entry: dict[str, Any]
) -> tuple[tuple[dict[str, Any], ...] | None, dict[str, Stored], list[str]]:
    """The cases (None if they cannot be read), the arrays, and the problems of one family."""
    problems: list[str] = []
    cases, arrays, manifest = None, {}, entry["manifest"]["file"]
    try:
        text = _text(directory, manifest)
        cases = _cases(manifest, name, parse_json(text))
        wrong = _digest_problems(manifest, text.encode(), entry["manifest"]["sha256"])
        problems += [*wrong, *(_other_spelling(manifest, text) if wrong else [])]
        if len(cases) != entry["cases"]:
            problems.append(f"{manifest}: {len(cases)} cases, and not the {entry['cases']} of {INDEX}")
    except FixtureError as error:
        problems.append(_named(manifest, error))
    if "arrays" not in entry:
        return cases, {}, problems
    container = entry["arrays"]["file"]
    try:
        data = _bytes(directory, container)
        arrays = unpack_arrays(data)
        problems += _digest_problems(container, data, entry["arrays"]["sha256"])
    except FixtureError as error:
        problems.append(_named(container, error))
        cases = None
    return cases, arrays, problems


def _digest_problems(file: str, data: bytes, expected: str) -> list[str]:
    digest = file_digest(data)
    return [] if digest == expected else [f"{file}: its sha256 is {digest}, and not the one in {INDEX}"]


def _other_spelling(file: str, text: str) -> list[str]:
    """The first line of a text that is not spelled as it is written."""
    written = dump_json(parse_json(text))
    pairs = enumerate(zip_longest(text.split("\n"), written.split("\n")), 1)
    return [f"{file}: line {number} is not as it is written: {line!r}" for number, (line, own) in pairs if line != own][
        :1
    ]


def _version_problems(index: dict[str, Any], families: list[Family]) -> list[str]:
    """The set's version is that of the last entry of its history."""
    last = families[FAMILIES.index(HISTORY)].cases[-1:]
    told = last[0].get("id") if last and isinstance(last[0], dict) else None
    expected = f"version-{index['version']:02}"
    return [] if told == expected else [f"{INDEX}: version is {index['version']}, and the history ends with {told!r}"]


def _core_file_problems(directory: Path, name: str, cases: tuple[Entry, ...], entry: dict[str, Any]) -> list[str]:
    file = entry["file"]
    try:
        data = _bytes(directory, file)
        found = _cases(file, name, parse_json(decode_text(data)))
    except FixtureError as error:
        return [_named(file, error)]
    problems = [f"{file}: {line}" for line in case_difference(found, cases, now="in the manifests")]
    problems += _other_spelling(file, data.decode())
    if entry["cases"] != len(cases):
        problems.append(f"{file}: {len(cases)} cases are core, and not the {entry['cases']} of {INDEX}")
    return problems or _digest_problems(file, data, entry["sha256"])


def _cases(file: str, name: str, manifest: Any) -> tuple[dict[str, Any], ...]:
    check_keys(file, manifest, ("$schema", "format", "family", "cases"))
    _same(file, "$schema", manifest["$schema"], SCHEMA)
    _same(file, "format", manifest["format"], FORMAT)
    _same(file, "family", manifest["family"], name)
    if not isinstance(manifest["cases"], list):
        raise FixtureError(f"{file}: cases is a list")
    return tuple(manifest["cases"])


def _same(where: str, key: str, value: Any, expected: Any) -> None:
    if type(value) is not type(expected) or value != expected:
        raise FixtureError(f"{where}: {key} is {value!r}, and not {expected!r}")


def _text(directory: Path, file: str) -> str:
    return decode_text(_bytes(directory, file))


def _bytes(directory: Path, file: str) -> bytes:
    if (directory / file).is_symlink():
        raise FixtureError(f"{file}: it is a link, and a set is made of regular files")
    try:
        return (directory / file).read_bytes()
    except OSError as error:
        raise FixtureError(f"{file}: {error.strerror}") from None


def _named(file: str, error: FixtureError) -> str:
    return str(error) if str(error).startswith(file) else f"{file}: {error}"
