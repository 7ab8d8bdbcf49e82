"""What special values spoil, as findings: NaN, infinities and the largest number are asked on small problems."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from conv_oracle.auditing.diagnosis import number
from conv_oracle.auditing.finding import Diagnosis, Evidence, Finding
from conv_oracle.auditing.judging import SPECIAL, Ask, Judgement, Observation, Session, returned
from conv_oracle.auditing.operands import DTYPES
from conv_oracle.auditing.rounding.allowed import Allowed
from conv_oracle.auditing.rounding.carriers import Pass
from conv_oracle.auditing.rounding.classes import BIAS_AFTER
from conv_oracle.auditing.rounding.findings import shown_operands
from conv_oracle.auditing.rounding.measuring import (
    SALT,
    Measurements,
    as_stored,
    ask_of,
    part_shapes,
    random_numbers,
)
from conv_oracle.auditing.rounding.plan import of_problem
from conv_oracle.auditing.rounding.special import Poisoned, Violation, poisoned, special_problems, violations
from conv_oracle.faults import CATALOGUE
from conv_oracle.operation import Operation
from conv_oracle.problem import Problem
from conv_oracle.space import solvable


def special_findings(
    session: Session, told: Measurements, passes: Sequence[Pass], seconds: float, allowed: Allowed
) -> tuple[Finding, ...]:
    """What special values spoil, per part and fault, on small problems in every dtype that was asked."""
    end, asked = time.monotonic() + seconds, Counter[str]()
    groups: dict[tuple[str, str], list[Violation]] = {}
    for of in as_stored(session, special_passes(session, passes)):
        if time.monotonic() > end:
            break
        like = [one for one in told.measured if (one.of.part, one.of.problem.dtype) == (of.part, of.problem.dtype)]
        mixes = any(one.fast for one in like)
        whole = not mixes and not allowed.few_exponents and all(one.rank <= BIAS_AFTER.rank for one in like)
        for violation in _violations(session, told, of, mixes=mixes, largest=whole and bool(like)):
            groups.setdefault((of.part, violation.fault), []).append(violation)
        asked[of.part] += 1
        if any(group[0].after for group in groups.values()):
            break  # what stays behind spoils all that follows
    return tuple(_finding(session, group, asked[part]) for (part, _), group in groups.items())


def special_passes(session: Session, passes: Sequence[Pass]) -> list[Pass]:
    """The small problems in every dtype of these passes, as far as they can be expressed."""
    kinds = dict.fromkeys((of.problem.operation, of.problem.dtype, of.with_gradients) for of in passes)
    return [
        of
        for op, dtype, gradients in kinds
        for problem in _small(session, op, dtype)
        for of in of_problem(problem, gradients=gradients)
        if session.binding.refuses(of.problem) is None
    ]


def _small(session: Session, op: Operation, dtype: str) -> list[Problem]:
    """The small problems as the subject takes them; of a layer that has no output on their images, its shortest."""
    fitted = [one for one in map(session.binding.fitted, special_problems(op, dtype)) if solvable(one)]
    layer = session.binding.layer
    return fitted or ([] if layer is None else [replace(layer, dtype=dtype)])


def special_ask(session: Session, of: Pass, *, largest: bool) -> tuple[list[Poisoned], Ask]:
    """The special values of one problem, and the calls on them. largest: whether the ends of the range are asked."""
    every = [one for one in poisoned(of, random_numbers(session, of, SALT + 1)) if largest or not one.largest]
    return every, ask_of(of, [one.operands for one in every], SPECIAL)


def _violations(session: Session, told: Measurements, of: Pass, *, mixes: bool, largest: bool) -> Iterator[Violation]:
    """The first of every fault on one problem, or what stays behind alone.

    largest: whether the ends of the format's range are asked too, and sums of small integers are exact.
    """
    every, ask = special_ask(session, of, largest=largest)
    exact = largest and not DTYPES[of.problem.dtype].short
    kept: dict[str, Violation] = {}
    for _, answers in session.sandbox.ask([(None, session.series(ask))]):
        for step, answer in enumerate(answers):
            told.calls += 1
            got = returned(ask, answer, of.part, part_shapes(of), refusals=session.refusals)
            if not isinstance(got, Judgement):
                if not step:  # ordinary numbers: what is wrong with them before is not left behind by others
                    exact &= np.array_equal(got.ravel(), every[step].expected.ravel())
                if (violation := violations(of, every[step], got, mixes=mixes, exact=exact)) is not None:
                    kept.setdefault(violation.fault, violation)
            elif got.kind == "raised":
                told.raises.add(of.part)
            elif got.wrong:
                told.trouble.append(Observation(ask, step, got))
    stale = [violation for violation in kept.values() if violation.after]
    yield from stale or kept.values()


def _finding(session: Session, group: Sequence[Violation], asked: int) -> Finding:
    """The finding of violations that are of one part and fault."""
    one = min(group, key=lambda violation: violation.of.problem.multiply_adds)
    fault = CATALOGUE[one.fault]
    shown = Evidence(
        call=session.binding.written(one.of.problem, session.function),
        text=one.text,
        index=one.index,
        got=number(one.got),
        expected=number(one.expected),
        differing=one.differing,
        outputs=math.prod(part_shapes(one.of)[one.of.part]),
        part=one.of.part,
        operands={} if one.after else shown_operands(one.of, one.operands),
        by=one.of.gradients.by if one.of.gradients else (),
    )
    return Finding(
        kind="special-value",
        problem=one.of.problem,
        summary=one.text,
        condition=one.condition,
        problems=len(group),
        asked=asked,
        evidence=shown,
        fault=fault.slug,
        diagnosis=Diagnosis.of_fault(fault),
    )
