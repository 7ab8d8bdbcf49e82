"""One direction through an index map: a convolution goes from the input side to the output side, a transposed one back.

                    from -> to          forward            gradient by the input    gradient by the weight
    convolution     input -> output     to_output(x, w)    to_input(w, dy)          to_weight(x, dy)
    transposed      output -> input     to_input(w, x)     to_output(dy, w)         to_weight(dy, x)

x is what goes in, and has the shape of the side that the direction starts from (`source`); y and dy have that of the
other side (`target`). The weight is the same array for both, (M, C / groups, *K).
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy.typing as npt

from conv_oracle.geometry import Geometry, Shape, check_bias, check_shape
from conv_oracle.passes.arrays import Array, accumulator, as_array, conjugate, rounded


class Contraction(Protocol):
    """One contraction of the index map with two operands, both batched.

    The result may have a wider dtype than the operands; the caller rounds it once, to theirs.
    """

    def __call__(self, first: Array, second: Array, geometry: Geometry, /) -> Array:
        """The sum of first * second over the terms of the geometry's index map."""
        ...


class DoubleBackward(NamedTuple):
    """The gradients of a gradient: with the shapes of the input, the weight and grad_output."""

    input: Array
    weight: Array
    grad_output: Array


class Direction(NamedTuple):
    """The passes of a convolution, or of a transposed one, of one geometry. Operands are arrays of numbers."""

    to_output: Contraction
    to_input: Contraction
    to_weight: Contraction
    geometry: Geometry
    transposed: bool
    source: Shape
    target: Shape

    def forward(self, x: Array, w: Array, bias: npt.ArrayLike | None) -> Array:
        """The contraction of x and w, plus the bias per channel: y."""
        return self._with_bias(self._contract_forward(x, w), bias, x, w)

    def by_input(self, w: Array, grad_output: Array) -> Array:
        """The contraction of conj(w) and grad_output, with the shape of x: dx."""
        dy, g = self._cotangent(grad_output), self.geometry
        dx = self.to_output(dy, conjugate(w), g) if self.transposed else self.to_input(conjugate(w), dy, g)
        return rounded(dx, w, dy).reshape(g.as_given(self.source))

    def by_weight(self, x: Array, grad_output: Array) -> Array:
        """The contraction of conj(x) and grad_output, with the shape of w: dw."""
        dy, g = self._cotangent(grad_output), self.geometry
        read = conjugate(x.reshape(self.source))
        dw = self.to_weight(dy, read, g) if self.transposed else self.to_weight(read, dy, g)
        return rounded(dw, x, dy)

    def double_backward(
        self,
        x: Array,
        w: Array,
        grad_output: npt.ArrayLike,
        grad_grad_input: npt.ArrayLike,
        grad_grad_weight: npt.ArrayLike,
        grad_grad_bias: npt.ArrayLike | None,
    ) -> DoubleBackward:
        """The gradients of (dx, dw, db) for their cotangents (vx, vw, vb): by x, by w and by grad_output."""
        dy = as_array("grad_output", grad_output)
        vx, vw = as_array("grad_grad_input", grad_grad_input), as_array("grad_grad_weight", grad_grad_weight)
        check_shape("grad_grad_input", vx.shape, x.shape, "have the input's shape")
        check_shape("grad_grad_weight", vw.shape, w.shape, "have the weight's shape")
        y = self._contract_forward(vx, w) + self._contract_forward(x, vw)
        return DoubleBackward(
            self.by_input(vw, dy), self.by_weight(vx, dy), self._with_bias(y, grad_grad_bias, x, w, vx, vw)
        )

    def _contract_forward(self, x: Array, w: Array) -> Array:
        x = x.reshape(self.source)
        return self.to_input(w, x, self.geometry) if self.transposed else self.to_output(x, w, self.geometry)

    def _with_bias(self, y: Array, bias: npt.ArrayLike | None, *operands: Array) -> Array:
        """Y + bias per channel, rounded once to the operands' dtype and without the batch if there was none."""
        if bias is not None:
            b = as_array("bias", bias)
            check_bias(b.shape, self.target[1])
            y = y + b.astype(accumulator(b.dtype), copy=False).reshape(-1, *(1,) * self.geometry.dimensions)
            operands = (*operands, b)
        return rounded(y, *operands).reshape(self.geometry.as_given(self.target))

    def _cotangent(self, grad_output: Array) -> Array:
        """grad_output, batched; refused unless it has the shape of the direction's result."""
        expected = self.geometry.as_given(self.target)
        check_shape("grad_output", grad_output.shape, expected, "have the output's shape")
        return grad_output.reshape(self.target)
