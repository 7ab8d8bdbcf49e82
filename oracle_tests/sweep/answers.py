"""What a way of computing answers to a case: the forward result, the gradients and, for some, a double backward."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from conv_oracle.passes import DoubleBackward, Passes
from sweep.operands import Array, Case


class Answers(NamedTuple):
    """One array per pass; `double` by input, weight and grad_output, or None where it was not asked."""

    output: Array
    input: Array
    weight: Array
    bias: Array
    double: DoubleBackward | None

    def named(self) -> Iterator[tuple[str, Array]]:
        """Every array with the name that a report gives it."""
        yield "forward", self.output
        yield "input gradient", self.input
        yield "weight gradient", self.weight
        yield "bias gradient", self.bias
        if self.double is not None:
            yield "double backward by input", self.double.input
            yield "double backward by weight", self.double.weight
            yield "double backward by grad_output", self.double.grad_output


def answers(passes: Passes, case: Case) -> Answers:
    """Every pass of a case through one way of computing it."""
    p, parameters = case.problem, case.problem.parameters
    bias = case.bias if p.bias else None
    if p.transposed:
        forward, by_input, by_weight = passes.conv_transpose, passes.conv_transpose_input, passes.conv_transpose_weight
        twice = passes.conv_transpose_double_backward
    else:
        forward, by_input, by_weight = passes.conv, passes.conv_input, passes.conv_weight
        twice = passes.conv_double_backward
    double = None
    if case.double:
        double = twice(
            case.input,
            case.weight,
            case.grad_output,
            case.grad_grad_input,
            case.grad_grad_weight,
            case.grad_grad_bias if p.bias else None,
            **parameters,
        )
    return Answers(
        forward(case.input, case.weight, bias, **parameters),
        by_input(p.input_shape, case.weight, case.grad_output, **parameters),
        by_weight(case.input, p.weight_shape, case.grad_output, **parameters),
        passes.conv_bias(case.grad_output, dimensions=p.dimensions),
        double,
    )
