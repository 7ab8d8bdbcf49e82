"""The series of a use: a problem called, and its operands held, as people do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from conv_oracle.auditing.judging.asking import Ask, Asking
from conv_oracle.auditing.judging.circumstance import of_use
from conv_oracle.auditing.operands import DTYPES, Draws, Gradients, by_all, draw, generator
from conv_oracle.auditing.sandbox import EARLIER, Binding, Step, Use
from conv_oracle.problem import Problem
from conv_oracle.space import solvable

SALT = 6
TOGETHER = 4
"""How many calls begin at once."""

UPDATED: tuple[Step, ...] = (("call", 0), ("reuse", 1), ("reuse", 2), ("reuse", 3), ("reuse", 0))
"""A call, then with another weight, another end of the weight, another end of the input, and as at first."""


def next_use(asking: Asking, binding: Binding, problem: Problem, turn: int, *, guarded: bool) -> Ask | None:
    """The first use from this turn on that a problem can show; None where none can."""
    for later in range(len(asking.uses)):
        use = asking.uses[(turn + later) % len(asking.uses)]
        ask = used(asking, binding, use, problem, guarded=guarded)
        if ask is not None:
            return replace(ask, steps=ask.steps[:1]) if asking.slow else ask
    return None


def used(
    asking: Asking, binding: Binding, use: Use, problem: Problem, *, guarded: bool, most: int | None = None
) -> Ask | None:
    """Calls of a problem in a use, with integers of magnitude at most `most`; None where that is not another way.

    With one array as input and weight, of a problem that has room for it.
    """
    if not _differs(use, binding, problem):
        return None
    earlier: Problem | None = None
    if use.around == "aliased":
        problem = aliased(problem)
        if not solvable(problem) or binding.refuses(problem) is not None or not problem.multiply_adds:
            return None
    elif use.around == "earlier":
        earlier = _before(problem, binding)
        if earlier is None:
            return None
    gradients = _gradients(asking, use, problem)
    radius = asking.radius(problem, guarded=guarded, gradients=gradients is not None)
    radius = radius if most is None else min(radius, most)
    if radius < 1:
        return None
    shapes = dict(asking.shapes(problem, gradients))
    if earlier is not None:
        shapes[EARLIER] = earlier.input_shape
    count = {"at_once": TOGETHER, "updated": 4}.get(use.around, 2)
    made = asking.made(problem, radius, guarded=guarded)
    rng = generator(asking.seed, problem, SALT + guarded)
    draws = draw(problem, shapes, radius, rng, guarded=guarded, uniform=count, **made)
    if use.around == "updated":
        draws = _updated(draws)
    if use.around == "aliased":
        draws = replace(draws, places={**draws.places, "weight": draws.places["input"]})
    steps: Sequence[Step] = UPDATED if use.around == "updated" else [("call", number) for number in range(count)]
    return Ask(draws, steps, of_use(use.said), gradients, use=use, earlier=earlier)


def _differs(use: Use, binding: Binding, problem: Problem) -> bool:
    """Whether a use of this problem is another one than the plain."""
    real = DTYPES[problem.dtype].kind in "fc"
    if use.form != "plain":
        return binding.arguments(problem, use.form)[:2] != binding.arguments(problem)[:2]
    if use.around in ("aliased", "earlier", "vmap") and not problem.operation.forward:
        return False
    return real or not (use.held == "leaf" or use.way or use.around == "vmap")


def _gradients(asking: Asking, use: Use, problem: Problem) -> Gradients | None:
    """What is differentiated: as the use says; by all where arguments alone, or the memory, are another."""
    if use.way:
        return replace(by_all(problem, second=use.way == "forward"), way=use.way)
    if use.around in ("", "thread", "updated") and not use.held:
        return asking.every_gradient(problem)
    return None


def aliased(problem: Problem) -> Problem:
    """A problem near this one whose input and weight have one shape."""
    kernel = problem.weight_shape[2:]
    channels = problem.weight_shape[1]
    rows = channels if problem.transposed else min(problem.weight_shape[0], 3)
    shape = (rows, channels, *kernel)
    return replace(problem, input_shape=shape, weight_shape=shape, groups=1)


def _before(problem: Problem, binding: Binding) -> Problem | None:
    """A problem of the same weight, with another image and stride or padding; None where none can be asked."""
    if isinstance(problem.padding, str):
        return None
    batch, axes = problem.input_shape[: -problem.dimensions], problem.dimensions
    sizes = problem.input_shape[-axes:]
    larger = replace(problem, input_shape=(*batch, *(size + 1 for size in sizes)))
    stepped = replace(larger, stride=tuple(value + 1 for value in problem.stride))
    padded = replace(larger, padding=tuple((side + 1, side + 1) for side, _ in problem.padding))
    for other in (stepped, padded, larger):
        if solvable(other) and other.multiply_adds and binding.refuses(other) is None:
            return other
    return None


def _updated(draws: Draws) -> Draws:
    """Four draws that differ from the first in the whole weight, in the end of the weight, and in that of the input."""
    integers = np.repeat(draws.integers[:1], len(draws), axis=0)
    weight, image = (_ends(draws, name) for name in _operands(draws.places))
    integers[1, weight[0]] = draws.integers[1, weight[0]]
    integers[2, weight[1]] = _other(integers[2, weight[1]], draws)
    integers[3, image[1]] = _other(integers[3, image[1]], draws)
    return replace(draws, integers=integers)


def _operands(places: Mapping[str, object]) -> tuple[str, str]:
    """The names of the operand that is kept between calls, and of the one that is new each time."""
    names = [name for name in places if name in ("weight", "input")]
    return (names[-1], "grad_output" if len(names) < 2 else "input")


def _ends(draws: Draws, name: str) -> tuple[slice, slice]:
    """An operand in its block, and its last element."""
    layout, start = draws.places[name]
    end = start + layout.size
    return slice(start, end), slice(max(start, end - 1), end)


def _other(values: np.ndarray, draws: Draws) -> np.ndarray:
    """Other integers of the same range."""
    unsigned = DTYPES[draws.problem.dtype].kind == "u"
    other: np.ndarray = np.where(values == draws.radius, 0 if unsigned else -draws.radius, draws.radius)
    return other
