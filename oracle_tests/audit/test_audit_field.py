"""The audit on libraries as they are: what conforms, and what it finds by itself in one that does not."""

from pathlib import Path

import pytest

from audit.brief import BRIEF
from conv_oracle.auditing import audit

SLOW = pytest.mark.slow
FIELD = Path(__file__).parents[2] / "scripts" / "field"


@SLOW
@pytest.mark.parametrize("op", ["conv1d", "conv2d", "conv_transpose2d"])
def test_scipy_conforms_within_its_scope(op):
    verdict = audit(f"{FIELD}/with_scipy.py:{op}", level=BRIEF)
    assert verdict.findings == ()
    assert verdict.verdict == "conforms"
    assert any("SciPy pads for full, same or valid" in line for line in verdict.scope.narrowed)


@SLOW
def test_scipy_has_a_second_correlation():
    assert audit(f"{FIELD}/with_scipy.py:conv2d_correlate2d", level=BRIEF).verdict == "conforms"


def test_conv_of_the_onnx_reference_multiplies_infinity_by_zeros_of_its_own():
    """Its kernel is stuffed with zeros for a dilation, so that 0 * Inf appears; all other numbers are right."""
    verdict = audit(f"{FIELD}/with_onnx.py:conv2d", level=BRIEF)
    (finding,) = verdict.findings
    assert finding.kind == "special-value"
    assert finding.fault == "reads-outside-support"


def test_conv_transpose_of_the_onnx_reference_is_faulty_where_it_is_grouped():
    verdict = audit(f"{FIELD}/with_onnx.py:conv_transpose2d", level=BRIEF)
    found = {finding.kind: finding for finding in reversed(verdict.findings)}
    assert verdict.verdict == "faulty"
    assert "every group gets the first group's" in found["wrong-value"].diagnosis.title
    raised = [f.evidence.text for f in verdict.findings if f.kind == "raised" and "groups > 1" in f.condition]
    assert any("cannot reshape array" in text for text in raised)
