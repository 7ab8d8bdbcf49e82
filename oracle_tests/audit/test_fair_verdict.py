"""A fair verdict: right code is not accused for a convention, and nothing conforms on a handful of comparisons."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

import conv_oracle.cli.audit
from audit.brief import BRIEF, HURRIED
from conv_oracle.auditing import audit
from conv_oracle.cli import main
from conv_oracle.errors import TargetError

FAIR = replace(HURRIED, seconds=60.0, diagnosis_seconds=30.0, again=3, most_crashed=2)
"""So little is asked that the time is never over, but on what is slow by itself."""

SUBJECTS = Path(__file__).with_name("fair_subjects.py")


def audited(name, **options):
    return audit(f"{SUBJECTS}:{name}", **{"op": "conv2d", "level": FAIR, "seed": 5, **options})


def faults(verdict):
    return {finding.fault for finding in verdict.findings}


# Refusals


@pytest.mark.parametrize(
    ("name", "jobs"),
    [
        ("five_calls_then_no_more", 2),
        ("refuses_after_three_hundred_calls", 1),
        ("refuses_some_values", 1),
        ("refuses_what_it_has_seen", 1),
    ],
)
def test_a_refusal_that_comes_and_goes_is_a_fault(name, jobs):
    verdict = audited(name, jobs=jobs)
    assert verdict.verdict == "faulty"
    assert "refuses-inconsistently" in faults(verdict)


def test_a_consistent_refusal_narrows_the_scope():
    verdict = audited("refuses_dilation_each_time")
    assert verdict.verdict == "conforms"
    assert any("dilation other than 1 is not supported: NotImplementedError" in one for one in verdict.scope.narrowed)


# What 'conforms' needs


@pytest.mark.parametrize("name", ["strided_layer", "refuses_nearly_everything"])
def test_a_handful_of_comparisons_is_no_verdict(name):
    verdict = audited(name)
    assert verdict.verdict == "no-verdict"
    assert verdict.exit_code == 3
    assert verdict.scope.essential.missing
    assert "--fix" in verdict.scope.essential.help


def test_a_fixed_layer_is_audited_on_sixty_sizes_or_more():
    verdict = audited("strided_layer", fix="w4x3x3x3 s2 p1")
    assert verdict.verdict == "conforms"
    assert verdict.scope.problems >= 60
    assert verdict.scope.essential.right == verdict.scope.essential.planned > 20


def test_the_parameters_of_a_fixed_layer_need_not_be_arguments():
    assert audited("baked", fix="w4x3x3x3 s2 p1").verdict == "conforms"
    assert audited("baked", fix="w4x3x3x3 s2").verdict == "faulty"


@pytest.mark.parametrize("name", ["strided_layer_wrong_for_odd_widths", "strided_layer_wrong_for_long_rows"])
def test_a_fixed_layer_that_is_wrong_for_some_sizes_is_found(name):
    assert audited(name, fix="w4x3x3x3 s2 p1").verdict == "faulty"


@pytest.mark.parametrize("fix", ["4x3x3x3", "w4x3", "w4x3x3x3 t2", "w4x3x3x3 s0", "wax3x3x3"])
def test_a_layer_that_is_none_is_refused_in_one_line(fix):
    result = CliRunner().invoke(main, ["audit", f"{SUBJECTS}:baked", "--op", "conv2d", "--fix", fix])
    assert result.exit_code == 2
    assert len(result.output.strip().splitlines()) == 1
    assert "would fit" in result.output


@pytest.mark.slow
def test_too_little_time_is_no_verdict_and_says_how_much_would_do():
    verdict = audited("slow_and_wrong_with_groups", level=replace(FAIR, seconds=1.0, diagnosis_seconds=1.0))
    assert verdict.verdict != "conforms"
    if verdict.verdict == "no-verdict":
        assert "--seconds" in verdict.scope.essential.help


# What seems not to be supported is asked all the same


@pytest.mark.parametrize(
    "name",
    [
        "depthwise_alone_and_reversed",
        "by_three_and_zero_without_groups",
        "dilation_for_same_padding_alone_and_ignored",
        "bias_refused_at_first_and_doubled_later",
        "unequal_kernels_refused_at_first_and_flipped_later",
    ],
)
def test_a_restriction_hides_no_wrong_answer(name):
    verdict = audited(name, level=replace(FAIR, outside=80))
    assert verdict.verdict == "faulty", verdict.scope


@pytest.mark.parametrize("name", ["at_most_six_thousand_numbers", "by_three"])
def test_a_refusal_by_a_statement_is_none_however_odd_its_rule(name):
    verdict = audited(name)
    assert verdict.verdict == "conforms"
    assert any("ValueError" in line for line in verdict.scope.narrowed)


def test_channels_are_asked_in_the_multiples_that_are_taken():
    verdict = audited("by_three")
    assert any("channels per group in multiples of 3 only" in line for line in verdict.scope.narrowed)
    assert not verdict.scope.essential.missing


# Edges


def rows(verdict):
    return {row.edge: row for row in verdict.scope.edges}


@pytest.mark.parametrize(
    ("name", "edge", "wrong"),
    [
        ("no_batch_is_wrong", "an unbatched input", True),
        ("an_empty_batch_raises", "an empty batch", False),
    ],
)
def test_an_edge_is_told_and_decides_only_where_that_is_asked(name, edge, wrong):
    verdict = audited(name)
    assert verdict.verdict == "conforms"
    row = rows(verdict)[edge]
    assert row.wrong if wrong else row.refused and not row.wrong
    strict = audited(name, edges="fault")
    assert strict.verdict == "faulty"
    assert strict.scope.problems == verdict.scope.problems


def test_the_report_says_plainly_how_an_edge_is_answered():
    result = CliRunner().invoke(
        main, ["audit", f"{SUBJECTS}:no_batch_is_wrong", "--op", "conv2d", "--level", "quick", "--seed", "5"]
    )
    assert result.exit_code == 0
    assert "an unbatched input is answered wrongly" in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("aborts_on_an_empty_batch", "crashes"),
        ("old_memory_on_an_unbatched_input", "varies"),
        ("invents_an_output", "output-invented"),
    ],
)
def test_a_crash_old_memory_and_an_invented_output_are_faults_on_an_edge_too(name, fault):
    verdict = audited(name)
    assert fault in faults(verdict), verdict.findings


# One finding does not hide another


@pytest.mark.parametrize(
    ("name", "both"),
    [
        ("aborts_with_strides_and_swaps_groups", {"crashes"}),
        ("two_faults_of_values", {"kernel-flipped"}),
    ],
)
@pytest.mark.slow
def test_one_fault_does_not_hide_another(name, both):
    verdict = audited(name, level=replace(BRIEF, seconds=60.0, diagnosis_seconds=30.0))
    assert both < faults(verdict)
    assert verdict.scope.problems > 0.9 * verdict.scope.planned


@pytest.mark.slow
def test_an_audit_that_fails_fast_asks_less():
    whole, fast = (audited("two_faults_of_values", fail_fast=value) for value in (False, True))
    assert fast.verdict == whole.verdict == "faulty"
    assert fast.scope.calls < whole.scope.calls
    assert "stopped early" in fast.scope.truncated


# How a stranger is called


def test_ints_are_learned_where_a_tuple_is_answered_too():
    verdict = audited("stride_as_an_area")
    assert verdict.verdict == "conforms"
    assert "stride is passed as one int, as a tuple is not taken" in verdict.scope.narrowed


def test_a_parameter_without_a_default_is_always_passed():
    verdict = audited("needs_its_none")
    assert verdict.verdict == "conforms"
    assert not any("a bias is always passed" in line for line in verdict.scope.narrowed)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("ends_badly", "ZeroDivisionError: always (fair_subjects.py:"),
        ("wants_tensors", "--arrays torch would fit"),
        ("lacks_a_module", "installing no_such_module_at_all"),
        ("single_precision_alone", "--dtype float32 would fit"),
    ],
)
def test_where_every_call_raises_the_target_is_refused_with_a_hint(name, says):
    with pytest.raises(TargetError) as caught:
        audited(name)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_dtype_that_always_raises_is_left_out_and_told():
    verdict = audited("single_precision_alone", dtypes=["float64", "float32"])
    assert verdict.verdict == "conforms"
    assert any("float64 is not supported: TypeError: expected float32" in one for one in verdict.scope.narrowed)


# The command


def test_an_error_of_our_own_is_no_verdict(monkeypatch):
    def broken(*_, **__):
        raise KeyError("ours")

    monkeypatch.setattr(conv_oracle.cli.audit, "audit", broken)
    result = CliRunner().invoke(main, ["audit", f"{SUBJECTS}:baked", "--op", "conv2d"])
    assert result.exit_code == 4
    assert "an error of its own" in result.output


def test_the_package_runs_as_a_module_and_needs_no_installation():
    root = Path(conv_oracle.__file__).parents[1]
    code = f"import sys; sys.path.insert(0, {str(root)!r}); import runpy; sys.argv[1:] = ['--version']; "
    code += "runpy.run_module('conv_oracle', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert conv_oracle.__version__ in done.stdout
