"""Exact sums, the gradient by the bias, the double backward, integers: the rest of correctly rounded truth."""

from fractions import Fraction

import numpy as np
import pytest

from conv_oracle import formulas
from conv_oracle.errors import OperandError
from conv_oracle.problem import parse
from conv_oracle.truth import rounded
from conv_oracle.truth.formats import COMPONENT, FORMATS
from truth.exact import exact, fractions, wrong
from truth.operand_kinds import KINDS, PROBLEMS, operands

Array = np.ndarray
DEPTH = Fraction(2) ** -96
UNDERFLOW = Fraction(2) ** -1074


def parts(array: Array) -> list[Array]:
    return [array.real, array.imag] if np.iscomplexobj(array) else [array]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("notation", PROBLEMS)
def test_high_and_low_are_the_exact_result(notation: str, dtype: str) -> None:
    problem = parse(f"{notation} {dtype}")
    for seed, kind in enumerate(KINDS):
        given = operands(problem, seed, kind)
        high, low = rounded.exact_sums(problem, given)
        (values,), (sizes,) = exact(problem, given), exact(problem, {name: np.abs(a) for name, a in given.items()})
        assert high.shape == low.shape == values.shape
        for h, rest, v, size in zip(high.flat, low.flat, values.flat, sizes.flat, strict=True):
            if np.isfinite(h):
                apart = abs(Fraction(float(h)) + Fraction(float(rest)) - v)
                assert apart <= max(DEPTH * size, UNDERFLOW), kind
            else:
                assert abs(v) > Fraction(FORMATS["float64"].largest)


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_high_and_low_by_parts(dtype: str) -> None:
    for seed, notation in enumerate([PROBLEMS[0], PROBLEMS[3], PROBLEMS[4], PROBLEMS[5]]):
        problem = parse(f"{notation} {dtype}")
        given = operands(problem, seed, "normal")
        high, low = rounded.exact_sums(problem, given)
        for h, rest, values in zip(parts(high), parts(low), exact(problem, given), strict=True):
            total = fractions(h) + fractions(rest)
            assert all(abs(a) <= Fraction(2) ** -85 for a in (total - values).flat)


def test_the_difference_is_that_of_the_exact_result_even_within_a_unit_in_the_last_place() -> None:
    problem = parse("conv1d x2x8x9 w4x8x3 float64")
    given = operands(problem, 3, "normal")
    sums = rounded.exact_sums(problem, given)
    (values,) = exact(problem, given)
    truth = rounded.rounded(problem, given)
    for answer in (truth, np.nextafter(truth, np.inf), truth * (1 + 1e-9), truth + 1):
        apart = rounded.difference(answer, sums)
        right = [abs(Fraction(float(a)) - v) for a, v in zip(answer.flat, values.flat, strict=True)]
        assert all(
            abs(Fraction(float(d)) - r) <= r * Fraction(2) ** -40 for d, r in zip(apart.flat, right, strict=True)
        )
    plain = np.abs(truth - sums[0])  # without the low part nothing is left to see
    assert not plain.any()
    assert rounded.difference(truth, sums).any()


def test_the_difference_of_what_is_not_a_number_is_none() -> None:
    sums = np.zeros((1, 1, 2)), np.zeros((1, 1, 2))
    apart = rounded.difference(np.array([[[np.nan, np.inf]]], np.float32), sums)
    assert np.isnan(apart[0, 0, 0])
    assert not apart[0, 0, 1] < np.inf


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16", "complex64"])
def test_the_gradient_by_the_bias(dtype: str) -> None:
    problem = parse(f"conv2d x3x1x4x5 w2x1x1x1 {dtype}")
    form = FORMATS[COMPONENT.get(dtype, dtype)]
    for seed, kind in enumerate(KINDS):
        dy = operands(problem, seed, kind, {"grad_output": problem.output_shape})["grad_output"]
        values = [formulas.definition.conv_bias(fractions(part), dimensions=2) for part in parts(dy)]
        assert wrong(rounded.rounded_bias(dy, dimensions=2, dtype=dtype), values, form) == 0, kind
        unbatched = rounded.rounded_bias(dy[0], dimensions=2, dtype=dtype)
        assert (
            wrong(unbatched, [formulas.definition.conv_bias(fractions(p), dimensions=2) for p in parts(dy[0])], form)
            == 0
        )
        high, low = rounded.exact_bias_sums(dy, dimensions=2)
        for h, rest, v in zip(parts(high), parts(low), values, strict=True):
            assert ((fractions(h) + fractions(rest)) == v).all() or kind in {"wide", "limits"}


NAMES = ("input", "weight", "grad_output", "grad_grad_input", "grad_grad_weight", "grad_grad_bias")


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
@pytest.mark.parametrize("notation", [n for n in PROBLEMS if n.split()[0].endswith("d")])
def test_the_double_backward(notation: str, dtype: str) -> None:
    problem = parse(f"{notation} {dtype}")
    channels = (problem.out_channels,)
    x, w, y = problem.input_shape, problem.weight_shape, problem.output_shape
    shapes = dict(zip(NAMES, (x, w, y, x, w, channels), strict=True))
    if not problem.bias:
        del shapes["grad_grad_bias"]
    definition = formulas.definition
    again = definition.conv_transpose_double_backward if problem.transposed else definition.conv_double_backward
    for seed, kind in enumerate(KINDS):
        given = operands(problem, seed, kind, shapes)
        values = again(*(fractions(a) for a in given.values()), **problem.parameters)
        got = rounded.rounded_double_backward(problem, given)
        sums = rounded.exact_double_backward(problem, given)
        for part, value, high in zip(got, values, sums[0], strict=True):
            assert wrong(part, [value], FORMATS[dtype]) == 0, kind
            assert high.shape == part.shape


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint8"])
@pytest.mark.parametrize("notation", PROBLEMS)
def test_integers_wrap_as_their_dtype_does(notation: str, dtype: str) -> None:
    problem = parse(f"{notation} {dtype}")
    random, info = np.random.default_rng(5), np.iinfo(dtype)
    given = {
        name: random.integers(info.min, info.max, shape, dtype, endpoint=True)
        for name, shape in problem.operand_shapes.items()
    }
    values = problem.compute(formulas.definition, {name: a.astype(object) for name, a in given.items()})
    got = rounded.rounded(problem, given)
    bits = 8 * info.dtype.itemsize
    assert got.dtype == dtype
    assert all((int(g) - v) % 2**bits == 0 for g, v in zip(got.flat, values.flat, strict=True))
    if bits < 64:
        wide = rounded.rounded(problem, given, "int64")
        assert wide.dtype == np.int64
        assert ((wide.astype(object) - values) % 2**64 == 0).all()


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_integers_near_two_to_the_53rd_where_padding_draws_often(mode: str) -> None:
    problem = parse(f"conv1d_input x1x1x3 w1x1x2 p2 {mode} int64")
    given = {"weight": np.array([[[2**26 - 1, 2**26 - 3]]]), "grad_output": np.full(problem.output_shape, 2**26 - 1)}
    values = problem.compute(formulas.definition, {name: a.astype(object) for name, a in given.items()})
    assert (rounded.rounded(problem, given) == values).all()


@pytest.mark.parametrize(
    "notation", ["conv1d x0x2x5 w3x2x2 bias", "conv1d_weight x0x2x5 w3x2x2", "conv1d x2x0x5 w3x0x2 bias"]
)
def test_nothing_to_sum(notation: str) -> None:
    problem = parse(f"{notation} float32")
    given = {name: np.ones(shape, np.float32) for name, shape in problem.operand_shapes.items()}
    got, (high, low) = rounded.rounded(problem, given), rounded.exact_sums(problem, given)
    assert (got == (1 if problem.bias and got.size else 0)).all()
    assert got.shape == high.shape == low.shape
    assert (high == got).all()


def test_what_is_not_finite_has_no_exact_sum() -> None:
    problem = parse("conv1d x1x1x2 w1x1x1 float32")
    with pytest.raises(OperandError, match="finite operands: input has nan"):
        rounded.rounded(problem, {"input": np.full((1, 1, 2), np.nan), "weight": np.ones((1, 1, 1))})
    with pytest.raises(OperandError, match="finite operands: weight has inf"):
        rounded.exact_sums(problem, {"input": np.ones((1, 1, 2)), "weight": np.full((1, 1, 1), np.inf)})
