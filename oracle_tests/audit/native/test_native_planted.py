"""One mistake in a convolution in C or C++ is found and named."""

from dataclasses import replace

import pytest

from audit.brief import HURRIED
from audit.native.registry_native import PLANTED
from conv_oracle.auditing import audit


@pytest.mark.parametrize("planted", PLANTED, ids=lambda one: f"{one.of.file}:{one.name}".replace(" ", "-"))
@pytest.mark.sampled(3)
def test_a_mistake_is_found_and_named(planted, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    verdict = audit(
        planted.written(tmp_path),
        level=replace(HURRIED, rounding=0.0),
        jobs=1,
        seed=1,
        fail_fast=True,
        **planted.of.options,
    )
    named = {one.fault: one.diagnosis.title for one in verdict.findings}
    assert {*named} & {*planted.named.split()}, named
    assert any(title.endswith(planted.said) for title in named.values())
