"""The numbers of one call of a convolution by their roles, as a caller who writes them out has them.

Joined to the worker's text, and self-contained like it: the standard library alone. A function of a library, or a
program, is told every number once, and cannot say that two arguments contradict each other: what has no output, or no
meaning, is refused here, as its caller would.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

from conv_oracle.auditing.targets.names import DEFAULTS

AXES: Mapping[int, tuple[str, ...]] = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}
FAMILIES = ("size", "output_size", "kernel", "stride", "padding", "dilation", "output_padding")
"""What there is one of per axis: as one number for all axes, as a number for each, or as an array."""

SHAPES = ("input_shape", "weight_shape", "output_shape")
_ARITHMETIC: Mapping[type, Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
}


def of_axis(family: str, axis: int, axes: int) -> str:
    """The role of the number of one axis: of sizes, the axis itself; where there is one axis, the family."""
    if axes == 1:
        return family
    return f"{family.removesuffix('size')}_{AXES[axes][axis]}".replace("__", "_").lstrip("_")


def is_taken(name: str, roles: set[str]) -> bool:
    """Whether a parameter of PyTorch's is among what the function is told or made for."""
    family = {name, *(f"{name}_{axis}" for axis in AXES[3])}
    if name == "groups":
        family |= {"in_channels_per_group", "out_channels_per_group"}
    operand = name in ("input", "weight", "grad_output", "input_size", "weight_size")
    return operand or bool(family & roles)


def facts(words: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Every number that a convolution has, by role; one per axis as a tuple.

    Raises ValueError for arguments that no convolution has, NotImplementedError for what is not for this function.
    """
    axes, operation = words["axes"], words["operation"]
    image = tuple(given["input_size"]) if "input_size" in given else given["input"].shape
    weight = tuple(given["weight_size"]) if "weight_size" in given else given["weight"].shape
    if len(image) != axes + 2:
        raise NotImplementedError(f"an input has a batch, channels and {axes} axes: input of shape {image}")
    if len(weight) != axes + 2:
        raise ValueError(f"a weight has {axes + 2} axes: weight of shape {weight}")
    found: dict[str, Any] = {
        "batch": image[0],
        "in_channels": image[1],
        "groups": given.get("groups", 1),
        "size": image[2:],
        "kernel": weight[2:],
        "axes": axes,
        **{name: _each(name, given.get(name, DEFAULTS[name]), axes) for name in FAMILIES[3:]},
    }
    transposed = operation == "conv_transpose"
    groups = found["groups"]
    if groups < 1 or weight[0] % groups or image[1] != (weight[0] if transposed else weight[1] * groups):
        raise ValueError(f"channels must fit: input of shape {image}, weight of shape {weight}, groups={groups}")
    found["out_channels"] = weight[1] * groups if transposed else weight[0]
    found["output_size"] = tuple(_output_size(found, axis, transposed=transposed) for axis in range(axes))
    found["in_channels_per_group"] = found["in_channels"] // groups
    found["out_channels_per_group"] = found["out_channels"] // groups
    found["multiplier"] = found["out_channels"] // max(found["in_channels"], 1)
    found["input_shape"], found["weight_shape"] = image, weight
    found["output_shape"] = (image[0], found["out_channels"], *found["output_size"])
    for name in ("input", "weight", "output"):
        found[f"{name}_elements"] = math.prod(found[f"{name}_shape"])
    bias, cotangent = given.get("bias"), given.get("grad_output")
    if bias is not None and bias.shape != (found["out_channels"],):
        raise ValueError(f"a bias has an element per output channel: bias of shape {bias.shape}")
    if cotangent is not None and cotangent.shape != found["output_shape"]:
        raise ValueError(f"grad_output has the shape of the output: {cotangent.shape}, not {found['output_shape']}")
    _fit(found, words["fixed"])
    return found


def _each(name: str, value: Any, axes: int) -> tuple[int, ...]:
    """One number per axis. Raises NotImplementedError for a word, ValueError for what is no such number."""
    if isinstance(value, str):
        raise NotImplementedError(f"{name} is given in numbers: {name}={value!r}")
    values = (value,) * axes if isinstance(value, int) else tuple(value)
    values *= axes if len(values) == 1 else 1
    least = 0 if "padding" in name else 1
    if len(values) != axes or any(one < least for one in values):
        raise ValueError(f"{name} has {axes} numbers of at least {least}: {name}={value}")
    return values


def _output_size(found: Mapping[str, Any], axis: int, *, transposed: bool) -> int:
    """The output size on one axis. Raises ValueError where there is no output."""
    size, kernel, stride, padding, dilation, more = (
        found[name][axis] for name in ("size", "kernel", "stride", "padding", "dilation", "output_padding")
    )
    span = dilation * (kernel - 1) + 1
    if transposed:
        output = (size - 1) * stride - 2 * padding + span + more
        fits = more < max(stride, dilation) and size > 0
    else:
        output, fits = (size + 2 * padding - span) // stride + 1, not more and size + 2 * padding >= span
    if output < 1 or kernel < 1 or not fits:
        raise ValueError(f"there is no output: size {size}, kernel {kernel}, {stride=}, {padding=}, {dilation=}")
    return int(output)


def _fit(found: Mapping[str, Any], fixed: Mapping[str, Any]) -> None:
    """Raises NotImplementedError for a problem that the function is not made for."""
    for role, wanted in fixed.items():
        value = found[wanted] if isinstance(wanted, str) else wanted
        has = number(found, role)
        if any(one != value for one in (has if isinstance(has, tuple) else (has,))):
            raise NotImplementedError(f"made for {role}={wanted}: {role}={has}")


def number(found: Mapping[str, Any], role: str) -> Any:
    """What a role is in this call: a number, or one per axis."""
    if role in found:
        return found[role]
    names = AXES[found["axes"]]
    family, _, axis = role.rpartition("_")
    return found[{"": "size", "output": "output_size"}.get(family, family)][names.index(axis)]


def scalar(found: Mapping[str, Any], role: str) -> int:
    """What is passed as one number. Raises NotImplementedError where the axes differ."""
    value = number(found, role)
    if not isinstance(value, tuple):
        return int(value)
    if len({*value}) > 1:
        raise NotImplementedError(f"one {role} for all axes: {role}={value}")
    return int(value[0])


def evaluated(text: str, values: Mapping[str, int]) -> int:
    """A product, sum, difference or whole quotient of numbers and names. Raises ValueError for anything else."""

    def of(node: ast.AST) -> int:
        if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
            return _ARITHMETIC[type(node.op)](of(node.left), of(node.right))
        if isinstance(node, ast.Constant) and type(node.value) is int:
            return node.value
        if isinstance(node, ast.Name) and node.id in values:
            return values[node.id]
        raise ValueError(f"a size has names, whole numbers, +, -, *, // and brackets: {text}")

    return of(ast.parse(text.strip(), mode="eval").body)
