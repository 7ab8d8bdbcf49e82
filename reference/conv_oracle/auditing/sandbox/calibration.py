"""What arguments a subject takes, found by trying: tuples or plain ints, string padding, unbatched input, no bias."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from conv_oracle.auditing.operands import by_all, draw
from conv_oracle.auditing.sandbox.frames import Answer
from conv_oracle.auditing.sandbox.pool import Sandbox
from conv_oracle.auditing.sandbox.signature import PER_AXIS, WORDS, Binding, without
from conv_oracle.operation import Operation
from conv_oracle.problem import Problem, problem

COMES_BACK = ("returned", "not-an-array")


def calibrated(sandbox: Sandbox, candidates: Sequence[Binding], op: Operation, dtype: str) -> Binding:
    """The first binding that works, narrowed to the arguments that the subject accepts.

    candidates: likeliest first; op, dtype: of the trial calls. Only arguments that a subject may refuse without fault
    are left out, where they raise; any other failure is tested again by the audit.
    """
    plain = _sample(op, dtype)
    if _outcome(sandbox, candidates[0], plain).outcome == "hung":  # it would be waited for again
        return candidates[0]
    binding = next((b for b in _with_ints(candidates) if _outcome(sandbox, b, plain).outcome in COMES_BACK), None)
    if binding is None and _outcome(sandbox, candidates[0], plain).outcome not in ("raised", *COMES_BACK):
        return candidates[0]
    if binding is None:
        plain = replace(plain, bias=True)
        given = (replace(b, optional_bias=False) for b in _with_ints(candidates) if "bias" in b.parameters)
        binding = next((b for b in given if _outcome(sandbox, b, plain).outcome in COMES_BACK), candidates[0])
    for name in PER_AXIS:
        if name in binding.parameters:
            binding = _per_axis(sandbox, binding, plain, name)
    for name in ("bias", "groups"):
        if name in binding.keywords and _lacks(name, _outcome(sandbox, binding, _with(plain, name))):
            binding = without(binding, name)
    if not op.forward:
        return binding
    words: frozenset[str] = frozenset()
    if "padding" in binding.parameters and not op.transposed:
        words = frozenset(
            word
            for word in WORDS
            if _outcome(sandbox, binding, replace(plain, padding=word), words=word).outcome != "raised"
        )
    binding = replace(binding, words=words)
    unbatched = replace(plain, input_shape=plain.input_shape[1:])
    if _outcome(sandbox, binding, unbatched).outcome == "raised":
        binding = replace(binding, unbatched=False)
    return binding


def _with_ints(candidates: Sequence[Binding]) -> Iterator[Binding]:
    """Every candidate, with tuples and with plain ints."""
    for binding in candidates:
        yield binding
        yield replace(binding, plain=binding.parameters & set(PER_AXIS))


def _per_axis(sandbox: Sandbox, binding: Binding, plain: Problem, name: str) -> Binding:
    """A tuple, or else a plain int; where the call accepts neither, the subject lacks the keyword."""
    sample = _with(plain, name)
    with_tuple = replace(binding, plain=binding.plain - {name})
    answer = _outcome(sandbox, with_tuple, sample)
    if answer.outcome != "raised":
        return with_tuple
    with_int = replace(binding, plain=binding.plain | {name})
    if _outcome(sandbox, with_int, sample).outcome in COMES_BACK:
        return with_int
    return without(binding, name) if _lacks(name, answer) else with_tuple


def _lacks(name: str, answer: Answer) -> bool:
    """Whether the call raised TypeError for a keyword that the subject passes on to a function without it."""
    return "TypeError" in answer.types and "keyword" in answer.text and name in answer.text


def _with(plain: Problem, name: str) -> Problem:
    axes = plain.dimensions
    if name == "output_padding":
        return replace(plain, stride=(2,) * axes, output_padding=(1,) * axes)
    if name == "padding":
        return replace(plain, padding=((1, 1),) * axes)
    if name == "bias":
        return replace(plain, bias=True)
    if name == "groups":
        return replace(plain, groups=3, weight_shape=(3, 1, *plain.weight_shape[2:]))
    if name == "stride":
        return replace(plain, stride=(2,) * axes)
    return replace(plain, dilation=(2,) * axes)


def _sample(op: Operation, dtype: str) -> Problem:
    """An ordinary problem with every parameter at its default."""
    axes = op.axes
    return problem(op, (2, 3, *range(10, 10 + axes)), (3, 3, *(3, 5, 3)[:axes]), dtype=dtype)


def returned_dtype(sandbox: Sandbox, binding: Binding, op: Operation, dtype: str) -> str:
    """The dtype of the answer to an ordinary problem; '' where there is no answer."""
    answer = _outcome(sandbox, binding, _sample(op, dtype))
    return answer.parts[0].dtype if answer.parts else ""


def differentiable_twice(sandbox: Sandbox, binding: Binding, op: Operation, dtype: str) -> bool:
    """Whether the gradients of the subject can be differentiated again: whether a double backward does not raise."""
    sample = _sample(op, dtype)
    gradients = by_all(sample, second=True)
    draws = draw(sample, gradients.operand_shapes(sample), 3, np.random.default_rng(0))
    ((_, answers),) = sandbox.ask([(None, binding.series(draws, [("call", 0)], gradients))])
    return answers[0].outcome != "raised"


def _outcome(sandbox: Sandbox, binding: Binding, sample: Problem, *, words: str = "") -> Answer:
    asking = replace(binding, words=frozenset({words})) if words else binding
    draws = draw(sample, sample.operand_shapes, 3, np.random.default_rng(0))
    ((_, answers),) = sandbox.ask([(None, asking.series(draws, [("call", 0)]))])
    return answers[0]
