"""The bound is its formula, no less and hardly more: the docstring of `bound`, line by line, in Fractions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from unittest.mock import patch

import numpy as np
import pytest

from conv_oracle.problem import Problem, parse
from conv_oracle.truth import bound
from conv_oracle.truth.bound import Arithmetic
from conv_oracle.truth.formats import FORMATS, Format
from truth.exact import exact
from truth.operand_kinds import operands

Array = np.ndarray
Function = Callable[[Array], Array]
SLACK = 1 + Fraction(1, 2**36)
"""How far above the formula the bound may lie, for its own roundings."""

PROBLEMS = [
    "conv1d x2x4x9 w4x4x3 p1 bias",
    "conv2d_weight x2x2x5x4 w2x2x2x3 d2,1 p1",
    "conv_transpose1d x2x3x5 w3x4x4 s2 p1 o1 bias",
]
SUBNORMAL_FACTORS = -130
WAYS = [  # dtype, what is allowed, the power of two that the first operand is scaled by
    ("float64", Arithmetic("float64"), 0),
    ("float32", Arithmetic("float32"), 0),
    ("float16", Arithmetic("float32"), 0),
    ("float16", Arithmetic("float16"), 0),
    ("float32", Arithmetic("float32"), -140),
    ("float32", Arithmetic("float32", truncating=True), 0),
    ("float32", Arithmetic("float32", truncating=True), -140),
    ("float32", Arithmetic("float32", factors="tf32"), 0),
    ("float32", Arithmetic("float32", factors="float16"), -14),
    ("float32", Arithmetic("float32", factors="bfloat16", truncating_factors=True), 0),
    ("float32", Arithmetic("float32", factors="float16", truncating_factors=True), -14),
    ("float32", Arithmetic("float32", flushing=True), SUBNORMAL_FACTORS),
    ("float16", Arithmetic("float32", flushing=True), -8),
]


def drawn(problem: Problem, power: int = 0) -> dict[str, Array]:
    """A fifth of the first operand is zero, and it is 2^power times as large as drawn; one bias is subnormal."""
    given = operands(problem, 3, "normal")
    if "bias" in given:
        given["bias"][0] = FORMATS[problem.dtype].smallest_normal / 4
    first = next(iter(given))
    spread = np.random.default_rng(1).random(given[first].shape)
    given[first] = np.ldexp(given[first].astype(np.float64) * (spread > 0.2), power).astype(given[first].dtype)
    return given


def summed(problem: Problem, given: dict[str, Array], *functions: object) -> Array:
    """The definition in Fractions of a function of each operand; the bias has the first one."""
    names = [name for name in given if name != "bias"]
    if len(functions) == 2:
        problem, given = replace(problem, bias=False), {name: given[name] for name in names}
    else:
        functions = (functions[0],) * 3
    changed = {name: f(a.astype(np.float64)) for f, (name, a) in zip(functions, given.items(), strict=False)}
    (total,) = exact(replace(problem, dtype="float64"), changed)
    return total


def there(a: Array) -> Array:
    return (a != 0).astype(np.float64)


def lemma(n: Array, u: Fraction) -> Array:
    return n * u / (1 - n * u)


def units(form: Format) -> tuple[Fraction, Fraction, Fraction]:
    return Fraction(form.unit), Fraction(form.smallest), Fraction(form.smallest_normal)


def sum_error(n: Array, A: Array, u: Fraction, below: Fraction, changed: Array | int = 0) -> Array:
    """G A + (1 + g) n below, and what the terms have changed by."""
    g = lemma(n, u)
    return g * (A + changed) + (1 + g) * n * below + changed


def changes(problem: Problem, given: dict[str, Array], arithmetic: Arithmetic, A: Array) -> Array | int:
    """What shorter factors and vanished terms change a sum by."""
    changed: Array | int = 0
    if arithmetic.factors:
        twice = 2 if arithmetic.truncating_factors else 1
        v, h, _ = units(FORMATS[arithmetic.factors])
        v, h = v * twice, h * twice
        sizes = summed(problem, given, np.abs, there) + summed(problem, given, there, np.abs)
        count = summed(problem, given, there)  # a bias is taken for a product here, and in A: the bound may be larger
        changed = (2 * v + v**2) * A + (1 + v) * h * sizes / 2 + h**2 / 4 * count
    if arithmetic.flushing:
        tiny = max(FORMATS[arithmetic.sums].smallest_normal, FORMATS[problem.dtype].smallest_normal)

        def small(a: Array) -> Array:
            return np.where(np.abs(a) < tiny, np.abs(a), 0.0)

        changed = changed + summed(problem, given, small, np.abs) + summed(problem, given, np.abs, small)
        if "bias" in given:
            axes = (1,) * problem.dimensions
            changed = changed + np.vectorize(Fraction, otypes=[object])(small(given["bias"])).reshape(-1, *axes)
    return changed


def formula(problem: Problem, given: dict[str, Array], arithmetic: Arithmetic, from_exact: bool) -> Array:
    """The bound of every output."""
    n, A, y = (summed(problem, given, f) for f in (there, np.abs, np.asarray))
    u, eta, normal = units(FORMATS[arithmetic.sums])
    U, H, least = units(FORMATS[problem.dtype])
    wide, wide_eta, _ = units(FORMATS["float64"])
    truncating = 2 if arithmetic.truncating else 1
    below = 2 * normal if arithmetic.flushing else truncating * eta / 2
    error = sum_error(n, A, u * truncating, below, changes(problem, given, arithmetic, A))
    reference = sum_error(n, A, wide, wide_eta / 2)
    if u < U:
        error = (1 + U) * error + U * (abs(y) + reference) + (least if arithmetic.flushing else H / 2)
    total = error if from_exact else error + reference
    return np.where(n == 0, Fraction(0), total)


def disagreements(limit: Array, expected: Array) -> int:
    """How many outputs have a bound below the formula, or above it by more than the slack."""
    pairs = zip(limit.reshape(-1).tolist(), expected.reshape(-1).tolist(), strict=True)
    return sum(not low <= Fraction(found) <= low * SLACK for found, low in pairs)


@pytest.mark.parametrize("from_exact", [False, True], ids=["", "exact"])
@pytest.mark.parametrize(("dtype", "arithmetic", "power"), WAYS, ids=str)
def test_the_bound_is_its_formula(dtype: str, arithmetic: Arithmetic, power: int, from_exact: bool) -> None:
    for notation in PROBLEMS:
        problem = parse(f"{notation} {dtype}")
        given = drawn(problem, power)
        limit = bound.error_bound(problem, given, arithmetic=arithmetic, exact=from_exact)
        assert disagreements(limit, formula(problem, given, arithmetic, from_exact)) == 0


def test_a_long_sum_is_not_below_the_formula() -> None:
    problem = parse("conv1d x1x1x16384 w1x1x16384 float32")
    given = {name: np.ones(shape, np.float32) for name, shape in problem.operand_shapes.items()}
    n = A = np.array([Fraction(16384)])
    (u, eta, _), (wide, wide_eta, _) = units(FORMATS["float32"]), units(FORMATS["float64"])
    expected = sum_error(n, A, u, eta / 2) + sum_error(n, A, wide, wide_eta / 2)
    assert disagreements(bound.error_bound(problem, given), expected) == 0


def test_accumulate_is_the_format_of_the_sums() -> None:
    problem = parse(f"{PROBLEMS[0]} float16")
    given = drawn(problem)
    for sums in ("float16", "float32", "bfloat16"):
        expected = formula(problem, given, Arithmetic(sums), False)
        assert disagreements(bound.error_bound(problem, given, accumulate=sums), expected) == 0
    assert disagreements(bound.error_bound(problem, given), formula(problem, given, Arithmetic("float32"), False)) == 0


def complex_formula(problem: Problem, given: dict[str, Array], arithmetic: Arithmetic) -> tuple[Array, Array]:
    """(real, imaginary), of products made of four real ones or of three, whichever is larger."""
    real, names = replace(problem, dtype="float64", bias=False), list(given)
    (xr, xi), (wr, wi) = ((a.real.astype(float), a.imag.astype(float)) for a in list(given.values())[:2])

    def total(x: Array, w: Array) -> Array:
        (made,) = exact(real, {names[0]: x, names[1]: w})
        return made

    def parts(f: Function, g: Function) -> tuple[Array, Array]:
        return total(f(xr), g(wr)) + total(f(xi), g(wi)), total(f(xr), g(wi)) + total(f(xi), g(wr))

    def either(f: Function, g: Function) -> list[Array]:
        return [one + other for one, other in zip(parts(f, g), parts(g, f), strict=True)]

    def small(a: Array) -> Array:
        return np.where(np.abs(a) < FORMATS["float32"].smallest_normal, np.abs(a), 0.0)

    A, terms, sizes, flushed = parts(np.abs, np.abs), parts(there, there), either(np.abs, there), either(small, np.abs)
    n = total(there(abs(xr) + abs(xi)), there(abs(wr) + abs(wi)))
    u, eta, normal = units(FORMATS["float32"])
    wide, wide_eta, _ = units(FORMATS["float64"])
    v, h, _ = units(FORMATS[arithmetic.factors]) if arithmetic.factors else (Fraction(0),) * 3
    below = 2 * normal if arithmetic.flushing else eta / 2

    def error(n: Array, A: Array, sizes: Array, flushed: Array) -> Array:
        changed = (2 * v + v**2) * A + (1 + v) * h * sizes / 2 + h**2 / 4 * n + arithmetic.flushing * flushed
        return sum_error(n, A, u, below, changed)

    found = []
    for one, other in ((0, 1), (1, 0)):
        four = error(terms[one], A[one], sizes[one], flushed[one])
        three = error(n + 4, A[one] + 2 * A[other], 2 * (sizes[one] + sizes[other]), flushed[one] + 2 * flushed[other])
        largest = np.where(three > four, three, four) + sum_error(terms[one], A[one], wide, wide_eta / 2)
        found.append(np.where(n == 0, Fraction(0), largest))
    return found[0], found[1]


COMPLEX_WAYS = [
    (Arithmetic("float32"), 0),
    (Arithmetic("float32", factors="float16"), -14),
    (Arithmetic("float32", flushing=True), SUBNORMAL_FACTORS),
]


@pytest.mark.parametrize(("arithmetic", "power"), COMPLEX_WAYS, ids=str)
def test_the_complex_bound_is_the_larger_of_its_two(arithmetic: Arithmetic, power: int) -> None:
    for notation in ("conv1d x2x4x9 w4x4x3 p1 complex64", "conv1d_input x2x4x9 w4x4x3 s2 complex64"):
        problem = parse(notation)
        given = operands(problem, 3, "sparse")
        first = next(iter(given))
        given[first] = (given[first].astype(np.complex128) * 2.0**power).astype(np.complex64)
        limit = bound.error_bound(problem, given, arithmetic=arithmetic)
        real, imaginary = complex_formula(problem, given, arithmetic)
        assert disagreements(limit.real, real) == disagreements(limit.imag, imaginary) == 0


def test_a_complex_bias_is_a_term_of_each_part() -> None:
    problem = parse("conv1d x1x1x2 w1x1x1 bias complex64")
    given = {"input": np.zeros((1, 1, 2)) + 0j, "weight": np.ones((1, 1, 1)) + 0j, "bias": np.full(1, 3 - 2j)}
    limit = bound.error_bound(problem, given)
    assert (limit.real > 0).all()
    assert (limit.imag > 0).all()
    assert (bound.error_bound(problem, {**given, "bias": np.zeros(1) + 0j}) == 0).all()


@pytest.mark.parametrize("operand", ["input", "weight"])
@pytest.mark.parametrize("value", [7e4, 7e4j])
def test_a_factor_that_overflows_promises_nothing_in_either_part(operand: str, value: complex) -> None:
    arithmetic = Arithmetic("float32", factors="float16")
    problem = parse("conv1d x1x1x1 w1x1x1 complex64")
    given = {name: np.full((1, 1, 1), value if name == operand else 1, np.complex64) for name in ("input", "weight")}
    limit = bound.error_bound(problem, given, arithmetic=arithmetic)
    assert np.isposinf(limit.real).all()
    assert np.isposinf(limit.imag).all()
    real = {name: np.abs(a) for name, a in given.items()}
    assert np.isposinf(bound.error_bound(replace(problem, dtype="float32"), real, arithmetic=arithmetic)).all()


def test_the_bias_gradient_has_the_formula_of_a_sum() -> None:
    dy = np.random.default_rng(4).standard_normal((3, 2, 40)).astype(np.float32)
    A = np.array([sum(abs(Fraction(float(v))) for v in dy[:, m].flat) for m in range(2)])
    n = np.array([Fraction(120)] * 2)
    (u, eta, _), (wide, wide_eta, _) = units(FORMATS["float32"]), units(FORMATS["float64"])
    expected = sum_error(n, A, u, eta / 2) + sum_error(n, A, wide, wide_eta / 2)
    assert disagreements(bound.bias_error_bound(dy, dimensions=1, dtype="float32"), expected) == 0


@pytest.mark.parametrize("unit", [2.0**-53, 2.0**-24, 2.0**-8])
def test_growth_is_the_lemma(unit: float) -> None:
    counts = [0, 1, 2, 100, 255]
    expected = [lemma(Fraction(n), Fraction(unit)) for n in counts]
    found = bound.growth(np.array(counts, float), unit)
    assert all(abs(Fraction(float(f)) - e) <= e * Fraction(2) ** -50 for f, e in zip(found, expected, strict=True))
    assert np.isposinf(bound.growth(np.array([1 / unit, 2 / unit]), unit)).all()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_formats_are_those_of_numpy(dtype: type[np.floating]) -> None:
    form, numpy = FORMATS[dtype.__name__], np.finfo(dtype)
    assert (form.unit, form.smallest_normal) == (numpy.eps / 2, numpy.smallest_normal)
    assert (form.smallest, form.largest) == (numpy.smallest_subnormal, numpy.max)


def test_an_answer_at_its_bound_is_within_it() -> None:
    expected, limit = np.zeros(3), np.full(3, 0.25)
    at = np.array([0.25, np.nextafter(0.25, 1), -0.25])
    assert bound.exceeds(at, expected, limit).tolist() == [False, True, False]
    assert bound.exceeds(1j * at, 0j * expected, limit * (1 + 1j)).tolist() == [False, True, False]


def test_an_answer_that_may_overflow_is_promised_nothing() -> None:
    problem = parse("conv1d x1x1x2 w1x1x1 float32")
    largest = FORMATS["float32"].largest
    given = {"input": np.array([[[largest, largest / 2]]]), "weight": np.ones((1, 1, 1))}
    assert np.isposinf(bound.error_bound(problem, given)).tolist() == [[[True, False]]]
    narrow = bound.error_bound(parse("conv1d x1x1x2 w1x1x1 float16"), {**given, "input": np.array([[[65504.0, 6e4]]])})
    assert np.isposinf(narrow).tolist() == [[[True, False]]]


def test_sums_that_may_overflow_their_own_format_promise_nothing() -> None:
    problem = parse("conv1d x1x1x2 w1x1x1 float32")
    given = {"input": np.array([[[70000, 60000]]], np.float32), "weight": np.ones((1, 1, 1), np.float32)}
    assert np.isposinf(bound.error_bound(problem, given, accumulate="float16")).tolist() == [[[True, False]]]


PLANTED = {
    "a hundredfold": ("_MARGIN", 99.0),
    "twice": ("_MARGIN", 1.0),
    "below the formula": ("_MARGIN", -(2.0**-40)),
    "n u, without the denominator": ("growth", lambda n, u: n * u),
    "one rounding less": ("growth", lambda n, u, right=bound.growth: right(np.maximum(n - 1, 0), u)),
    "one term more": ("_terms", lambda sums, right=bound._terms: right(sums) + 1),
    "without the bias": ("_magnitude", lambda sums, right=bound._magnitude: right(replace(sums, constant=None))),
    "signed terms": ("_magnitude", lambda sums: abs(bound._total(sums, bound._same, bound._same))),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_another_formula_is_seen(fault: str) -> None:
    problem = parse(f"{PROBLEMS[0]} float32")
    given, arithmetic = drawn(problem), Arithmetic("float32")
    expected = formula(problem, given, arithmetic, False)
    with patch.object(bound, *PLANTED[fault]):
        assert disagreements(bound.error_bound(problem, given, arithmetic=arithmetic), expected) > 0
