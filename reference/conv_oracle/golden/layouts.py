"""Layouts: every array as it lies in memory, with its axes in another order than N, C, D, H, W and O, I, D, H, W.

Of a transposed convolution the weight's I is the input's channels and O the result's, per group.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from conv_oracle.formulas import definition
from conv_oracle.golden.asking import LIMITS, described, generated, operand_shapes, problem_entry
from conv_oracle.golden.cases import LayoutCase
from conv_oracle.golden.entries import Built, answers, largest, magnitudes
from conv_oracle.golden.families import Stored, numbers, stored
from conv_oracle.passes import Array
from conv_oracle.problem import Problem, parse


def layout_entry(case: LayoutCase) -> Built:
    """A convolution whose operands and results lie in other orders; operands are generated as they lie."""
    problem = parse(f"{case.problem} float32")
    order = orders(problem, case.image, case.kernel)
    operands = {}
    for name, shape in operand_shapes(problem, cotangent=True).items():
        lying = tuple(shape[axis] for axis in order[name])
        operands[name] = generated(case.id, name, lying, LIMITS[name], 0, of_complex=False)
    values = {name: numbers(_plain(array, order[name]), of_complex=False) for name, array in operands.items()}
    bounds = answers(definition, problem, magnitudes(values))
    results: dict[str, Stored] = {
        name: stored(array.transpose(order[name])) for name, array in answers(definition, problem, values).items()
    }
    entry: dict[str, Any] = {"id": case.id, "comment": case.comment, "result": "valid"} | problem_entry(problem)
    entry["layouts"] = {"x": case.image, "w": case.kernel, "y": case.image}
    entry["operands"] = {name: described(array, "limit", LIMITS[name], 0) for name, array in operands.items()}
    entry["results"] = {name: described(array, "absSum", largest(bounds[name]), 0) for name, array in results.items()}
    return entry, operands | results


def orders(problem: Problem, image: str, kernel: str) -> dict[str, tuple[int, ...]]:
    """By array, which axis of PyTorch's order lies at each place."""
    spatial = "DHW"[-problem.dimensions :]
    images = tuple(f"NC{spatial}".index(letter) for letter in image)
    kernels = tuple((f"IO{spatial}" if problem.transposed else f"OI{spatial}").index(letter) for letter in kernel)
    return {"x": images, "y": images, "dx": images, "dy": images, "w": kernels, "dw": kernels, "b": (0,), "db": (0,)}


def _plain(array: Array, order: tuple[int, ...]) -> Array:
    return np.asarray(array.transpose(np.argsort(order)))
