"""Faults are named on convolutions that share nothing with conv-oracle: a sample at once, all of them when slow."""

import ast

import pytest

from audit.brief import BRIEF
from audit.finding_script import run_script
from audit.foreign.registry import HERE, RIGHT, SUBJECTS
from conv_oracle.auditing import audit
from conv_oracle.faults import CATALOGUE
from conv_oracle.report import script

SAMPLE = (
    "im2col:pads_the_edge",
    "einsum:relu_fused",
    "with_scipy:numpy_convolve",
    "transposed_and_gradients:input_gradient_flipped",
    "with_torch:pads_in_the_wrong_order",
)


def name_of(subject):
    return subject.name


def assert_named(subject, level):
    limits = {"timeout": 2.0, "compile_timeout": 2.0}
    verdict = audit(subject.target, **subject.options, level=level, jobs=1, seed=1, fail_fast=True, **limits)
    assert verdict.verdict == "faulty", verdict.scope
    first = verdict.findings[0]
    assert first.fault in subject.named, (first.diagnosis.title, first.condition)


@pytest.mark.parametrize("subject", [subject for subject in SUBJECTS if subject.name in SAMPLE], ids=name_of)
@pytest.mark.sampled(2)
def test_a_quick_audit_names_the_fault_of_a_sample(subject):
    assert_named(subject, BRIEF)


@pytest.mark.slow
@pytest.mark.parametrize("subject", SUBJECTS, ids=name_of)
def test_a_standard_audit_names_every_fault(subject):
    assert_named(subject, "standard")


@pytest.mark.slow
@pytest.mark.parametrize("subject", RIGHT, ids=name_of)
def test_foreign_convolutions_without_a_mistake_conform(subject):
    verdict = audit(subject.target, **subject.options, level=BRIEF, jobs=1, timeout=2.0, compile_timeout=2.0, seed=1)
    assert verdict.verdict == "conforms", verdict.findings


def test_at_least_40_subjects_expect_faults_of_the_catalogue():
    names = [subject.name for subject in SUBJECTS]
    assert len(set(names)) == len(names) >= 40
    assert set(SAMPLE) <= set(names)
    assert all(subject.named and subject.named <= set(CATALOGUE) for subject in SUBJECTS)


def test_the_script_of_a_wrong_value_that_shrinks_to_a_wrong_shape_fails(tmp_path):
    """Without its padding an answer has no index in common with the right one."""
    subject = next(subject for subject in SUBJECTS if subject.name == "im2col:padding_ignored")
    verdict = audit(subject.target, **subject.options, level=BRIEF, jobs=1, timeout=2.0, compile_timeout=2.0, seed=1)
    assert "AssertionError" in run_script(script(verdict.findings[0], verdict), tmp_path).stderr


@pytest.mark.parametrize("module", sorted({subject.name.partition(":")[0] for subject in SUBJECTS}))
def test_a_foreign_module_imports_nothing_of_conv_oracle(module):
    text = (HERE / f"{module}.py").read_text()
    assert "conv_oracle" not in text
    imported = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import | ast.ImportFrom)]
    known = {"ctypes", "subprocess", "tempfile", "pathlib", "numpy", "scipy", "torch"}
    for node in imported:
        whole = [node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
        assert {name.partition(".")[0] for name in whole} <= known
