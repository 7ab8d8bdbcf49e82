"""How a stranger's function is called, found by trying: what it takes, in which form, and what it requires.

Several problems are tried before anything is concluded. A subject is called with tuples and with ints, with a bias and
without, on sizes that a square-only, a one-channel or a divisible-only function takes too. What always raises is no
fault: it is left out, and told with its exception. What is answered sometimes is left to the audit.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from conv_oracle.auditing.operands import by_all, draw
from conv_oracle.auditing.problems import (
    size_restrictions,
)
from conv_oracle.auditing.sandbox.bindings import without
from conv_oracle.auditing.sandbox.frames import Answer
from conv_oracle.auditing.sandbox.padded import padding_itself
from conv_oracle.auditing.sandbox.parameters import parameter
from conv_oracle.auditing.sandbox.pool import Sandbox
from conv_oracle.auditing.sandbox.samples import fullest, generic, usual
from conv_oracle.auditing.sandbox.signature import Binding
from conv_oracle.auditing.sandbox.trials import CAME, RIGHT, Trials, is_said, needed, padded
from conv_oracle.auditing.sandbox.uncallable import is_unexpected, refused, uncallable
from conv_oracle.auditing.targets import PER_AXIS
from conv_oracle.operation import Operation
from conv_oracle.problem import Problem
from conv_oracle.space import solvable

MOST_OTHERS = 160
"""How many problems of the level are tried where none of the usual layers is answered."""

MOST_LOST = 3
"""After so many lost processes no further problem is tried."""


@dataclass(frozen=True)
class Calibration:
    """How the subject is called, and the dtypes that it takes."""

    binding: Binding
    dtypes: tuple[str, ...]


def calibrated(
    sandbox: Sandbox,
    candidates: Sequence[Binding],
    op: Operation,
    dtypes: Sequence[str],
    *,
    seed: int,
    refusals: tuple[str, ...] = (),
    others: Callable[[], Sequence[Problem]] = tuple,
    fixed: Sequence[Problem] = (),
    seconds: float = 60.0,
) -> Calibration:
    """How a subject is called, and what it requires.

    candidates: likeliest first. dtypes: those asked for. others: further problems to try where none of the usual ones
    is answered, listed only then. fixed: the problems of a layer whose parameters are fixed; then no other is tried.
    seconds: how long is tried after the first call, where every call raises.
    Raises TargetError where every call raises something that does not mean 'not supported'.
    """
    trials = [Trials(sandbox, op, dtype, seed, refusals) for dtype in dtypes]
    samples = fixed or usual(op, seed)
    found = next((one for one in (_begun(each, candidates, samples, others, seconds) for each in trials) if one), None)
    if found is None:
        return _never_answered(trials[0], candidates, samples, dtypes)
    first, binding, sample, score = found
    if score < CAME:  # it crashes, hangs or the like, which the audit judges
        return Calibration(binding, tuple(dtypes))
    if score < RIGHT and not fixed and (own := padding_itself(first, binding, sample)) is not binding:
        binding, sample = own, own.fitted(sample)
    if not fixed and not _takes_everything(first, binding):
        binding = _required(first, binding, sample)
        for name in (*PER_AXIS, "groups"):
            if name in binding.parameters:
                binding = parameter(first, binding, sample, name)
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
    trials: Trials,
    candidates: Sequence[Binding],
    samples: Sequence[Problem],
    others: Callable[[], Sequence[Problem]],
    seconds: float,
) -> tuple[Trials, Binding, Problem, int] | None:
    """The best binding, the fullest problem that is answered, and how well it went; None where none is."""
    ways = _forms(candidates)
    best: tuple[int, Binding, Problem] | None = None
    end = math.inf

    def tried() -> Iterator[Problem]:
        yield from samples
        yield from others()[:MOST_OTHERS]

    for sample in tried():
        for each in ways:
            if time.monotonic() > end:
                return None
            problem = replace(sample, bias=sample.bias or not each.optional_bias)
            if not is_said(each, problem):
                continue
            way, score = _accepted(trials, each, problem)
            if score and (best is None or score > best[0]):
                best = score, way, problem
            end = min(end, time.monotonic() + seconds)
            if score == RIGHT:
                break
        if best is not None:
            return trials, best[1], best[2], best[0]
    return None


def _takes_everything(trials: Trials, binding: Binding) -> bool:
    """Whether problems that use all that the signature has, differently on every axis, are answered rightly."""
    whole = [binding.fitted(problem) for problem in fullest(trials.op, trials.seed)]
    return not binding.plain and all(trials.score(binding, problem) == RIGHT for problem in whole)


def _forms(candidates: Sequence[Binding]) -> list[Binding]:
    """Every candidate, with tuples and with plain ints; without a bias and with one, the other way where it must be."""
    forms = [form for b in candidates for form in (b, replace(b, plain=b.parameters & set(PER_AXIS)))]
    given = [replace(form, optional_bias=False) for form in forms if "bias" in form.parameters]
    return [*given, *forms] if any(form.with_none for form in forms) else [*forms, *given]


def _accepted(trials: Trials, binding: Binding, problem: Problem) -> tuple[Binding, int]:
    """The binding without the keywords that the subject passes on to what lacks them, and how well the call went."""
    while True:
        score, answer = trials.called(binding, problem)
        lacking = next((name for name in binding.keywords if is_unexpected(answer, binding.keywords[name])), "")
        if not lacking or binding.refuses(problem):
            return binding, score
        binding = without(binding, lacking)


def _required(trials: Trials, binding: Binding, sample: Problem) -> Binding:
    """The binding with the size restrictions that the subject has: a problem that meets all but one is refused."""
    whole = [padded(binding, replace(one, bias=sample.bias)) for one in generic(trials.op, trials.seed)]
    if all(trials.score(binding, problem) for problem in whole if binding.refuses(problem) is None):
        return binding
    own = binding.pads  # then nothing is required of the padding
    met = [one for one in size_restrictions(sample) if one.meets(sample) and not (own and "padding" in one.said)]
    wanted, told = needed(trials, binding, sample, met, binding.refuses)
    return replace(binding, restrictions=wanted, told=(*binding.told, *told))


def _bias(trials: Trials, binding: Binding, sample: Problem) -> Binding:
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
    trials: Sequence[Trials], first: Trials, binding: Binding, sample: Problem
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
    trials: Trials, candidates: Sequence[Binding], samples: Sequence[Problem], dtypes: Sequence[str]
) -> Calibration:
    """The likeliest binding where all that is said is 'not supported'; else raises TargetError."""
    binding = candidates[0]
    fullest = next((one for one in samples if is_said(binding, one)), samples[0])
    answer = trials.answer(binding, replace(fullest, bias="bias" in binding.parameters and fullest.operation.forward))
    if answer.outcome != "raised" or {*answer.types} & {"NotImplementedError", *trials.refusals}:
        return Calibration(binding, tuple(dtypes))
    others = [replace(trials, dtype=dtype) for dtype in ("float32", "float64", "float16") if dtype not in dtypes]
    fitting = next((each.dtype for each in others if _begun(each, candidates, samples, tuple, 1.0)), "")
    raise uncallable(trials.sandbox.subject, answer, binding.written(fullest, trials.op.name), fitting)


def returned_dtype(sandbox: Sandbox, binding: Binding, op: Operation, dtype: str, seed: int = 0) -> str:
    """The dtype of the answer to an ordinary problem; '' where there is none, or the first ones cost processes."""
    trials, lost = Trials(sandbox, op, dtype, seed, ()), 0
    for sample in usual(op, seed):
        fitted = binding.fitted(sample)
        if solvable(fitted) and binding.refuses(fitted) is None:
            answer = trials.answer(binding, fitted)
            lost += answer.outcome in ("crashed", "hung", "out-of-memory")
            if answer.parts or lost == MOST_LOST:
                return answer.parts[0].dtype if answer.parts else ""
    return ""


def gradients_raised(sandbox: Sandbox, binding: Binding, op: Operation, dtype: str, seed: int = 0) -> str:
    """The exception of every ordinary call with gradients, as text; '' where one does not raise, or raises without."""
    said = ""
    for sample in usual(op, seed):
        fitted = replace(binding.fitted(sample), dtype=dtype)
        if not solvable(fitted) or binding.refuses(fitted) is not None:
            continue
        gradients = by_all(fitted, second=False)
        draws = draw(fitted, gradients.operand_shapes(fitted), 3, np.random.default_rng(0))
        plain = draw(fitted, fitted.operand_shapes, 3, np.random.default_rng(0))
        asked = [(0, binding.series(draws, [("call", 0)], gradients)), (1, binding.series(plain, [("call", 0)]))]
        ((_, (differentiated, *_)), (_, (called, *_))) = sandbox.ask(asked)
        if differentiated.outcome != "raised" or called.outcome != "returned":
            return ""
        said = said or f"{differentiated.types[0] if differentiated.types else ''}: {differentiated.text}"
    return said


def differentiable_twice(sandbox: Sandbox, binding: Binding, op: Operation, dtype: str, seed: int = 0) -> bool:
    """Whether the gradients of the subject can be differentiated again: whether a double backward does not raise."""
    fitted = (replace(binding.fitted(one), dtype=dtype) for one in usual(op, seed))
    sample = next(one for one in fitted if solvable(one) and binding.refuses(one) is None)
    gradients = by_all(sample, second=True)
    draws = draw(sample, gradients.operand_shapes(sample), 3, np.random.default_rng(0))
    ((_, answers),) = sandbox.ask([(None, binding.series(draws, [("call", 0)], gradients))])
    return answers[0].outcome != "raised"
