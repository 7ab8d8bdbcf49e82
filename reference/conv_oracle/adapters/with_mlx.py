"""MLX: mlx.core.conv_general and conv_transpose1d to 3d, channels last; gradients by mlx.core.vjp.

Known in 0.32.4 on the CPU: transposed convolutions whose padding exceeds dilation * (kernel - 1) have a wrong size, as
the image is not cut, or raise; an output of zeros is invented where the kernel is longer than the padded image by less
than the stride; groups=0, and the gradient by the weight of an empty batch, end the process (SIGFPE).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import mlx.core as mx
import numpy as np

Int = int | Sequence[int]


def conv(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Int = 1,
    padding: Int = 0,
    dilation: Int = 1,
    groups: int = 1,
) -> Any:
    """mx.conv_general."""
    _batched(input, weight)
    y = _convolved(_channels_last(input), _channels_last(weight), stride, padding, dilation, groups)
    return _array(_with_bias(y, bias))


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
        """The transposed convolution of mlx.core with these axes."""
        _batched(input, weight)
        if groups > 1:
            raise NotImplementedError(f"MLX takes no groups in a transposed convolution: groups={groups}")
        y = library(
            _channels_last(input),
            _channels_last(weight.swapaxes(0, 1)),
            stride=_given(stride),
            padding=_given(padding),
            dilation=_given(dilation),
            output_padding=_given(output_padding),
        )
        return _array(_with_bias(y, bias))

    return conv_transpose


def conv_input(
    input_size: Sequence[int],
    weight: Any,
    grad_output: Any,
    stride: Int = 1,
    padding: Int = 0,
    dilation: Int = 1,
    groups: int = 1,
) -> Any:
    """The gradient by the input, of mx.vjp."""
    w = _channels_last(weight)
    zero = _channels_last(np.zeros(tuple(input_size), grad_output.dtype))
    return _pulled_back(lambda x: _convolved(x, w, stride, padding, dilation, groups), zero, grad_output)


def conv_weight(
    input: Any,
    weight_size: Sequence[int],
    grad_output: Any,
    stride: Int = 1,
    padding: Int = 0,
    dilation: Int = 1,
    groups: int = 1,
) -> Any:
    """The gradient by the weight, of mx.vjp."""
    x = _channels_last(input)
    zero = _channels_last(np.zeros(tuple(weight_size), grad_output.dtype))
    return _pulled_back(lambda w: _convolved(x, w, stride, padding, dilation, groups), zero, grad_output)


conv1d = conv2d = conv3d = conv
conv_transpose1d, conv_transpose2d, conv_transpose3d = map(
    _conv_transpose, (mx.conv_transpose1d, mx.conv_transpose2d, mx.conv_transpose3d)
)
conv1d_input = conv2d_input = conv3d_input = conv_input
conv1d_weight = conv2d_weight = conv3d_weight = conv_weight

mx.set_default_device(mx.cpu)


def _convolved(x: Any, w: Any, stride: Int, padding: Int, dilation: Int, groups: int) -> Any:
    given = {"stride": _given(stride), "padding": _given(padding), "kernel_dilation": _given(dilation)}
    return mx.conv_general(x, w, groups=groups, **given)


def _pulled_back(forward: Callable[[Any], Any], at: Any, cotangent: Any) -> Any:
    _, gradients = mx.vjp(forward, [at], [_channels_last(cotangent)])
    return _array(gradients[0])


def _channels_last(array: Any) -> Any:
    dtype = {"float64": mx.float64}.get(array.dtype.name)
    return mx.array(np.array(np.moveaxis(array, 1, -1), order="C"), dtype=dtype)  # never of negative strides


def _with_bias(y: Any, bias: Any) -> Any:
    return y if bias is None else y + mx.array(np.array(bias), dtype=y.dtype)


def _array(y: Any) -> Any:
    return np.ascontiguousarray(np.moveaxis(np.array(y), -1, 1))


def _given(value: Int) -> Any:
    return value if isinstance(value, int) else list(value)


def _batched(input: Any, weight: Any) -> None:
    if input.ndim != weight.ndim:
        raise NotImplementedError(f"MLX takes a batch: the input has {input.ndim} axes, the weight {weight.ndim}")
