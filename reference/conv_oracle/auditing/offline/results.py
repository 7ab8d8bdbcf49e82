"""The answers of another machine, as its files have them: checked for form, and read when they are asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from conv_oracle.auditing.offline.arrays import ARRAYS, Stored, arrays_in, named_by_codes
from conv_oracle.auditing.offline.index import RESULTS
from conv_oracle.auditing.sandbox import Answer, Part
from conv_oracle.errors import TargetError

SAID = ("refused", "raised")
MOST_TEXT = 1000

_arrays = lru_cache(8)(arrays_in)


@dataclass(frozen=True)
class Results:
    """Where the answer to each call is. calls: of each problem, how many there are, and its dtype.

    files: by the name of an array, the file that has it. said: by problem, what was said in place of an answer.
    """

    calls: Mapping[str, tuple[int, str]]
    files: Mapping[str, Path]
    said: Mapping[str, Answer]

    @property
    def missing(self) -> list[str]:
        """The problems without an answer."""
        return [name for name in self.calls if not self._is_answered(name)]

    def answer(self, name: str, call: int) -> Answer | None:
        """The answer to a call; None where there is none."""
        if name in self.said:
            return self.said[name]
        if name in self.files:
            whole = _arrays(self.files[name])[name]
            size = len(whole.data) // self.calls[name][0]
            part = whole.data[call * size : (call + 1) * size]
            return self._returned(name, Stored(whole.dtype, whole.shape[1:], part))
        own = f"{name}.{call}"
        return self._returned(name, _arrays(self.files[own])[own]) if own in self.files else None

    def _returned(self, name: str, one: Stored) -> Answer:
        dtype = named_by_codes(one.dtype, self.calls[name][1])
        return Answer("returned", (Part(dtype, one.shape),), one.data)

    def _is_answered(self, name: str) -> bool:
        return name in self.said or name in self.files or f"{name}.0" in self.files


def read_results(directory: Path, calls: Mapping[str, tuple[int, str]]) -> Results:
    """The answers in an export's folder. calls: of each problem, how many there are, and its dtype.

    Raises TargetError for a file that is not whole, for an array or a remark of no problem, for a problem that has two
    answers, and for one that has not as many as calls.
    """
    files: dict[str, Path] = {}
    said: dict[str, Answer] = {}
    folder = directory / RESULTS
    known = sorted(folder.iterdir()) if folder.is_dir() else []
    _arrays.cache_clear()
    for file in known:
        if file.suffix == ".json":
            for name, answer in _said(file):
                _once(name, name in said, file, calls)
                said[name] = answer
        elif file.suffix in [one.suffix for one in ARRAYS.values()]:
            for name, one in _arrays(file).items():
                _once(name, name in files, file, calls)
                _fits(name, one, file, calls)
                files[name] = file
    for name in calls:
        parts = [call for call in range(calls[name][0]) if f"{name}.{call}" in files]
        if (name in files) + (name in said) + bool(parts) > 1:
            raise TargetError(f"a problem has one answer: id={name!r} has two; removing one would fit")
        if parts and len(parts) < calls[name][0]:
            raise TargetError(
                f"a problem has an answer to every call: id={name!r} has {len(parts)} of {calls[name][0]}; "
                "all of them, or none, would fit"
            )
    return Results(calls, files, said)


def _once(name: str, known: bool, file: Path, calls: Mapping[str, object]) -> None:
    if name not in calls and name.rpartition(".")[0] not in calls:
        raise TargetError(f"an answer has the id of a problem: file={str(file)!r} has {name!r}; p00000 would fit")
    if known:
        raise TargetError(
            f"a problem has one answer: file={str(file)!r} has another of {name!r}; one of them would fit"
        )


def _fits(name: str, one: Stored, file: Path, calls: Mapping[str, tuple[int, str]]) -> None:
    """Raises TargetError for an array that has not a result of every call."""
    if name in calls:
        wanted, found = calls[name][0], one.shape[0] if one.shape else 0
        if found != wanted:
            raise TargetError(
                f"results are stacked along a first axis, one per call: file={str(file)!r} has {found} of {name!r}; "
                f"{wanted} would fit"
            )
    elif not name.rpartition(".")[2].isdigit() or int(name.rpartition(".")[2]) >= calls[name.rpartition(".")[0]][0]:
        raise TargetError(f"calls are numbered from 0: file={str(file)!r} has {name!r}; the number of a call would fit")


def _said(file: Path) -> Iterator[tuple[str, Answer]]:
    """What a file says of problems that have no result. Raises TargetError for what is no such file."""
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        listed = [(name, *one.items()) for name, one in told.items()]
        for name, (how, why), *more in listed:
            if how not in SAID or more or not isinstance(why, str):
                raise ValueError(f"{name}: {how}")  # noqa: TRY301 - told in the same words as what JSON refuses
            yield name, _as_answer(how, " ".join(why.split())[:MOST_TEXT])
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise TargetError(
            f"what has no result is said in JSON: file={str(file)!r} is not so ({error}); "
            '{"p00012": {"refused": "why"}} would fit'
        ) from None


def _as_answer(how: str, why: str) -> Answer:
    if how == "refused":
        return Answer("raised", types=("NotImplementedError",), text=why)
    kind, colon, text = why.partition(": ")
    named = bool(colon) and kind.replace(".", "").isidentifier()
    return Answer("raised", types=(kind if named else "Exception",), text=text if named else why)
