"""Calls of a planted program in this process, without an audit: whether it answers a problem wrongly."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from audit.planted.registry import PLANTS
from conv_oracle.auditing.sandbox import bindings
from conv_oracle.operation import Operation, operation
from conv_oracle.problem import Problem
from conv_oracle.truth import fast


def usual_operands(problem: Problem) -> dict[str, Any]:
    """Operands by name, float64: integers from -9 to 9, the same on every call."""
    rng = np.random.default_rng(len(problem.notation))
    return {name: rng.integers(-9, 10, shape).astype(np.float64) for name, shape in problem.operand_shapes.items()}


def plants_of_values(op: Operation) -> list[Any]:
    """The planted programs of an operation that take float64 arrays, and whose faults a single call shows."""
    return [
        plant
        for plant in PLANTS
        if plant.op == op.name
        and plant.arrays == "numpy"
        and plant.dtypes == ("float64",)
        and not plant.name.startswith(("states:", "layouts:", "gradients:"))
        and not plant.named & {"crashes", "hangs"}
    ]


@cache
def _called(target: str, op: str) -> Callable[[Problem, Mapping[str, Any]], Any]:
    where, _, name = target.rpartition(":")
    folder = str(Path(where).parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    module = import_module(Path(where).stem)
    subject = getattr(module, name)
    told = [(p.name, p.kind.name, p.default is not p.empty) for p in inspect.signature(subject).parameters.values()]
    binding = bindings(told, operation(op))[0]

    def call(problem: Problem, arrays: Mapping[str, Any]) -> Any:
        args, kwargs, names = binding.arguments(problem)

        def value(given: Any) -> Any:
            if isinstance(given, dict):
                return arrays[names[given["operand"]]].copy()
            return tuple(given) if isinstance(given, list) else given

        return subject(*map(value, args), **{name: value(given) for name, given in kwargs.items()})

    return call


def is_wrong(plant: Any, problem: Problem) -> bool:
    """Whether a planted program answers a problem with other numbers; an exception counts as none."""
    arrays = usual_operands(problem)
    try:
        answer = _called(plant.target, plant.op)(problem, arrays)
    except Exception:  # what a plant raises is not a fault of values
        return False
    right = problem.compute(fast, arrays)
    return not (isinstance(answer, np.ndarray) and answer.shape == right.shape and np.array_equal(answer, right))
