"""What is sent to a subject: exact values in every form, and the truth of several draws at once."""

import itertools
from fractions import Fraction

import numpy as np
import pytest

from conv_oracle.auditing.operands import (
    DTYPES,
    STYLES,
    by_all,
    density,
    draw,
    exact_radius,
    expected,
    fits,
    forms,
    products_per_output,
    survival,
    to_bytes,
)
from conv_oracle.auditing.operands.layouts import FORMS
from conv_oracle.problem import parse
from conv_oracle.truth import fast

PROBLEMS = [
    "conv1d x2x4x9 w6x2x3 s2 p1 d2 g2 bias",
    "conv2d x3x5x6 w4x3x2x2 psame",
    "conv2d x2x4x7x9 w6x2x3x2 s2,3 p1,0 d2,1 g2 bias",
    "conv3d x2x2x3x4x5 w2x1x1x2x3 p0,1,2 g2",
    "conv_transpose2d x2x4x3x4 w4x3x2x3 s2,3 p1 o1,2 g2 bias",
    "conv2d_input x2x4x7x9 w6x2x3x2 s2,3 p1,0 d2,1 g2",
    "conv1d_weight x3x4x9 w6x2x3 s2 p1 d2 g2",
    "conv2d x0x4x3x3 w2x4x2x2",
]
SHAPES = [(3,), (2, 3), (2, 3, 4), (2, 3, 4, 5), (1, 1, 1), (0, 2, 3), (2, 0, 3)]


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_form_stays_in_its_block_and_overlaps_only_where_it_is_expanded(name, shape):
    layout = FORMS[name](shape)
    places = [
        layout.start + sum(i * s for i, s in zip(index, layout.strides, strict=True))
        for index in itertools.product(*map(range, shape))
    ]
    assert all(0 <= place < max(layout.size, 1) for place in places)
    assert layout.shape == shape
    assert len(set(places)) == len(places) or name in ("expanded", "scalar")


def test_the_forms_are_those_that_their_names_say():
    x = np.arange(10000.0)
    step = x.itemsize

    def view(name, shape):
        layout = FORMS[name](shape)
        return np.lib.stride_tricks.as_strided(x[layout.start :], shape, [step * s for s in layout.strides])

    shape = (2, 3, 4, 5)
    assert view("contiguous", shape).flags.c_contiguous
    assert view("Fortran order", shape).flags.f_contiguous
    assert np.swapaxes(view("transposed", shape), -1, -2).flags.c_contiguous
    assert np.moveaxis(view("channels_last", shape), 1, -1).flags.c_contiguous
    assert view("reversed", shape)[..., ::-1].flags.c_contiguous
    assert view("expanded", shape).strides[0] == 0
    assert set(view("scalar", shape).strides) == {0}
    assert view("sliced", shape).strides[-1] == 2 * step
    assert not any(view("stepped", shape).flags[flag] for flag in ("C_CONTIGUOUS", "F_CONTIGUOUS"))
    assert not FORMS["read-only"](shape).writable
    assert {"reversed", "read-only"}.isdisjoint(forms("torch"))


@pytest.mark.parametrize("notation", PROBLEMS)
@pytest.mark.parametrize("form", FORMS)
def test_several_draws_have_the_truth_of_each(notation, form):
    problem = parse(notation)
    shapes = problem.operand_shapes
    rng = np.random.default_rng(1)
    draws = draw(problem, shapes, 100, rng, uniform=4, styles=STYLES, scaled=True, forms=dict.fromkeys(shapes, form))
    together = expected(problem, draws)[problem.operation.returns]
    assert len(together) == len(draws) == 4 + sum(fits(style, problem) for style in STYLES)
    for number, alone in enumerate(together):
        assert np.array_equal(problem.compute(fast, draws.operands(number)), alone)


@pytest.mark.parametrize("notation", [p for p in PROBLEMS if "_input" not in p and "_weight" not in p])
def test_several_draws_have_the_gradients_of_each(notation):
    problem = parse(notation)
    gradients = by_all(problem, second=True)
    shapes = gradients.operand_shapes(problem)
    draws = draw(problem, shapes, 30, np.random.default_rng(2), uniform=3, scaled=True)
    together = expected(problem, draws, gradients=True)
    assert set(together) == set(gradients.parts())
    for number in range(3):
        operands = draws.operands(number)
        x, w, dy = operands["input"], operands["weight"], operands["grad_output"]
        transposed, parameters = problem.transposed, problem.parameters
        by_input = fast.conv_transpose_input if transposed else fast.conv_input
        by_weight = fast.conv_transpose_weight if transposed else fast.conv_weight
        again = fast.conv_transpose_double_backward if transposed else fast.conv_double_backward
        second = again(
            x, w, dy, *(operands.get(f"grad_grad_{name}") for name in ("input", "weight", "bias")), **parameters
        )
        assert np.array_equal(together["grad_input"][number], by_input(problem.input_shape, w, dy, **parameters))
        assert np.array_equal(together["grad_weight"][number], by_weight(x, problem.weight_shape, dy, **parameters))
        assert np.array_equal(together["grad_grad_output"][number], second.grad_output)
        assert np.array_equal(together["second grad_input"][number], second.input)
        assert np.array_equal(together["second grad_weight"][number], second.weight)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("guarded", [False, True])
@pytest.mark.parametrize("gradients", [False, True])
def test_every_partial_sum_of_the_operands_is_exact(dtype, guarded, gradients):
    if gradients and DTYPES[dtype].kind in "iu":
        gradients = False
    problem = parse(f"conv2d x2x4x5x5 w6x2x3x2 g2 bias {dtype}")
    radius = exact_radius(problem, guarded=guarded, gradients=gradients)
    n = products_per_output(problem, gradients=gradients) * DTYPES[dtype].products
    terms = n * density(problem, max(radius, 1), guarded=guarded) ** 2 if not gradients else n
    most = terms * radius**2 + radius
    stored = DTYPES[dtype].narrow and (guarded or gradients)
    assert most <= 2 ** (DTYPES[dtype].bits if stored or not DTYPES[dtype].narrow else 24)
    assert radius >= 1 or (stored and n > 2 ** DTYPES[dtype].bits - 1)
    if DTYPES[dtype].kind not in "iu":
        assert radius <= 2 ** DTYPES[dtype].bits
    if dtype == "float16":
        assert most <= 65504


@pytest.mark.parametrize("dtype", [name for name, dtype in DTYPES.items() if dtype.kind in "fc"])
def test_scaled_operands_and_answers_are_normal_numbers(dtype):
    problem = parse(f"conv2d x2x4x5x5 w6x2x3x2 g2 bias {dtype}")
    gradients = by_all(problem, second=True)
    radius = exact_radius(problem, gradients=True)
    shapes = gradients.operand_shapes(problem)
    draws = draw(problem, shapes, max(radius, 1), np.random.default_rng(3), uniform=200, scaled=True)
    bits = 8 if dtype == "float16" else 127 if dtype not in ("float64", "complex128") else 1023
    most = 65504.0 if dtype == "float16" else 2.0**bits * (2 - 2.0**-7)
    least = 2.0**-14 if dtype == "float16" else 2.0 ** (1 - bits)
    arrays = [np.stack([draws.operands(number)[name] for number in range(0, 200, 17)]) for name in shapes]
    arrays += list(expected(problem, draws, gradients=True).values())
    for array in arrays:
        for part in (array.real, array.imag):
            nonzero = np.abs(part[part != 0])
            assert nonzero.size == 0 or (nonzero.max() <= most and nonzero.min() >= least)


def test_a_sixteen_bit_answer_is_the_sum_rounded_once_half_to_even():
    rng = np.random.default_rng(4)
    values = np.concatenate([rng.integers(-(2**24), 2**24, 3000), [257, 258, 259, 769, 770, 771]]).astype(np.float64)
    got = np.frombuffer(to_bytes(values, DTYPES["bfloat16"]), "<u2")
    for value, bits in zip(values.tolist(), got.tolist(), strict=True):
        assert bits == _nearest_bfloat16(value)


def _nearest_bfloat16(value):
    """By search among the neighbours, with fractions."""
    around = int(np.float32(value).view("<u4")) >> 16
    candidates = [c for c in (around - 1, around, around + 1) if 0 <= c < 1 << 16]
    distance = {c: abs(Fraction(float(np.uint32(c << 16).view("<f4"))) - Fraction(value)) for c in candidates}
    return min(candidates, key=lambda c: (distance[c], c & 1))


def test_what_survives_a_draw_is_no_more_than_is_said():
    problem = parse("conv1d x1x1x2 w1x1x2 float32")
    for radius in (1, 2, 8):
        draws = draw(problem, problem.operand_shapes, radius, np.random.default_rng(5), uniform=100_000)
        x, w = draws.stacked("input")[:, 0, 0], draws.stacked("weight")[:, 0, 0]
        dropped = np.mean(x[:, 0] * w[:, 0] == 0)
        swapped = np.mean((x[:, 0] - x[:, 1]) * (w[:, 0] - w[:, 1]) == 0)
        assert max(dropped, swapped) <= survival(problem, radius) * 1.02


def test_what_survives_rounding_to_sixteen_bits_is_no_more_than_is_said():
    problem = parse("conv1d x1x8x3 w1x8x3 bfloat16")
    radius = exact_radius(problem)
    draws = draw(problem, problem.operand_shapes, radius, np.random.default_rng(6), uniform=20_000)
    right = expected(problem, draws)["output"].ravel()
    x, w = draws.stacked("input"), draws.stacked("weight")
    wrong = right - x[:, 0, 0, 0] * w[:, 0, 0, 0]
    same = to_bytes(right, DTYPES["bfloat16"]), to_bytes(wrong, DTYPES["bfloat16"])
    survived = np.mean(np.frombuffer(same[0], "<u2") == np.frombuffer(same[1], "<u2"))
    assert 0.01 < survived <= survival(problem, radius, largest=float(np.abs(right).max()))
