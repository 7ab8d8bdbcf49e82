"""OpenCV: cv2.dnn on an ONNX model of one node (float32, and the library onnx to write it), and cv2.filter2D.

conv2d is cv2.dnn's; conv2d_filter2D sums cv2.filter2D over pairs of channels, with zeros around the image.

Known in 5.0.0 on the CPU. cv2.dnn: padding of a 1x1 kernel is not applied, and what it leaves is uninitialised memory;
NaN and infinity become 3.4e38; groups of a transposed convolution read each other's NaN, times zero; what has no output
is answered, or ends the process (SIGFPE). cv2.filter2D leaves out elements of the kernel that are zero, with their NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from onnx import TensorProto, helper, numpy_helper

Int = int | Sequence[int]
OPSET, IR_VERSION = 13, 8


def conv(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Int = 1,
    padding: Int = 0,
    dilation: Int = 1,
    groups: int = 1,
) -> Any:
    """Conv in cv2.dnn."""
    axes = weight.ndim - 2
    attributes: dict[str, Any] = {"strides": _each(stride, axes), "dilations": _each(dilation, axes)}
    attributes |= {"pads": 2 * _each(padding, axes), "group": groups}
    return _forward("Conv", input, weight, bias, attributes)


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
    """ConvTranspose in cv2.dnn."""
    axes = weight.ndim - 2
    attributes: dict[str, Any] = {"strides": _each(stride, axes), "dilations": _each(dilation, axes)}
    attributes |= {"pads": 2 * _each(padding, axes), "output_padding": _each(output_padding, axes), "group": groups}
    return _forward("ConvTranspose", input, weight, bias, attributes)


def conv2d_filter2D(input: Any, weight: Any, *, padding: Int = 0) -> Any:  # noqa: N802 - OpenCV's name
    """cv2.filter2D with the anchor at the kernel's middle: as large as the image, so the kernel is odd."""
    middle = tuple(k // 2 for k in weight.shape[2:])
    if not all(k % 2 for k in weight.shape[2:]) or _each(padding, 2) != middle:
        raise NotImplementedError(
            f"cv2.filter2D has an odd kernel and an output of the image's size: padding={padding}"
        )
    if not len(input) or input.ndim != weight.ndim:
        raise NotImplementedError("cv2.filter2D has no batches")
    planes = [
        [sum(_filtered(plane, kernel) for plane, kernel in zip(image, one, strict=True)) for one in weight]
        for image in input
    ]
    return np.array(planes, input.dtype)


conv1d = conv2d = conv3d = conv
conv_transpose1d = conv_transpose2d = conv_transpose3d = conv_transpose


def _filtered(plane: Any, kernel: Any) -> Any:
    image, weights = np.ascontiguousarray(plane), np.ascontiguousarray(kernel)
    return cv2.filter2D(image, -1, weights, borderType=cv2.BORDER_CONSTANT)  # a border of zeros is its default


def _forward(operator: str, input: Any, weight: Any, bias: Any, attributes: dict[str, Any]) -> Any:
    """The output of a model of one node, whose weights are constants: cv2.dnn takes no others."""
    if input.dtype != np.float32:
        raise NotImplementedError(f"cv2.dnn computes in float32: dtype={input.dtype}")
    if input.ndim != weight.ndim:
        raise NotImplementedError(f"cv2.dnn takes a batch: an input of {input.ndim} axes")
    constants = {"w": weight} if bias is None else {"w": weight, "b": bias}
    node = helper.make_node(operator, ["x", *constants], ["y"], kernel_shape=weight.shape[2:], **attributes)
    graph = helper.make_graph(
        [node],
        "one_node",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, input.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * input.ndim)],
        [numpy_helper.from_array(np.array(array), name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    net = cv2.dnn.readNetFromONNX(np.frombuffer(model.SerializeToString(), np.uint8))
    net.setInput(np.ascontiguousarray(input), "x")
    return np.array(net.forward())


def _each(value: Int, axes: int) -> tuple[int, ...]:
    return (value,) * axes if isinstance(value, int) else tuple(value)
