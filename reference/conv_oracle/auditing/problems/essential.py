"""The essential problems: few and small, and together they show nearly every known fault of values.

Only what answers all of them rightly can conform. scripts/choose_essential.py chooses them by a set cover over the
catalogue and the planted programs, and writes essential.txt; the most revealing come first.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from conv_oracle.operation import Operation
from conv_oracle.problem import Problem, parse

ESSENTIAL_FILE = Path(__file__).with_name("essential.txt")
MOST_ESSENTIAL = 40


@lru_cache
def essential(op: Operation) -> tuple[Problem, ...]:
    """The essential problems of an operation, in float64, the most revealing first."""
    lines = ESSENTIAL_FILE.read_text(encoding="utf-8").splitlines()
    return tuple(parse(line) for line in lines if line.split()[0] == op.name)
