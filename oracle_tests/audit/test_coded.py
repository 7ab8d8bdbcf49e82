"""Coded probes read the index map of whatever is asked, exactly, and show where it departs."""

from dataclasses import replace

import numpy as np
import pytest

from conv_oracle.auditing import LEVELS
from conv_oracle.auditing.operands import DTYPES, from_bytes, to_bytes
from conv_oracle.auditing.operands.coded import count, departures, probes
from conv_oracle.auditing.problems import problems
from conv_oracle.formulas import definition
from conv_oracle.operation import torch_operations
from conv_oracle.problem import parse
from conv_oracle.truth import fast


def read(problem, compute):
    asked = probes(problem)
    assert len(asked) == count(problem)
    return list(departures(problem, asked, [compute(problem, probe.operands) for probe in asked]))


def right(problem, operands):
    return problem.compute(fast, operands)


def small(op, most, number):
    fitting = [p for p in problems(op, LEVELS["quick"]) if 0 < p.multiply_adds <= most and p.geometry.batch]
    return fitting[:: max(1, len(fitting) // number)]


@pytest.mark.parametrize("op", [*torch_operations()], ids=str)
def test_the_map_of_what_is_right_is_the_formulas(op):
    for problem in small(op, 600, 40):
        assert read(problem, right) == [], str(problem)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_format_carries_the_codes(dtype):
    problem = parse(f"conv2d x2x4x5x4 w6x2x2x3 s1,2 p1 g2 bias {dtype}")
    assert read(problem, right) == []
    kind = DTYPES[dtype]
    for probe in probes(problem):
        for operand in probe.operands.values():
            assert np.array_equal(from_bytes(to_bytes(operand, kind), kind, operand.shape), operand)
            assert np.abs(operand).max() <= (2**kind.bits)


def test_the_definition_reads_what_the_fast_form_reads():
    problem = parse("conv_transpose1d x1x4x3 w4x3x2 s2 p1 o1 g2 bias")
    assert read(problem, lambda p, operands: p.compute(definition, operands)) == []


def flipped(problem, operands):
    return right(problem, {**operands, "weight": operands["weight"][..., ::-1]})


def groups_forgotten(problem, operands):
    x = operands["input"]
    half = x.shape[1] // 2
    return right(problem, {**operands, "input": np.concatenate([x[:, :half]] * 2, axis=1)})


def slices_swapped(problem, operands):
    w = np.array(operands["weight"])
    w[[0, 1]] = w[[1, 0]]
    return right(problem, {**operands, "weight": w})


def two_elements(problem, operands):
    y = np.array(right(problem, operands))
    y[0, 0, 0] += y[0, 0, 1]
    return y


def bias_of_the_first(problem, operands):
    return right(problem, {**operands, "bias": np.full_like(operands["bias"], operands["bias"][0])})


PLANTED = {
    flipped: "output[0, 0, 0] reads input[0, 0, 1] through weight at [0, 0]; the formula reads padding",
    groups_forgotten: "output[0, 2, 1] reads input[0, 0, 0] through weight at [0, 0]; the formula reads input[0, 2, 0]",
    slices_swapped: "output[0, 0, 1] reads slice of weight[1] through weight at [0, 0]; the formula reads slice of",
    bias_of_the_first: "output[0, 1, 0] adds bias[0]; the formula adds bias[1]",
}


@pytest.mark.parametrize("dtype", ["float64", "bfloat16", "int8"])
@pytest.mark.parametrize("planted", PLANTED)
def test_a_wrong_map_is_read_as_what_it_is(planted, dtype):
    problem = parse(f"conv1d x2x4x5 w4x2x3 p1 g2 bias {dtype}")
    assert any(str(found).startswith(PLANTED[planted]) for found in read(problem, planted))


def test_a_single_wrong_number_is_located_and_nothing_else():
    problem = parse("conv1d x2x4x5 w4x2x3 p1 g2")

    def one_pixel(problem, operands):
        y = np.array(right(problem, operands))
        y[1, 3, 2] = right(problem, {**operands, "weight": operands["weight"] * (np.arange(3) < 2)})[1, 3, 2]
        return y

    found = read(problem, one_pixel)
    assert {departure.result for departure in found} == {(1, 3, 2)}
    assert {departure.position[-1] for departure in found} == {2}
    assert all(departure.read is None and departure.formula is not None for departure in found)


def test_a_sum_of_elements_is_no_element():
    found = read(parse("conv1d x1x1x4 w1x1x2"), two_elements)
    assert found
    assert all(isinstance(departure.read, str) for departure in found if departure.operand == "input")


def test_probes_do_not_depend_on_what_was_asked_before():
    problem = parse("conv2d_weight x2x3x4x4 w2x3x2x2")
    first, second = probes(problem), probes(replace(problem))
    for a, b in zip(first, second, strict=True):
        assert all(np.array_equal(a.operands[name], b.operands[name]) for name in a.operands)
