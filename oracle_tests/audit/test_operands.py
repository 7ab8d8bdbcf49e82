"""What is sent to a subject: exact values in every form, and the truth of several draws at once."""

import itertools
from collections import Counter
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from conv_oracle.auditing import LEVELS
from conv_oracle.auditing.judging import Asking
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
    from_bytes,
    products_per_output,
    survival,
    to_bytes,
)
from conv_oracle.auditing.operands.layouts import FORMS
from conv_oracle.auditing.problems import problems
from conv_oracle.operation import operation
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


STYLED = ("float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2", "complex64", "int8", "uint8")


def styled(style, notation, seed=7, **options):
    """The operands of one draw in a style, and the draws."""
    problem = parse(notation)
    radius = max(1, exact_radius(problem))
    given = {"scaled": True, "kept": density(problem, radius), **options}
    draws = draw(problem, problem.operand_shapes, radius, np.random.default_rng(seed), styles=[style], **given)
    return draws.operands(1), draws


@pytest.mark.parametrize("dtype", STYLED)
@pytest.mark.parametrize("style", dict.fromkeys(STYLES))
def test_a_style_is_held_by_the_format_and_its_sums_are_exact(style, dtype):
    """Also where operands are scaled, and where an arithmetic has the exponents of float16 alone."""
    notation = f"conv2d x2x4x5x5 w6x2x3x3 g2 p1 bias {dtype}"
    problem = parse(notation)
    whole = not DTYPES[dtype].short or style not in ("wide", "constant", "pixels")
    if not fits(style, problem) or not whole:
        return
    for scaled in (True, False):
        operands, draws = styled(style, notation, scaled=scaled)
        for array in operands.values():
            kept = from_bytes(to_bytes(array, DTYPES[dtype]), DTYPES[dtype], array.shape)
            assert np.array_equal(kept, array)
        if DTYPES[dtype].kind in "iu":
            continue
        scale, sizes = draws.scale((1, 1, 0))[1], {name: np.abs(array) for name, array in operands.items()}
        sums = problem.compute(fast, sizes) / scale
        bits = 24 if DTYPES[dtype].kind == "f" and DTYPES[dtype].bits < 24 else DTYPES[dtype].bits
        assert np.array_equal(
            operands["input"].real * operands["weight"].real.flat[0] % scale, 0 * operands["input"].real
        )
        assert sums.max() <= 2**bits


def test_networks_have_centred_fractions_and_inputs_from_zero_to_one():
    for dtype in ("float64", "float32", "float16", "bfloat16"):
        notation = f"conv2d x2x4x9x9 w6x4x3x3 bias {dtype}"
        centred, _ = styled("centred", notation)
        assert 0 < np.abs(centred["weight"]).min() <= np.abs(centred["weight"]).max() < 0.5
        assert 0 < np.abs(centred["input"]).min() <= np.abs(centred["input"]).max() < 4
        assert (centred["input"] < 0).any()
        assert (centred["input"] % 1 != 0).mean() > 0.5
        assert np.abs(centred["bias"]).max() > np.abs(centred["weight"] * 0.1).min()
        active, _ = styled("activations", notation)
        assert 0 == active["input"].min() < active["input"].max() <= 1
        assert 0.3 < (active["input"] == 0).mean() < 0.7
        assert np.abs(active["weight"]).max() < 0.5


def test_pixels_fill_a_byte_and_leave_room_for_their_sums():
    for dtype, most in (("float64", 255), ("float32", 255), ("uint8", 255), ("int8", 127), ("bfloat16", 255)):
        operands, draws = styled("pixels", f"conv2d x2x4x9x9 w6x4x3x3 {dtype}")
        image = operands["input"]
        assert 0 <= image.min() < 9
        assert most - 9 <= image.max() <= most
        assert np.array_equal(image, np.rint(image))
        assert not draws.exponents[1].any()


def test_a_kernel_of_rank_one_is_an_outer_product_without_a_zero():
    for notation in (
        "conv2d x1x4x9x9 w6x4x3x3",
        "conv2d_input x1x4x9x9 w6x4x3x5",
        "conv_transpose2d x1x4x9x9 w4x6x3x3",
    ):
        operands, draws = styled("rank-one", notation)
        kernel = operands["weight"]
        ranks = np.linalg.matrix_rank(kernel)
        assert (ranks == 1).all()
        assert (kernel != 0).all()
        assert np.abs(draws.stacked("weight")[1]).max() <= draws.radius
    cube, _ = styled("rank-one", "conv3d x1x2x5x5x5 w3x2x3x3x2")
    first = cube["weight"][:, :, :1, :1, :1]
    others = [cube["weight"][:, :, :, :1, :1], cube["weight"][:, :, :1, :, :1], cube["weight"][:, :, :1, :1, :]]
    assert np.array_equal(cube["weight"] * first**2, others[0] * others[1] * others[2])
    assert not fits("rank-one", parse("conv1d x1x2x9 w3x2x3"))
    assert not fits("rank-one", parse("conv2d x1x2x9x9 w3x2x1x3"))


def test_a_symmetric_kernel_is_so_in_each_way():
    def seen(kernel):
        flips = ((-1,), (-2,), (-1, -2))
        ways = [np.array_equal(kernel, np.flip(kernel, axes)) for axes in flips]
        return (*ways, np.array_equal(kernel, kernel.swapaxes(-1, -2)))

    found = {seen(styled("symmetric", "conv2d x1x4x9x9 w6x4x3x3", seed)[0]["weight"]) for seed in range(60)}
    assert found == {
        (True, False, False, False),
        (False, True, False, False),
        (True, True, True, False),
        (False, False, True, False),
        (False, False, False, True),
        (True, True, True, True),
    }
    for seed in range(20):
        oblong = styled("symmetric", "conv2d x1x4x9x9 w6x4x3x2", seed)[0]["weight"]
        assert any(seen(oblong)[:3])


def test_the_ends_of_integers_are_drawn_and_wrap_as_the_dtype_does():
    for bits, letter in itertools.product((8, 16, 32, 64), ("int", "uint")):
        dtype = f"{letter}{bits}"
        problem, ends = parse(f"conv2d x2x3x4x4 w5x3x2x2 bias {dtype}"), np.iinfo(dtype)
        operands, draws = styled("extreme", str(problem))
        assert {ends.min, ends.max} == {int(value) for array in operands.values() for value in array.flat}
        assert np.frombuffer(draws.payload(), dtype).max() == ends.max
        found = {name: array.astype(object) for name, array in operands.items()}
        exact = problem.compute(fast, found)
        told = expected(problem, draws)["output"][1]
        wrapped = [(int(value) - ends.min) % 2**bits + ends.min for value in exact.flat]
        assert told.astype(np.int64).astype(dtype).ravel().tolist() == wrapped


def test_rows_of_zeros_are_whole_and_not_all():
    empty = full = 0
    for seed in range(20):
        image = styled("empty-rows", "conv2d x3x4x9x9 w6x4x3x3", seed)[0]["input"]
        rows = image.any(axis=-1)
        empty, full = empty + (~rows).sum(), full + rows.sum()
        assert (image[rows] != 0).all()
    assert min(empty, full) > 400


LAYERS = {
    "3x3": lambda p: p.weight_shape[2:] == (3, 3) and p.groups == 1,
    "3x3 of stride 2 and more": lambda p: p.weight_shape[2:] == (3, 3) and min(p.stride) > 1,
    "3x3 dilated": lambda p: p.weight_shape[2:] == (3, 3) and min(p.dilation) > 1,
    "depthwise": lambda p: p.weight_shape[1] == 1 and p.groups > 1 and min(p.weight_shape[2:]) > 1,
    "1x1": lambda p: p.weight_shape[2:] == (1, 1),
}


@pytest.mark.parametrize("dtype", ["float64", "int8"])
def test_the_styles_are_asked_on_every_kind_of_layer_at_level_quick(dtype):
    asking = Asking(1, 1e-2, 2, "numpy")
    met = {kind: Counter() for kind in LAYERS}
    for turn, problem in enumerate(problems(operation("conv2d"), LEVELS["quick"])):
        asked = asking.plain(replace(problem, dtype=dtype), turn, guarded=False)
        for kind, holds in LAYERS.items():
            if holds(problem):
                met[kind].update(asked.draws.styles)
    for kind, counts in met.items():
        fitting = {style for style in STYLES if kind != "1x1" or style not in ("rank-one", "symmetric")}
        fitting -= {"centred"} if dtype == "int8" else set()
        assert set(counts) <= fitting
        assert len(fitting - set(counts)) <= (0 if kind == "3x3" else 3), (kind, fitting - set(counts))


def test_a_problem_that_is_repeated_gets_every_style():
    """As a replay does it, whether its axes are alike or not."""
    asking = Asking(1, 1e-2, 2, "numpy")
    for notation in ("conv2d x1x2x5x5 w3x2x3x3", "conv2d x1x2x5x6 w3x2x3x2 s2,1"):
        asked = [asking.plain(parse(notation), turn, guarded=False).draws.styles for turn in range(60)]
        assert {style for styles in asked for style in styles} == set(STYLES)
