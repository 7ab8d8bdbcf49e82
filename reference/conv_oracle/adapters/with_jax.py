"""JAX: jax.lax.conv_general_dilated, and its gradients by jax.vjp.

A transposed convolution is the convolution of the dilated input with the flipped kernel, as JAX's users write it. What
is compiled is compiled per shape: `--seconds` gives an audit more of them.

Known in 0.10.2 on the CPU: the gradient by the weight of a grouped convolution with a stride and a dilation multiplies
the cotangent of other groups by zero, NaN included.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import numpy as np
from jax import lax

jax.config.update("jax_enable_x64", True)
Int = int | Sequence[int]


def conv(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Int = 1,
    padding: Int | str = 0,
    dilation: Int = 1,
    groups: int = 1,
) -> Any:
    """lax.conv_general_dilated, in the highest precision."""
    _batched(input, weight)
    y = _convolved(input, weight, stride=stride, padding=padding, dilation=dilation, groups=groups)
    return _with_bias(y, bias)


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
    """lax.conv_general_dilated of the input dilated by the stride (lhs_dilation) with the flipped kernel."""
    _batched(input, weight)
    axes = weight.ndim - 2
    spans = [d * (k - 1) for d, k in zip(_each(dilation, axes), weight.shape[2:], strict=True)]
    sides = zip(spans, _each(padding, axes), _each(output_padding, axes), strict=True)
    per_group = weight.reshape(groups, -1, *weight.shape[1:]).swapaxes(1, 2)
    kernel = per_group.reshape(-1, weight.shape[0] // groups, *weight.shape[2:])
    y = lax.conv_general_dilated(
        jax.numpy.asarray(input),
        jax.numpy.flip(jax.numpy.asarray(kernel), range(2, 2 + axes)),
        window_strides=(1,) * axes,
        padding=[(span - side, span - side + more) for span, side, more in sides],
        lhs_dilation=_each(stride, axes),
        rhs_dilation=_each(dilation, axes),
        feature_group_count=groups,
        precision=lax.Precision.HIGHEST,
    )
    return _with_bias(y, bias)


def conv_input(
    input_size: Sequence[int],
    weight: Any,
    grad_output: Any,
    stride: Int = 1,
    padding: Int = 0,
    dilation: Int = 1,
    groups: int = 1,
) -> Any:
    """The gradient by the input, of jax.vjp."""
    forward = partial(_convolved, weight=weight, stride=stride, padding=padding, dilation=dilation, groups=groups)
    return _pulled_back(lambda x: forward(input=x), input_size, grad_output)


def conv_weight(
    input: Any,
    weight_size: Sequence[int],
    grad_output: Any,
    stride: Int = 1,
    padding: Int = 0,
    dilation: Int = 1,
    groups: int = 1,
) -> Any:
    """The gradient by the weight, of jax.vjp."""
    forward = partial(_convolved, input, stride=stride, padding=padding, dilation=dilation, groups=groups)
    return _pulled_back(lambda w: forward(weight=w), weight_size, grad_output)


conv1d = conv2d = conv3d = conv
conv_transpose1d = conv_transpose2d = conv_transpose3d = conv_transpose
conv1d_input = conv2d_input = conv3d_input = conv_input
conv1d_weight = conv2d_weight = conv3d_weight = conv_weight


def _convolved(input: Any, weight: Any, *, stride: Int, padding: Int | str, dilation: Int, groups: int) -> Any:
    axes = len(weight.shape) - 2
    sides: Any = [(side, side) for side in _each(padding, axes)] if not isinstance(padding, str) else padding.upper()
    if sides == "SAME" and max(_each(stride, axes)) > 1:
        raise NotImplementedError("SAME is another padding in JAX where the stride is more than 1")
    return lax.conv_general_dilated(
        jax.numpy.asarray(input),
        jax.numpy.asarray(weight),
        window_strides=_each(stride, axes),
        padding=sides,
        rhs_dilation=_each(dilation, axes),
        feature_group_count=groups,
        precision=lax.Precision.HIGHEST,
    )


def _pulled_back(forward: Callable[[Any], Any], shape: Sequence[int], cotangent: Any) -> Any:
    """The gradient of a linear function, at 0."""
    _, back = jax.vjp(forward, jax.numpy.zeros(tuple(shape), cotangent.dtype))
    return np.array(back(jax.numpy.asarray(cotangent))[0])


def _with_bias(y: Any, bias: Any) -> Any:
    return np.array(y if bias is None else y + jax.numpy.asarray(bias).reshape(-1, *(1,) * (y.ndim - 2)))


def _batched(input: Any, weight: Any) -> None:
    if input.ndim != weight.ndim:
        raise NotImplementedError(f"JAX takes a batch: the input has {input.ndim} axes, the weight {weight.ndim}")


def _each(value: Int, axes: int) -> tuple[int, ...]:
    return (value,) * axes if isinstance(value, int) else tuple(value)
