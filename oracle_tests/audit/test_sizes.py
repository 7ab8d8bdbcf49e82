"""The problems that the seed of an audit draws: layers that people run, at their sizes, and sizes crossed in threes."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from conv_oracle.auditing import LEVELS
from conv_oracle.auditing.pace import LARGEST_IF_SLOW, TELLING, Pace
from conv_oracle.auditing.problems import MOST_ESSENTIAL, essential, lacks_output, problems
from conv_oracle.auditing.problems.crossed import crossed
from conv_oracle.auditing.problems.extents import MOST_MULTIPLY_ADDS, MOST_NUMBERS, affordable, numbers
from conv_oracle.auditing.problems.reach import Layer, within
from conv_oracle.auditing.problems.sorts import LEAST_BEYOND, MOST_BEYOND
from conv_oracle.operation import FAMILIES, Operation, operation
from conv_oracle.problem import parse
from conv_oracle.space import AxisSetting, Channels

OPS = [Operation(family, axes) for family in FAMILIES for axes in (1, 2, 3)]
OPS += [Operation("conv", axes, result) for axes in (1, 2, 3) for result in ("grad_input", "grad_weight")]
QUICK, STANDARD = LEVELS["quick"], LEVELS["standard"]
SEEDS = (1, 2, 3)


def square(problem):
    """(kernel, stride, padding, dilation) of a problem that has the same on every axis, else None."""
    ways = (problem.weight_shape[2:], problem.stride, problem.padding, problem.dilation)
    if isinstance(problem.padding, str) or any(len(set(way)) > 1 for way in ways):
        return None
    return tuple(way[0] for way in (*ways[:2], problem.padding[0], ways[3]))


def has(seed, trigger, op="conv2d", level=QUICK):
    return any(trigger(problem) for problem in problems(operation(op), level, seed=seed))


def plain(problem, *setting):
    return square(problem) == setting and problem.groups == 1


def depthwise(problem):
    return problem.groups == problem.input_shape[-3] >= 16


ASKED = {
    "a stem": lambda p: plain(p, 7, 2, 3, 1) and p.weight_shape[1] in (1, 3, 4) and min(p.input_shape[2:]) >= 14,
    "colours with stride 2": lambda p: p.weight_shape[1] == 3 and p.stride == (2, 2) and p.input_shape[3] > 16,
    "dilated on a wide image": lambda p: (
        plain(p, 3, 1, 2, 2) and p.weight_shape[1] >= 16 and min(p.input_shape[2:]) >= 16
    ),
    "patches": lambda p: plain(p, 16, 16, 0, 1) and p.input_shape[1] == 3 and max(p.input_shape[2:]) > 32,
    "depthwise": lambda p: depthwise(p) and square(p) == (3, 1, 1, 1) and min(p.input_shape[2:]) > 13,
    "1x1 on many pixels": lambda p: (
        plain(p, 1, 1, 0, 1) and p.weight_shape[1] >= 16 and np.prod(p.input_shape[2:]) >= 196
    ),
    "3x3 on many channels": lambda p: plain(p, 3, 1, 1, 1) and p.weight_shape[1] >= 16 and min(p.input_shape[2:]) > 8,
}
TRANSPOSED = {
    "4x4, stride 2, of an odd width": lambda p: plain(p, 4, 2, 1, 1) and p.input_shape[3] % 2 and p.input_shape[3] > 8,
    "2x2, stride 2": lambda p: plain(p, 2, 2, 0, 1) and p.input_shape[1] >= 16 and max(p.input_shape[2:]) > 16,
}
OF_TIME = {
    "causal": lambda p: plain(p, 2, 1, 4, 4) and p.input_shape[1] >= 16 and p.input_shape[2] > 16,
    "a long filter": lambda p: p.weight_shape[2] == 31 and p.groups == p.input_shape[1] > 1,
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("op", "name", "trigger"),
    [
        (op, name, trigger)
        for op, table in (("conv2d", ASKED), ("conv_transpose2d", TRANSPOSED), ("conv1d", OF_TIME))
        for name, trigger in table.items()
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_layers_that_people_run_are_asked_at_their_sizes(op, name, trigger, seed):
    assert has(seed, trigger, op), name


@pytest.mark.parametrize("op", OPS, ids=str)
def test_another_seed_draws_other_extents_and_nothing_else(op):
    one, other = (set(problems(op, QUICK, seed=seed)) for seed in (1, 2))
    fixed = one & other
    assert set(essential(op)) <= fixed
    for mine, its in ((one, other), (other, one)):
        assert 0.1 * len(mine) < len(mine - its) < 0.3 * len(mine)
    assert problems(op, QUICK, seed=1) == problems(op, replace(QUICK), seed=1)


@pytest.mark.parametrize("op", OPS, ids=str)
def test_the_first_thirty_have_one_channel_by_strides_and_taps_in_padding(op):
    first = problems(op, QUICK, seed=4)[:30]
    one = [p for p in first if p.groups == 1 and p.weight_shape[:2] == (1, 1) and max(p.stride) > 1]
    assert op.axes == 1 or any(len(set(p.stride)) > 1 for p in one)
    assert one
    for axis in range(op.axes):
        assert any(unread(p, axis) and (p.bias or not op.forward) for p in first)
    assert set(essential(op)) <= set(problems(op, QUICK, seed=4)[: MOST_ESSENTIAL + 8])


def unread(problem, axis):
    """Whether whole outputs read padding alone along an axis; of a transposed one, whether no input reaches some."""
    span = problem.dilation[axis] * (problem.weight_shape[2 + axis] - 1) + 1
    if problem.transposed:
        return problem.stride[axis] > span
    return problem.padding[axis][0] >= span


@pytest.mark.parametrize("axes", [1, 2])
def test_sizes_are_crossed_in_threes(axes):
    """Any classes of the channels, the height and the width meet: odd and even, to 8, to 16 and beyond."""
    met = set()
    for problem in crossed(Operation("conv", axes), np.random.default_rng(5)):
        sides = [(min(size // 8, 2), size % 2) for size in problem.output_shape[2:]]
        met.add((problem.input_shape[1] >= 8, *sides))
    classes = list(product((0, 1, 2), (0, 1)))
    assert not set(product((False, True), *(classes,) * axes)) - met


def test_a_few_problems_are_larger_than_all_others():
    op = operation("conv2d")
    for level in (QUICK, STANDARD):
        listed = problems(op, level, seed=9)
        larger = [p for p in listed if not affordable(p)]
        assert len(larger) == level.beyond
        assert all(LEAST_BEYOND < p.multiply_adds <= MOST_BEYOND for p in larger)
        assert all(numbers(p) <= MOST_NUMBERS for p in larger)
    assert MOST_MULTIPLY_ADDS < LEAST_BEYOND


def test_a_layer_is_made_smaller_until_it_is_within_a_limit():
    op = operation("conv2d")
    layer = Layer((AxisSetting(33, 3, 1, (1, 1), 1), AxisSetting(28, 3, 1, (1, 1), 1)), Channels(64, 64, 1))
    many = within(op, layer, 1_000_000, keep_channels=True)
    wide = within(op, layer, 1_000_000, keep_channels=False)
    assert many.weight_shape[:2] == (64, 64)
    assert [size % 2 for size in many.input_shape[2:]] == [1, 0]
    assert wide.weight_shape[0] == 4
    assert min(wide.input_shape[2:]) > 16
    assert max(many.multiply_adds, wide.multiply_adds) <= 1_000_000
    assert within(op, layer, 100, keep_channels=False) is None


def test_what_would_take_too_long_is_left_out_and_told():
    small, large = (parse(f"conv2d x1x1x{size}x{size} w1x1x3x3 p1 float64") for size in (20, 300))
    pace = Pace()
    assert not pace.refuses(large, 2, level=5.0, slow=False)
    pace.note(small, 2, 60.0)
    assert small.multiply_adds < TELLING
    assert not pace.refuses(large, 2, level=5.0, slow=False)
    pace.note(large, 2, 2.0)
    assert "too long" in pace.refuses(large, 2, level=5.0, slow=False)
    assert not pace.refuses(small, 2, level=5.0, slow=True)
    assert "calls are slow" in pace.refuses(large, 2, level=5.0, slow=True)
    assert small.multiply_adds <= LARGEST_IF_SLOW < large.multiply_adds


def test_many_examples_are_left_out_where_each_takes_its_time():
    several, very_many = (parse(f"conv2d x{batch}x1x4x4 w1x1x1x1 float64") for batch in (64, 65_537))
    for seconds, refused in ((0.001, False), (0.020, True)):
        pace = Pace()
        pace.note(several, 2, seconds)
        assert bool(pace.refuses(very_many, 2, level=5.0, slow=False)) is refused
        assert not pace.refuses(several, 2, level=5.0, slow=False)


@pytest.mark.parametrize(
    ("notation", "lacks"),
    [
        ("conv2d x1x1x2x5 w1x1x3x3 float64", True),
        ("conv2d x1x1x5x5 w1x1x3x3 s0 float64", False),
        ("conv_transpose3d x2x3x5x5x8 w3x2x2x2x3 o0,0,1 float64", False),
        ("conv_transpose1d x1x1x1 w1x1x1 p1 float64", True),
    ],
)
def test_contradictory_arguments_are_told_from_problems_without_an_output(notation, lacks):
    """A transposed subject without a stride gets output_padding and stride 1: PyTorch's rule, no empty size."""
    assert lacks_output(parse(notation)) is lacks
