"""Under what key a chunk's tally is kept, without importing what computes it."""

from __future__ import annotations

import functools
import hashlib
from importlib.metadata import version
from pathlib import Path

import conv_oracle

HERE = Path(__file__).parent
SOURCES = (*sorted(HERE.glob("*.py")), *sorted(Path(conv_oracle.__file__).parent.rglob("*.py")))


def key_of(seed: int, number: int, size: int) -> str:
    """The key of a chunk's tally: it changes with the reference, the sweep and the versions of NumPy and PyTorch."""
    return f"sweep-{hashlib.sha256(f'{_sources()} {seed} {number} {size}'.encode()).hexdigest()}"


@functools.cache
def _sources() -> str:
    """The digest of what a chunk runs."""
    whole = hashlib.sha256(f"{version('numpy')} {version('torch')}".encode())
    for path in SOURCES:
        whole.update(path.read_bytes())
    return whole.hexdigest()
