"""Which faults a case exposes: every way to have every fault is computed on the case's own operands.

A result is flagged with a fault in one of its ways where a convolution with that fault, and no other, gives another
shape, or a number that differs in float32 (complex64). What cannot be computed, as a size or an index is out of
bounds, is not flagged: there is no number to show. Sums that are made in a narrower format have no single answer, and
are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from conv_oracle.errors import GeometryError
from conv_oracle.faults import CATALOGUE, Fault, Variant, variants
from conv_oracle.golden.families import Entry
from conv_oracle.operation import FAMILIES, Operation, Result
from conv_oracle.passes import Array
from conv_oracle.problem import Problem, problem

Flags = dict[str, dict[str, str]]
"""By result, by fault: a digit for each of its ways, in their order: 1 where it is seen. Never only zeros."""

RESULTS: Mapping[str, Result] = {"y": "output", "dx": "grad_input", "dw": "grad_weight"}
"""What the files call an operation's result; `db` is the gradient by the bias, which no operation computes alone."""


@lru_cache
def ways(operation: Operation, result: str) -> Mapping[str, tuple[Variant, ...]]:
    """The ways to have each fault in a result of conv{1,2,3}d or conv_transpose{1,2,3}d, by slug."""
    computed = (
        Operation("conv", operation.axes, "grad_weight") if result == "db" else operation.gradient(RESULTS[result])
    )
    found: dict[str, tuple[Variant, ...]] = {}
    for fault, variant in variants(computed):
        if (
            not variant.edit.within
            and not _changes_nothing(variant, computed)
            and (result != "db" or _in_a_sum(fault, variant))
        ):
            found[fault.slug] = (*found.get(fault.slug, ()), variant)
    return found


def _in_a_sum(fault: Fault, variant: Variant) -> bool:
    """Whether a bias gradient can have it: a sum of grad_output, that reads no input, kernel, group or parameter."""
    return fault.in_a_sum and (not variant.concerns or "grad_output" in variant.concerns)


def _changes_nothing(variant: Variant, operation: Operation) -> bool:
    """Whether a way leaves a plain problem, of float64 and with a batch, as it is.

    It is about an operand that the operation does not take, about integers, or about an input without a batch.
    """
    edit = variant.edit
    if edit.changes_map or edit.answer:
        return False
    shape = (1, 1, *(1,) * operation.axes)
    any_one = problem(operation, shape, shape, bias=operation.forward)
    given = {name: np.full(shape, -1.5) for name, shape in any_one.operand_shapes.items()}
    changed = given
    for change in edit.operands:
        changed = change(any_one, changed)
    return all(changed[name] is given[name] for name in given)


def catalogue() -> tuple[Entry, ...]:
    """The faults that have a way, as the files tell them, sorted by slug."""
    kinds = [Operation(family, axes) for family in FAMILIES for axes in (1, 2, 3)]
    passes = [(kind, result) for kind in kinds for result in (*RESULTS, "db")]
    entries = []
    for slug, fault in sorted(CATALOGUE.items()):
        told = {f"{kind}.{result}": [way.said for way in ways(kind, result).get(slug, ())] for kind, result in passes}
        if any(told.values()):
            notes = {name: getattr(fault, name) for name in ("title", "right", "broken", "reveals", "hides")}
            entries.append({"id": slug, **notes, "ways": {name: said for name, said in told.items() if said}})
    return tuple(entries)


def of_arrays(case: Problem, operands: Mapping[str, Array], results: Mapping[str, Array]) -> Flags:
    """The flags of a case by result: x, w, b and dy as they are stored, in float64 or complex128, and the results."""
    given = {"input": operands["x"], "weight": operands["w"], "grad_output": operands["dy"]}
    given |= {"bias": operands["b"]} if "b" in operands else {}
    base = case.operation.of_forward
    flags: Flags = {}
    for result, returns in RESULTS.items():
        computed = base.gradient(returns)
        asked = replace(case, operation=computed, bias=case.bias and computed.forward)
        own = {name: given[name] for name in asked.operand_shapes}
        flags[result] = _seen(base, result, asked, own, results[result])
    total, ones = _as_weight_gradient(case, operands["dy"])
    right = results["db"].reshape(total.weight_shape)
    return flags | {"db": _seen(base, "db", total, {"input": ones, "grad_output": operands["dy"]}, right)}


def of_shape(case: Problem) -> Flags:
    """The flags of an output size: ways to have a fault in y that change its shape."""
    return {"shape": _digits(case.operation, "y", lambda variant: _changes_shape(variant, case))}


def of_sequence(operation: str, f: Sequence[int], g: Sequence[int], h: Sequence[int], start: int) -> Flags:
    """The flags of two sequences, where h is y of a conv1d: g is x and f is w, read backwards for `convolve`.

    Empty where that conv1d would need a negative padding.
    """
    w = np.array(f if operation == "cross_correlate" else f[::-1], np.float64)
    before = -start if operation == "cross_correlate" else len(f) - 1 - start
    after = len(h) - len(g) - before + len(f) - 1
    if before < 0 or after < 0:
        return {"h": {}}
    asked = problem("conv1d", (1, 1, len(g)), (1, 1, len(f)), padding=((before, after),))
    operands = {"input": np.array(g, np.float64).reshape(1, 1, -1), "weight": w.reshape(1, 1, -1)}
    return {"h": _seen(asked.operation, "y", asked, operands, np.array(h, np.float64).reshape(1, 1, -1))}


def _seen(
    operation: Operation, result: str, asked: Problem, operands: Mapping[str, Array], right: Array
) -> dict[str, str]:
    def shows(variant: Variant) -> bool:
        answer = variant.edit.answered(asked, operands, right)
        return answer is not None and differs(answer, right)

    return _digits(operation, result, shows)


def _digits(operation: Operation, result: str, shows: Callable[[Variant], bool]) -> dict[str, str]:
    listed = sorted(ways(operation, result).items())
    flags = {slug: "".join("01"[shows(variant)] for variant in variants) for slug, variants in listed}
    return {slug: digits for slug, digits in flags.items() if "1" in digits}


LARGEST = 20_000
"""Multiply-adds of the sizes on which what is done to an answer is computed; of larger ones it is left out."""


def _changes_shape(variant: Variant, case: Problem) -> bool:
    changed = case
    try:
        for change in variant.edit.parameters:
            changed = change(changed)
        shape = changed.output_shape
        if variant.edit.answer:
            if case.multiply_adds > LARGEST:
                return False
            empty = {name: np.zeros(size) for name, size in case.operand_shapes.items()}
            for answer in variant.edit.answer:
                shape = answer(case, empty, np.zeros(shape)).shape
    except (GeometryError, ValueError, IndexError, ZeroDivisionError):
        return False
    return shape != case.output_shape


def differs(answer: Array, right: Array) -> bool:
    """Whether an answer is seen to be another one, by who has it in float32 or complex64."""
    if answer.shape != right.shape:
        return True
    dtype = np.complex64 if right.dtype.kind == "c" else np.float32
    with np.errstate(all="ignore"):
        return not np.array_equal(answer.astype(dtype), right.astype(dtype))


def _as_weight_gradient(case: Problem, dy: Array) -> tuple[Problem, Array]:
    """The bias gradient is dw of a kernel of one element that reads one channel of ones: that is what a bias is."""
    axes = case.dimensions
    shape = (*dy.shape[: -axes - 1], 1, *dy.shape[-axes:])
    asked = problem(f"conv{axes}d_weight", shape, (dy.shape[-axes - 1], 1, *(1,) * axes), dtype=case.dtype)
    return asked, np.ones(shape, dy.dtype)
