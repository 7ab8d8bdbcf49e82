"""Layers of real size: operands that follow from the id, and the digests of the results.

The results are the fast form's, in float64 on integers, where every sum is exact; the definition would need hours.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from conv_oracle.golden.asking import LIMITS, described, generated, operand_shapes, problem_entry
from conv_oracle.golden.cases import LayerCase
from conv_oracle.golden.entries import Built, answers, largest
from conv_oracle.golden.families import stored
from conv_oracle.problem import parse
from conv_oracle.truth import fast


def layer_entry(case: LayerCase) -> Built:
    """A layer of real size; nothing of it is stored."""
    problem = parse(f"{case.problem} float32")
    operands = {
        name: generated(case.id, name, shape, LIMITS[name], 0, of_complex=False)
        for name, shape in operand_shapes(problem, cotangent=True).items()
    }
    values = {name: array.astype(np.float64) for name, array in operands.items()}
    bounds = answers(fast, problem, {name: np.abs(array) for name, array in values.items()})
    results = {name: stored(array.astype(np.int64)) for name, array in answers(fast, problem, values).items()}
    entry: dict[str, Any] = {"id": case.id, "comment": case.comment, "result": "valid"} | problem_entry(problem)
    entry["operands"] = {name: described(array, "limit", LIMITS[name], 0) for name, array in operands.items()}
    entry["results"] = {name: described(array, "absSum", largest(bounds[name]), 0) for name, array in results.items()}
    return entry, {}
