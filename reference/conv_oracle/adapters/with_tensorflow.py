"""TensorFlow: tf.nn.conv1d to conv3d and tf.nn.conv_transpose, channels last; gradients by tf.GradientTape.

Padding is tf.pad's before a convolution that is VALID; of a transposed one, it is cut off what VALID gives.

Known in 2.21.0 on the CPU (oneDNN): tf.nn.conv2d and conv3d return an array of uninitialised memory where the kernel is
one longer than the image, so that there is no output; where it is longer still, they raise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

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
    """tf.nn's convolution with these axes; the groups are those of the weight's channels."""
    _batched(input, weight)
    y = _answered(lambda: _convolved(_image(input), _kernel(weight), stride, padding, dilation))
    if input.shape[1] != weight.shape[1] * groups:
        raise ValueError(f"{input.shape[1]} channels are not {groups} groups of {weight.shape[1]}")
    return _array(y if bias is None else tf.nn.bias_add(y, tf.constant(bias)))


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
    """tf.nn.conv_transpose."""
    _batched(input, weight)
    if groups > 1:
        raise NotImplementedError(f"tf.nn.conv_transpose takes no groups: groups={groups}")
    axes = weight.ndim - 2
    strides, dilations, more = (_each(value, axes) for value in (stride, dilation, output_padding))
    spans = [d * (k - 1) + 1 for d, k in zip(dilations, weight.shape[2:], strict=True)]
    sizes = [s * (i - 1) + span + m for s, i, span, m in zip(strides, input.shape[2:], spans, more, strict=True)]
    shape = (len(input), *sizes, weight.shape[1])
    y = _answered(
        lambda: tf.nn.conv_transpose(_image(input), _kernel(weight), shape, strides, "VALID", dilations=dilations)
    )
    cut = zip(_each(padding, axes), sizes, strict=True)
    y = y[(slice(None), *(slice(side, size - side) for side, size in cut))]
    return _array(y if bias is None else tf.nn.bias_add(y, tf.constant(bias)))


def conv_input(
    input_size: Sequence[int],
    weight: Any,
    grad_output: Any,
    stride: Int = 1,
    padding: Int = 0,
    dilation: Int = 1,
    groups: int = 1,
) -> Any:
    """The gradient by the input, of a GradientTape."""
    x, w = _image(np.zeros(tuple(input_size), grad_output.dtype)), _kernel(weight)
    del groups  # those of the weight's channels
    found = _gradient(lambda: _convolved(x, w, stride, padding, dilation), x, grad_output)
    return _array(found)


def conv_weight(
    input: Any,
    weight_size: Sequence[int],
    grad_output: Any,
    stride: Int = 1,
    padding: Int = 0,
    dilation: Int = 1,
    groups: int = 1,
) -> Any:
    """The gradient by the weight, of a GradientTape."""
    x, w = _image(input), _kernel(np.zeros(tuple(weight_size), grad_output.dtype))
    del groups  # those of the weight's channels
    found = _gradient(lambda: _convolved(x, w, stride, padding, dilation), w, grad_output)
    return np.ascontiguousarray(np.moveaxis(found.numpy(), (-1, -2), (0, 1)))


conv1d = conv2d = conv3d = conv
conv_transpose1d = conv_transpose2d = conv_transpose3d = conv_transpose
conv1d_input = conv2d_input = conv3d_input = conv_input
conv1d_weight = conv2d_weight = conv3d_weight = conv_weight


def _convolved(x: Any, w: Any, stride: Int, padding: Int | str, dilation: Int) -> Any:
    axes = len(w.shape) - 2
    strides, dilations = _each(stride, axes), _each(dilation, axes)
    word = padding.upper() if isinstance(padding, str) else "VALID"
    if word == "SAME" and max(strides) > 1:
        raise NotImplementedError("SAME is another padding in TensorFlow where the stride is more than 1")
    sides = (0,) if isinstance(padding, str) else _each(padding, axes)
    if any(sides):
        x = tf.pad(x, [(0, 0), *((side, side) for side in sides), (0, 0)])
    if axes == 1:
        return tf.nn.conv1d(x, w, strides[0], word, dilations=dilations[0])
    given: Any = {"strides": (1, *strides, 1), "padding": word, "dilations": (1, *dilations, 1)}
    return (tf.nn.conv2d if axes == 2 else tf.nn.conv3d)(x, w, **given)


def _gradient(forward: Callable[[], Any], by: Any, grad_output: Any) -> Any:
    with tf.GradientTape() as tape:
        tape.watch(by)
        y = _answered(forward)
    return _answered(lambda: tape.gradient(y, by, output_gradients=_image(grad_output)))


def _answered(call: Callable[[], Any]) -> Any:
    """What a call returns. Raises NotImplementedError for what TensorFlow says it does not implement."""
    try:
        return call()
    except (tf.errors.UnimplementedError, tf.errors.NotFoundError) as error:
        raise NotImplementedError(str(error)) from error


def _image(array: Any) -> Any:
    return tf.constant(np.ascontiguousarray(np.moveaxis(array, 1, -1)))


def _kernel(array: Any) -> Any:
    return tf.constant(np.ascontiguousarray(np.moveaxis(array, (0, 1), (-1, -2))))


def _array(image: Any) -> Any:
    return np.ascontiguousarray(np.moveaxis(image.numpy(), -1, 1))


def _each(value: Int, axes: int) -> tuple[int, ...]:
    return (value,) * axes if isinstance(value, int) else tuple(value)


def _batched(input: Any, weight: Any) -> None:
    if input.ndim != weight.ndim:
        raise NotImplementedError(f"TensorFlow takes a batch: input of {input.ndim} axes, weight of {weight.ndim}")
