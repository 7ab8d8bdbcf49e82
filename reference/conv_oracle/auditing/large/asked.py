"""Level large: every choice is asked, smaller where it is not answered, and what was seen becomes findings."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from conv_oracle.auditing.diagnosis import SUMMARIES, number
from conv_oracle.auditing.finding import Diagnosis, Evidence, Finding, Term
from conv_oracle.auditing.large.answers import Seen, Standing, compared, series_of
from conv_oracle.auditing.large.overflow import Overflow, explained
from conv_oracle.auditing.large.products import drawn
from conv_oracle.auditing.large.sizes import Choice, roles
from conv_oracle.auditing.operands import DTYPES
from conv_oracle.auditing.sandbox import Binding, Sandbox
from conv_oracle.auditing.verdict import Exercise
from conv_oracle.faults import CATALOGUE
from conv_oracle.problem import Problem

INDEX_OVERFLOW = CATALOGUE["index-overflow"]
UNNAMED: Mapping[str, str] = {
    "crashed": "crashes",
    "raised": "raises",
    "wrong-shape": "wrong-result-shape",
    "wrong-dtype": "wrong-result-dtype",
    "mutated-operand": "operand-changed",
    "not-an-array": "no-array-returned",
    "malformed": "protocol-corrupted",
}
"""The fault of a kind that no overflow explains."""

MOST_TERMS = 12
COUNTED: tuple[Standing, ...] = ("right", "wrong", "refused")


@dataclass(frozen=True)
class Asked:
    """All that was seen. planned: how many choices there were. narrowed: what was left out, and why."""

    seen: tuple[Seen, ...]
    planned: int
    calls: int
    truncated: str
    narrowed: tuple[str, ...]


def asked(
    sandbox: Sandbox,
    binding: Binding,
    choices: Sequence[Choice],
    *,
    bits: int,
    seed: int,
    refusals: Collection[str],
    end: float,
    progress: Callable[[Sequence[Seen], Problem], None],
    fail_fast: bool = False,
) -> Asked:
    """Ask every choice, until `end` on time.monotonic's clock.

    Where memory or time does not suffice, or the subject refuses, the next smaller problem of the choice is asked;
    where a call did not end, none that is as long. fail_fast: whether to end with the first wrong answer.
    """
    seen, narrowed, truncated, longest = list[Seen](), list[str](), "", float("inf")
    for turn, choice in enumerate(choices):
        if not choice.problems:
            narrowed.append(
                f"not tested: a large {choice.array}, as none that the subject takes fits: --memory may help"
            )
        for each, problem in enumerate(choice.problems):
            if time.monotonic() > end:
                truncated = f"the time of the level was over: {turn} of {len(choices)} were asked, --seconds may help"
                break
            if problem.multiply_adds >= longest:
                narrowed.append(f"not tested: {problem}, as a smaller one took too long")
                continue
            progress(seen, problem)
            made = drawn(problem, bits, np.random.default_rng([seed, turn, each]))
            answers = [answer for _, answer in sandbox.ask([(None, series_of(made, binding))])]
            sight = (
                compared(made, answers[0][-1], refusals) if answers else Seen(made, "unasked", text="no time was left")
            )
            seen.append(sight)
            if sight.standing in ("right", "wrong"):
                break
            if sight.text.startswith("no answer within"):
                longest = min(longest, problem.multiply_adds)
            what = "refused" if sight.standing == "refused" else "not tested"
            narrowed.append(f"{what}: {problem}: {sight.text}")
        if fail_fast and seen and seen[-1].standing == "wrong":
            truncated = f"stopped after the first wrong answer: {turn + 1} of {len(choices)} were asked"
        if truncated:
            break
    return Asked(tuple(seen), len(choices), len(seen), truncated, tuple(narrowed))


WORKSPACE = "workspace"


def overflown(problem: Problem, bits: int) -> Iterator[tuple[str, str]]:
    """The arrays of a problem that an index is too short for: the name of each, and the most that it is beyond.

    The workspace, which a subject need not have, is one of them.
    """
    own, size = roles(problem), DTYPES[problem.dtype].itemsize
    units = {"elements": 1, "bytes": size} if size > 1 else {"elements": 1}
    for role in ("x", "w", "y", "ko"):
        for unit, length in ((unit, own.sizes[role] * each) for unit, each in units.items()):
            if beyond := [b for b in (bits, bits + 1) if length > 1 << b]:
                yield own.names[role], f"over 2^{beyond[-1]} {unit}"


def exercised(seen: Sequence[Seen], bits: int) -> tuple[Exercise, ...]:
    """Per array, and per 2^31 or 2^32 elements or bytes that it was beyond, how many were right, wrong and refused."""
    tally: dict[tuple[str, str], list[int]] = {}
    for one in seen:
        for at in overflown(one.problem, bits) if one.standing in COUNTED else ():
            tally.setdefault(at, [0, 0, 0])[COUNTED.index(one.standing)] += 1
    return tuple(
        Exercise(parameter=name, value=value, compared=right, failed=wrong, refused=refused)
        for (name, value), (right, wrong, refused) in sorted(tally.items())
    )


def findings_of(seen: Sequence[Seen], binding: Binding, function: str, bits: int) -> tuple[Finding, ...]:
    """One finding per index that overflows, and per kind of what no overflow explains, each on its smallest problem."""
    wrong = [one for one in seen if one.standing == "wrong"]
    causes = {id(one): explained(one, seen, bits) for one in wrong}
    found = list[Finding]()
    while wrong:
        votes = Counter(cause for one in wrong for cause in causes[id(one)])
        cause = votes.most_common(1)[0][0] if votes else None
        group = [one for one in wrong if _belongs(one, causes[id(one)], cause, str(wrong[0].kind))]
        found.append(_finding(group, cause, len(seen), binding, function))
        wrong = [one for one in wrong if not any(one is other for other in group)]
    return tuple(found)


def _belongs(one: Seen, causes: Sequence[Overflow], cause: Overflow | None, kind: str) -> bool:
    """Whether a wrong answer is told with a cause: it explains it, or nothing does and that index overflows as well."""
    if cause is None:
        return one.kind == kind
    overflows = roles(one.problem).sizes[cause.role] > cause.threshold(one.problem.dtype)
    return cause in causes or (not causes and one.kind == "wrong-value" and overflows)


def _finding(group: Sequence[Seen], overflow: Overflow | None, count: int, binding: Binding, function: str) -> Finding:
    one = min(group, key=lambda each: sum(roles(each.problem).sizes[role] for role in "xwy"))
    kind = one.kind or "wrong-value"
    fault = INDEX_OVERFLOW if overflow else CATALOGUE.get(UNNAMED.get(kind, ""))
    said = Diagnosis.of_fault(fault) if fault else None
    if said and overflow:
        said = replace(said, title=f"{said.title}: {overflow.said(one)}")
    return Finding(
        kind=kind,
        problem=one.problem,
        summary=SUMMARIES[kind],
        condition=overflow.condition(one) if overflow else "on operands of which most is zero",
        problems=len(group),
        asked=count,
        evidence=_evidence(one, overflow, binding, function),
        fault=fault.slug if fault else None,
        diagnosis=said,
    )


def _evidence(one: Seen, overflow: Overflow | None, binding: Binding, function: str) -> Evidence:
    """The first wrong element that should not be zero, else the first, with the products that it is made of."""
    call, own = binding.written(one.problem, function), roles(one.problem)
    if not len(one.wrong):
        return Evidence(call=call, text=one.text)
    first = int(np.argmax(one.expected != 0))
    at, result = int(one.wrong[first]), one.drawn.result
    terms = tuple(_terms(one, at))
    return Evidence(
        call=call,
        text=f"{one.text}; {_offsets(one, at, overflow)}",
        index=_index(own.shapes[result], at, one.problem),
        got=number(one.got[first]),
        expected=number(one.expected[first]),
        terms=terms[:MOST_TERMS],
        differing=one.differing,
        outputs=own.sizes[result],
        part=own.names[result],
    )


def _offsets(one: Seen, at: int, overflow: Overflow | None) -> str:
    """Where the element lies in C order, and how far its products reach into the array whose index overflows."""
    own = roles(one.problem)
    said = f"the first of them is element {at:,} of {own.names[one.drawn.result]}"
    if overflow is None or overflow.role == one.drawn.result:
        return said
    offsets = one.drawn.products.offsets
    furthest = int(offsets[overflow.role][offsets[one.drawn.result] == at].max())
    return f"{said}, made of element {furthest:,} of the {overflow.name(one)}"


def _terms(one: Seen, at: int) -> Iterator[Term]:
    """The products of nonzero elements whose sum is an element of the result."""
    own, products = roles(one.problem), one.drawn.products
    (left, a), (right, b) = one.drawn.given.items()
    for which in np.flatnonzero(products.offsets[one.drawn.result] == at).tolist():
        i, j = int(products.offsets[left][which]), int(products.offsets[right][which])
        yield Term(
            left=own.names[left],
            left_index=_index(own.shapes[left], i, one.problem),
            left_value=str(a.values[np.searchsorted(a.offsets, i)]),
            right=own.names[right],
            right_index=_index(own.shapes[right], j, one.problem),
            right_value=str(b.values[np.searchsorted(b.offsets, j)]),
        )


def _index(shape: tuple[int, ...], at: int, problem: Problem) -> tuple[int, ...]:
    index = tuple(int(i) for i in np.unravel_index(at, shape))
    return index if problem.batched else index[1:]
