"""The fast form against the definition: every pass, parameter, number of axes and kind of number, in any blocks."""

from fractions import Fraction
from itertools import product
from math import prod

import ml_dtypes
import numpy as np
import pytest

from conv_oracle import formulas, truth
from conv_oracle.errors import GeometryError
from conv_oracle.passes import Passes
from conv_oracle.problem import Problem, parse
from conv_oracle.truth import contraction, gemm, narrow, small

PROBLEMS = [
    "conv1d x2x3x9 w4x3x3",
    "conv1d x3x4x7 w6x2x2 s2 p3:1 d2 g2",
    "conv1d x1x3x5 w6x1x3 p1 g3",
    "conv1d x2x2x1 w2x2x1 s3 p5:0",
    "conv1d x2x2x7 w3x2x4 s3 p3:2 reflect",
    "conv1d x1x2x3 w2x1x5 p4:2 g2 replicate",
    "conv1d x2x1x4 w2x1x3 s2 p4:4 d3 circular",
    "conv1d x1x2x4 w3x2x2 s4 p3:0 reflect",
    "conv2d x2x4x7x9 w6x2x3x2 s2,3 p1:2,0:3 d2,1 g2",
    "conv2d x3x2x5x4 w4x1x3x3 p1 g2",
    "conv2d x4x3x4x5 w6x1x2x3 p1:0,1:2 d2,1 g3",
    "conv2d x2x4x4x5 w2x2x2x3 p1:0,1:2 g2 reflect",
    "conv2d x2x3x5x6 w2x3x1x1",
    "conv2d x1x3x5x6 w2x3x1x1 s2",
    "conv2d x2x2x4x5 w2x2x3x2 p2:1,3:2 d1,2 reflect",
    "conv2d x1x2x4x3 w4x1x2x3 s1,2 p2:3 g2 circular",
    "conv2d x2x2x3x3 w2x2x2x2 p0:4,5:1 replicate",
    "conv2d x5x2x3x3 w3x2x2x2 psame",
    "conv3d x2x2x4x3x5 w2x2x2x3x2 s2,1,2 p1:0,1:2,0:1 d1,1,2",
    "conv3d x1x3x3x4x3 w3x1x2x2x2 p1 g3 replicate",
    "conv4d x2x2x3x2x3x2 w2x2x2x1x2x2 s1,1,2,1 p1,0,1,0",
    "conv4d x1x2x2x3x2x2 w2x1x2x2x1x2 p1:0,0:1,1,0 g2 circular",
    "conv_transpose1d x2x3x5 w3x2x4 s2 p1 o1",
    "conv_transpose1d x1x2x4 w2x1x3 s2 d5 o4 g2",
    "conv_transpose1d x2x2x3 w2x3x1 p0:1",
    "conv_transpose2d x2x4x3x4 w4x3x2x3 s3,2 p1:0,2:1 o2,1 g2",
    "conv_transpose2d x3x2x4x3 w2x2x3x3 p1",
    "conv_transpose3d x1x2x2x3x2 w2x2x2x2x3 s2,1,3 o1,0,2 d1,2,1",
    "conv1d x0x2x5 w3x2x2",
    "conv1d x2x0x5 w3x0x2",
    "conv1d x0x2x0 w3x2x1 p1",
    "conv_transpose1d x0x2x3 w2x2x2",
    "conv_transpose1d x0x2x1 w2x2x2 p1",
    "conv_transpose1d x0x2x0 w2x2x3",
]


def numbers(shape: tuple[int, ...], dtype: object, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    values = random.integers(-9, 10, shape)
    if dtype is Fraction:
        return np.array([Fraction(int(v), 7) for v in values.flat] + [None], dtype=object)[:-1].reshape(shape)
    if np.dtype(dtype).kind == "c":
        values = values + 1j * random.integers(-9, 10, shape)
    return np.abs(values).astype(dtype) if np.dtype(dtype).kind == "u" else values.astype(dtype)


def results(passes: Passes, problem: Problem, dtype: object) -> list[np.ndarray]:
    """Forward, by input, by weight."""
    x, w = numbers(problem.input_shape, dtype, 1), numbers(problem.weight_shape, dtype, 2)
    dy = numbers(problem.output_shape, dtype, 3)
    family = problem.operation.nd_name
    return [
        getattr(passes, family)(x, w, **problem.parameters),
        getattr(passes, f"{family}_input")(x.shape, w, dy, **problem.parameters),
        getattr(passes, f"{family}_weight")(x, w.shape, dy, **problem.parameters),
    ]


def assert_same(got: list[np.ndarray], expected: list[np.ndarray]) -> None:
    for one, other in zip(got, expected, strict=True):
        assert one.shape == other.shape
        assert one.dtype == other.dtype
        assert (one == other).all()


@pytest.mark.parametrize("notation", PROBLEMS)
@pytest.mark.parametrize("dtype", [np.float64, np.complex64, np.int8, object])
def test_equals_the_definition(notation: str, dtype: object) -> None:
    problem = parse(notation)
    assert_same(results(truth.fast, problem, dtype), results(formulas.definition, problem, dtype))


@pytest.mark.parametrize("elements", [1, 50, 700])
@pytest.mark.parametrize("notation", PROBLEMS)
def test_equals_the_definition_block_by_block(notation: str, elements: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small, "LARGEST", 0)
    for name, value in {"FEW": 3, "COLUMNS": 5, "LONG": 7}.items():
        monkeypatch.setattr(gemm, name, value)
    monkeypatch.setattr(gemm, "BLOCK_BYTES", 8 * elements)
    monkeypatch.setattr(narrow, "CACHED", elements)
    problem = parse(notation)
    expected = results(formulas.definition, problem, np.float64)
    assert_same(results(truth.fast, problem, np.float64), expected)
    with truth.threads(3):
        assert_same(results(truth.fast, problem, np.float64), expected)


@pytest.mark.parametrize("notation", PROBLEMS)
@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.complex128, object])
def test_one_large_block_equals_the_definition(notation: str, dtype: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small, "LARGEST", 0)
    problem = parse(notation)
    assert_same(results(truth.fast, problem, dtype), results(formulas.definition, problem, dtype))


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.uint8, np.uint64, np.longdouble, Fraction])
@pytest.mark.parametrize("notation", PROBLEMS[8:10] + PROBLEMS[23:24])
@pytest.mark.parametrize("largest", [0, small.LARGEST])
def test_every_kind_of_number(notation: str, dtype: object, largest: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small, "LARGEST", largest)
    problem = parse(notation)
    assert_same(results(truth.fast, problem, dtype), results(formulas.definition, problem, dtype))


def wrapped(value: int, dtype: type[np.integer]) -> int:
    bits = np.iinfo(dtype).bits
    value %= 2**bits
    return value - 2**bits if np.issubdtype(dtype, np.signedinteger) and value >= 2 ** (bits - 1) else value


@pytest.mark.parametrize("dtype", [np.int64, np.uint64, np.int32])
@pytest.mark.parametrize("largest", [0, small.LARGEST])
def test_integers_beyond_float64_are_exact_and_wrap(
    dtype: type[np.integer], largest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(small, "LARGEST", largest)
    random = np.random.default_rng(0)
    limits = np.iinfo(dtype)
    x, w = (random.integers(limits.min, limits.max, s, dtype, endpoint=True) for s in ((2, 3, 11), (4, 3, 5)))
    got = truth.fast.conv(x, w, padding=2)
    exact = formulas.conv(x.astype(object), w.astype(object), padding=2)
    assert got.dtype == dtype
    assert got.ravel().tolist() == [wrapped(int(v), dtype) for v in exact.flat]
    assert any(abs(int(v)) > 2**62 for v in exact.flat)


def test_integers_at_the_edge_of_float64_are_exact() -> None:
    # 2^53 + 1 is not a float64: one product more than the proof allows must leave the float path
    x, w = np.array([[[2**53, 1]]]), np.array([[[1, 1]]])
    assert truth.fast.conv(x, w).tolist() == [[[2**53 + 1]]]
    assert truth.fast.conv(np.array([[[-(2**63)]]]), np.array([[[1]]])).tolist() == [[[-(2**63)]]]


def test_signed_and_unsigned_together_are_what_numpy_makes_of_them() -> None:
    x, w = np.array([[[2, 3]]], np.int64), np.array([[[5]]], np.uint64)
    assert truth.fast.conv(x, w).dtype == np.float64
    assert truth.fast.conv(x, w).tolist() == [[[10.0, 15.0]]]


@pytest.mark.parametrize("largest", [0, small.LARGEST])
def test_operands_are_read_in_any_layout_and_left_alone(largest: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small, "LARGEST", largest)
    random = np.random.default_rng(1)
    x = random.integers(-9, 10, (5, 6, 4, 2)).astype(np.float64).transpose(3, 2, 0, 1)
    w = random.integers(-9, 10, (3, 2, 8, 6)).astype(np.float64)[:, ::-1, ::2, ::2].transpose(2, 0, 1, 3)[:, ::-1]
    w = np.concatenate([w, w], axis=1)[:, 1:5]
    dy = truth.fast.conv(x, w, padding=1)[:, ::-1]
    before = [np.array(a) for a in (x, w, dy)]
    for a in (x, w, dy):
        a.flags.writeable = False
    assert_same(
        [
            truth.fast.conv(x, w, padding=1),
            truth.fast.conv_input(x.shape, w, dy, padding=1),
            truth.fast.conv_weight(x, w.shape, dy, padding=1),
        ],
        [
            formulas.conv(x, w, padding=1),
            formulas.conv_input(x.shape, w, dy, padding=1),
            formulas.conv_weight(x, w.shape, dy, padding=1),
        ],
    )
    for a, b in zip((x, w, dy), before, strict=True):
        assert (a == b).all()


@pytest.mark.parametrize("notation", ["conv1d x2x2x5 w4x2x1", "conv1d x1x1x1 w1x1x1"])
def test_the_result_is_not_an_operand(notation: str) -> None:
    problem = parse(notation)
    x, w = numbers(problem.input_shape, np.float64, 1), numbers(problem.weight_shape, np.float64, 2)
    y = truth.fast.conv(x, w)
    assert not any(np.shares_memory(y, a) for a in (x, w))
    assert y.flags.writeable


def test_random_problems_equal_the_definition_in_both_forms(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(7)
    compared = 0
    for trial in range(250):
        axes = int(random.integers(1, 4))
        groups, c, m = (int(v) for v in random.integers(1, 4, 3))
        size, kernel = ([int(v) for v in random.integers(1, top, axes)] for top in (8 - 2 * axes + 2, 4))
        parameters = {
            "stride": [int(v) for v in random.integers(1, 4, axes)],
            "dilation": [int(v) for v in random.integers(1, 4, axes)],
            "padding": [[int(v) for v in random.integers(0, 4, 2)] for _ in range(axes)],
            "padding_mode": ["zeros", "zeros", "reflect", "replicate", "circular"][trial % 5],
            "groups": groups,
        }
        x = numbers((int(random.integers(1, 4)), groups * c, *size), np.float64, trial)
        w = numbers((groups * m, c, *kernel), np.float64, trial + 1)
        try:
            y = formulas.conv(x, w, **parameters)
        except GeometryError:
            continue
        dy = numbers(y.shape, np.float64, trial + 2)
        expected = [
            y,
            formulas.conv_input(x.shape, w, dy, **parameters),
            formulas.conv_weight(x, w.shape, dy, **parameters),
        ]
        for largest, block in product((0, 1 << 16), (256, 8 << 20)):
            monkeypatch.setattr(small, "LARGEST", largest)
            monkeypatch.setattr(gemm, "BLOCK_BYTES", block)
            assert_same(
                [
                    truth.fast.conv(x, w, **parameters),
                    truth.fast.conv_input(x.shape, w, dy, **parameters),
                    truth.fast.conv_weight(x, w.shape, dy, **parameters),
                ],
                expected,
            )
        compared += 1
    assert compared > 60


@pytest.mark.parametrize("planted", ["to_output", "to_input", "to_weight"])
def test_a_planted_fault_is_seen(planted: str) -> None:
    def off_by_one(first: np.ndarray, second: np.ndarray, geometry: object) -> np.ndarray:
        result = getattr(contraction, planted)(first, second, geometry)
        return np.roll(result, 1, axis=-1)

    whole = {name: getattr(contraction, name) for name in ("to_output", "to_input", "to_weight")}
    faulty = Passes(**whole | {planted: off_by_one})
    problem = parse("conv2d x2x4x7x9 w6x2x3x2 s2,3 p1:2,0:3 d2,1 g2")
    with pytest.raises(AssertionError):
        assert_same(results(faulty, problem, np.float64), results(formulas.definition, problem, np.float64))


def test_the_grid_holds_what_it_says() -> None:
    problems = [parse(notation) for notation in PROBLEMS]
    assert {p.dimensions for p in problems} == {1, 2, 3, 4}
    assert {p.padding_mode for p in problems} == {"zeros", "reflect", "replicate", "circular"}
    assert any(prod(p.output_shape) == 0 for p in problems)
    assert any(extra >= s for p in problems for extra, s in zip(p.output_padding, p.stride, strict=True) if extra)


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_what_no_tap_reads_beside_a_position_spoils_no_gradient_of_a_depthwise_weight(value: float) -> None:
    """Rows of elements are longer than those of positions: what lies beyond is multiplied by no zero."""
    problem = parse("conv2d_weight x4x3x60x60 w3x1x3x3 g3 float64")
    rng = np.random.default_rng(3)
    x, y = (rng.integers(1, 9, shape).astype(float) for shape in ((4, 3, 60, 60), problem.geometry.output_shape))
    x[0, 0, 0, 59] = value  # only the last tap of the first row reads it
    with np.errstate(all="ignore"):
        found = truth.fast.to_weight(x, y, problem.geometry)
    spoilt = np.zeros(found.shape, bool)
    spoilt[0, 0, 0, 2] = True
    assert np.array_equal(~np.isfinite(found), spoilt)
