"""Writing a set of golden vectors: after an interruption at any moment, the old set or the new one is whole.

Every file but the index is named by what it holds, so a new set never changes a file of the old one. The
new files are written under other names, forced to the disk and renamed; only then one rename replaces `index.json`,
and that rename is the only step that a reader can see: before it the old index names the old files, after it the new
index the new ones. Files that no index names are removed last.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from conv_oracle.golden.cases import VERSIONS
from conv_oracle.golden.container import dump_json, file_digest, pack_arrays
from conv_oracle.golden.cores import CORES, OPERATIONS, core_files
from conv_oracle.golden.families import FAMILIES, Entry, Family, FixtureError
from conv_oracle.golden.read import FORMAT, INDEX, SCHEMA, file_name, named_files, parts, read_index

_DATA = rf"(?:{'|'.join((*FAMILIES, *CORES))})-[0-9a-f]{{12}}\.(?:json|safetensors)"
_OURS = re.compile(rf"{_DATA}|\.(?:{_DATA}|{re.escape(INDEX)})\.new")


def contents(families: Sequence[Family]) -> dict[str, bytes]:
    """The bytes of every file by its name, the index last."""
    files: dict[str, bytes] = {}
    listed: dict[str, Any] = {}
    cores: dict[str, Any] = {}
    for family in families:
        written = {"manifest": _manifest(family.name, family.cases), "arrays": pack_arrays(family.arrays)}
        own = {part: _file(files, family.name, written[part], suffix) for part, suffix in parts(family.name).items()}
        listed[family.name] = {"cases": len(family.cases)} | own
    for operation, (name, cases) in zip(OPERATIONS, core_files(families).items(), strict=True):
        cores[operation] = {"cases": len(cases)} | _file(files, name, _manifest(name, cases), "json")
    head = {"$schema": SCHEMA, "format": FORMAT, "version": VERSIONS[-1].number}
    return files | {INDEX: dump_json(head | {"families": listed, "cores": cores}).encode()}


def _manifest(name: str, cases: Sequence[Entry]) -> bytes:
    return dump_json({"$schema": SCHEMA, "format": FORMAT, "family": name, "cases": list(cases)}).encode()


def _file(files: dict[str, bytes], name: str, data: bytes, suffix: str) -> dict[str, str]:
    """Adds a file that is named by its digest, and gives what the index says of it."""
    digest = file_digest(data)
    file = file_name(name, digest, suffix)
    files[file] = data
    return {"file": file, "sha256": digest}


def write(directory: Path, families: Sequence[Family]) -> None:
    """Replace the set in `directory`, all at once. A failure (OSError) leaves the old set; so does any interruption."""
    files = contents(families)
    directory.mkdir(parents=True, exist_ok=True)
    with _alone_in(directory):
        try:
            for name, data in files.items():
                if name == INDEX:
                    _settle(directory)
                _place(directory / name, data)
            _settle(directory)
        finally:
            _sweep(directory)


def strays(directory: Path) -> list[str]:
    """The files of ours that the index does not name: what an interrupted regeneration left behind."""
    named = named_files(read_index(directory))
    return sorted(path.name for path in directory.iterdir() if _OURS.fullmatch(path.name) and path.name not in named)


def _place(path: Path, data: bytes) -> None:
    """A file that is there whole, or not at all; what an interruption left behind, or a link, is not written to."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    with new.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def _settle(directory: Path) -> None:
    """Force the renames so far to the disk."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sweep(directory: Path) -> None:
    """Remove what the index, whichever it is now, does not name. Without a whole index nothing is removed."""
    with suppress(FixtureError):
        _remove(directory / name for name in strays(directory))


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


@contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    """Wait until no other regeneration writes here. The lock is the directory's own, and dies with the process."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
