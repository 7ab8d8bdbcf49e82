"""How a stranger's function is called, found by trying: what it takes, in which form, and what it requires.

Several problems are tried before anything is concluded. A subject is called with tuples and with ints, with a bias and
without, on sizes that a square-only, a one-channel or a divisible-only function takes too. What always raises is no
fault: it is left out, and told with its exception. What is answered sometimes is left to the audit.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np

from conv_oracle.auditing.operands import DTYPES, by_all, draw, expected, from_bytes
from conv_oracle.auditing.problems import (
    Restriction,
    axes_of,
    channels_in_multiples,
    fitted_to,
    remade,
    size_restrictions,
)
from conv_oracle.auditing.sandbox.frames import Answer
from conv_oracle.auditing.sandbox.pool import Sandbox
from conv_oracle.auditing.sandbox.samples import fullest, generic, parameter_samples, usual
from conv_oracle.auditing.sandbox.signature import PER_AXIS, Binding, without
from conv_oracle.auditing.sandbox.uncallable import is_unexpected, means_refusal, refused, uncallable
from conv_oracle.operation import Operation
from conv_oracle.problem import Problem
from conv_oracle.space import AxisSetting, Channels, solvable

MOST_OTHERS = 160
"""How many problems of the level are tried where none of the usual layers is answered."""

RIGHT, CAME, FAILED, RAISED = 3, 2, 1, 0
"""How well a trial went: the right values, an answer, a crash or the like (which the audit judges), an exception."""


@dataclass(frozen=True)
class Calibration:
    """How the subject is called, and the dtypes that it takes."""

    binding: Binding
    dtypes: tuple[str, ...]


@dataclass(frozen=True)
class _Trials:
    """Single calls of the subject. seed: that of the audit. refusals: exception types that mean 'not supported'.

    raised: the problems that raised.
    """

    sandbox: Sandbox
    op: Operation
    dtype: str
    seed: int
    refusals: tuple[str, ...]
    raised: list[Problem] = field(default_factory=list)

    def answer(self, binding: Binding, problem: Problem) -> Answer:
        """The answer to one problem."""
        return self.called(binding, problem)[1]

    def score(self, binding: Binding, problem: Problem) -> int:
        """How well one call goes."""
        return self.called(binding, problem)[0]

    def called(self, binding: Binding, problem: Problem) -> tuple[int, Answer]:
        """How well one call goes, and its answer; the problem is asked in the dtype of the trials."""
        problem = replace(problem, dtype=self.dtype)
        draws = draw(problem, problem.operand_shapes, 3, np.random.default_rng([self.seed, len(str(problem))]))
        ((_, answers),) = self.sandbox.ask([(None, binding.series(draws, [("call", 0)]))])
        answer = answers[0]
        if answer.outcome == "raised":
            self.raised.append(problem)
            return RAISED, answer
        if answer.outcome not in ("returned", "not-an-array"):
            return FAILED, answer
        returned = DTYPES.get(answer.parts[0].dtype) if answer.parts else None
        if returned is None or answer.parts[0].shape != problem.result_shape or returned.narrow:
            return CAME, answer
        truth = expected(problem, draws)[problem.operation.returns][0]
        if len(answer.data) != truth.size * returned.itemsize:
            return CAME, answer
        with np.errstate(all="ignore"):
            close = np.abs(from_bytes(answer.data, returned, truth.shape) - truth) < 0.5  # the truth is of integers
        return (RIGHT if bool(close.all()) else CAME), answer


def calibrated(
    sandbox: Sandbox,
    candidates: Sequence[Binding],
    op: Operation,
    dtypes: Sequence[str],
    *,
    seed: int,
    refusals: tuple[str, ...] = (),
    others: Iterable[Problem] = (),
    fixed: Sequence[Problem] = (),
    seconds: float = 60.0,
) -> Calibration:
    """How a subject is called, and what it requires.

    candidates: likeliest first. dtypes: those asked for. others: further problems to try where none of the usual ones
    is answered. fixed: the problems of a layer whose parameters are fixed; then no other is tried. seconds: how long
    is tried after the first call, where every call raises.
    Raises TargetError where every call raises something that does not mean 'not supported'.
    """
    trials = [_Trials(sandbox, op, dtype, seed, refusals) for dtype in dtypes]
    samples = fixed or usual(op, seed)
    found = next((one for one in (_begun(each, candidates, samples, others, seconds) for each in trials) if one), None)
    if found is None:
        return _never_answered(trials[0], candidates, samples, dtypes)
    first, binding, sample = found
    if not fixed and not _takes_everything(first, binding):
        binding = _required(first, binding, sample)
        for name in (*PER_AXIS, "groups"):
            if name in binding.parameters:
                binding = _parameter(first, binding, sample, name)
        binding = _bias(first, binding, sample)
    if binding.with_none and not binding.optional_bias and not fixed:
        taken_without = first.score(replace(binding, optional_bias=True), replace(sample, bias=False))
        binding = replace(binding, optional_bias=bool(taken_without))
    first.score(binding, sample)  # once more, so that it is known how long a call takes that is no first one
    taken, told = _dtypes(trials, first, binding, sample)
    if any(each.raised for each in trials):  # an exception may leave something behind
        sandbox.fresh()
    return Calibration(replace(binding, told=(*binding.told, *told)), taken)


def _begun(
    trials: _Trials,
    candidates: Sequence[Binding],
    samples: Sequence[Problem],
    others: Iterable[Problem],
    seconds: float,
) -> tuple[_Trials, Binding, Problem] | None:
    """The best binding and the fullest problem that is answered; None where none is."""
    ways = _forms(candidates)
    best: tuple[int, Binding, Problem] | None = None
    end = math.inf
    for sample in (*samples, *islice(others, MOST_OTHERS)):
        for each in ways:
            if time.monotonic() > end:
                return None
            problem = replace(sample, bias=sample.bias or not each.optional_bias)
            if not _is_said(each, problem):
                continue
            way, score = _accepted(trials, each, problem)
            if score and (best is None or score > best[0]):
                best = score, way, problem
            end = min(end, time.monotonic() + seconds)
            if score == RIGHT:
                break
        if best is not None:
            return trials, best[1], best[2]
    return None


def _takes_everything(trials: _Trials, binding: Binding) -> bool:
    """Whether problems that use all that the signature has, differently on every axis, are answered rightly."""
    whole = [binding.fitted(problem) for problem in fullest(trials.op, trials.seed)]
    return not binding.plain and all(trials.score(binding, problem) == RIGHT for problem in whole)


def _is_said(way: Binding, problem: Problem) -> bool:
    return replace(way, optional_bias=True).refuses(problem) is None


def _forms(candidates: Sequence[Binding]) -> list[Binding]:
    """Every candidate, with tuples and with plain ints; without a bias and with one, the other way where it must be."""
    forms = [form for b in candidates for form in (b, replace(b, plain=b.parameters & set(PER_AXIS)))]
    given = [replace(form, optional_bias=False) for form in forms if "bias" in form.parameters]
    return [*given, *forms] if any(form.with_none for form in forms) else [*forms, *given]


def _accepted(trials: _Trials, binding: Binding, problem: Problem) -> tuple[Binding, int]:
    """The binding without the keywords that the subject passes on to what lacks them, and how well the call went."""
    while True:
        score, answer = trials.called(binding, problem)
        lacking = next((name for name in binding.keywords if is_unexpected(answer, binding.keywords[name])), "")
        if not lacking or binding.refuses(problem):
            return binding, score
        binding = without(binding, lacking)


def _required(trials: _Trials, binding: Binding, sample: Problem) -> Binding:
    """The binding with the size restrictions that the subject has: a problem that meets all but one is refused."""
    whole = [replace(one, bias=sample.bias) for one in generic(trials.op, trials.seed)]
    if all(trials.score(binding, problem) for problem in whole if binding.refuses(problem) is None):
        return binding
    met = [one for one in size_restrictions(sample) if one.meets(sample)]
    needed, told = _needed(trials, binding, sample, met, binding.refuses)
    return replace(binding, restrictions=needed, told=(*binding.told, *told))


def _needed(
    trials: _Trials,
    binding: Binding,
    sample: Problem,
    met: Sequence[Restriction],
    refuses: Callable[[Problem], str | None],
) -> tuple[tuple[Restriction, ...], list[str]]:
    """Which of the restrictions that a problem meets are needed, each with the exception that shows it.

    One that cannot be broken while the others hold is looked at again once fewer of these are left, the loosest first;
    what cannot be broken then follows from the others.
    """
    kept, shown = list(met), dict[str, str]()
    for last in (False, True):
        for restriction in [one for one in kept if one.said not in shown][:: -1 if last else 1]:
            rest = [one for one in kept if one is not restriction]
            made = (_kept_to(rest, restriction, one) for one in restriction.broken(sample))
            broken = [problem for problem in made if problem is not None and refuses(problem) is None]
            answers = [trials.answer(binding, problem) for problem in broken]
            if answers and all(means_refusal(restriction.said, answer) for answer in answers):
                shown[restriction.said] = f"asked with {restriction.said} only: {refused(answers[0])}"
            elif answers or last:
                kept = rest
    return tuple(kept), [shown[one.said] for one in kept]


def _kept_to(rest: Sequence[Restriction], broken: Restriction, problem: Problem) -> Problem | None:
    """A problem that breaks one restriction and meets the rest; None where there is none."""
    made = fitted_to(rest, problem)
    fits = solvable(made) and made.multiply_adds and all(one.meets(made) for one in rest)
    return made if fits and not broken.meets(made) else None


def _parameter(trials: _Trials, binding: Binding, sample: Problem, name: str) -> Binding:
    """The binding with what was found of one parameter: tuples or ints; all values, equal ones, the default alone."""
    listed = [fitted_to(binding.restrictions, one) for one in parameter_samples(sample, name)]
    listed = [problem for problem in listed if solvable(problem) and _is_said(binding, problem)]
    ways = [binding]
    if name in PER_AXIS:
        ways = [replace(binding, plain=binding.plain - {name}), replace(binding, plain=binding.plain | {name})]
        if name in binding.plain:
            ways.reverse()
    raised: Answer | None = None
    best: tuple[int, int, Binding, Problem] | None = None
    for number, problem in enumerate(listed):
        for way in ways:
            score, answer = trials.called(way, problem)
            raised = raised or (answer if answer.outcome == "raised" else None)
            if score and (best is None or score > best[0]):
                best = score, number, way, problem
            if score == RIGHT:
                break
        if best is not None and best[0] == RIGHT:
            break
    if best is None:
        return _left_out(binding, name, raised)
    _, number, way, problem = best
    if name == "groups":
        way = _by_total(trials, way, problem)
    return (
        _related(trials, way, problem, name)
        if number or way.plain != ways[0].plain
        else _per_axis(trials, way, problem, name)
    )


def _by_total(trials: _Trials, binding: Binding, sample: Problem) -> Binding:
    """The binding with channels in multiples of a number, where it seemed that each group must have them."""
    per_group = [one for one in binding.restrictions if one.said.startswith("channels per group")]
    if not per_group:
        return binding
    total = channels_in_multiples(int(per_group[0].said.rpartition(" ")[2]))
    looser = replace(binding, restrictions=(*(one for one in binding.restrictions if one not in per_group), total))
    depthwise = remade(sample, channels=Channels(64, 64, 64))
    if looser.refuses(depthwise) is None and trials.score(looser, depthwise):
        return looser
    return binding


def _left_out(binding: Binding, name: str, raised: Answer | None) -> Binding:
    """The binding without a parameter that every trial refused."""
    if raised is None:
        return binding
    if name in binding.keywords and is_unexpected(raised, binding.keywords[name]):
        return without(binding, name)
    default = {"padding": 0, "output_padding": 0}.get(name, 1)
    told = f"{name} other than {default} is not supported: {refused(raised)}"
    return replace(binding, held=binding.held | {name}, told=(*binding.told, told))


def _related(trials: _Trials, binding: Binding, problem: Problem, name: str) -> Binding:
    """The binding with the restrictions that concern one parameter, as a simpler problem of it was answered first."""
    concerned = {
        "stride": ("a stride as long as the kernel", "sizes that the stride divides"),
        "groups": ("one group, or one per channel",),
        "padding": (
            "the padding that keeps the size",
            "a padding of at most half the kernel",
            "a padding shorter than the kernel",
        ),
    }.get(name, ())
    known = {one.said for one in binding.restrictions}
    met = [
        one
        for one in size_restrictions(problem)
        if one.said in concerned and one.said not in known and one.meets(problem)
    ]
    needed, told = _needed(trials, binding, problem, met, binding.refuses)
    binding = replace(binding, restrictions=(*binding.restrictions, *needed), told=(*binding.told, *told))
    return _per_axis(trials, binding, problem, name)


def _per_axis(trials: _Trials, binding: Binding, problem: Problem, name: str) -> Binding:
    """The binding where a parameter may differ between the axes, or not."""
    if name not in PER_AXIS or name in binding.plain or trials.op.axes == 1:
        return binding
    other = [
        fitted_to(binding.restrictions, remade(problem, axes=[axes[0], *(_changed(axis, name) for axis in axes[1:])]))
        for axes in (axes_of(problem), axes_of(problem)[::-1])
    ]
    other = [one for one in other if solvable(one) and not _is_alike(one, name)]
    answers = [trials.answer(binding, one) for one in other]
    if answers and all(answer.outcome == "raised" for answer in answers):
        told = f"{name} is the same on every axis: {refused(answers[0])}"
        return replace(binding, alike=binding.alike | {name}, told=(*binding.told, told))
    return binding


def _is_alike(problem: Problem, name: str) -> bool:
    return len({getattr(axis, name) for axis in axes_of(problem)}) == 1


def _changed(axis: AxisSetting, name: str) -> AxisSetting:
    value = getattr(axis, name)
    less: Any = (value[0] - 1, value[1] - 1) if isinstance(value, tuple) else value - 1
    return replace(axis, **{name: less})


def _bias(trials: _Trials, binding: Binding, sample: Problem) -> Binding:
    """The binding without a bias where one raises."""
    if "bias" not in binding.parameters or not trials.op.forward or not binding.optional_bias:
        return binding
    answer = trials.answer(binding, replace(sample, bias=True))
    return _left_out_bias(binding, answer) if answer.outcome == "raised" else binding


def _left_out_bias(binding: Binding, answer: Answer) -> Binding:
    if "bias" in binding.keywords and is_unexpected(answer, binding.keywords["bias"]):
        return without(binding, "bias")
    told = f"a bias is not supported: {refused(answer)}"
    return replace(binding, held=binding.held | {"bias"}, told=(*binding.told, told))


def _dtypes(
    trials: Sequence[_Trials], first: _Trials, binding: Binding, sample: Problem
) -> tuple[tuple[str, ...], list[str]]:
    """The dtypes that are taken, and what is told of the others."""
    taken, told = list[str](), list[str]()
    for each in trials:
        answer = each.answer(binding, sample) if each is not first else None
        if answer is not None and answer.outcome == "raised":
            told.append(f"{each.dtype} is not supported: {refused(answer)}")
        else:
            taken.append(each.dtype)
    return tuple(taken), told


def _never_answered(
    trials: _Trials, candidates: Sequence[Binding], samples: Sequence[Problem], dtypes: Sequence[str]
) -> Calibration:
    """The likeliest binding where all that is said is 'not supported'; else raises TargetError."""
    binding = candidates[0]
    fullest = next((one for one in samples if _is_said(binding, one)), samples[0])
    answer = trials.answer(binding, replace(fullest, bias="bias" in binding.parameters and fullest.operation.forward))
    if answer.outcome != "raised" or {*answer.types} & {"NotImplementedError", *trials.refusals}:
        return Calibration(binding, tuple(dtypes))
    others = [replace(trials, dtype=dtype) for dtype in ("float32", "float64", "float16") if dtype not in dtypes]
    fitting = next((each.dtype for each in others if _begun(each, candidates, samples, (), 1.0)), "")
    raise uncallable(trials.sandbox.subject, answer, binding.written(fullest, trials.op.name), fitting)


def returned_dtype(sandbox: Sandbox, binding: Binding, op: Operation, dtype: str, seed: int = 0) -> str:
    """The dtype of the answer to an ordinary problem; '' where there is no answer."""
    trials = _Trials(sandbox, op, dtype, seed, ())
    for sample in usual(op, seed):
        fitted = binding.fitted(sample)
        if solvable(fitted) and binding.refuses(fitted) is None:
            answer = trials.answer(binding, fitted)
            if answer.parts:
                return answer.parts[0].dtype
    return ""


def differentiable_twice(sandbox: Sandbox, binding: Binding, op: Operation, dtype: str, seed: int = 0) -> bool:
    """Whether the gradients of the subject can be differentiated again: whether a double backward does not raise."""
    fitted = (replace(binding.fitted(one), dtype=dtype) for one in usual(op, seed))
    sample = next(one for one in fitted if solvable(one) and binding.refuses(one) is None)
    gradients = by_all(sample, second=True)
    draws = draw(sample, gradients.operand_shapes(sample), 3, np.random.default_rng(0))
    ((_, answers),) = sandbox.ask([(None, binding.series(draws, [("call", 0)], gradients))])
    return answers[0].outcome != "raised"
