"""Right subjects in many styles: an audit finds nothing on any."""

from dataclasses import replace

import pytest

from audit.brief import BRIEF
from audit.direct_calls import BITS
from audit.right.registry import CONV, INPUT, SUBJECTS, TRANSPOSED, WEIGHT
from conv_oracle.auditing import audit

OPERATIONS = (*CONV, *TRANSPOSED, *INPUT, *WEIGHT)

SAMPLE = (
    "windows:strided_tensordot as conv3d",
    "transforms:winograd_4 as conv2d",
    "transforms:fft as conv1d",
    "transposed_and_gradients:conv_transpose_scattered as conv_transpose2d",
    "transposed_and_gradients:conv_input_full as conv1d_input",
    "transposed_and_gradients:conv_weight_windows as conv1d_weight",
    "behaviour:broadcast as conv2d",
    "behaviour:remembers as conv2d",
    "behaviour:guards_its_operands as conv2d",
    "signatures:needs_a_bias as conv2d",
)
"""Cheap and discriminating ones, for the default run."""


def assert_no_finding(entry, verdict):
    """Assert that only known defects of the library are found, and that the scope says what was not asked."""
    findings = entry.unexplained(verdict)
    told = [(finding.kind, str(finding.problem), finding.condition, finding.evidence) for finding in findings]
    assert findings == [], f"{entry.name}, seed {verdict.options.seed}: {told}"
    if verdict.findings:
        return
    assert verdict.verdict == entry.expected
    if entry.expected == "conforms":
        assert any(entry.limit in line for line in verdict.scope.narrowed) or not entry.limit
        assert verdict.scope.discriminating > 0
        assert verdict.arithmetic in ("exact", entry.arithmetic)


def audited(name, **options):
    entry = next(entry for entry in SUBJECTS if entry.name == name)
    return entry, audit(entry.target, **{**entry.options, "level": BRIEF, "seed": 1, **options})


@pytest.mark.parametrize("name", SAMPLE)
@pytest.mark.sampled(4)
def test_an_audit_finds_nothing(name):
    assert_no_finding(*audited(name))


@pytest.mark.slow
@pytest.mark.parametrize("entry", SUBJECTS, ids=lambda entry: entry.name)
def test_a_standard_audit_finds_nothing(entry):
    assert_no_finding(entry, audit(entry.target, **entry.options, level="standard", seed=1))


def test_string_padding_and_unbatched_input_are_told_as_edges():
    _, verdict = audited("signatures:words as conv2d")
    told = {row.edge: row for row in verdict.scope.edges}
    for edge in ("an unbatched input", "a padding given as a word", "an empty batch"):
        assert told[edge].handled >= 4
        assert not told[edge].wrong + told[edge].refused


def test_a_refusal_narrows_the_scope_and_so_does_an_exception_that_is_one():
    entry, verdict = audited("signatures:refuses_in_its_own_words as conv2d")
    assert_no_finding(entry, verdict)
    assert verdict.scope.discriminating <= verdict.scope.problems
    _, verdict = audited("signatures:refuses_in_its_own_words as conv2d", refusals=())
    assert verdict.findings == ()
    assert any("UnsupportedError" in line for line in verdict.scope.narrowed)


def test_a_subject_that_refuses_all_that_is_asked_gets_no_verdict():
    entry, verdict = audited("signatures:nothing_that_is_asked as conv2d")
    assert_no_finding(entry, verdict)


@pytest.mark.parametrize("dtype", ["float32", "complex64", "int8", "uint16", "int64"])
def test_every_dtype_that_numpy_sums_exactly_conforms(dtype):
    assert audited("signatures:layer as conv2d", dtypes=[dtype])[1].verdict == "conforms"


def test_integers_may_come_back_wider():
    assert audited("behaviour:wide_integers as conv2d", dtypes=["int8"])[1].verdict == "conforms"


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_inexact_arithmetic_is_reported_and_is_no_fault(dtype):
    entry, verdict = audited("transforms:fft as conv2d", dtypes=[dtype])
    assert_no_finding(entry, verdict)
    assert verdict.arithmetic == "inexact"
    assert [one.name for one in verdict.rounding] == ["fast"]


@pytest.mark.slow
def test_a_slow_subject_gets_as_far_as_the_deadline_allows():
    _, verdict = audited("slow_import:sleeps as conv2d", level=replace(BRIEF, seconds=0.7))
    assert verdict.verdict == "conforms"
    assert verdict.scope.problems < verdict.scope.planned
    assert "stopped at the level's time limit, 0.7 s" in verdict.scope.truncated


def test_two_workers_compare_what_one_compares():
    (_, one), (_, two) = (
        audited(
            "signatures:layer as conv2d", dtypes=["float64"], jobs=jobs, seed=5, level=replace(BRIEF, seconds=200.0)
        )
        for jobs in (1, 2)
    )
    assert one.scope.outputs == two.scope.outputs
    assert one.scope.undetected == two.scope.undetected
    assert "subject's numpy" in one.versions


@pytest.mark.slow
def test_a_known_defect_explains_its_own_finding_and_no_other():
    entry, verdict = audited("with_scipy:image_correlate as conv2d")
    assert verdict.verdict == "faulty"
    assert_no_finding(entry, verdict)
    with pytest.raises(AssertionError):
        assert_no_finding(replace(entry, known=()), verdict)


def test_at_least_40_targets_cover_every_operation_and_dtype():
    assert len({entry.target for entry in SUBJECTS}) >= 40
    assert len({entry.name for entry in SUBJECTS}) == len(SUBJECTS)
    assert {entry.op for entry in SUBJECTS} == set(OPERATIONS)
    assert {dtype for entry in SUBJECTS for dtype in entry.dtypes} >= {*BITS, "int8", "int16", "int32", "int64"}
