"""A baseline: the findings that were known on a day, in a file, so that only new ones decide."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from conv_oracle.accepting.names import check_name
from conv_oracle.auditing import Finding, Verdict
from conv_oracle.errors import TargetError

FORMAT = 1
REASON = "known when the baseline was written"


@dataclass(frozen=True, kw_only=True)
class Known:
    """A finding that is known.

    target: as it is named from the folder of the file. op: the operation. fault: its name, or its kind. condition: what
    the report says of where it is seen; '' for anywhere. reason: why it is accepted.
    """

    target: str
    op: str
    fault: str
    condition: str = ""
    reason: str

    def is_of(self, verdict: Verdict, folder: Path) -> bool:
        """Whether it is one of the subject and operation of an audit."""
        return (self.target, self.op) == (_from(folder, verdict), verdict.options.op.name)

    def is_same(self, finding: Finding) -> bool:
        """Whether it is this finding, of the same subject and operation."""
        return self.fault == finding.name and self.condition in ("", finding.condition)

    @property
    def said(self) -> str:
        """It, in words."""
        return f"{self.fault} of {self.target} as {self.op}" + (f" ({self.condition})" if self.condition else "")


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """The findings that are known, and the folder from which their targets are named."""

    folder: Path = field(default_factory=Path)
    known: tuple[Known, ...] = ()

    def of(self, verdict: Verdict) -> tuple[Known, ...]:
        """Those of the subject and operation of an audit."""
        return tuple(one for one in self.known if one.is_of(verdict, self.folder))


def read_baseline(file: Path) -> Baseline:
    """A baseline, of a JSON file or a TOML file. Raises TargetError for a file that is none."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise TargetError(f"a baseline is a file that can be read: file={str(file)!r} ({why})") from None
    try:
        told = tomllib.loads(text) if file.suffix == ".toml" else json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TargetError(f"a baseline is JSON, or TOML in a .toml file: file={str(file)!r} ({error})") from None
    listed = told.get("findings") if isinstance(told, dict) and told.get("baseline") == FORMAT else None
    if not isinstance(listed, list):
        raise TargetError(
            f"a baseline has format {FORMAT} and a list of findings: file={str(file)!r}; what --write-baseline writes "
            "would fit"
        )
    return Baseline(folder=file.parent, known=tuple(_known(file, number, one) for number, one in enumerate(listed, 1)))


def baseline_text(verdict: Verdict, before: Baseline) -> str:
    """The baseline after an audit, as JSON: its findings, the reasons that were written, and those of other subjects.

    before: what the file held, and its folder.
    """
    own = before.of(verdict)
    found = [*verdict.findings, *(one.finding for one in verdict.ignored)]
    others = [one for one in before.known if one not in own]
    new = [_of(finding, verdict, before.folder, own) for finding in found]
    listed = sorted({*others, *new}, key=lambda one: (one.target, one.op, one.fault, one.condition))
    return json.dumps({"baseline": FORMAT, "findings": [asdict(one) for one in listed]}, indent=2) + "\n"


def _of(finding: Finding, verdict: Verdict, folder: Path, own: Sequence[Known]) -> Known:
    """A finding as it is written: as it was, if it was known."""
    made = Known(
        target=_from(folder, verdict),
        op=verdict.options.op.name,
        fault=finding.name,
        condition=finding.condition,
        reason=REASON,
    )
    return next((one for one in own if one.is_same(finding)), made)


def _known(file: Path, number: int, told: Any) -> Known:
    """An entry of a file. Raises TargetError where it lacks something, or has what is not known."""
    names = [one.name for one in fields(Known)]
    entry = {"condition": "", **told} if isinstance(told, dict) else {}
    if sorted(entry) != sorted(names) or not all(isinstance(value, str) for value in entry.values()):
        raise TargetError(
            f"a finding of a baseline has the texts {', '.join(names)}: finding {number} of file={str(file)!r} has "
            f"{', '.join(told) if isinstance(told, dict) else told!r}"
        )
    check_name(f"finding {number} of {file}", entry["fault"])
    if not entry["reason"].strip():
        raise TargetError(f"a finding of a baseline has a reason: finding {number} of file={str(file)!r} has none")
    return Known(**entry)


def _from(folder: Path, verdict: Verdict) -> str:
    """The target, its file as named from a folder."""
    target = verdict.options.target
    where, colon, name = target.rpartition(":")
    path = where if colon else name
    if verdict.options.command or not Path(path).is_file():
        return target
    relative = Path(os.path.relpath(Path(path).absolute(), folder.absolute())).as_posix()
    return f"{relative}{colon}{name}" if colon else relative
