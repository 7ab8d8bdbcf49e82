"""Sizes mined from a subject's own source: its integer constants are where its branches are.

A constant is tried as an extent of every kind: less one, exact, plus one and doubled. Sources are Python, whose strings
may hold kernels, and the text of C, CUDA or Triton. A text is never executed.
"""

from __future__ import annotations

import ast
import os
import re
import stat
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product, zip_longest
from pathlib import Path

from conv_oracle.auditing.problems.extents import LONGEST_KERNEL, Request, contexts, roles, solve
from conv_oracle.errors import TargetError
from conv_oracle.operation import Operation
from conv_oracle.problem import Problem

LEAST, MOST = 2, 70_000
MOST_BYTES = 2_000_000
MOST_CONSTANTS = 400
ORDINARY = 512
"""Larger constants are tried last: they cost more, and are less often the size of a tile."""

_NUMBER = r"(?:0[xX][0-9a-fA-F](?:[_']?[0-9a-fA-F])*|0[bB][01](?:[_']?[01])*|\d(?:[_']?\d)*)(?:[uUlLzZ]{1,3})?"
_CONSTANT = re.compile(rf"(?<![\w.])({_NUMBER})(?![\w.])(?:\s*(<<|\*\*)\s*({_NUMBER})(?![\w.]))?")

_DEFINE = re.compile(r"^\s*#\s*define\s.*$", re.MULTILINE)


@dataclass(frozen=True)
class Mined:
    """The constants of a source, most revealing first, their problems, and how many of these are too large."""

    sizes: tuple[int, ...] = ()
    problems: tuple[Problem, ...] = ()
    dropped: int = 0


def own_source(name: str) -> bytes:
    """The bytes of the source file that a worker, which is not trusted, names.

    Empty where that is missing, no regular file, or larger than MOST_BYTES.
    """
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor
            status = os.fstat(descriptor)
            usual = stat.S_ISREG(status.st_mode) and status.st_size <= MOST_BYTES
            return file.read(status.st_size) if usual else b""
    except (OSError, ValueError):
        return b""


def source_texts(own: bytes, extra: Sequence[Path] = ()) -> tuple[str, ...]:
    """The text of the target's own file and of the extra ones. Raises TargetError for one that cannot be read."""
    for path in extra:
        if not path.is_file():
            raise TargetError(f"a source must be a regular file: source={str(path)!r}; a .py, .cu or .c file would fit")
        if (size := path.stat().st_size) > MOST_BYTES:
            raise TargetError(
                f"a source has at most {MOST_BYTES} bytes: source={str(path)!r} has {size}; "
                "the file of the kernel itself would fit"
            )
    try:
        return own.decode(errors="replace"), *(path.read_text(encoding="utf-8", errors="replace") for path in extra)
    except OSError as error:
        raise TargetError(
            f"a source must be readable: source={str(error.filename)!r} ({error.strerror}); a readable file would fit"
        ) from None


def constants(texts: Iterable[str]) -> tuple[int, ...]:
    """The integer constants from LEAST to MOST in the texts, the rare and medium-sized first."""
    found: Counter[int] = Counter()
    for text in texts:
        found.update(value for value in _of_text(text) if LEAST <= value <= MOST)
    return tuple(sorted(found, key=lambda value: (value <= 3, value > ORDINARY, found[value] > 3, -value)))


def mined(texts: Iterable[str], op: Operation, most: int | None = 300) -> Mined:
    """At most `most` problems whose extents are the constants of the texts, less one, exact, plus one and doubled."""
    return _mined(constants(texts)[:MOST_CONSTANTS], op, most)


@lru_cache
def _mined(sizes: tuple[int, ...], op: Operation, most: int | None) -> Mined:
    listed: dict[Problem, None] = {}
    dropped = 0
    streams = [_wanted(op, value, number) for number, value in enumerate(sizes)]
    for turn, wanted in enumerate(filter(None, (one for each in zip_longest(*streams) for one in each))):
        if most is not None and len(listed) >= most:
            break
        around = contexts(op)
        rotated = (*around[turn % len(around) :], *around[: turn % len(around)])
        found = next((p for context in rotated if (p := solve(op, Request(context, wanted))) is not None), None)
        if found is None:
            dropped += 1
        else:
            listed[found] = None
    return Mined(sizes, tuple(listed), dropped)


def _wanted(op: Operation, constant: int, turn: int) -> Iterator[tuple[tuple[str, int], ...]]:
    """The extents to try for a constant: every role with every value once, in an order that differs per constant."""
    every, values = roles(op), (constant, constant + 1, constant - 1, 2 * constant)
    for shift, index in product(range(len(values)), range(len(every))):
        role, value = every[(index + turn) % len(every)], values[(index + shift) % len(values)]
        if value > 1 and not (role.startswith("kernel") and value > LONGEST_KERNEL):
            yield ((role, value),)


def _of_text(text: str) -> Iterator[int]:
    """The constants of a Python module and of the texts in its strings; those of any other text by its words.

    A header of nothing but `#define` is a Python module too, one of comments.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        yield from _of_words(text)
        return
    yield from _of_words("\n".join(_DEFINE.findall(text)))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and type(node.value) is int:
            yield node.value
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from _of_words(node.value)
        elif isinstance(node, ast.Constant) and isinstance(node.value, bytes):
            yield from _of_words(node.value.decode(errors="replace"))
        elif isinstance(node, ast.BinOp) and (value := _folded(node)) is not None:
            yield value


def _folded(node: ast.expr) -> int | None:
    """The value of a shift, power or product of constants; None for what is not, or is not small."""
    if isinstance(node, ast.Constant):
        return node.value if type(node.value) is int and 0 <= node.value <= MOST else None
    if not isinstance(node, ast.BinOp):
        return None
    left, right = _folded(node.left), _folded(node.right)
    if left is None or right is None:
        return None
    if isinstance(node.op, ast.Mult):
        value = left * right
    elif isinstance(node.op, ast.LShift) and right <= 20:
        value = left << right
    elif isinstance(node.op, ast.Pow) and right <= 20:
        value = left**right
    else:
        return None
    return value if value <= MOST else None


def _of_words(text: str) -> Iterator[int]:
    for match in _CONSTANT.finditer(text):
        left, operator, right = match[1], match[2], match[3]
        base = _integer(left)
        yield base
        if operator is None:
            continue
        exponent = _integer(right)
        yield exponent
        if base <= MOST and exponent <= 20:
            yield base << exponent if operator == "<<" else base**exponent


def _integer(word: str) -> int:
    """A literal's value; what is too long to be a size counts as 0."""
    bare = word.replace("_", "").replace("'", "").rstrip("uUlLzZ").lower()
    base = {"0x": 16, "0b": 2}.get(bare[:2], 10)
    return int(bare, base) if len(bare) <= 20 else 0
