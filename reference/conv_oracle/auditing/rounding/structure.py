"""In which order a sum is made, read off the answers (FPRev, arXiv 2411.00442): information, and never a failure.

Two terms are a huge number and its opposite, at places i and j, all others are ones. What is added to the huge number
before its opposite comes is lost. So the answer counts the terms outside the smallest partial sum that holds both, and
the answers for all pairs tell the tree. The order depends on the shape: this is that of one short sum.

A compensated sum (Kahan) loses what is this small as well, and looks sequential. So the same is asked with a number of
only two bits more than a sum has: a plain sum then loses ones one by one, and a compensated one gathers them until they
count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import combinations

import numpy as np

from conv_oracle.auditing.operands import DTYPES
from conv_oracle.auditing.rounding.carriers import Pass
from conv_oracle.auditing.rounding.data import operands
from conv_oracle.passes import Array

TERMS = 16
PAIRS = tuple(combinations(range(TERMS), 2))
ONE = {"float16": 2.0**-14}
HUGE = {"float16": 2.0**15, "float64": 2.0**60}
LANES = (2, 4, 8)


def pairs(of: Pass) -> Mapping[str, Array]:
    """Operands with one row per pair of places; `of` sums so many terms into so many channels."""
    return _pairs(of, HUGE.get(of.component, 2.0**30))


def near_pairs(of: Pass) -> Mapping[str, Array]:
    """The same with a number that is less huge."""
    return _pairs(of, ONE.get(of.component, 1.0) * 2.0 ** (of.bits + 2))


def _pairs(of: Pass, huge: float) -> Mapping[str, Array]:
    one = ONE.get(of.component, 1.0)
    rows = np.full((len(PAIRS), TERMS), one)
    for row, (i, j) in zip(rows, PAIRS, strict=True):
        row[i], row[j] = huge, -huge
    ones = np.ones(of.shapes[of.other])
    return operands(of, rows, ones, np.random.default_rng(0), biased=False)


def order(of: Pass, got: Array, near: Array) -> str:
    """The order of summation in words, from the answers to `pairs` and to `near_pairs`."""
    one = ONE.get(of.component, 1.0)
    held = TERMS - np.rint(_by_pair(of, got) / one)
    if (held == 2).all():
        return "sums lose nothing: wide, or as good"
    for said, size in _trees():
        if all(held[number] == size(i, j) for number, (i, j) in enumerate(PAIRS)):
            return f"sums are {said}" + ", compensated" * (said in BACKWARD and _gathers(of, near, BACKWARD[said]))
    for lanes in LANES:
        inside = [held[n] for n, (i, j) in enumerate(PAIRS) if i % lanes == j % lanes]
        across = [held[n] for n, (i, j) in enumerate(PAIRS) if i % lanes != j % lanes]
        if max(inside) <= TERMS // lanes < min(across):
            return f"sums are made in {lanes} lanes"
    return "sums are made in another order"


BACKWARD = {"sequential": False, "sequential, from the end": True}


def _gathers(of: Pass, near: Array, backward: bool) -> bool:
    """Whether what is lost beside a number that is less huge is less than a plain sum would lose."""
    one, terms = ONE.get(of.component, 1.0), of.rows(near_pairs(of)[of.carrier]).real
    form = np.float32 if of.bits < DTYPES["float64"].bits else np.float64
    plain = np.zeros(len(terms), form)
    for term in (terms[:, ::-1] if backward else terms).T:
        plain = plain + term.astype(form)
    lost, usual = ((TERMS - 2) * one - sums.astype(np.float64) for sums in (_by_pair(of, near), plain))
    return bool(np.abs(lost).sum() < np.abs(usual).sum() / 2)


def _by_pair(of: Pass, got: Array) -> Array:
    """One answer for each row."""
    rows: Array = got.reshape(len(PAIRS), -1)[:, 0] if of.part == "grad_weight" else got.reshape(-1, len(PAIRS))[0]
    return rows.real


def _trees() -> Iterator[tuple[str, Callable[[int, int], int]]]:
    """What a tree is called, and how many terms are in the smallest partial sum of it that holds both places."""
    yield "sequential", lambda _, j: j + 1
    yield "sequential, from the end", lambda i, _: TERMS - i
    yield "pairwise", lambda i, j: 1 << (i ^ j).bit_length()
