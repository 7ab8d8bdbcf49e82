"""The entries of the integer families: every value is the definition's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, get_args

import numpy as np

from conv_oracle.errors import ConvOracleError
from conv_oracle.formulas import definition
from conv_oracle.geometry import Shape
from conv_oracle.golden.asking import LIMITS, described, generated, notation_of, operand_shapes, problem_entry
from conv_oracle.golden.cases import Case, Sequences
from conv_oracle.golden.conventions import CONVENTIONS, SEQUENCE_CONVENTIONS, combine
from conv_oracle.golden.families import Entry, FixtureError, Stored, exponents_of, numbers, stored
from conv_oracle.golden.flags import of_arrays, of_sequence, of_shape
from conv_oracle.operation import Result
from conv_oracle.passes import Array, Passes
from conv_oracle.problem import Problem

Built = tuple[Entry, dict[str, Stored]]
"""An entry, and its arrays by their names within the case."""


def answers(passes: Passes, problem: Problem, operands: Mapping[str, Array]) -> dict[str, Array]:
    """y, and where there is a dy also dx, dw and db, of one problem by one way of computing them."""
    x, w = operands["x"], operands["w"]
    forward, by_input, by_weight = (
        getattr(passes, problem.operation.gradient(result).nd_name) for result in get_args(Result)
    )
    results = {"y": forward(x, w, operands.get("b"), **problem.parameters)}
    if "dy" not in operands:
        return results
    dy = operands["dy"]
    return results | {
        "dx": by_input(problem.input_shape, w, dy, **problem.parameters),
        "dw": by_weight(x, problem.weight_shape, dy, **problem.parameters),
        "db": passes.conv_bias(dy, dimensions=problem.dimensions),
    }


def magnitudes(operands: Mapping[str, Array]) -> dict[str, Array]:
    """|a|, or |re a| + |im a|: what bounds every partial sum of every order."""
    return {
        name: np.abs(array.real).astype(np.int64) + np.abs(array.imag).astype(np.int64)
        for name, array in operands.items()
    }


def array_entry(case: Case, answer: str) -> Built:
    """A convolution, with all of its results; `answer` is the one that its family is about."""
    problem = notation_of(case)
    of_complex = problem.complex_valued
    shapes = operand_shapes(problem, cotangent=case.result == "valid") | dict(case.shapes)
    head = _head(case) | problem_entry(problem) | {"answer": answer}
    if case.refusal:
        _check_refusal(case, problem, shapes)
        operands = {name: {"shape": list(shape)} for name, shape in shapes.items()}
        return head | {"operands": operands, "refusal": case.refusal, "flags": {}}, {}
    limits = {name: case.limits.get(name, LIMITS[name]) for name in shapes}
    exponents = exponents_of(case.exponents)
    arrays = {
        name: generated(case.id, name, shape, limits[name], exponents[name], of_complex=of_complex)
        for name, shape in shapes.items()
    }
    values = {name: numbers(array, of_complex=of_complex, exponent=exponents[name]) for name, array in arrays.items()}
    operands = {name: described(array, "limit", limits[name], exponents[name]) for name, array in arrays.items()}
    if case.conventions:
        allowed, own = _alternatives(case, problem, values)
        return head | {"operands": operands, "alternatives": allowed, "flags": {}}, arrays | own
    bounds = answers(definition, problem, magnitudes(values))
    right = answers(definition, problem, values)
    results = {name: stored(array, exponents[name]) for name, array in right.items()}
    told = {name: described(array, "absSum", largest(bounds[name]), exponents[name]) for name, array in results.items()}
    scaled = {name: np.ldexp(1.0, exponents[name]) * array for name, array in (values | right).items()}
    tail = {"results": told, "flags": of_arrays(problem, scaled, scaled), "core": []}
    return head | {"operands": operands} | tail, arrays | results


def _alternatives(
    case: Case, problem: Problem, values: Mapping[str, Array]
) -> tuple[list[dict[str, Any]], dict[str, Stored]]:
    names = {"x": "input", "w": "weight", "b": "bias"}
    operands = {names[name]: array for name, array in values.items()}
    allowed, arrays = [], {}
    for name in case.conventions:
        convention = CONVENTIONS[name]
        entry: dict[str, Any] = {"convention": name, "comment": convention.comment}
        answer = convention.answer(problem, operands)
        if answer is not None:
            bound = convention.answer(problem, magnitudes(operands))
            y = stored(answer)
            entry["results"] = {"y": described(y, "absSum", largest(bound), 0)}
            arrays[f"{name}/y"] = y
        allowed.append(entry)
    return allowed, arrays


def size_entry(case: Case) -> Built:
    """The shape of a result."""
    problem = notation_of(case)
    head = _head(case) | problem_entry(problem)
    if case.refusal:
        _check_refusal(case, problem, operand_shapes(problem, cotangent=False))
        return head | {"refusal": case.refusal, "flags": {}}, {}
    if case.conventions:
        allowed = []
        for name in case.conventions:
            shape = CONVENTIONS[name].output_shape(problem)
            size = {} if shape is None else {"outputShape": list(shape)}
            allowed.append({"convention": name, "comment": CONVENTIONS[name].comment} | size)
        return head | {"alternatives": allowed, "flags": {}}, {}
    return head | {"outputShape": list(problem.output_shape), "flags": of_shape(problem)}, {}


def sequence_entry(case: Sequences) -> Built:
    """Two sequences, combined."""
    entry = _head(case) | {"operation": case.operation, "mode": case.mode, "f": list(case.f), "g": list(case.g)}
    if case.refusal:
        try:
            combine(case.operation)(case.f, case.g, case.mode)
        except ConvOracleError as error:
            _check_about(case.id, case.refusal, error)
            return entry | {"refusal": case.refusal, "flags": {}}, {}
        raise FixtureError(f"{case.id}: the reference does not refuse it")
    if case.conventions:
        allowed = [
            {"convention": name, "comment": SEQUENCE_CONVENTIONS[name].comment}
            | _combined(case, SEQUENCE_CONVENTIONS[name].combine)
            for name in case.conventions
        ]
        return entry | {"alternatives": allowed, "flags": {}}, {}
    combined = _combined(case, combine(case.operation))
    flags = of_sequence(case.operation, case.f, case.g, combined["h"], combined["start"])
    return entry | combined | {"flags": flags}, {}


def _combined(case: Sequences, by: Callable[..., tuple[Array, int]]) -> dict[str, Any]:
    h, start = by(case.f, case.g, case.mode)
    bound, _ = by([abs(value) for value in case.f], [abs(value) for value in case.g], case.mode)
    return {"h": h.tolist(), "start": start, "absSum": largest(bound)}


def _head(case: Case | Sequences) -> Entry:
    return {"id": case.id, "comment": case.comment, "result": case.result}


def largest(bound: Array | None) -> int:
    """The largest of some magnitudes; 0 of none."""
    return int(bound.max()) if bound is not None and bound.size else 0


def _check_refusal(case: Case, problem: Problem, shapes: Mapping[str, Shape]) -> None:
    """The reference must refuse an invalid case, and its message must hold the word that it is about."""
    names = {"x": "input", "w": "weight", "b": "bias", "dy": "grad_output"}
    operands = {names[name]: np.zeros(shape, np.int64) for name, shape in shapes.items()}
    try:
        problem.compute(definition, operands)
    except ConvOracleError as error:
        _check_about(case.id, case.refusal, error)
        return
    raise FixtureError(f"{case.id}: the reference does not refuse it")


def _check_about(case: str, word: str, error: ConvOracleError) -> None:
    if word not in str(error):
        raise FixtureError(f"{case}: the reference's refusal is not about {word!r}: {error}") from error
