"""A bias that is added after the rounding is a class of its own; sums that are rounded among products are not that."""

from dataclasses import replace
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from fast_algorithms import fft, winograd
from many_channels import alone
from simulated_arithmetic import ARITHMETICS, part_of, partial

from audit.brief import OF_ROUNDING
from conv_oracle import audit
from conv_oracle.auditing.rounding.allowed import ALLOWED, DEFAULT
from conv_oracle.auditing.rounding.data import stored, suites
from conv_oracle.auditing.rounding.ladder import measured
from conv_oracle.auditing.rounding.measures import sample
from conv_oracle.auditing.rounding.probes import probes
from conv_oracle.auditing.rounding.summary import summary
from conv_oracle.problem import parse

ALLOWS = ALLOWED[DEFAULT].holds
SUBJECTS = Path(__file__).with_name("simulated_subjects.py")
SIXTEEN = ("float16", "bfloat16")
BIASED = (
    "conv1d x2x3x9 w4x3x1 bias {}",
    "conv2d x2x16x5x9 w8x4x3x3 p1 d2 g4 bias {}",
    "conv3d x1x8x4x4x5 w8x8x3x3x3 bias {}",
    "conv_transpose2d x1x16x4x5 w16x8x3x3 p1 bias {}",
    "conv1d x16x9 w8x16x3 bias {}",
)


def classified(notation, answer, seed=11):
    of, rng = alone(notation), np.random.default_rng(seed)
    return measured(of, [sample(of, s, answer(of, s.operands)) for s in (*suites(of, rng), *probes(of, rng))])


@pytest.mark.parametrize("dtype", SIXTEEN)
@pytest.mark.parametrize("name", ["sequential", "wide", "pairwise"])
def test_it_is_told_and_allowed(name, dtype):
    last = replace(ARITHMETICS[name], bias_last=True)
    for notation in BIASED:
        found = classified(notation.format(dtype), lambda of, given: part_of(of, given, last))
        assert (found.name, ALLOWS(found)) == ("bias-after-rounding", True), (notation, found.said)
        assert f"a bias is added after the rounding to {dtype}" in found.said
        assert ALLOWED["direct"].holds(found)
        assert not ALLOWED["wide"].holds(found)


@pytest.mark.parametrize("dtype", SIXTEEN)
@pytest.mark.parametrize("bias_last", [False, True])
@pytest.mark.parametrize("every", [1, 3, 48])
def test_sums_that_are_rounded_among_products_are_caught_with_a_bias(every, bias_last, dtype):
    form = {"float16": np.float16, "bfloat16": ml_dtypes.bfloat16}[dtype]
    rounded = replace(ARITHMETICS["sequential"], add=partial(form, every), bias_last=bias_last)
    for notation in ("conv1d x2x96x9 w8x96x3 bias {}", "conv2d x1x32x5x6 w8x32x3x3 p1 bias {}"):
        found = classified(notation.format(dtype), lambda of, given: part_of(of, given, rounded))
        assert found.name in ("partial-sums", "low-precision-accumulation")
        assert not ALLOWS(found)


def test_a_bias_that_is_rounded_twice_too_often_is_none_of_it():
    """The sum is rounded to float16, to bfloat16 and then the bias is added."""

    def answer(of, given):
        once = part_of(of, {**given, "bias": 0 * given["bias"]}, ARITHMETICS["wide"])
        coarse = stored(once, "bfloat16")
        return stored(coarse + given["bias"].reshape(-1, 1), "float16")

    assert not ALLOWS(classified("conv1d x2x16x9 w8x16x3 bias float16", answer))


@pytest.mark.parametrize("passes", [winograd(4), fft("float32")])
def test_a_fast_algorithm_may_add_it_late_and_that_is_told(passes):
    def answer(of, given):
        operands = {name: array.astype(np.float16) for name, array in given.items() if name != "bias"}
        with np.errstate(over="ignore", invalid="ignore"):
            once = stored(replace(of.problem, bias=False).compute(passes, operands).astype(np.float64), "float16")
            return stored(once + given["bias"].reshape(-1, 1), "float16")

    found = classified("conv1d x2x8x40 w8x8x3 p1 bias float16", answer)
    assert (found.name, found.bias_after, ALLOWS(found)) == ("fast", True, True)
    (told,) = summary([found], ALLOWED[DEFAULT], {})
    assert "a bias is added after the sum was rounded" in told.properties
    plain = classified("conv1d x2x8x40 w8x8x3 p1 float16", lambda of, given: part_of(of, given, ARITHMETICS["wide"]))
    assert not plain.bias_after


@pytest.mark.parametrize("dtype", SIXTEEN)
def test_a_whole_audit_tells_it(dtype):
    only = [parse(BIASED[0].format(dtype))]
    target = f"{SUBJECTS}:conv1d__bias_after_rounding"
    verdict = audit(target, op="conv1d", dtypes=[dtype], level=OF_ROUNDING, seed=7, only=only)
    assert verdict.findings == ()
    (one,) = verdict.rounding
    assert (one.name, one.allowed) == ("bias-after-rounding", True)


@pytest.mark.slow
def test_tensors_may_add_it_late(tmp_path):
    (tmp_path / "late.py").write_text(
        "import torch\n\n"
        "def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):\n"
        "    y = torch.nn.functional.conv2d(input.float(), weight.float(), None, stride, padding, dilation, groups)\n"
        "    y = y.to(input.dtype)\n"
        "    return y if bias is None else y + bias.reshape(-1, 1, 1)\n"
    )
    only = [parse("conv2d x2x4x4x5 w4x4x3x3 bias bfloat16")]
    asked = {"op": "conv2d", "dtypes": ["bfloat16"], "level": OF_ROUNDING, "seed": 7, "only": only}
    verdict = audit(f"{tmp_path}/late.py:conv2d", arrays="torch", gradients=True, **asked)
    assert verdict.findings == ()
    assert {one.name for one in verdict.rounding if one.part == "output"} == {"bias-after-rounding"}
