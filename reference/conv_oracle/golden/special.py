"""Special values: where a NaN or an infinity must arrive, where it must not, and where conventions differ.

Of every number of a result it is known whether it is made with the special element, once or more, and with which sign:

    0   it is not: the number is the ordinary one
    1   NaN, as a NaN is among its terms, or infinities of both signs are
    2   +infinity, or NaN    3   -infinity, or NaN: blocked or compensated sums make inf - inf or 0 * inf of it
    4   anything: the element may meet a zero that padding, a stride or a dilation puts around or between the other
        operand's elements, and 0 * NaN is NaN for who multiplies and nothing for who skips

Fast algorithms (Winograd, FFT) mix numbers that no formula mixes: this is not for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from conv_oracle.formulas import definition
from conv_oracle.golden.asking import LIMITS, described, generated, operand_shapes, problem_entry
from conv_oracle.golden.cases import SpecialCase
from conv_oracle.golden.entries import Built, answers
from conv_oracle.golden.families import Stored, numbers, stored
from conv_oracle.golden.rounding import of_array
from conv_oracle.passes import Array
from conv_oracle.problem import Problem, parse

ORDINARY, IS_NAN, ABOVE, BELOW, ANYTHING = range(5)
READERS = {"x": ("y", "dw"), "w": ("y", "dx"), "b": ("y",), "dy": ("dx", "dw", "db")}
"""The results that are made with an operand."""


def special_entry(case: SpecialCase) -> Built:
    """Small integers with one special element, the ordinary results, and what every number of them becomes."""
    problem = parse(f"{case.problem} float32")
    operands = {
        name: generated(case.id, name, shape, LIMITS[name], 0, of_complex=False)
        for name, shape in operand_shapes(problem, cotangent=True).items()
    }
    values = {name: numbers(array, of_complex=False) for name, array in operands.items()}
    results = {name: stored(array) for name, array in answers(definition, problem, values).items()}
    footprints = {name: stored(_footprint(case, problem, values, name)) for name in results}
    arrays: dict[str, Stored] = operands | results | {f"footprint/{name}": array for name, array in footprints.items()}
    entry: dict[str, Any] = {"id": case.id, "comment": case.comment, "result": "valid"} | problem_entry(problem)
    entry["operands"] = {name: described(array, "limit", LIMITS[name], 0) for name, array in operands.items()}
    entry["special"] = {"operand": case.operand, "index": list(case.index), "value": case.value}
    entry["results"] = {name: of_array(array) for name, array in results.items()}
    entry["footprints"] = {name: of_array(array) for name, array in footprints.items()}
    return entry, arrays


def _footprint(case: SpecialCase, problem: Problem, values: Mapping[str, Array], result: str) -> Array:
    if result not in READERS[case.operand]:
        return np.zeros_like(answers(definition, problem, values)[result])
    plus, minus = (_terms(case, problem, values, result, sign) for sign in (1, -1))
    reads = plus + minus > 0
    if case.value == "nan":
        codes = np.where(reads, IS_NAN, ORDINARY)
    else:
        up, down = (plus, minus) if case.value == "inf" else (minus, plus)
        codes = np.where(up > 0, np.where(down > 0, IS_NAN, ABOVE), np.where(down > 0, BELOW, ORDINARY))
    if _may_meet_zeros(problem, case.operand, result):
        codes = np.where(_of_its_channels(reads, problem) & ~reads, ANYTHING, codes)
    return codes


def _terms(case: SpecialCase, problem: Problem, values: Mapping[str, Array], result: str, sign: int) -> Array:
    """How often the special element is multiplied with a number of that sign, for every number of a result."""
    one = {name: (np.sign(array) == sign).astype(np.int64) for name, array in values.items()}
    if case.operand != "b" and "b" in one:
        one["b"] = np.zeros_like(one["b"])
    if case.operand == "b":
        one["x"] = np.zeros_like(one["x"])
    alone = np.zeros_like(one[case.operand])
    alone[case.index] = sign == 1 or case.operand in ("x", "w") or (case.operand == "dy" and result != "db")
    return answers(definition, problem, one | {case.operand: alone})[result]


def _may_meet_zeros(problem: Problem, operand: str, result: str) -> bool:
    """Whether the other operand may be laid out with zeros around or between its elements.

    A window is cut from an array that is padded; what scatters into one may be computed by spreading the smaller side
    by the stride and padding it in full; a kernel may be spread by the dilation.
    """
    padded = any(side for pair in problem.geometry.padding for side in pair)
    dilated, strided = (any(step > 1 for step in steps) for steps in (problem.dilation, problem.stride))
    gathers, wide, small = ("dx", "dy", "x") if problem.transposed else ("y", "x", "dy")
    if operand == "b" or result == "db":
        return False
    if operand == "w":
        return padded if result == gathers else True
    if result != "dw":
        return dilated
    return strided if operand == wide else padded if operand == small else False


def _of_its_channels(reads: Array, problem: Problem) -> Array:
    """What has the same example and channels as something that reads it."""
    axes = tuple(range(reads.ndim - problem.dimensions, reads.ndim))
    whole: Array = np.broadcast_to(reads.any(axis=axes, keepdims=True), reads.shape)
    return whole
