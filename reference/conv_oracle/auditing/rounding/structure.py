"""In which order a sum is made, read off the answers (FPRev, arXiv 2411.00442): information, and never a failure.

Two terms are a huge number and its opposite, at places i and j, all others are ones. What is added to the huge number
before its opposite comes is lost. So the answer counts the terms outside the smallest partial sum that holds both, and
the answers for all pairs tell the tree. The order depends on the shape: this is that of one short sum.

A compensated sum (Kahan) loses what is this small as well, and looks sequential. So the same is asked with a number of
only two bits more than a sum has: a plain sum then loses ones one by one, and a compensated one gathers them until they
count.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from conv_oracle.auditing.operands import DTYPES
from conv_oracle.auditing.rounding.carriers import Pass
from conv_oracle.auditing.rounding.data import operands
from conv_oracle.passes import Array

TERMS = 16
"""Of the sum whose order is read."""

PAIRS = tuple(combinations(range(TERMS), 2))
ONE = {"float16": 2.0**-14}
"""What stands for 1 in a format of few exponents."""

HUGE = {"float16": 2.0**15, "float64": 2.0**60}
"""A number beside which ones are lost; 2^30 in other formats."""

LANES = (2, 4, 8)
"""Partial sums that are made side by side, as in the lanes of a vector."""


@dataclass(frozen=True)
class Tree:
    """An order of summation.

    said: it in words. holding: how many terms are in the smallest partial sum that holds two places.
    one_by_one: whether each term is added to the sum of all before, so that a sum can be compensated.
    backward: whether the last term is the first.
    """

    said: str
    holding: Callable[[int, int], int]
    one_by_one: bool = False
    backward: bool = False


TREES = (
    Tree("sequential", lambda _, j: j + 1, one_by_one=True),
    Tree("sequential, from the end", lambda i, _: TERMS - i, one_by_one=True, backward=True),
    Tree("pairwise", lambda i, j: 1 << (i ^ j).bit_length()),
)


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
    for tree in TREES:
        if all(held[number] == tree.holding(i, j) for number, (i, j) in enumerate(PAIRS)):
            return f"sums are {tree.said}" + ", compensated" * (tree.one_by_one and _gathers(of, near, tree.backward))
    for lanes in LANES:
        inside = [held[n] for n, (i, j) in enumerate(PAIRS) if i % lanes == j % lanes]
        across = [held[n] for n, (i, j) in enumerate(PAIRS) if i % lanes != j % lanes]
        if max(inside) <= TERMS // lanes < min(across):
            return f"sums are made in {lanes} lanes"
    return "sums are made in another order"


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
