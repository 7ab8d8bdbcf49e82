"""Convolutions of float8: what is exact in so few bits, right ones that store it in several formats, wrong ones."""

from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from audit.brief import BRIEF
from conv_oracle import audit
from conv_oracle.auditing.judging import Asking
from conv_oracle.auditing.operands import DTYPES, density, draw, exact_radius, expected, from_bytes, survival, to_bytes
from conv_oracle.errors import TargetError
from conv_oracle.problem import parse

SUBJECTS, TENSORS = (Path(__file__).with_name(f"float8_{kind}.py") for kind in ("subjects", "tensors"))
FLOAT8 = [name for name, dtype in DTYPES.items() if dtype.short]
LAYERS = ("conv2d x2x4x5x5 w6x2x3x2 g2 bias {}", "conv1d x1x1x9 w3x1x1 {}", "conv2d x1x500x4x4 w8x500x3x3 {}")


def audited(name, dtype, **options):
    target = f"{TENSORS if options.get('arrays') == 'torch' else SUBJECTS}:{name}"
    return audit(target, **{"op": "conv2d", "level": BRIEF, "dtypes": [dtype], "seed": 7, **options})


@pytest.mark.parametrize("dtype", FLOAT8)
def test_every_code_is_the_number_of_ml_dtypes(dtype):
    codes = np.arange(256, dtype=np.uint8)
    wanted = codes.view(getattr(ml_dtypes, dtype)).astype(np.float32)
    assert np.array_equal(from_bytes(codes.tobytes(), DTYPES[dtype], (256,)), wanted, equal_nan=True)


@pytest.mark.parametrize("dtype", FLOAT8)
def test_numbers_are_rounded_as_ml_dtypes_rounds_them(dtype):
    known = np.arange(256, dtype=np.uint8).view(getattr(ml_dtypes, dtype)).astype(np.float64)
    known = np.sort(known[np.isfinite(known)])
    midpoints = (known[1:] + known[:-1]) / 2
    drawn = np.ldexp(np.random.default_rng(1).uniform(-1, 1, 4000), np.arange(4000) % 40 - 20)
    values = np.concatenate(
        [known, midpoints, midpoints * (1 + 1e-6), midpoints * (1 - 1e-6), drawn.astype(np.float32)]
    )
    assert to_bytes(values, DTYPES[dtype]) == values.astype(getattr(ml_dtypes, dtype)).tobytes()
    assert np.isnan(from_bytes(to_bytes(np.array([np.nan]), DTYPES[dtype]), DTYPES[dtype], (1,))).all()


@pytest.mark.parametrize("dtype", FLOAT8)
@pytest.mark.parametrize("guarded", [False, True])
@pytest.mark.parametrize("layer", LAYERS)
def test_the_format_holds_operands_and_sums(dtype, guarded, layer):
    problem = parse(layer.format(dtype))
    ask = Asking(3, 1e-2, 2, "numpy").plain(problem, 0, guarded=guarded)
    ((name, sums),) = expected(problem, ask.draws).items()
    most = float(ml_dtypes.finfo(getattr(ml_dtypes, dtype)).max)
    assert name == "output"
    assert np.abs(sums).max() <= most
    plain = (np.abs(sums) / ask.draws.scale((1, 1, 0)).reshape(-1, *(1,) * (sums.ndim - 1)))[: ask.draws.uniform]
    exact = (plain <= 2 ** DTYPES[dtype].bits).mean()
    assert exact == 1 if guarded else exact > 0.999
    for number in range(len(ask.draws)):
        for operand in ask.draws.operands(number).values():
            assert np.array_equal(operand.astype(getattr(ml_dtypes, dtype)).astype(np.float64), operand)


def test_a_wrong_read_escapes_a_thin_draw_no_more_often_than_is_said():
    problem = parse("conv1d x1x40x1 w1x40x1 float8_e5m2")
    radius, count = exact_radius(problem), 20_000
    thin = density(problem, radius)
    draws = draw(problem, problem.operand_shapes, radius, np.random.default_rng(2), uniform=count, kept=thin)
    x, w = draws.stacked("input")[:, 0, :, 0], draws.stacked("weight")[:, 0, :, 0]
    missed = np.mean((x[:, 0] - x[:, 1]) * w[:, 0] == 0)
    assert thin < 0.6
    assert 1 - (thin * 2 / 3) ** 2 == pytest.approx(survival(problem, radius, kept=thin))
    assert missed <= survival(problem, radius, kept=thin) + 0.01


@pytest.mark.parametrize("dtype", FLOAT8)
@pytest.mark.parametrize(
    ("name", "returned"),
    [
        ("conv2d", None),
        ("stored_in_float32", "float32"),
        ("stored_in_bfloat16", "bfloat16"),
        ("stored_in_float16", "float16"),
    ],
)
@pytest.mark.sampled(4)
def test_right_ones_conform_and_the_scope_says_what_they_return(name, returned, dtype):
    verdict = audited(name, dtype)
    assert verdict.verdict == "conforms"
    assert verdict.arithmetic == "exact"
    assert f"operands in {dtype}: results in {returned or dtype}" in verdict.scope.notes
    assert (verdict.scope.undetected <= 2e-2) == (returned is not None)  # a float8 tells little of a long sum
    assert [one.allowed for one in verdict.rounding] == [True]


@pytest.mark.parametrize("dtype", FLOAT8)
def test_results_in_several_formats_are_no_fault_and_their_rounding_is_not_judged(dtype):
    verdict = audited("stored_in_float8_with_a_bias", dtype)
    assert verdict.verdict == "conforms"
    (said,) = [note for note in verdict.scope.notes if note.startswith("operands")]
    assert said.startswith(f"operands in {dtype}: results in ")
    assert {dtype, "float32"} == set(said.partition("results in ")[2].split(" and "))
    assert f"rounding not judged in {dtype}, as results come in several formats" in verdict.scope.notes
    assert verdict.rounding == ()


@pytest.mark.parametrize("dtype", FLOAT8)
@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("kernel_flipped", "kernel-flipped"),
        ("kernel_flipped_in_float32", "kernel-flipped"),
        pytest.param("one_border_pixel", "unknown", marks=pytest.mark.slow),
        ("stored_in_float64", "wrong-result-dtype"),
    ],
)
@pytest.mark.sampled(4)
def test_wrong_ones_are_found(name, fault, dtype):
    verdict = audited(name, dtype)
    assert verdict.verdict == "faulty"
    assert fault in {finding.fault for finding in verdict.findings}


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("conv2d", FLOAT8[0]),
        pytest.param("stored_in_bfloat16", FLOAT8[1], marks=pytest.mark.slow),
    ],
)
def test_right_ones_of_tensors_conform(name, dtype):
    verdict = audited(name, dtype, arrays="torch")
    assert verdict.verdict == "conforms"
    returned = dtype if name == "conv2d" else "bfloat16"
    assert f"operands in {dtype}: results in {returned}" in verdict.scope.notes


@pytest.mark.parametrize(
    ("name", "dtype", "fault"),
    [
        ("kernel_transposed", FLOAT8[0], "kernel-axes-exchanged"),
        ("another_float8", FLOAT8[1], "wrong-result-dtype"),
    ],
)
def test_wrong_ones_of_tensors_are_found(name, dtype, fault):
    verdict = audited(name, dtype, arrays="torch")
    assert fault in {finding.fault for finding in verdict.findings}


def test_gradients_are_not_summed_in_float8():
    with pytest.raises(TargetError, match="gradients are not audited in float8: dtype='float8_e5m2'; 'bfloat16'"):
        audited("conv2d", "float8_e5m2", arrays="torch", gradients=True)
