"""The problems on which rounding is measured: sums of 1 to 100,000 terms, in the shapes that libraries tell apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from conv_oracle.auditing.level import LevelName
from conv_oracle.auditing.operands import DTYPES, SECOND
from conv_oracle.auditing.problems import MOST_MULTIPLY_ADDS
from conv_oracle.auditing.rounding.carriers import Pass
from conv_oracle.auditing.rounding.structure import PAIRS, TERMS
from conv_oracle.operation import Operation
from conv_oracle.problem import Problem, problem
from conv_oracle.space import solvable

TWICE = (("output", "input"), ("output", "weight"), ("grad_input", "weight"), ("grad_weight", "input"))
"""The parts of a double backward, and whose cotangent stands in for it: see Pass."""


@dataclass(frozen=True)
class Layer:
    """What is summed: so many channels into so many, a kernel on every axis; the last axis is `long`, others `short`.

    For a gradient by the weight, the sum runs over `batch` images and all positions.
    """

    summed: int
    results: int
    kernel: int
    long: int
    short: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    groups: int = 1
    batch: int = 2
    bias: bool = False


def channel_layers(d: int, level: LevelName) -> Iterator[Layer]:
    """Sums over channels and taps: forward and input gradients, of so many axes."""
    taps: int = 3**d
    small = {1: 8, 2: 6, 3: 4}[d]

    def of(terms: int) -> int:
        return max(1, -(-terms // taps))

    yield Layer(64, 8, 1, small, small)
    yield Layer(of(144) if d < 3 else 8, 8, 3, 40, 5 if d == 2 else 4, padding=1, batch=2 if d < 3 else 1)
    yield Layer(-(-of(1152) // 8) * 8, 8, 3, small, 4, stride=2, padding=1, batch=1)
    yield Layer(3, 4, 1, 9, 3, bias=True)
    yield Layer(4, 8, 3, 9, 5, padding=1, dilation=2, groups=4, bias=True)
    yield Layer(of(10_000), 8, 3, 7, 3, batch=1)
    yield Layer(1, 6, 3, 7, 4, padding=1, groups=6)
    yield Layer(5, 3, 3, 8, 4, padding=2, dilation=2)
    yield Layer(4, 6, 1, 7, 3, stride=2)
    yield Layer(3, 4, 7 if d < 3 else 5, 8, 5, stride=2, padding=3 if d < 3 else 2, batch=1)
    yield Layer(3, 4, 2, 6, 4, stride=2, bias=True)
    yield Layer(1, 8, 5, 7, 4, stride=2, padding=2, groups=4)
    if level == "quick":
        return
    yield Layer(1, 8, 3, 24, 3, padding=1)
    yield Layer(8, 8, 5, small + 2, small, groups=8, padding=2)
    yield Layer(1, 32, 3, 9, 4, padding=1, groups=32)
    yield Layer(4, 8, 3, 9, 4, stride=2, padding=1, groups=2, bias=True)
    yield Layer(2, 4, 3, 16, 9, padding=4, dilation=4)
    yield Layer(3, 8, 4, 12, 4, stride=4)
    yield Layer(6, 5, 5 if d < 3 else 4, 8, 5, bias=True)
    yield Layer(of(576), 8, 3, small, 4, padding=1, bias=True, batch=1)
    yield Layer(512, 8, 1, small, 3, batch=1)
    yield Layer(520, 4, 1, small, 3, batch=1)
    yield Layer(16, 16, 3, 20, 4, padding=1, groups=2, batch=1)
    yield Layer(of(4608), 8, 3, 9, 3, batch=1)
    yield Layer(33, 5, 2, 7, 4, stride=2, dilation=2)
    yield Layer(of(100_000), 4, 3, 6, 3, batch=1)
    yield Layer(10_000, 8, 1, 5, 1, batch=1)
    yield Layer(100_000, 4, 1, 3, 1, batch=1)


def position_layers(d: int, level: LevelName) -> Iterator[Layer]:
    """Sums over images and positions: weight gradients, of so many axes."""
    short = {1: 1, 2: 12, 3: 6}[d]

    others: int = short ** (d - 1)

    def of(terms: int, batch: int) -> int:
        return max(1, -(-terms // (batch * others)))

    yield Layer(4, 4, 3, of(1200, 2), short, padding=1)
    yield Layer(2, 8, 2, of(100, 2), short, stride=2)
    yield Layer(1, 8, 1, of(10_000, 4), short, batch=4)
    yield Layer(1, 6, 3, of(100, 2), short, padding=1, groups=6)
    yield Layer(3, 2, 3, of(100, 2), short, padding=2, dilation=2)
    yield Layer(3, 4, 1, of(60, 2), short, stride=2)
    if level == "quick":
        return
    yield Layer(4, 8, 3, 3, 3, padding=1, batch=1)
    yield Layer(3, 4, 3, of(576, 3), short, dilation=2, padding=2, batch=3)
    yield Layer(4, 4, 3, of(600, 2), short, groups=4, padding=1)
    yield Layer(2, 4, 1, of(100_000, 2), short, batch=2)


@lru_cache
def passes(op: Operation, dtype: str, level: LevelName, *, gradients: bool, twice: bool = False) -> tuple[Pass, ...]:
    """What is measured of an operation, in this order; with gradients, every part that torch.autograd gives.

    twice: of the double backward too, on the layers of an audit that is quick.
    """
    d = op.axes
    over_channels, over_positions = channel_layers(d, level), position_layers(d, level)
    if not gradients:
        layers = over_positions if op.by_weight else over_channels
        return tuple(_passes(op, dtype, op.returns, layers, with_gradients=False))
    each = [
        list(_passes(op, dtype, "output", channel_layers(d, level), with_gradients=True)),
        list(_passes(op, dtype, "grad_weight", over_positions, with_gradients=True)),
        list(_passes(op, dtype, "grad_input", over_channels, with_gradients=True)),
    ]
    biased = [Pass(replace(of.problem, bias=True), "grad_bias", True) for of in each[1]]
    each.append(biased)
    quick = passes(op, dtype, "quick", gradients=True) if twice else ()
    again = [of for one in quick for of in twice_of(one)]
    return tuple(in_turns([*each, *([of for of in again if of.returned == part] for part in SECOND)]))


def twice_of(of: Pass) -> list[Pass]:
    """The parts of the double backward that are sums as those of a part are."""
    without = replace(of, problem=replace(of.problem, bias=False))
    return [replace(without, second=second) for part, second in TWICE if part == of.part]


def in_turns(lists: Sequence[Sequence[Pass]]) -> list[Pass]:
    """The first of each, the second of each, and so on."""
    return [of for turn in range(max(map(len, lists), default=0)) for found in lists for of in found[turn : turn + 1]]


def ordered(op: Operation, dtype: str, part: str, *, gradients: bool) -> Pass:
    """One short sum into many channels, whose order is read."""
    layer = (
        Layer(1, len(PAIRS), 1, TERMS, 1, batch=1)
        if part == "grad_weight"
        else Layer(TERMS, len(PAIRS), 1, 1, 1, batch=1)
    )
    return Pass(_problem(op, dtype, part, layer), part, gradients)


def passes_of(
    op: Operation,
    dtypes: Sequence[str],
    level: LevelName,
    *,
    gradients: bool,
    twice: bool = False,
    only: Sequence[Problem] = (),
) -> list[Pass]:
    """What is measured of an audit, the dtypes in turn; `only`: of these problems, in place of the level's."""
    if only:
        asked = [p for p in only if solvable(p) and p.multiply_adds]
        every = [of_problem(p, gradients=gradients, twice=twice) for p in asked]
    else:
        every = [passes(op, dtype, level, gradients=gradients, twice=twice) for dtype in dtypes]
    return in_turns([[of for of in found if DTYPES[of.problem.dtype].kind in "fc"] for found in every])


def of_problem(problem: Problem, *, gradients: bool, twice: bool = False) -> tuple[Pass, ...]:
    """Every part of one problem."""
    if not gradients:
        return (Pass(problem, problem.operation.returns),)
    parts = ("output", "grad_input", "grad_weight", *(("grad_bias",) if problem.bias else ()))
    first = [Pass(problem, part, True) for part in parts]
    return (*first, *(again for of in first if twice for again in twice_of(of)))


def _passes(op: Operation, dtype: str, part: str, layers: Iterator[Layer], *, with_gradients: bool) -> Iterator[Pass]:
    for layer in layers:
        given = Pass(_problem(op, dtype, part, layer), part, with_gradients)
        if solvable(given.problem) and 0 < given.problem.multiply_adds <= MOST_MULTIPLY_ADDS:
            yield given


def _problem(op: Operation, dtype: str, part: str, layer: Layer) -> Problem:
    d, transposed, over_positions = op.axes, op.transposed, part == "grad_weight"
    g, wide, narrow = layer.groups, layer.summed * layer.groups, layer.results
    narrow = -(-narrow // g) * g
    sizes = (*(layer.short,) * (d - 1), layer.long)
    if over_positions:
        wide, narrow = -(-layer.summed // g) * g, -(-layer.results // g) * g
        wide, narrow = (narrow, wide) if transposed else (wide, narrow)
        x, w = (layer.batch, wide), (wide, narrow // g) if transposed else (narrow, wide // g)
    elif part == "output":
        x, w = (layer.batch, wide), (wide, narrow // g) if transposed else (narrow, wide // g)
    else:
        x, w = (layer.batch, narrow), (narrow, wide // g) if transposed else (wide, narrow // g)
    if over_positions and not transposed:
        span = layer.dilation * (layer.kernel - 1) + 1
        sizes = tuple((size - 1) * layer.stride + span - 2 * layer.padding for size in sizes)
    return problem(
        op,
        (*x, *sizes),
        (*w, *(layer.kernel,) * d),
        stride=layer.stride,
        padding=layer.padding,
        dilation=layer.dilation,
        groups=g,
        bias=layer.bias and op.forward,
        dtype=dtype,
    )
