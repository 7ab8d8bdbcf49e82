"""ONNX: Conv and ConvTranspose as a model of one node, in the reference evaluator, in onnxruntime or in any backend.

A backend is a function with ONNX's interface, prepare(model).run(inputs). layer_in makes a function of a model's file.

Known in onnx 1.23.2, of the reference evaluator: Conv writes a dilated kernel with its zeros, which multiply NaN and
infinity; ConvTranspose adds the first group's bias to every group, and raises where a group has several channels.
onnxruntime 1.32.0 conforms.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import numpy as np
from onnx import TensorProto, helper, load, numpy_helper
from onnx.reference import ReferenceEvaluator

Int = int | Sequence[int]
Run = Callable[[list[Any]], Any]
Running = Callable[[Any], Run]
OPSET, IR_VERSION = 22, 10


def conv(
    running: Running,
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Int = 1,
    padding: Int | str = 0,
    dilation: Int = 1,
    groups: int = 1,
) -> Any:
    """Conv. running: a model -> the function that computes its outputs."""
    axes = weight.ndim - 2
    attributes = {"strides": _each(stride, axes), "dilations": _each(dilation, axes), "group": groups}
    attributes |= _padded(padding, stride, axes)
    return _run(running, "Conv", (input, weight, bias), attributes)


def conv_transpose(
    running: Running,
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Int = 1,
    padding: Int = 0,
    output_padding: Int = 0,
    groups: int = 1,
    dilation: Int = 1,
) -> Any:
    """ConvTranspose. running: a model -> the function that computes its outputs."""
    axes = weight.ndim - 2
    attributes = {"strides": _each(stride, axes), "dilations": _each(dilation, axes), "group": groups}
    attributes |= {"output_padding": _each(output_padding, axes), **_padded(padding, stride, axes)}
    return _run(running, "ConvTranspose", (input, weight, bias), attributes)


def model_of(operator: str, element: str, shapes: tuple[tuple[int, ...], ...], attributes: tuple[Any, ...]) -> Any:
    """The model of one node. element: the dtype. shapes: of the input, the weight and, where there is one, the bias."""
    kind = getattr(TensorProto, {"float32": "FLOAT", "float64": "DOUBLE"}.get(element, element.upper()))
    names = ["x", "w", "b"][: len(shapes)]
    node = helper.make_node(operator, names, ["y"], **dict(attributes))
    values = [helper.make_tensor_value_info(name, kind, shape) for name, shape in zip(names, shapes, strict=True)]
    result = helper.make_tensor_value_info("y", kind, [None] * len(shapes[0]))
    graph = helper.make_graph([node], "one_node", values, [result])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)


def evaluated(model: Any) -> Run:
    """A model in the reference evaluator."""
    session, names = ReferenceEvaluator(model), [one.name for one in model.graph.input]
    return lambda operands: session.run(None, dict(zip(names, operands, strict=True)))


def in_onnxruntime(model: Any) -> Run:
    """A model in onnxruntime, with as many threads as OMP_NUM_THREADS says.

    Raises NotImplementedError for what it says that it does not implement.
    """
    library: Any = importlib.import_module("onnxruntime")
    options, names = library.SessionOptions(), [one.name for one in model.graph.input]
    options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", "0"))
    options.log_severity_level = 4
    try:
        session = library.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        if type(error).__name__ == "NotImplemented":
            raise NotImplementedError(str(error)) from error
        raise
    return lambda operands: session.run(None, dict(zip(names, operands, strict=True)))


def backend(prepare: Callable[[Any], Any]) -> Running:
    """Models in a backend. What it is not supposed to implement raises NotImplementedError."""

    def running(model: Any) -> Run:
        prepared = _supposed(lambda: prepare(model))
        return lambda operands: _supposed(lambda: prepared.run(operands))

    return running


def _supposed(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Exception as error:
        if type(error).__name__ == "BackendIsNotSupposedToImplementIt":
            raise NotImplementedError(str(error)) from error
        raise


def operations(running: Running) -> SimpleNamespace:
    """The operations, by name, of what computes models."""
    forward, transposed = partial(conv, running), partial(conv_transpose, running)
    return SimpleNamespace(
        **dict.fromkeys(("conv1d", "conv2d", "conv3d"), forward),
        **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), transposed),
    )


conv1d = conv2d = conv3d = operations(evaluated).conv2d
conv_transpose1d = conv_transpose2d = conv_transpose3d = operations(evaluated).conv_transpose2d
runtime = operations(in_onnxruntime)


def of_backend(prepare: Callable[[Any], Any]) -> SimpleNamespace:
    """The operations of a backend."""
    return operations(backend(prepare))


def layer_in(path: str) -> Callable[..., Any]:
    """The layer of a model with one convolution: what it is given replaces its weights, as constants of the model.

    It runs in onnxruntime where that is installed, else in the reference evaluator; the sizes of images are left open.
    """
    model = load(path)
    (node,) = (one for one in model.graph.node if one.op_type in ("Conv", "ConvTranspose"))
    names = [name for name in node.input[1:] if name]
    running, engine = (in_onnxruntime, "onnxruntime") if find_spec("onnxruntime") else (evaluated, "onnx")
    del model.graph.value_info[:]
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.ClearField("shape")
    others = [one for one in model.graph.initializer if one.name not in names]
    computing = [one for one in model.graph.node if one.output[0] not in names]
    images = [one for one in model.graph.input if one.name not in names]
    for field, kept in (("initializer", others), ("node", computing), ("input", images)):
        del getattr(model.graph, field)[:]
        getattr(model.graph, field).extend(kept)

    def layer(input: Any, weight: Any, bias: Any = None) -> Any:
        """The model's first output."""
        made = type(model).FromString(model.SerializeToString())
        given = zip(names, (weight, bias), strict=False)
        made.graph.initializer.extend(numpy_helper.from_array(np.array(one), name) for name, one in given)
        return np.array(running(made)([np.ascontiguousarray(input)])[0])

    arguments = [("", {"name": name, "said": name}) for name in ("input", "weight", "bias")[: 1 + len(names)]]
    name = f"{os.path.basename(path)} in {engine} {importlib.import_module(engine).__version__}: layer"  # noqa: PTH119 - as little as it can
    told = {"arguments": arguments, "layout": {}, "result": {"names": ["y"]}, "makes": ""}
    layer.called = {"name": name, **told}  # type: ignore[attr-defined]
    return layer


@lru_cache(maxsize=256)
def _made(running: Running, *model: Any) -> Run:
    return running(model_of(*model))


def _run(running: Running, operator: str, given: Sequence[Any], attributes: dict[str, Any]) -> Any:
    """The first output of the node for the operands that are given."""
    operands = [np.ascontiguousarray(one) for one in given if one is not None]
    if operands[0].ndim != operands[1].ndim:
        raise NotImplementedError(f"ONNX takes a batch: an input of {operands[0].ndim} axes")
    attributes["kernel_shape"] = operands[1].shape[2:]
    shapes, said = tuple(one.shape for one in operands), tuple(sorted(attributes.items()))
    return np.array(_made(running, operator, operands[0].dtype.name, shapes, said)(operands)[0])


def _padded(padding: Int | str, stride: Int, axes: int) -> dict[str, Any]:
    """PyTorch's 'same' is SAME_UPPER at stride 1: the odd element goes behind."""
    if isinstance(padding, str):
        if padding == "same" and max(_each(stride, axes)) > 1:
            raise NotImplementedError("SAME_UPPER is another padding in ONNX where the stride is more than 1")
        return {"auto_pad": {"same": "SAME_UPPER", "valid": "VALID"}[padding]}
    return {"pads": 2 * _each(padding, axes)}


def _each(value: Int, axes: int) -> tuple[int, ...]:
    return (value,) * axes if isinstance(value, int) else tuple(value)
