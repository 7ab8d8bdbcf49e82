"""The operations that PyTorch has for one, two or three axes, as functions of their own with its names and signatures.

`conv` and `conv_transpose` have the signatures of torch.nn.functional.conv{1,2,3}d and conv_transpose{1,2,3}d;
`conv_input` and `conv_weight` those of torch.nn.grad.conv{1,2,3}d_input and _weight. Each is made of the operation on
any number of axes; the docstrings below are completed with the sizes of one number of axes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, SupportsIndex, TypeVar

import numpy.typing as npt

from conv_oracle.errors import GeometryError
from conv_oracle.geometry import IntOrTuple, Padding, per_axis_padding
from conv_oracle.passes.arrays import Array, as_array

Operation = Callable[..., Array]
Function = TypeVar("Function", bound=Callable[..., Array])

LETTERS = {1: "L", 2: "HW", 3: "DHW"}
"""Those of PyTorch's pages for the sizes of the axes."""


class Conv(Protocol):
    """torch.nn.functional.conv{1,2,3}d."""

    def __call__(
        self,
        input: npt.ArrayLike,
        weight: npt.ArrayLike,
        bias: npt.ArrayLike | None = None,
        stride: IntOrTuple = 1,
        padding: str | IntOrTuple = 0,
        dilation: IntOrTuple = 1,
        groups: SupportsIndex = 1,
    ) -> Array:
        """`conv_of`."""
        ...


class ConvTranspose(Protocol):
    """torch.nn.functional.conv_transpose{1,2,3}d."""

    def __call__(
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
        """`conv_transpose_of`."""
        ...


class ConvInput(Protocol):
    """torch.nn.grad.conv{1,2,3}d_input."""

    def __call__(
        self,
        input_size: Sequence[SupportsIndex],
        weight: npt.ArrayLike,
        grad_output: npt.ArrayLike,
        stride: IntOrTuple = 1,
        padding: IntOrTuple = 0,
        dilation: IntOrTuple = 1,
        groups: SupportsIndex = 1,
    ) -> Array:
        """`conv_input_of`."""
        ...


class ConvWeight(Protocol):
    """torch.nn.grad.conv{1,2,3}d_weight."""

    def __call__(
        self,
        input: npt.ArrayLike,
        weight_size: Sequence[SupportsIndex],
        grad_output: npt.ArrayLike,
        stride: IntOrTuple = 1,
        padding: IntOrTuple = 0,
        dilation: IntOrTuple = 1,
        groups: SupportsIndex = 1,
    ) -> Array:
        """`conv_weight_of`."""
        ...


class Named(NamedTuple):
    """The functions of one number of axes."""

    conv: Conv
    conv_transpose: ConvTranspose
    conv_input: ConvInput
    conv_weight: ConvWeight


def conv_of(operation: Operation, dimensions: int, module: str) -> Conv:
    """`Passes.conv` as conv1d, conv2d or conv3d."""

    def conv(
        input: npt.ArrayLike,
        weight: npt.ArrayLike,
        bias: npt.ArrayLike | None = None,
        stride: IntOrTuple = 1,
        padding: str | IntOrTuple = 0,
        dilation: IntOrTuple = 1,
        groups: SupportsIndex = 1,
    ) -> Array:
        """{dimensions}-D convolution, with the arguments of torch.nn.functional.{name}   (S12).

            y[n, m, o] = bias[m] + sum over c, k of weight[m, c, k] * input[n, first(m) + c, o*stride + k*dilation - p]

        n example, m output channel, c channel within m's group; o, k, stride, dilation and p (padding) have an entry
        per axis. The kernel is not flipped: this is the cross-correlation that a CNN computes   (S10).

        input     (N, C, {size}), or (C, {size}) without a batch: any NumPy dtype but bool, or Python numbers
        weight    (M, C / groups, {kernel})
        bias      (M,), or None
        stride    elements between neighbouring windows: an int, or one per axis, 1 or more. Default 1
        padding   zeros before and after: an int, one per axis, 'same' (keeps the size, at stride 1; the odd zero goes
                  after) or 'valid' (none). Default 0
        dilation  elements between neighbouring taps: an int, or one per axis, 1 or more. Default 1
        groups    divides C and M; output channel m reads the C / groups channels from first(m) on. Default 1

        Returns (N, M, {out}) or (M, {out}), in the operands' common dtype, rounded once; integers wrap.
        An axis of I elements gives floor((I + 2*padding - dilation*(K - 1) - 1) / stride) + 1 for K taps   (S11).
        Raises GeometryError where there is no output, and OperandError for operands that are not numbers.
        """
        x, w = as_array("input", input), as_array("weight", weight)
        _check_axes(dimensions, w.shape)
        sides = _either_padding(padding, dimensions)
        return operation(x, w, bias, stride=stride, padding=sides, dilation=dilation, groups=groups)

    return _named(conv, f"conv{dimensions}d", dimensions, module)


def conv_transpose_of(operation: Operation, dimensions: int, module: str) -> ConvTranspose:
    """`Passes.conv_transpose` as conv_transpose1d, conv_transpose2d or conv_transpose3d."""

    def conv_transpose(
        input: npt.ArrayLike,
        weight: npt.ArrayLike,
        bias: npt.ArrayLike | None = None,
        stride: IntOrTuple = 1,
        padding: IntOrTuple = 0,
        output_padding: IntOrTuple = 0,
        groups: SupportsIndex = 1,
        dilation: IntOrTuple = 1,
    ) -> Array:
        """{dimensions}-D transposed convolution, with the arguments of torch.nn.functional.{name}   (S14).

            y[n, m, i] = bias[m] + sum of weight[c, m, k] * input[n, c, o]
                         over c, o, k where i = o*stride + k*dilation - padding

        Each input element adds the kernel, times itself, to the output: what the gradient of a convolution by its input
        does, without a conjugate.

        input           (N, C, {size}), or (C, {size}) without a batch: any NumPy dtype but bool, or Python numbers
        weight          (C, M / groups, {kernel})
        bias            (M,), or None
        stride          elements between the places that neighbouring input elements add to, 1 or more. Default 1
        padding         elements trimmed before and after: an int, or one per axis. Default 0
        output_padding  elements more at the end of each axis, fewer than its stride or its dilation. Default 0
        groups          divides C and M; output channels of a group read the input channels of that group. Default 1
        dilation        elements between neighbouring taps: an int, or one per axis, 1 or more. Default 1

        Returns (N, M, {out}) or (M, {out}), in the operands' common dtype, rounded once; integers wrap. An axis of I
        elements gives (I - 1)*stride - 2*padding + dilation*(K - 1) + output_padding + 1 for K taps   (S11).
        Raises GeometryError where there is no output, and OperandError for operands that are not numbers.
        """
        x, w = as_array("input", input), as_array("weight", weight)
        _check_axes(dimensions, w.shape)
        return operation(
            x,
            w,
            bias,
            stride=stride,
            padding=_either_padding(padding, dimensions),
            output_padding=output_padding,
            groups=groups,
            dilation=dilation,
        )

    return _named(conv_transpose, f"conv_transpose{dimensions}d", dimensions, module)


def conv_input_of(operation: Operation, dimensions: int, module: str) -> ConvInput:
    """`Passes.conv_input` as conv1d_input, conv2d_input or conv3d_input."""

    def conv_input(
        input_size: Sequence[SupportsIndex],
        weight: npt.ArrayLike,
        grad_output: npt.ArrayLike,
        stride: IntOrTuple = 1,
        padding: IntOrTuple = 0,
        dilation: IntOrTuple = 1,
        groups: SupportsIndex = 1,
    ) -> Array:
        """The gradient of conv{dimensions}d by its input, with the arguments of torch.nn.grad.{name}   (S14).

            dx[n, c, i] = sum of conj(weight[m, c, k]) * grad_output[n, m, o]
                          over m, o, k where i = o*stride + k*dilation - padding

        c counts within the group of m. The conjugate is torch.autograd's, and nothing for real operands.

        input_size   (N, C, {size}): the shape of the input, and of the result; with a batch
        weight       (M, C / groups, {kernel})
        grad_output  (N, M, {out}): the gradient by the result of conv{dimensions}d
        stride, padding (ints alone), dilation, groups: those of conv{dimensions}d, and its defaults

        Returns (N, C, {size}), in the operands' common dtype, rounded once; integers wrap.
        Raises GeometryError for shapes that do not go together, and OperandError for operands that are not numbers.
        """
        w = as_array("weight", weight)
        _check_axes(dimensions, w.shape, input_size)
        sides = _numeric_padding(padding, dimensions)
        return operation(input_size, w, grad_output, stride=stride, padding=sides, dilation=dilation, groups=groups)

    return _named(conv_input, f"conv{dimensions}d_input", dimensions, module)


def conv_weight_of(operation: Operation, dimensions: int, module: str) -> ConvWeight:
    """`Passes.conv_weight` as conv1d_weight, conv2d_weight or conv3d_weight."""

    def conv_weight(
        input: npt.ArrayLike,
        weight_size: Sequence[SupportsIndex],
        grad_output: npt.ArrayLike,
        stride: IntOrTuple = 1,
        padding: IntOrTuple = 0,
        dilation: IntOrTuple = 1,
        groups: SupportsIndex = 1,
    ) -> Array:
        """The gradient of conv{dimensions}d by its weight, with the arguments of torch.nn.grad.{name}   (S15).

            dw[m, c, k] = sum of conj(input[n, first(m) + c, o*stride + k*dilation - padding]) * grad_output[n, m, o]
                          over n, o

        The conjugate is torch.autograd's, and nothing for real operands.

        input        (N, C, {size}); with a batch
        weight_size  (M, C / groups, {kernel}): the shape of the weight, and of the result
        grad_output  (N, M, {out}): the gradient by the result of conv{dimensions}d
        stride, padding (ints alone), dilation, groups: those of conv{dimensions}d, and its defaults

        Returns (M, C / groups, {kernel}), in the operands' common dtype, rounded once; integers wrap.
        Raises GeometryError for shapes that do not go together, and OperandError for operands that are not numbers.
        """
        x = as_array("input", input)
        _check_axes(dimensions, weight_size, x.shape)
        sides = _numeric_padding(padding, dimensions)
        return operation(x, weight_size, grad_output, stride=stride, padding=sides, dilation=dilation, groups=groups)

    return _named(conv_weight, f"conv{dimensions}d_weight", dimensions, module)


def _named(function: Function, name: str, dimensions: int, module: str) -> Function:
    """The function under its own name, where it is imported from, with the sizes of its axes in the docstring."""
    size, kernel, out = (
        ", ".join(form.format(letter) for letter in LETTERS[dimensions]) for form in ("{}", "k{}", "{}_out")
    )
    function.__name__ = function.__qualname__ = name
    function.__module__ = module
    if function.__doc__:  # none under python -OO
        function.__doc__ = function.__doc__.format(dimensions=dimensions, name=name, size=size, kernel=kernel, out=out)
    return function


def _check_axes(
    dimensions: int, weight: Sequence[SupportsIndex], batched: Sequence[SupportsIndex] | None = None
) -> None:
    if len(weight) != dimensions + 2:
        raise GeometryError(
            f"a weight of {dimensions} spatial axes has {dimensions + 2} sizes: "
            f"weight_shape={tuple(weight)}; conv{len(weight) - 2}d would fit"
        )
    if batched is not None and len(batched) != dimensions + 2:
        raise GeometryError(
            f"PyTorch's gradients take a batched input: input_size={tuple(batched)}; "
            f"{dimensions + 2} sizes would fit, or the N-D form"
        )


def _either_padding(padding: Any, dimensions: int) -> Padding:
    return padding if isinstance(padding, str) else per_axis_padding(padding, dimensions)


def _numeric_padding(padding: Any, dimensions: int) -> Padding:
    if isinstance(padding, str):
        raise GeometryError(f"PyTorch's gradients take numeric padding: padding={padding!r}; 0 would fit")
    return per_axis_padding(padding, dimensions)
