"""Every planted fault ends in its own outcome, and none in `conforms`."""

import contextlib
from pathlib import Path

import numpy as np
import pytest

from audit.brief import BRIEF
from conv_oracle.auditing import audit
from conv_oracle.auditing.sandbox import Limits
from conv_oracle.errors import TargetError
from conv_oracle.problem import problem
from conv_oracle.truth import fast

SUBJECTS = Path(__file__).with_name("faulty_subjects.py")

FAULTS = {
    "kernel_flipped_along_width": "wrong-value",
    "kernel_flipped_along_height": "wrong-value",
    "stride_swapped": "wrong-shape",
    "dilation_ignored": "wrong-value",
    "padding_before_only": "wrong-value",
    "group_offset_missing": "wrong-value",
    "bias_of_the_first_group": "wrong-value",
    "last_tap_dropped": "wrong-value",
    "one_border_pixel": "wrong-value",
    "even_kernels_only": "wrong-value",
    "two_calls_of_rounding": "rounding",
    "wrong_dtype": "wrong-dtype",
    "transposed_shape": "wrong-shape",
    "broadcastable_shape": "wrong-shape",
    "nan_in_one_place": "wrong-value",
    "all_nan": "wrong-value",
    "zeros": "wrong-value",
    "changes_its_input": "mutated-operand",
    "changes_its_weight": "mutated-operand",
    "caches_by_shape": "stale-answer",
    "off_now_and_then": "varies",
    "right_for_a_while": "varies",
    "raises_on_an_empty_batch": "raised",
    "exits_by_exception": "raised",
    "claims_no_memory": "out-of-memory",
    "aborts_with_groups": "crashed",
    "segfaults_with_groups": "crashed",
    "hangs_with_dilation": "hung",
    "ends_with_code_zero": "crashed",
    "forges_a_verdict": "wrong-value",
    "writes_to_every_descriptor": "malformed",
    "closes_every_descriptor": "crashed",
    "drips": "hung",
    "patches_the_libraries": "wrong-value",
    "returns_a_subclass": "not-an-array",
    "returns_a_list": "not-an-array",
    "returns_nothing": "not-an-array",
    "invents_an_output": "accepted-but-invalid",
    "conv_transpose2d_without_output_padding": "wrong-shape",
    "conv_transpose2d_zero_filled": "wrong-value",
}


ON_EDGES = ("raises_on_an_empty_batch",)


def audited(name, **options):
    op = "conv_transpose2d" if name.startswith("conv_transpose") else "conv2d"
    given = {"level": BRIEF, "timeout": 0.7, "compile_timeout": 0.7, "seed": 3, "fail_fast": True}
    given |= {"edges": "fault"} if name in ON_EDGES else {}
    return audit(f"{SUBJECTS}:{name}", op=op, **{**given, **options})


OFTEN = {
    "off_now_and_then",
    "one_border_pixel",
    "last_tap_dropped",
    "broadcastable_shape",
    "all_nan",
    "kernel_flipped_along_height",
    "changes_its_weight",
    "returns_nothing",
    "transposed_shape",
    "ends_with_code_zero",
    "writes_to_every_descriptor",
    "drips",
}
"""What other tests of the default run audit as well, or much like it."""


@pytest.mark.parametrize(
    ("name", "kind"),
    [pytest.param(*pair, marks=pytest.mark.slow if pair[0] in OFTEN else ()) for pair in FAULTS.items()],
)
@pytest.mark.sampled(4)
def test_a_planted_fault_is_found_as_what_it_is(name, kind):
    verdict = audited(name)
    assert verdict.verdict == "faulty"
    assert verdict.exit_code == 1
    assert kind in {finding.kind for finding in verdict.findings}


def test_a_wrong_value_ends_small_with_the_sum_that_it_should_have_been():
    (finding,) = audited("kernel_flipped_along_width").findings
    evidence = finding.evidence
    assert finding.problem == problem("conv2d", (1, 1, 1, 2), (1, 1, 1, 2))
    assert (finding.fault, finding.diagnosis.title) == (
        "kernel-flipped",
        "the kernel is read backwards along the width",
    )
    assert "kernel > 1 on axis 1" in finding.condition
    assert evidence.expected == str(sum(int(t.left_value) * int(t.right_value) for t in evidence.terms))
    crossed = zip(evidence.terms, reversed(evidence.terms), strict=True)
    assert evidence.got == str(sum(int(a.left_value) * int(b.right_value) for a, b in crossed))
    assert evidence.call == (
        "kernel_flipped_along_width(input, weight, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1)"
    )


def test_the_condition_names_what_the_failing_problems_share():
    (finding,) = audited("bias_of_the_first_group").findings
    assert "a bias" in finding.condition
    assert "groups > 1" in finding.condition


def test_an_exception_is_told_with_its_place():
    verdict = audited("raises_on_an_empty_batch")
    (finding,) = [one for one in verdict.findings if one.fault == "empty-batch-refused"]
    assert "with batch 0" in finding.condition
    assert "ZeroDivisionError: nothing to average (faulty_subjects.py:" in finding.evidence.text


def test_the_subjects_processes_are_gone_those_that_left_its_session_too(monkeypatch, tmp_path):
    started = tmp_path / "started"
    monkeypatch.setenv("CONV_ORACLE_TEST_STARTED", str(started))
    with contextlib.suppress(TargetError):  # it raises on nearly every call
        audited("leaves_a_process")
    processes = started.read_text().split()
    assert processes
    assert [process for process in processes if runs(process)] == []


def runs(process):
    """Whether a process is there and is not merely waiting to be reaped."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_process_that_grows_without_end_is_stopped():
    limits = Limits(memory_bytes=300 << 20)
    verdict = audit(
        f"{SUBJECTS}:takes_all_memory", op="conv2d", level=BRIEF, timeout=20, compile_timeout=20, limits=limits
    )
    assert "out-of-memory" in {finding.kind for finding in verdict.findings}


def test_a_subject_that_refuses_everything_gets_no_verdict():
    verdict = audited("refuses_everything")
    assert verdict.verdict == "no-verdict"
    assert verdict.exit_code == 3
    assert any("NotImplementedError" in line for line in verdict.scope.narrowed)


def test_a_subject_of_1x1_kernels_alone_conforms_within_that_scope():
    verdict = audited("refuses_all_but_1x1")
    assert verdict.verdict == "conforms"
    assert any("asked with a kernel of 1 only: NotImplementedError" in line for line in verdict.scope.narrowed)


def test_a_worker_that_blames_the_harness_earns_no_verdict():
    verdict = audited("excuses_itself")
    assert verdict.verdict == "no-verdict"
    assert any("not my fault" in note for note in verdict.scope.notes)


def test_the_truth_that_judges_is_the_one_that_is_planted_wrong(monkeypatch):
    """The judge's own comparison can fail: with a truth that is one too large, a right subject is wrong."""
    right = type(fast).conv

    def off_by_one(self, *operands, **parameters):
        return right(self, *operands, **parameters) + np.float64(1)

    monkeypatch.setattr(type(fast), "conv", off_by_one)
    assert audited("right").verdict == "faulty"
