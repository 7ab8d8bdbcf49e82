"""Whole audits: the class is measured, found where it is not allowed, and shown on its smallest problem."""

import json
import re
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import simulated_subjects
import torch
from click.testing import CliRunner
from rich.console import Console
from simulated_arithmetic import ARITHMETICS, part_of

from audit.brief import OF_ROUNDING
from audit.finding_script import run_script
from conv_oracle import audit
from conv_oracle.auditing import ALLOWED, DEFAULT
from conv_oracle.auditing.operands import SECOND
from conv_oracle.auditing.rounding.classes import LOW_PRECISION, TRUNCATED_SUMS
from conv_oracle.auditing.rounding.data import suites
from conv_oracle.auditing.rounding.plan import of_problem
from conv_oracle.auditing.sandbox.adapters import torch_adapter
from conv_oracle.cli import main
from conv_oracle.errors import TargetError
from conv_oracle.faults import CATALOGUE
from conv_oracle.problem import parse
from conv_oracle.report import document, markdown, print_verdict, script

SLOW = pytest.mark.slow
SUBJECTS = Path(__file__).with_name("simulated_subjects.py")
HASTY = replace(OF_ROUNDING, rounding_reduction_seconds=0.2)


@pytest.mark.parametrize("op", ["conv2d", "conv_transpose2d", "conv2d_input", "conv2d_weight"])
def test_a_subject_sums_as_its_arithmetic_does_in_every_format(op):
    for name, arithmetic in ARITHMETICS.items():
        for dtype in arithmetic.dtypes:
            (of,) = of_problem(parse(f"{op} x1x4x5x6 w4x2x3x3 g2 p1 {dtype}"), gradients=False)
            given = next(iter(suites(of, np.random.default_rng(3)))).operands
            form = simulated_subjects.STORED.get(dtype, dtype)
            operands = {name: array.astype(form) for name, array in given.items()}
            if op.endswith("_input"):
                operands["input_size"] = of.problem.input_shape
            elif op.endswith("_weight"):
                operands["weight_size"] = of.problem.weight_shape
            got = getattr(simulated_subjects, f"{op}__{simulated_subjects.slug(name)}")(**operands, padding=1, groups=2)
            assert got.dtype == np.dtype(form)
            assert np.array_equal(got.astype(np.complex128), part_of(of, given, arithmetic), equal_nan=True)


def audited(name, op="conv2d", **options):
    given = {"op": op, "level": OF_ROUNDING, "dtypes": ["float32"], "seed": 7, **options}
    return audit(given.pop("target", f"{SUBJECTS}:{name}"), **given)


def test_a_right_one_conforms_and_its_class_is_said():
    verdict = audited("conv2d__sequential")
    assert verdict.verdict == "conforms"
    (one,) = verdict.rounding
    assert (one.name, one.allowed, one.part) == ("any-order", True, "output")
    assert 0.5 < one.ratio <= 1
    assert one.terms[1] > 10_000


def test_a_call_may_take_longer_than_any_that_was_answered_before():
    """The longest sums cost more than what the first phase asked: too much for --timeout, they are left out."""
    subject = SUBJECTS.parents[1] / "audit" / "faulty_subjects.py"
    verdict = audited("", target=f"{subject}:slow_beyond_300000", timeout=1.0, compile_timeout=1.0)
    assert verdict.findings == ()
    assert any(note.startswith("rounding was measured on ") for note in verdict.scope.notes)


def test_an_empty_batch_is_replayed():
    assert audited("conv2d__sequential", only=[parse("conv2d x0x4x5x5 w2x4x3x3 float32")]).findings == ()


@pytest.mark.parametrize(
    ("name", "op", "fault", "said"),
    [
        ("conv2d__tf32", "conv2d", "reduced-precision-operands", "TF32"),
        pytest.param("conv_transpose1d__bf16_sums", "conv_transpose1d", LOW_PRECISION.fault, "8 bits", marks=SLOW),
        pytest.param(
            "conv1d_weight__tf32_cut", "conv1d_weight", "reduced-precision-operands", "TF32, truncated", marks=SLOW
        ),
        pytest.param("conv2d_input__truncating", "conv2d_input", TRUNCATED_SUMS.fault, "", marks=SLOW),
        pytest.param("conv2d__winograd_f_4_3_of_tf32", "conv2d", "fast-algorithm-inaccurate", "", marks=SLOW),
    ],
)
def test_a_coarse_one_is_found_named_and_shown_small(name, op, fault, said):
    verdict = audited(name, op)
    (finding,) = [finding for finding in verdict.findings if finding.kind == "rounding"]
    assert finding.fault == fault
    assert said in finding.diagnosis.title
    assert finding.problem.multiply_adds < 2000
    assert finding.evidence.index is not None
    assert "truncating" in name or finding.evidence.got != finding.evidence.expected
    assert CATALOGUE[fault].damages


def test_what_shows_in_long_sums_alone_says_so():
    verdict = audited("conv2d__fp16_sums_beyond_512")
    (finding,) = [finding for finding in verdict.findings if finding.kind == "rounding"]
    assert finding.fault == LOW_PRECISION.fault
    assert "not in those of at most" in finding.condition


@pytest.mark.parametrize("name", ["conv2d__tf32", pytest.param("conv2d__fp16_sums", marks=SLOW)])
def test_a_script_shows_it_without_us(name, tmp_path):
    verdict = audited(name)
    finding = verdict.findings[0]
    assert finding.kind == "rounding"
    for shown, code in ((name, 1), ("conv2d__sequential", 0)):
        done = run_script(script(finding, verdict).replace(name, shown), tmp_path)
        assert done.returncode == code, done.stderr
        assert ("AssertionError" in done.stderr) == bool(code)


@pytest.mark.parametrize(
    ("name", "declared"),
    [("conv2d__tf32", "tf32"), pytest.param("conv2d__bf16_sums", "bf16-sums", marks=SLOW)],
)
def test_what_is_declared_conforms(name, declared):
    verdict = audited(name, arithmetic=declared)
    assert verdict.verdict == "conforms", [finding.summary for finding in verdict.findings]
    assert verdict.options.arithmetic == declared


@pytest.mark.slow
def test_a_fast_algorithm_conforms_unless_sums_must_be_direct():
    assert audited("conv2d__winograd_f_2_3").verdict == "conforms"
    verdict = audited("conv2d__winograd_f_2_3", arithmetic="direct")
    assert "fast-algorithm-used" in {finding.fault for finding in verdict.findings}


FIRST = ("output", "grad_input", "grad_weight", "grad_bias")


@SLOW
def test_gradients_are_measured_part_by_part():
    verdict = audited("torch_conv1d__tf32", "conv1d", arrays="torch", gradients=True)
    assert {finding.fault for finding in verdict.findings} >= {"reduced-precision-operands"}
    assert {one.part for one in verdict.rounding} == set(FIRST)


@pytest.mark.parametrize(
    "notation",
    ["conv_transpose1d x1x4x5 w4x8x3 bias float32", pytest.param("conv2d x2x8x9x3 w8x4x3x3 g2 float32", marks=SLOW)],
)
def test_a_double_backward_of_reduced_precision_is_caught_where_all_else_is_right(notation, tmp_path):
    of, name = parse(notation), f"twice_{parse(notation).operation}__tf32"
    verdict = audited(name, of.operation, arrays="torch", gradients=True, only=[of], level=HASTY)
    assert {(one.part, one.allowed) for one in verdict.rounding} == {
        *((part, True) for part in (FIRST if of.bias else FIRST[:3])),
        *((part, False) for part in SECOND),
    }
    assert {finding.fault for finding in verdict.findings} == {"reduced-precision-operands"}
    assert sorted(finding.evidence.part for finding in verdict.findings) == sorted(SECOND)
    for shown, code in ((name, 1), (name.replace("tf32", "sequential"), 0)):
        done = run_script(script(verdict.findings[0], verdict).replace(name, shown), tmp_path)
        assert done.returncode == code, done.stderr


@SLOW
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "complex64"])
def test_the_double_backward_of_pytorch_is_right(dtype):
    of = parse(f"conv2d x2x4x5x5 w8x2x3x3 g2 bias {dtype}")
    verdict = audited(
        "", target="torch.nn.functional:conv2d", arrays="torch", dtypes=[dtype], gradients=True, only=[of]
    )
    assert verdict.verdict == "conforms"
    assert {one.part for one in verdict.rounding} == {*FIRST, *SECOND}


@SLOW
@pytest.mark.parametrize("op", ["conv2d", "conv_transpose3d"])
def test_a_whole_audit_measures_the_double_backward(op):
    right = audited("", op, target=f"torch.nn.functional:{op}", arrays="torch", gradients=True, level="standard")
    assert right.verdict == "conforms"
    assert {one.part for one in right.rounding} == {*FIRST, *SECOND}
    wrong = audited(f"twice_{op}__bf16_sums", op, arrays="torch", gradients=True, level="standard")
    assert {finding.fault for finding in wrong.findings} == {LOW_PRECISION.fault}


@pytest.mark.slow
def test_a_coarse_rounding_hides_no_other_fault():
    """Wrong numbers of a coarse arithmetic are told as that, and then numbers are asked that it sums exactly."""
    verdict = audited("conv1d_coarse_and_wrong_from_four_taps", "conv1d")
    assert {(finding.kind, finding.fault) for finding in verdict.findings} == {
        ("rounding", "reduced-precision-operands"),
        ("wrong-value", "unknown"),
    }


@SLOW
def test_a_coarse_gradient_by_the_bias_is_rounding_and_no_wrong_bias():
    name = "torch_conv1d_with_a_coarse_gradient_by_the_bias"
    verdict = audited(name, "conv1d", arrays="torch", gradients=True)
    assert [(finding.fault, finding.evidence.part) for finding in verdict.findings] == [
        ("reduced-precision-operands", "grad_bias")
    ]


def test_a_gradient_that_is_the_cotangent_itself_is_copied():
    """A bias is added by broadcasting, and with one output autograd gives back what it got."""
    adapter, memory = torch_adapter("cpu"), torch.arange(4.0)
    operands = [memory[:1].reshape(1, 1), memory[1:2], memory[2:3].reshape(1, 1)]

    def call(given):
        return given[0] + given[1].reshape(-1, 1)

    assert torch.autograd.grad(call([one.requires_grad_() for one in operands]), operands[1], operands[2])[0] == 2
    plan = {"by": [0, 1], "cotangent": 2, "second": [], "between": False, "way": ""}
    _, *found = adapter.differentiate(call, [one.detach() for one in operands], plan, None)
    memory[2] = 7
    assert [float(one) for one in found] == [2, 2]


@SLOW
def test_a_gradient_may_be_the_cotangent_itself():
    of = parse("conv1d x1x1 w1x1x1 bias float32")
    verdict = audited("twice_conv1d__sequential", "conv1d", arrays="torch", gradients=True, only=[of])
    assert verdict.findings == ()


def test_the_reports_say_it():
    verdict = audited("conv1d__tf32", "conv1d")
    told = document(verdict)
    json.dumps(told, allow_nan=False)
    assert told["rounding"][0]["name"] == "reduced-inputs"
    assert "operands reduced to TF32 (not allowed)" in markdown(verdict)


def printed(verdict):
    console = Console(file=StringIO(), width=1000)
    print_verdict(verdict, console)
    return console.file.getvalue()


def test_what_is_allowed_is_said_in_the_working_precision_of_the_operands():
    """Sums in float32 of float64 operands, some of which are beyond float32: answers that are not finite."""
    verdict = audited("conv1d__float32_sums_of_float64", "conv1d", dtypes=["float64"])
    (one,) = verdict.rounding
    assert (one.name, one.said, one.allowed) == (LOW_PRECISION.name, "sums in 24 bits", False)
    assert one.ratio == np.inf
    told = printed(verdict)
    assert "allowed: sums in float64 or better, in any order, or a fast algorithm within its bound" in told
    assert "float32" not in told.replace("float32_sums", "")
    assert "; beyond any bound; shown by conv1d " in told
    assert not re.search(r"\binf\b", told)
    assert document(verdict)["rounding"][0]["ratio"] is None


@pytest.mark.parametrize(
    ("dtypes", "said"),
    [
        (["float32", "bfloat16"], "float32"),
        (["float64", "complex128"], "float64"),
        (["float32", "float64", "float64"], "float32 (float64 for float64)"),
        (["complex128", "float16", "float64"], "float32 (float64 for complex128 and float64)"),
    ],
)
def test_the_working_precision_is_that_of_each_dtype(dtypes, said):
    assert f"sums in {said} or better" in ALLOWED[DEFAULT].said_of(dtypes)


@pytest.mark.parametrize(
    ("of", "said"),
    [
        ({}, "at most 0.5 of its bound, here"),
        ({"name": "fast", "growth": 7.0}, "growth 7, 0.5 of its bound, here"),
        ({"name": "unclassified", "growth": 7.0, "ratio": 15.0}, "growth 7, 15 times its bound; shown by here"),
        ({"name": "reduced-inputs"}, "at most 0.5 of its bound; shown by here"),
        (
            {"name": "low-precision-accumulation", "ratio": 83.0},
            "up to 83 times the bound of sums in float32; shown by",
        ),
        ({"name": "unclassified", "ratio": np.inf}, "beyond any bound; shown by here"),
    ],
)
def test_a_ratio_is_told_in_units_of_a_bound_that_the_class_has(of, said):
    verdict = audited("conv1d__sequential", "conv1d", only=[parse("conv1d x1x4x5 w2x4x3 float32")])
    one = replace(verdict.rounding[0], **{"ratio": 0.5, "where": "here", **of})
    assert said in printed(replace(verdict, rounding=(one,)))


def test_an_unknown_class_is_refused_in_one_line():
    with pytest.raises(TargetError, match="arithmetic is one of"):
        audited("conv2d__sequential", arithmetic="tf23")
    told = CliRunner().invoke(
        main, ["audit", f"{SUBJECTS}:conv2d__sequential", "--op", "conv2d", "--arithmetic", "tf23"]
    )
    assert told.exit_code == 2
    assert told.output.count("\n") == 1


def test_every_class_that_may_be_declared_is_told_by_help():
    told = CliRunner().invoke(main, ["audit", "--help"]).output
    assert all(name in told for name in ALLOWED)
