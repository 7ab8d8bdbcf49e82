"""Campaigns for tests: small jobs of the shipped examples, each a fraction of a second of work."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import conv_oracle
from conv_oracle.campaign import Work

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "scripts" / "example"
WORKS = f"{Path(__file__).parent}/works"
PROBLEM = "conv2d x1x1x5x6 w1x1x2x3 float64"
SMALL = {"level": "quick", "seconds": 0.3, "fail_fast": True, "only": [PROBLEM]}


def subject(folder, name="faulty", said=""):
    """A copy of an example in a file of its own; its path."""
    file = Path(folder, f"{name}{said}.py")
    file.write_text((EXAMPLES / f"{name}.py").read_text() + f"\n# {said}\n")
    return file


def written(folder, *jobs):
    """A jobs file in a folder."""
    file = Path(folder, "jobs.jsonl")
    file.write_text("".join(json.dumps(job) + "\n" for job in jobs))
    return file


def small_jobs(folder, count, **options):
    """So many jobs, faulty ones and right ones in turn, each of a subject of its own."""
    files = [subject(folder, ("faulty", "conforming")[number % 2], f"_{number}") for number in range(count)]
    return [{"target": f"{file}:conv2d", **SMALL, **options, "id": file.stem} for file in files]


def command(*words, **options):
    """The command in a process of its own."""
    return subprocess.run([*started(), *map(str, words)], capture_output=True, text=True, check=False, **options)


def started():
    return [sys.executable, "-m", "conv_oracle", "campaign"]


def environment():
    return {**os.environ, "PYTHONPATH": str(Path(conv_oracle.__file__).parents[1])}


def works(count, **given):
    return [Work(f"work-{number}", {"number": number, **given}) for number in range(count)]


def outcomes(store):
    """What is decided of each job: the verdict and the names of the faults."""
    return {row["id"]: (row["verdict"], row["faults"]) for row in store.rows()}


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
