"""Faults of the bias: another channel's, none, added more than once, or in some places only."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from conv_oracle.faults.edits import Edit, Operands, bias_column, products_reaching
from conv_oracle.faults.fault import Fault, Variant
from conv_oracle.operation import Operation
from conv_oracle.passes import Array
from conv_oracle.problem import Problem


def _changed(change: Callable[[Problem, Array], Array]) -> Edit:
    """Another bias, (M,), by the problem and the right one."""

    def operands(p: Problem, given: Operands) -> Operands:
        return {**given, "bias": change(p, given["bias"])} if "bias" in given else given

    return Edit(operands=(operands,))


def _only_at(keep: Callable[[Problem, tuple[int, ...]], Array]) -> Edit:
    """The bias where `keep`, by the problem and the result's shape, is true."""

    def answer(p: Problem, given: Operands, found: Array) -> Array:
        if "bias" not in given:
            return found
        return found - np.where(keep(p, found.shape), 0, bias_column(given, p.dimensions))

    return Edit(answer=(answer,))


def _inputs(p: Problem) -> int:
    """Input channels per group."""
    return p.weight_shape[0] // p.groups if p.transposed else p.weight_shape[1]


def _per_group(p: Problem, b: Array) -> int:
    """Output channels per group."""
    return max(len(b) // p.groups, 1)


def _of_the_first_group(p: Problem, b: Array) -> Array:
    return np.tile(b[: _per_group(p, b)], p.groups) if p.groups > 1 else b


def _first_example(p: Problem, shape: tuple[int, ...]) -> Array:
    lead = (np.arange(shape[0]) == 0) if p.batched else np.ones(1, bool)
    return lead.reshape(-1, *(1,) * (p.dimensions + 1)) if p.batched else lead


def _first_place(p: Problem, shape: tuple[int, ...]) -> Array:
    keep = np.zeros(shape[-p.dimensions :], bool)
    keep[(0,) * p.dimensions] = True
    return keep


BIASES: dict[str, Callable[[Problem, Array], Array]] = {
    "it is not added": lambda _, b: b * 0,
    "every group gets the first group's": _of_the_first_group,
    "every channel gets the first channel's": lambda _, b: b * 0 + b[:1],
    "it is added twice": lambda _, b: b * 2,
    "it is added once per kernel element": lambda p, b: b * math.prod(p.weight_shape[2:]),
    "it is added once per product": lambda p, b: b * (_inputs(p) * math.prod(p.weight_shape[2:])),
    "it is added once per input channel": lambda p, b: b * _inputs(p),
    "it is added once per group": lambda p, b: b * p.groups,
    "it is read backwards": lambda _, b: b[::-1],
    "it is read one channel late": lambda _, b: np.roll(b, -1),
    "it is read one channel early": lambda _, b: np.roll(b, 1),
    "it is subtracted": lambda _, b: -b,
    "only the first group gets it": lambda p, b: np.where(np.arange(len(b)) < _per_group(p, b), b, 0),
    "only the first channel gets it": lambda _, b: np.where(np.arange(len(b)) == 0, b, 0),
    "the last channel gets none": lambda _, b: np.where(np.arange(len(b)) < len(b) - 1, b, 0),
    "the last channel gets that of the one before": lambda _, b: np.concatenate(
        [b[:-1], b[-2:-1] if len(b) > 1 else b]
    ),
}
"""What the bias is instead: (problem, the right bias (M,)) -> (M,)."""


def _ways_to_get_the_bias_wrong(op: Operation) -> Iterator[Variant]:
    if op.forward:
        bias = ("bias",)
        for said, change in BIASES.items():
            yield Variant(said, _changed(change), bias)
        yield Variant("outputs that no product reaches get none", _only_at(lambda p, _: products_reaching(p) > 0), bias)
        yield Variant("only the first example gets it", _only_at(_first_example), bias)
        yield Variant("only the first position gets it", _only_at(_first_place), bias)


WRONG = Fault(
    slug="bias-wrong",
    title="the bias is wrong",
    right="y[m] = bias[m] + sum x w, once",
    broken="another channel's bias, none, or more than once",
    reveals="x = 0, bias = [1, 10, 100, 1000], groups 2",
    hides="bias 0, one channel",
    bugs=("robertknight/rten#1408", "kraiskil/onnx2c#40", "huggingface/candle#1732"),
    variants=_ways_to_get_the_bias_wrong,
)
