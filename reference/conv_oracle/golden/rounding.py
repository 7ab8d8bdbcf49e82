"""Rounding vectors: the correctly rounded result of real-valued operands, and how far from it an answer may be.

The exact result is the definition's, on integers of any length; it is rounded once, ties to even. For each class of
arithmetic and each number there is a bound of |answer - result|: the formula of `conv_oracle.truth.bound` for the
distance from the exact result, and the distance of the rounded one from it, rounded up to float32.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np

from conv_oracle.formulas import definition
from conv_oracle.golden.asking import operand_shapes, problem_entry
from conv_oracle.golden.cases import RoundingCase
from conv_oracle.golden.cases.rounding import DTYPES
from conv_oracle.golden.container import array_digest
from conv_oracle.golden.entries import Built, answers
from conv_oracle.golden.families import FixtureError, Stored
from conv_oracle.golden.generator import small_integers
from conv_oracle.passes import Array
from conv_oracle.problem import Problem, parse
from conv_oracle.truth.formats import FORMATS, Format

NAMES = {"x": "input", "w": "weight", "b": "bias", "dy": "grad_output"}
"""The operands as PyTorch names them."""


@dataclass(frozen=True)
class Class:
    """An arithmetic: the formats of its sums, of its result, and of its factors where they are shorter."""

    sums: str
    returns: str
    factors: str = ""


def _classes(dtype: str, returns: str) -> dict[str, Class]:
    found = {"wide": Class("float64", returns), "float32": Class("float32", returns)}
    if dtype == "float32":
        return found | {"tf32": Class("float32", returns, "tf32")}
    return found | ({dtype: Class(dtype, returns)} if dtype == returns else {})


CLASSES: Mapping[str, Mapping[str, Class]] = {name: _classes(name, of.returns) for name, of in DTYPES.items()}
"""The classes of arithmetic that have bounds, by the dtype of the operands."""


def rounding_entry(case: RoundingCase) -> Built:
    """A problem with real-valued operands, its rounded results and their bounds."""
    problem = parse(case.problem)
    operands = {
        name: real_numbers(f"{case.id}/{name}", shape, case.limit, case.exponent, case.spread)
        for name, shape in operand_shapes(problem, cotangent=True).items()
    }
    power = case.exponent - case.spread
    exact = _definition(problem, operands, power)
    results = {name: _rounded(values, FORMATS[case.returns]) for name, values in exact.items()}
    bounds = _bounds(problem, operands, power, exact, results)
    arrays: dict[str, Stored] = operands | results
    for name, own in bounds.items():
        arrays |= {f"{name}/{result}": bound for result, bound in own.items()}
    told_bounds = {name: {result: of_array(bound) for result, bound in own.items()} for name, own in bounds.items()}
    head = {"id": case.id, "comment": case.comment, "result": "valid"} | problem_entry(problem)
    made = {"limit": case.limit, "exponent": case.exponent, "spread": case.spread}
    told = {
        name: {"shape": list(array.shape), **made, "sha256": array_digest(array)} for name, array in operands.items()
    }
    answered = {name: of_array(array) for name, array in results.items()}
    return head | {"returns": case.returns, "operands": told, "results": answered, "bounds": told_bounds}, arrays


def real_numbers(stream: str, shape: tuple[int, ...], limit: int, exponent: int, spread: int) -> Stored:
    """V * 2^(exponent + e), with v of the stream and e of the stream `<stream>/e`; float32 holds them."""
    values = small_integers(stream, prod(shape), limit)
    powers = small_integers(f"{stream}/e", prod(shape), spread) if spread else 0
    return np.ldexp(values.astype(np.float64), exponent + powers).astype(np.float32).reshape(shape)


def of_array(array: Stored) -> dict[str, Any]:
    """An array as an entry describes it, where it has no integer bound."""
    return {"shape": list(array.shape), "sha256": array_digest(array)}


def _definition(problem: Problem, operands: Mapping[str, Stored], power: int, only: str = "") -> dict[str, Array]:
    """Every result by the definition, as Fractions. Every operand is an integer times 2^power; a bias is a product.

    only: the one operand that has this power; the others are integers.
    """
    powers = {name: power if only in ("", name) else 0 for name in ("x", "w", "dy")}
    powers["b"] = powers["x"] + powers["w"]
    whole = {
        name: np.array([int(v) for v in np.ldexp(array.astype(np.float64), -powers[name]).ravel()], object)
        for name, array in operands.items()
    }
    shaped = {name: values.reshape(operands[name].shape) for name, values in whole.items()}
    scales = {"y": powers["b"], "dx": powers["w"] + powers["dy"], "dw": powers["x"] + powers["dy"], "db": powers["dy"]}
    results = answers(definition, problem, shaped)
    return {name: values * Fraction(2) ** scales[name] for name, values in results.items()}


def _rounded(values: Array, form: Format) -> Stored:
    return np.array([nearest(value, form) for value in values.ravel()], np.float32).reshape(values.shape)


def nearest(value: Fraction, form: Format) -> float:
    """A number rounded once to a format, ties to even, with gradual underflow. Refuses what overflows."""
    if not value:
        return 0.0
    size = abs(value)
    power = size.numerator.bit_length() - size.denominator.bit_length()
    power -= size < Fraction(2) ** power
    quantum = max(Fraction(2) ** (power + 1 - form.bits), Fraction(form.smallest))
    result = round(value / quantum) * quantum
    if abs(result) > form.largest:
        raise FixtureError(f"a result is within the range of its format: {float(value)}")
    return float(result)


def _bounds(
    problem: Problem,
    operands: Mapping[str, Stored],
    power: int,
    exact: Mapping[str, Array],
    rounded: Mapping[str, Stored],
) -> dict[str, dict[str, Stored]]:
    """By class and result: how far an answer may be from the rounded result, as float32, never too little.

    The formula is that of `conv_oracle.truth.bound`, on integers and fractions: no rounding makes it depend on a
    machine.
    """
    sizes = {name: np.abs(array) for name, array in operands.items()}
    ones = {name: np.ones_like(array) for name, array in operands.items()}
    terms = {name: values.astype(np.int64) for name, values in _definition(problem, ones, 0).items()}
    magnitudes = _definition(problem, sizes, power)
    factors = _factors(problem, sizes, ones, power)
    found: dict[str, dict[str, Stored]] = {}
    for name, arithmetic in CLASSES[problem.dtype].items():
        found[name] = {}
        for result, values in exact.items():
            numbers = zip(
                *(array.ravel() for array in (terms[result], magnitudes[result], factors[result], values)),
                rounded[result].ravel(),
                strict=True,
            )
            bounds = [_bound(n, size, both, value, near, arithmetic) for n, size, both, value, near in numbers]
            found[name][result] = np.array(bounds, np.float32).reshape(values.shape)
    return found


def _factors(problem: Problem, sizes: Mapping[str, Stored], ones: Mapping[str, Stored], power: int) -> dict[str, Array]:
    """The sum of |x| + |w| over the products of every number of each result."""
    without = dict(ones) | {"b": np.zeros_like(ones["b"])}
    alone = {name: _definition(problem, without | {name: sizes[name]}, power, only=name) for name in ("x", "w", "dy")}
    pairs = {"y": ("x", "w"), "dx": ("w", "dy"), "dw": ("x", "dy")}
    found = {result: alone[one][result] + alone[other][result] for result, (one, other) in pairs.items()}
    return found | {"db": alone["dy"]["db"]}


def _bound(
    terms: int, magnitude: Fraction, factors: Fraction, exact: Fraction, rounded: Any, kind: Class
) -> np.float32:
    """The formula, for one number; 0 where it has no terms."""
    sums, returns = FORMATS[kind.sums], FORMATS[kind.returns]
    unit, changed = Fraction(sums.unit), Fraction(0)
    if not terms:
        return np.float32(0)
    if terms * unit >= 1:
        raise FixtureError("a bound is finite: there are fewer terms than an accumulator has units")
    growth = terms * unit / (1 - terms * unit)
    if kind.factors:
        short, half = Fraction(FORMATS[kind.factors].unit), Fraction(FORMATS[kind.factors].smallest) / 2
        changed = (2 * short + short**2) * magnitude + (1 + short) * half * factors + half**2 * terms
    error = growth * (magnitude + changed) + (1 + growth) * terms * Fraction(sums.smallest) / 2 + changed
    if returns.unit > sums.unit:
        result = Fraction(returns.unit)
        error = (1 + result) * error + result * abs(exact) + Fraction(returns.smallest) / 2
    if magnitude + error > min(Fraction(sums.largest), Fraction(returns.largest)):
        raise FixtureError("a bound is finite: no sum may overflow its format")
    whole = error + abs(exact - Fraction(float(rounded)))
    single = np.float32(float(whole))
    return single if Fraction(float(single)) >= whole else np.nextafter(single, np.float32(np.inf))
