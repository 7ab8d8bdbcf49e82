"""The elements that coded probes see a subject read, where the formula reads others: as text and as a picture."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from conv_oracle.auditing.diagnosis import relations
from conv_oracle.auditing.diagnosis.diagnosing import Diagnosed
from conv_oracle.auditing.diagnosis.explaining import shows
from conv_oracle.auditing.diagnosis.picturing import index_map
from conv_oracle.auditing.finding import IndexMap
from conv_oracle.auditing.judging import Observation, Session
from conv_oracle.auditing.operands import coded
from conv_oracle.passes import Array
from conv_oracle.problem import Problem

MOST_CODED_PROBES, LARGEST_READ = 64, 200_000
"""Problems with more probes, or multiply-adds, are not read: a layer at its real size takes minutes."""

MOST_READS, MOST_TOLD = 6, 3


def read(session: Session, problem: Problem, one: Diagnosed) -> tuple[tuple[str, ...], IndexMap | None]:
    """(statements, an element's map) where coded probes see the subject read other elements than the formula does.

    First the relation per axis, on a small demonstration or the most revealing of the failing problems; then single
    reads on `problem`, the smallest. one: the diagnosis.
    """
    said: list[str] = []
    drawn: IndexMap | None = None
    for revealing in islice(_revealing(problem, one), MOST_TOLD):
        if not said and (told := _coded_answers(session, revealing)) is not None:
            said, drawn = relations.said(revealing, *told), index_map(revealing, *told)
    if _is_readable(problem) and (told := _coded_answers(session, problem)) is not None:
        most = 1 if said else MOST_READS
        said += map(str, islice(coded.departures(problem, *told), most))
        drawn = drawn or index_map(problem, *told)
    return tuple(said), drawn


def _revealing(problem: Problem, one: Diagnosed) -> Iterator[Problem]:
    """Problems that may show a relation, the clearest first."""
    if one.cause is not None:
        known = relations.demonstrations(problem.operation, problem.dtype)
        yield from (demo for demo in known if one.condition.holds(demo) and shows(one.cause.edit, demo))
    failing = filter(_is_readable, one.failing)
    yield from sorted(failing, key=lambda p: (-relations.revealed(p), p.multiply_adds))


def _is_readable(problem: Problem) -> bool:
    return 0 < problem.multiply_adds <= LARGEST_READ and coded.count(problem) <= MOST_CODED_PROBES


def _coded_answers(session: Session, problem: Problem) -> tuple[list[coded.Probe], list[Array]] | None:
    """Coded probes and the subject's answers; None where not all answers are arrays."""
    if session.binding.refuses(problem) is not None:
        return None
    probes, answers = coded.probes(problem), list[Array]()
    for ask, judgements in session.asked([session.asking.coded(problem)]):
        for step, judgement in enumerate(judgements):
            if judgement.standing == "right":
                answers.append(Observation(ask, step, judgement).truth)
            elif judgement.got is not None and judgement.kind == "wrong-value":
                answers.append(judgement.got)
    return (probes, answers) if len(answers) == len(probes) else None
