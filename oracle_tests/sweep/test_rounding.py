"""Real operands: torch's results and ours within the proved bound of the exact sums, which are Fractions.

    |got - y| <= u |y| + (1 + u) n v A      (NUMERICS D1: any order of summation, with or without fused operations)

A is the sum of |products|, n the number of those that are not 0 (a bias counts), u the unit roundoff of the result and
v that of the sums: n and A are the definition's own answers for the operands |x| and x != 0.
"""

from dataclasses import replace
from fractions import Fraction
from itertools import islice

import numpy as np
import pytest

from conv_oracle.formulas import definition
from conv_oracle.operation import FAMILIES
from conv_oracle.space import covering_problems
from conv_oracle.truth import fast
from sweep.answers import answers
from sweep.compare import beyond_bound, exactly
from sweep.operands import make_case
from sweep.witness import torch_answers

UNIT = {"float64": Fraction(1, 2**53), "float32": Fraction(1, 2**24)}
OPERANDS = (
    "input",
    "weight",
    "bias",
    "grad_output",
    "grad_grad_input",
    "grad_grad_weight",
    "grad_grad_bias",
)
MOST_MULTIPLY_ADDS = 300


def real_case(problem, seed, spread):
    """The problem with normal operands times powers of two from 2^-spread to 2^spread."""
    case = make_case(problem, seed, double=True)
    random = np.random.default_rng([seed, case.key])

    def draw(array):
        numbers = random.standard_normal(array.shape) * 2.0 ** random.integers(-spread, spread + 1, array.shape)
        return numbers.astype(array.dtype)

    return replace(case, **{name: draw(getattr(case, name)) for name in OPERANDS})


def mapped(case, function):
    """The case with a function of every operand's elements, as Python objects."""
    each = np.frompyfunc(function, 1, 1)
    return replace(case, **{name: each(getattr(case, name).astype(object)) for name in OPERANDS})


def exact_and_bound(case, results, sums):
    """Per pass, the exact result, A times n times v plus what one rounding of the result adds."""
    u, v = UNIT[results], UNIT[sums]
    exact = answers(definition, mapped(case, exactly))
    magnitude = answers(definition, mapped(case, lambda value: abs(exactly(value))))
    count = answers(definition, mapped(case, lambda value: int(value != 0)))
    rounding = u if results != sums else 0
    for (name, y), (_, a), (_, n) in zip(exact.named(), magnitude.named(), count.named(), strict=True):
        yield name, y, rounding * abs(y) + (1 + rounding) * v * n * a


def assert_within(case, got, whose, sums):
    outputs = 0
    for (name, result), (_, exact, bound) in zip(
        got.named(), exact_and_bound(case, case.problem.dtype, sums), strict=True
    ):
        found = beyond_bound(result, exact, bound)
        assert found is None, f"{case.notation}: {whose} {name} is beyond its bound: {found}"
        outputs += exact.size
    return outputs


def some_problems(family, dtype, spread):
    problems = (
        problem
        for dimensions in (1, 2)
        for problem in covering_problems(family, dimensions, wider=True, dtype=dtype)
        if problem.multiply_adds <= MOST_MULTIPLY_ADDS
    )
    return islice(problems, spread, None, 40)


@pytest.mark.parametrize("spread", [0, 12])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("family", FAMILIES)
def test_real_operands_within_the_bound(family, dtype, spread, seed, tally):
    for problem in some_problems(family, dtype, spread):
        case = real_case(problem, seed, spread)
        assert_within(case, answers(fast, case), "our", "float64")
        for onednn in (False, True):
            (theirs,) = torch_answers([case], onednn=onednn)
            assert_within(case, theirs, "torch's", dtype)
        tally.count(problem, "by the error bound")


@pytest.mark.parametrize(
    ("fault", "what"),
    [
        (lambda y: y * (1 + 2.0**-22), "forward"),
        (lambda y: y.astype(np.float32), "forward"),
        (lambda y: np.where(y == y.max(), np.nan, y), "forward"),
    ],
    ids=["scaled by 1 + 2^-22", "summed in float32", "one NaN"],
)
def test_the_bound_is_sharp_enough(fault, what, seed):
    problem = next(p for p in some_problems("conv", "float64", 0) if p.input_shape[0] and p.multiply_adds > 100)
    case = real_case(problem, seed, 0)
    got = answers(fast, case)
    broken = got._replace(output=fault(got.output).astype(np.float64))
    with pytest.raises(AssertionError, match=f"our {what} is beyond its bound"):
        assert_within(case, broken, "our", "float64")


def test_reduced_inputs_are_beyond_the_bound(seed):
    """Operands rounded to TF32's 11 bits, as tensor cores do, are seen on a single problem of small sums."""
    problem = next(p for p in some_problems("conv", "float32", 0) if p.input_shape[0] and p.multiply_adds > 100)
    case = real_case(problem, seed, 0)
    rounded = replace(case, input=case.input.astype(np.float16).astype(np.float32))
    with pytest.raises(AssertionError, match="beyond its bound"):
        assert_within(case, answers(fast, rounded), "our", "float32")
