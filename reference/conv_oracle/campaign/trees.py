"""The tree of a target: the files that its answers can hang on.

Of a file: itself, what lies beside it under a name that its bytes mention, and so on from there: the modules that it
imports, the headers that it includes, the arrays that it opens by name. Where a Python file could open others by a name
that it computes (it has one of the words of REACHING), all that lies in its directory and below.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from conv_oracle.errors import CampaignError

REACHING = frozenset(
    b"""open exec __import__ importlib import_module runpy pkgutil zipimport glob rglob iglob listdir scandir iterdir
    walk __file__ __path__ getcwd chdir path Path pathlib ctypes cffi CDLL dlopen subprocess Popen system popen load
    load_module load_library loadtxt genfromtxt fromfile memmap find_spec""".split()
)
"""Words of a Python file that may open others, by names that stand nowhere."""

WORD = re.compile(rb"\w[\w\-]*(?:\.\w[\w\-]*)*")
LEFT_OUT = ("__pycache__",)
MOST_FILES, MOST_BYTES = 20_000, 4 << 30
BLOCK = 1 << 20


def tree_of(file: Path, besides: frozenset[Path] = frozenset()) -> list[Path]:
    """The files of a file's tree, sorted. besides: what belongs to none. Raises CampaignError where it is too large."""
    found, waiting = set[Path](), [file]
    while waiting:
        path = waiting.pop()
        if path in found or path in besides:
            continue
        found.add(path)
        words = words_of(path)
        if path.suffix == ".py" and words & REACHING:
            return sorted({*found, *below(file.parent, besides), *below(path.parent, besides)})
        for folder in {path.parent, file.parent}:
            for one in _entries(folder):
                if {os.fsencode(one.name), os.fsencode(one.name.partition(".")[0])} & words:
                    waiting += below(one, besides) if one.is_dir() else [one]
    _bounded(file, found)
    return sorted(found)


def words_of(path: Path) -> set[bytes]:
    """The words of a file, dotted ones whole and in parts; none of one that cannot be read."""
    try:
        dotted = set(WORD.findall(path.read_bytes()))
    except OSError:
        return set()
    return dotted | {part for one in dotted if b"." in one for part in one.split(b".")}


def below(folder: Path, besides: frozenset[Path] = frozenset()) -> list[Path]:
    """Every file in a folder and below, but for hidden ones and caches. Raises CampaignError if too many."""
    found, waiting, seen = list[Path](), [folder], set[Path]()
    while waiting:
        at = waiting.pop()
        real = at.resolve()
        if real in seen:
            continue
        seen.add(real)
        for one in _entries(at):
            if one.is_dir():
                waiting.append(one)
            elif one not in besides:
                found.append(one)
        _bounded(folder, found)
    return found


def content(root: Path, files: Iterable[Path]) -> str:
    """A digest of files: of their names from a folder, and of all their bytes. Raises CampaignError if too large."""
    whole, size = hashlib.sha256(), 0
    for path in files:
        one = hashlib.sha256()
        for block in _blocks(path):
            size += len(block)
            one.update(block)
            if size > MOST_BYTES:
                raise _too_large(root, f"more than {MOST_BYTES >> 30} GiB")
        whole.update(f"{os.path.relpath(path, root)}\0{one.hexdigest()}\n".encode(errors="surrogateescape"))
    return whole.hexdigest()


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(one for one in folder.iterdir() if not one.name.startswith(".") and one.name not in LEFT_OUT)
    except OSError:
        return []


def _blocks(path: Path) -> Iterator[bytes]:
    """The bytes of a file; of what cannot be read, or is a device or a pipe, its sort alone."""
    if not path.is_file():
        yield b"no file"
        return
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                yield block
    except OSError as error:
        yield f"cannot be read: {error.errno}".encode()


def _bounded(file: Path, found: Iterable[Path]) -> None:
    if len(count := [*found]) > MOST_FILES:
        raise _too_large(file, f"{len(count):,} files")


def _too_large(root: Path, what: str) -> CampaignError:
    return CampaignError(
        f"a target's tree has at most {MOST_FILES:,} files and {MOST_BYTES >> 30} GiB, so that a verdict is kept by "
        f"content: root={str(root)!r} has {what}; a directory of its own would fit"
    )
