"""The golden vectors as a level: their problems, on their own operands, which follow from their ids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from conv_oracle.auditing.operands import (
    ACCUMULATOR_BITS,
    DTYPES,
    GUARD_BITS,
    Draws,
    DType,
    float8,
    given,
    products_per_output,
)
from conv_oracle.auditing.sandbox import Binding
from conv_oracle.geometry import Shape
from conv_oracle.golden.asking import LIMITS, generated, notation_of, operand_shapes
from conv_oracle.golden.cases import CASES, Case
from conv_oracle.golden.families import ANSWERS, numbers
from conv_oracle.operation import Operation
from conv_oracle.problem import Problem
from conv_oracle.space import solvable

OPERANDS = {"x": "input", "w": "weight", "b": "bias", "dy": "grad_output"}
EXPONENTS = ("x", "w", "dy")

PUBLISHED = "the golden vectors are published: a subject may be right on them and nowhere else"


@dataclass(frozen=True)
class Vectors:
    """Golden vectors to test. draws: their operands by problem; ids: their cases; left: notes on what is left out."""

    draws: Mapping[Problem, Draws]
    ids: Mapping[Problem, tuple[str, ...]]
    left: tuple[str, ...]


def vectors(op: Operation, dtypes: Sequence[str], binding: Binding, *, gradients: bool) -> Vectors:
    """The valid cases of an operation that the signature can express, in the dtypes in which they are exact."""
    draws: dict[Problem, list[Draws]] = {}
    ids: dict[Problem, tuple[str, ...]] = {}
    unsaid, inexact = set[str](), set[str]()
    for case, problem in _cases(op):
        for dtype in dtypes:
            asked = replace(problem, dtype=dtype)
            if binding.fitted(asked) != asked or binding.refuses(asked) is not None:
                unsaid.add(case.id)
                continue
            own = _draws(case, asked, DTYPES[dtype], gradients=gradients)
            if own is None:
                inexact.add(case.id)
                continue
            draws.setdefault(asked, []).append(own)
            ids[asked] = (*ids.get(asked, ()), case.id)
    left = [f"not tested: {len(unsaid)} cases that the signature cannot express"] if unsaid else []
    left += [f"not tested: {len(inexact)} cases that are not exact in {', '.join(dtypes)}"] if inexact else []
    return Vectors({problem: _together(own) for problem, own in draws.items()}, ids, (*left, PUBLISHED))


def refused(op: Operation) -> tuple[list[Problem], list[Problem]]:
    """The cases of an operation without an output, and those whose arguments contradict each other."""
    listed = [
        (case, notation_of(case))
        for name in ANSWERS
        for case in CASES[name]
        if case.result != "valid" and not case.shapes
    ]
    own = [(case, problem) for case, problem in listed if problem.operation == op and problem.padding_mode == "zeros"]
    empty = [problem for case, problem in own if "empty" in case.conventions]
    return empty, [problem for case, problem in own if case.result == "invalid" and not solvable(problem)]


def _cases(op: Operation) -> Iterator[tuple[Case, Problem]]:
    """The valid cases whose operation it is, or whose gradient; PyTorch's convolutions pad with zeros alone."""
    for name in ANSWERS:
        for case in CASES[name]:
            if case.result != "valid":
                continue
            problem = notation_of(case)
            forward = problem.operation.of_forward
            if forward != op.of_forward or problem.padding_mode != "zeros":
                continue
            if op.forward:
                yield case, replace(problem, operation=op)
            elif problem.batched:  # torch.nn.grad takes no bias, no word and no unbatched input
                yield case, replace(problem, operation=op, bias=False, padding=problem.geometry.padding)


def _draws(case: Case, asked: Problem, dtype: DType, *, gradients: bool) -> Draws | None:
    """The case's operands; None where they, or their sums, are not exact in the dtype."""
    of_complex = notation_of(case).complex_valued
    limits = {name: case.limits.get(name, LIMITS[name]) for name in OPERANDS}
    if not _exact(case, asked, dtype, limits, of_complex=of_complex, gradients=gradients, bits=_bits(dtype, gradients)):
        return None
    whole = operand_shapes(notation_of(case), cotangent=True)
    shapes: dict[str, Shape] = {**asked.operand_shapes} | ({"grad_output": asked.output_shape} if gradients else {})
    arrays = {
        OPERANDS[name]: numbers(
            generated(case.id, name, shape, limits[name], 0, of_complex=of_complex), of_complex=of_complex
        )
        for name, shape in whole.items()
        if OPERANDS[name] in shapes
    }
    exponents = np.array([[case.exponents.get(name, 0) for name in EXPONENTS]], np.int64)
    guarded = _exact(
        case,
        asked,
        dtype,
        limits,
        of_complex=of_complex,
        gradients=gradients,
        bits=_bits(dtype, gradients) - GUARD_BITS,
    )
    least = min(limits[name] for name in whole) - 1
    return replace(given(asked, shapes, [arrays]), radius=least, guarded=guarded, exponents=exponents, uniform=1)


def _bits(dtype: DType, gradients: bool) -> int:
    return ACCUMULATOR_BITS if dtype.narrow and not gradients else dtype.bits


def _exact(
    case: Case,
    asked: Problem,
    dtype: DType,
    limits: Mapping[str, int],
    *,
    of_complex: bool,
    gradients: bool,
    bits: int,
) -> bool:
    """Whether the format holds the operands, and sums of so many bits hold every partial sum."""
    if dtype.kind == "u" or (of_complex and dtype.kind != "c"):
        return False
    largest = max(limits.values())
    if dtype.kind == "i":
        return largest <= np.iinfo(dtype.storage).max and not case.exponents
    factors = sorted(limits[name] for name in EXPONENTS)[-2:]
    products = products_per_output(asked, gradients=gradients) * dtype.products
    if dtype.short and products * factors[0] * factors[1] + limits["b"] > float8.LARGEST[dtype.name]:
        return False
    if largest > 2**dtype.bits or products * factors[0] * factors[1] + limits["b"] > 2**bits:
        return False
    least, most = dtype.exponents
    return all(2 * least <= 2 * exponent <= most for exponent in case.exponents.values())


def _together(own: Sequence[Draws]) -> Draws:
    """Several cases of one problem as its draws."""
    first = own[0]
    return replace(
        first,
        radius=min(draws.radius for draws in own),
        guarded=all(draws.guarded for draws in own),
        integers=np.concatenate([draws.integers for draws in own]),
        exponents=np.concatenate([draws.exponents for draws in own]),
        uniform=len(own),
    )
