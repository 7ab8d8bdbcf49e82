"""The jobs of a campaign: a file with one JSON object a line, read whole and checked before anything runs."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NoReturn

from conv_oracle.auditing import AuditOptions
from conv_oracle.errors import CampaignError, NotationError, TargetError
from conv_oracle.problem import parse

OPTIONS = tuple(one.name for one in fields(AuditOptions) if one.name != "limits")
"""What a job may say of its audit, by AuditOptions' names; `id` is its own."""

PATHS = ("layers", "python")
"""Options that are paths, besides the target's file and those of `source`."""


@dataclass(frozen=True)
class Job:
    """One audit that is to be made.

    id: unique in its file; by default what is audited, numbered where it comes again. line: from 1. options: by
    AuditOptions' names, in JSON's types, with absolute paths.
    """

    id: str
    line: int
    options: Mapping[str, Any]

    @property
    def subject(self) -> str:
        """What is audited: the target, or the command."""
        return str(self.options.get("target") or self.options.get("command"))


def read_jobs(file: Path, *, fail_fast: bool = False) -> list[Job]:
    """The jobs of a file. fail_fast: what holds for a job that does not say it.

    An audit of a campaign has one worker (jobs=1), unless its line says another number: the campaign runs several
    audits at once. Raises CampaignError for a file that cannot be read, and for the first line that is none.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise CampaignError(
            f"a campaign reads a file with one JSON object a line: file={str(file)!r} ({said})"
        ) from None
    jobs, seen = list[Job](), Counter[str]()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        job = _job(line, number, file, seen, {"jobs": 1, "fail_fast": fail_fast})
        seen[job.id] += 1
        jobs.append(job)
    if not jobs:
        raise CampaignError(
            f'a campaign has at least one job: file={str(file)!r}; {{"target": "f.py:conv2d"}} would fit'
        )
    return jobs


def asked(options: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `audit` that a job's options are. Raises TargetError and NotationError."""
    only = options.get("only", [])
    if not isinstance(only, list) or not all(isinstance(one, str) for one in only):
        raise TargetError(
            f"only is a list of problems in their notation: only={only!r}; ['conv1d x1x1x5 w1x1x2'] would fit"
        )
    return {**options, "only": [parse(one) for one in only]}


def _job(line: str, number: int, file: Path, seen: Counter[str], default: Mapping[str, Any]) -> Job:
    def refuse(said: str) -> NoReturn:
        raise CampaignError(f"line {number} of {file.name}: {said}")

    try:
        told = json.loads(line, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        refuse(f'a job is one JSON object: {error}; {{"target": "f.py:conv2d"}} would fit')
    if not isinstance(told, dict):
        refuse(f'a job is one JSON object: job={line.strip()[:40]!r}; {{"target": "f.py:conv2d"}} would fit')
    for name in told:
        if name not in (*OPTIONS, "id"):
            near = difflib.get_close_matches(name, [*OPTIONS, "id"], 1, 0.0)[0]
            refuse(f"a job takes the options of an audit: {name}={told[name]!r}; {near} would fit")
    chosen = told.pop("id", None)
    if chosen is not None and (not isinstance(chosen, str) or not chosen):
        refuse(f"an id is a text: id={chosen!r}; 'first' would fit")
    try:
        AuditOptions(**asked({**default, **told}))
        options = {**default, **_absolute(told)}
    except (TargetError, NotationError) as error:
        refuse(str(error))
    except OSError as error:
        refuse(f"a path must be one that can be looked at ({error.strerror}); a shorter one would fit")
    if chosen is None:
        subject = str(told.get("target") or told.get("command"))
        chosen = _numbered(subject, seen)
    if seen[chosen]:
        refuse(f"an id is given once: id={chosen!r}; {_numbered(chosen, seen)!r} would fit")
    return Job(chosen, number, options)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; a name that comes twice is an error, not the last one's."""
    twice = [name for name, count in Counter(name for name, _ in pairs).items() if count > 1]
    if twice:
        raise ValueError(f"{twice[0]!r} is said twice")
    return dict(pairs)


def _numbered(name: str, seen: Counter[str]) -> str:
    """The name, or 'name (2)' and so on where it is taken."""
    number, free = 1, name
    while seen[free]:
        number += 1
        free = f"{name} ({number})"
    return free


def _absolute(told: Mapping[str, Any]) -> dict[str, Any]:
    """The options with absolute paths: a worker may run in another directory."""
    made = dict(told)
    where, colon, name = str(told.get("target", "")).rpartition(":")
    if colon and Path(where).is_file():
        made["target"] = f"{Path(where).absolute()}:{name}"
    elif "target" in told and Path(told["target"]).is_file():
        made["target"] = str(Path(told["target"]).absolute())
    for option in PATHS:
        path, colon, name = str(told.get(option, "") or "").partition(":")
        if path and Path(path).is_file():
            made[option] = f"{Path(path).absolute()}{colon}{name}"
    if "source" in told:
        made["source"] = [str(Path(one).absolute()) for one in told["source"]]
    return made
