"""Planted faults that are no edit of the index map: a sample is found at once, all of them by a standard audit."""

import pytest

from audit.brief import BRIEF
from audit.planted.hand_written import EDGES, GRADIENTS, LAYERS, LAYOUTS, PLANTS, SIZES, STATES, VALUES
from audit.planted.plant import HERE
from conv_oracle.auditing import OPERATIONS, audit

SAMPLE = (
    "states:conv2d_input__cotangent_is_masked",
    "layouts:conv_transpose2d__wants_to_write_its_weight",
    "values:conv_transpose1d__absolute_input",
    "values:conv1d_weight__conjugate_of_the_wrong_one",
    "edges:conv_transpose1d__output_padding_is_zero",
)


def name_of(plant):
    return plant.name


def audited(plant, level):
    limits = {"timeout": 2.0, "compile_timeout": 2.0}
    return audit(plant.target, **plant.options, level=level, jobs=1, seed=1, fail_fast=True, **limits)


@pytest.mark.parametrize("plant", [plant for plant in PLANTS if plant.name in SAMPLE], ids=name_of)
@pytest.mark.sampled(2)
def test_a_quick_audit_finds_a_plant_of_the_sample(plant):
    assert audited(plant, BRIEF).verdict == "faulty"


@pytest.mark.slow
@pytest.mark.parametrize("plant", PLANTS, ids=name_of)
def test_a_standard_audit_finds_every_plant(plant):
    verdict = audited(plant, "standard")
    assert verdict.verdict == "faulty", verdict.scope


@pytest.mark.slow
@pytest.mark.parametrize("dimensions", [1, 2])
def test_the_module_of_gradient_plants_conforms_without_a_fault(dimensions):
    verdict = audit(
        f"{HERE / 'gradients.py'}:conv{dimensions}d__right",
        arrays="torch",
        dtypes=("float64",),
        gradients=True,
        level=BRIEF,
        timeout=2.0,
        compile_timeout=2.0,
        seed=1,
    )
    assert verdict.verdict == "conforms"
    assert not any("double backward" in line for line in verdict.scope.narrowed)


def test_each_family_has_at_least_14_plants_and_names_are_unique():
    names = [plant.name for plant in PLANTS]
    assert len(set(names)) == len(names) >= 70
    assert set(SAMPLE) <= set(names)
    assert sum(plant.narrow for plant in PLANTS) >= 25
    assert {plant.op for plant in PLANTS} == set(OPERATIONS)
    assert min(map(len, (STATES, LAYOUTS, VALUES, EDGES, SIZES, LAYERS, GRADIENTS))) >= 14
