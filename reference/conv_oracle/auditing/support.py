"""What a verdict of 'conforms' needs, and how problems on edges were answered: both from the ledgers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from conv_oracle.auditing.diagnosis import learned, traits
from conv_oracle.auditing.finding import Finding
from conv_oracle.auditing.judging import Ledger
from conv_oracle.auditing.problems import EDGES, Edge, edge_of
from conv_oracle.auditing.verdict import Edges, Essential, Scope, Status
from conv_oracle.problem import Problem

MOST_EXCUSED = 0.5
"""At most this share of the essential problems may be refused: the rest says little of a subject that refuses more."""

MORE_TIME = 1.5
"""The margin on the seconds that a longer audit would take."""


def essential_of(ledger: Ledger, essential: Sequence[Problem], seconds: float) -> Essential:
    """How the essential problems were answered. seconds: how long the audit's asking took."""
    plain = ledger.plain()
    right = [problem for problem in essential if problem in plain and plain[problem].judgement.right]
    refused = [p for p in essential if p in plain and plain[p].judgement.standing == "refused"]
    excused = refused if _is_consistent(ledger, refused) and len(refused) <= MOST_EXCUSED * len(essential) else []
    missing = [problem for problem in essential if problem not in right and problem not in excused]
    unasked = [problem for problem in missing if problem not in plain]
    return Essential(
        planned=len(essential),
        right=len(right),
        excused=len(excused),
        missing=tuple(map(str, missing)),
        help=_help(ledger, len(essential), refused, unasked, seconds) if missing else "",
        wrong=tuple(str(problem) for problem in missing if problem in plain and plain[problem].judgement.wrong),
        unasked=len(unasked),
    )


def otherwise(found: Sequence[Finding], scope: Scope) -> Status:
    """What the verdict is where every finding is ignored.

    Essential problems that were answered wrongly are excused: all of them where the faults explain every wrong answer
    bit for bit, as these were compared with a convolution too; else, together with those refused, up to half.
    """
    explained = _explained(found)
    needed = scope.essential
    if scope.harness or not (scope.discriminating or explained):
        return "no-verdict"
    if needed is None:
        return "conforms"
    few = len(needed.wrong) + needed.excused <= MOST_EXCUSED * needed.planned
    return "conforms" if len(needed.wrong) == len(needed.missing) and (few or explained) else "no-verdict"


def _explained(found: Sequence[Finding]) -> bool:
    """Whether the faults that were found explain every wrong answer that was kept, bit for bit."""
    told = [one.diagnosis for one in found if one.diagnosis and one.diagnosis.explained]
    return 0 < len(found) == len(told) and sum(one.explained for one in told) >= max(one.of for one in told)


def _is_consistent(ledger: Ledger, refused: Sequence[Problem]) -> bool:
    """Whether what is refused is of sorts that are refused every time.

    A sort is a trait that no answered problem has; or a condition that singles out the problems with the same message.
    """
    plain = ledger.plain()
    passing = [problem for problem, record in plain.items() if record.judgement.right]
    answered = frozenset[str]().union(*map(traits, passing))
    others: dict[str, list[Problem]] = {}
    for problem in refused:
        if not traits(problem) - answered:
            others.setdefault(plain[problem].judgement.text, []).append(problem)
    return bool(passing) and all(learned(group, passing)[1] == 0 for group in others.values())


def _help(
    ledger: Ledger,
    planned: int,
    refused: Sequence[Problem],
    unasked: Sequence[Problem],
    seconds: float,
) -> str:
    """How to get an answer to the essential problems that are missing."""
    if unasked:
        asked = max(1, planned - len(unasked))
        wanted = math.ceil(max(seconds, 1.0) * planned / asked * MORE_TIME)
        return f"{len(unasked)} were not asked in time: --seconds {wanted} would fit"
    if refused:
        answered = next((problem for problem, record in ledger.plain().items() if record.judgement.right), None)
        of = f" --fix '{_layer(answered)}' audits one layer" if answered else " --fix audits one layer"
        return f"{len(refused)} were refused:{of}, or another audit what else is supported"
    return "they were not answered rightly every time"


def _layer(problem: Problem) -> str:
    """A problem's notation without operation, input and dtype: what --fix takes."""
    return " ".join(str(problem).split()[2:-1])


def edges_of(ledger: Ledger, invalid: Mapping[tuple[bool, bool], int]) -> Iterator[Edges]:
    """How the problems on each edge were answered.

    invalid: of the problems that must be refused, how many there were, by (without an output, not refused).
    """
    counts: dict[Edge, Counter[str]] = {}
    first: dict[Edge, str] = {}
    for (problem, _), record in ledger.records.items():
        edge, judgement = edge_of(problem), record.judgement
        if edge is None:
            continue
        raised = judgement.kind == "raised" or judgement.standing == "refused"
        standing = "handled" if judgement.right else "refused" if raised else "wrong"
        counts.setdefault(edge, Counter())[standing] += 1
        if standing != "handled":
            first.setdefault(edge, judgement.text or (judgement.kind or "").replace("-", " "))
    for (without, accepted), count in invalid.items():
        edge = EDGES[-2] if without else EDGES[-1]
        counts.setdefault(edge, Counter())["wrong" if accepted else "handled"] += count
    for edge in EDGES:
        if own := counts.get(edge):
            yield Edges(
                edge=edge,
                handled=own["handled"],
                refused=own["refused"],
                wrong=own["wrong"],
                said=first.get(edge, ""),
            )
