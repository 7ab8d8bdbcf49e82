"""Ask the subject for passes on every suite and probe, and measure what comes back."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from conv_oracle.auditing.judging import ROUNDING, Ask, Circumstance, Judgement, Observation, Session, returned
from conv_oracle.auditing.operands import DTYPES, generator, given
from conv_oracle.auditing.rounding.carriers import Pass
from conv_oracle.auditing.rounding.classes import BIAS_AFTER, Measured
from conv_oracle.auditing.rounding.data import Suite, suites
from conv_oracle.auditing.rounding.ladder import measured
from conv_oracle.auditing.rounding.measures import Sample, sample, shape_of
from conv_oracle.auditing.rounding.plan import TWICE, ordered
from conv_oracle.auditing.rounding.probes import probes
from conv_oracle.auditing.rounding.structure import near_pairs, order, pairs
from conv_oracle.auditing.sandbox import Answer, Series
from conv_oracle.geometry import Shape
from conv_oracle.operation import Operation
from conv_oracle.passes import Array

SALT = 8
"""Sets these operands apart from the others that are drawn of a problem."""

MOST_NUMBERS = 400_000
"""In one series of calls."""

MOST_TROUBLE = 2
"""The asking ends after more unusable answers than that: each may cost a process."""


@dataclass
class Measurements:
    """What was measured so far, of `planned` passes.

    trouble: answers that are none, or not in time. raises: the parts that refuse special values by an exception.
    calls, outputs: so many were made, and compared.
    """

    planned: int
    measured: list[Measured] = field(default_factory=list)
    trouble: list[Observation] = field(default_factory=list)
    raises: set[str] = field(default_factory=set)
    calls: int = 0
    outputs: int = 0


@dataclass
class _Open:
    """A pass whose answers are still to come, chunk by chunk."""

    asks: list[Ask]
    suites: list[list[Suite]]
    samples: dict[int, list[Sample]] = field(default_factory=dict)


def measure(session: Session, passes: Sequence[Pass], seconds: float) -> Measurements:
    """Ask every pass on every suite and probe, until the seconds are over, and measure its class."""
    told = Measurements(len(passes))
    end = time.monotonic() + seconds
    open_: dict[Pass, _Open] = {}
    lost: set[Pass] = set()

    def groups() -> Iterator[tuple[tuple[Pass, int], Series]]:
        for of in passes:
            if time.monotonic() > end:
                return
            open_[of] = one = _opened(session, of)
            for chunk, ask in enumerate(one.asks):
                if of not in lost:
                    yield (of, chunk), session.series(ask)

    for (of, chunk), answers in session.sandbox.ask(groups(), end + seconds):
        one = open_[of]
        samples = _samples(session, told, of, one, chunk, answers)
        if samples is None:
            lost.add(of)
        else:
            one.samples[chunk] = samples
            if len(one.samples) == len(one.asks):
                told.measured.append(measured(of, [s for n in sorted(one.samples) for s in one.samples[n]]))
                del open_[of]
        if time.monotonic() > end + seconds or len(told.trouble) > MOST_TROUBLE:
            break
    return told


def asks_of(session: Session, of: Pass) -> list[Ask]:
    """The calls of a pass on every suite and probe."""
    return _opened(session, of).asks


def order_ask(of: Pass) -> Ask:
    """The calls that read the order of a short sum."""
    return ask_of(of, [pairs(of), near_pairs(of)], ROUNDING)


def _opened(session: Session, of: Pass) -> _Open:
    rng = random_numbers(session, of, SALT)
    every = [*suites(of, rng), *probes(of, rng)]
    size = sum(array.size for array in every[0].operands.values())
    each = max(1, MOST_NUMBERS // max(1, size))
    chunks = [every[begin : begin + each] for begin in range(0, len(every), each)]
    return _Open([ask_of(of, [one.operands for one in chunk], ROUNDING) for chunk in chunks], chunks)


def random_numbers(session: Session, of: Pass, salt: int) -> np.random.Generator:
    """The random numbers of one pass, apart from those of others, and of other uses by their salt."""
    return np.random.default_rng(generator(session.asking.seed, of.problem, salt).integers(2**63))


def ask_of(of: Pass, operands: Sequence[Mapping[str, Array]], circumstance: Circumstance) -> Ask:
    """One call for each set of operands of a pass."""
    shapes = of.gradients.operand_shapes(of.problem) if of.gradients else of.asked
    draws = given(of.problem, shapes, [of.given(one) for one in operands])
    return Ask(draws, [("call", block) for block in range(len(operands))], circumstance, of.gradients)


def _samples(
    session: Session, told: Measurements, of: Pass, one: _Open, chunk: int, answers: Sequence[Answer]
) -> list[Sample] | None:
    """The answers of a chunk as samples; None where one is refused, or is none."""
    ask, shapes = one.asks[chunk], part_shapes(of)
    samples: list[Sample] = []
    for step, answer in enumerate(answers):
        told.calls += 1
        got = returned(ask, answer, of.returned, shapes, refusals=session.refusals, formats=session.ledger.formats)
        if isinstance(got, Judgement):
            if got.wrong and not (got.kind == "hung" and of.problem.multiply_adds > _largest_answered(session)):
                told.trouble.append(Observation(ask, step, got))
            return None
        told.outputs += got.size
        samples.append(sample(of, one.suites[chunk][step], got))
    return samples if len(samples) == len(ask.steps) else None


def _largest_answered(session: Session) -> int:
    """The multiply-adds up to which an answer is known to come in time: a slow subject may need more for more."""
    records = session.ledger.records.items()
    return max(
        (p.multiply_adds for (p, _), one in records if one.judgement.standing in ("right", "rounded")), default=0
    )


def part_shapes(of: Pass) -> dict[str, Shape]:
    """The shapes of all parts that come back, by the names that they have in the answer."""
    if not of.with_gradients:
        return {of.part: shape_of(of)}
    parts = [*(Pass(of.problem, part, True) for part in ("output", "grad_input", "grad_weight", "grad_bias"))]
    parts += [Pass(of.problem, part, True, second=second) for part, second in TWICE]
    return {one.returned: shape_of(one) for one in parts}


def as_stored(session: Session, passes: Sequence[Pass]) -> list[Pass]:
    """Passes with the format of their answers; those of float8 are left out where answers came in several formats."""
    every, ledger = [], session.ledger
    for of in passes:
        dtype = of.problem.dtype
        formats = (
            ledger.results.get(dtype, []) if DTYPES[dtype].short else [ledger.formats.get((dtype, of.returned), dtype)]
        )
        if len(formats) == 1:
            every.append(replace(of, wider="" if formats[0] == dtype else formats[0]))
    return every


def orders(session: Session, op: Operation, told: Measurements) -> dict[tuple[str, str], str]:
    """The order of a short sum in words, per part and dtype, of what sums directly."""
    said: dict[tuple[str, str], str] = {}
    for part, dtype, gradients in dict.fromkeys(
        (m.of.part, m.of.problem.dtype, m.of.with_gradients) for m in told.measured if not m.of.second
    ):
        ranks = [one.rank for one in told.measured if (one.of.returned, one.of.problem.dtype) == (part, dtype)]
        told_apart = part != "grad_bias" and max(ranks) <= BIAS_AFTER.rank and not DTYPES[dtype].short
        of = ordered(op, dtype, part, gradients=gradients) if told_apart else None
        if of is None or session.binding.refuses(of.problem) is not None:
            continue
        ask = order_ask(of)
        for _, answers in session.sandbox.ask([(None, session.series(ask))]):
            got = [returned(ask, one, part, part_shapes(of), refusals=session.refusals) for one in answers]
            sums = [one for one in got if not isinstance(one, Judgement)]
            if len(sums) == len(ask.steps):
                said[part, dtype] = order(of, *sums)
    return said
