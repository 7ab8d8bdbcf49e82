"""PaddlePaddle: paddle.nn.functional.conv2d and the like, and their gradients by paddle.grad.

Known in 3.3.1 on the CPU: conv2d and conv3d invent an output of zeros where the kernel is longer than the padded image
by less than the stride; the gradients of conv3d, computed in several threads at once, raise or end the process.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import paddle
from paddle.nn import functional

Int = int | Sequence[int]


def _conv(library: Callable[..., Any]) -> Callable[..., Any]:
    def conv(
        input: Any,
        weight: Any,
        bias: Any = None,
        stride: Int = 1,
        padding: Int | str = 0,
        dilation: Int = 1,
        groups: int = 1,
    ) -> Any:
        """The convolution of paddle.nn.functional with these axes."""
        operands = map(_tensor, (input, weight, bias))
        _batched(input, weight)
        given = {"stride": _given(stride), "padding": _padding(padding, stride), "dilation": _given(dilation)}
        return _array(library(*operands, groups=groups, **given))

    return conv


def _conv_transpose(library: Callable[..., Any]) -> Callable[..., Any]:
    def conv_transpose(
        input: Any,
        weight: Any,
        bias: Any = None,
        stride: Int = 1,
        padding: Int = 0,
        output_padding: Int = 0,
        groups: int = 1,
        dilation: Int = 1,
    ) -> Any:
        """The transposed convolution of paddle.nn.functional with these axes."""
        operands = map(_tensor, (input, weight, bias))
        _batched(input, weight)
        given = {"stride": _given(stride), "padding": _given(padding), "dilation": _given(dilation)}
        return _array(library(*operands, output_padding=_given(output_padding), groups=groups, **given))

    return conv_transpose


def _conv_input(library: Callable[..., Any]) -> Callable[..., Any]:
    def conv_input(
        input_size: Sequence[int],
        weight: Any,
        grad_output: Any,
        stride: Int = 1,
        padding: Int = 0,
        dilation: Int = 1,
        groups: int = 1,
    ) -> Any:
        """The gradient by the input, of paddle.grad."""
        x, w = _variable(np.zeros(input_size, grad_output.dtype)), _tensor(weight)
        given = {"stride": _given(stride), "padding": _given(padding), "dilation": _given(dilation)}
        y = library(x, w, groups=groups, **given)
        return _array(paddle.grad(y, x, _tensor(grad_output))[0])

    return conv_input


def _conv_weight(library: Callable[..., Any]) -> Callable[..., Any]:
    def conv_weight(
        input: Any,
        weight_size: Sequence[int],
        grad_output: Any,
        stride: Int = 1,
        padding: Int = 0,
        dilation: Int = 1,
        groups: int = 1,
    ) -> Any:
        """The gradient by the weight, of paddle.grad."""
        x, w = _tensor(input), _variable(np.zeros(weight_size, grad_output.dtype))
        given = {"stride": _given(stride), "padding": _given(padding), "dilation": _given(dilation)}
        y = library(x, w, groups=groups, **given)
        return _array(paddle.grad(y, w, _tensor(grad_output))[0])

    return conv_weight


conv1d, conv2d, conv3d = map(_conv, (functional.conv1d, functional.conv2d, functional.conv3d))
conv_transpose1d, conv_transpose2d, conv_transpose3d = map(
    _conv_transpose, (functional.conv1d_transpose, functional.conv2d_transpose, functional.conv3d_transpose)
)
conv1d_input, conv2d_input, conv3d_input = map(_conv_input, (functional.conv1d, functional.conv2d, functional.conv3d))
conv1d_weight, conv2d_weight, conv3d_weight = map(
    _conv_weight, (functional.conv1d, functional.conv2d, functional.conv3d)
)


def _tensor(array: Any) -> Any:
    return None if array is None else paddle.to_tensor(np.ascontiguousarray(array), place=paddle.CPUPlace())


def _variable(array: Any) -> Any:
    return paddle.to_tensor(array, place=paddle.CPUPlace(), stop_gradient=False)


def _array(tensor: Any) -> Any:
    return np.array(tensor.numpy())


def _given(value: Int) -> Any:
    return value if isinstance(value, int) else list(value)


def _padding(padding: Int | str, stride: Int) -> Any:
    if padding == "same" and stride != 1 and set(_given(stride)) != {1}:
        raise NotImplementedError("SAME is another padding in PaddlePaddle where the stride is more than 1")
    return padding.upper() if isinstance(padding, str) else _given(padding)


def _batched(input: Any, weight: Any) -> None:
    if input.ndim != weight.ndim:
        raise NotImplementedError(f"PaddlePaddle takes a batch: input of {input.ndim} axes, weight of {weight.ndim}")
