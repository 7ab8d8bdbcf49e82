"""The exact result of every operation, in Fractions by its definition, and rounded by the definition of rounding."""

import math
from fractions import Fraction

import numpy as np

from conv_oracle import formulas
from conv_oracle.problem import Problem
from conv_oracle.truth.formats import COMPONENT, Format

Array = np.ndarray


def fractions(array: Array) -> Array:
    return np.frompyfunc(lambda v: Fraction(float(v)), 1, 1)(np.asarray(array).astype(np.float64))


def exact_real(problem: Problem, given: dict[str, Array]) -> Array:
    return problem.compute(formulas.definition, {name: fractions(a) for name, a in given.items()})


def exact(problem: Problem, given: dict[str, Array]) -> list[Array]:
    """The real part, and the imaginary part of what is complex; gradients conjugate what stays."""
    if problem.dtype not in COMPONENT:
        return [exact_real(problem, given)]
    first, second, *rest = given
    sign = 1 if problem.operation.forward else -1
    re, im = ({n: getattr(a, part) for n, a in given.items() if n not in rest} for part in ("real", "imag"))
    im[first] = sign * im[first]
    no = {name: np.zeros_like(given[name].real) for name in rest}
    of_bias = [{name: getattr(given[name], part) for name in rest} for part in ("real", "imag")]
    return [
        exact_real(problem, re | of_bias[0]) - exact_real(problem, im | no),
        exact_real(problem, {first: re[first], second: im[second]} | of_bias[1])
        + exact_real(problem, {first: im[first], second: re[second]} | no),
    ]


def correctly_rounded(value: Fraction, form: Format) -> float:
    """By the definition of rounding to nearest, in integers."""
    value = Fraction(value)
    if value == 0:
        return 0.0
    size = abs(value)
    power = size.numerator.bit_length() - size.denominator.bit_length()
    power += size >= Fraction(2) ** power
    quantum = max(Fraction(2) ** power * Fraction(form.unit), Fraction(form.smallest))
    result = round(size / quantum) * quantum
    if result > Fraction(form.largest):
        return math.inf if value > 0 else -math.inf
    return float(result) * (1 if value > 0 else -1)


def wrong(got: Array, parts: list[Array], form: Format) -> int:
    """How many outputs are not correctly rounded."""
    values = [got] if len(parts) == 1 else [got.real, got.imag]
    count = 0
    for value, part in zip(values, parts, strict=True):
        assert value.shape == part.shape
        pairs = zip(value.astype(np.float64).flat, part.flat, strict=True)
        count += sum(float(v) != correctly_rounded(e, form) for v, e in pairs)
    return count
