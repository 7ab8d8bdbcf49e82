"""Correctly rounded truth, proved against Fraction and the definition: every operation, every dtype, operands of every kind."""

import pytest

from conv_oracle.problem import parse
from conv_oracle.truth import rounded
from conv_oracle.truth.formats import COMPONENT, FORMATS
from truth.exact import exact, wrong
from truth.kinds import KINDS, PROBLEMS, operands

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
