"""One pass of a convolution, seen as rows of terms: the operand whose elements can be laid out term by term.

Every pass sums products of two operands. In one of them, the carrier, the terms of an output stand side by side: the
weight, or, where the sum runs over positions, the operand with those positions. As a matrix it has one row per channel
of the result, and one column per term. So data that needs few terms, or these terms at those places, is written for
every pass at once: as rows of the carrier, with the other operand random, or all ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from conv_oracle.auditing.operands import ACCUMULATOR_BITS, DTYPES, Gradients, by_all
from conv_oracle.geometry import Shape
from conv_oracle.operation import Result
from conv_oracle.passes import Array
from conv_oracle.problem import Problem
from conv_oracle.truth.formats import COMPONENT


@dataclass(frozen=True)
class Pass:
    """One part of a problem's answer: `output`, `grad_input`, `grad_weight` or `grad_bias`.

    `problem` is what is asked; with gradients it is a forward operation, and every part of it is a pass.
    wider: the format of the answer, where it is not that of the operands.
    second: of the double backward, the operand whose cotangent takes its place in the part. All other cotangents of
    gradients are zero: grad_grad_output sums two such parts and a bias, and how a library adds those three arrays is
    not measured. PyTorch rounds each to the format of the result.
    """

    problem: Problem
    part: str
    with_gradients: bool = False
    wider: str = ""
    second: str = ""

    @property
    def returned(self) -> str:
        """What the part is called in the answer."""
        if not self.second:
            return self.part
        return "grad_grad_output" if self.part == "output" else f"second {self.part}"

    @property
    def gradients(self) -> Gradients | None:
        """What is differentiated in the call."""
        return by_all(self.problem, second=bool(self.second)) if self.with_gradients else None

    def given(self, operands: Mapping[str, Array]) -> Mapping[str, Array]:
        """The operands of the call, of those of the part."""
        if not self.second or self.gradients is None:
            return operands
        shapes = self.gradients.operand_shapes(self.problem)
        every = {name: operands.get(name, np.zeros(shape)) for name, shape in shapes.items()}
        every[self.named(self.second)] = operands[self.second]
        return {**every, self.second: np.ones(shapes[self.second])}

    def named(self, operand: str) -> str:
        """What an operand of the part is called in the call."""
        return f"grad_grad_{operand}" if operand == self.second else operand

    @cached_property
    def alone(self) -> Problem:
        """The part as an operation of its own; that of a bias gradient is the gradient by the weight."""
        if self.part == self.problem.operation.returns:
            return self.problem
        result: Result = "grad_input" if self.part == "grad_input" else "grad_weight"
        return replace(self.problem, operation=self.problem.operation.gradient(result), bias=False)

    @property
    def component(self) -> str:
        """The format of the operands; of complex ones, of their components."""
        return COMPONENT.get(self.problem.dtype, self.problem.dtype)

    @property
    def bits(self) -> int:
        """Those of the working precision, in which sums are made."""
        return max(ACCUMULATOR_BITS, DTYPES[self.component].bits)

    @property
    def format(self) -> str:
        """The format of the answer; of a complex one, of its components."""
        return self.wider or self.component

    @property
    def biased_in_few_bits(self) -> bool:
        """Whether a bias is part of it, and results have fewer bits than sums."""
        return self.problem.bias and self.part == "output" and not self.second and DTYPES[self.format].narrow

    @property
    def of_bias(self) -> bool:
        """Whether it is a sum without products."""
        return self.part == "grad_bias"

    @cached_property
    def carrier(self) -> str:
        """The operand in which terms stand side by side."""
        if self.of_bias:
            return "grad_output"
        if self.alone.operation.by_weight:
            return "input" if self.problem.transposed else "grad_output"
        return "weight"

    @cached_property
    def other(self) -> str:
        """The operand that the carrier is multiplied with; of a bias gradient, one that does not matter."""
        if self.part == "output":
            return "input"
        if self.part == "grad_input":
            return "grad_output"
        return "input" if self.carrier == "grad_output" else "grad_output"

    @cached_property
    def taps(self) -> int:
        """Columns that lie side by side and belong to one channel; 1 where columns are positions."""
        return math.prod(self.problem.weight_shape[2:]) if self.carrier == "weight" else 1

    @cached_property
    def rows_and_columns(self) -> tuple[int, int]:
        """The shape of the carrier as a matrix."""
        rows = self.rows(np.empty(self._shape(self.carrier)))
        return rows.shape[0], rows.shape[1]

    def rows(self, carrier: Array) -> Array:
        """The carrier as a matrix (channels of the result, terms)."""
        if self.carrier != "weight":
            axis = self._channel_axis
            return np.moveaxis(carrier, axis, 0).reshape(carrier.shape[axis], -1)
        if self.by_rows:
            return carrier.reshape(len(carrier), -1)
        g = self.problem.groups
        first, second, *_ = carrier.shape
        return carrier.reshape(g, first // g, second, -1).swapaxes(1, 2).reshape(g * second, -1)

    def placed(self, rows: Array) -> Array:
        """The inverse of `rows`."""
        shape = self._shape(self.carrier)
        if self.carrier != "weight":
            axis = self._channel_axis
            moved = (shape[axis], *shape[:axis], *shape[axis + 1 :])
            return np.moveaxis(rows.reshape(moved), 0, axis)
        if self.by_rows:
            return rows.reshape(shape)
        g = self.problem.groups
        first, second, *_ = shape
        return rows.reshape(g, second, first // g, -1).swapaxes(1, 2).reshape(shape)

    @cached_property
    def asked(self) -> dict[str, Shape]:
        """The operands of the whole problem; with gradients, the cotangent too."""
        if self.with_gradients:
            return {**self.problem.operand_shapes, "grad_output": self.problem.output_shape}
        return self.problem.operand_shapes

    @property
    def shapes(self) -> dict[str, Shape]:
        """All operands that the part has a use for."""
        return {name: self._shape(name) for name in (self.carrier, self.other)}

    @property
    def by_rows(self) -> bool:
        """Whether a row of the weight, as it is stored, holds an output's terms."""
        return self.problem.transposed == self.alone.operation.by_input

    @property
    def _channel_axis(self) -> int:
        return 1 if self.problem.batched else 0

    def _shape(self, name: str) -> Shape:
        known = {"input": self.problem.input_shape, "weight": self.problem.weight_shape}
        return known.get(name, self.problem.output_shape)
