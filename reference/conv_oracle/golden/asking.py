"""What a case asks: its problem as plain JSON, and the operands that follow from its id."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from conv_oracle.geometry import Shape
from conv_oracle.golden.cases import Case
from conv_oracle.golden.container import array_digest
from conv_oracle.golden.families import Entry, Stored, stored
from conv_oracle.golden.generator import small_integers
from conv_oracle.problem import Problem, parse

LIMITS = {"x": 4, "w": 3, "b": 9, "dy": 3}
"""The largest magnitude of each operand's values where a case does not say otherwise."""

RESULTS = ("y", "dx", "dw", "db")


def notation_of(case: Case) -> Problem:
    """The case's problem; float32 unless it is complex."""
    problem = parse(case.problem)
    return problem if problem.complex_valued else replace(problem, dtype="float32")


def problem_entry(problem: Problem) -> Entry:
    """A problem as the members of an entry."""
    return {"problem": str(problem), "parameters": spelled_out(problem)}


def spelled_out(problem: Problem) -> dict[str, Any]:
    """A problem as plain JSON: PyTorch's parameter names, one number per axis.

    `padding` is as PyTorch takes it: an int, one per axis, a word; or (before, after) pairs, which it does not take.
    `pads` is the same in pairs, null where only PyTorch's refusal is right.
    """
    pads: Any = None
    if not isinstance(problem.padding, str):
        pads = [list(pair) for pair in problem.padding]
    elif problem.padding == "valid" or set(problem.stride) == {1}:
        pads = [list(pair) for pair in problem.geometry.padding]
    common: dict[str, Any] = {
        "operation": problem.operation.name,
        "input_shape": list(problem.input_shape),
        "weight_shape": list(problem.weight_shape),
        "bias": problem.bias,
        "stride": list(problem.stride),
        "padding": _padding(problem),
        "pads": pads,
        "dilation": list(problem.dilation),
        "groups": problem.groups,
    }
    if problem.transposed:
        common["output_padding"] = list(problem.output_padding)
    else:
        common["padding_mode"] = problem.padding_mode
    return common | {"dtype": problem.dtype}


def operand_shapes(problem: Problem, *, cotangent: bool) -> dict[str, Shape]:
    """The shapes of x, w, b (where the problem has a bias) and, if it has a result, dy."""
    channels = problem.weight_shape[1] * problem.groups if problem.transposed else problem.weight_shape[0]
    shapes = {"x": problem.input_shape, "w": problem.weight_shape}
    shapes |= {"b": (channels,)} if problem.bias else {}
    return shapes | ({"dy": problem.output_shape} if cotangent else {})


def result_shapes(problem: Problem) -> dict[str, Shape]:
    """The shapes of y, dx, dw and db."""
    shapes = (problem.output_shape, problem.input_shape, problem.weight_shape, (problem.out_channels,))
    return dict(zip(RESULTS, shapes, strict=True))


def generated(case: str, operand: str, shape: Shape, limit: int, exponent: int, *, of_complex: bool) -> Stored:
    """An operand as the files hold it: the stream `case/operand` in C order, times 2^exponent."""
    shape = (*shape, 2) if of_complex else shape
    return stored(small_integers(f"{case}/{operand}", int(np.prod(shape)), limit).reshape(shape), exponent)


def described(array: Stored, key: str, bound: int, exponent: int) -> dict[str, Any]:
    """An array as an entry describes it; `key` is what its bound is called."""
    return {"shape": list(array.shape), key: bound, "exponent": exponent, "sha256": array_digest(array)}


def _padding(problem: Problem) -> Any:
    if isinstance(problem.padding, str):
        return problem.padding
    if any(before != after for before, after in problem.padding):
        return [list(pair) for pair in problem.padding]
    each = [before for before, _ in problem.padding]
    return each[0] if len(set(each)) == 1 else each
