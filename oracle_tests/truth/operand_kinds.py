"""Operands of every kind that a sum can be hard for."""

import math

import ml_dtypes
import numpy as np

from conv_oracle.problem import Problem
from conv_oracle.truth.formats import COMPONENT, FORMATS, Format

Array = np.ndarray
FEW = [
    "conv1d x2x4x9 w4x4x3 p1 bias",
    "conv2d x1x4x5x6 w6x2x3x2 s2,1 p1 g2",
    "conv2d x2x3x4x4 w2x3x3x3 p1 reflect bias",
    "conv1d_input x2x4x9 w4x4x3 s2 p1",
    "conv2d_weight x2x2x5x4 w2x2x2x3 d2,1 p1",
    "conv_transpose1d x2x3x5 w3x4x4 s2 p1 o1 bias",
    "conv2d_input x1x2x4x4 w2x2x3x3 p1 replicate",
]
PROBLEMS = [
    *FEW,
    "conv2d_weight x1x4x5x4 w4x2x2x3 p1 g2 circular",
    "conv1d x3x7 w2x3x2 d2",
    "conv3d x1x2x3x4x3 w2x1x2x2x2 g2 s1,2,1 p1 bias",
]
NUMPY = {"float64": np.float64, "float32": np.float32, "float16": np.float16, "bfloat16": ml_dtypes.bfloat16}


def real(random: np.random.Generator, shape: tuple[int, ...], kind: str, form: Format) -> Array:
    sign = random.choice([-1.0, 1.0], shape)
    normal = random.standard_normal(shape)
    lowest, highest = math.frexp(form.smallest)[1], math.frexp(form.largest)[1]
    match kind:
        case "normal":
            made = normal
        case "integers":
            made = random.integers(-40, 41, shape).astype(float)
        case "wide":
            made = normal * 2.0 ** random.integers(-12, 13, shape)
        case "sparse":
            made = normal * (random.random(shape) < 0.2)
        case "big":
            made = np.where(random.random(shape) < 0.2, 2.0**11 * sign, normal)
        case "midpoints":
            powers = sign * 2.0 ** random.integers(-2, 3, shape)
            made = np.where(random.random(shape) < 0.5, sign * (1 + form.unit * 2), powers)
        case "limits":
            made = np.ldexp(normal / 8, random.integers(lowest, highest, shape))
        case "subnormal":
            made = np.ldexp(normal, (lowest - form.bits) // 2 + random.integers(-3, 12, shape))
        case "overflow":
            made = np.ldexp(normal, highest // 2 + 1 + random.integers(-3, 2, shape))
        case _:
            made = normal.copy()
            flat = made.reshape(-1)
            flat[1::2] = flat[: len(flat) // 2 * 2 : 2] * random.choice([-1, 1], len(flat) // 2)
    return made


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
