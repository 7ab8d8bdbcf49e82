"""Correctly rounded truth, proved against Fraction and the definition: every operation, every dtype, operands of every kind."""

import math
from collections.abc import Callable
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest

from conv_oracle import formulas
from conv_oracle.errors import OperandError
from conv_oracle.problem import Problem, parse
from conv_oracle.truth import rounded, slices
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
    sign = random.choice([-1.0, 1.0], shape)
    normal = random.standard_normal(shape)
    lowest, highest = math.frexp(form.smallest)[1], math.frexp(form.largest)[1]
    if kind == "normal":
        return normal
    if kind == "integers":
        return random.integers(-40, 41, shape).astype(float)
    if kind == "wide":
        return normal * 2.0 ** random.integers(-12, 13, shape)
    if kind == "sparse":
        return normal * (random.random(shape) < 0.2)
    if kind == "big":
        return np.where(random.random(shape) < 0.2, 2.0**11 * sign, normal)
    if kind == "midpoints":
        return np.where(
            random.random(shape) < 0.5, sign * (1 + form.unit * 2), sign * 2.0 ** random.integers(-2, 3, shape)
        )
    if kind == "limits":
        return np.ldexp(normal / 8, random.integers(lowest, highest, shape))
    if kind == "subnormal":
        return np.ldexp(normal, (lowest - round(-math.log2(form.unit))) // 2 + random.integers(-3, 12, shape))
    if kind == "overflow":
        return np.ldexp(normal, highest // 2 + 1 + random.integers(-3, 2, shape))
    assert kind == "cancelling"
    values = normal.copy()
    flat = values.reshape(-1)
    flat[1::2] = flat[: len(flat) // 2 * 2 : 2] * random.choice([-1, 1], len(flat) // 2)
    return values


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
