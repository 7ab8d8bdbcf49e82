"""The truth of several draws of one problem at once.

Draws that lie side by side as groups of one wide convolution do not mix. So one call of the fast form computes all of
them: activations are put side by side along their channels, weights and biases along their first axis.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from conv_oracle.auditing.operands.draws import Draws
from conv_oracle.passes import Array
from conv_oracle.problem import Problem
from conv_oracle.truth import fast

PARTS: Mapping[str, tuple[str, tuple[int, int, int]]] = {
    "output": ("activations", (1, 1, 0)),
    "grad_input": ("activations", (0, 1, 1)),
    "grad_weight": ("weight", (1, 0, 1)),
    "grad_bias": ("weight", (0, 0, 1)),
    "grad_grad_output": ("activations", (1, 1, 0)),
    "second grad_input": ("activations", (0, 1, 1)),
    "second grad_weight": ("weight", (1, 0, 1)),
}
"""Per part of an answer: how its draws lie side by side, and its powers of the scales (input, weight, grad_output)."""

WEIGHTS = ("weight", "bias", "grad_grad_weight", "grad_grad_bias")


def expected(problem: Problem, draws: Draws, *, gradients: bool = False) -> dict[str, Array]:
    """The truth: every part of the answer by name, (draws, *shape), in float64 or complex128.

    gradients: whether the gradients that torch.autograd computes of a forward operation are included; those of second
    order too, for the cotangents grad_grad_input, grad_grad_weight and grad_grad_bias, where the draws hold them.
    """
    count = len(draws)
    wide = _side_by_side(problem, count)
    operands = {name: _joined(draws.stacked(name), problem, name) for name in draws.places}
    with np.errstate(invalid="ignore", over="ignore"):  # special values are operands too
        parts = (
            {problem.operation.returns: wide.compute(fast, operands)} if not gradients else _all_passes(wide, operands)
        )
    apart = {name: _apart(part, problem, name, count) for name, part in parts.items()}
    if not draws.scaled:
        return apart
    return {name: part * _scales(draws, name, part.ndim - 1) for name, part in apart.items()}


def _side_by_side(problem: Problem, count: int) -> Problem:
    if count == 1:
        return problem
    x, w, axis = problem.input_shape, problem.weight_shape, _channel_axis(problem)
    return Problem(
        problem.operation,
        (*x[:axis], x[axis] * count, *x[axis + 1 :]),
        (w[0] * count, *w[1:]),
        problem.stride,
        problem.padding,
        problem.output_padding,
        problem.dilation,
        problem.groups * count,
        problem.padding_mode,
        problem.bias,
        problem.dtype,
    )


def _channel_axis(problem: Problem) -> int:
    return len(problem.input_shape) - problem.dimensions - 1


def _joined(stacked: Array, problem: Problem, name: str) -> Array:
    """(draws, *shape) with the draws merged into the channels, which are the first or the second axis, or the first."""
    axis = 0 if name in WEIGHTS else _channel_axis(problem)
    count, *shape = stacked.shape
    joined: Array = stacked.swapaxes(0, axis).reshape(*shape[:axis], count * shape[axis], *shape[axis + 1 :])
    return joined


def _apart(joined: Array, problem: Problem, name: str, count: int) -> Array:
    """The inverse of `_joined`."""
    axis = 0 if PARTS[name][0] == "weight" else _channel_axis(problem)
    shape = joined.shape
    split = joined.reshape(*shape[:axis], count, shape[axis] // count, *shape[axis + 1 :])
    apart: Array = split.swapaxes(axis, 0)
    return apart


def _scales(draws: Draws, name: str, axes: int) -> Array:
    return draws.scale(PARTS[name][1]).reshape(-1, *(1,) * axes)


def _all_passes(problem: Problem, operands: Mapping[str, Array]) -> dict[str, Array]:
    """The forward result and the gradients of it, by the fast form."""
    x, w, dy = operands["input"], operands["weight"], operands["grad_output"]
    transposed, parameters = problem.transposed, problem.parameters
    by_input = fast.conv_transpose_input if transposed else fast.conv_input
    by_weight = fast.conv_transpose_weight if transposed else fast.conv_weight
    parts = {
        "output": problem.compute(fast, operands),
        "grad_input": by_input(problem.input_shape, w, dy, **parameters),
        "grad_weight": by_weight(x, problem.weight_shape, dy, **parameters),
    }
    if problem.bias:
        parts["grad_bias"] = fast.conv_bias(dy, dimensions=problem.dimensions)
    if "grad_grad_input" in operands:
        again = fast.conv_transpose_double_backward if transposed else fast.conv_double_backward
        cotangents = operands["grad_grad_input"], operands["grad_grad_weight"], operands.get("grad_grad_bias")
        second = again(x, w, dy, *cotangents, **parameters)
        parts |= {
            "grad_grad_output": second.grad_output,
            "second grad_input": second.input,
            "second grad_weight": second.weight,
        }
    return parts
