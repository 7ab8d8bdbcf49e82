"""Right subjects conform, whatever their style and signature, and the scope says what they were not asked."""

from dataclasses import replace
from pathlib import Path

import pytest

from conv_oracle.auditing import audit
from conv_oracle.auditing.levels import LEVELS

SUBJECTS = Path(__file__).with_name("right_subjects.py")

RIGHT = {
    "conv_transpose2d": "",
    "loops_conv1d": "stride is asked as one int",
    "bare": "lacks bias, stride, padding, dilation, groups",
    "keywords_only": "lacks dilation, groups",
    "positional_only": "unbatched",
    "anything": "unbatched",
    "passes_on": "lacks groups",
    "only_stride": "unbatched",
    "layer": "unbatched",
    "needs_a_bias": "a bias is always given",
    "words": "",
    "fortran_order": "unbatched",
    "read_only_and_reversed": "unbatched",
    "noisy": "unbatched",
}


def audited(name, **options):
    op = next((op for op in ("conv_transpose2d", "conv1d") if op in name), "conv2d")
    return audit(f"{SUBJECTS}:{name}", op=op, level="quick", **options)


@pytest.mark.parametrize(("name", "limit"), RIGHT.items())
def test_a_right_subject_conforms(name, limit):
    verdict = audited(name)
    assert verdict.findings == ()
    assert verdict.verdict == "conforms"
    assert verdict.arithmetic == "exact"
    assert verdict.scope.discriminating > 50
    assert verdict.scope.missed < 0.01
    assert any(limit in line for line in verdict.scope.narrowed) or not limit


def test_words_and_an_unbatched_input_are_asked_where_they_are_taken():
    scope = audited("words").scope
    asked = {(row.parameter, row.value): row.compared for row in scope.exercised}
    assert asked["padding", "same"] > 5
    assert asked["padding", "valid"] > 5
    assert asked["batch", "none"] > 5


def test_a_refusal_narrows_the_scope_and_another_exception_is_a_finding():
    verdict = audited("refuses_dilation_and_groups")
    assert [finding.kind for finding in verdict.findings] == ["raised"]
    assert verdict.findings[0].condition == "with dilation > 1"
    verdict = audited("refuses_dilation_and_groups", refusals=["AssertionError"])
    assert verdict.verdict == "conforms"
    assert verdict.scope.discriminating < verdict.scope.problems


@pytest.mark.parametrize("dtype", ["float32", "complex64", "int8", "uint16", "int64"])
def test_dtypes_that_numpy_sums_exactly(dtype):
    assert audit(f"{SUBJECTS}:layer", op="conv2d", level="quick", dtypes=[dtype]).verdict == "conforms"


def test_integers_may_come_back_wider():
    assert audited("wide_integers", dtypes=["int8"]).verdict == "conforms"


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_inexact_arithmetic_is_no_index_fault_and_is_said(dtype):
    verdict = audited("by_fft", dtypes=[dtype])
    assert verdict.verdict == "conforms"
    assert verdict.arithmetic == "inexact"
    assert "inexact arithmetic, rounding not judged" in verdict.scope.notes


def test_a_slow_subject_gets_as_far_as_the_deadline_allows(monkeypatch):
    monkeypatch.setitem(LEVELS, "quick", replace(LEVELS["quick"], seconds=0.7))
    verdict = audited("slow")
    assert verdict.verdict == "conforms"
    assert verdict.scope.problems < verdict.scope.planned
    assert "stopped at the level's 0.7 s" in verdict.scope.truncated


def test_several_workers_and_one_agree():
    one, two = audited("layer", jobs=1, seed=5), audited("layer", jobs=2, seed=5)
    assert one.scope.outputs == two.scope.outputs
    assert one.scope.missed == two.scope.missed
    assert "subject's numpy" in one.versions
