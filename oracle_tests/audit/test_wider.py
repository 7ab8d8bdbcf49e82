"""Results in a wider real format than operands: accepted and told, one for all calls, and right in that format."""

from pathlib import Path

import pytest

from audit.brief import OF_ROUNDING
from audit.finding_script import run_script
from conv_oracle import audit
from conv_oracle.problem import parse
from conv_oracle.report import script

SUBJECTS = Path(__file__).with_name("wider_subjects.py")
WRONG = "wrong-result-dtype"


def audited(name, dtype, op="conv2d", **options):
    return audit(f"{SUBJECTS}:{name}", op=op, dtypes=[dtype], level=OF_ROUNDING, seed=5, **options)


RIGHT = [
    ("in_float32", "float16", "float32"),
    ("in_float64", "float16", "float64"),
    ("in_float32", "bfloat16", "float32"),
    ("in_float64", "bfloat16", "float64"),
    ("in_float64", "float32", "float64"),
    ("sums_in_float32_stored_in_float64", "float32", "float64"),
    ("sums_in_float32_stored_in_float64", "float16", "float64"),
    ("bias_in_float32", "float16", "float32"),
]


@pytest.mark.parametrize(("name", "dtype", "returned"), RIGHT)
def test_a_wider_result_conforms_and_the_scope_says_it(name, dtype, returned):
    verdict = audited(name, dtype)
    assert verdict.findings == ()
    assert verdict.verdict == "conforms"
    assert f"operands in {dtype}: results in {returned}" in verdict.scope.notes
    assert [one.allowed for one in verdict.rounding] == [True]


@pytest.mark.parametrize("name", ["in_float32", "torch_conv2d"])
def test_a_result_in_the_format_of_the_operands_is_not_told(name):
    arrays = "torch" if name.startswith("torch") else "numpy"
    verdict = audited(name, "float32", arrays=arrays, only=[parse("conv2d x2x4x5x6 w8x2x3x3 g2 p1 bias float32")])
    assert verdict.verdict == "conforms"
    assert not any(note.startswith("operands in") for note in verdict.scope.notes)


@pytest.mark.parametrize(
    ("name", "op", "dtype"),
    [
        ("conv_transpose1d", "conv_transpose1d", "float16"),
        ("conv1d_weight", "conv1d_weight", "bfloat16"),
        ("conv3d_input", "conv3d_input", "float16"),
    ],
)
@pytest.mark.sampled(2)
def test_so_do_other_operations(name, op, dtype):
    verdict = audited(name, dtype, op)
    assert verdict.findings == ()
    assert f"operands in {dtype}: results in float32" in verdict.scope.notes


@pytest.mark.parametrize("gradients", [False, True])
@pytest.mark.slow
def test_so_do_tensors_whose_gradients_are_in_the_format_of_the_operands(gradients):
    only = [parse("conv2d x2x4x5x6 w8x2x3x3 g2 p1 bias float16")]
    verdict = audited("torch_conv2d", "float16", arrays="torch", gradients=gradients, only=only)
    assert verdict.findings == ()
    assert "operands in float16: results in float32" in verdict.scope.notes


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("narrower", "float64"),
        ("narrower", "float32"),
        ("as_integers", "float32"),
        ("as_complex", "float32"),
        ("as_bfloat16", "float16"),
        ("as_bfloat16", "float32"),
        ("wider_with_a_bias", "float16"),
        ("wider_without_a_bias", "bfloat16"),
        ("wider_in_long_sums", "float16"),
    ],
)
def test_another_format_is_found_and_so_is_one_that_only_some_results_have(name, dtype):
    assert WRONG in {finding.fault for finding in audited(name, dtype).findings}


def test_it_shows_on_one_problem_alone():
    verdict = audited("wider_with_a_bias", "float16", only=[parse("conv2d x1x2x3x4 w2x2x1x2 bias float16")])
    assert [finding.fault for finding in verdict.findings] == [WRONG]


def test_so_is_a_tensor_that_is_wider_now_and_then():
    verdict = audited("torch_now_and_then", "float16", arrays="torch")
    (finding,) = [finding for finding in verdict.findings if finding.fault == WRONG]
    assert "where others came in float32" in finding.evidence.text


def test_a_script_states_the_format_of_the_others(tmp_path):
    verdict = audited("wider_without_a_bias", "float16")
    (finding,) = [finding for finding in verdict.findings if finding.fault == WRONG]
    for name, code in (("wider_without_a_bias", 1), ("in_float32", 0)):
        done = run_script(script(finding, verdict).replace("wider_without_a_bias", name), tmp_path)
        assert done.returncode == code, done.stderr


@pytest.mark.parametrize(
    ("name", "dtype", "said"),
    [
        ("rounded_before_it_is_widened", "float16", "a result in float32 that was rounded to float16"),
        ("rounded_before_it_is_widened", "bfloat16", "a result in float32 that was rounded to bfloat16"),
        ("summed_in_the_operands_format", "float16", "sums in 11 bits"),
    ],
)
@pytest.mark.sampled(4)
def test_a_wider_result_is_right_in_its_own_format(name, dtype, said):
    verdict = audited(name, dtype)
    assert verdict.verdict == "faulty"
    assert [(one.said, one.allowed) for one in verdict.rounding] == [(said, False)]


def test_a_wrong_index_is_named_in_a_wider_format():
    assert {finding.fault for finding in audited("flipped", "float16").findings} == {"kernel-flipped"}
