"""Correctly rounded truth, proved against Fraction and the definition: every operation, dtype and kind of operands."""

import math
from collections.abc import Mapping
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest

from conv_oracle import formulas
from conv_oracle.errors import OperandError
from conv_oracle.problem import Problem, parse
from conv_oracle.truth import rounded, slices, terms
from conv_oracle.truth.formats import FORMATS, Format, nearest, two_sum

Array = np.ndarray
PROBLEMS = [
    "conv1d x2x4x9 w4x4x3 p1 bias",
    "conv2d x1x4x5x6 w6x2x3x2 s2,1 p1 g2",
    "conv2d x2x3x4x4 w2x3x3x3 p1 reflect bias",
    "conv1d_input x2x4x9 w4x4x3 s2 p1",
    "conv2d_weight x2x2x5x4 w2x2x2x3 d2,1 p1",
    "conv_transpose1d x2x3x5 w3x4x4 s2 p1 o1 bias",
    "conv2d_input x1x2x4x4 w2x2x3x3 p1 replicate",
    "conv2d_weight x1x4x5x4 w4x2x2x3 p1 g2 circular",
    "conv1d x3x7 w2x3x2 d2",
    "conv3d x1x2x3x4x3 w2x1x2x2x2 g2 s1,2,1 p1 bias",
]
DTYPES = ["float64", "float32", "float16", "bfloat16", "complex64", "complex128"]
COMPONENT = {"complex64": "float32", "complex128": "float64"}
NUMPY = {"float64": np.float64, "float32": np.float32, "float16": np.float16, "bfloat16": ml_dtypes.bfloat16}


def real(random: np.random.Generator, shape: tuple[int, ...], kind: str, form: Format) -> Array:
    """Values of a kind, in float64."""
    sign, normal = random.choice([-1.0, 1.0], shape), random.standard_normal(shape)
    lowest, highest = math.frexp(form.smallest)[1], math.frexp(form.largest)[1]
    middle = (lowest - form.bits) // 2
    values = {
        "normal": lambda: normal,
        "integers": lambda: random.integers(-40, 41, shape).astype(float),
        "wide": lambda: normal * 2.0 ** random.integers(-12, 13, shape),
        "sparse": lambda: normal * (random.random(shape) < 0.2),
        "big": lambda: np.where(random.random(shape) < 0.2, 2.0**11 * sign, normal),
        "midpoints": lambda: np.where(
            random.random(shape) < 0.5, sign * (1 + form.unit * 2), sign * 2.0 ** random.integers(-2, 3, shape)
        ),
        "limits": lambda: np.ldexp(normal / 8, random.integers(lowest, highest, shape)),
        "subnormal": lambda: np.ldexp(normal, middle + random.integers(-3, 12, shape)),
        "overflow": lambda: np.ldexp(normal, highest // 2 + 1 + random.integers(-3, 2, shape)),
        "cancelling": lambda: normal,
    }
    return values[kind]()


KINDS = ["normal", "integers", "wide", "sparse", "big", "midpoints", "limits", "subnormal", "overflow", "cancelling"]


def in_dtype(values: Array, component: str) -> Array:
    with np.errstate(over="ignore"):
        held = values.astype(NUMPY[component])
    held = np.where(np.isfinite(held.astype(np.float64)), held, NUMPY[component](1))
    return held.astype(np.float32) if component == "bfloat16" else held


def operands(
    problem: Problem, seed: int, kind: str, shapes: dict[str, tuple[int, ...]] | None = None
) -> dict[str, Array]:
    random = np.random.default_rng(seed)
    component = COMPONENT.get(problem.dtype, problem.dtype)
    form, made = FORMATS[component], {}
    for name, shape in (shapes or problem.operand_shapes).items():
        parts = [in_dtype(real(random, shape, kind, form), component) for _ in range(2)]
        if kind == "cancelling" and name != "bias":  # both operands come in pairs, so that channels may cancel exactly
            axis = max(range(len(shape)), key=lambda a: shape[a])
            half = shape[axis] // 2
            for part in parts:
                index = [slice(None)] * len(shape)
                index[axis] = slice(half, 2 * half)
                source = [slice(None)] * len(shape)
                source[axis] = slice(0, half)
                part[tuple(index)] = part[tuple(source)] * (-1 if seed % 2 else 1)
        made[name] = (parts[0] + 1j * parts[1]).astype(problem.dtype) if problem.dtype in COMPONENT else parts[0]
    return made


def fractions(array: Array) -> Array:
    return np.frompyfunc(lambda v: Fraction(float(v)), 1, 1)(np.asarray(array).astype(np.float64))


def exact_real(problem: Problem, given: dict[str, Array]) -> Array:
    return problem.compute(formulas.definition, {name: fractions(a) for name, a in given.items()})


def exact(problem: Problem, given: dict[str, Array]) -> list[Array]:
    """The real part, and the imaginary part of what is complex; gradients conjugate what stays."""
    if problem.dtype not in COMPONENT:
        return [exact_real(problem, given)]
    first, second, *rest = given
    sign = -1 if problem.operation.endswith(("_input", "_weight")) else 1
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


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("notation", PROBLEMS)
def test_every_operation_in_every_dtype(notation: str, dtype: str) -> None:
    problem = parse(f"{notation} {dtype}")
    form = FORMATS[COMPONENT.get(dtype, dtype)]
    for seed, kind in enumerate(KINDS):
        given = operands(problem, seed, kind)
        got = rounded.rounded(problem, given)
        assert got.dtype == ("float32" if dtype == "bfloat16" else dtype)
        assert wrong(got, exact(problem, given), form) == 0, kind


LONG = [
    "conv1d x1x256x6 w2x256x5 bias",
    "conv1d_input x1x2x6 w300x2x4 p1",
    "conv1d_weight x8x2x200 w2x2x3",
    "conv_transpose2d x1x130x2x2 w130x1x3x3 p1",
]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("notation", LONG)
def test_long_sums(notation: str, dtype: str) -> None:
    problem = parse(f"{notation} {dtype}")
    for seed, kind in enumerate(["normal", "wide", "cancelling"]):
        given = operands(problem, seed, kind)
        assert wrong(rounded.rounded(problem, given), exact(problem, given), FORMATS[dtype]) == 0, kind


def magnitude(problem: Problem, given: Mapping[str, Array]) -> Array:
    return exact_real(problem, {name: np.abs(a) for name, a in given.items()})


@pytest.mark.parametrize("kind", ["normal", "wide", "midpoints", "cancelling", "sparse"])
@pytest.mark.parametrize("notation", [*PROBLEMS[:6], LONG[1]])
def test_exact_sums_and_differences(notation: str, kind: str) -> None:
    problem = parse(f"{notation} float64")
    given = operands(problem, 3, kind)
    high, low = rounded.exact_sums(problem, given)
    expected, size = exact_real(problem, given), magnitude(problem, given)
    answers = np.nextafter(high, np.inf)
    apart = rounded.difference(answers, (high, low))
    for h, l, e, a, answer, d in zip(
        high.flat, low.flat, expected.flat, size.flat, answers.flat, apart.flat, strict=True
    ):
        assert abs(Fraction(h) + Fraction(l) - e) <= Fraction(2) ** -96 * a
        near = abs(Fraction(answer) - e)
        assert abs(Fraction(d) - near) <= Fraction(2) ** -96 * a + Fraction(2) ** -50 * near


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("notation", [PROBLEMS[0], PROBLEMS[1], PROBLEMS[5]])
def test_the_double_backward_and_the_bias(notation: str, dtype: str) -> None:
    problem, form = parse(f"{notation} {dtype}"), FORMATS[COMPONENT.get(dtype, dtype)]
    x, w, y = problem.input_shape, problem.weight_shape, problem.output_shape
    shapes = {"input": x, "weight": w, "grad_output": y, "grad_grad_input": x, "grad_grad_weight": w}
    if problem.bias:
        shapes["grad_grad_bias"] = (problem.out_channels,)
    for seed, kind in enumerate(["normal", "wide", "midpoints", "cancelling"]):
        given = operands(problem, seed, kind, shapes)
        got = rounded.rounded_double_backward(problem, given)
        high, low = rounded.exact_double_backward(problem, given)
        db = rounded.rounded_bias(given["grad_output"], dimensions=problem.dimensions, dtype=dtype)
        sums = rounded.exact_bias_sums(given["grad_output"], dimensions=problem.dimensions)
        if dtype in COMPONENT:
            continue
        as_numbers = {name: fractions(a) for name, a in given.items()}
        definition = formulas.definition
        again = definition.conv_transpose_double_backward if problem.transposed else definition.conv_double_backward
        expected = again(*as_numbers.values(), **problem.parameters)
        assert sum(wrong(g, [e], form) for g, e in zip(got, expected, strict=True)) == 0, kind
        by_bias = definition.conv_bias(as_numbers["grad_output"], dimensions=problem.dimensions)
        assert wrong(db, [by_bias], form) == 0
        sizes = again(*(np.abs(a) for a in as_numbers.values()), **problem.parameters)
        of_bias = definition.conv_bias(np.abs(as_numbers["grad_output"]), dimensions=problem.dimensions)
        for h, l, e, a in zip((*high, sums[0]), (*low, sums[1]), (*expected, by_bias), (*sizes, of_bias), strict=True):
            assert (np.abs(fractions(h) + fractions(l) - e) <= a * Fraction(1, 2**96)).all(), kind


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "int64", "uint64"])
@pytest.mark.parametrize("notation", PROBLEMS[:6])
def test_integers_wrap_or_are_wider(notation: str, dtype: str) -> None:
    problem, limits = parse(f"{notation} {dtype}"), np.iinfo(dtype)
    random = np.random.default_rng(1)
    given = {
        name: random.integers(limits.min, limits.max, shape, dtype, endpoint=True)
        for name, shape in problem.operand_shapes.items()
    }
    expected = problem.compute(formulas.definition, {name: a.astype(object) for name, a in given.items()})
    for target in {dtype, "uint64" if limits.min == 0 else "int64"}:
        modulus = 2 ** np.iinfo(target).bits
        got = rounded.rounded(problem, given, target)
        assert got.dtype == target
        assert all((int(g) - int(e)) % modulus == 0 for g, e in zip(got.flat, expected.flat, strict=True))


@pytest.mark.parametrize("name", list(NUMPY))
def test_one_rounding(name: str) -> None:
    form, random = FORMATS[name], np.random.default_rng(2)
    high = random.standard_normal(800) * 2.0 ** random.integers(-30, 30, 800)
    grid = np.ldexp(np.rint(np.ldexp(high, 8)), -8)
    step = np.ldexp(form.unit, np.frexp(high)[1])
    onto = np.rint(high / step) * step + step / 2 * random.integers(0, 2, 800)
    values = np.concatenate([high, grid, onto, [0.0, 1.0, -1.0]])
    rest = np.spacing(np.abs(values)) * random.choice([-0.25, 0, 0, 0.25], values.shape)
    values, rest = two_sum(values, rest)
    lowest, highest = math.frexp(form.smallest)[1], math.frexp(form.largest)[1]
    for exponent in (0, 3, lowest, lowest + form.bits, highest, highest - 20, np.full(values.shape, lowest - 3)):
        got = nearest(values, rest, exponent, form)
        power = np.broadcast_to(exponent, values.shape)
        sums = [
            (Fraction(h) + Fraction(l)) * Fraction(2) ** int(e) for h, l, e in zip(values, rest, power, strict=True)
        ]
        assert got.tolist() == [correctly_rounded(e, form) for e in sums]


def test_what_is_not_finite_is_refused() -> None:
    problem = parse("conv1d x1x1x2 w1x1x1 float32")
    with pytest.raises(OperandError, match="finite numbers: input has nan"):
        rounded.rounded(problem, {"input": np.full((1, 1, 2), np.nan), "weight": np.ones((1, 1, 1))})


def twice(high: Array, _: Array | None, exponent: object, form: Format) -> Array:
    """A float64 sum rounded again."""
    return nearest(high, None, exponent, form)


def flushing(high: Array, low: Array | None, exponent: object, form: Format) -> Array:
    value = nearest(high, low, exponent, form)
    return np.where(np.abs(value) < form.smallest_normal, 0.0, value)


def saturating(high: Array, low: Array | None, exponent: object, form: Format) -> Array:
    return np.clip(nearest(high, low, exponent, form), -form.largest, form.largest)


def away(high: Array, low: Array | None, exponent: object, form: Format) -> Array:
    """Midpoints go away from zero."""
    return nearest(np.nextafter(high, np.copysign(np.inf, high)), low, exponent, form)


class Coarse(slices.Splitting):
    """Slices of so many bits that their sums round."""

    def __init__(self, sums: object) -> None:
        super().__init__(sums)
        self.bits += 6
        for sliced in (*self.firsts, *self.seconds):
            sliced.bits += 6


class Short(slices.Splitting):
    """One slice too few: what the last level would have added is dropped, and nothing said of it."""

    def _left(self, level: int) -> tuple[Array | None, float]:
        return super()._left(level) if level == 0 else (None, 0.0)


class Careless(slices.Splitting):
    """The error of what is left is forgotten."""

    def _left(self, level: int) -> tuple[Array | None, float]:
        return super()._left(level)[0], 0.0


def rounded_products(first: Array, second: Array, constants: Array) -> Array:
    return np.concatenate([constants[:, None], first * second], axis=1)


def unordered(levels: list[Array], bits: int) -> list[Array]:
    """Levels are made floats without their carries."""
    return [level * 2.0 ** (-bits * (i + 2)) for i, level in reversed(list(enumerate(levels)))]


PLANTED: dict[str, tuple[object, str, object]] = {
    "rounds twice": (rounded, "nearest", twice),
    "flushes": (rounded, "nearest", flushing),
    "saturates": (rounded, "nearest", saturating),
    "midpoints go away from zero": (rounded, "nearest", away),
    "is never uncertain": (rounded, "_open", lambda high, *_: np.zeros(high.shape, bool)),
    "sums of slices round": (rounded, "Splitting", Coarse),
    "a level too few": (rounded, "Splitting", Short),
    "no error of what is left": (rounded, "Splitting", Careless),
    "products round": (terms, "_rows", rounded_products),
    "single outputs lose their last term": (terms, "_rows", lambda a, b, c: REAL_ROWS(a[:, :-1], b[:, :-1], c)),
    "the cuts are too coarse": (terms, "CUTS", 1),
}
REAL_ROWS = terms._rows
EQUAL = {"the cuts are too coarse"}


def failures() -> int:
    count = 0
    for notation, dtype in [*((p, d) for p in PROBLEMS[:4] for d in NUMPY), *((p, "float64") for p in LONG[:2])]:
        problem = parse(f"{notation} {dtype}")
        for seed, kind in enumerate(KINDS):
            given = operands(problem, seed, kind)
            count += wrong(rounded.rounded(problem, given), EXACT(problem, given), FORMATS[dtype])
            if count:
                return count
    return count


KEPT: dict[tuple[str, int], list[Array]] = {}


def EXACT(problem: Problem, given: dict[str, Array]) -> list[Array]:  # noqa: N802
    key = problem.notation, hash(b"".join(a.tobytes() for a in given.values()))
    if key not in KEPT:
        KEPT[key] = exact(problem, given)
    return KEPT[key]


@pytest.mark.parametrize("name", PLANTED)
def test_a_wrong_truth_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    where, attribute, plant = PLANTED[name]
    monkeypatch.setattr(where, attribute, plant)
    assert bool(failures()) is (name not in EQUAL)
