"""How a convolution of float8 rounds: sums in float32 are allowed, whatever format holds them, and shorter ones not."""

from dataclasses import replace
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from simulated_arithmetic import FLOAT8, Arithmetic, kahan, kept, pairwise, part_of, sequential, wide
from test_classes import NOTATIONS, asked

from audit.brief import OF_ROUNDING
from conv_oracle import audit
from conv_oracle.auditing.rounding.allowed import ALLOWED, DEFAULT
from conv_oracle.auditing.rounding.carriers import Pass
from conv_oracle.auditing.rounding.classes import ANY_ORDER, LOW_PRECISION
from conv_oracle.auditing.rounding.ladder import measured
from conv_oracle.auditing.rounding.measures import sample
from conv_oracle.auditing.rounding.special import poisoned
from conv_oracle.problem import parse
from conv_oracle.truth import fast

SUBJECTS = Path(__file__).parents[1] / "audit" / "float8_subjects.py"
WIDER = ("", "float16", "bfloat16", "float32")


def in_bits(number):
    """An accumulator of so many bits."""

    def add(p):
        total = np.zeros(len(p))
        for column in p.T:
            total = kept(total + column, number)
        return total

    return add


RIGHT = {"sequential": sequential(np.float32), "pairwise": pairwise, "kahan": kahan, "wide": wide}
SHORT = {
    "float16": (sequential(np.float16), 11),
    "bfloat16": (sequential(ml_dtypes.bfloat16), 8),
    "14 bits": (in_bits(14), 14),
    "float8_e4m3fn": (sequential(FLOAT8["float8_e4m3fn"]), 4),
    "float8_e5m2": (sequential(FLOAT8["float8_e5m2"]), 3),
}


def classified(notation, wider, add):
    of = Pass(parse(notation), "output", wider=wider)
    arithmetic = Arithmetic("", add)
    return measured(of, [sample(of, suite, part_of(of, suite.operands, arithmetic)) for suite in asked(of)])


@pytest.mark.parametrize("dtype", FLOAT8)
@pytest.mark.parametrize("wider", WIDER)
@pytest.mark.parametrize("name", RIGHT)
def test_sums_in_float32_are_allowed(name, wider, dtype):
    for notation in [n for n in NOTATIONS if "_" not in n.split()[0]][: 2 if name == "kahan" else None]:
        found = classified(notation.format(dtype), wider, RIGHT[name])
        assert found.rank <= ANY_ORDER.rank, notation
        assert ALLOWED[DEFAULT].holds(found)
        assert found.flushes == ()


@pytest.mark.parametrize("dtype", FLOAT8)
@pytest.mark.parametrize("wider", WIDER)
@pytest.mark.parametrize("name", SHORT)
def test_shorter_sums_are_told_and_their_bits_counted(name, wider, dtype):
    add, kept_bits = SHORT[name]
    for notation in ("conv2d x1x64x4x4 w8x64x1x1 bias {}", "conv1d x1x48x30 w8x48x3 p1 {}"):
        found = classified(notation.format(dtype), wider, add)
        assert not ALLOWED[DEFAULT].holds(found)
        if (name, dtype) == ("float8_e4m3fn", "float8_e5m2"):  # these sums are beyond its range
            assert found.name == "unclassified"
        else:
            assert found.arithmetic is LOW_PRECISION
            assert 0 <= found.sums - kept_bits <= 1


def fast_sums(of, operands):
    return replace(of.alone, dtype="float64").compute(fast, operands)


@pytest.mark.parametrize("dtype", FLOAT8)
def test_every_suite_is_within_the_range_of_the_format(dtype):
    for notation in (*NOTATIONS, "conv1d x1x33333x6 w4x33333x3 {}"):
        problem = parse(notation.format(dtype))
        of = Pass(problem, problem.operation.returns)
        for suite in asked(of):
            sums = fast_sums(of, suite.operands)
            assert np.abs(sums).max(initial=0) <= float(ml_dtypes.finfo(FLOAT8[dtype]).max), suite.name
            assert all(np.isfinite(array).all() for array in suite.operands.values())


@pytest.mark.parametrize("dtype", FLOAT8)
def test_of_special_values_only_nan_is_asked(dtype):
    of = Pass(parse(f"conv1d x2x4x9 w4x2x3 g2 bias {dtype}"), "output")
    asked = [(one.largest, one.value) for one in poisoned(of, np.random.default_rng(1))]
    assert [value for largest, value in asked if largest] == [1]
    assert [np.isnan(value) for largest, value in asked if not largest] == [False, True, False, *[True] * 6]


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("sums_in_bfloat16", "float8_e4m3fn"),
        pytest.param("sums_in_float8", "float8_e5m2", marks=pytest.mark.slow),
        ("nan_dropped", "float8_e4m3fn"),
        pytest.param("sums_in_bfloat16", "float8_e5m2", marks=pytest.mark.slow),
        pytest.param("sums_in_float8", "float8_e4m3fn", marks=pytest.mark.slow),
        pytest.param("nan_dropped", "float8_e5m2", marks=pytest.mark.slow),
    ],
)
@pytest.mark.sampled(2)
def test_a_coarse_one_is_found(name, dtype):
    verdict = audit(f"{SUBJECTS}:{name}", op="conv2d", level=OF_ROUNDING, dtypes=[dtype], seed=7)
    faults = {"nan_dropped": "nonfinite-dropped"}
    assert faults.get(name, LOW_PRECISION.fault) in {finding.fault for finding in verdict.findings}
