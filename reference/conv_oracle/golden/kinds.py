"""What must hold within a case of the families that are not of integers alone, or whose arrays lie otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np

from conv_oracle.geometry import Shape
from conv_oracle.golden.asking import generated, operand_shapes, result_shapes
from conv_oracle.golden.comparing import array_difference, check_keys, check_problem
from conv_oracle.golden.container import array_digest
from conv_oracle.golden.families import Entry, Family, FixtureError, Stored, stored
from conv_oracle.golden.generator import small_integers
from conv_oracle.golden.layouts import orders
from conv_oracle.golden.rounding import CLASSES, real_numbers
from conv_oracle.golden.special import ANYTHING
from conv_oracle.problem import Problem

_HEAD = ("id", "comment", "result", "problem", "parameters")
KINDS: Mapping[str, tuple[str, ...]] = {
    "rounding": ("returns", "operands", "results", "bounds"),
    "special": ("operands", "special", "results", "footprints"),
    "quantised": ("operator", "returns", "operands", "zeroPoints", "results"),
    "layout": ("layouts", "operands", "results"),
    "layer": ("operands", "results"),
}
"""The keys of a case of each of these families, behind those that all have."""

_OPERAND: Mapping[str, tuple[str, ...]] = {
    "rounding": ("limit", "exponent", "spread"),
    "quantised": ("dtype", "limit", "offset"),
}
_RANGES = {"limit": (1, 2**24), "exponent": (-48, 48), "spread": (0, 48), "offset": (-128, 128)}
_BITS = {"int8": (-128, 127), "uint8": (0, 255), "int32": (-(2**31), 2**31 - 1)}
_MOST_ELEMENTS = 2**20


def check_kind(family: Family, entry: Entry) -> list[str]:
    """Refuse a case that contradicts itself; the names of its arrays in order."""
    kind = family.name
    scaled = kind == "quantised" and isinstance(entry, dict) and entry.get("operator") == "QLinearConv"
    keys = [*KINDS[kind]]
    keys[4:4] = ["scales"] if scaled else []
    check_keys("the case", entry, (*_HEAD, *keys))
    if not all(isinstance(entry[name], str) and "\n" not in entry[name] for name in ("id", "comment")):
        raise FixtureError("an id and a comment are one line each")
    if entry["result"] != "valid":
        raise FixtureError(f"result is valid: {entry['result']!r}")
    problem = check_problem(entry)
    names = _check_operands(family, entry, problem)
    order = _orders(entry, problem) if kind == "layout" else None
    shapes = result_shapes(problem) if kind != "quantised" else {"y": problem.output_shape}
    if order is not None:
        shapes = {name: tuple(shape[axis] for axis in order[name]) for name, shape in shapes.items()}
    names += _check_results(family, entry, shapes, "")
    if kind == "rounding":
        names += _check_bounds(family, entry, problem, shapes)
    if kind == "special":
        names += _check_special(family, entry, shapes)
    if kind == "quantised":
        names += _check_quantised(family, entry)
    return names if kind != "layer" else []


def _check_operands(family: Family, entry: Entry, problem: Problem) -> list[str]:
    kind, operands = family.name, entry["operands"]
    shapes = operand_shapes(problem, cotangent=kind != "quantised")
    if kind == "layout":
        order = _orders(entry, problem)
        shapes = {name: tuple(shape[axis] for axis in order[name]) for name, shape in shapes.items()}
    check_keys("operands", operands, tuple(shapes))
    for name, shape in shapes.items():
        described = operands[name]
        check_keys(f"operand {name}", described, ("shape", *_OPERAND.get(kind, ("limit", "exponent")), "sha256"))
        for key, (least, most) in _RANGES.items():
            value = described.get(key, least)
            if type(value) is not int or not least <= value <= most:
                raise FixtureError(f"operand {name}: {key} is an integer from {least} to {most}: {value!r}")
        if kind == "layer":
            _check_shape(f"operand {name}", described, shape)
            continue
        if prod(shape) > _MOST_ELEMENTS:
            raise FixtureError(f"operand {name}: an array has at most {_MOST_ELEMENTS} elements: {prod(shape)}")
        array = _stored(family, entry, name, described, shape)
        line = array_difference(array, _made(kind, f"{entry['id']}/{name}", described, shape), now="not")
        if line:
            raise FixtureError(f"operand {name} is not what the generator makes: it {line}")
    return [f"{entry['id']}/{name}" for name in shapes]


def _made(kind: str, stream: str, described: Mapping[str, Any], shape: Shape) -> Stored:
    """An operand as its description says that it is made."""
    limit = described["limit"]
    if kind == "rounding":
        return real_numbers(stream, shape, limit, described["exponent"], described["spread"])
    if kind == "quantised":
        return stored((small_integers(stream, prod(shape), limit) + described["offset"]).reshape(shape))
    case, _, name = stream.rpartition("/")
    return generated(case, name, shape, limit, described["exponent"], of_complex=False)


def _check_results(family: Family, entry: Entry, shapes: Mapping[str, Shape], prefix: str) -> list[str]:
    keys = ("shape", "absSum", "exponent", "sha256") if family.name in ("layout", "layer") else ("shape", "sha256")
    check_keys("results", entry["results"], tuple(shapes))
    for name, shape in shapes.items():
        described = entry["results"][name]
        check_keys(f"result {name}", described, keys)
        if family.name == "layer":
            _check_shape(f"result {name}", described, shape)
        else:
            array = _stored(family, entry, f"{prefix}{name}", described, shape)
            bound = described.get("absSum", 0)
            if type(bound) is not int or ("absSum" in described and array.size and np.abs(array).max() > bound):
                raise FixtureError(f"result {name}: absSum is an integer that bounds every value: {bound!r}")
    return [f"{entry['id']}/{prefix}{name}" for name in shapes]


def _check_bounds(family: Family, entry: Entry, problem: Problem, shapes: Mapping[str, Shape]) -> list[str]:
    classes = tuple(CLASSES.get(problem.dtype, {}))
    check_keys("bounds", entry["bounds"], classes)
    names = []
    for kind in classes:
        check_keys(f"bounds of {kind}", entry["bounds"][kind], tuple(shapes))
        for name, shape in shapes.items():
            described = entry["bounds"][kind][name]
            check_keys(f"bound {kind}/{name}", described, ("shape", "sha256"))
            if (_stored(family, entry, f"{kind}/{name}", described, shape) < 0).any():
                raise FixtureError(f"bound {kind}/{name}: a bound is not negative")
            names.append(f"{entry['id']}/{kind}/{name}")
    return names


def _check_special(family: Family, entry: Entry, shapes: Mapping[str, Shape]) -> list[str]:
    special = entry["special"]
    check_keys("special", special, ("operand", "index", "value"))
    if special["value"] not in ("nan", "inf", "-inf") or special["operand"] not in [*entry["operands"]]:
        raise FixtureError(f"special is an operand's nan, inf or -inf: {special['operand']!r}, {special['value']!r}")
    shape, index = entry["operands"][special["operand"]]["shape"], special["index"]
    inside = isinstance(index, list) and len(index) == len(shape) and all(type(i) is int for i in index)
    if not inside or not all(0 <= i < n for i, n in zip(index, shape, strict=True)):
        raise FixtureError(f"special: the index is inside of {shape}: {index!r}")
    check_keys("footprints", entry["footprints"], tuple(shapes))
    for name, own in shapes.items():
        check_keys(f"footprint {name}", entry["footprints"][name], ("shape", "sha256"))
        codes = _stored(family, entry, f"footprint/{name}", entry["footprints"][name], own)
        if not np.isin(codes, np.arange(ANYTHING + 1)).all():
            raise FixtureError(f"footprint {name}: a code is from 0 to {ANYTHING}")
    return [f"{entry['id']}/footprint/{name}" for name in shapes]


def _check_quantised(family: Family, entry: Entry) -> list[str]:
    check_keys("zeroPoints", entry["zeroPoints"], ("x", "w", "y"))
    for name, zero in entry["zeroPoints"].items():
        if type(zero) is not int or not -128 <= zero <= 255:
            raise FixtureError(f"zeroPoints: that of {name} is an integer of eight bits: {zero!r}")
    operators = {"ConvInteger": ("int32",), "QLinearConv": ("int8", "uint8")}
    if not isinstance(entry["operator"], str) or entry["returns"] not in operators.get(entry["operator"], ()):
        raise FixtureError(f"operator and returns fit each other: {entry['operator']!r}, {entry['returns']!r}")
    least, most = _BITS[entry["returns"]]
    y = family.arrays[f"{entry['id']}/y"]
    if y.size and not (y.min() >= least and y.max() <= most):
        raise FixtureError(f"result y: {entry['returns']} holds {least} to {most}")
    if "scales" not in entry:
        return []
    check_keys("scales", entry["scales"], ("x", "w", "y"))
    outputs = y.shape[1]
    for name, described in entry["scales"].items():
        check_keys(f"scale {name}", described, ("shape", "sha256"))
        several = name == "w" and described["shape"] == [outputs]
        if (_stored(family, entry, f"scale/{name}", described, (outputs,) if several else (1,)) <= 0).any():
            raise FixtureError(f"scale {name}: a scale is positive")
    return [f"{entry['id']}/scale/{name}" for name in ("x", "w", "y")]


def _orders(entry: Entry, problem: Problem) -> dict[str, tuple[int, ...]]:
    check_keys("layouts", entry["layouts"], ("x", "w", "y"))
    image, kernel, y = entry["layouts"].values()
    spatial = "DHW"[-problem.dimensions :]
    said = ((image, "NC"), (kernel, "OI"))
    fits = [isinstance(text, str) and sorted(text) == sorted(axes + spatial) for text, axes in said]
    if not all(fits) or y != image:
        raise FixtureError(f"layouts are the axes of x, w and y, y as x: {image!r}, {kernel!r}, {y!r}")
    return orders(problem, image, kernel)


def _check_shape(where: str, described: Mapping[str, Any], shape: Shape) -> None:
    if described["shape"] != list(shape):
        raise FixtureError(f"{where}: shape is {described['shape']}, and not {list(shape)}")
    if not isinstance(described["sha256"], str):
        raise FixtureError(f"{where}: a sha256 is 64 hexadecimal digits: {described['sha256']!r}")


def _stored(family: Family, entry: Entry, name: str, described: Mapping[str, Any], shape: Shape) -> Stored:
    """An array that is there, finite, and what its description says."""
    array = family.arrays.get(f"{entry['id']}/{name}")
    if array is None:
        raise FixtureError(f"array {name!r} is missing")
    _check_shape(name, described, shape)
    if list(array.shape) != list(shape):
        raise FixtureError(f"{name}: shape is {described['shape']}, stored {list(array.shape)}")
    if not np.isfinite(array).all() or np.signbit(array[array == 0]).any():
        raise FixtureError(f"{name}: a value is finite, and zero has no sign")
    if described["sha256"] != array_digest(array):
        raise FixtureError(f"{name}: its sha256 is {array_digest(array)}, and not the one in the manifest")
    return array
