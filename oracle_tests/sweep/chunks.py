"""The sweep beyond the suite: random problems in chunks, each a piece of work of a campaign.

A chunk follows from the seed and its number alone: on any machine, in any order, it is the same problems.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any

import numpy as np

from conv_oracle.operation import FAMILIES
from conv_oracle.truth import fast, gemm, small
from sweep.check import check_problems
from sweep.drawn import drawn_problems
from sweep.tally import Tally

DTYPES = ("float64", "float32", "float64", "complex128", "float32", "complex64")
LARGE_EVERY = 4
"""In one chunk of so many the fast form is told to treat every problem as a large one."""


def checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """The tally of a chunk as {'document': tally}, or {'why': text} where an answer differs from PyTorch's.

    given: 'seed', 'number' of the chunk and its 'size', the number of problems.
    """
    seed, number, tally = given["seed"], given["number"], Tally()
    family, dtype = FAMILIES[number % len(FAMILIES)], DTYPES[number // len(FAMILIES) % len(DTYPES)]
    random = np.random.default_rng([seed, number])
    problems = islice(drawn_problems(random, family, dtype), given["size"])
    try:
        with warnings.catch_warnings(), _as_large(number % LARGE_EVERY == LARGE_EVERY - 1):
            warnings.filterwarnings("ignore", "Using padding='same' with even kernel lengths", UserWarning)
            check_problems(problems, fast, seed=seed, tally=tally)
    except AssertionError as error:
        return {"why": f"chunk {number}: {error}"}
    return {"document": tally.as_json()}


@contextmanager
def _as_large(wanted: bool) -> Iterator[None]:
    """A context in which the fast form works in small blocks, if wanted."""
    before = small.LARGEST, gemm.BLOCK_BYTES
    if wanted:
        small.LARGEST, gemm.BLOCK_BYTES = -1, 1 << 12
    try:
        yield
    finally:
        small.LARGEST, gemm.BLOCK_BYTES = before
