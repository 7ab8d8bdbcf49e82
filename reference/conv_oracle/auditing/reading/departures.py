"""What departs from the formula: which products are wrong, missing, repeated or scaled, and in which component."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from conv_oracle.auditing.operands import roles_of
from conv_oracle.auditing.reading.columns import I_AT, K_AT, O_AT, right_channel, right_position
from conv_oracle.auditing.reading.computation import Computation
from conv_oracle.passes import Array
from conv_oracle.problem import Problem

EXAMPLE, SLICE, CHANNEL, POSITION = "example", "slice", "channel", "position"


@dataclass(frozen=True)
class Parted:
    """The products of one computation, by what is wrong with them: rows of places, and coefficients of those read.

    read: all that were read; wrong: whether each is none of the formula's; times: its coefficient.
    right: all of the formula; missing: whether each was not read.
    """

    problem: Problem
    read: Array
    wrong: Array
    times: Array
    right: Array
    missing: Array
    whole: bool

    @property
    def departs(self) -> bool:
        """Whether anything is wrong with the products."""
        return bool(self.wrong.any() or self.missing.any() or (self.times != 1).any())


def parted(one: Computation) -> Parted:
    """The products of a computation beside those of the formula."""
    read, right = _keys(one, one.read.places), _keys(one, one.right.places)
    return Parted(
        one.problem,
        one.read.places,
        ~np.isin(read, right),
        one.read.times,
        one.right.places,
        ~np.isin(right, read),
        one.whole,
    )


def _keys(one: Computation, places: Array) -> Array:
    """One number per term."""
    if not len(places):
        return np.zeros(0, np.int64)
    g = one.problem.geometry
    sizes = (*g.input_shape, *g.weight_shape, *g.output_shape)
    return np.asarray(np.ravel_multi_index(tuple(places.reshape(len(places), -1).T), sizes))


def departing(part: Parted) -> dict[tuple[str, int], Array]:
    """Per component, and axis of a position: whether each product that was read departs from the formula in it.

    A component in which nothing departs is left out.
    """
    places, problem = part.read, part.problem
    found = {
        (EXAMPLE, 0): places[:, I_AT, 0] != places[:, O_AT, 0],
        (SLICE, 0): places[:, K_AT, 0] != places[:, O_AT, 1],
        (CHANNEL, 0): places[:, I_AT, 1] != right_channel(problem, places),
    }
    for axis in range(problem.dimensions):
        found[POSITION, axis] = places[:, I_AT, 2 + axis] != right_position(problem, places, axis)
    return {component: wrong for component, wrong in found.items() if wrong.any()}


def result_place(problem: Problem) -> int:
    """Which of i, k and o the result is."""
    return roles_of(problem)[problem.operation.returns]


def standing_for(parts: Sequence[Parted]) -> Array:
    """The share of wrong products that stand for a missing one in i, in k and in o, the other two being the same."""
    found, wrong = np.zeros(3), 0
    for part in parts:
        read, missing = part.read[part.wrong], part.right[part.missing]
        wrong += len(read)
        for at in (I_AT, K_AT, O_AT):
            pairs = _rows(np.delete(missing, at, axis=1))
            found[at] += sum(row in pairs for row in _listed(np.delete(read, at, axis=1)))
    return found / max(wrong, 1)


def is_read_once(part: Parted, at: int) -> bool:
    """Whether every two of the other places are multiplied, or summed, with one element of this place at most."""
    others = np.delete(part.read, at, axis=1)
    return len(_rows(others)) == len(others)


def _rows(places: Array) -> set[bytes]:
    return set(_listed(places))


def _listed(places: Array) -> list[bytes]:
    return [row.tobytes() for row in places]


def reads_what_it_should(part: Parted) -> bool:
    """Whether each sum has the elements of the other operand that it should, each with another one of the weight."""
    at = result_place(part.problem)
    if at == K_AT or not part.whole:
        return False
    other = O_AT if at == I_AT else I_AT
    read, right = (_pairs(places, at, other) for places in (part.read, part.right))
    return read == right


def _pairs(places: Array, at: int, other: int) -> set[bytes]:
    return _rows(places[:, [at, other]])


@dataclass(frozen=True)
class Moved:
    """Elements of the result that are what another should be. to, of: their indices, rows of components."""

    problem: Problem
    to: Array
    of: Array


def moved(parts: Sequence[Parted]) -> list[Moved] | None:
    """For each computation that was read whole, the elements of the result that hold another's right value.

    None where some hold neither.
    """
    whole = [part for part in parts if part.whole]
    found = [one for part in whole if (one := _moved(part)) is not None]
    return found if len(found) == len(whole) and any((one.to != one.of).any() for one in found) else None


def _moved(part: Parted) -> Moved | None:
    at = result_place(part.problem)
    if (part.times != 1).any() or not len(part.read):
        return None
    holds = {sums: index for index, sums in _sums(part.right, at)}
    to, of = list[tuple[int, ...]](), list[tuple[int, ...]]()
    for index, sums in _sums(part.read, at):
        if sums not in holds:
            return None
        to.append(index)
        of.append(holds[sums])
    return Moved(part.problem, np.array(to), np.array(of))


def _sums(places: Array, at: int) -> Iterator[tuple[tuple[int, ...], bytes]]:
    """(index of an element of the result, its products as bytes)."""
    if not len(places):
        return
    others = np.delete(places, at, axis=1).reshape(len(places), -1)
    result = places[:, at]
    order = np.lexsort((*others.T[::-1], *result.T[::-1]))
    others, result = others[order], result[order]
    starts = np.flatnonzero(np.r_[True, (result[1:] != result[:-1]).any(axis=1)])
    for start, end in zip(starts, [*starts[1:], len(result)], strict=True):
        yield tuple(int(i) for i in result[start]), others[start:end].tobytes()
