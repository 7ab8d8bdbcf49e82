"""The witnesses of the families that hold more than integers: rounding, special values, eight bits, layouts, layers.

PyTorch computes special values, layouts and layers in float64; `conv_oracle.truth.rounded`, which shares no step with
what makes the rounding vectors, rounds them again, and PyTorch's float32 must be within the bound of its class;
onnxruntime computes the integers of eight bits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import onnxruntime
import torch
from onnx import TensorProto, helper

from conv_oracle.golden import Entry, Family, FixtureError
from conv_oracle.golden.container import array_digest
from conv_oracle.golden.families import stored
from conv_oracle.golden.flags import RESULTS
from conv_oracle.golden.generator import small_integers
from conv_oracle.golden.kinds import KINDS
from conv_oracle.golden.layouts import orders
from conv_oracle.golden.rounding import CLASSES, NAMES
from conv_oracle.golden.special import ABOVE, ANYTHING, BELOW, IS_NAN, ORDINARY
from conv_oracle.passes import Array
from conv_oracle.problem import Problem, parse
from conv_oracle.truth.bound import Arithmetic, bias_error_bound, error_bound
from conv_oracle.truth.rounded import difference, exact_bias_sums, exact_sums, rounded, rounded_bias

Answers = Callable[[Problem, Mapping[str, Array]], dict[str, Array]]
"""y, dx, dw and db of a problem, in float64."""

CLOSE, CLOSE_TO_ZERO = 2.0**-22, 2.0**-7
"""Relatively: a bound is rounded up to float32, and `truth.bound` does not know that a float64 sum is exactly zero."""

ONNX_TYPES = {"int8": TensorProto.INT8, "uint8": TensorProto.UINT8, "int32": TensorProto.INT32}


def confirm(families: Sequence[Family], by_torch: Answers, tick: Callable[[str], None]) -> dict[str, int]:
    """How many arrays each witness confirmed. Raises FixtureError at the first disagreement."""
    counts: dict[str, int] = {}
    for family in families:
        for entry in family.questions if family.name in KINDS else ():
            for name, confirmed in confirmations(family, entry, by_torch).items():
                counts[name] = counts.get(name, 0) + confirmed
            tick(entry["id"])
    return counts


def confirmations(family: Family, entry: Entry, by_torch: Answers) -> dict[str, int]:
    """How many arrays of one case each witness confirmed."""
    if family.name == "quantised":
        _agree(entry, "y", "onnxruntime", family.arrays[f"{entry['id']}/y"], by_onnxruntime(family, entry))
        return {"onnxruntime": 1}
    problem = parse(entry["problem"])
    confirm = {"rounding": _rounding, "special": _special, "layout": _layout, "layer": _layer}[family.name]
    return confirm(family, entry, problem, by_torch)


def _rounding(family: Family, entry: Entry, problem: Problem, _: Answers) -> dict[str, int]:
    def array(name: str) -> Array:
        return family.arrays[f"{entry['id']}/{name}"].astype(np.float64)

    operands = {name: array(name) for name in entry["operands"]}
    given = {NAMES[name]: values for name, values in operands.items()}
    wide = replace(problem, dtype=entry["returns"])
    for result in entry["results"]:
        if result == "db":
            found = rounded_bias(given["grad_output"], dimensions=problem.dimensions, dtype=wide.dtype)
        else:
            computed = problem.operation.gradient(RESULTS[result])
            asked = replace(wide, operation=computed, bias=problem.bias and computed.forward)
            found = rounded(asked, {name: given[name] for name in asked.operand_shapes}, wide.dtype)
        _agree(entry, result, "truth.rounded", array(result), np.asarray(found).astype(np.float64))
        for name, kind in CLASSES[problem.dtype].items():
            far = _bound(wide, given, result, Arithmetic(kind.sums, kind.factors or None))
            stored_bound = array(f"{name}/{result}")
            close = np.where(array(result) == 0, CLOSE_TO_ZERO, CLOSE)
            if not (np.abs(stored_bound - far) <= far * close).all():
                raise FixtureError(f"{entry['id']}: the bound {name}/{result} is not that of truth.bound")
    counts = {"truth.rounded": len(entry["results"])}
    if problem.dtype == "float32":
        single = _in_float32(problem, operands)
        for result, values in single.items():
            beyond = np.abs(values - array(result)) > array(f"float32/{result}")
            if beyond.any():
                raise FixtureError(f"{entry['id']}: {result} of torch's float32 is beyond its bound")
        counts["torch"] = len(single)
    return counts


def _bound(problem: Problem, given: Mapping[str, Array], result: str, arithmetic: Arithmetic) -> Array:
    """How far an answer may be from the rounded result, by `conv_oracle.truth.bound`."""
    if result == "db":
        dy, axes = given["grad_output"], problem.dimensions
        far = bias_error_bound(dy, dimensions=axes, dtype=problem.dtype, arithmetic=arithmetic, exact=True)
        sums, answer = exact_bias_sums(dy, dimensions=axes), rounded_bias(dy, dimensions=axes, dtype=problem.dtype)
    else:
        computed = problem.operation.gradient(RESULTS[result])
        asked = replace(problem, operation=computed, bias=problem.bias and computed.forward)
        own = {name: given[name] for name in asked.operand_shapes}
        far = error_bound(asked, own, arithmetic=arithmetic, exact=True)
        sums, answer = exact_sums(asked, own), rounded(asked, own, problem.dtype)
    return far + difference(np.asarray(answer).astype(np.float64), sums)


def _in_float32(problem: Problem, operands: Mapping[str, Array]) -> dict[str, Array]:
    """What PyTorch gives in float32, and torch.autograd."""
    tensors = {name: torch.tensor(values.astype(np.float32), requires_grad=True) for name, values in operands.items()}
    name = f"conv{'_transpose' if problem.transposed else ''}{problem.dimensions}d"
    more: dict[str, Any] = {"output_padding": problem.output_padding} if problem.transposed else {}
    padding = [before for before, _ in problem.geometry.padding]
    y = getattr(torch.nn.functional, name)(
        tensors["x"],
        tensors["w"],
        tensors["b"],
        stride=problem.stride,
        padding=padding,
        dilation=problem.dilation,
        groups=problem.groups,
        **more,
    )
    y.backward(tensors["dy"].detach())
    found = {"y": y.detach(), **{f"d{key}": tensors[key].grad for key in "xwb"}}
    return {key: value.numpy().astype(np.float64) for key, value in found.items()}


def _special(family: Family, entry: Entry, problem: Problem, by_torch: Answers) -> dict[str, int]:
    operands = {name: family.arrays[f"{entry['id']}/{name}"].astype(np.float64) for name in entry["operands"]}
    special = entry["special"]
    operands[special["operand"]][tuple(special["index"])] = float(special["value"])
    for result, answer in by_torch(problem, operands).items():
        codes = family.arrays[f"{entry['id']}/footprint/{result}"]
        ordinary = family.arrays[f"{entry['id']}/{result}"]
        fits = {
            ORDINARY: answer == ordinary,
            IS_NAN: np.isnan(answer),
            ABOVE: np.isnan(answer) | (answer == np.inf),
            BELOW: np.isnan(answer) | (answer == -np.inf),
            ANYTHING: np.ones(answer.shape, bool),
        }
        for code, fit in fits.items():
            if not fit[codes == code].all():
                index = tuple(map(int, np.argwhere((codes == code) & ~fit)[0]))
                raise FixtureError(
                    f"{entry['id']}: {result} at {index} has the code {code}, but torch gives {answer[index]}"
                )
    return {"torch": len(entry["results"])}


def _layout(family: Family, entry: Entry, problem: Problem, by_torch: Answers) -> dict[str, int]:
    order = orders(problem, entry["layouts"]["x"], entry["layouts"]["w"])

    def plain(name: str) -> Array:
        return family.arrays[f"{entry['id']}/{name}"].astype(np.float64).transpose(np.argsort(order[name]))

    for result, answer in by_torch(problem, {name: plain(name) for name in entry["operands"]}).items():
        if result in entry["results"]:
            _agree(entry, result, "torch", plain(result), answer)
    return {"torch": len(entry["results"])}


def _layer(_: Family, entry: Entry, problem: Problem, by_torch: Answers) -> dict[str, int]:
    operands = {}
    for name, described in entry["operands"].items():
        count = int(np.prod(described["shape"]))
        values = small_integers(f"{entry['id']}/{name}", count, described["limit"]).reshape(described["shape"])
        operands[name] = values.astype(np.float64)
    for result, answer in by_torch(problem, operands).items():
        if array_digest(stored(answer.astype(np.int64))) != entry["results"][result]["sha256"]:
            raise FixtureError(f"{entry['id']}: {result} has another digest by torch")
    return {"torch": len(entry["results"])}


def _unsigned(values: Array) -> Array:
    """Integers of int8 as uint8, 128 more."""
    return np.asarray((values.astype(np.int16) + 128).astype(np.uint8))


def by_onnxruntime(family: Family, entry: Entry) -> Array:
    """Y of a case of eight bits, as onnxruntime computes it."""
    parameters, operands = entry["parameters"], entry["operands"]
    dtypes = {name: described["dtype"] for name, described in operands.items()}
    zero_types = {"x": dtypes["x"], "w": dtypes["w"], "y": entry["returns"]}
    values = {
        name: family.arrays[f"{entry['id']}/{name}"].astype(described["dtype"]) for name, described in operands.items()
    }
    zeros = {f"{name}_zero": np.array(entry["zeroPoints"][name], zero_types[name]) for name in ("x", "w", "y")}
    if (dtypes["x"], dtypes["w"]) == ("uint8", "int8"):
        # the same sums: x86 processors without VNNI add such products in 16 bits that saturate (VPMADDUBSW)
        values["w"], zeros["w_zero"] = _unsigned(values["w"]), _unsigned(zeros["w_zero"])
    attributes = {
        "strides": parameters["stride"],
        "dilations": parameters["dilation"],
        "group": parameters["groups"],
        "pads": [side for pair in zip(*parameters["pads"], strict=True) for side in pair],
    }
    if entry["operator"] == "ConvInteger":
        given = {"x": values["x"], "w": values["w"], "x_zero": zeros["x_zero"], "w_zero": zeros["w_zero"]}
    else:
        scales = {f"{name}_scale": family.arrays[f"{entry['id']}/scale/{name}"] for name in entry["scales"]}
        scales |= {name: scale.reshape(()) for name, scale in scales.items() if scale.size == 1}
        if scales["w_scale"].ndim:
            zeros["w_zero"] = np.full(scales["w_scale"].shape, zeros["w_zero"])
        given = {}
        for name in ("x", "w", "y"):
            given |= {name: values[name]} if name != "y" else {}
            given |= {f"{name}_scale": scales[f"{name}_scale"], f"{name}_zero": zeros[f"{name}_zero"]}
        given |= {"b": values["b"]} if "b" in values else {}
    node = helper.make_node(entry["operator"], [*given], ["y"], **attributes)
    inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
        for name, value in given.items()
    ]
    output = helper.make_tensor_value_info("y", ONNX_TYPES[entry["returns"]], None)
    graph = helper.make_graph([node], "case", inputs, [output])
    model = helper.make_model(graph, ir_version=7, opset_imports=[helper.make_opsetid("", 13)])
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, given)[0])


def _agree(entry: Entry, what: str, witness: str, expected: Array, answer: Array) -> None:
    if expected.shape != answer.shape:
        raise FixtureError(f"{entry['id']}: {what} has shape {expected.shape}, but {witness} gives {answer.shape}")
    differ = np.argwhere(~(expected == answer))
    if len(differ):
        index = tuple(map(int, differ[0]))
        said = f"{what} at {index} is {expected[index]}, but {witness} gives {answer[index]}"
        raise FixtureError(f"{entry['id']}: {said}")
