"""The grading: the answers of another machine, judged as an audit judges those of a process."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from conv_oracle.auditing.afterwards import ask_invalid
from conv_oracle.auditing.course import Course, Progress
from conv_oracle.auditing.diagnosis import withdraw_unsupported
from conv_oracle.auditing.judging import Ask, Ledger
from conv_oracle.auditing.offline.arrays import Stored, arrays_in
from conv_oracle.auditing.offline.choices import Choices
from conv_oracle.auditing.offline.index import INDEX, entry, read_index, stored_operands
from conv_oracle.auditing.offline.questions import Questions, questions
from conv_oracle.auditing.offline.recorded import call_key
from conv_oracle.auditing.offline.results import Results, read_results
from conv_oracle.auditing.run import UNWATCHED, Asked, concluded
from conv_oracle.auditing.sandbox import Answer
from conv_oracle.auditing.verdict import Verdict
from conv_oracle.errors import TargetError
from conv_oracle.problem import Problem
from conv_oracle.version import __version__


@dataclass
class _Record:
    """What was asked, as the export is checked, and answered.

    calls: of each problem, how many there are, and its dtype. places: by the key of a call, its problem and number.
    plain: the names of the problems of the level and its edges. coded: of the questions that probe them. refused: of
    those that must be refused.
    """

    calls: dict[str, tuple[int, str]] = field(default_factory=dict)
    places: dict[bytes, tuple[str, int]] = field(default_factory=dict)
    plain: dict[Problem, str] = field(default_factory=dict)
    coded: dict[Problem, str] = field(default_factory=dict)
    refused: dict[Problem, str] = field(default_factory=dict)
    results: Results | None = None

    def answer(self, key: bytes) -> Answer | None:
        """The answer to a call; None where it was not asked, or not answered."""
        return self.results.answer(*self.places[key]) if self.results and key in self.places else None

    def answered(self, listed: Iterable[Problem], names: Mapping[Problem, str]) -> list[Problem]:
        """Those problems that have an answer, by their names."""
        missing = {*self.missing, None}
        return [problem for problem in listed if names.get(problem) not in missing]

    @property
    def missing(self) -> list[str]:
        """The names of the problems without an answer."""
        return self.results.missing if self.results else [*self.calls]


def grade(directory: Path, *, progress: Callable[[Progress], None] | None = None) -> Verdict:
    """Judge the answers in the folder of an export: the verdict of an audit, within what was recorded.

    Operands and right results are computed anew, from the choices of the export.
    Raises TargetError for a folder that is no whole export, for operands or an index that were changed, and for files
    of results that are not whole. Where answers are missing, nothing conforms.
    """
    started = time.monotonic()
    choices, index = read_index(directory)
    if index.get("whole") is not True:
        raise TargetError(
            f"an export must be whole: directory={str(directory)!r} is not; the same conv-oracle export again would fit"
        )
    record = _Record()
    asked = questions(choices, directory, record.answer)
    for done, (name, ask) in enumerate(_checked(directory, asked, index, choices), 1):
        _note(record, asked, name, ask)
        if progress and done % 32 == 0:
            progress(Progress(done=done, planned=max(len(asked), done), failed=0, refused=0, asking=str(ask.problem)))
    record.results = read_results(directory, record.calls)
    course, after = _judged(asked, record, progress)
    verdict = concluded(asked.options, course, asked.met, asked.plan, after, started)
    return _told(replace(verdict, recorded=str(directory)), record)


def _note(record: _Record, asked: Questions, name: str, ask: Ask) -> None:
    """Note a question, and the keys of its calls."""
    series, problem = asked.session.series(ask), ask.problem
    for call in range(len(ask.draws)):
        record.places.setdefault(call_key(series, call), (name, call))
    record.calls[name] = len(ask.draws), problem.dtype
    known = record.plain if problem in asked.session.asking.vectors else record.refused
    (known if ask.circumstance.plain else record.coded).setdefault(problem, name)


def _checked(
    directory: Path, asked: Questions, index: Mapping[str, Any], choices: Choices
) -> Iterator[tuple[str, Ask]]:
    """The questions by name; of each, the index and the files of its operands are checked.

    Raises TargetError where one was changed. Files of operands that are not there any more are not needed.
    """
    told = index.get("problems")
    known = told if isinstance(told, list) else []
    count = 0
    for chunk, listed in asked.chunks():
        files: dict[Path, dict[str, Stored]] = {}
        for name, ask in listed:
            arrays = stored_operands(name, ask)
            right = entry(name, chunk, ask, arrays, choices)
            if known[count : count + 1] != [right]:
                raise _changed(directory / INDEX, name, index)
            for array, one in arrays.items():
                file = directory / right["operands"][array.partition(".")[2]]["file"]
                if file not in files:
                    files[file] = arrays_in(file) if file.exists() else {}
                found = files[file].get(array)
                if files[file] and (found is None or (found.shape, found.data) != (one.shape, one.data)):
                    raise _changed(file, name, index)
            count += 1
            yield name, ask
    if count != len(known):
        raise _changed(directory / INDEX, f"p{count:05}", index)


def _changed(file: Path, name: str, index: Mapping[str, Any]) -> TargetError:
    made = index.get("version")
    other = "" if made == __version__ else f"; it was made by version {made}, and this is {__version__}"
    return TargetError(
        f"what is graded is what was exported: file={str(file)!r} was changed at {name!r}{other}; "
        "the file of the export would fit"
    )


def _judged(asked: Questions, record: _Record, progress: Callable[[Progress], None] | None) -> tuple[Course, Asked]:
    """The answers to the level, to probes, to what must be refused, and to edges, each as an audit notes it."""
    began, session, plan = time.monotonic(), asked.session, asked.plan
    course = Course(session, math.inf, progress)
    course.ask_all(record.answered(plan.planned, record.plain))
    course.note_all(map(session.asking.coded, record.answered(asked.coded, record.coded)))
    seconds = time.monotonic() - began
    withdraw_unsupported(session)
    without, contradictory = (record.answered(listed, record.refused) for listed in asked.refused)
    warnings = ask_invalid(course, without, contradictory, asked.options.dtypes[0], strict=False)
    known = {at: one for at, one in session.ledger.records.items() if one.judgement.right}
    apart = Ledger(session.level, records=known, inexact=session.ledger.inexact, formats=dict(session.ledger.formats))
    edges = Course(replace(session, ledger=apart, planned=plan.edges), math.inf, progress, briefly=True)
    edges.ask_all(record.answered(plan.edges, record.plain))
    return course, Asked(warnings, edges, seconds, {})


def _told(verdict: Verdict, record: _Record) -> Verdict:
    """The verdict with the calls that were answered, and what is missing; without what is said of processes alone."""
    scope, needed, missing = verdict.scope, verdict.scope.essential, {*record.missing}
    calls = sum(count for name, (count, _) in record.calls.items() if name not in missing)
    notes = tuple(one.replace("as time ran out", "as answers to it are missing") for one in scope.notes)
    narrowed = tuple(one for one in scope.narrowed if one != UNWATCHED)
    scope = replace(scope, calls=calls, notes=notes, narrowed=narrowed)
    if not missing:
        return replace(verdict, scope=scope)
    said = f"{len(missing):,} of {len(record.calls):,} problems have no answer yet"
    if needed and needed.missing:
        needed = replace(needed, help=said)
    scope = replace(scope, truncated=said, essential=needed)
    return replace(verdict, scope=scope, verdict="no-verdict" if verdict.verdict == "conforms" else verdict.verdict)
