"""Problems with one extent, or two, at a wanted size: where tiles, vectors and blocks end.

An extent is any number that a loop may run over: the batch, the channels, those per group, the groups, every axis of
the input, the output and the kernel, and the length of the sum that makes one element of the answer.
Everything else stays as small as is possible without making wrong indices invisible.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product
from typing import Literal

import numpy as np

from conv_oracle.geometry import kernel_span
from conv_oracle.operation import Family, Operation
from conv_oracle.problem import Problem
from conv_oracle.space import AxisSetting, Channels, compose, solvable

MOST_MULTIPLY_ADDS = 2_000_000
MOST_NUMBERS = 500_000
"""Of input, weight and output together: 4 MB in float64."""
COMFORT = 40_000
"""The multiply-adds up to which the other extents are larger than 1."""
LONGEST_KERNEL = 16
LARGEST_DRAWN = 300

TAILS = (33, 65, 17, 9, 63, 31, 64, 32, 5, 16, 7, 15, 8, 3, 4)
MULTIPLES = tuple(multiple + off for multiple in (24, 48, 96, 128) for off in (-1, 0, 1))
KERNELS = (9, 11, 8, 7, 10, 5, 6, 4, 3, 2, 1)
"""Tails and kernels in the order of testing: just beyond a tile first."""
PAIRED = (7, 8, 9, 17, 33, 65)
ALIKE = (4, 8, 16, 32, 64, 128)
"""Both extents at a whole number of vectors, as fast paths want them."""

Split = Literal["plain", "groups", "depthwise", "multiplied"]


@dataclass(frozen=True)
class Context:
    """The parameters of a problem other than its extents."""

    kernel: int = 3
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    output_padding: int = 0
    split: Split = "plain"
    bias: bool = False
    word: str | None = None


CONTEXTS = (
    Context(),
    Context(split="groups"),
    Context(kernel=2, stride=2, bias=True),
    Context(kernel=2, dilation=3, split="groups", padding=1),
    Context(padding=1, split="depthwise"),
    Context(stride=2, output_padding=1),
    Context(word="same"),
    Context(kernel=2, split="multiplied", bias=True),
    Context(dilation=2),
    Context(stride=2, padding=1, split="groups", bias=True),
    Context(kernel=2, stride=3, split="depthwise"),
    Context(padding=2, bias=True),
    Context(kernel=1),
    Context(dilation=3, padding=2),
    Context(kernel=2, dilation=2, word="same", split="groups"),
    Context(kernel=2, stride=2, dilation=3, output_padding=2, split="groups"),
    Context(stride=2, dilation=2, padding=2),
    Context(dilation=2, padding=2, split="multiplied"),
)


@dataclass(frozen=True)
class Request:
    """Wanted extents by role, and their context."""

    context: Context
    extents: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class _Company:
    """The extents that were not requested."""

    batch: int
    inputs: int
    outputs: int
    sizes: tuple[int, ...]
    groups: int


COMPANIES = (
    _Company(2, 2, 3, (3, 4, 2), 2),
    _Company(1, 1, 2, (2, 2, 2), 2),
    _Company(1, 1, 1, (1, 1, 1), 2),
)


def roles(op: Operation) -> tuple[str, ...]:
    """The names of an operation's extents."""
    axes = range(op.axes)
    spatial = [f"{side} {axis}" for side in ("input", "output", "kernel") for axis in axes]
    channels = ("in_channels", "out_channels", "in_channels/group", "out_channels/group", "groups")
    return ("batch", *channels, *spatial, "reduction")


def extents(problem: Problem) -> dict[str, int]:
    """Every extent of a problem by its name, as the operation (a gradient: its convolution) sees it."""
    g = problem.geometry
    sides = [(g.in_channels, g.input_size), (g.out_channels, g.output_size)]
    (inputs, input_size), (outputs, output_size) = reversed(sides) if problem.transposed else sides
    if problem.operation.by_weight:
        reduction = g.batch * math.prod(g.output_size)
    else:
        summed = outputs if problem.operation.by_input else inputs
        reduction = summed // g.groups * math.prod(g.kernel_size)
    spatial = {
        f"{side} {axis}": value
        for side, sizes in (("input", input_size), ("output", output_size), ("kernel", g.kernel_size))
        for axis, value in enumerate(sizes)
    }
    return {
        "batch": g.batch,
        "in_channels": inputs,
        "out_channels": outputs,
        "in_channels/group": inputs // g.groups,
        "out_channels/group": outputs // g.groups,
        "groups": g.groups,
        **spatial,
        "reduction": reduction,
    }


def affordable(problem: Problem) -> bool:
    """Whether a solvable problem is within the limits on multiply-adds and on elements."""
    return problem.multiply_adds <= MOST_MULTIPLY_ADDS and numbers(problem) <= MOST_NUMBERS


def numbers(problem: Problem) -> int:
    """How many numbers a solvable problem has: of input, weight and output together."""
    return sum(map(math.prod, (problem.input_shape, problem.weight_shape, problem.output_shape)))


def contexts(op: Operation) -> tuple[Context, ...]:
    """The contexts that an operation can be in, each once."""
    fitting = [context for context in CONTEXTS if not (context.word and (op.transposed or not op.forward))]
    if not op.transposed:
        fitting = [replace(context, output_padding=0) for context in fitting]
    if not op.forward:
        fitting = [replace(context, bias=False) for context in fitting]
    return tuple(dict.fromkeys(fitting))


def solve(op: Operation, request: Request) -> Problem | None:
    """A small problem with the requested extents; None where there is none within the limits."""
    context, wanted = request.context, dict(request.extents)
    cheapest = None
    for company in COMPANIES:
        for further in _as_reduction(op, context, wanted):
            candidate = _compose(op, context, {**wanted, **further}, company)
            if candidate is None or not wanted.items() <= extents(candidate).items() or not affordable(candidate):
                continue
            if candidate.multiply_adds <= COMFORT:
                return candidate
            cheapest = candidate
    return cheapest


def tails(op: Operation) -> list[Request]:
    """Every extent at every tail in every context, in rounds: each round has every extent in every context once."""
    listed = []
    kernels, others = (_rounds(values) for values in (KERNELS, TAILS))
    for number in range(max(len(kernels), len(others))):
        for turn, role in enumerate(roles(op)):
            rounds = kernels if role.startswith("kernel") else others
            for place, context in enumerate(contexts(op)):
                if number < len(rounds):
                    values = rounds[number]
                    listed.append(Request(context, ((role, values[(turn + place) % len(values)]),)))
    for number, value in enumerate(MULTIPLES):
        for turn, role in enumerate(role for role in roles(op) if not role.startswith("kernel")):
            listed += [Request(context, ((role, value),)) for context in contexts(op)[(number + turn) % 4 :: 4]]
    return listed


def _rounds(values: Sequence[int], together: int = 5) -> list[Sequence[int]]:
    """The values that take turns in a round, so many together: in that many rounds each of them has each turn."""
    blocks = [values[start : start + together] for start in range(0, len(values), together)]
    return [(*block[turn:], *block[:turn]) for block in blocks for turn in range(len(block))]


def pairs(op: Operation, values: Sequence[int] = PAIRED, *, every: int = 6) -> list[Request]:
    """Two extents beyond a tile at once, each pair of values in one context of so many."""
    axes = range(op.axes)
    last = axes[-1]
    both = [(f"{side} {a}", f"{side} {b}") for side in ("input", "output") for a, b in combinations(axes, 2)]
    both += [("in_channels", "out_channels"), ("in_channels/group", "out_channels/group")]
    both += [
        ("batch", "in_channels"),
        ("batch", "out_channels"),
        ("batch", f"output {last}"),
        ("groups", f"output {last}"),
    ]
    both += [(f"{side}_channels", f"{side}put {a}") for side in ("in", "out") for a in dict.fromkeys((last, 0))]
    listed = [
        Request(context, ((one, value), (other, next_to)))
        for turn, ((one, other), value, next_to) in enumerate(product(both, values, values))
        for context in contexts(op)[turn % every :: every]
    ]
    whole = [(("in_channels/group", v), ("out_channels", v), *((f"input {a}", v) for a in axes)) for v in ALIKE]
    listed += [Request(context, wanted) for wanted in whole for context in (contexts(op)[0], Context(padding=1))]
    return listed + [
        Request(context, ((one, value), (other, value)))
        for (one, other), value in product((*both, ("in_channels/group", "out_channels")), ALIKE)
        for context in contexts(op)[:2]
    ]


def drawn(op: Operation, rng: np.random.Generator, count: int) -> list[Request]:
    """So many requests for one extent, or two, of any size up to LARGEST_DRAWN, small ones as often as large ones."""
    known, around = roles(op), contexts(op)

    def extent(role: str) -> int:
        most = LONGEST_KERNEL if role.startswith("kernel") else LARGEST_DRAWN
        return int(3 * (most / 3) ** rng.random())

    listed = []
    for _ in range(count):
        chosen = rng.permutation(len(known))[: rng.integers(1, 3)]
        wanted = tuple((known[one], extent(known[one])) for one in chosen)
        listed.append(Request(around[rng.integers(len(around))], wanted))
    return listed


def large(op: Operation) -> list[Request]:
    """Extents beyond 16 bits, long sums, long axes, many channels and long kernels."""
    axes = range(op.axes)
    plain, grouped = Context(kernel=2), Context(kernel=2, split="groups")
    strided, deep = Context(kernel=2, stride=2, padding=1), Context(kernel=2, split="depthwise")
    long = (65535, 65536, 65537) if len(axes) == 1 else (1023, 1025, 4097)
    sums = (255, 257, 511, 512, 513, 1023, 1024, 1025, 2304, 4608)
    wanted: list[tuple[str, Sequence[int], tuple[Context, ...]]] = [
        ("reduction", (*sums, 10_000, 10_007) if op.by_weight else sums, (plain, Context(), grouped)),
        ("in_channels", (255, 256, 257, 1024, 1025), (plain, grouped, deep)),
        ("out_channels", (255, 256, 257, 1024, 1025), (plain, grouped, deep)),
        ("batch", (127, 128, 129, 255, 256, 257, 1025), (plain, grouped, strided)),
        ("groups", (255, 256, 257, 1024, 1025), (deep, Context(kernel=2, stride=2, split="multiplied"))),
    ]
    for axis in axes:
        wanted.append((f"kernel {axis}", (13, 16, 31, 33), (plain, strided, deep)))
        wanted.append((f"input {axis}", (255, 256, 257, *long), (plain, strided, deep)))
        wanted.append((f"output {axis}", (255, 256, 257, *long), (plain, strided, Context(kernel=2, dilation=3))))
    flat = tuple((f"kernel {axis}", 1) for axis in axes[:-1])
    listed = [Request(context, ((role, v),)) for role, values, around in wanted for v in values for context in around]
    return listed + [
        Request(around, (("batch", v), *flat)) for v in (65535, 65536, 65537) for around in (plain, strided)
    ]


def lopsided(op: Operation) -> Iterator[Problem]:
    """Strides longer than the kernel and the input, kernels longer than the input, one output, and empty batches."""
    family, dimensions = op.family, op.axes
    long_stride = AxisSetting(3, 2, 5, (1, 1), 1)
    long_kernel = AxisSetting(2, 7, 1, (3, 3), 1) if family == "conv" else AxisSetting(2, 7, 1, (1, 1), 1)
    one_output = AxisSetting(5, 5, 1, (0, 0), 1) if family == "conv" else AxisSetting(1, 3, 2, (1, 1), 1)
    usual = AxisSetting(4, 2, 1, (0, 0), 1)
    for special in (long_stride, long_kernel, one_output):
        for axis in range(dimensions):
            axes = [usual] * axis + [special] + [usual] * (dimensions - 1 - axis)
            yield _as(op, compose(family, axes, Channels(4, 6, 2), 2, bias=False))
        yield _as(op, compose(family, [special] * dimensions, Channels(2, 3, 1), 2, bias=False))
    for axes in ([usual] * dimensions, [one_output] * dimensions):
        yield _as(op, compose(family, axes, Channels(4, 6, 2), 0, bias=False))


def _as_reduction(op: Operation, context: Context, wanted: Mapping[str, int]) -> list[dict[str, int]]:
    """The extents that together make a sum of the wanted length; nothing further where none is wanted."""
    length = wanted.get("reduction")
    if length is None:
        return [{}]
    axes = range(op.axes)
    if op.by_weight:
        batch = next((b for b in (2, 3, 5, 7) if length % b == 0), 1)
        shape = {f"output {axis}": 1 for axis in axes[:-1]}
        return [{"batch": b, **shape, f"output {axes[-1]}": length // b} for b in dict.fromkeys((batch, 1))]
    if context.split in ("depthwise", "multiplied"):
        return [{f"kernel {axis}": 1 for axis in axes[:-1]} | {f"kernel {axes[-1]}": length}]
    side = "out" if op.by_input else "in"
    cube = (context.kernel,) * len(axes)
    kernels = [cube, (*(1,) * (len(axes) - 1), context.kernel), (1,) * len(axes)]
    fitting = next(kernel for kernel in kernels if length % math.prod(kernel) == 0)
    return [{f"{side}_channels/group": length // math.prod(fitting)} | {f"kernel {a}": fitting[a] for a in axes}]


def _compose(op: Operation, context: Context, wanted: Mapping[str, int], company: _Company) -> Problem | None:
    family = op.family
    channels = _channels(context.split, wanted, company)
    axes = [_axis(family, context, wanted, axis, company.sizes[axis % 3]) for axis in range(op.axes)]
    if channels is None or any(axis is None for axis in axes):
        return None
    settings = [axis for axis in axes if axis is not None]
    batch = wanted.get("batch", company.batch)
    candidate = compose(family, settings, channels, batch, padding=context.word, bias=context.bias)
    candidate = _as(op, candidate)
    return candidate if solvable(candidate) else None


def _channels(split: Split, wanted: Mapping[str, int], company: _Company) -> Channels | None:
    inputs, outputs = wanted.get("in_channels", 0), wanted.get("out_channels", 0)
    if split == "plain":
        groups, per_input, per_output = 1, company.inputs, company.outputs
    elif split == "groups":
        common = math.gcd(inputs, outputs)
        groups = next((g for g in (2, 3, 5, 7, 11, 13, common) if common % g == 0), 1) if common else company.groups
        per_input, per_output = company.inputs, company.outputs
    else:
        multiplier = 1 if split == "depthwise" else 2
        groups = inputs or outputs // multiplier or company.groups
        per_input, per_output = 1, multiplier
    groups = wanted.get("groups", groups)
    if groups < 1 or (groups == 1) != (split == "plain"):
        return None
    per_input = wanted.get("in_channels/group", inputs // groups or per_input)
    per_output = wanted.get("out_channels/group", outputs // groups or per_output)
    return Channels(groups * per_input, groups * per_output, groups)


def _axis(family: Family, context: Context, wanted: Mapping[str, int], axis: int, company: int) -> AxisSetting | None:
    """The axis with the wanted size, output and kernel; the padding gives way where it does not go with them."""
    kernel = wanted.get(f"kernel {axis}", context.kernel)
    size, output = wanted.get(f"input {axis}"), wanted.get(f"output {axis}")
    span, stride = kernel_span(kernel, context.dilation), context.stride
    extra = context.output_padding if family == "conv_transpose" else 0
    if family == "conv":
        if context.word == "same":
            size, padding = size or output or company + 1, 0
        elif size is not None:
            padding = max(context.padding, (span - size + 1) // 2)
        else:
            padding = min(context.padding, (span - 1) // 2)
            size = span + ((output or company) - 1) * stride - 2 * padding + (stride - 1) * (axis % 2)
        return AxisSetting(size, kernel, stride, (padding, padding), context.dilation)
    padding = min(context.padding, (span - 1) // 2)
    if output is None:
        return AxisSetting(size or company, kernel, stride, (padding, padding), context.dilation, extra)
    extras = dict.fromkeys((extra, *range(max(stride, context.dilation))))
    for more, sides in product(extras, dict.fromkeys((padding, *range(span + 1)))):
        steps, rest = divmod(output + 2 * sides - span - more, stride)
        if rest == 0 and steps >= 0:
            return AxisSetting(steps + 1, kernel, stride, (sides, sides), context.dilation, more)
    return None


def _as(op: Operation, candidate: Problem) -> Problem:
    return candidate if candidate.operation == op else replace(candidate, operation=op)
