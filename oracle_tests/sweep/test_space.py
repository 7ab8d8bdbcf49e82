"""The space of problems: all of one axis, and covering arrays whose strength is counted."""

from collections import Counter
from itertools import combinations, islice, product

import numpy as np
import pytest

from conv_oracle.errors import GeometryError
from conv_oracle.operation import FAMILIES
from conv_oracle.space import (
    CHANNELS,
    COVERING_BATCHES,
    COVERING_CHANNELS,
    DILATIONS,
    KERNELS,
    SIZES,
    STRIDES,
    axis_settings,
    covering_array,
    covering_problems,
    one_axis_problems,
    solvable,
    unsolvable_one_axis_problems,
)
from conv_oracle.truth import fast
from sweep.answers import answers
from sweep.operands import make_case
from sweep.witness import accepts


@pytest.mark.parametrize("levels", [(2, 2, 2), (3, 4, 5, 2), (5, 7, 5, 2, 4, 3, 3, 5, 4), (3,) * 14])
def test_any_three_columns_show_every_triple(levels):
    rows = covering_array(levels)
    assert rows.min() >= 0
    assert (rows < np.array(levels)).all()
    for columns in combinations(range(len(levels)), 3):
        seen = {tuple(row) for row in rows[:, columns].tolist()}
        assert len(seen) == np.prod([levels[column] for column in columns])


def test_a_covering_array_is_much_smaller_than_the_product_and_has_no_idle_row():
    levels = (5, 7, 5, 2, *(3, 3, 3, 5, 4) * 3)
    rows = covering_array(levels)
    assert len(rows) * 10**7 < np.prod([float(n) for n in levels])
    assert len({tuple(row) for row in rows.tolist()}) == len(rows)


def test_the_axis_is_whole():
    expected = {
        (size, kernel, stride, padding, dilation)
        for size, kernel, stride, dilation in product(range(1, 8), range(1, 6), range(1, 4), range(1, 4))
        for padding in range(kernel + 2)
    }
    for family in FAMILIES:
        seen = {(a.size, a.kernel, a.stride, a.padding[0], a.dilation) for a in axis_settings(family)}
        assert seen == expected
        assert all(a.padding[0] == a.padding[1] for a in axis_settings(family))
    extras = Counter((a.stride, a.dilation, a.output_padding) for a in axis_settings("conv_transpose"))
    assert {key[2] for key in extras if key[:2] == (3, 1)} == {0, 1, 2}
    assert (max(SIZES), max(KERNELS), max(STRIDES), max(DILATIONS)) == (7, 5, 3, 3)


@pytest.mark.parametrize("family", FAMILIES)
def test_solvable_and_unsolvable_problems_make_the_axis(family):
    solved = list(one_axis_problems(family, channels=CHANNELS[3:4], batches=[2]))
    unsolved = list(unsolvable_one_axis_problems(family))
    assert len(solved) + len(unsolved) == len(axis_settings(family))
    assert len({*solved, *unsolved}) == len(axis_settings(family))
    assert all(map(solvable, solved))
    assert not any(map(solvable, unsolved))


@pytest.mark.parametrize("family", FAMILIES)
def test_what_has_no_solution_is_refused_by_torch_and_by_us(family):
    for problem in unsolvable_one_axis_problems(family):
        # In float64: with oneDNN, torch accepts some of them in float32; see known_witness_faults.json.
        assert not accepts(problem, onednn=True)
        assert not accepts(problem, onednn=False)
        with pytest.raises(GeometryError):
            getattr(fast, family)(np.zeros(problem.input_shape), np.zeros(problem.weight_shape), **problem.parameters)


@pytest.mark.parametrize("wider", [False, True])
@pytest.mark.parametrize("dimensions", [1, 2, 3])
@pytest.mark.parametrize("family", FAMILIES)
def test_covering_problems_are_solvable_distinct_and_show_every_relation(family, dimensions, wider):
    problems = list(covering_problems(family, dimensions, wider=wider))
    assert all(map(solvable, problems))
    assert len(set(problems)) == len(problems)
    seen = Counter(relation for problem in problems for relation in relations(problem))
    wanted = RELATIONS[family] | (WIDER[family] if wider else set())
    assert wanted <= set(seen)
    assert wider or not WIDER[family] & set(seen)
    batches = {None if len(p.input_shape) == dimensions + 1 else p.input_shape[0] for p in problems}
    assert batches == set(COVERING_BATCHES)
    channels = {(p.geometry.in_channels, p.geometry.out_channels, p.groups) for p in problems}
    sides = {(c.inputs, c.outputs, c.groups) if family == "conv" else (c.outputs, c.inputs, c.groups)
             for c in COVERING_CHANNELS}  # fmt: skip
    assert channels == sides


RELATIONS = {
    "conv": {"remainder", "no remainder", "stride > kernel", "padding = kernel", "padding > kernel", "kernel = padded",
             "kernel = input", "dilated span > input", "same", "valid", "bias", "no bias", "no padding",
             "full padding"},
    "conv_transpose": {"stride > kernel", "padding = kernel", "padding > kernel", "bias", "no bias", "no padding",
                       "output_padding", "output_padding = dilation - 1", "output_padding = stride - 1",
                       "output of one"},
}  # fmt: skip
WIDER = {"conv": {"asymmetric", "reflect", "replicate", "circular"}, "conv_transpose": {"asymmetric"}}


def relations(p):
    g = p.geometry
    yield "bias" if p.bias else "no bias"
    if isinstance(p.padding, str):
        yield p.padding
        return
    if p.padding_mode != "zeros":
        yield p.padding_mode
    sizes = g.input_size if p.operation.family == "conv" else g.output_size
    for i, k, s, (before, after), d, extra, o in zip(
        sizes, g.kernel_size, p.stride, p.padding, p.dilation, p.output_padding, g.output_size, strict=True
    ):
        span = d * (k - 1) + 1
        yield from (
            name
            for name, holds in {
                "asymmetric": before != after,
                "no padding": before == after == 0,
                "full padding": before == after == span - 1 > 0,
                "stride > kernel": s > k,
                "padding = kernel": before == k,
                "padding > kernel": before > k,
                "output_padding": extra > 0,
                "output_padding = dilation - 1": extra == d - 1 > 0,
                "output_padding = stride - 1": extra == s - 1 > 0,
                "kernel = padded": span == i + before + after,
                "kernel = input": span == i,
                "dilated span > input": span > i,
                "remainder": (i + before + after - span) % s > 0,
                "no remainder": s > 1 and (i + before + after - span) % s == 0 and o > 1,
                "output of one": p.output_shape[-1] == 1,
            }.items()
            if holds
        )


def test_operands_vary_and_repeat_from_the_notation():
    for problem in islice(covering_problems("conv", 2, wider=True), 0, None, 20):
        case, again, other = make_case(problem, 1), make_case(problem, 1), make_case(problem, 2)
        for name in ("input", "weight", "grad_output"):
            array = getattr(case, name)
            assert (array == getattr(again, name)).all()
            assert array.size < 2 or len(set(array.ravel().tolist())) > 1
            assert 0 not in array
        assert problem.input_shape[0] == 0 or (case.input.tolist(), case.weight.tolist()) != (
            other.input.tolist(),
            other.weight.tolist(),
        )
        assert answers(fast, case).output.dtype == case.input.dtype
