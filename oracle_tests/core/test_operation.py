"""An operation is its family, its axes and what it returns; its name is read in one place, and read back."""

from dataclasses import replace
from itertools import product
from typing import get_args

import pytest
import torch

from conv_oracle.errors import NotationError
from conv_oracle.operation import FAMILIES, MOST_AXES, Operation, Result, operation, operation_within, torch_operations
from conv_oracle.problem import parse, problem

EVERY = [
    Operation(family, axes, returns)
    for family, axes, returns in product(FAMILIES, range(1, MOST_AXES + 1), get_args(Result))
]


def test_a_name_is_read_back():
    assert len({op.name for op in EVERY}) == len(EVERY)
    for op in EVERY:
        assert operation(op.name) == op
        assert operation(op) == op
        assert str(op) == op.name
        assert op.nd_name == op.name.replace(f"{op.axes}d", "")


@pytest.mark.parametrize(
    ("name", "axes", "transposed", "forward", "by_input", "by_weight", "operands"),
    [
        ("conv2d", 2, False, True, False, False, ("input", "weight")),
        ("conv_transpose3d", 3, True, True, False, False, ("input", "weight")),
        ("conv1d_input", 1, False, False, True, False, ("weight", "grad_output")),
        ("conv2d_weight", 2, False, False, False, True, ("input", "grad_output")),
    ],
)
def test_what_an_operation_is(name, axes, transposed, forward, by_input, by_weight, operands):
    op = operation(name)
    assert (op.axes, op.transposed, op.forward, op.by_input, op.by_weight) == (
        axes,
        transposed,
        forward,
        by_input,
        by_weight,
    )
    assert op.operands == operands
    assert op.gradient(op.returns) == op
    assert op.of_forward == replace(op, returns="output")


def test_who_gathers():
    gathering = {op.name for op in EVERY if op.gathers and op.axes == 2}
    assert gathering == {"conv2d", "conv_transpose2d_input"}


def test_those_of_pytorch_are_its_functions():
    for op in torch_operations():
        assert hasattr(torch.nn.functional if op.forward else torch.nn.grad, op.name)
    assert len(set(torch_operations())) == 12


@pytest.mark.parametrize("name", ["conv", "conv0d", "conv10d", "conv2d_bias", "Conv2d", "conv2d_", "xconv2d", ""])
def test_a_word_that_is_no_operation_is_refused(name):
    with pytest.raises(NotationError, match=r"an operation is conv or conv_transpose.* would fit"):
        operation(name)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("my_Conv2d", "conv2d"),
        ("convtranspose1d_fast", "conv_transpose1d"),
        ("ConvTranspose3d", "conv_transpose3d"),
        ("conv2d_weight_v2", "conv2d_weight"),
        ("naive_conv_transpose2d", "conv_transpose2d"),
        ("correlate", None),
        ("conv4d", None),
    ],
)
def test_a_name_that_holds_one(text, name):
    found = operation_within(text)
    assert (found and found.name) == name


def test_a_problem_takes_an_operation_or_its_name():
    one = parse("conv2d x1x1x3x3 w1x1x2x2")
    assert one.operation == operation("conv2d")
    assert problem(operation("conv2d"), (1, 1, 3, 3), (1, 1, 2, 2)) == one
    gradient = replace(one, operation="conv2d_weight")
    assert gradient.operation.by_weight
    assert gradient.result_shape == one.weight_shape
    assert replace(one, operation=operation("conv2d_input")).result_shape == one.input_shape
