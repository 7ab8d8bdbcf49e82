"""The scope of a verdict, from what was compared."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from conv_oracle.auditing.judging import Ledger
from conv_oracle.auditing.level import Level
from conv_oracle.auditing.operands import products_per_output
from conv_oracle.auditing.sandbox import geometry_values
from conv_oracle.auditing.targets import DEFAULTS, GEOMETRY
from conv_oracle.auditing.verdict import Edges, Essential, Exercise, Layers, Scope
from conv_oracle.problem import Problem

SURELY = 1e-12


def scope_of(
    ledger: Ledger,
    level: Level,
    dtypes: tuple[str, ...],
    planned: int,
    narrowed: Sequence[str],
    most_calls: int,
    essential: Essential | None,
    edges: Sequence[Edges],
    layers: Layers | None = None,
    own: Sequence[Problem] = (),
) -> Scope:
    """The scope of a ledger. planned: the problems of the level; own: the user's layers. Others are as in Scope."""
    apart = frozenset(own)
    compared = {p: r for p, r in ledger.plain().items() if r.judgement.right and p not in apart}
    exact = [record.survival for problem, record in compared.items() if discriminating(problem)]
    notes = [f"harness error, {_times(count)}: {text}" for text, count in ledger.harness.items()]
    notes += [f"operands in {dtype}: results in {' and '.join(every)}" for dtype, every in ledger.results.items()]
    return Scope(
        level=level.said,
        dtypes=dtypes,
        planned=planned,
        problems=len({problem for problem, at in ledger.records if at.aspect != "use"} - apart),
        discriminating=len(exact),
        calls=ledger.calls,
        outputs=ledger.outputs,
        undetected=max(exact, default=1.0),
        unnoticed=min(1.0, -math.log(SURELY) / max(1, ledger.compared.total())),
        most_calls=most_calls,
        truncated=ledger.truncated,
        exercised=tuple(_exercised(ledger)),
        essential=essential,
        layers=layers,
        edges=tuple(edges),
        narrowed=(
            *narrowed,
            *(f"{what} ({_times(count)})" if count > 1 else what for what, count in ledger.narrowed.most_common()),
        ),
        notes=tuple(notes),
        harness=tuple(ledger.harness),
    )


def _counted(what: str, count: int) -> str:
    return what if count == 1 else f"{what} ({_times(count)})"


def _times(count: int) -> str:
    return "1 time" if count == 1 else f"{count} times"


def discriminating(problem: Problem) -> bool:
    """Whether a wrong index could show: there is an output, and each is of several products."""
    return math.prod(problem.result_shape) > 0 and products_per_output(problem) > 1


def _exercised(ledger: Ledger) -> Iterator[Exercise]:
    """Per value of each parameter, and per layout and kind of operands: the problems right, wrong and refused."""
    tally: dict[str, Counter[tuple[str, str]]] = {}
    for (problem, circumstance), record in ledger.records.items():
        standing = {"wrong": "failed", "refused": "refused"}.get(record.judgement.standing, "compared")
        settings = _settings(problem) if circumstance.plain else [("operands", circumstance.said)]
        for parameter, value in settings:
            tally.setdefault(parameter, Counter())[value, standing] += 1
    for parameter, counter in tally.items():
        for value in sorted({value for value, _ in counter}):
            compared, failed, refused = (counter[value, standing] for standing in ("compared", "failed", "refused"))
            yield Exercise(parameter=parameter, value=value, compared=compared, failed=failed, refused=refused)


def _settings(problem: Problem) -> Iterator[tuple[str, str]]:
    for name in GEOMETRY:
        if name == "output_padding" and not problem.transposed:
            continue
        values = geometry_values(problem, name)
        word = str(problem.padding) if not values else ""
        yield name, word or (f"{DEFAULTS[name]}" if set(values) == {DEFAULTS[name]} else f"more than {DEFAULTS[name]}")
    if problem.operation.forward:
        yield "bias", "given" if problem.bias else "none"
    batch = problem.input_shape[0] if problem.batched else None
    yield "batch", "none" if batch is None else "more than 1" if batch > 1 else str(batch)
