"""`Passes`: the operations of convolution on any number of axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import SupportsIndex, TypedDict

import numpy.typing as npt

from conv_oracle.errors import GeometryError
from conv_oracle.geometry import Geometry, IntOrTuple, Padding, conv_geometry, conv_transpose_geometry
from conv_oracle.passes.arrays import Array, accumulator, as_array, rounded
from conv_oracle.passes.direction import Contraction, Direction, DoubleBackward
from conv_oracle.passes.pytorch import Named, conv_input_of, conv_of, conv_transpose_of, conv_weight_of


class ConvParameters(TypedDict, total=False):
    """The parameters of `Passes.conv`."""

    stride: IntOrTuple
    padding: Padding
    dilation: IntOrTuple
    groups: SupportsIndex
    padding_mode: str


@dataclass(frozen=True)
class Passes:
    """The operations of convolution in terms of to_output(x, w), to_input(w, y) and to_weight(x, y).

    Operands are arrays, or nested sequences, of numbers: any NumPy dtype but bool, or Python objects such as
    Fraction. The result has the operands' common dtype; integers wrap as that dtype does. Every operation
    raises GeometryError for a shape or parameter that has no convolution, and OperandError for what is not numbers.

    The operations take any number of axes, inferred from the weight; padding may be (before, after) pairs, one per
    axis, and a convolution may have a padding mode. `named` gives those that PyTorch has.
    Gradients are those of torch.autograd: of complex operands, the conjugate is taken of the one that stays.
    """

    to_output: Contraction
    to_input: Contraction
    to_weight: Contraction

    def conv(
        self,
        input: npt.ArrayLike,
        weight: npt.ArrayLike,
        bias: npt.ArrayLike | None = None,
        *,
        stride: IntOrTuple = 1,
        padding: Padding = 0,
        dilation: IntOrTuple = 1,
        groups: SupportsIndex = 1,
        padding_mode: str = "zeros",
    ) -> Array:
        """y[n, m, o] = bias[m] + sum over c, k of weight[m, c, k] * input[n, first(m) + c, o*s + k*d - p]   (S12).

        n example, m output channel, c channel within m's group, o and k positions with one entry per axis.

        input         (N, C, *I), or (C, *I) without a batch; zero outside its box: that is what zero padding means
        weight        (M, C / groups, *K)
        bias          (M,), or None
        stride        s, elements between neighbouring windows: an int, or one per axis, 1 or more
        padding       p, elements before and after: an int, one int or one (before, after) pair per axis, 'same' (keeps
                      the size, at stride 1; the odd element goes after) or 'valid' (none)
        dilation      d, elements between neighbouring taps: an int, or one per axis, 1 or more
        groups        divides C and M; output channel m reads the C / groups channels from first(m) on
        padding_mode  'zeros', 'reflect', 'replicate' or 'circular': what lies beyond the input's box

        Returns (N, M, *O) or (M, *O), O = floor((I + before + after - d * (K - 1) - 1) / s) + 1   (S11).
        Raises GeometryError where no output exists, and OperandError for what is not numbers.
        """
        x, w = as_array("input", input), as_array("weight", weight)
        g = conv_geometry(
            x.shape,
            w.shape,
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=groups,
            padding_mode=padding_mode,
        )
        return self._forth(g).forward(x, w, bias)

    def conv_input(
        self,
        input_size: Sequence[SupportsIndex],
        weight: npt.ArrayLike,
        grad_output: npt.ArrayLike,
        *,
        stride: IntOrTuple = 1,
        padding: Padding = 0,
        dilation: IntOrTuple = 1,
        groups: SupportsIndex = 1,
        padding_mode: str = "zeros",
    ) -> Array:
        """dx[i] = sum T[i, k, o] conj(weight[k]) grad_output[o]: the gradient of `conv` by its input   (S14).

        input_size    the input's whole shape, (N, C, *I) or (C, *I), and the result's
        weight        (M, C / groups, *K)
        grad_output   with the shape of `conv`'s result

        stride, padding, dilation, groups, padding_mode and the errors are those of `conv`.
        """
        w, dy = as_array("weight", weight), as_array("grad_output", grad_output)
        g = conv_geometry(
            input_size,
            w.shape,
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=groups,
            padding_mode=padding_mode,
        )
        return self._forth(g).by_input(w, dy)

    def conv_weight(
        self,
        input: npt.ArrayLike,
        weight_size: Sequence[SupportsIndex],
        grad_output: npt.ArrayLike,
        *,
        stride: IntOrTuple = 1,
        padding: Padding = 0,
        dilation: IntOrTuple = 1,
        groups: SupportsIndex = 1,
        padding_mode: str = "zeros",
    ) -> Array:
        """dw[k] = sum T[i, k, o] conj(input[i]) grad_output[o]: the gradient of `conv` by its weight   (S15).

        input         (N, C, *I), or (C, *I) without a batch
        weight_size   the weight's whole shape, (M, C / groups, *K), and the result's
        grad_output   with the shape of `conv`'s result

        stride, padding, dilation, groups, padding_mode and the errors are those of `conv`.
        """
        x, dy = as_array("input", input), as_array("grad_output", grad_output)
        g = conv_geometry(
            x.shape,
            weight_size,
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=groups,
            padding_mode=padding_mode,
        )
        return self._forth(g).by_weight(x, dy)

    def conv_double_backward(
        self,
        input: npt.ArrayLike,
        weight: npt.ArrayLike,
        grad_output: npt.ArrayLike,
        grad_grad_input: npt.ArrayLike,
        grad_grad_weight: npt.ArrayLike,
        grad_grad_bias: npt.ArrayLike | None = None,
        *,
        stride: IntOrTuple = 1,
        padding: Padding = 0,
        dilation: IntOrTuple = 1,
        groups: SupportsIndex = 1,
        padding_mode: str = "zeros",
    ) -> DoubleBackward:
        """The gradients of (dx, dw, db) for their cotangents (vx, vw, vb), by input, weight and grad_output.

            by input        conv_input with weight vw
            by weight       conv_weight with input vx
            by grad_output  conv(vx, weight) + conv(input, vw) + vb

        A convolution is bilinear, so its second derivatives are convolutions again   (S12, S14, S15).

        input, weight, grad_output  the operands of dx and dw, as in `conv_input` and `conv_weight`
        grad_grad_input             vx, with the shape of input
        grad_grad_weight            vw, with the shape of weight
        grad_grad_bias              vb, (M,), or None

        stride, padding, dilation, groups, padding_mode and the errors are those of `conv`.
        """
        x, w = as_array("input", input), as_array("weight", weight)
        g = conv_geometry(
            x.shape,
            w.shape,
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=groups,
            padding_mode=padding_mode,
        )
        return self._forth(g).double_backward(x, w, grad_output, grad_grad_input, grad_grad_weight, grad_grad_bias)

    def conv_transpose(
        self,
        input: npt.ArrayLike,
        weight: npt.ArrayLike,
        bias: npt.ArrayLike | None = None,
        *,
        stride: IntOrTuple = 1,
        padding: Padding = 0,
        output_padding: IntOrTuple = 0,
        groups: SupportsIndex = 1,
        dilation: IntOrTuple = 1,
    ) -> Array:
        """y[i] = bias + sum T[i, k, o] weight[k] input[o]: the index map of a convolution, read backwards.

        input           (N, C_in, *I), or (C_in, *I) without a batch
        weight          (C_in, C_out / groups, *K)
        bias            (C_out,), or None
        stride          elements between the places that neighbouring input elements add to, 1 or more
        padding         elements trimmed before and after: an int, one int or one (before, after) pair per axis
        output_padding  elements more at the end of each axis, fewer than its stride or its dilation
        groups          divides C_in and C_out
        dilation        elements between neighbouring taps, 1 or more

        Returns (N, C_out, *O) or (C_out, *O), with
        O = (I - 1) * stride - before - after + dilation * (K - 1) + output_padding + 1   (S11).
        It is `conv_input` without the conjugate: linear in the weight, for complex operands too   (S14).
        Raises GeometryError where no output exists, and OperandError for what is not numbers.
        """
        x, w = as_array("input", input), as_array("weight", weight)
        g = conv_transpose_geometry(
            x.shape,
            w.shape,
            stride=stride,
            padding=padding,
            output_padding=output_padding,
            groups=groups,
            dilation=dilation,
        )
        return self._back(g).forward(x, w, bias)

    def conv_transpose_input(
        self,
        input_size: Sequence[SupportsIndex],
        weight: npt.ArrayLike,
        grad_output: npt.ArrayLike,
        *,
        stride: IntOrTuple = 1,
        padding: Padding = 0,
        output_padding: IntOrTuple = 0,
        groups: SupportsIndex = 1,
        dilation: IntOrTuple = 1,
    ) -> Array:
        """dx[o] = sum T[i, k, o] conj(weight[k]) grad_output[i]: the gradient of `conv_transpose` by its input.

        input_size    the input's whole shape, (N, C_in, *I) or (C_in, *I), and the result's
        weight        (C_in, C_out / groups, *K)
        grad_output   with the shape of `conv_transpose`'s result

        stride, padding, output_padding, groups, dilation and the errors are those of `conv_transpose`.
        """
        w, dy = as_array("weight", weight), as_array("grad_output", grad_output)
        g = conv_transpose_geometry(
            input_size,
            w.shape,
            stride=stride,
            padding=padding,
            output_padding=output_padding,
            groups=groups,
            dilation=dilation,
        )
        return self._back(g).by_input(w, dy)

    def conv_transpose_weight(
        self,
        input: npt.ArrayLike,
        weight_size: Sequence[SupportsIndex],
        grad_output: npt.ArrayLike,
        *,
        stride: IntOrTuple = 1,
        padding: Padding = 0,
        output_padding: IntOrTuple = 0,
        groups: SupportsIndex = 1,
        dilation: IntOrTuple = 1,
    ) -> Array:
        """dw[k] = sum T[i, k, o] conj(input[o]) grad_output[i]: the gradient of `conv_transpose` by its weight.

        input         (N, C_in, *I), or (C_in, *I) without a batch
        weight_size   the weight's whole shape, (C_in, C_out / groups, *K), and the result's
        grad_output   with the shape of `conv_transpose`'s result

        stride, padding, output_padding, groups, dilation and the errors are those of `conv_transpose`.
        """
        x, dy = as_array("input", input), as_array("grad_output", grad_output)
        g = conv_transpose_geometry(
            x.shape,
            weight_size,
            stride=stride,
            padding=padding,
            output_padding=output_padding,
            groups=groups,
            dilation=dilation,
        )
        return self._back(g).by_weight(x, dy)

    def conv_transpose_double_backward(
        self,
        input: npt.ArrayLike,
        weight: npt.ArrayLike,
        grad_output: npt.ArrayLike,
        grad_grad_input: npt.ArrayLike,
        grad_grad_weight: npt.ArrayLike,
        grad_grad_bias: npt.ArrayLike | None = None,
        *,
        stride: IntOrTuple = 1,
        padding: Padding = 0,
        output_padding: IntOrTuple = 0,
        groups: SupportsIndex = 1,
        dilation: IntOrTuple = 1,
    ) -> DoubleBackward:
        """`conv_double_backward` for `conv_transpose`: the same three terms, the index map read backwards.

        input, weight, grad_output  the operands of `conv_transpose_input` and `conv_transpose_weight`
        grad_grad_input             vx, with the shape of input
        grad_grad_weight            vw, with the shape of weight
        grad_grad_bias              vb, (C_out,), or None

        stride, padding, output_padding, groups, dilation and the errors are those of `conv_transpose`.
        """
        x, w = as_array("input", input), as_array("weight", weight)
        g = conv_transpose_geometry(
            x.shape,
            w.shape,
            stride=stride,
            padding=padding,
            output_padding=output_padding,
            groups=groups,
            dilation=dilation,
        )
        return self._back(g).double_backward(x, w, grad_output, grad_grad_input, grad_grad_weight, grad_grad_bias)

    def conv_bias(self, grad_output: npt.ArrayLike, *, dimensions: int) -> Array:
        """db[m] = sum over n, o of grad_output[n, m, o]: the gradient by the bias, of either direction.

        grad_output is (N, M, *O) or (M, *O) with `dimensions` spatial axes; the result is (M,).
        Raises GeometryError for any other number of axes, and OperandError for what is not numbers.
        """
        dy = as_array("grad_output", grad_output)
        if dy.ndim - dimensions not in (1, 2):
            raise GeometryError(
                f"grad_output has an optional batch, channels and {dimensions} spatial axes: "
                f"grad_output.shape={dy.shape}; {dimensions + 1} or {dimensions + 2} sizes would fit"
            )
        wide = dy.astype(accumulator(dy.dtype), copy=False)
        batched = wide if dy.ndim == dimensions + 2 else wide[None]
        return rounded(batched.sum(axis=(0, *range(2, dimensions + 2))), dy)

    def named(self, dimensions: int, module: str = __name__) -> Named:
        """The operations that PyTorch has for this number of spatial axes, with its signatures.

        dimensions is 1, 2 or 3; module is the one that they are imported from, as `help` and pickle say it.
        """
        return Named(
            conv_of(self.conv, dimensions, module),
            conv_transpose_of(self.conv_transpose, dimensions, module),
            conv_input_of(self.conv_input, dimensions, module),
            conv_weight_of(self.conv_weight, dimensions, module),
        )

    def _forth(self, geometry: Geometry) -> Direction:
        """A convolution: from the input side to the output side."""
        source, target = geometry.input_shape, geometry.output_shape
        return Direction(self.to_output, self.to_input, self.to_weight, geometry, False, source, target)

    def _back(self, geometry: Geometry) -> Direction:
        """A transposed convolution: from the output side to the input side."""
        source, target = geometry.output_shape, geometry.input_shape
        return Direction(self.to_output, self.to_input, self.to_weight, geometry, True, source, target)
