"""The onnx reference evaluator as a subject: a model of one node, Conv or ConvTranspose."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

Array = NDArray[Any]


@lru_cache(maxsize=1024)
def evaluator(operator: str, element: int, operands: int, attributes: tuple[tuple[str, Any], ...]) -> Any:
    """The evaluator of one node with these attributes."""
    names = ["x", "w", "b"][:operands]
    node = helper.make_node(operator, names, ["y"], **dict(attributes))
    values = [helper.make_tensor_value_info(name, element, None) for name in (*names, "y")]
    graph = helper.make_graph([node], "one_node", values[:-1], values[-1:])
    return ReferenceEvaluator(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)]))


def run(operator: str, x: Array, w: Array, bias: Array | None, padding: Any, **attributes: Any) -> Array:
    """The node's result. PyTorch's 'same' is SAME_UPPER: the odd element goes behind."""
    if isinstance(padding, str):
        attributes["auto_pad"] = {"same": "SAME_UPPER", "valid": "VALID"}[padding]
    else:
        attributes["pads"] = (*padding, *padding)
    operands = [x, w] if bias is None else [x, w, bias]
    element = {"float64": TensorProto.DOUBLE, "float32": TensorProto.FLOAT}[x.dtype.name]
    attributes["kernel_shape"] = w.shape[2:]
    session = evaluator(operator, element, len(operands), tuple(sorted(attributes.items())))
    (y,) = session.run(None, dict(zip("xwb", operands, strict=False)))
    return np.asarray(y)


def conv2d(
    x: Array, w: Array, bias: Array | None = None, *, stride: Any, padding: Any, dilation: Any, groups: int
) -> Array:
    """Conv."""
    return run("Conv", x, w, bias, padding, strides=stride, dilations=dilation, group=groups)


def conv_transpose2d(
    x: Array,
    w: Array,
    bias: Array | None = None,
    *,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: int,
    dilation: Any,
) -> Array:
    """ConvTranspose."""
    return run(
        "ConvTranspose",
        x,
        w,
        bias,
        padding,
        strides=stride,
        dilations=dilation,
        group=groups,
        output_padding=output_padding,
    )


conv1d = conv3d = conv2d
conv_transpose1d = conv_transpose3d = conv_transpose2d
