"""A description of what a subject computes: the component of the index that departs, and its formula."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from conv_oracle.auditing.reading import formulas
from conv_oracle.auditing.reading.biases import bias_is_right, said_of_biases
from conv_oracle.auditing.reading.columns import I_AT, K_AT, O_AT, right_position
from conv_oracle.auditing.reading.computation import Computation
from conv_oracle.auditing.reading.departures import (
    CHANNEL,
    EXAMPLE,
    POSITION,
    SLICE,
    Moved,
    Parted,
    departing,
    is_read_once,
    moved,
    parted,
    reads_what_it_should,
    result_place,
    standing_for,
)
from conv_oracle.auditing.reading.expressions import Bank
from conv_oracle.auditing.reading.offsets import wrong_offset
from conv_oracle.passes import Array

MOST_REPLACED, SOME, CLEARLY, OUTERMOST, SEVERAL = 0.5, 0.2, 0.2, 0.5, 3
NEARLY = 1e-6
"""A coefficient that is as near to the inverse, or the root of it, of an integer is looked for as that."""

MISREAD = {
    EXAMPLE: "example-misread",
    CHANNEL: "input-channel-misread",
    SLICE: "weight-slice-misread",
    POSITION: "position-misread",
}
OF_THE_WEIGHT = {CHANNEL: "weight-slice-misread", POSITION: "kernel-element-misread"}
"""The same components, where the other operand is read as it should be."""


OF_RESULTS = (
    "output-misplaced",
    "output-not-written",
    "terms-added",
    "terms-repeated",
    "terms-scaled",
    "result-scaled",
)
"""What may be done to a result with its bias: that a bias is wrong on most of the same problems follows from it."""

AT_THE_BORDER = {"clamped(": "padding-is-not-zero", ") % I, should": "reads-around-the-border"}
"""What is added beyond the input, by what its position is; beyond a result, products are only added."""

OF_TAPS = re.compile(r"stride|padding|dilation|\bK\b")
"""What tells of a place in the result that its products are left out there, one by one, rather than the whole."""

EXCHANGED = re.compile(r"kernel element on axis (\d): k\[(?!\1)\d\], should be k")
BACKWARDS = re.compile(r"kernel element( on axis \d)?: (K - 1 - k|K - k - 1), should be k")
"""What the element of a kernel that is read backwards is called."""

INTERLEAVED = re.compile(
    r"[\w ]+: (?:(\w+) % (groups|\d+)\*\w/groups \+ \1 // \2|c\*groups \+ g|g \+ c\*groups|m\*groups \+ g)(?:, .*)"
)
"""What a channel is called that belongs to another group, as channels lie with those of all groups in turn."""


@dataclass(frozen=True)
class Description:
    """What departs. slug: the fault of the catalogue that this kind of departure is.

    said: the formula beside the right one, as one line; empty where no short one was found.
    """

    slug: str
    said: str


def described(computations: Sequence[Computation], end: float = math.inf) -> tuple[Description, ...]:
    """What departs from the formula in these: in the products, and in the bias; nothing where they are no such sums.

    end: when to look no further for a formula, on time.monotonic's clock.
    """
    read = [(one, parted(one)) for one in computations if one.linear]
    biased = [(one, part) for one, part in read if not bias_is_right(one)]
    found = _of_products([part for _, part in read], end)
    alike = sum(part.departs for _, part in biased)
    if found is not None and found.slug == "output-not-written" and _lacks_products(found, read):
        found = replace(found, slug="terms-dropped")
    follows = found is not None and found.slug in OF_RESULTS and 2 * alike >= len(biased)
    told = [found] if found is not None else []
    if biased and not follows:
        told.append(Description("bias-wrong", said_of_biases([one for one, _ in biased], end)))
    return tuple(told)


def _lacks_products(found: Description, read: Sequence[tuple[Computation, Parted]]) -> bool:
    """Whether what lacks all products was written all the same: where depends on the products, and the bias arrives.

    Of a gradient, which has no bias, also where no place was found: that its products are left out is true anyway.
    """
    of_taps = OF_TAPS.search(found.said) is not None
    if not any(one.problem.operation.forward for one, _ in read):
        return of_taps or not found.said
    departing_with_bias = [one for one, part in read if part.departs and one.problem.bias]
    arrives = bool(departing_with_bias) and all(bias_is_right(one, everywhere=True) for one in departing_with_bias)
    return of_taps and arrives


def _of_products(parts: Sequence[Parted], end: float) -> Description | None:
    if wrong := [part for part in parts if part.wrong.any()]:
        lost = any(part.whole and part.missing.any() and not part.wrong.any() for part in parts)
        return _of_wrong(wrong, end, lost=lost)
    if lacking := [part for part in parts if part.missing.any()]:
        return _of_missing(lacking, end)
    if scaled := [part for part in parts if (part.times != 1).any()]:
        return _of_times(scaled, end)
    return None


def _of_wrong(parts: Sequence[Parted], end: float, *, lost: bool) -> Description:
    """Of products that the formula does not have. lost: whether in other problems products are missing alone."""
    counts = dict[tuple[str, int], int]()
    for part in parts:
        for component, departs in departing(part).items():
            counts[component] = counts.get(component, 0) + int((departs & part.wrong).sum())
    if len(counts) > 1 and (places := moved(parts)) is not None:
        return Description("output-misplaced", _said_of_moved(places, end))
    if len(counts) > 1 and (offset := wrong_offset(parts, end)) is not None:
        return Description(offset.slug, offset.said)
    whole = [part for part in parts if part.whole]
    shares = _shares(whole)
    of_input = bool(max(shares[I_AT], shares[O_AT]) > shares[K_AT] + CLEARLY)
    said = _said(parts, sorted(counts, key=lambda component: -counts[component]), end, taps=not of_input)
    if not _is_shifted(parts) and (slug := _beside(parts, shares, said, lost=lost)):
        return Description(slug, said)
    first = _first(counts)
    of_weight = said.startswith("kernel element") or bool(shares[K_AT] > max(shares[I_AT], shares[O_AT]) + CLEARLY)
    of_weight |= bool(whole) and all(map(reads_what_it_should, whole)) and not of_input
    slug = OF_THE_WEIGHT.get(first, MISREAD[first]) if of_weight else MISREAD[first]
    lines = said.split("; ")
    if of_weight and all(BACKWARDS.fullmatch(line) for line in lines):
        slug = "kernel-flipped"
    elif of_weight and all(EXCHANGED.fullmatch(line) for line in lines):
        slug = "kernel-axes-exchanged"
    elif INTERLEAVED.fullmatch(lines[0]):
        slug = "groups-interleaved"
    elif all(name == POSITION for name, _ in counts) and _is_one_shift(parts):
        slug = "origin-shifted"
    return Description(slug, said)


def _shares(parts: Sequence[Parted]) -> Array:
    """The share of wrong products that stand for a missing one in i, in k and in o."""
    shares = standing_for(parts)
    if parts:
        shares[result_place(parts[0].problem)] *= 1 - (shares[K_AT] > 0)  # an element of the result is not read
    return shares


def _beside(parts: Sequence[Parted], shares: Array, said: str, *, lost: bool) -> str:
    """What wrong products are that stand for no missing ones: they are added, or others are left out; else ''.

    shares: of those that were read whole, which tell alone where there are any.
    """
    whole = [part for part in parts if part.whole]
    telling = lost or not any(part.missing.any() for part in parts)
    known = whole or (parts if telling else [])
    if not known:
        return ""
    if not any(part.missing.any() for part in known):
        read = AT_THE_BORDER.items() if result_place(known[0].problem) != I_AT else ()
        return next((slug for mark, slug in read if mark in said), "terms-added")
    if _replace(known, shares if whole else _shares(known)):
        return ""
    more = sum(int(part.wrong.sum()) for part in known) >= sum(int(part.missing.sum()) for part in known)
    return "terms-added" if more else "terms-dropped"


def _first(counts: Mapping[tuple[str, int], int]) -> str:
    """The component to name: where several depart that lie within each other in memory, the outermost."""
    most = max(counts, key=lambda component: counts[component])
    of_examples = counts.get((EXAMPLE, 0), 0)
    return EXAMPLE if of_examples >= OUTERMOST * counts[most] else most[0]


def _replace(parts: Sequence[Parted], shares: Array) -> bool:
    """Whether wrong products stand for missing ones: most do, or some, and nothing is read beside what is right."""
    at = int(shares.argmax())
    return bool(shares[at] >= MOST_REPLACED or (shares[at] >= SOME and all(is_read_once(part, at) for part in parts)))


def _is_one_shift(parts: Sequence[Parted]) -> bool:
    """Whether all positions along an axis are off by the same number, in every problem."""
    for axis in range(max(part.problem.dimensions for part in parts)):
        away = [_away(part, axis) for part in parts if (POSITION, axis) in departing(part)]
        if away and len(np.unique(np.concatenate(away))) > 1:
            return False
    return True


def _is_shifted(parts: Sequence[Parted]) -> bool:
    """Whether all of what is read in a problem is at another position, each off by the same number along an axis."""
    return all(
        part.wrong.all()
        and all(name == POSITION and len(np.unique(_away(part, axis))) == 1 for name, axis in departing(part))
        for part in parts
    )


def _away(part: Parted, axis: int) -> Array:
    return np.asarray(part.read[:, I_AT, 2 + axis] - right_position(part.problem, part.read, axis))


def _said(parts: Sequence[Parted], components: Sequence[tuple[str, int]], end: float, *, taps: bool) -> str:
    """The formulas of the components that depart, those that depart most first; one of all axes if they share it."""
    axes = [axis for name, axis in components if name == POSITION]
    if len(axes) > 1 and all(name == POSITION for name, _ in components):
        told = _formula(parts, axes, POSITION, end, taps=taps)
        if told:
            return told
    said = (_formula(parts, [axis], name, end, taps=taps) for name, axis in components)
    return "; ".join([line for line in said if line][:2])


def _formula(parts: Sequence[Parted], axes: Sequence[int], name: str, end: float, *, taps: bool) -> str:
    """The formula of one component: on all products, or on the wrong ones and where these are."""
    kept = [part for part in parts if any((name, axis) in departing(part) for axis in axes)]

    def fitted(known: formulas.Known) -> str:
        known = [(problem, places) for problem, places in known if len(places)]
        if name == POSITION:
            return formulas.of_position(known, axes, end, taps=taps)
        return formulas.of_component(known, name, end)

    told = fitted([(part.problem, formulas.some(part.read)) for part in kept])
    if told or all(part.wrong.all() for part in kept):
        return told
    told = fitted([(part.problem, formulas.some(part.read[part.wrong])) for part in kept])
    if not told:
        return ""
    labels = [
        np.any([d for (one, axis), d in departing(part).items() if one == name and axis in axes], axis=0)
        for part in kept
    ]
    place = formulas.where([(part.problem, part.read) for part in kept], labels, end)
    return told + (f", where {place}" if place else "")


def _of_missing(parts: Sequence[Parted], end: float) -> Description:
    """Of products that are left out: of whole elements of the result, or of their sums.

    Where few products of an element were read, all of them may be missing by chance: then its place must tell.
    """
    at = result_place(parts[0].problem)
    telling = [part for part in parts if part.whole or len(part.right) >= SEVERAL * len(_results(part, at))]
    empty = all(_is_by_element(part, at) for part in telling or parts)
    known = [(part.problem, part.right) for part in parts]
    labels = [part.missing for part in parts]
    if empty:
        firsts = [np.unique(part.right[:, at], axis=0, return_index=True)[1] for part in parts]
        known = [(part.problem, part.right[first]) for part, first in zip(parts, firsts, strict=True)]
        labels = [part.missing[first] for part, first in zip(parts, firsts, strict=True)]
    told = "all" if all(one.all() for one in labels) else formulas.where(known, labels, end)
    placed = told not in ("", "all")
    unwritten = empty and (bool(telling) or placed)
    return Description("output-not-written" if unwritten else "terms-dropped", f"those with {told}" if placed else told)


def _results(part: Parted, at: int) -> Array:
    """The elements of the result that have a product by the formula."""
    return np.unique(part.right[:, at], axis=0)


def _is_by_element(part: Parted, at: int) -> bool:
    """Whether each element of the result lacks all of its products, or none."""
    result = part.right[:, at]
    lacking, having = (np.unique(result[part.missing == value], axis=0) for value in (True, False))
    return not set(map(tuple, lacking.tolist())) & set(map(tuple, having.tolist()))


def _of_times(parts: Sequence[Parted], end: float) -> Description:
    """Of products that are added several times, or multiplied."""
    known = [(part.problem, part.read) for part in parts]
    times = np.concatenate([part.times for part in parts])
    values = np.unique(times[times != 1])
    alike = all(len(np.unique(part.times)) == 1 for part in parts)
    told = "" if alike else formulas.where(known, [part.times != 1 for part in parts], end)
    place = f", where {told}" if told else ""
    if (values == np.rint(values)).all() and (values > 1).all():
        count = (
            f"{values[0]:g} times" if len(values) == 1 else f"{formulas.times(known, times, end) or 'several'} times"
        )
        return Description("result-scaled" if alike else "terms-repeated", count + place)
    said = f"by {values[0]:g}" if len(values) == 1 else ""
    for power, written in ((1, "{}"), (2, "sqrt({})")):
        inverse = 1 / times**power
        if (not said or power == 2) and (np.abs(inverse - np.rint(inverse)) < NEARLY).all() and (inverse > 0).all():
            divisor = formulas.times(known, inverse, end)
            said = f"divided by {written.format(divisor)}" if divisor else said
            break
    return Description("result-scaled" if alike else "terms-scaled", said + place)


def _said_of_moved(places: Sequence[Moved], end: float) -> str:
    """`output[n, m, o] holds output[n, m, O - 1 - o]`, component by component."""
    problem = places[0].problem
    names = formulas.of_result(problem)
    to = {name: np.concatenate([one.to[:, place] for one in places]) for place, name in enumerate(names)}
    known = [(one.problem, one.to) for one in places]
    flat = {"the position in the plane": np.concatenate(list(map(_in_the_plane, places)))}
    bank = Bank.of({**to, **flat, **formulas.every_parameter(known)}, (0, 1, 2))
    said = []
    for place in range(len(names)):
        found = bank.giving(np.concatenate([one.of[:, place] for one in places]), end)
        if found is None:
            return ""
        said.append(found.said)
    returns = problem.operation.returns
    return f"{returns}[{', '.join(names)}] holds {returns}[{', '.join(said)}]"


def _in_the_plane(one: Moved) -> Array:
    """The position of elements of the result within their plane."""
    sizes = one.to[:, 2:].max(axis=0, initial=0) + 1
    return np.asarray(np.ravel_multi_index(tuple(one.to[:, 2:].T), tuple(sizes)))
