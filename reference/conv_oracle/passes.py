"""Every pass of a convolution, from the three contractions of its index map.

    y[o]  = sum T[i, k, o] x[i] w[k]       to_output
    x[i]  = sum T[i, k, o] w[k] y[o]       to_input
    w[k]  = sum T[i, k, o] x[i] y[o]       to_weight

A `Passes` turns one way of computing these three into every operation of PyTorch, under its name and signature.
The definition (`conv_oracle.formulas`) and the fast form (`conv_oracle.truth`) are two of them; an
implementation with a fault planted in one contraction is another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, SupportsIndex, TypedDict, Unpack

import numpy as np
import numpy.typing as npt

from conv_oracle.errors import GeometryError, OperandError
from conv_oracle.geometry import (
    Geometry,
    IntOrTuple,
    Padding,
    Shape,
    check_bias,
    check_shape,
    conv_geometry,
    conv_transpose_geometry,
    per_axis_padding,
)

Array = npt.NDArray[Any]


class ConvParameters(TypedDict, total=False):
    """The parameters of a convolution of any number of axes."""

    stride: IntOrTuple
    padding: Padding
    dilation: IntOrTuple
    groups: SupportsIndex
    padding_mode: str


class ConvTransposeParameters(TypedDict, total=False):
    """The parameters of a transposed convolution of any number of axes."""

    stride: IntOrTuple
    padding: Padding
    output_padding: IntOrTuple
    groups: SupportsIndex
    dilation: IntOrTuple


class Contraction(Protocol):
    """One contraction of the index map with two operands, both batched.

    The result may have a wider dtype than the operands; the caller rounds it once, to theirs.
    """

    def __call__(self, first: Array, second: Array, geometry: Geometry, /) -> Array:
        """One sum over the terms of the index map."""
        ...


class DoubleBackward(NamedTuple):
    """The gradients of a gradient: with the shapes of the input, the weight and grad_output."""

    input: Array
    weight: Array
    grad_output: Array


@dataclass(frozen=True)
class Passes:
    """The operations of convolution in terms of to_output(x, w), to_input(w, y) and to_weight(x, y).

    Operands are arrays, or nested sequences, of numbers: any NumPy dtype but bool, or Python objects such as
    Fraction. The result has the operands' common dtype; integers wrap as that dtype does. Every operation
    raises GeometryError for a shape or parameter that has no convolution, and OperandError for what is not numbers.

    The forms below take any number of axes, told by the weight; padding may be (before, after) pairs, one per axis,
    and a convolution may have a padding mode. `named` gives the forms that PyTorch has.
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
        **parameters: Unpack[ConvParameters],
    ) -> Array:
        """y[n, m, o] = bias[m] + sum over c, k of weight[m, c, k] * input[n, first(m) + c, o*s + k*d - p]   (S12).

        n example, m output channel, c channel within m's group, o and k positions with one entry per axis.
        input (N, C, *I) or (C, *I), weight (M, C / groups, *K), bias (M,); the result is (N, M, *O) or (M, *O).
        input is zero outside its box: that is the whole meaning of zero padding.
        """
        x, w = as_array("input", input), as_array("weight", weight)
        return _forward(self._conv(conv_geometry(x.shape, w.shape, **parameters)), x, w, bias)

    def conv_input(
        self,
        input_size: Sequence[SupportsIndex],
        weight: npt.ArrayLike,
        grad_output: npt.ArrayLike,
        **parameters: Unpack[ConvParameters],
    ) -> Array:
        """dx[i] = sum T[i, k, o] conj(weight[k]) grad_output[o]: the gradient of `conv` by its input   (S14).

        input_size is the input's whole shape; grad_output has the shape of `conv`'s result.
        """
        w, dy = as_array("weight", weight), as_array("grad_output", grad_output)
        return _by_input(self._conv(conv_geometry(input_size, w.shape, **parameters)), w, dy)

    def conv_weight(
        self,
        input: npt.ArrayLike,
        weight_size: Sequence[SupportsIndex],
        grad_output: npt.ArrayLike,
        **parameters: Unpack[ConvParameters],
    ) -> Array:
        """dw[k] = sum T[i, k, o] conj(input[i]) grad_output[o]: the gradient of `conv` by its weight   (S15).

        weight_size is the weight's whole shape, (M, C / groups, *K), and the result's.
        """
        x, dy = as_array("input", input), as_array("grad_output", grad_output)
        return _by_weight(self._conv(conv_geometry(x.shape, weight_size, **parameters)), x, dy)

    def conv_double_backward(
        self,
        input: npt.ArrayLike,
        weight: npt.ArrayLike,
        grad_output: npt.ArrayLike,
        grad_grad_input: npt.ArrayLike,
        grad_grad_weight: npt.ArrayLike,
        grad_grad_bias: npt.ArrayLike | None = None,
        **parameters: Unpack[ConvParameters],
    ) -> DoubleBackward:
        """The gradients of (dx, dw, db) for their cotangents (vx, vw, vb), by input, weight and grad_output.

            by input        conv_input with weight vw
            by weight       conv_weight with input vx
            by grad_output  conv(vx, weight) + conv(input, vw) + vb

        A convolution is bilinear, so its second derivatives are convolutions again.
        """
        x, w = as_array("input", input), as_array("weight", weight)
        direction = self._conv(conv_geometry(x.shape, w.shape, **parameters))
        return _double_backward(direction, x, w, grad_output, grad_grad_input, grad_grad_weight, grad_grad_bias)

    def conv_transpose(
        self,
        input: npt.ArrayLike,
        weight: npt.ArrayLike,
        bias: npt.ArrayLike | None = None,
        **parameters: Unpack[ConvTransposeParameters],
    ) -> Array:
        """y[i] = bias + sum T[i, k, o] weight[k] input[o]: the index map of a convolution, read backwards.

        input (N, C_in, *I) or (C_in, *I), weight (C_in, C_out / groups, *K), bias (C_out,); the result has
        (I - 1) * stride - before - after + dilation * (K - 1) + output_padding + 1 elements on each axis.
        It is `conv_input` without the conjugate: linear in the weight, for complex operands too.
        """
        x, w = as_array("input", input), as_array("weight", weight)
        return _forward(self._conv_transpose(conv_transpose_geometry(x.shape, w.shape, **parameters)), x, w, bias)

    def conv_transpose_input(
        self,
        input_size: Sequence[SupportsIndex],
        weight: npt.ArrayLike,
        grad_output: npt.ArrayLike,
        **parameters: Unpack[ConvTransposeParameters],
    ) -> Array:
        """dx[o] = sum T[i, k, o] conj(weight[k]) grad_output[i]: the gradient of `conv_transpose` by its input."""
        w, dy = as_array("weight", weight), as_array("grad_output", grad_output)
        return _by_input(self._conv_transpose(conv_transpose_geometry(input_size, w.shape, **parameters)), w, dy)

    def conv_transpose_weight(
        self,
        input: npt.ArrayLike,
        weight_size: Sequence[SupportsIndex],
        grad_output: npt.ArrayLike,
        **parameters: Unpack[ConvTransposeParameters],
    ) -> Array:
        """dw[k] = sum T[i, k, o] conj(input[o]) grad_output[i]: the gradient of `conv_transpose` by its weight."""
        x, dy = as_array("input", input), as_array("grad_output", grad_output)
        return _by_weight(self._conv_transpose(conv_transpose_geometry(x.shape, weight_size, **parameters)), x, dy)

    def conv_transpose_double_backward(
        self,
        input: npt.ArrayLike,
        weight: npt.ArrayLike,
        grad_output: npt.ArrayLike,
        grad_grad_input: npt.ArrayLike,
        grad_grad_weight: npt.ArrayLike,
        grad_grad_bias: npt.ArrayLike | None = None,
        **parameters: Unpack[ConvTransposeParameters],
    ) -> DoubleBackward:
        """`conv_double_backward` for `conv_transpose`: the same three terms, the index map read backwards."""
        x, w = as_array("input", input), as_array("weight", weight)
        direction = self._conv_transpose(conv_transpose_geometry(x.shape, w.shape, **parameters))
        return _double_backward(direction, x, w, grad_output, grad_grad_input, grad_grad_weight, grad_grad_bias)

    def conv_bias(self, grad_output: npt.ArrayLike, *, dimensions: int) -> Array:
        """db[m] = sum over n, o of grad_output[n, m, o]: the gradient by the bias, of either direction.

        grad_output is (N, M, *O) or (M, *O) with `dimensions` spatial axes; the result is (M,).
        """
        dy = as_array("grad_output", grad_output)
        if dy.ndim - dimensions not in (1, 2):
            raise GeometryError(
                f"grad_output has channels, {dimensions} spatial axes and perhaps a batch in front: "
                f"grad_output.shape={dy.shape}; {dimensions + 1} or {dimensions + 2} sizes would fit"
            )
        wide = dy.astype(_accumulator(dy.dtype), copy=False)
        batched = wide if dy.ndim == dimensions + 2 else wide[None]
        return rounded(batched.sum(axis=(0, *range(2, dimensions + 2))), dy)

    def named(self, dimensions: int) -> Named:
        """The operations that PyTorch has for this number of spatial axes, with its signatures."""
        return Named(self, dimensions)

    def _conv(self, geometry: Geometry) -> _Direction:
        return _Direction(
            geometry,
            geometry.input_shape,
            geometry.output_shape,
            forward=lambda x, w: self.to_output(x, w, geometry),
            by_input=lambda w, dy: self.to_input(w, dy, geometry),
            by_weight=lambda x, dy: self.to_weight(x, dy, geometry),
        )

    def _conv_transpose(self, geometry: Geometry) -> _Direction:
        return _Direction(
            geometry,
            geometry.output_shape,
            geometry.input_shape,
            forward=lambda x, w: self.to_input(w, x, geometry),
            by_input=lambda w, dy: self.to_output(dy, w, geometry),
            by_weight=lambda x, dy: self.to_weight(dy, x, geometry),
        )


@dataclass(frozen=True)
class Named:
    """`conv`, `conv_transpose` and the gradients of `conv` as PyTorch spells them for one number of axes.

    `conv` and `conv_transpose` have the signatures of torch.nn.functional.conv{1,2,3}d and
    conv_transpose{1,2,3}d; `conv_input` and `conv_weight` those of torch.nn.grad.conv{1,2,3}d_input and _weight.
    Padding is PyTorch's: an int, one per axis and, for `conv`, 'same' or 'valid'.
    """

    passes: Passes
    dimensions: int

    def conv(
        self,
        input: npt.ArrayLike,
        weight: npt.ArrayLike,
        bias: npt.ArrayLike | None = None,
        stride: IntOrTuple = 1,
        padding: str | IntOrTuple = 0,
        dilation: IntOrTuple = 1,
        groups: SupportsIndex = 1,
    ) -> Array:
        """y[n, m, o] = bias[m] + sum over c, k of weight[m, c, k] * input[n, first(m) + c, o*s + k*d - p]."""
        x, w = as_array("input", input), as_array("weight", weight)
        self._check(w.shape)
        return self.passes.conv(
            x, w, bias, stride=stride, padding=self._padding(padding), dilation=dilation, groups=groups
        )

    def conv_transpose(
        self,
        input: npt.ArrayLike,
        weight: npt.ArrayLike,
        bias: npt.ArrayLike | None = None,
        stride: IntOrTuple = 1,
        padding: IntOrTuple = 0,
        output_padding: IntOrTuple = 0,
        groups: SupportsIndex = 1,
        dilation: IntOrTuple = 1,
    ) -> Array:
        """y[i] = bias + sum T[i, k, o] weight[k] input[o]."""
        x, w = as_array("input", input), as_array("weight", weight)
        self._check(w.shape)
        return self.passes.conv_transpose(
            x,
            w,
            bias,
            stride=stride,
            padding=self._padding(padding),
            output_padding=output_padding,
            groups=groups,
            dilation=dilation,
        )

    def conv_input(
        self,
        input_size: Sequence[SupportsIndex],
        weight: npt.ArrayLike,
        grad_output: npt.ArrayLike,
        stride: IntOrTuple = 1,
        padding: IntOrTuple = 0,
        dilation: IntOrTuple = 1,
        groups: SupportsIndex = 1,
    ) -> Array:
        """dx[i] = sum T[i, k, o] conj(weight[k]) grad_output[o]; input_size is (N, C, *I)."""
        w = as_array("weight", weight)
        self._check(w.shape, input_size)
        return self.passes.conv_input(
            input_size,
            w,
            grad_output,
            stride=stride,
            padding=self._padding(padding, words=False),
            dilation=dilation,
            groups=groups,
        )

    def conv_weight(
        self,
        input: npt.ArrayLike,
        weight_size: Sequence[SupportsIndex],
        grad_output: npt.ArrayLike,
        stride: IntOrTuple = 1,
        padding: IntOrTuple = 0,
        dilation: IntOrTuple = 1,
        groups: SupportsIndex = 1,
    ) -> Array:
        """dw[k] = sum T[i, k, o] conj(input[i]) grad_output[o]; weight_size is (M, C / groups, *K)."""
        x = as_array("input", input)
        self._check(weight_size, x.shape)
        return self.passes.conv_weight(
            x,
            weight_size,
            grad_output,
            stride=stride,
            padding=self._padding(padding, words=False),
            dilation=dilation,
            groups=groups,
        )

    def _check(self, weight: Sequence[SupportsIndex], batched: Sequence[SupportsIndex] | None = None) -> None:
        if len(weight) != self.dimensions + 2:
            raise GeometryError(
                f"a weight of {self.dimensions} spatial axes has {self.dimensions + 2} sizes: "
                f"weight_shape={tuple(weight)}; conv{len(weight) - 2}d would fit"
            )
        if batched is not None and len(batched) != self.dimensions + 2:
            raise GeometryError(
                f"PyTorch's gradients take a batched input: input_size={tuple(batched)}; "
                f"{self.dimensions + 2} sizes would fit, or the N-D form"
            )

    def _padding(self, padding: Any, *, words: bool = True) -> Padding:
        if isinstance(padding, str):
            if words:
                return padding
            raise GeometryError(f"PyTorch's gradients take their padding in numbers: padding={padding!r}; 0 would fit")
        return per_axis_padding(padding, self.dimensions)


class _Bilinear(Protocol):
    def __call__(self, first: Array, second: Array, /) -> Array: ...


class _Direction(NamedTuple):
    """One direction through an index map: where it starts and ends, and its three passes without conjugates."""

    geometry: Geometry
    source: Shape
    target: Shape
    forward: _Bilinear
    by_input: _Bilinear
    by_weight: _Bilinear


def _forward(direction: _Direction, x: Array, w: Array, bias: npt.ArrayLike | None) -> Array:
    y = direction.forward(x.reshape(direction.source), w)
    return _with_bias(direction, y, bias, x, w)


def _by_input(direction: _Direction, w: Array, dy: Array) -> Array:
    dx = direction.by_input(_conjugate(w), _cotangent(direction, dy))
    return rounded(dx, w, dy).reshape(direction.geometry.as_given(direction.source))


def _by_weight(direction: _Direction, x: Array, dy: Array) -> Array:
    dw = direction.by_weight(_conjugate(x.reshape(direction.source)), _cotangent(direction, dy))
    return rounded(dw, x, dy)


def _double_backward(
    direction: _Direction,
    x: Array,
    w: Array,
    grad_output: npt.ArrayLike,
    grad_grad_input: npt.ArrayLike,
    grad_grad_weight: npt.ArrayLike,
    grad_grad_bias: npt.ArrayLike | None,
) -> DoubleBackward:
    dy = as_array("grad_output", grad_output)
    vx, vw = as_array("grad_grad_input", grad_grad_input), as_array("grad_grad_weight", grad_grad_weight)
    check_shape("grad_grad_input", vx.shape, x.shape, "as large as the input")
    check_shape("grad_grad_weight", vw.shape, w.shape, "as large as the weight")
    y = direction.forward(vx.reshape(direction.source), w) + direction.forward(x.reshape(direction.source), vw)
    return DoubleBackward(
        _by_input(direction, vw, dy),
        _by_weight(direction, vx, dy),
        _with_bias(direction, y, grad_grad_bias, x, w, vx, vw),
    )


def _with_bias(direction: _Direction, y: Array, bias: npt.ArrayLike | None, *operands: Array) -> Array:
    """Y + bias per channel, rounded once to the operands' dtype and without the batch if there was none."""
    if bias is not None:
        b = as_array("bias", bias)
        check_bias(b.shape, direction.target[1])
        y = y + b.astype(_accumulator(b.dtype), copy=False).reshape(-1, *(1,) * direction.geometry.dimensions)
        operands = (*operands, b)
    return rounded(y, *operands).reshape(direction.geometry.as_given(direction.target))


def _cotangent(direction: _Direction, dy: Array) -> Array:
    """grad_output, batched; refused unless it has the shape of the direction's result."""
    expected = direction.geometry.as_given(direction.target)
    check_shape("grad_output", dy.shape, expected, "as large as the output")
    return dy.reshape(direction.target)


def as_array(name: str, operand: npt.ArrayLike) -> Array:
    """The operand as an array of numbers of any dtype but bool. Raises OperandError for anything else."""
    array = np.asarray(operand)
    if array.dtype.kind in "bSUmMT":
        raise OperandError(
            f"an operand is an array of numbers: {name}.dtype={array.dtype}; float64, int64 or object would fit"
        )
    return array


def _conjugate(array: Array) -> Array:
    return np.conjugate(array) if array.dtype.kind in "cO" else array


def _accumulator(dtype: np.dtype[Any]) -> type[Any]:
    """The widest dtype of the same kind of number; NumPy's extension floats (bfloat16) count as floats."""
    return {"i": np.int64, "u": np.uint64, "c": np.complex128, "O": object}.get(dtype.kind, np.float64)


def rounded(wide: Array, *operands: Array) -> Array:
    """A contraction's result in the operands' common dtype; integers wrap."""
    dtypes = [operand.dtype for operand in operands]
    if dtypes.count(wide.dtype) == len(dtypes):
        return wide
    dtype = np.result_type(*dtypes)
    if wide.dtype == dtype:
        return wide
    if dtype.kind in "iu" and wide.dtype == object:
        bits = 8 * dtype.itemsize
        wide = (wide & (2**bits - 1)).astype(np.uint64)
    elif dtype.kind not in "iucO" and wide.dtype == object:
        wide = wide.astype(np.float64)
    return wide.astype(dtype)
