"""The benchmarks and proofs that no other test runs print their tables, asked for as little as they allow."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
ASKED = {
    "bench_audit": (["--count", "8", "--repeats", "1", "--dtype", "float64"], "compute the truth and compare"),
    "bench_campaign": (["--subjects", "1", "--jobs", "1", "--only", "faulty"], "1 faulty"),
    "bench_reference": (["--seconds", "0.01", "--layer", "5x5", "--no-peers", "--no-memory"], "geometric mean"),
    "bench_truth": (["--seconds", "0.01", "--only", "3x3, n 576 float32 normal"], "3.8e+07"),
    "prove_adapters": (["scipy=", "--only", "conv1d", "--seconds", "0.2"], "| conv1d |"),
    "prove_rounding": (["--part", "right", "--right", "2", "--jobs", "1"], "0 false alarms"),
}
"""By script: its options, and what only the last of its work prints."""


@pytest.mark.parametrize("script", sorted(ASKED))
@pytest.mark.sampled(4)
def test_a_script_prints_its_table(script):
    options, printed = ASKED[script]
    command = [sys.executable, SCRIPTS / f"{script}.py", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    assert printed in done.stdout, done.stdout + done.stderr
