"""The lists of problems: every tail of every extent is there, in every context that a fault may hide in."""

from dataclasses import replace
from functools import lru_cache
from math import prod

import pytest

from conv_oracle.auditing import LEVELS
from conv_oracle.auditing.plan import _in_dtypes
from conv_oracle.auditing.problems import affordable, invalid_arguments, problems, smaller, unsolvable
from conv_oracle.auditing.problems.extents import MOST_MULTIPLY_ADDS, MOST_NUMBERS
from conv_oracle.auditing.problems.sorts import MOST_BEYOND
from conv_oracle.auditing.sandbox import Binding
from conv_oracle.auditing.targets import ORDER
from conv_oracle.operation import FAMILIES, Operation, operation
from conv_oracle.problem import parse
from conv_oracle.space import solvable

OPS = [Operation(family, axes) for family in FAMILIES for axes in (1, 2, 3)]
OPS += [Operation("conv", axes, result) for axes in (1, 2, 3) for result in ("grad_input", "grad_weight")]
SAMPLED = [pytest.param(op, id=op.name, marks=[pytest.mark.slow] * (op.axes == 3)) for op in OPS]
"""Lists of three axes take seconds each: all of them in a slow run."""

QUICK, STANDARD = LEVELS["quick"], LEVELS["standard"]
TAILS = [multiple + off for multiple in (4, 8, 16, 32, 64) for off in (-1, 0, 1)]


class Sizes:
    """A problem's extents by the formulas of the shapes alone, without the code that made it."""

    def __init__(self, problem):
        axes = range(problem.dimensions)
        x, w, g = problem.input_shape, problem.weight_shape, problem.groups
        d, s = problem.dilation, problem.stride
        self.problem, self.groups, self.kernel = problem, g, w[2:]
        self.stride, self.dilation = s, d
        self.batch, self.cin = (1, x[0]) if len(x) == len(w) - 1 else x[:2]
        self.size = x[-problem.dimensions :]
        word = problem.padding if isinstance(problem.padding, str) else ""
        same = [d[a] * (w[2 + a] - 1) for a in axes]
        pad = same if word == "same" else [0 if word else sum(problem.padding[a]) for a in axes]
        self.padded, self.word = any(pad) and not word, word
        span = [d[a] * (w[2 + a] - 1) + 1 for a in axes]
        if problem.transposed:
            self.cout = w[1] * g
            extra = problem.output_padding
            self.out = tuple((self.size[a] - 1) * s[a] - pad[a] + span[a] + extra[a] for a in axes)
        else:
            self.cout = w[0]
            self.out = tuple((self.size[a] + pad[a] - span[a]) // s[a] + 1 for a in axes)
        if problem.operation.by_weight:
            self.reduction = self.batch * prod(self.out)
        else:
            self.reduction = (self.cout if problem.operation.by_input else self.cin) // g * prod(w[2:])

    def roles(self):
        yield from (("batch", self.batch), ("cin", self.cin), ("cout", self.cout), ("reduction", self.reduction))
        yield from (("cin/g", self.cin // self.groups), ("cout/g", self.cout // self.groups), ("g", self.groups))
        for name, sizes in (("in", self.size), ("out", self.out), ("k", self.kernel)):
            yield from ((f"{name}{axis}", size) for axis, size in enumerate(sizes))

    @property
    def contexts(self):
        depthwise = self.groups > 1 and self.groups == self.cin
        yield from ["groups"] * (self.groups > 1) + ["plain"] * (self.groups == 1)
        yield from ["depthwise"] * depthwise + ["multiplied"] * (depthwise and self.cout > self.cin)
        yield from [f"stride {s}" for s in {*self.stride} - {1}] + [f"dilation {d}" for d in {*self.dilation} - {1}]
        yield from ["padding"] * self.padded + ["bias"] * self.problem.bias + [self.word] * bool(self.word)
        yield from ["output_padding"] * any(self.problem.output_padding)


@lru_cache
def measured(op, level):
    return [Sizes(problem) for problem in problems(op, LEVELS[level])]


@pytest.mark.parametrize("op", SAMPLED)
@pytest.mark.sampled(2)
def test_every_extent_meets_every_tail(op):
    there = {pair for sizes in measured(op, "standard") for pair in sizes.roles()}
    roles = {role for role, _ in there}
    assert len(roles) == 7 + 3 * op.axes
    wanted = {(role, tail) for role in roles for tail in (range(1, 12) if role[0] == "k" else TAILS)}
    assert not wanted - there


@pytest.mark.parametrize("op", SAMPLED)
def test_every_context_meets_every_extent_beyond_a_tile(op):
    met = {
        (role, context)
        for sizes in measured(op, "standard")
        for role, value in sizes.roles()
        if value > 32
        for context in sizes.contexts
    }
    contexts = {
        "plain",
        "groups",
        "depthwise",
        "multiplied",
        "stride 2",
        "stride 3",
        "dilation 2",
        "dilation 3",
        "padding",
    }
    contexts |= {"bias"} if op.forward else set()
    contexts |= {"output_padding"} if op.transposed else set()
    impossible = {("g", "plain"), ("cin/g", "depthwise"), ("cin/g", "multiplied")}
    roles = {role for sizes in measured(op, "quick") for role, _ in sizes.roles() if role[0] != "k"}
    assert not {(r, c) for r in roles for c in contexts} - met - impossible


PLANTED = {
    "channels left over, in groups": lambda z: z.cout % 8 != 0 and z.groups > 1,
    "columns beyond a tile, at stride 2": lambda z: z.out[-1] > 32 and z.stride[-1] == 2,
    "dilation above 2 in groups": lambda z: max(z.dilation) > 2 and z.groups > 1,
    "a large batch": lambda z: z.batch >= 16,
    "a long sum": lambda z: z.reduction > 64,
    "a long kernel": lambda z: max(z.kernel) > 7,
}
NARROW = {
    "rows and channels beyond 16": lambda z: z.size[0] > 16 and z.cin > 16,
    "a batch beyond 16 bits": lambda z: z.batch > 65_535,
    "a sum beyond 1024": lambda z: z.reduction > 1024,
    "more than 1024 channels": lambda z: z.cin > 1024 or z.cout > 1024,
    "1025 groups": lambda z: z.groups > 1024,
    "an axis beyond 4096": lambda z: max(z.size) > 4096,
    "an output beyond 4096": lambda z: max(z.out) > 4096,
    "a stride beyond kernel and input": lambda z: any(
        s > max(k, i) for s, k, i in zip(z.stride, z.kernel, z.size, strict=True)
    ),
    "a kernel beyond the input": lambda z: any(k > i for k, i in zip(z.kernel, z.size, strict=True)),
    "every output axis 1": lambda z: set(z.out) == {1} and max(z.kernel) > 1,
    "first and last axis beyond a tile": lambda z: z.out[0] > 32 and z.out[-1] > 32,
    "channels beyond a tile on both sides": lambda z: z.cin > 32 and z.cout > 32,
    "a batch and channels beyond a tile": lambda z: z.batch > 16 and z.cin > 16,
    "odd channels per group beyond 8, at stride 2": lambda z: (
        z.cin // z.groups > 8 and z.cin // z.groups % 2 and z.groups > 1 and 2 in z.stride
    ),
}


@pytest.mark.parametrize("op", SAMPLED)
@pytest.mark.parametrize("level", ["quick", "standard"])
def test_planted_triggers_are_met(op, level):
    planted = PLANTED if level == "quick" else PLANTED | NARROW
    sizes = measured(op, level)
    missed = [name for name, trigger in planted.items() if sum(bool(trigger(z)) for z in sizes) < 2]
    assert not missed


@pytest.mark.parametrize("op", SAMPLED)
def test_a_list_is_that_of_its_seed_solvable_affordable_and_without_duplicates(op):
    first = problems(op, STANDARD)
    problems.cache_clear()
    assert problems(op, STANDARD) == first
    assert len(set(first)) == len(first)
    larger = [problem for problem in first if problem.multiply_adds > MOST_MULTIPLY_ADDS]
    assert len(larger) <= STANDARD.beyond
    assert all(problem.multiply_adds <= MOST_BEYOND for problem in larger)
    for problem in first:
        assert problem.operation == op
        assert solvable(problem)
        assert sum(map(prod, (*problem.operand_shapes.values(), problem.output_shape))) <= MOST_NUMBERS + 2000


@pytest.mark.parametrize("op", SAMPLED)
def test_an_audit_cut_short_has_had_something_of_each(op):
    start = [Sizes(problem) for problem in problems(op, STANDARD)[:300]]
    tails = {role for z in start for role, value in z.roles() if value in TAILS[6:]}
    assert {"batch", "cin", "cout", "g", "reduction", "in0", "out0"} <= tails
    assert max(z.problem.multiply_adds for z in start) < 500_000
    assert len(problems(op, QUICK)) < 1_330
    assert 5_000 < len(problems(op, STANDARD)) < 14_500


def test_mined_problems_are_asked_early():
    mined = tuple(parse(f"conv2d x1x1x{size}x3 w1x1x2x2") for size in range(1000, 1010))
    listed = problems(operation("conv2d"), QUICK, mined)
    assert set(mined) <= set(listed[:170])
    assert not set(mined) & set(problems(operation("conv2d"), QUICK))


@pytest.mark.parametrize("op", OPS[:6], ids=str)
def test_what_must_be_refused_is_broken_on_every_axis(op):
    none = unsolvable(op)
    assert none
    assert not any(map(solvable, none))
    wrong = invalid_arguments(op)
    assert not any(map(solvable, wrong))
    assert len(set(wrong)) == len(wrong)
    dimensions = wrong[0].dimensions
    for axis in range(dimensions):
        usual = (5, 2, *(2,) * (dimensions - 1))
        assert usual
        assert any(z.input_shape[2 + axis] != 5 or z.weight_shape[2 + axis] != 2 or z.dilation[axis] > 1 for z in none)
        for name, value in (("stride", 0), ("stride", -1), ("dilation", 0), ("padding", (-1, -1))):
            assert any(getattr(p, name)[axis] == value for p in wrong if not isinstance(getattr(p, name), str))
    assert {len(p.input_shape) - dimensions for p in wrong} == {0, 2, 3}
    assert {p.groups for p in wrong} >= {0, -2}


def test_a_smaller_problem_is_solvable_and_has_smaller_numbers():
    whole = parse("conv2d x3x4x9x8 w6x2x3x2 s2 p1 d2 g2 bias")
    less = list(smaller(whole))
    assert replace(whole, bias=False) in less
    assert all(map(solvable, less))
    assert all(numbers(p) < numbers(whole) or not p.bias for p in less)


def numbers(problem):
    """All that a problem is told, added up."""
    sides = [sum(pair) for pair in problem.padding]
    told = (problem.input_shape, problem.weight_shape, problem.stride, problem.dilation, problem.output_padding, sides)
    return sum(map(sum, told)) + problem.groups


@pytest.mark.parametrize("op", SAMPLED[:6])
def test_what_a_signature_leaves_of_a_problem_is_affordable_too(op):
    """Without groups, a depthwise layer of a thousand channels is a dense one of a million weights."""
    bare = Binding(ORDER[op.nd_name][:2], {})
    left = _in_dtypes(problems(op, STANDARD), ["float32"], bare)
    assert len(left) > 300
    assert len(set(left)) == len(left)
    assert all(affordable(p) or sum(map(prod, p.operand_shapes.values())) < MOST_NUMBERS + 2000 for p in left)
    assert sum(p.multiply_adds > MOST_MULTIPLY_ADDS for p in left) <= STANDARD.beyond
    assert {p.groups for p in left} == {1}
