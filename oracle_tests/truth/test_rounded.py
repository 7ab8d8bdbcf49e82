"""Correctly rounded truth, proved against Fraction and the definition: every operation, dtype and kind of operands."""

import math
from fractions import Fraction

import numpy as np
import pytest

from conv_oracle.problem import Problem, parse
from conv_oracle.truth import rounded, slices, terms
from conv_oracle.truth.formats import COMPONENT, FORMATS, Format, nearest, two_sum
from truth.exact import correctly_rounded, exact, wrong
from truth.operand_kinds import KINDS, NUMPY, PROBLEMS, operands

Array = np.ndarray
DTYPES = ["float64", "float32", "float16", "bfloat16", "complex64", "complex128"]


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


APART = [
    "conv_transpose1d x2x4x5 w4x3x2 g2 float64",
    "conv1d x1x2x5 w3x2x2 float64",
    "conv1d_weight x2x2x5 w3x2x2 float64",
]


def test_exponents_so_far_apart_that_digits_fall_below_the_least_number() -> None:
    random = np.random.default_rng(4)
    for problem in map(parse, APART * 40):
        given = {
            name: random.standard_normal(shape) * 2.0 ** random.integers(-500, 400, shape)
            for name, shape in problem.operand_shapes.items()
        }
        assert wrong(rounded.rounded(problem, given), exact(problem, given), FORMATS["float64"]) == 0, str(problem)


def test_a_bias_that_is_far_smaller_than_the_products_of_other_outputs() -> None:
    """Padding leaves an output the bias alone, which the scale of the other's product has no room for."""
    problem = parse("conv1d x1x1x1 w2x1x1 p1 bias float64")
    for small in (2.0**-400, 1 + 2.0**-52, -3 * 2.0**-1074):
        given = {"input": np.full((1, 1, 1), 2.0**400), "bias": np.array([1.0, small])}
        given["weight"] = np.array([2.0**400, 1.0]).reshape(2, 1, 1)
        assert rounded.rounded(problem, given)[0, :, 0].tolist() == [1.0, small]
        high, low = rounded.exact_sums(problem, given)
        assert (high[0, :, 0].tolist(), low[0, :, 0].tolist()) == ([1.0, small], [0.0, 0.0])


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


def unordered(levels: list[Array], bits: int, top: int) -> list[Array]:
    """Levels are made floats without their carries."""
    return [level * 2.0 ** (top - bits * (i + 2)) for i, level in reversed(list(enumerate(levels)))]


PLANTED: dict[str, tuple[object, str, object]] = {
    "rounds twice": (rounded, "nearest", twice),
    "flushes": (rounded, "nearest", flushing),
    "saturates": (rounded, "nearest", saturating),
    "midpoints go away from zero": (rounded, "nearest", away),
    "is never uncertain": (rounded, "_open", lambda high, *_: np.zeros(high.shape, bool)),
    "sums of slices round": (rounded, "Splitting", Coarse),
    "a level too few": (rounded, "Splitting", Short),
    "no error of what is left": (rounded, "Splitting", Careless),
    "takes sums for empty": (slices.Splitting, "empty", lambda self: np.ones(self.sums.products[0].shape, bool)),
    "products round": (terms, "_rows", rounded_products),
    "single outputs lose their last term": (terms, "_rows", lambda a, b, c: REAL_ROWS(a[:, :-1], b[:, :-1], c)),
    "fewer cuts, which costs time alone": (terms, "CUTS", 1),
}
REAL_ROWS = terms._rows
EQUAL = {"fewer cuts, which costs time alone"}


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
