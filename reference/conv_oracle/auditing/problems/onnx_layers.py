"""The convolutions of an ONNX model, each at the size that shape inference gives it: `--layers model.onnx`."""

from __future__ import annotations

import importlib
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from conv_oracle.errors import ConvOracleError, TargetError
from conv_oracle.geometry import kernel_span
from conv_oracle.operation import Family, Operation
from conv_oracle.problem import Problem, problem

FAMILIES: Mapping[str, Family] = {"Conv": "conv", "ConvTranspose": "conv_transpose"}
MOST_AXES = 3

Shapes = Mapping[str, tuple[int | str, ...]]
"""By the name of a value, its sizes; a name or '?' for one that is not known."""


def layers_in_onnx(file: Path) -> tuple[list[Problem], list[str]]:
    """(the problems of all Conv and ConvTranspose nodes, what is left out and why).

    Raises TargetError where the package onnx is missing, the file is no model, or a size is not known.
    """
    model = _inferred(file)
    left_out = Counter[str]()
    found = []
    for node, shapes in _nodes(model.graph, {}):
        try:
            found.append(_problem(node, shapes))
        except _AsymmetricError:
            left_out["with padding that differs between the two sides of an axis"] += 1
        except TargetError:
            raise
        except (ConvOracleError, ValueError, IndexError, KeyError) as error:
            raise TargetError(f"a node must be a convolution: layers={str(file)!r}, {_named(node)}: {error}") from None
    return found, [f"{count} {why}" for why, count in left_out.items()]


def options_of_model(
    target: str, op: Operation | str | None, fix: str, dtypes: Sequence[str]
) -> dict[str, Operation | str | tuple[str, ...]]:
    """The operation, layer and dtype of a model's file, as options. Raises TargetError where others are given."""
    own_op, own_fix, dtype = layer_of_model(Path(target))
    for name, given, own in (("op", op or own_op, own_op), ("fix", fix or own_fix, own_fix)):
        if str(given) != str(own):
            raise TargetError(f"the file of a model says what it is: {name}={str(given)!r}; {str(own)!r} would fit")
    if {*dtypes} - {dtype}:
        raise TargetError(f"the file of a model says its dtype: dtype={', '.join(dtypes)!r}; {dtype!r} would fit")
    return {"op": own_op, "fix": own_fix, "dtypes": (dtype,)}


def layer_of_model(file: Path) -> tuple[Operation, str, str]:
    """(operation, the layer as in --fix, dtype) of a model with one convolution, and nothing else that computes.

    Raises TargetError for any other model.
    """
    model = _inferred(file, "target")
    computing = [node for node in model.graph.node if node.op_type != "Constant"]
    constants = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    given = [(node.output[0], one) for node in model.graph.node if node not in computing for one in node.attribute]
    constants |= {name: tuple(one.t.dims) for name, one in given if one.name == "value"}
    if len(computing) != 1 or computing[0].op_type not in FAMILIES:
        said = ", ".join(node.op_type for node in computing[:12]) or "none"
        raise TargetError(
            f"a model that is a target has one node that computes, Conv or ConvTranspose: target={str(file)!r} has "
            f"{said}; a function of yours with --layers {file} would fit"
        )
    (node,) = computing
    if any(name not in constants for name in node.input[1:] if name):
        raise TargetError(
            f"the weights of a model that is a target are its constants: target={str(file)!r}, {_named(node)} gets "
            f"{', '.join(node.input[1:])} from outside; initializers would fit"
        )
    try:
        made = _problem(node, {**constants, node.input[0]: _image(node, constants)}, asymmetric=True)
    except (_AsymmetricError, ConvOracleError, ValueError, IndexError, KeyError) as error:
        raise TargetError(
            f"a model that is a target has a padding that is the same on every image: target={str(file)!r}, "
            f"{_named(node)} ({error}); pads would fit"
        ) from None
    kinds = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    kinds |= {value.name: value.type.tensor_type.elem_type for value in model.graph.input}
    numpy_type = importlib.import_module("onnx.helper").tensor_dtype_to_np_dtype(kinds[node.input[0]])
    return made.operation, " ".join(str(made).split()[2:-1]), str(numpy_type.name)


def _image(node: Any, constants: Shapes) -> tuple[int, ...]:
    """An image as large as the kernel of a node. Raises ValueError for a padding that follows from its size."""
    given = {one.name: one for one in node.attribute}
    groups, weight = given["group"].i if "group" in given else 1, constants[node.input[1]]
    strides = given["strides"].ints if "strides" in given else [1]
    same = "auto_pad" in given and given["auto_pad"].s.decode().startswith("SAME")
    if "output_shape" in given or (same and node.op_type == "Conv" and max(strides) > 1):
        raise ValueError("auto_pad or output_shape")
    channels = int(weight[0]) if node.op_type == "ConvTranspose" else int(weight[1]) * groups
    spans = [kernel_span(int(k), d) for k, d in zip(weight[2:], _dilations(given, len(weight) - 2), strict=True)]
    return (1, channels, *spans)


def _dilations(given: Mapping[str, Any], axes: int) -> Sequence[int]:
    return list(given["dilations"].ints) if "dilations" in given else [1] * axes


class _AsymmetricError(Exception):
    """A padding that differs between the two sides of an axis."""


def _inferred(file: Path, what: str = "layers") -> Any:
    """The model with the shapes of all values; the data of its weights are not read where they lie in other files."""
    try:
        onnx: Any = importlib.import_module("onnx")
        inliner: Any = importlib.import_module("onnx.inliner")
    except ImportError:
        raise TargetError(
            f"{'--layers' if what == 'layers' else 'a target'} of an ONNX model needs the library onnx: it is not "
            "installed; "
            "pip install 'conv-oracle[onnx]' would fit"
        ) from None
    try:
        model = onnx.load(str(file), load_external_data=False)
        model = inliner.inline_local_functions(model) if model.functions else model
        return onnx.shape_inference.infer_shapes(model, data_prop=True)
    except Exception as error:  # whatever onnx and protobuf raise
        said = str(error).strip().splitlines() or [""]
        raise TargetError(
            f"{what} must be an ONNX model: {what}={str(file)!r} ({type(error).__name__}: {said[0]:.120}); "
            "a file that onnx.checker accepts would fit"
        ) from None


def _nodes(graph: Any, outer: Shapes) -> Iterator[tuple[Any, Shapes]]:
    """Every convolution with the shapes that are known around it, those in the branches of a graph included."""
    shapes: dict[str, tuple[int | str, ...]] = dict(outer)
    for value in (*graph.input, *graph.value_info, *graph.output):
        if value.type.tensor_type.HasField("shape"):
            shapes[value.name] = tuple(_size(dim) for dim in value.type.tensor_type.shape.dim)
    shapes |= {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type in FAMILIES and node.domain in ("", "ai.onnx"):
            yield node, shapes
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from _nodes(inner, shapes)


def _size(dim: Any) -> int | str:
    return int(dim.dim_value) if dim.HasField("dim_value") else str(dim.dim_param or "?")


def _problem(node: Any, shapes: Shapes, *, asymmetric: bool = False) -> Problem:
    """The problem of a node, in float64. asymmetric: whether padding may differ between the two sides of an axis.

    Raises TargetError for a size that is not known.
    """
    family = FAMILIES[node.op_type]
    x, w = (_known(node, name, shapes) for name in node.input[:2])
    axes = len(w) - 2
    if not 1 <= axes <= MOST_AXES or len(x) != len(w):
        raise ValueError(f"input {x} and weight {w} are not of 1 to {MOST_AXES} axes")
    given: dict[str, Any] = {one.name: list(one.ints) or one.i or one.s.decode() for one in node.attribute}
    ones, zeros = [1] * axes, [0] * axes
    stride, dilation = given.get("strides", ones), given.get("dilations", ones)
    extra = given.get("output_padding", zeros)
    pads = _pads(given, family, x[2:], w[2:], stride, dilation, extra)
    if any(before != after for before, after in pads) and not asymmetric:
        raise _AsymmetricError
    return problem(
        Operation(family, axes),
        x,
        w,
        stride=stride,
        padding=pads,
        output_padding=extra if family == "conv_transpose" else 0,
        dilation=dilation,
        groups=given.get("group", 1),
        bias=len(node.input) > 2 and node.input[2] != "",
    )


def _pads(
    given: Mapping[str, Any],
    family: Family,
    sizes: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    dilation: Sequence[int],
    extra: Sequence[int],
) -> list[tuple[int, int]]:
    """(before, after) of every axis: as written, or by the rules of auto_pad and output_shape."""
    axes, auto, shape = len(kernel), given.get("auto_pad", "NOTSET") or "NOTSET", given.get("output_shape")
    spans = [kernel_span(k, d) for k, d in zip(kernel, dilation, strict=True)]
    if family == "conv_transpose" and (shape or auto.startswith("SAME")):
        wanted = shape or [size * s for size, s in zip(sizes, stride, strict=True)]
        totals = [
            s * (size - 1) + more + span - out
            for s, size, more, span, out in zip(stride, sizes, extra, spans, wanted[-axes:], strict=True)
        ]
        if min(totals) < 0:
            raise _AsymmetricError
    elif auto.startswith("SAME"):
        totals = [
            max((math.ceil(size / s) - 1) * s + span - size, 0)
            for s, size, span in zip(stride, sizes, spans, strict=True)
        ]
    else:
        flat = given.get("pads", [0] * 2 * axes) if auto == "NOTSET" else [0] * 2 * axes
        return list(zip(flat[:axes], flat[axes:], strict=True))
    halves = [(total // 2, total - total // 2) for total in totals]
    return halves if auto == "SAME_UPPER" else [(after, before) for before, after in halves]


def _known(node: Any, name: str, shapes: Shapes) -> tuple[int, ...]:
    shape = shapes.get(name)
    if shape is None or not all(isinstance(size, int) and size > 0 for size in shape):
        told = "unknown" if shape is None else f"({', '.join(map(str, shape))})"
        raise TargetError(
            f"the sizes of an ONNX model must be fixed: value={name!r} of {_named(node)} is {told}; "
            "an export with fixed sizes, batch included, would fit"
        )
    return tuple(int(size) for size in shape)


def _named(node: Any) -> str:
    return f"{node.op_type} {str(node.name or node.output[0])!r}"
