"""What a subject can see and reach of the audit: not its memory, and little that tells it from a user's program."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from audit.brief import HURRIED
from conv_oracle.auditing import audit

SUBJECTS = Path(__file__).with_name("prying_subjects.py")
LEVEL = replace(HURRIED, covering=20, one_axis=10, tails=4, large=0, layers=0, constants=0, after_invalid=2)


@pytest.fixture
def pried(tmp_path, monkeypatch):
    """What a subject wrote down in each of its processes, after an audit."""
    monkeypatch.setenv("PRIED", str(tmp_path / "pried"))
    monkeypatch.setenv("AUDIT", str(os.getpid()))

    def audited(name):
        verdict = audit(f"{SUBJECTS}:{name}", op="conv2d", level=LEVEL, jobs=1, seed=3)
        assert verdict.verdict == "conforms"
        return [json.loads(line) for line in (tmp_path / "pried").read_text().splitlines()]

    return audited


@pytest.mark.parametrize("name", ["spawns", "forks", "asks_a_server_to_fork"])
@pytest.mark.sampled(3)
def test_a_subject_may_compute_in_processes_of_its_own(name):
    verdict = audit(f"{SUBJECTS}:{name}", op="conv2d", level=LEVEL, jobs=1, seed=3)
    assert verdict.findings == ()
    assert verdict.verdict == "conforms"


def test_the_memory_of_what_is_above_a_subject_is_closed_to_it(pried):
    for seen in pried("reads_memory"):
        assert len(seen["ways"]) == 3
        assert all(ways == [] for ways in seen["ways"].values())
        assert "/proc/PID/mem: read" in seen["itself"], "the ways are open where they are allowed"


def test_nothing_that_a_subject_is_given_names_the_audit(pried):
    every = pried("looks_around")
    names = []
    for seen in every:
        assert seen["words"][0].rstrip("\0").split("\0") == [sys.executable, "-"]
        assert {words.rstrip("\0") for words in seen["words"][1:]} == {f"{sys.executable}\0-I\0-S\0-"}
        assert seen["arguments"] == ["-"]
        assert seen["files"][0] == os.devnull
        added = seen["environment"].keys() - os.environ.keys()
        (name,) = {name for name in added if not name.endswith("_NUM_THREADS")}
        assert not {"conv", "oracle", "sandbox"} & set(name.lower().split("_"))
        names.append(name)
        assert "ndarray" in seen["base"]
    assert len(every) > 1
    assert len(set(names)) == len(names), "what is in the environment has another name in each process"
