"""What an `Arithmetic` allows: simulations of it stay within its bound, and exceed the bound of what allows less."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest

from conv_oracle import formulas
from conv_oracle.errors import OperandError
from conv_oracle.problem import Problem, parse
from conv_oracle.truth import bound, rounded
from conv_oracle.truth.bound import Arithmetic
from conv_oracle.truth.formats import FORMATS
from truth.exact import exact
from truth.operand_kinds import KINDS, operands

Array = np.ndarray
PROBLEMS = [
    "conv1d x2x4x9 w4x4x3 p1 bias",
    "conv2d x1x4x5x6 w6x2x3x2 s2,1 p1 g2",
    "conv1d_input x2x4x9 w4x4x3 s2 p1",
    "conv2d_weight x2x2x5x4 w2x2x2x3 d2,1 p1",
    "conv_transpose1d x2x3x5 w3x4x4 s2 p1 o1 bias",
]
NORMAL = FORMATS["float32"].smallest_normal
Round = Callable[[float, float], float]


def nearest(value: float, rest: float) -> float:
    """The float32 number nearest to value + rest, of which value is the float64 number nearest to it."""
    one = np.float32(value)
    apart = value - float(one)
    beside = np.nextafter(one, np.float32(np.copysign(np.inf, rest)))
    on_midpoint = abs(apart) == abs(float(beside) - float(one)) / 2 and apart * rest > 0
    return float(beside if on_midpoint else one)


def truncated(value: float, rest: float) -> float:
    one = np.float32(value)
    apart = (value - float(one)) or rest
    return float(np.nextafter(one, np.float32(0)) if apart * float(one) < 0 else one)


def flushed(value: float, rest: float) -> float:
    result = nearest(value, rest)
    return 0.0 if abs(result) < NORMAL else result


def cut(value: float) -> float:
    """To eleven bits, towards zero."""
    mantissa, exponent = np.frexp(value)
    return float(np.ldexp(np.trunc(np.ldexp(mantissa, 11)), exponent - 11))


def eleven(value: float) -> float:
    mantissa, exponent = np.frexp(value)
    return float(np.ldexp(np.rint(np.ldexp(mantissa, 11)), exponent - 11))


def zero_if_subnormal(value: float) -> float:
    return 0.0 if abs(value) < NORMAL else value


def same(value: float) -> float:
    return value


@dataclass(frozen=True)
class Number:
    """A float32 number that is made in a simulated arithmetic."""

    value: float
    factor: Callable[[float], float]
    rounding: Round

    def conjugate(self) -> "Number":
        return self

    def __mul__(self, other: "Number") -> "Number":
        product = self.factor(self.value) * other.factor(other.value)
        return Number(self.rounding(product, 0.0), self.factor, self.rounding)

    def __add__(self, other: object) -> "Number":
        one, two = self.value, other.value if isinstance(other, Number) else float(other)
        total = one + two
        part = total - one
        return Number(self.rounding(total, (one - (total - part)) + (two - part)), self.factor, self.rounding)

    __radd__ = __add__


def simulated(problem: Problem, given: dict[str, Array], factor: Callable[[float], float], rounding: Round) -> Array:
    made = {n: np.frompyfunc(lambda v: Number(float(v), factor, rounding), 1, 1)(a) for n, a in given.items()}
    result = problem.compute(formulas.definition, made)
    return np.frompyfunc(lambda v: getattr(v, "value", v), 1, 1)(result).astype(np.float64)


def draws(problem: Problem, seed: int, *, density: float = 0.3, power: int = 0) -> dict[str, Array]:
    random = np.random.default_rng(seed)
    return {
        name: (random.standard_normal(shape) * (random.random(shape) < density) * 2.0**power).astype(np.float32)
        for name, shape in problem.operand_shapes.items()
    }


CASES = [  # what is simulated, at which size of numbers, what allows it, and what does not
    (eleven, nearest, 0, Arithmetic("float32", factors="tf32"), Arithmetic("float32")),
    (
        cut,
        nearest,
        0,
        Arithmetic("float32", factors="tf32", truncating_factors=True),
        Arithmetic("float32", factors="tf32"),
    ),
    (same, truncated, 0, Arithmetic("float32", truncating=True), Arithmetic("float32")),
    (zero_if_subnormal, flushed, -63, Arithmetic("float32", flushing=True), Arithmetic("float32")),
    (zero_if_subnormal, nearest, -127, Arithmetic("float32", flushing=True), Arithmetic("float32")),
]


@pytest.mark.parametrize(("factor", "rounding", "power", "allowed", "less"), CASES)
def test_what_is_allowed_is_within_and_what_is_not_exceeds(
    factor: Callable[[float], float], rounding: Round, power: int, allowed: Arithmetic, less: Arithmetic
) -> None:
    beyond = 0
    for seed, notation in enumerate(PROBLEMS):
        problem = parse(f"{notation} float32")
        for density in (0.1, 0.4, 1.0):
            given = draws(problem, seed, density=density, power=power)
            if power == -127:
                given[next(iter(given))] *= np.float32(2.0**127)
            answer = simulated(problem, given, factor, rounding)
            apart = rounded.difference(answer, rounded.exact_sums(problem, given))
            assert (apart <= bound.error_bound(problem, given, arithmetic=allowed, exact=True)).all()
            beyond += int((apart > bound.error_bound(problem, given, arithmetic=less, exact=True)).sum())
    assert beyond > 0


def test_terms_and_magnitudes_are_those_of_the_definition() -> None:
    for seed, notation in enumerate(PROBLEMS):
        problem = parse(f"{notation} float32")
        given = draws(problem, seed)
        (made,) = bound.magnitudes(problem, given)
        (size,) = exact(problem, {name: np.abs(a) for name, a in given.items()})
        (terms,) = exact(problem, {name: (a != 0).astype(np.float32) for name, a in given.items()})
        assert (made.terms == terms.astype(float)).all()
        assert all(
            abs(Fraction(float(a)) - e) <= e * Fraction(2) ** -45
            for a, e in zip(made.magnitude.flat, size.flat, strict=True)
        )


def test_complex_magnitudes_are_those_of_the_parts() -> None:
    problem = parse("conv1d x1x1x1 w1x1x1 bias complex64")
    given = {
        "input": np.full((1, 1, 1), 3 - 5j, np.complex64),
        "weight": np.full((1, 1, 1), 7j, np.complex64),
        "bias": np.full(1, -2, np.complex64),
    }
    real, imaginary = bound.magnitudes(problem, given)
    assert [real.terms.item(), real.magnitude.item()] == [2, 35 + 2]
    assert [imaginary.terms.item(), imaginary.magnitude.item()] == [1, 21]


@pytest.mark.parametrize("kind", KINDS)
def test_the_double_backward_has_its_bound(kind: str) -> None:
    problem = parse("conv1d x2x3x6 w4x3x2 p1 bias float32")
    x, w, y = problem.input_shape, problem.weight_shape, problem.output_shape
    names = ("input", "weight", "grad_output", "grad_grad_input", "grad_grad_weight", "grad_grad_bias")
    given = operands(problem, 2, kind, dict(zip(names, (x, w, y, x, w, (4,)), strict=True)))
    limits = bound.double_backward_error_bound(problem, given, exact=True)
    highs, lows = rounded.exact_double_backward(problem, given)
    answers = rounded.rounded_double_backward(problem, given)
    for answer, high, low, limit in zip(answers, highs, lows, limits, strict=True):
        apart = rounded.difference(answer, (high, low))
        promised = np.isfinite(limit)
        assert (apart[promised] <= limit[promised]).all()
        assert np.isfinite(answer[promised]).all()
        if kind == "normal":
            assert promised.all()
            assert (rounded.difference(answer * np.float32(1 + 2.0**-15), (high, low)) > limit).any()


def test_factors_that_overflow_their_format_promise_nothing() -> None:
    problem = parse("conv1d x1x1x2 w1x1x1 float32")
    given = {"input": np.array([[[70000, 60000]]], np.float32), "weight": np.ones((1, 1, 1), np.float32)}
    limit = bound.error_bound(problem, given, arithmetic=Arithmetic("float32", factors="float16"))
    assert np.isposinf(limit).tolist() == [[[True, False]]]


def test_a_format_that_nobody_has_is_refused() -> None:
    problem = parse("conv1d x1x1x2 w1x1x1 float32")
    with pytest.raises(OperandError, match="factors=float7"):
        bound.error_bound(problem, draws(problem, 0), arithmetic=Arithmetic("float32", factors="float7"))
