"""A smallest choice of cases that exposes as much as all of them: a weighted set cover.

Branch and bound, from what a greedy choice finds. It counts its steps and not the time, so that it ends everywhere in
the same choice; where they run out, that is the best that was found.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Set
from itertools import count

MOST_STEPS = 20_000


def smallest_cover(sets: Mapping[str, Set[Hashable]], weights: Mapping[str, int]) -> tuple[str, ...]:
    """The names, sorted, of sets whose union is that of all, with little or the least total weight (positive integers).

    Of several that weigh the same, always the same one: every order in it is that of the names.
    """
    names = sorted(sets, key=lambda name: (weights[name], name))
    bits = {element: 1 << place for place, element in enumerate(sorted(set().union(*sets.values()), key=repr))}
    masks = {name: sum(bits[element] for element in sets[name]) for name in names}
    names = _undominated(names, masks)
    holders = _essential([[name for name in names if masks[name] & bit] for bit in bits.values()])
    tries = (_greedy(names, masks, weights, sum(bits.values()), first) for first in [(), *((name,) for name in names)])
    best = min(tries, key=lambda chosen: sum(weights[name] for name in chosen))
    least = sum(weights[name] for name in best)
    steps = count()

    def search(chosen: tuple[str, ...], weight: int, excluded: frozenset[str]) -> None:
        nonlocal best, least
        open_ = [
            [name for name in held if name not in excluded]
            for held in holders
            if not any(name in chosen for name in held)
        ]
        if next(steps) > MOST_STEPS or weight + _bound(open_, weights) >= least:
            return
        if not open_:
            best, least = chosen, weight
            return
        tried = excluded
        for name in min(open_, key=len):
            search((*chosen, name), weight + weights[name], tried)
            tried |= {name}

    search((), 0, frozenset())
    return tuple(sorted(best))


def _undominated(names: list[str], masks: Mapping[str, int]) -> list[str]:
    """Without the sets that a lighter one, or one before it of the same weight, contains. `names` go from light on."""
    kept: list[str] = []
    for name in names:
        if not any(masks[name] | masks[other] == masks[other] for other in kept):
            kept.append(name)
    return kept


def _essential(holders: list[list[str]]) -> list[list[str]]:
    """Who can cover an element, for the elements that the others do not imply."""
    distinct = sorted({tuple(held) for held in holders}, key=lambda held: (len(held), held))
    kept: list[tuple[str, ...]] = []
    for held in distinct:
        if not any(set(other) <= set(held) for other in kept):
            kept.append(held)
    return [list(held) for held in kept]


def _greedy(
    names: list[str], masks: Mapping[str, int], weights: Mapping[str, int], whole: int, first: tuple[str, ...]
) -> tuple[str, ...]:
    """From a first choice, what covers most for its weight; then without what the others cover."""
    chosen, covered = list(first), _union(first, masks)
    while covered != whole:
        new = {name: (masks[name] & ~covered).bit_count() for name in names}
        best = max(names, key=lambda name: new[name] / weights[name])
        chosen.append(best)
        covered |= masks[best]
    for name in sorted(chosen, key=lambda name: -weights[name]):
        rest = [other for other in chosen if other != name]
        if _union(rest, masks) == whole:
            chosen = rest
    return tuple(chosen)


def _union(names: Iterable[str], masks: Mapping[str, int]) -> int:
    found = 0
    for name in names:
        found |= masks[name]
    return found


def _bound(open_: list[list[str]], weights: Mapping[str, int]) -> float:
    """No choice costs less: elements that no set shares need one set each; an element without a set cannot be had."""
    total, used = 0.0, set[str]()
    for held in sorted(open_, key=len):
        if not held:
            return float("inf")
        if not used.intersection(held):
            total += min(weights[name] for name in held)
            used.update(held)
    return total
