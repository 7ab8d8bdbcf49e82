"""The shortest expression of some variables that gives a column of numbers.

Expressions are built from short to long: sums, differences, products, floor quotients, remainders, minima and maxima.
Every one is known by its values on a few rows, so that what gives the same numbers is kept once, in its shortest form.
Those values are condensed to one number by a random linear map: whether the sum of two long expressions gives the
column is then a question to a sorted list.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from conv_oracle.passes import Array

MOST_ROWS, FIRST_ROWS = 24, 6
"""The rows by which expressions are known, and those by which most are ruled out; what remains is tried on all."""

MOST_PAIRS, MOST_JOINED, MOST_TRIED = 2500, 800, 60
"""How many expressions of two leaves are known, and how many of them longer ones are made of; of what is tried."""

NO_NUMBER = -(1 << 50)
"""The value of a division by what is not positive."""

SUM, TERM, ATOM = 1, 2, 3
"""How tightly an expression binds."""

Columns = Mapping[str, Array]


@dataclass(frozen=True)
class Expression:
    """An expression. said: as text; on: its values on columns; tight: how it binds; cost: what it asks of a reader."""

    said: str
    on: Callable[[Columns], Array] = field(compare=False, repr=False)
    tight: int = ATOM
    cost: float = 1.0

    @property
    def leaves(self) -> int:
        """How many variables and constants it is made of."""
        return len(re.findall(r"\w+(?:\[\d+\])?", self.said.replace("min(", "(").replace("max(", "(")))

    def within(self, tight: int) -> str:
        """The text, in brackets where it binds less than `tight`."""
        return self.said if self.tight >= tight else f"({self.said})"


@dataclass(frozen=True)
class Operation:
    """A way to make an expression of two. commutes, divides: what is known of it."""

    said: str
    of: Callable[[Array, Array], Array]
    tight: int
    cost: float
    commutes: bool = False
    divides: bool = False

    def __call__(self, a: Array, b: Array) -> Array:
        """The values; NO_NUMBER in all rows of what divides by a number that is not positive."""
        if not self.divides:
            return self.of(a, b)
        found = self.of(a, np.where(b > 0, b, 1))
        return np.where((b > 0).all(axis=-1, keepdims=True), found, NO_NUMBER)

    def joined(self, a: Expression, b: Expression) -> Expression:
        """The expression of two; of two constants, their value."""
        tight = self.tight
        both = [int(one.said) for one in (a, b) if one.said.isdigit()]
        if len(both) == 2 and (value := int(self(*np.array(both)[:, None])[0])) >= 0:
            said, tight = f"{value}", ATOM
        elif self.tight == ATOM:
            said = f"{self.said}({a.said}, {b.said})"
        else:
            between = self.said if self.said == "*" else f" {self.said} "
            said = f"{a.within(self.tight)}{between}{b.within(self.tight + (self.said not in ('+', '*')))}"
        return Expression(said, lambda known: self(a.on(known), b.on(known)), tight, a.cost + b.cost + self.cost)


PLUS, MINUS = Operation("+", np.add, SUM, 0.0, commutes=True), Operation("-", np.subtract, SUM, 0.0)
REMAINDER = Operation("%", np.mod, TERM, 0.2, divides=True)
OPERATIONS = (
    PLUS,
    MINUS,
    Operation("*", np.multiply, TERM, 0.1, commutes=True),
    Operation("//", np.floor_divide, TERM, 0.2, divides=True),
    REMAINDER,
    Operation("min", np.minimum, ATOM, 0.3, commutes=True),
    Operation("max", np.maximum, ATOM, 0.3, commutes=True),
)


@dataclass(frozen=True)
class Bank:
    """Expressions over rows. columns: the leaves on all rows; rows: those by which expressions are known."""

    columns: Columns
    rows: Array
    leaves: tuple[Expression, ...]

    @classmethod
    def of(cls, variables: Columns, constants: Iterable[int] = (), rows: Array | None = None) -> Bank:
        """The bank of variables, by the names under which they are said, and of constants.

        rows: those by which expressions are known; by default they are drawn.
        """
        columns = {name: np.asarray(values, np.int64) for name, values in variables.items()}
        count = len(next(iter(columns.values())))
        columns |= {str(value): np.full(count, value, np.int64) for value in dict.fromkeys(constants)}
        if rows is None:
            rows = _telling([*columns.values()])
        leaves = [_leaf(name, _cost(name, values, name in variables)) for name, values in columns.items()]
        return cls(columns, rows, tuple(leaves))

    @cached_property
    def of_one(self) -> Array:
        """(leaves, rows) of values."""
        return np.stack([self.columns[leaf.said][self.rows] for leaf in self.leaves])

    @cached_property
    def _pairs(self) -> tuple[tuple[Expression, ...], Array]:
        known = {values.tobytes() for values in self.of_one}
        found: dict[bytes, tuple[Expression, Array]] = {}
        for operation in OPERATIONS:
            values = operation(self.of_one[:, None], self.of_one[None])
            for a, one in enumerate(self.leaves):
                for b, two in enumerate(self.leaves):
                    key = values[a, b].tobytes()
                    if key in known or values[a, b, 0] == NO_NUMBER or (operation.commutes and b < a):
                        continue
                    made = operation.joined(one, two)
                    if key not in found or made.cost < found[key][0].cost:
                        found[key] = made, values[a, b]
        kept = sorted(found.values(), key=lambda pair: pair[0].cost)[:MOST_PAIRS]
        values = np.stack([values for _, values in kept]) if kept else np.zeros((0, len(self.rows)), np.int64)
        return tuple(one for one, _ in kept), values

    @property
    def pairs(self) -> tuple[Expression, ...]:
        """Expressions of two leaves."""
        return self._pairs[0]

    @property
    def of_two(self) -> Array:
        """(pairs, rows) of values."""
        return self._pairs[1]

    @property
    def shapes_of_three(self) -> Iterator[tuple[Operation, bool]]:
        """(operation, whether the pair comes second) of expressions of three leaves."""
        for operation in OPERATIONS:
            yield operation, False
            if not operation.commutes:
                yield operation, True

    def threes(self, operation: Operation, *, second: bool, rows: slice = slice(None)) -> Array:
        """(pairs, leaves, rows) of values."""
        two, one = self.of_two[:MOST_JOINED, None, rows], self.of_one[None, :, rows]
        return operation(one, two) if second else operation(two, one)

    def three(self, operation: Operation, pair: int, leaf: int, *, second: bool) -> Expression:
        """One expression of three leaves."""
        two, one = self.pairs[pair], self.leaves[leaf]
        return operation.joined(one, two) if second else operation.joined(two, one)

    def giving(self, target: Array, end: float = math.inf, most: int = 6) -> Expression | None:
        """The shortest expression with these values on all rows; None where there is none, or none by `end`.

        most: the most leaves.
        """
        target = np.asarray(target, np.int64)
        wanted = target[self.rows]
        searches = {
            2: self._of_one_or_two,
            3: self._of_three,
            4: self._of_two_pairs,
            5: self._of_three_and_one,
            6: self._of_sums,
        }
        for leaves, search in searches.items():
            if leaves > most or time.monotonic() > end:
                break
            tried = sorted(search(wanted), key=lambda one: (one.cost, len(one.said)))[:MOST_TRIED]
            for one in tried:
                if np.array_equal(one.on(self.columns), target):
                    return one
        return None

    def _of_one_or_two(self, wanted: Array) -> Iterator[Expression]:
        yield from (self.leaves[place] for place in np.flatnonzero((self.of_one == wanted).all(axis=1)))
        yield from (self.pairs[place] for place in np.flatnonzero((self.of_two == wanted).all(axis=1)))

    def _of_three(self, wanted: Array) -> Iterator[Expression]:
        for operation, second in self.shapes_of_three:
            alike = (self.threes(operation, second=second) == wanted).all(axis=-1)
            for pair, leaf in np.argwhere(alike)[:MOST_TRIED]:
                yield self.three(operation, pair, leaf, second=second)

    def _of_two_pairs(self, wanted: Array) -> Iterator[Expression]:
        first = slice(FIRST_ROWS)
        for operation in OPERATIONS:
            values = operation(self.of_two[:MOST_JOINED, None, first], self.of_two[None, :MOST_JOINED, first])
            for a, b in np.argwhere((values == wanted[first]).all(axis=-1))[:MOST_TRIED]:
                if np.array_equal(operation(self.of_two[a], self.of_two[b]), wanted):
                    yield operation.joined(self.pairs[a], self.pairs[b])

    def _of_three_and_one(self, wanted: Array) -> Iterator[Expression]:
        """What is no sum: sums are found by their condensed values."""
        first = slice(FIRST_ROWS)
        for operation, second in self.shapes_of_three:
            three = self.threes(operation, second=second, rows=first)
            for number, leaf in enumerate(self.of_one):
                for outer in OPERATIONS[2:]:
                    alike = (outer(three, leaf[first]) == wanted[first]).all(axis=-1)
                    for pair, other in np.argwhere(alike)[:3]:
                        inner = self.three(operation, pair, other, second=second)
                        yield outer.joined(inner, self.leaves[number])

    def _of_sums(self, wanted: Array) -> Iterator[Expression]:
        """Sums and differences of an expression of three leaves and one of up to three."""
        keys, known = self._condensed_threes
        target = self._condensed(wanted)
        with np.errstate(over="ignore"):
            for others, name in ((self._condensed(self.of_one), "one"), (self._condensed(self.of_two), "two")):
                for operation, left, sought in self._splits(target, others):
                    for place in np.flatnonzero(np.isin(sought, keys))[:MOST_TRIED]:
                        other = self.leaves[place] if name == "one" else self.pairs[place]
                        yield self._split(operation, other, self._named(known, sought[place]), first=left)
            for operation, left, sought in self._splits(target, keys):
                for place in np.flatnonzero(np.isin(sought, keys))[:MOST_TRIED]:
                    one, two = self._named(known, keys[place]), self._named(known, sought[place])
                    yield self._split(operation, one, two, first=left)

    @staticmethod
    def _splits(target: Array, others: Array) -> Iterator[tuple[Operation, bool, Array]]:
        """(operation, whether the other stands first, what must be joined to it) to give the target."""
        yield PLUS, False, target - others
        yield MINUS, False, target + others
        yield MINUS, True, others - target

    @staticmethod
    def _split(operation: Operation, other: Expression, found: Expression, *, first: bool) -> Expression:
        return operation.joined(other, found) if first else operation.joined(found, other)

    def _condensed(self, values: Array) -> Array:
        mix = np.random.default_rng(len(self.rows)).integers(-(1 << 62), 1 << 62, len(self.rows))
        with np.errstate(over="ignore"):
            condensed: Array = (values * mix).sum(axis=-1)
        return condensed

    @cached_property
    def _condensed_threes(self) -> tuple[Array, list[tuple[Operation, bool, Array]]]:
        """All expressions of three leaves: their condensed values sorted, and by operation as (pairs, leaves)."""
        known = [
            (operation, second, self._condensed(self.threes(operation, second=second)))
            for operation, second in self.shapes_of_three
        ]
        return np.unique(np.concatenate([keys.ravel() for _, _, keys in known])), known

    def _named(self, known: Sequence[tuple[Operation, bool, Array]], key: Array) -> Expression:
        """The expression of three leaves with this condensed value that costs least."""
        found = []
        for operation, second, keys in known:
            for pair, leaf in np.argwhere(keys == key)[:3]:
                found.append(self.three(operation, pair, leaf, second=second))
        return min(found, key=lambda one: one.cost)


def _telling(columns: Sequence[Array]) -> Array:
    """Random rows that no other equals; the rarer their values are, the likelier."""
    rng = np.random.default_rng(len(columns[0]))
    with np.errstate(over="ignore"):
        keys = sum(rng.integers(-(1 << 62), 1 << 62) * values for values in columns)
    rows = np.unique(keys, return_index=True)[1]
    rare = np.zeros(len(rows))
    for values in columns:
        _, inverse, counts = np.unique(values[rows], return_inverse=True, return_counts=True)
        rare += 1 / counts[inverse]
    return np.asarray(rng.choice(rows, min(MOST_ROWS, len(rows)), replace=False, p=rare / rare.sum()))


def _cost(name: str, values: Array, variable: bool) -> float:
    """How much a reader must be told: least of small constants, and of what belongs to the component itself.

    A number that is no power of two is written by few: a parameter that is the same in all rows is likelier.
    """
    if not variable:
        usual = int(name) & (int(name) - 1) == 0
        return 0.95 if name in ("0", "1") else 1.1 if name == "2" else 1.25 if usual else 1.75
    distant = 0.3 * (name in ("N", "n") or "[" in name) + 0.2 * (name in ("C", "M"))
    return 1.0 + distant + 0.5 * bool((values == values[:1]).all())


def _leaf(name: str, cost: float) -> Expression:
    return Expression(name, lambda known: known[name], ATOM, cost)
