"""Integers of eight bits, as ONNX defines them: y = sum (x - x0) (w - w0) in 32 bits, and requantised.

    ConvInteger    y = the sum
    QLinearConv    y = saturate(round((sum + b) * (sx * sw / sy)) + y0), halves to the even integer

Scales are float32, and the order in which they are multiplied is not defined: a case of which a result would depend on
it is refused, except that powers of two are exact in any order.
"""

from __future__ import annotations

from fractions import Fraction
from math import prod
from typing import Any

import numpy as np

from conv_oracle.formulas import definition
from conv_oracle.golden.asking import operand_shapes, problem_entry
from conv_oracle.golden.cases import QuantisedCase
from conv_oracle.golden.container import array_digest
from conv_oracle.golden.entries import Built
from conv_oracle.golden.families import FixtureError, Stored, stored
from conv_oracle.golden.generator import small_integers
from conv_oracle.golden.rounding import of_array
from conv_oracle.passes import Array
from conv_oracle.problem import Problem, parse

BIAS = 3000
"""The largest magnitude of a bias."""

OFFSETS = {"int8": 0, "uint8": 128, "int32": 0}
CLEAR = Fraction(1, 2**18)
"""Farther from a half than this, relatively, no order of three float32 factors changes what is rounded."""


def quantised_entry(case: QuantisedCase) -> Built:
    """Integers of eight bits, with their zero points and scales, and the result."""
    problem = parse(f"{case.problem} float32")
    dtypes = {"x": case.x, "w": case.w, "b": "int32"}
    shapes = operand_shapes(problem, cotangent=False)
    limits = {"x": case.limit, "w": case.limit, "b": BIAS}
    operands = {
        name: integers(f"{case.id}/{name}", shape, limits[name], dtypes[name]) for name, shape in shapes.items()
    }
    sums = _sums(case, problem, {name: array.astype(np.int64) for name, array in operands.items()})
    scales = _scales(case)
    y = stored(sums if scales is None else _requantised(case, problem, sums, scales))
    arrays: dict[str, Stored] = operands | {"y": y}
    head: dict[str, Any] = {"id": case.id, "comment": case.comment, "result": "valid"} | problem_entry(problem)
    head |= {"operator": case.operator, "returns": case.returns}
    head["operands"] = {
        name: {
            "shape": list(array.shape),
            "dtype": dtypes[name],
            "limit": limits[name],
            "offset": OFFSETS[dtypes[name]],
            "sha256": array_digest(array),
        }
        for name, array in operands.items()
    }
    head["zeroPoints"] = {"x": case.x_zero, "w": case.w_zero, "y": case.y_zero}
    if scales is not None:
        arrays |= {f"scale/{name}": scale for name, scale in scales.items()}
        head["scales"] = {name: of_array(scale) for name, scale in scales.items()}
    return head | {"results": {"y": of_array(y)}}, arrays


def integers(stream: str, shape: tuple[int, ...], limit: int, dtype: str) -> Stored:
    """The stream of small integers, from -limit to limit without 0, plus 128 where the dtype has no sign."""
    values = small_integers(stream, prod(shape), limit) + OFFSETS[dtype]
    return stored(values.reshape(shape))


def _sums(case: QuantisedCase, problem: Problem, operands: dict[str, Array]) -> Array:
    w_zero = np.array(case.w_zero).reshape(-1, *[1] * (problem.dimensions + 1))
    given = {"input": operands["x"] - case.x_zero, "weight": operands["w"] - w_zero}
    given |= {"bias": operands["b"]} if "b" in operands else {}
    return problem.compute(definition, given)


def _scales(case: QuantisedCase) -> dict[str, Stored] | None:
    if case.scales is None:
        return None
    x, w, y = case.scales
    made = {"x": [x], "w": list(w), "y": [y]}
    return {name: np.ldexp(np.array(values, np.float64), -20).astype(np.float32) for name, values in made.items()}


def _requantised(case: QuantisedCase, problem: Problem, sums: Array, scales: dict[str, Stored]) -> Array:
    limits = np.iinfo(case.returns)
    x, y = (Fraction(float(scales[name][0])) for name in ("x", "y"))
    weights = [Fraction(float(w)) for w in scales["w"]] * (problem.out_channels if len(scales["w"]) == 1 else 1)
    exact = all(_is_power_of_two(scale) for scale in (x, y, *weights))
    found = np.zeros(sums.shape, np.int64)
    for index, value in np.ndenumerate(sums):
        real = int(value) * x * weights[index[1]] / y
        if not exact and abs(abs(real) % 1 - Fraction(1, 2)) <= abs(real) * CLEAR:
            raise FixtureError(f"a result is clear of a half, or exact: {float(real)} at {index}")
        found[index] = min(max(round(real) + case.y_zero, limits.min), limits.max)
    return found


def _is_power_of_two(scale: Fraction) -> bool:
    return (scale.numerator & (scale.numerator - 1)) == 0 and (scale.denominator & (scale.denominator - 1)) == 0
