"""The sweep beyond the suite: chunks that follow from their number, tallies that add up, a difference that is told."""

import sqlite3
import subprocess
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from conv_oracle.operation import FAMILIES
from conv_oracle.passes import Passes
from conv_oracle.truth import gemm, small
from sweep import chunks
from sweep.chunk_keys import key_of
from sweep.drawn import MOST_MULTIPLY_ADDS, drawn_problems
from sweep.tally import Tally

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("family", FAMILIES)
def test_problems_follow_from_the_seed_and_show_every_parameter(family):
    drawn = [[*islice(drawn_problems(np.random.default_rng([3, 5]), family, "float64"), 400)] for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert max(problem.multiply_adds for problem in drawn[0]) <= MOST_MULTIPLY_ADDS
    tally = Tally()
    for problem in drawn[0]:
        tally.problem(problem, 1, double=False)
    rows = {row for _, row, _ in tally.as_json()["counts"]}
    wanted = {
        "stride > 1",
        "dilation > 1",
        "padding",
        "asymmetric padding",
        "groups",
        "no bias",
        "batch 0",
        "unbatched",
    }
    other = {"output_padding"} if family == "conv_transpose" else {"reflect", "replicate", "circular", "'same'"}
    assert wanted | other <= rows


def test_a_chunk_is_the_same_problems_wherever_it_is_done():
    before = small.LARGEST, gemm.BLOCK_BYTES
    given = {"seed": 3, "number": 3, "size": 40}
    first, again = chunks.checked(given), chunks.checked(given)
    assert first == again
    assert sum(n for _, row, n in first["document"]["counts"] if row == "problems") == 40
    assert before == (small.LARGEST, gemm.BLOCK_BYTES)
    assert chunks.checked({**given, "number": 7}) != first
    keys = {key_of(3, 3, 40), key_of(3, 4, 40), key_of(4, 3, 40), key_of(3, 3, 41)}
    assert len(keys) == 4


def test_a_reference_that_is_wrong_is_told_with_how_to_repeat_it(monkeypatch):
    right = chunks.fast
    wrong = Passes(lambda x, w, g: right.to_output(x, w, g) + 1, right.to_input, right.to_weight)
    monkeypatch.setattr(chunks, "fast", wrong)
    said = chunks.checked({"seed": 3, "number": 0, "size": 5})["why"]
    assert said.startswith("chunk 0: conv")
    assert "--problem 'conv" in said


def test_the_script_continues_and_prints_the_table(tmp_path):
    path = tmp_path / "sweep.sqlite"
    command = [sys.executable, ROOT / "scripts" / "sweep_further.py", "--problems", "8", "--chunk", "4", "--into", path]
    first = subprocess.run([*command, "--jobs", "1"], capture_output=True, text=True, check=False)
    assert first.returncode == 0, first.stderr
    assert "8 problems and " in first.stdout
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM results").fetchone() == (2,)
        connection.execute("DELETE FROM results WHERE key = (SELECT min(key) FROM results)")
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (again.returncode, again.stdout) == (0, first.stdout)
