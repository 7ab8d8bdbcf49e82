"""The suite is worth what it catches: every planted fault is killed by its named part, and every part kills one."""

import time

import pytest

from conv_oracle.formulas import definition
from conv_oracle.truth import fast
from sweep.mutants import MUTANTS
from sweep.parts import PARTS

LONGEST = 10.0
"""Seconds that a part may take to kill a fault."""


@pytest.mark.parametrize("part", PARTS)
def test_part_passes_on_the_reference(part):
    PARTS[part](fast)
    if not part.startswith("torch"):
        PARTS[part](definition)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.name} <- {mutant.killer}")
def test_mutant_is_killed(mutant):
    start = time.perf_counter()
    with pytest.raises(AssertionError):
        PARTS[mutant.killer](mutant.passes)
    assert time.perf_counter() - start < LONGEST


def test_every_part_kills_a_mutant():
    assert {mutant.killer for mutant in MUTANTS} == set(PARTS)


def test_enough_mutants_each_of_its_own_name():
    names = [mutant.name for mutant in MUTANTS]
    assert len(names) == len(set(names)) >= 40
