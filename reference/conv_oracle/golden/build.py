"""From the list of cases to the golden vectors: every value is the definition's."""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable, Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any, get_args

import numpy as np

from conv_oracle.errors import ConvOracleError
from conv_oracle.formulas import definition
from conv_oracle.geometry import Shape
from conv_oracle.golden.cases import CASES, SEQUENCE, Case, Sequences
from conv_oracle.golden.container import array_digest
from conv_oracle.golden.conventions import CONVENTIONS, SEQUENCE_CONVENTIONS, combine
from conv_oracle.golden.cover import smallest_cover
from conv_oracle.golden.families import (
    ANSWERS,
    FAULTS,
    Entry,
    Family,
    FixtureError,
    Stored,
    exponents_of,
    numbers,
    stored,
)
from conv_oracle.golden.flags import catalogue, of_arrays, of_sequence, of_shape
from conv_oracle.golden.generator import small_integers
from conv_oracle.operation import Result, operation
from conv_oracle.passes import Array, Passes
from conv_oracle.problem import Problem, parse

LIMITS = {"x": 4, "w": 3, "b": 9, "dy": 3}
"""The largest magnitude of each operand's values where a case does not say otherwise."""

RESULTS = ("y", "dx", "dw", "db")


def build(tick: Callable[[str], None] = lambda _: None, only: Container[str] | None = None) -> tuple[Family, ...]:
    """The whole set, family by family. `tick` is called with each case's id when it is done.

    only: the ids of the cases that are built; what is core is not decided then, as it depends on all of them.
    Raises FixtureError, naming the case, where a case is not what its list says.
    """
    families = []
    for name, cases in CASES.items():
        families.append(_family(name, [case for case in cases if only is None or case.id in only], tick))
    if only is None:
        core = core_of(families)
        families = [
            replace(family, cases=tuple(_with_core(entry, core) for entry in family.cases)) for family in families
        ]
    sequences = []
    for case in sorted(SEQUENCE, key=lambda case: case.id):
        if only is None or case.id in only:
            sequences.append(_sequence(case))
            tick(case.id)
    return (*families, Family("sequence", tuple(sequences), {}), Family(FAULTS, catalogue(), {}))


def count() -> int:
    """The number of cases that `build` makes."""
    return len(SEQUENCE) + sum(map(len, CASES.values()))


def core_of(families: Sequence[Family]) -> frozenset[str]:
    """The fewest cases that expose every fault of every result, and of several such choices the smallest arrays.

    Results are y, dx and dw of a convolution, those of a transposed one, and db: who computes one of them alone finds
    every fault of it in the core that any case exposes.
    """
    exposed: dict[str, set[Hashable]] = {}
    sizes: dict[str, int] = {}
    for family in families:
        for entry in family.cases:
            if "results" in entry:
                kind = "transposed " if operation(entry["parameters"]["operation"]).transposed else ""
                exposed[entry["id"]] = {
                    (result if result == "db" else kind + result, slug)
                    for result, flags in entry["flags"].items()
                    for slug in flags
                }
                described = (*entry["operands"].values(), *entry["results"].values())
                sizes[entry["id"]] = sum(prod(array["shape"]) for array in described)
    one = sum(sizes.values())
    return frozenset(smallest_cover(exposed, {name: one + size for name, size in sizes.items()}))


def _with_core(entry: Entry, core: Container[str]) -> Entry:
    return entry | {"core": entry["id"] in core} if "core" in entry else entry


def spelled_out(problem: Problem) -> dict[str, Any]:
    """A problem as plain JSON: PyTorch's parameter names, one number per axis.

    `padding` is as PyTorch takes it: an int, one per axis, a word; or (before, after) pairs, which it does not take.
    `pads` is the same in pairs, null where only PyTorch's refusal is right.
    """
    pads: Any = None
    if not isinstance(problem.padding, str):
        pads = [list(pair) for pair in problem.padding]
    elif problem.padding == "valid" or set(problem.stride) == {1}:
        pads = [list(pair) for pair in problem.geometry.padding]
    common: dict[str, Any] = {
        "operation": problem.operation.name,
        "input_shape": list(problem.input_shape),
        "weight_shape": list(problem.weight_shape),
        "bias": problem.bias,
        "stride": list(problem.stride),
        "padding": _padding(problem),
        "pads": pads,
        "dilation": list(problem.dilation),
        "groups": problem.groups,
    }
    if problem.transposed:
        common["output_padding"] = list(problem.output_padding)
    else:
        common["padding_mode"] = problem.padding_mode
    return common | {"dtype": problem.dtype}


def operand_shapes(problem: Problem, *, cotangent: bool) -> dict[str, Shape]:
    """The shapes of x, w, b (where the problem has a bias) and, if it has a result, dy."""
    channels = problem.weight_shape[1] * problem.groups if problem.transposed else problem.weight_shape[0]
    shapes = {"x": problem.input_shape, "w": problem.weight_shape}
    shapes |= {"b": (channels,)} if problem.bias else {}
    return shapes | ({"dy": problem.output_shape} if cotangent else {})


def result_shapes(problem: Problem) -> dict[str, Shape]:
    """The shapes of y, dx, dw and db."""
    shapes = (problem.output_shape, problem.input_shape, problem.weight_shape, (problem.out_channels,))
    return dict(zip(RESULTS, shapes, strict=True))


def generated(case: str, operand: str, shape: Shape, limit: int, exponent: int, *, of_complex: bool) -> Stored:
    """An operand as the files hold it: the stream `case/operand` in C order, times 2^exponent."""
    shape = (*shape, 2) if of_complex else shape
    return stored(small_integers(f"{case}/{operand}", int(np.prod(shape)), limit).reshape(shape), exponent)


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


def notation_of(case: Case) -> Problem:
    """The case's problem; float32 unless it is complex."""
    problem = parse(case.problem)
    return problem if problem.complex_valued else replace(problem, dtype="float32")


def _family(name: str, cases: Sequence[Case], tick: Callable[[str], None]) -> Family:
    entries = []
    arrays: dict[str, Stored] = {}
    for case in sorted(cases, key=lambda case: case.id):
        try:
            entry, own = _size_entry(case) if name not in ANSWERS else _array_entry(case, ANSWERS[name])
        except ConvOracleError as error:
            raise FixtureError(f"{case.id}: {error}") from error
        entries.append(entry)
        arrays |= {f"{case.id}/{key}": array for key, array in own.items()}
        tick(case.id)
    return Family(name, tuple(entries), arrays)


def _array_entry(case: Case, answer: str) -> tuple[Entry, dict[str, Stored]]:
    problem = notation_of(case)
    of_complex = problem.complex_valued
    shapes = operand_shapes(problem, cotangent=case.result == "valid") | dict(case.shapes)
    head = _head(case) | _problem(problem) | {"answer": answer}
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
    operands = {name: _described(array, "limit", limits[name], exponents[name]) for name, array in arrays.items()}
    if case.conventions:
        allowed, own = _alternatives(case, problem, values)
        return head | {"operands": operands, "alternatives": allowed, "flags": {}}, arrays | own
    bounds = answers(definition, problem, magnitudes(values))
    right = answers(definition, problem, values)
    results = {name: stored(array, exponents[name]) for name, array in right.items()}
    described = {
        name: _described(array, "absSum", _largest(bounds[name]), exponents[name]) for name, array in results.items()
    }
    scaled = {name: np.ldexp(1.0, exponents[name]) * array for name, array in (values | right).items()}
    tail = {"results": described, "flags": of_arrays(problem, scaled, scaled), "core": False}
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
            entry["results"] = {"y": _described(y, "absSum", _largest(bound), 0)}
            arrays[f"{name}/y"] = y
        allowed.append(entry)
    return allowed, arrays


def _size_entry(case: Case) -> tuple[Entry, dict[str, Stored]]:
    problem = notation_of(case)
    head = _head(case) | _problem(problem)
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


def _sequence(case: Sequences) -> Entry:
    entry = _head(case) | {"operation": case.operation, "mode": case.mode, "f": list(case.f), "g": list(case.g)}
    if case.refusal:
        try:
            combine(case.operation)(case.f, case.g, case.mode)
        except ConvOracleError as error:
            _check_about(case.id, case.refusal, error)
            return entry | {"refusal": case.refusal, "flags": {}}
        raise FixtureError(f"{case.id}: the reference does not refuse it")
    if case.conventions:
        allowed = [
            {"convention": name, "comment": SEQUENCE_CONVENTIONS[name].comment}
            | _combined(case, SEQUENCE_CONVENTIONS[name].combine)
            for name in case.conventions
        ]
        return entry | {"alternatives": allowed, "flags": {}}
    combined = _combined(case, combine(case.operation))
    return entry | combined | {"flags": of_sequence(case.operation, case.f, case.g, combined["h"], combined["start"])}


def _combined(case: Sequences, by: Callable[..., tuple[Array, int]]) -> dict[str, Any]:
    h, start = by(case.f, case.g, case.mode)
    bound, _ = by([abs(value) for value in case.f], [abs(value) for value in case.g], case.mode)
    return {"h": h.tolist(), "start": start, "absSum": _largest(bound)}


def _head(case: Case | Sequences) -> Entry:
    return {"id": case.id, "comment": case.comment, "result": case.result}


def _problem(problem: Problem) -> Entry:
    return {"problem": str(problem), "parameters": spelled_out(problem)}


def _padding(problem: Problem) -> Any:
    if isinstance(problem.padding, str):
        return problem.padding
    if any(before != after for before, after in problem.padding):
        return [list(pair) for pair in problem.padding]
    each = [before for before, _ in problem.padding]
    return each[0] if len(set(each)) == 1 else each


def _described(array: Stored, key: str, bound: int, exponent: int) -> dict[str, Any]:
    return {"shape": list(array.shape), key: bound, "exponent": exponent, "sha256": array_digest(array)}


def _largest(bound: Array | None) -> int:
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
