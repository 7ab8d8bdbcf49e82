"""Every simulated arithmetic is the class that it is, on every operation it exists for; and right ones are no other."""

import re
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from simulated_arithmetic import ARITHMETICS, part_of, reduced
from simulated_arithmetic import bits as kept_bits

from conv_oracle.auditing.rounding import classes, ladder, plan
from conv_oracle.auditing.rounding.allowed import ALLOWED, DEFAULT
from conv_oracle.auditing.rounding.carriers import Pass
from conv_oracle.auditing.rounding.classes import ANY_ORDER
from conv_oracle.auditing.rounding.data import suites
from conv_oracle.auditing.rounding.kinds import DENSE, SPARSE
from conv_oracle.auditing.rounding.ladder import measured
from conv_oracle.auditing.rounding.measures import sample
from conv_oracle.auditing.rounding.probes import probes
from conv_oracle.auditing.rounding.reductions import REDUCTIONS
from conv_oracle.auditing.rounding.structure import near_pairs, order, pairs
from conv_oracle.faults import CATALOGUE
from conv_oracle.operation import operation
from conv_oracle.problem import parse
from conv_oracle.truth import fast

SEED = 20
NO_BIAS = ("tf32 in one operand", "cut results")
"""What does not show in a sum of one operand, of two terms and more."""

OPS = [f"{family}{d}d" for family in ("conv", "conv_transpose") for d in (1, 2, 3)]
OPS += [f"conv{d}d_{side}" for d in (1, 2, 3) for side in ("input", "weight")]


def asked(of, seed=SEED):
    rng = np.random.default_rng(seed)
    return [*suites(of, rng), *probes(of, rng)]


def classified(of, arithmetic, seed=SEED):
    return measured(of, [sample(of, suite, part_of(of, suite.operands, arithmetic)) for suite in asked(of, seed)])


def wanted(of, arithmetic):
    """What an arithmetic is on a pass: what its algorithm does not cover is summed in float32."""
    if of.of_bias and arithmetic.passes is not None:
        return None
    return arithmetic.class_of(of.alone, of.rows_and_columns[1])


def agrees(found, name, arithmetic):
    """The class; or a better one, where the data cannot tell sums in float64 from exact ones, or nothing is summed.

    Whether all sums are rounded to the stored format of 16 bits, or some, short sums may not tell; and where products
    are rounded to float32 as sums are, few of them look like operands in float32.
    """
    if found.name in (name, arithmetic.measured) or {name, found.name} <= {"wide", "correctly-rounded"}:
        return True
    if {name, found.name} == {"low-precision-accumulation", "partial-sums"} and found.of.component in (
        "float16",
        "bfloat16",
    ):
        return True
    if (name, found.name) == ("low-precision-accumulation", "reduced-inputs") and found.of.component == "float64":
        return found.detail == "float32"
    return name == "any-order" != arithmetic.measured and found.rank <= ANY_ORDER.rank


def test_the_table_of_the_ladder_is_what_is_checked():
    told = [line.split()[0] for line in ladder.__doc__.splitlines() if re.match(r" {4}\S", line)]
    assert told == [check.__name__ for check in ladder.CHECKS]
    named = [line.split()[0] for line in classes.__doc__.splitlines() if re.match(r" {4}\S", line)]
    assert named == list(get_args(classes.ClassName)) == [one.name for one in classes.LADDER]
    assert {one.fault for one in classes.LADDER} | {classes.INACCURATE} <= set(CATALOGUE)


NOTATIONS = (
    "conv1d x1x48x30 w8x48x3 p1 {}",
    "conv2d x1x64x4x4 w8x64x1x1 bias {}",
    "conv2d x1x128x3x5 w8x128x3x3 s2 p1 {}",
    "conv3d x1x4x4x4x7 w8x4x3x3x3 p1 {}",
    "conv_transpose2d x1x64x4x5 w64x8x3x3 p1 {}",
    "conv_transpose1d x1x400x5 w400x8x3 s2 bias {}",
    "conv2d_input x1x8x5x12 w16x8x3x3 p1 {}",
    "conv1d_input x1x8x9 w384x8x3 {}",
    "conv2d_weight x2x2x12x25 w8x2x3x3 p1 {}",
    "conv1d_weight x4x1x602 w8x1x3 {}",
    "conv2d x2x4x3x5 w8x1x3x3 p1 g4 {}",
)
CASES = [(name, dtype) for name, arithmetic in ARITHMETICS.items() for dtype in arithmetic.dtypes]


@pytest.mark.parametrize(("name", "dtype"), CASES)
@pytest.mark.sampled(2)
def test_each_arithmetic_is_its_class(name, dtype):
    few = NOTATIONS[:: {"float32": 2, "complex64": 5, "complex128": 5}.get(dtype, 3)]
    check_classes(name, dtype, [one for one in NOTATIONS if "bias" in one] if ARITHMETICS[name].bias_last else few)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_each_arithmetic_is_its_class_on_every_kind_of_layer(name, dtype):
    check_classes(name, dtype, NOTATIONS)


def check_classes(name, dtype, notations):
    arithmetic, seen = ARITHMETICS[name], set()
    for number, notation in enumerate(notations):
        (of,) = plan.of_problem(parse(notation.format(dtype)), gradients=False)
        costly = name in ("fused", "kahan", "truncating", "blocked")
        if costly and (of.rows_and_columns[1] > 1200 or of.problem.multiply_adds > 100_000):
            continue
        class_ = wanted(of, arithmetic)
        if class_ != arithmetic.measured and number % 4:
            continue
        found = classified(of, arithmetic)
        assert agrees(found, class_, arithmetic), f"{of.problem}: {found.name}, {found.said}; it is {class_}"
        seen.add(class_)
    assert arithmetic.measured in seen


def test_a_bias_gradient_is_a_sum_like_any_other():
    of = Pass(parse("conv1d x4x1x300 w8x1x1 bias float32"), "grad_bias", True)
    for name in ("sequential", "wide", "tf32", "bf16 sums", "truncating", "fp16 sums beyond 512"):
        found = classified(of, ARITHMETICS[name])
        assert agrees(found, ARITHMETICS[name].measured, ARITHMETICS[name]), (name, found.said)


@pytest.mark.parametrize(
    "name", ["TF32", "TF32, truncated", "TF32, ties away from zero", "bfloat16", "float16", "two bfloat16 numbers"]
)
def test_reduced_operands_are_named(name):
    known = {
        "TF32": "tf32", "TF32, truncated": "tf32 cut", "TF32, ties away from zero": "tf32 away",
        "bfloat16": "bf16 inputs", "float16": "fp16 inputs", "two bfloat16 numbers": "bf16x2",
    }  # fmt: skip
    of = Pass(parse("conv2d x2x16x5x9 w8x16x3x3 p1 float32"), "output")
    found = classified(of, ARITHMETICS[known[name]])
    same = {"TF32", "TF32, ties away from zero"}
    assert found.detail == name or {found.detail, name} <= same
    assert found.inputs == {one.name: one.bits for one in REDUCTIONS}[name]


@pytest.mark.parametrize(("name", "bits"), [("fp16 sums", 11), ("bf16 sums", 8)])
def test_the_bits_of_sums_are_counted(name, bits):
    for notation in NOTATIONS[:3]:
        assert classified(Pass(parse(notation.format("float32")), "output"), ARITHMETICS[name]).sums == bits


def test_what_is_declared_allows_itself_and_what_is_stricter():
    of = Pass(parse("conv2d x2x16x5x9 w8x16x3x3 p1 float32"), "output")
    own = {
        "wide": "correctly-rounded", "sequential": "direct", "Winograd F(4,3)": DEFAULT, "truncating": "truncated",
        "bf16x2": "bf16x2", "tf32 cut": "tf32", "fp16 inputs": "fp16", "bf16 inputs": "bf16", "bf16 sums": "bf16-sums",
    }  # fmt: skip
    order = list(ALLOWED)
    for name, declared in own.items():
        found = classified(of, ARITHMETICS[name])
        holds = [allowed for allowed in order if ALLOWED[allowed].holds(found)]
        assert declared in holds, name
        if name != "bf16 sums":
            assert order.index(holds[0]) == order.index(declared), (name, holds)


def test_the_whole_answer_is_judged_and_not_what_is_convenient():
    """One output of a right answer moved by a few units in the last place: no class holds."""
    of = Pass(parse("conv2d x2x16x5x9 w8x16x3x3 p1 float32"), "output")
    told = []
    for suite in asked(of):
        got = part_of(of, suite.operands, ARITHMETICS["sequential"])
        if suite.kind is SPARSE:
            got.flat[7] *= 1 + 2.0**-19
        told.append(sample(of, suite, got))
    assert measured(of, told).rank > ANY_ORDER.rank


def test_numbers_that_are_none_are_beyond_every_bound():
    of = Pass(parse("conv2d x2x16x5x9 w8x16x3x3 p1 float32"), "output")
    for poison in (np.nan, np.inf):
        told = []
        for suite in asked(of):
            got = part_of(of, suite.operands, ARITHMETICS["sequential"])
            if suite.kind is DENSE:
                got.flat[7] = poison
            told.append(sample(of, suite, got))
        assert measured(of, told).name == "unclassified"


ANOTHER = {
    "zero": lambda of, given: 0 * of.alone.compute(fast, given),
    "half": lambda of, given: of.alone.compute(fast, given) / 2,
    "of the other sign": lambda of, given: -of.alone.compute(fast, given),
    "without a tap": lambda of, given: of.alone.compute(fast, {**given, of.carrier: without_first(given[of.carrier])}),
}


def without_first(array):
    return np.where(np.arange(array.size).reshape(array.shape) == 0, 0, array)


@pytest.mark.parametrize("name", ANOTHER)
def test_another_number_is_no_rounding_of_the_right_one(name):
    for notation in ("conv1d x2x8x9 w8x8x3 {}", "conv2d_weight x2x2x3x3 w8x2x3x3 p1 {}", "conv1d x1x1x9 w8x1x1 {}"):
        for dtype in ("float32", "float64", "bfloat16", "float16", "complex64"):
            (of,) = plan.of_problem(parse(notation.format(dtype)), gradients=False)
            told = [sample(of, suite, ANOTHER[name](of, suite.operands)) for suite in asked(of)]
            assert measured(of, told).name == "unclassified", (notation, dtype)


def test_a_fast_algorithm_that_is_worse_than_its_kind_is_told():
    of = Pass(parse("conv2d x2x16x5x40 w8x16x3x3 p1 float32"), "output")
    for name in ("Winograd F(2,3) of TF32", "Winograd F(4,3) of TF32", "FFT of bf16 inputs"):
        found = classified(of, ARITHMETICS[name])
        assert found.name == "unclassified"
        assert found.growth > found.most_growth
    for name, kind in (
        ("Winograd F(4,3)", "Winograd-like"),
        ("FFT in float32", "FFT-like"),
        ("FFT in float64", "FFT-like"),
    ):
        assert classified(of, ARITHMETICS[name]).algorithm == kind


@pytest.mark.parametrize("name", ["Winograd F(2,3)", "Winograd F(4,3)", "Winograd F(6,3)"])
@pytest.mark.parametrize(
    "notation",
    ["conv1d x1x4x1 w130x4x3 p2 bias float32", "conv1d x2x10x4 w4x10x3 float32", "conv1d x3x130x3 w4x130x3 float32"],
)
def test_a_tile_is_right_with_a_large_bias_in_few_numbers_and_in_many(name, notation):
    """Little is mixed here, so that errors look like reduced operands, or like sums of few bits, or cut."""
    of = Pass(parse(notation), "output")
    for seed in range(8):
        found = classified(of, ARITHMETICS[name], seed)
        assert ALLOWED[DEFAULT].holds(found), (seed, found.said)


@pytest.mark.parametrize("bits", [12, 14])
def test_few_bits_are_no_fast_algorithm_where_a_little_leaks(bits):
    """Into outputs that have nothing to sum: what a fast algorithm does."""
    arithmetic = ARITHMETICS["tf32"]
    for notation in ("conv1d x2x16x40 w8x16x3 p1 float32", "conv2d x1x16x6x9 w8x16x3x3 p1 float32"):
        of, told = Pass(parse(notation), "output"), []
        for suite in asked(of):
            got = part_of(of, suite.operands, replace(arithmetic, multiply=reduced(kept_bits(bits))))
            told.append(sample(of, suite, np.where(got == 0, 1e-30, got)))
        found = measured(of, told)
        assert not ALLOWED[DEFAULT].holds(found), found.said


@pytest.mark.slow
@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_each_arithmetic_on_every_layer_that_an_audit_asks(op, dtype):
    wrong = []
    gradients = not op.endswith(("_input", "_weight"))
    for of in plan.passes(operation(op), dtype, "standard", gradients=gradients):
        for name, arithmetic in ARITHMETICS.items():
            class_ = wanted(of, arithmetic)
            costly = name in ("fused", "kahan", "truncating", "blocked") and of.problem.multiply_adds > 100_000
            if dtype not in arithmetic.dtypes or class_ is None or costly or (of.of_bias and name in NO_BIAS):
                continue
            found = classified(of, arithmetic)
            if not agrees(found, class_, arithmetic):
                wrong.append((str(of.problem), of.part, name, found.name, found.said))
    assert wrong == []


ORDERS = {
    "sequential": "sequential",
    "kahan": "sequential, compensated",
    "pairwise": "pairwise",
    "blocked": "8 lanes",
    "wide": "lose nothing: wide, or as good",
}


PASSES = (
    ("conv2d", "output"),
    ("conv1d_weight", "grad_weight"),
    ("conv3d_input", "grad_input"),
    ("conv_transpose2d", "output"),
)


@pytest.mark.parametrize(("op", "part"), PASSES)
def test_the_order_of_a_short_sum_is_read(op, part):
    for dtype in ("float32", "float16", "bfloat16", "float64", "complex64"):
        of = plan.ordered(operation(op), dtype, part, gradients=False)
        for name, said in ORDERS.items():
            if dtype in ARITHMETICS[name].dtypes:
                answers = [part_of(of, suite(of), ARITHMETICS[name]) for suite in (pairs, near_pairs)]
                assert order(of, *answers).endswith(said), (name, dtype)
