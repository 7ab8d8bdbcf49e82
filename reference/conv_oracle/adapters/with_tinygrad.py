"""tinygrad: Tensor.conv2d and Tensor.conv_transpose2d, on 1 to 3 axes; gradients by Tensor.gradient.

It compiles per shape: `--seconds` gives an audit more of them. DEV says which device it runs on, as ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from tinygrad import Tensor

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
    """Tensor.conv2d."""
    _batched(input, weight)
    b = None if bias is None else _tensor(bias)
    return _array(_convolved(_tensor(input), _tensor(weight), b, stride, padding, dilation, groups))


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
    """Tensor.conv_transpose2d."""
    _batched(input, weight)
    y = _tensor(input).conv_transpose2d(
        _tensor(weight),
        None if bias is None else _tensor(bias),
        groups=groups,
        stride=_given(stride),
        dilation=_given(dilation),
        padding=_given(padding),
        output_padding=_given(output_padding),
    )
    return _array(y)


def conv_input(
    input_size: Sequence[int],
    weight: Any,
    grad_output: Any,
    stride: Int = 1,
    padding: Int = 0,
    dilation: Int = 1,
    groups: int = 1,
) -> Any:
    """The gradient by the input, of Tensor.gradient."""
    x, w = _tensor(np.zeros(tuple(input_size), grad_output.dtype)), _tensor(weight)
    y = _convolved(x, w, None, stride, padding, dilation, groups)
    return _array(y.gradient(x, gradient=_tensor(grad_output))[0])


def conv_weight(
    input: Any,
    weight_size: Sequence[int],
    grad_output: Any,
    stride: Int = 1,
    padding: Int = 0,
    dilation: Int = 1,
    groups: int = 1,
) -> Any:
    """The gradient by the weight, of Tensor.gradient."""
    x, w = _tensor(input), _tensor(np.zeros(tuple(weight_size), grad_output.dtype))
    y = _convolved(x, w, None, stride, padding, dilation, groups)
    return _array(y.gradient(w, gradient=_tensor(grad_output))[0])


conv1d = conv2d = conv3d = conv
conv_transpose1d = conv_transpose2d = conv_transpose3d = conv_transpose
conv1d_input = conv2d_input = conv3d_input = conv_input
conv1d_weight = conv2d_weight = conv3d_weight = conv_weight


def _convolved(x: Any, w: Any, b: Any, stride: Int, padding: Int, dilation: Int, groups: int) -> Any:
    given = {"stride": _given(stride), "padding": _given(padding), "dilation": _given(dilation)}
    return x.conv2d(w, b, groups=groups, **given)


def _tensor(array: Any) -> Any:
    return Tensor(np.ascontiguousarray(array))


def _array(tensor: Any) -> Any:
    return np.array(tensor.numpy())


def _given(value: Int) -> Any:
    return value if isinstance(value, int) else tuple(value)


def _batched(input: Any, weight: Any) -> None:
    if input.ndim != weight.ndim:
        raise NotImplementedError(f"tinygrad takes a batch: input of {input.ndim} axes, weight of {weight.ndim}")
