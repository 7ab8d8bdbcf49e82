"""Keras: the layers Conv1D to Conv3D and their transposes, made for each problem, channels last.

Padding is ZeroPadding's before a layer that is 'valid'; of a transposed one, Cropping takes it off again. KERAS_BACKEND
says which library computes, as ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers

Int = int | Sequence[int]

CONV = (layers.Conv1D, layers.Conv2D, layers.Conv3D)
TRANSPOSED = (layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose)
PADDED = (layers.ZeroPadding1D, layers.ZeroPadding2D, layers.ZeroPadding3D)
CROPPED = (layers.Cropping1D, layers.Cropping2D, layers.Cropping3D)


def conv(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Int = 1,
    padding: Int | str = 0,
    dilation: Int = 1,
    groups: int = 1,
) -> Any:
    """The layer Conv with these axes."""
    _batched(input, weight)
    axes, strides = weight.ndim - 2, _each(stride, weight.ndim - 2)
    if padding == "same" and max(strides) > 1:
        raise NotImplementedError("'same' is another padding in Keras where the stride is more than 1")
    _one_of(strides, _each(dilation, axes))
    made = CONV[axes - 1](
        weight.shape[0],
        weight.shape[2:],
        strides=strides,
        padding=padding if isinstance(padding, str) else "valid",
        data_format="channels_last",
        dilation_rate=_each(dilation, axes),
        groups=groups,
        use_bias=bias is not None,
        dtype=input.dtype.name,
    )
    x = _image(input)
    sides = () if isinstance(padding, str) else _each(padding, axes)
    if any(sides):
        pairs = sides[0] if axes == 1 else sides
        x = PADDED[axes - 1](pairs, data_format="channels_last", dtype=input.dtype.name)(x)
    return _array(_answered(made, x, weight, bias))


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
    """The layer ConvTranspose with these axes."""
    _batched(input, weight)
    if groups > 1:
        raise NotImplementedError(f"Keras takes no groups in a transposed convolution: groups={groups}")
    axes = weight.ndim - 2
    more = _each(output_padding, axes)
    _one_of(_each(stride, axes), _each(dilation, axes))
    made = TRANSPOSED[axes - 1](
        weight.shape[1],
        weight.shape[2:],
        strides=_each(stride, axes),
        padding="valid",
        output_padding=more[0] if axes == 1 else more,
        data_format="channels_last",
        dilation_rate=_each(dilation, axes),
        use_bias=bias is not None,
        dtype=input.dtype.name,
    )
    y = _answered(made, _image(input), weight, bias)
    sides = _each(padding, axes)
    if any(sides):
        y = CROPPED[axes - 1](sides[0] if axes == 1 else sides, dtype=input.dtype.name, **_format(axes))(y)
    return _array(y)


conv1d = conv2d = conv3d = conv
conv_transpose1d = conv_transpose2d = conv_transpose3d = conv_transpose


def _answered(layer: Any, x: Any, weight: Any, bias: Any) -> Any:
    """What a layer with these weights returns. A kernel of Keras has the weight's two first axes last, in reverse."""
    layer.build(x.shape)
    kernel = np.ascontiguousarray(np.moveaxis(weight, (0, 1), (-1, -2)))
    layer.set_weights([kernel] if bias is None else [kernel, bias])
    return layer(x)


def _one_of(strides: tuple[int, ...], dilations: tuple[int, ...]) -> None:
    if max(strides) > 1 and max(dilations) > 1:
        raise NotImplementedError(f"Keras takes strides or a dilation: strides={strides}, dilation_rate={dilations}")


def _format(axes: int) -> dict[str, str]:
    return {} if axes == 1 else {"data_format": "channels_last"}


def _image(array: Any) -> Any:
    return keras.ops.convert_to_tensor(np.ascontiguousarray(np.moveaxis(array, 1, -1)))


def _array(image: Any) -> Any:
    return np.ascontiguousarray(np.moveaxis(keras.ops.convert_to_numpy(image), -1, 1))


def _each(value: Int, axes: int) -> tuple[int, ...]:
    return (value,) * axes if isinstance(value, int) else tuple(value)


def _batched(input: Any, weight: Any) -> None:
    if input.ndim != weight.ndim:
        raise NotImplementedError(f"Keras takes a batch: the input has {input.ndim} axes, the weight {weight.ndim}")
