"""Reading a set of golden vectors, without trust: nothing is executed, and what is not as written is refused by name.

`index.json` is the root: it names every other file and the digest of what it holds. A file that it does not name is
no part of the set.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from conv_oracle.golden.container import arrays_digest, decode_text, dump_json, parse_json, text_digest, unpack_arrays
from conv_oracle.golden.families import ANSWERS, FAMILIES, Family, FixtureError, Stored
from conv_oracle.golden.verify import check_keys, errors_in, unknown_flags

FORMAT = 1
INDEX = "index.json"
SCHEMA = "schema.json"
_SHOWN = 3


def load(directory: Path) -> tuple[Family, ...]:
    """The whole set, verified. Raises FixtureError, naming the file, the case and what is wrong with it."""
    families, problems = read(directory)
    problems += [error for family in families for error in errors_in(family)]
    problems = problems or unknown_flags(families)
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
    return tuple(families), problems


def read_index(directory: Path) -> dict[str, Any]:
    """The index, every key checked. Raises FixtureError."""
    text = _text(directory, INDEX)
    try:
        index = parse_json(text)
    except FixtureError as error:
        raise FixtureError(_named(INDEX, error)) from None
    check_keys(INDEX, index, ("$schema", "format", "families"))
    _same(INDEX, "$schema", index["$schema"], SCHEMA)
    _same(INDEX, "format", index["format"], FORMAT)
    check_keys(f"{INDEX}: families", index["families"], FAMILIES)
    for name, entry in index["families"].items():
        check_keys(f"{INDEX}: {name}", entry, ("cases", *parts(name)))
        for key, suffix in parts(name).items():
            where = f"{INDEX}: {name}: {key}"
            check_keys(where, entry[key], ("file", "sha256"))
            _same(where, "file", entry[key]["file"], file_name(name, entry[key]["sha256"], suffix))
    if dump_json(index) != text:
        raise FixtureError(
            f"{INDEX}: its text is not as it is written: another spacing, or another spelling of a value"
        )
    return index  # type: ignore[no-any-return]


def parts(family: str) -> dict[str, str]:
    """The files of a family, and their suffixes."""
    return {"manifest": "json"} | ({"arrays": "safetensors"} if family in ANSWERS else {})


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
        if text_digest(text) != entry["manifest"]["sha256"]:
            problems.append(f"{manifest}: its sha256 is {text_digest(text)}, and not the one in {INDEX}")
        if len(cases) != entry["cases"]:
            problems.append(f"{manifest}: {len(cases)} cases, and not the {entry['cases']} of {INDEX}")
    except FixtureError as error:
        problems.append(_named(manifest, error))
    if "arrays" not in entry:
        return cases, {}, problems
    container = entry["arrays"]["file"]
    try:
        arrays = unpack_arrays(_bytes(directory, container))
        if arrays_digest(arrays) != entry["arrays"]["sha256"]:
            problems.append(f"{container}: the sha256 of its arrays is not the one in {INDEX}")
    except FixtureError as error:
        problems.append(_named(container, error))
        cases = None
    return cases, arrays, problems


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
    try:
        return (directory / file).read_bytes()
    except OSError as error:
        raise FixtureError(f"{file}: {error.strerror}") from None


def _named(file: str, error: FixtureError) -> str:
    return str(error) if str(error).startswith(file) else f"{file}: {error}"
