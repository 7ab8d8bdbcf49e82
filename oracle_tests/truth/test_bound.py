"""The error bound: no right implementation exceeds it, in any order of summation, and a slightly sloppy one does."""

from collections.abc import Callable
from fractions import Fraction
from itertools import product

import ml_dtypes
import numpy as np
import pytest

from conv_oracle import formulas
from conv_oracle.errors import OperandError
from conv_oracle.problem import Problem, parse
from conv_oracle.truth import bound
from conv_oracle.truth.rounded import difference, exact_double_backward, exact_sums
from truth.operand_kinds import FEW

Array = np.ndarray


def operands(problem: Problem, seed: int, *, density: float = 1.0) -> dict[str, Array]:
    random = np.random.default_rng(seed)

    def part(shape: tuple[int, ...]) -> Array:
        values = random.standard_normal(shape) * 2.0 ** random.integers(-4, 5, shape)
        return values * (random.random(shape) < density)

    dtype = np.dtype(problem.dtype)
    return {
        name: (part(shape) + (1j * part(shape) if dtype.kind == "c" else 0)).astype(dtype)
        for name, shape in problem.operand_shapes.items()
    }


class Rounding:
    """A number that rounds to a NumPy scalar type after every operation; its products perhaps of shorter factors."""

    def __init__(self, value: object, dtype: type[np.floating], bits: int | None = None) -> None:
        self.value, self.dtype, self.bits = dtype(value), dtype, bits

    def factor(self) -> np.floating:
        if self.bits is None or self.value == 0:
            return self.value
        mantissa, exponent = np.frexp(float(self.value))
        return self.dtype(np.ldexp(np.rint(np.ldexp(mantissa, self.bits)), exponent - self.bits))

    def conjugate(self) -> "Rounding":
        return self

    def __mul__(self, other: "Rounding") -> "Rounding":
        return Rounding(self.factor() * other.factor(), self.dtype, self.bits)

    def __add__(self, other: object) -> "Rounding":
        value = other.value if isinstance(other, Rounding) else other
        return Rounding(self.value + self.dtype(value), self.dtype, self.bits)

    __radd__ = __add__


def in_format(problem: Problem, given: dict[str, Array], dtype: type[np.floating], bits: int | None = None) -> Array:
    """The definition, product by product in its order, in a format."""
    wrapped = {name: np.frompyfunc(lambda v: Rounding(v, dtype, bits), 1, 1)(a) for name, a in given.items()}
    result = problem.compute(formulas.definition, wrapped)
    return np.frompyfunc(lambda v: getattr(v, "value", v), 1, 1)(result).astype(dtype)


def exact(problem: Problem, given: dict[str, Array]) -> Array:
    fractions = {name: np.frompyfunc(lambda v: Fraction(float(v)), 1, 1)(a) for name, a in given.items()}
    return problem.compute(formulas.definition, fractions)


@pytest.mark.parametrize("density", [1.0, 0.15])
@pytest.mark.parametrize("notation", FEW)
def test_sums_in_the_format_stay_within_it(notation: str, density: float) -> None:
    problem = parse(f"{notation} float32")
    given = operands(problem, 5, density=density)
    limit, expected = bound.error_bound(problem, given), bound.truth(problem, given)
    assert not bound.exceeds(in_format(problem, given, np.float32), expected, limit).any()
    assert not bound.exceeds(expected.astype(np.float32), expected, limit).any()


@pytest.mark.parametrize("notation", FEW)
def test_it_covers_the_references_own_error(notation: str) -> None:
    problem = parse(f"{notation} float64")
    given = operands(problem, 6)
    limit, expected = bound.error_bound(problem, given), bound.truth(problem, given)
    answer = in_format(problem, given, np.float64)
    assert not bound.exceeds(answer, expected, limit).any()
    far = [
        abs(Fraction(float(a)) - e) > Fraction(float(b))
        for a, e, b in zip(expected.flat, exact(problem, given).flat, limit.flat, strict=True)
    ]
    assert not any(far)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("notation", FEW)
def test_one_rounding_to_sixteen_bits(notation: str, dtype: str) -> None:
    narrow = ml_dtypes.bfloat16 if dtype == "bfloat16" else np.float16
    problem = parse(f"{notation} float32")
    given = {name: a.astype(narrow).astype(np.float32) for name, a in operands(problem, 7).items()}
    limit = bound.error_bound(parse(f"{notation} {dtype}"), given)
    expected = bound.truth(problem, given)
    summed = in_format(problem, given, np.float32)
    assert not bound.exceeds(summed.astype(narrow).astype(np.float64), expected, limit).any()
    low = np.nextafter(np.abs(summed).astype(np.float16), np.float16(np.inf)) if dtype == "float16" else None
    if low is not None:  # one place farther is too far
        sloppy = np.nextafter(low, np.float16(np.inf)).astype(np.float64) * np.sign(summed)
        assert bound.exceeds(sloppy, expected, limit)[np.abs(expected) > 2.0**-10].all()


@pytest.mark.parametrize("notation", FEW)
def test_short_factors_exceed_it_on_sparse_operands(notation: str) -> None:
    problem = parse(f"{notation} float32")
    given = operands(problem, 8, density=0.3)
    limit, expected = bound.error_bound(problem, given), bound.truth(problem, given)
    tf32 = in_format(problem, given, np.float32, bits=11)
    assert bound.exceeds(tf32, expected, limit).any()


@pytest.mark.parametrize("notation", FEW)
def test_sums_in_half_precision_exceed_it(notation: str) -> None:
    problem = parse(f"{notation} float16")
    given = operands(problem, 9)
    limit, expected = bound.error_bound(problem, given), bound.truth(problem, given)
    half = in_format(problem, given, np.float16)
    assert bound.exceeds(half, expected, limit).any()
    assert not bound.exceeds(half, expected, bound.error_bound(problem, given, accumulate="float16")).any()


def test_a_value_where_no_term_is_exceeds_it() -> None:
    problem = parse("conv1d x1x1x4 w1x1x2 float32")
    given = {"input": np.array([[[1, 0, 0, 2]]], np.float32), "weight": np.array([[[1, 1]]], np.float32)}
    limit, expected = bound.error_bound(problem, given), bound.truth(problem, given)
    assert limit[0, 0, 1] == 0
    assert bound.exceeds(np.add(expected, [[[0, 1e-300, 0]]]), expected, limit).tolist() == [[[False, True, False]]]


def test_nan_never_passes_and_nothing_is_promised_after_an_overflow() -> None:
    problem = parse("conv1d x1x1x1 w1x1x1 float16")
    small, large = (
        {"input": np.full((1, 1, 1), v, np.float16), "weight": np.full((1, 1, 1), 300, np.float16)} for v in (1, 300)
    )
    nan = np.full((1, 1, 1), np.nan)
    assert bound.exceeds(nan, bound.truth(problem, small), bound.error_bound(problem, small)).all()
    assert np.isposinf(bound.error_bound(problem, large)).all()
    assert not bound.exceeds(nan, bound.truth(problem, large), bound.error_bound(problem, large)).any()


def test_it_is_infinite_where_the_format_cannot_count() -> None:
    problem = parse("conv1d x1x1x2048 w1x1x2048 float16")
    given = {name: np.full(shape, 0.01, np.float16) for name, shape in problem.operand_shapes.items()}
    assert np.isposinf(bound.error_bound(problem, given, accumulate="float16")).all()
    assert np.isfinite(bound.error_bound(problem, given)).all()


def four(x: tuple[Array, Array], w: tuple[Array, Array], of: Callable[[Array, Array], Array]) -> tuple[Array, Array]:
    return of(x[0], w[0]) - of(x[1], w[1]), of(x[0], w[1]) + of(x[1], w[0])


def gauss(x: tuple[Array, Array], w: tuple[Array, Array], of: Callable[[Array, Array], Array]) -> tuple[Array, Array]:
    k1, k2, k3 = of(x[0] + x[1], w[0]), of(x[0], w[1] - w[0]), of(x[1], w[0] + w[1])
    return k1 - k3, k1 + k2


def as_torch(
    x: tuple[Array, Array], w: tuple[Array, Array], of: Callable[[Array, Array], Array]
) -> tuple[Array, Array]:
    a, b, c = of(x[0], w[0]), of(x[1], w[1]), of(x[0] + x[1], w[0] + w[1])
    return a - b, c - a - b


@pytest.mark.parametrize(("way", "seed"), list(product([four, gauss, as_torch], range(4))))
def test_complex_products_of_three_or_four(way: Callable[..., tuple[Array, Array]], seed: int) -> None:
    problem, real = parse("conv1d x2x3x8 w4x3x3 p1 complex64"), parse("conv1d x2x3x8 w4x3x3 p1 float32")
    given = operands(problem, seed, density=1 if seed % 2 else 0.4)
    x, w = ((a.real.copy(), a.imag.copy()) for a in (given["input"], given["weight"]))

    def of(one: Array, other: Array) -> Array:
        return in_format(real, {"input": one, "weight": other}, np.float32)

    answer = np.empty(problem.output_shape, np.complex64)
    answer.real, answer.imag = way(x, w, of)
    limit, expected = bound.error_bound(problem, given), bound.truth(problem, given)
    assert not bound.exceeds(answer, expected, limit).any()
    assert bound.exceeds(answer * np.complex64(1 + 2.0**-15), expected, limit).any()
    assert bound.exceeds(answer.conj(), expected, limit).any()


def test_the_bias_gradient_adds_without_products() -> None:
    random = np.random.default_rng(4)
    dy = random.standard_normal((3, 2, 40)).astype(np.float32)
    limit = bound.bias_error_bound(dy, dimensions=1, dtype="float32")
    expected = dy.astype(np.float64).sum(axis=(0, 2))
    in_order = np.add.accumulate(dy.transpose(1, 0, 2).reshape(2, -1), axis=1, dtype=np.float32)[:, -1]
    assert not bound.exceeds(in_order, expected, limit).any()
    assert bound.exceeds(in_order * np.float32(1.001), expected, limit).any()


def test_what_has_no_bound_is_refused() -> None:
    problem = parse("conv1d x1x1x2 w1x1x1 int32")
    with pytest.raises(OperandError, match="dtype=int32; float64, float32"):
        bound.error_bound(problem, operands(problem, 0))
    problem = parse("conv1d x1x1x2 w1x1x1 float32")
    with pytest.raises(OperandError, match="accumulate=float8"):
        bound.error_bound(problem, operands(problem, 0), accumulate="float8")
    with pytest.raises(OperandError, match="finite operands: input has inf"):
        bound.error_bound(problem, {"input": np.full((1, 1, 2), np.inf), "weight": np.ones((1, 1, 1))})


def in_arithmetic(notation: str, seed: int, density: float = 1.0) -> tuple[Problem, dict[str, Array], Array]:
    problem = parse(f"{notation} float32")
    given = operands(problem, seed, density=density)
    return problem, given, bound.truth(problem, given)


@pytest.mark.parametrize("notation", FEW)
def test_short_factors_stay_within_their_own_bound(notation: str) -> None:
    problem, given, expected = in_arithmetic(notation, 8, 0.3)
    answer = in_format(problem, given, np.float32, bits=11)
    limit = bound.error_bound(problem, given, arithmetic=bound.Arithmetic("float32", factors="tf32"))
    assert not bound.exceeds(answer, expected, limit).any()
    shorter = in_format(problem, given, np.float32, bits=8)
    assert bound.exceeds(shorter, expected, limit).any()
    limit = bound.error_bound(problem, given, arithmetic=bound.Arithmetic("float32", factors="bfloat16"))
    assert not bound.exceeds(shorter, expected, limit).any()


@pytest.mark.parametrize("notation", FEW)
def test_from_the_exact_result_it_is_closer(notation: str) -> None:
    problem = parse(f"{notation} float64")
    given = operands(problem, 6, density=0.5)
    near = bound.error_bound(problem, given, exact=True)
    assert (near <= bound.error_bound(problem, given)).all()
    answer = in_format(problem, given, np.float64)
    apart = difference(answer, exact_sums(problem, given))
    assert (apart <= near).all()
    assert (difference(answer * (1 + 2.0**-44), exact_sums(problem, given)) > near).any()


def test_the_double_backward_in_the_format_stays_within_it() -> None:
    problem = parse("conv1d x2x4x9 w4x4x3 p1 float32")
    x, w, y = problem.input_shape, problem.weight_shape, problem.output_shape
    random = np.random.default_rng(1)
    names = ("input", "weight", "grad_output", "grad_grad_input", "grad_grad_weight")
    given = {n: random.standard_normal(s).astype(np.float32) for n, s in zip(names, (x, w, y, x, w), strict=True)}
    limits = bound.double_backward_error_bound(problem, given, exact=True)
    wrapped = [np.frompyfunc(lambda v: Rounding(v, np.float32), 1, 1)(a) for a in given.values()]
    answers = formulas.definition.conv_double_backward(*wrapped, **problem.parameters)
    for answer, limit, high, low in zip(answers, limits, *exact_double_backward(problem, given), strict=True):
        held = np.frompyfunc(lambda v: getattr(v, "value", v), 1, 1)(answer).astype(np.float32)
        assert (difference(held, (high, low)) <= limit).all()
        assert (difference(held * np.float32(1.0001), (high, low)) > limit).any()
