"""The shortest comparison that is true exactly where a column of truths is: where a departure shows."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from conv_oracle.auditing.reading.expressions import MOST_ROWS, NO_NUMBER, REMAINDER, SUM, Bank, Columns, Expression
from conv_oracle.passes import Array

COMPARED: tuple[tuple[str, Callable[[Array, Array], Array]], ...] = (
    ("=", np.equal),
    (">=", np.greater_equal),
    ("<", np.less),
    ("!=", np.not_equal),
)
MOST_TRIED, MOST_JOINED, MOST_RIGHT = 40, 120, 300


@dataclass(frozen=True)
class Comparison:
    """A statement on index variables and parameters. said: as text; on: its truth on columns; cost: its length."""

    said: str
    on: Callable[[Columns], Array] = field(compare=False, repr=False)
    cost: float = 1.0


def telling(
    labels: Array, variables: Columns, parameters: Columns, constants: Iterable[int] = (), end: float = math.inf
) -> Comparison | None:
    """The shortest comparison, or two together, of a variable with an expression; None where none tells by `end`.

    labels: where it must be true. variables: of which one stands on the left; parameters: what else may stand right.
    """
    labels = np.asarray(labels, bool)
    if labels.all() or not labels.any():
        return None
    bank = Bank.of({**variables, **parameters}, constants, _balanced(labels))
    for search in (_short, _longer):
        if time.monotonic() > end:
            break
        tried = sorted(search(bank, variables, labels), key=lambda one: (one.cost, len(one.said)))[:MOST_TRIED]
        for one in tried:
            if np.array_equal(one.on(bank.columns), labels):
                return one
    return None


def _balanced(labels: Array) -> Array:
    """As many rows that are true as rows that are not."""
    rng = np.random.default_rng(len(labels))
    true, false = (rng.permutation(np.flatnonzero(labels == value)) for value in (True, False))
    half = MOST_ROWS // 2
    most_true = max(half, MOST_ROWS - len(false))
    kept = np.concatenate([true[:most_true], false[: max(half, MOST_ROWS - len(true))]])
    return np.asarray(rng.permutation(kept))


def _left(bank: Bank, variables: Columns) -> tuple[list[Expression], Array]:
    """The variables and pairs with one, and their values on the bank's rows."""
    places = [place for place, leaf in enumerate(bank.leaves) if leaf.said in variables]
    return [bank.leaves[place] for place in places], bank.of_one[places]


def _short(bank: Bank, variables: Columns, labels: Array) -> Iterator[Comparison]:
    """A variable with what has up to two leaves, or a pair with one leaf."""
    wanted = labels[bank.rows]
    left, values = _left(bank, variables)
    for others, right in ((bank.leaves, bank.of_one), (bank.pairs, bank.of_two)):
        yield from _compared(left, values, others, right, wanted)
    mixed = [place for place, pair in enumerate(bank.pairs) if any(name in pair.said for name in variables)]
    yield from _compared([bank.pairs[place] for place in mixed], bank.of_two[mixed], bank.leaves, bank.of_one, wanted)


def _longer(bank: Bank, variables: Columns, labels: Array) -> Iterator[Comparison]:
    """A comparison with three leaves on its right, or two together."""
    yield from _joined(bank, variables, labels)
    yield from _long(bank, variables, labels)


def _long(bank: Bank, variables: Columns, labels: Array) -> Iterator[Comparison]:
    """A variable with what has three leaves."""
    wanted = labels[bank.rows]
    left, values = _left(bank, variables)
    for operation, second in bank.shapes_of_three:
        threes = bank.threes(operation, second=second)
        there = (threes != NO_NUMBER).all(axis=-1)
        for one, row in zip(left, values, strict=True):
            for said, compare in COMPARED[:3]:
                alike = (compare(row, threes) == wanted).all(axis=-1) & there
                for pair, leaf in np.argwhere(alike)[:MOST_TRIED]:
                    right = bank.three(operation, pair, leaf, second=second)
                    if one.said not in right.said:
                        yield _of(one, said, compare, right)


def _compared(
    left: list[Expression], values: Array, others: tuple[Expression, ...], right: Array, wanted: Array
) -> Iterator[Comparison]:
    if not left or not others:
        return
    for said, compare in COMPARED:
        alike = (compare(values[:, None], right[None]) == wanted).all(axis=-1)
        for a, b in np.argwhere(alike):
            if left[a].said not in others[b].said:
                yield _of(left[a], said, compare, others[b])


def _joined(bank: Bank, variables: Columns, labels: Array) -> Iterator[Comparison]:
    """Two short comparisons that are true together, or of which one is."""
    for wanted, together in ((labels, _both), (~labels, _either)):
        parts = list(_true_where(bank, variables, wanted))[:MOST_JOINED]
        for one, two in combinations(parts, 2):
            truth = one[1] & two[1]
            if np.array_equal(truth[bank.rows], wanted[bank.rows]) and np.array_equal(truth, wanted):
                yield together(one[0], two[0])


def _true_where(bank: Bank, variables: Columns, wanted: Array) -> Iterator[tuple[Comparison, Array]]:
    """Short comparisons that are true wherever they must be, those that are true least elsewhere first."""
    found = []
    left = [*(one for one in bank.leaves if not one.said.isdigit()), *_rests(bank, variables)]
    on = wanted[bank.rows]
    values = np.stack([one.on(bank.columns)[bank.rows] for one in left])
    for others, right in ((bank.leaves, bank.of_one), (bank.pairs[:MOST_RIGHT], bank.of_two[:MOST_RIGHT])):
        for said, compare in COMPARED:
            truths = compare(values[:, None], right[None])
            for a, b in np.argwhere(truths[..., on].all(axis=-1) & ~truths.all(axis=-1)):
                if left[a].said not in others[b].said:
                    found.append((int(truths[a, b].sum()), _of(left[a], said, compare, others[b])))
    found.sort(key=lambda pair: (pair[0], pair[1].cost))
    for _, one in found[: 3 * MOST_JOINED]:
        truth = one.on(bank.columns)
        if truth[wanted].all():
            yield one, truth


def _rests(bank: Bank, variables: Columns) -> Iterator[Expression]:
    """The remainders of variables by constants of 2 and more."""
    for one in bank.leaves:
        for two in bank.leaves:
            if one.said in variables and two.said.isdigit() and two.said not in ("0", "1"):
                yield REMAINDER.joined(one, two)


def _of(left: Expression, said: str, compare: Callable[[Array, Array], Array], right: Expression) -> Comparison:
    text = f"{left.within(SUM)} {said} {right.said}"
    cost = left.cost + right.cost + 0.2 * (said == "!=")
    return Comparison(text, lambda known: compare(left.on(known), right.on(known)), cost)


def _both(one: Comparison, two: Comparison) -> Comparison:
    return Comparison(f"{one.said} and {two.said}", lambda k: one.on(k) & two.on(k), one.cost + two.cost)


def _either(one: Comparison, two: Comparison) -> Comparison:
    """Of two that are true together where it is not, the opposite."""
    said = " or ".join(_opposite(part.said) for part in (one, two))
    return Comparison(said, lambda k: ~(one.on(k) & two.on(k)), one.cost + two.cost)


def _opposite(said: str) -> str:
    """`a < b` of `a >= b`, and so on."""
    for mark, other in ((" >= ", " < "), (" != ", " = "), (" < ", " >= "), (" = ", " != ")):
        if mark in said:
            return said.replace(mark, other, 1)
    return said
