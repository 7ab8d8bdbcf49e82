"""Every planted fault is found: a sample here, all of them as slow tests, or by `scripts/prove_audit.py`."""

import numpy as np
import pytest

from audit.brief import BRIEF
from audit.planted.maps import EDITS, STYLES, TRIGGERS, passes
from audit.planted.registry import MAPS, PLANTS
from conv_oracle.auditing import OPERATIONS, audit
from conv_oracle.auditing.problems import problems
from conv_oracle.errors import TargetError
from conv_oracle.operation import operation
from conv_oracle.truth import fast

SAMPLE = (
    "maps:conv2d__flip_last__always__gather",
    "maps:conv_transpose2d__origin_late__even_kernel__columns",
    "maps:conv1d_weight__last_channel_dropped__even_kernel__gather",
    "maps:conv1d_input__group_offset__always__gather",
)


HURRY = {"fail_fast": True, "timeout": 2.0, "compile_timeout": 2.0}


def plant_named(name):
    return next(plant for plant in PLANTS if plant.name == name)


@pytest.mark.parametrize("op", OPERATIONS)
@pytest.mark.parametrize("style", STYLES)
def test_every_style_computes_the_truth_by_the_right_map(op, style):
    listed = problems(operation(op), BRIEF)
    rng = np.random.default_rng(5)
    for problem in listed[:: len(listed) // 12]:
        if problem.multiply_adds > 50_000:
            continue
        values = {name: rng.integers(-9, 10, shape).astype(float) for name, shape in problem.operand_shapes.items()}
        assert np.array_equal(problem.compute(passes("right", "always", style), values), problem.compute(fast, values))


@pytest.mark.parametrize("name", SAMPLE)
def test_a_planted_fault_is_found(name):
    plant = plant_named(name)
    verdict = audit(
        plant.target, **plant.options, level=BRIEF, seed=1, fail_fast=True, timeout=2.0, compile_timeout=2.0
    )
    assert verdict.verdict == "faulty"


@pytest.mark.slow
@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.name)
def test_a_standard_audit_finds_every_planted_fault(plant):
    verdict = audit(
        plant.target,
        **plant.options,
        level="standard",
        jobs=1,
        seed=1,
        fail_fast=True,
        timeout=2.0,
        compile_timeout=2.0,
    )
    assert verdict.verdict == "faulty", verdict.scope


def test_at_least_150_plants_cover_every_operation_edit_trigger_and_style():
    assert len(PLANTS) >= 150
    assert len({plant.name for plant in PLANTS}) == len(PLANTS)
    assert sum(plant.narrow for plant in PLANTS) >= 25
    assert {plant.op for plant in PLANTS} == set(OPERATIONS)
    parts = [plant.name.split("__") for plant in PLANTS if plant.name.startswith("maps:")]
    assert {part[1] for part in parts} == set(EDITS) - {"right"}
    assert {part[2] for part in parts} == set(TRIGGERS)
    assert {part[3] for part in parts} == set(STYLES)


def test_a_name_with_an_unknown_edit_is_refused():
    with pytest.raises(TargetError, match="flip_upwards"):
        audit(f"{MAPS}:conv2d__flip_upwards__always__gather", level=BRIEF)
