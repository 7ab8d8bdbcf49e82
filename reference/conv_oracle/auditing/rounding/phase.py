"""The audit's second phase: how well the subject rounds, once it is known which numbers it combines."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from conv_oracle.auditing.diagnosis import ROLES, SUMMARIES, Role, evidence, listed, named, number, sum_at
from conv_oracle.auditing.finding import Diagnosis, Evidence, Finding
from conv_oracle.auditing.judging import ROUNDING, SPECIAL, Ask, Circumstance, Judgement, Observation, Session, returned
from conv_oracle.auditing.operands import DTYPES, generator, given
from conv_oracle.auditing.problems import smaller
from conv_oracle.auditing.rounding.allowed import Allowed
from conv_oracle.auditing.rounding.carriers import Pass
from conv_oracle.auditing.rounding.classes import LADDER, Measured, measured
from conv_oracle.auditing.rounding.data import Suite, suites
from conv_oracle.auditing.rounding.measures import Sample, bound, sample, shape_of
from conv_oracle.auditing.rounding.plan import TWICE, of_problem, ordered
from conv_oracle.auditing.rounding.probes import probes
from conv_oracle.auditing.rounding.special import Violation, poisoned, special_problems, violations
from conv_oracle.auditing.rounding.structure import near_pairs, order, pairs
from conv_oracle.auditing.rounding.summary import Rounding
from conv_oracle.auditing.sandbox import Answer, Series
from conv_oracle.faults import CATALOGUE
from conv_oracle.geometry import Shape
from conv_oracle.operation import Operation
from conv_oracle.passes import Array

SALT = 8
"""Sets these operands apart from the others that are drawn of a problem."""

MOST_NUMBERS = 400_000
"""In one series of calls."""

MOST_TERMS = 12

FAULTS: Mapping[str, str] = {
    "correctly-rounded": "rounding-beyond-bound",
    "wide": "rounding-beyond-bound",
    "any-order": "rounding-beyond-bound",
    "fast": "fast-algorithm-used",
    "truncating": "accumulation-truncated",
    "result-cut": "result-truncated",
    "reduced-inputs": "reduced-precision-operands",
    "partial-sums": "partial-sums-rounded",
    "low-precision-sums": "low-precision-accumulation",
    "unclassified": "rounding-beyond-bound",
}


@dataclass
class Rounded:
    """What the phase found."""

    measured: list[Measured] = field(default_factory=list)
    trouble: list[Observation] = field(default_factory=list)
    raises: set[str] = field(default_factory=set)
    calls: int = 0
    outputs: int = 0
    planned: int = 0


Key = tuple[Pass, int]


@dataclass
class _Open:
    """A pass whose answers are still to come, chunk by chunk."""

    asks: list[Ask]
    suites: list[list[Suite]]
    samples: dict[int, list[Sample]] = field(default_factory=dict)


def rounded(session: Session, passes: Sequence[Pass], seconds: float) -> Rounded:
    """Ask every pass on every suite and probe, until the seconds are over, and measure its class."""
    told = Rounded(planned=len(passes))
    end = time.monotonic() + seconds
    open_: dict[Pass, _Open] = {}
    lost: set[Pass] = set()

    def groups() -> Iterator[tuple[Key, Series]]:
        for of in passes:
            if time.monotonic() > end:
                return
            open_[of] = one = _opened(session, of)
            for chunk, ask in enumerate(one.asks):
                if of not in lost:
                    yield (of, chunk), session.series(ask)

    for (of, chunk), answers in session.sandbox.ask(groups()):
        one = open_[of]
        samples = _samples(session, told, of, one, chunk, answers)
        if samples is None:
            lost.add(of)
        else:
            one.samples[chunk] = samples
            if len(one.samples) == len(one.asks):
                told.measured.append(measured(of, [s for n in sorted(one.samples) for s in one.samples[n]]))
                del open_[of]
        if time.monotonic() > end + seconds or len(told.trouble) > 2:
            break
    return told


def orders(session: Session, op: Operation, told: Rounded) -> dict[tuple[str, str], str]:
    """The order of a short sum, per part and dtype, of what sums directly."""
    said: dict[tuple[str, str], str] = {}
    direct = LADDER.index("any-order")
    for part, dtype, gradients in dict.fromkeys(
        (m.of.part, m.of.problem.dtype, m.of.with_gradients) for m in told.measured if not m.of.second
    ):
        ranks = [one.rank for one in told.measured if (one.of.returned, one.of.problem.dtype) == (part, dtype)]
        told_apart = part != "grad_bias" and max(ranks) <= direct and not DTYPES[dtype].short
        of = ordered(op, dtype, part, gradients=gradients) if told_apart else None
        if of is None or session.binding.refuses(of.problem) is not None:
            continue
        ask = _ask(of, [pairs(of), near_pairs(of)], ROUNDING)
        for _, answers in session.sandbox.ask([(None, session.series(ask))]):
            got = [returned(ask, one, part, part_shapes(of), refusals=session.refusals) for one in answers]
            sums = [one for one in got if not isinstance(one, Judgement)]
            if len(sums) == len(ask.steps):
                said[part, dtype] = order(of, *sums)
    return said


def summary(told: Rounded, allowed: Allowed, said: Mapping[tuple[str, str], str]) -> tuple[Rounding, ...]:
    """Per part and dtype the worst class, and where it is nearest to its bound."""
    groups: dict[tuple[str, str], list[Measured]] = {}
    for one in told.measured:
        groups.setdefault((one.of.returned, one.of.problem.dtype), []).append(one)
    return tuple(
        _summed(part, dtype, group, allowed, said.get((part, dtype), "")) for (part, dtype), group in groups.items()
    )


def _summed(part: str, dtype: str, group: Sequence[Measured], allowed: Allowed, order_: str) -> Rounding:
    rank = max(one.rank for one in group)
    worst = max((one for one in group if one.rank == rank), key=lambda one: one.ratio)
    terms = [one.of.rows_and_columns[1] for one in group]
    flushes = {word for one in group for word in one.flushes}
    properties = sorted(flushes) if rank <= LADDER.index("truncating") else []
    where = ""
    if worst.evidence is not None:
        where = f"{worst.of.problem}, {worst.evidence.name}, at {worst.evidence.index(worst.place)}"
    return Rounding(
        part=part,
        dtype=dtype,
        name=worst.name,
        said=worst.said,
        allowed=all(allowed.holds(one) for one in group),
        ratio=worst.ratio,
        where=where,
        terms=(min(terms), max(terms)),
        problems=len(group),
        outputs=sum(one.outputs for one in group),
        growth=worst.growth,
        properties=(*([order_] if order_ else []), *properties),
    )


def rounding_findings(session: Session, told: Rounded, allowed: Allowed) -> tuple[Finding, ...]:
    """One finding per part, dtype and class that is not allowed, on the smallest problem that shows it.

    The double backward has one of its own where the same sum of the first order is not as coarse.
    """
    groups: dict[tuple[str, str, str, str], list[Measured]] = {}
    wrong = [one for one in told.measured if not allowed.holds(one)]
    known = {_like(one) for one in wrong if not one.of.second}
    for one in wrong:
        if not (one.of.second and _like(one) in known):
            groups.setdefault((one.of.returned, one.of.problem.dtype, one.name, one.kind), []).append(one)
    return tuple(_finding(session, told, group, allowed) for group in groups.values())


def _like(one: Measured) -> tuple[str, str, str, str]:
    """What a sum and the same sum of a double backward have in common."""
    return one.of.part, one.of.problem.dtype, one.name, one.detail


def _finding(session: Session, told: Rounded, group: Sequence[Measured], allowed: Allowed) -> Finding:
    end = time.monotonic() + session.level.rounding_reduction_seconds
    smallest = min(group, key=lambda one: one.of.problem.multiply_adds)
    best: Measured | None = smallest
    while best is not None and time.monotonic() < end:
        smallest = best
        best = _less(session, smallest, allowed, end)
    inaccurate = smallest.name == "unclassified" and smallest.growth
    fault = CATALOGUE["fast-algorithm-inaccurate" if inaccurate else FAULTS[smallest.name]]
    like = [one for one in told.measured if one.of.returned == smallest.of.returned]
    return Finding(
        kind="rounding",
        problem=smallest.of.problem,
        summary=smallest.said,
        condition=_where(group, [one for one in like if one not in group], smallest),
        problems=len(group),
        asked=len(like),
        evidence=_evidence(session, smallest),
        fault=fault.slug,
        diagnosis=replace(Diagnosis.of_fault(fault), title=": ".join(filter(None, (fault.title, smallest.detail)))),
    )


def _less(session: Session, like: Measured, allowed: Allowed, end: float) -> Measured | None:
    """The same class on a smaller problem."""
    for problem in smaller(like.of.problem):
        if time.monotonic() > end:
            return None
        of = replace(like.of, problem=problem)
        fits = (
            session.binding.refuses(problem) is None and problem.multiply_adds and not (of.of_bias and not problem.bias)
        )
        if fits and (again := rounded(session, [of], 1.0).measured):
            same = (again[0].name, again[0].kind) == (like.name, like.kind)
            if same and not allowed.holds(again[0]):
                return again[0]
    return None


def _where(group: Sequence[Measured], others: Sequence[Measured], shown: Measured) -> str:
    """From which length of sums on, where that tells; the part, where there are several."""
    least, most = (pick(one.of.rows_and_columns[1] for one in group) for pick in (min, max))
    said = (
        f"in sums of {least:,} to {most:,} terms" if least < most else f"in sums of {least:,} term{'s' * (least != 1)}"
    )
    right = [one.of.rows_and_columns[1] for one in others]
    if right and max(right) < least:
        said += f", not in those of at most {max(right):,}"
    elif right:
        said += f"; {len(right)} of {len(right) + len(group)} layers are allowed"
    if not shown.of.with_gradients:
        return said
    part = shown.of.part.replace("_", " of ").replace("grad", "the gradient")
    return f"{shown.of.returned if shown.of.second else part}: {said}"


EXPLAINED: Mapping[str, str] = {
    "left": "one term to an output: the number that was read, times +-1",
    "right": "one term to an output: the number that was read, times +-1",
    "sums": "a large number, a small one and the large one's opposite, far apart",
    "near taps": "a large number, a small one and the large one's opposite, side by side",
    "near channels": "a large number, a small one and the large one's opposite, side by side",
    "cut": "a sum that is three quarters of a unit above a number",
    "sparse": "three terms to an output",
    "spread": "three terms to an output, of exponents from all over",
    "contrast": "three terms to an output, huge numbers elsewhere",
    "spot": "three terms to an output, one number to an image",
    "dense": "many terms of both signs",
    "positive": "many terms of one sign",
    "cancelling": "terms that cancel but for a small rest",
    "big-first": "one large term, then small ones",
    "integers": "integers, whose sums are exact",
}


def _evidence(session: Session, of: Measured) -> Evidence:
    call = session.binding.written(of.of.problem, session.function)
    s = of.evidence
    if s is None or not s.got.size:
        return Evidence(call=call, part=of.of.returned)
    index = s.index(of.place)
    problem, given_ = of.of.problem, of.of.given(s.suite.operands)
    limit = bound(s, 2.0**-of.bits)
    beyond = s.error > 0 if s.name in ("left", "right", "sums", "cut") else s.error > limit
    roles = _roles(of.of)
    few = roles is not None and problem.multiply_adds <= 20_000 and s.terms[of.place] <= MOST_TERMS
    terms = (
        [t for t in sum_at(problem, given_, roles, index) if "0" not in (t.left_value, t.right_value)]
        if few and roles
        else []
    )
    bits = ""
    if of.name == "reduced-inputs":
        bits = f"; {of.inputs:.0f} bits of an operand are kept"
    elif of.name in ("low-precision-sums", "partial-sums"):
        bits = f"; {of.sums:.0f} bits of a sum are kept"
    elif of.growth:
        bits = f"; the error is {of.growth:.3g} units of its norms, {of.most_growth:.3g} are allowed"
    shows = bool(s.error[of.place] > limit[of.place])
    text = f"{s.name}: {EXPLAINED[s.name]}. Off by {_share(s, of.place)}{bits}"
    biased = problem.bias and of.of.part == "output" and few
    return Evidence(
        call=call,
        text=text,
        index=index,
        got=number(s.got[of.place]),
        expected=number(s.y[of.place]),
        terms=tuple(terms),
        bias=number(given_["bias"][index[-problem.dimensions - 1]]) if biased else "",
        differing=int(beyond.sum()),
        outputs=int(s.got.size),
        part=of.of.returned,
        operands=_shown_operands(of.of, given_) if shows else {},
        within=float(limit[of.place]) if shows else 0.0,
        by=of.of.gradients.by if of.of.gradients else (),
        second=bool(of.of.second),
    )


def _roles(of: Pass) -> Role | None:
    """Who takes part in a term, by the names of the call."""
    if of.of_bias:
        return None
    (left, at_left), (right, at_right), at_result = ROLES[of.problem.transposed, of.part]
    return (of.named(left), at_left), (of.named(right), at_right), at_result


def _shown_operands(of: Pass, given_: Mapping[str, Array]) -> dict[str, object]:
    """The operands of a call of real numbers, where they are small enough for a reader."""
    return listed(given_) if DTYPES[of.problem.dtype].kind == "f" else {}


def _share(s: Sample, place: int) -> str:
    size = s.magnitude[place]
    if not np.isfinite(s.error[place]) or not size:
        return f"{s.error[place]:.3g}"
    return f"{s.error[place] / size:.2g} of the sum of its terms' absolute values"


def _opened(session: Session, of: Pass) -> _Open:
    rng = _generator(session, of, SALT)
    every = [*suites(of, rng), *probes(of, rng)]
    size = sum(array.size for array in every[0].operands.values())
    each = max(1, MOST_NUMBERS // max(1, size))
    chunks = [every[begin : begin + each] for begin in range(0, len(every), each)]
    return _Open([_ask(of, chunk, ROUNDING) for chunk in chunks], chunks)


def _generator(session: Session, of: Pass, salt: int) -> np.random.Generator:
    """The random numbers of one pass, apart from those of others."""
    return np.random.default_rng(generator(session.asking.seed, of.problem, salt).integers(2**63))


def _ask(of: Pass, every: Sequence[Suite], circumstance: Circumstance) -> Ask:
    """One call of every suite."""
    shapes = of.gradients.operand_shapes(of.problem) if of.gradients else of.asked
    draws = given(of.problem, shapes, [of.given(suite.operands) for suite in every])
    return Ask(draws, [("call", block) for block in range(len(every))], circumstance, of.gradients)


def _samples(
    session: Session, told: Rounded, of: Pass, one: _Open, chunk: int, answers: Sequence[Answer]
) -> list[Sample] | None:
    """The answers of a chunk as samples; None where one is refused, or is none."""
    ask, shapes = one.asks[chunk], part_shapes(of)
    samples: list[Sample] = []
    for step, answer in enumerate(answers):
        told.calls += 1
        got = returned(ask, answer, of.returned, shapes, refusals=session.refusals)
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
    """The shapes of all parts that come back."""
    if not of.with_gradients:
        return {of.part: shape_of(of)}
    parts = [*(Pass(of.problem, part, True) for part in ("output", "grad_input", "grad_weight", "grad_bias"))]
    parts += [Pass(of.problem, part, True, second=second) for part, second in TWICE]
    return {one.returned: shape_of(one) for one in parts}


def special_findings(
    session: Session, told: Rounded, passes: Sequence[Pass], seconds: float, allowed: Allowed
) -> tuple[Finding, ...]:
    """What special values spoil, per part and fault, on small problems in every dtype that was asked."""
    kinds = dict.fromkeys((of.problem.operation, of.problem.dtype, of.with_gradients) for of in passes)
    every = [
        of
        for op, dtype, gradients in kinds
        for problem in special_problems(op, dtype)
        for of in _as_stored(session, of_problem(session.binding.fitted(problem), gradients=gradients))
        if session.binding.refuses(of.problem) is None
    ]
    end, asked = time.monotonic() + seconds, Counter[str]()
    groups: dict[tuple[str, str], list[Violation]] = {}
    for of in every:
        if time.monotonic() > end:
            break
        like = [one for one in told.measured if (one.of.part, one.of.problem.dtype) == (of.part, of.problem.dtype)]
        mixes = any(one.growth for one in like)
        whole = not mixes and not allowed.few_exponents and all(one.rank <= LADDER.index("any-order") for one in like)
        for violation in _special(session, told, of, mixes=mixes, largest=whole and bool(like)):
            groups.setdefault((of.part, violation.fault), []).append(violation)
        asked[of.part] += 1
    return tuple(_of_special(session, group, asked[part]) for (part, _), group in groups.items())


def _special(session: Session, told: Rounded, of: Pass, *, mixes: bool, largest: bool) -> Iterator[Violation]:
    """The first of every kind on one problem."""
    every = [
        one
        for one in poisoned(of, _generator(session, of, SALT + 1))
        if largest or not one.suite.name.startswith("largest")
    ]
    ask = _ask(of, [one.suite for one in every], SPECIAL)
    kept: dict[str, Violation] = {}
    for _, answers in session.sandbox.ask([(None, session.series(ask))]):
        for step, answer in enumerate(answers):
            told.calls += 1
            got = returned(ask, answer, of.part, part_shapes(of), refusals=session.refusals)
            if not isinstance(got, Judgement):
                if (violation := violations(of, every[step], got, mixes=mixes)) is not None:
                    kept.setdefault(violation.fault, violation)
            elif got.kind == "raised":
                told.raises.add(of.part)
            elif got.wrong:
                told.trouble.append(Observation(ask, step, got))
    yield from kept.values()


def _of_special(session: Session, group: Sequence[Violation], asked: int) -> Finding:
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
        operands=_shown_operands(one.of, one.suite.operands),
        by=one.of.gradients.by if one.of.gradients else (),
    )
    return Finding(
        kind="special-value",
        problem=one.of.problem,
        summary=one.text,
        condition="only with special values",
        problems=len(group),
        asked=asked,
        evidence=shown,
        fault=fault.slug,
        diagnosis=Diagnosis.of_fault(fault),
    )


@dataclass(frozen=True)
class Outcome:
    """What the phase adds to a verdict."""

    findings: tuple[Finding, ...]
    rounding: tuple[Rounding, ...]
    notes: tuple[str, ...]
    hidden: tuple[int, int] | None = None
    """Where wrong numbers are told as coarse rounding: the bits of operands and of sums with which none would be."""


INACCURATE = 2.0**-6
"""Of its norms: what no class explains is no better word for what integers have shown, unless it is off by less than
that, as a fast algorithm of few bits is. Then both are told."""

HARMLESS = ("raised", "mutated-operand", "accepted-but-invalid")
"""Kinds of findings besides which rounding can be judged: other calls are right."""


def judged_rounding(session: Session, listed: Sequence[Finding], passes: Sequence[Pass], allowed: Allowed) -> Outcome:
    """How the subject rounds, where nothing else is wrong with it; else what was found before."""
    several = [dtype for dtype, returned in session.ledger.results.items() if len(returned) > 1]
    notes = [f"rounding not judged in {dtype}, as results come in several formats" for dtype in several]
    passes = [of for of in _as_stored(session, passes) if session.binding.refuses(of.problem) is None]
    alike = [one for one in listed if one.kind == "wrong-value" and _may_be_rounding(one)]
    apart = [one for one in listed if one not in alike]
    if not passes or any(one.kind not in HARMLESS for one in apart):
        notes += ["rounding not judged, as other numbers are combined"] if listed else []
        return Outcome(tuple(listed), (), tuple(notes))
    told = rounded(session, passes, _seconds(session))
    shown = rounding_findings(session, told, allowed)
    unlike = [one for one in told.measured if one.name == "unclassified"]
    if alike and not all(0 < one.growth < INACCURATE * 2.0**one.bits for one in unlike):
        shown = ()
    hidden = _exact_bits(told, allowed) if shown and alike and not unlike else None
    coarse = {(one.of.returned, one.of.problem.dtype) for one in told.measured if not (unlike or allowed.holds(one))}
    alike = [one for one in alike if not shown or (one.evidence.part, one.problem.dtype) not in coarse]
    spoilt = special_findings(session, told, passes, _seconds(session), allowed) if not shown else ()
    if len(told.measured) < told.planned:
        notes.append(f"rounding was measured on {len(told.measured)} of {told.planned} layers")
    left = {of.returned for of in passes} - {one.of.returned for one in told.measured}
    notes += [f"rounding not judged of {', '.join(sorted(left))}, as the time was over"] if left else []
    if told.raises:
        notes.append("NaN and infinities are refused by an exception: not judged")
    session.ledger.calls += told.calls
    session.ledger.outputs += told.outputs
    said = orders(session, passes[0].problem.operation, told)
    known = {one.kind for one in apart}
    whole = (*shown, *alike, *spoilt, *apart, *(one for one in _troubles(session, told) if one.kind not in known))
    return Outcome(whole, summary(told, allowed, said), tuple(notes), hidden)


def _seconds(session: Session) -> float:
    """On top of those of the level, for sums, and again for special values."""
    return session.level.rounding * session.level.seconds


def _may_be_rounding(one: Finding) -> bool:
    """Whether coarse rounding could be what integers showed; in a gradient by the bias it looks like a wrong bias."""
    fault = CATALOGUE[one.fault or "unknown"]
    return fault.like_rounding or (fault is CATALOGUE["bias-wrong"] and one.evidence.part == "grad_bias")


def _exact_bits(told: Rounded, allowed: Allowed) -> tuple[int, int]:
    """One less than operands, and sums, were found to keep anywhere."""
    coarse = [one for one in told.measured if not allowed.holds(one)]
    sums = min((math.floor(one.sums) - 1 for one in coarse if np.isfinite(one.sums)), default=53)
    inputs = min((math.floor(one.inputs) - 1 for one in coarse if np.isfinite(one.inputs)), default=53)
    return max(1, min(inputs, sums)), max(1, sums)


def _as_stored(session: Session, passes: Sequence[Pass]) -> list[Pass]:
    """Passes with the format of their answers; those of float8 are left out where answers came in several formats."""
    every = []
    for of in passes:
        dtype = of.problem.dtype
        returned = session.ledger.results.get(dtype, []) if DTYPES[dtype].short else [dtype]
        if len(returned) == 1:
            every.append(replace(of, wider="" if returned[0] == dtype else returned[0]))
    return every


def _troubles(session: Session, told: Rounded) -> tuple[Finding, ...]:
    """What is no answer: one finding per kind."""
    kept: dict[str, Finding] = {}
    for one in told.trouble:
        kind, fault = one.judgement.kind or "raised", named(one, [one.problem])
        finding = Finding(
            kind=kind,
            problem=one.problem,
            summary=SUMMARIES[kind],
            condition=f"only with {one.circumstance}",
            problems=1,
            asked=told.planned,
            evidence=evidence(one, session.binding, session.function),
            fault=fault.slug,
            diagnosis=Diagnosis.of_fault(fault),
        )
        kept.setdefault(kind, finding)
    return tuple(kept.values())
