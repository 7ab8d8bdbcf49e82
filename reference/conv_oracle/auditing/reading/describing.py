"""A description of what a subject computes: one component of the index as a formula, beside the right one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from conv_oracle.auditing.reading import columns as of
from conv_oracle.auditing.reading.columns import I_AT, K_AT, O_AT
from conv_oracle.auditing.reading.comparisons import telling
from conv_oracle.auditing.reading.computation import Computation
from conv_oracle.auditing.reading.departures import (
    CHANNEL,
    EXAMPLE,
    POSITION,
    SLICE,
    Moved,
    Parted,
    departing,
    moved,
    parted,
    result_place,
    right_channel,
    right_position,
)
from conv_oracle.auditing.reading.expressions import SUM, TERM, Bank, Columns
from conv_oracle.passes import Array
from conv_oracle.problem import Problem

MOST_TERMS = 3000
CONSTANTS = (0, 1, 2, 3, 4, 8, 16, 32, 64)

MISREAD = {
    EXAMPLE: "example-misread",
    CHANNEL: "input-channel-misread",
    SLICE: "weight-slice-misread",
    POSITION: "position-misread",
}


@dataclass(frozen=True)
class Description:
    """What departs. slug: the fault of the catalogue that this kind of departure is.

    said: the formula beside the right one, as one line; empty where no short one was found.
    """

    slug: str
    said: str


def described(computations: Sequence[Computation]) -> Description | None:
    """What departs from the formula in all of these; None where nothing does, or where they are no sums of products."""
    read = [one for one in computations if one.linear]
    parts = [parted(one) for one in read]
    wrong = [p for p in parts if p.wrong.any() or p.missing.any() or (p.times != 1).any()]
    if not wrong:
        return _of_biases([one for one in read if one.biases is not None])
    if any(part.wrong.any() for part in wrong):
        return _of_wrong([part for part in wrong if part.wrong.any()])
    if any(part.missing.any() for part in wrong):
        return _of_missing([part for part in wrong if part.missing.any()])
    return _of_times(wrong)


def _of_wrong(parts: Sequence[Parted]) -> Description:
    """Of products that the formula does not have."""
    counts = dict[tuple[str, int], int]()
    for part in parts:
        for component, departs in departing(part).items():
            counts[component] = counts.get(component, 0) + int((departs & part.wrong).sum())
    several = len({(name, axis) for name, axis in counts}) > 1
    places = moved(parts) if several else None
    if places is not None:
        return Description("output-misplaced", _said_of_moved(places))
    said = [line for component in sorted(counts, key=lambda c: -counts[c]) if (line := _said(parts, component))]
    first = max(counts, key=lambda component: counts[component])
    added = not any(part.missing.any() for part in parts)
    slug = "terms-added" if added else MISREAD[first[0]]
    if said and said[0].startswith("kernel element"):
        slug = "kernel-element-misread"
    return Description(slug, "; ".join(said[:2]))


def _said(parts: Sequence[Parted], component: tuple[str, int]) -> str:
    """The formula of one component as it was read: on all products, or on the wrong ones and where they are."""
    for wrong_alone in (False, True):
        kept = [
            (part.problem, _some(part.read[part.wrong] if wrong_alone else part.read), part)
            for part in parts
            if component in departing(part)
        ]
        if wrong_alone and all(part.wrong.all() for _, _, part in kept):
            break
        known = [(problem, places) for problem, places, _ in kept if len(places)]
        formula = _formula(known, component)
        if formula:
            return formula + (_where([part for _, _, part in kept], component) if wrong_alone else "")
    return ""


def _where(parts: Sequence[Parted], component: tuple[str, int]) -> str:
    """Where a component departs, by the elements of the result and of the other operand."""
    rows = [(part.problem, part.read, departing(part)[component]) for part in parts]
    told = _told([(problem, places) for problem, places, _ in rows], [wrong for _, _, wrong in rows], component[1])
    return f", where {told}" if told else ""


def _some(places: Array) -> Array:
    if len(places) <= MOST_TERMS:
        return places
    return places[np.sort(np.random.default_rng(len(places)).choice(len(places), MOST_TERMS, replace=False))]


Known = Sequence[tuple[Problem, Array]]
"""Problems, each with the places of products that were read."""


def _columns(known: Known, axis: int | None = None) -> tuple[Columns, Columns]:
    """(components, parameters) of products of several problems."""
    indices = of.joined([of.components(problem, places) for problem, places in known])
    named = []
    for problem, places in known:
        values = of.parameters(problem)
        if axis is not None:
            values |= of.of_axis(problem, axis) | of.of_others(problem, axis)
        named.append((values, len(places)))
    return indices, of.repeated(named)


def _formula(known: Known, component: tuple[str, int]) -> str:
    name, axis = component
    if name == POSITION:
        return _of_position(known, axis)
    indices, shared = _columns(known)
    small, within = of.named(known[0][0])
    if name == EXAMPLE:
        by_input = result_place(known[0][0]) == I_AT
        target = np.concatenate([places[:, O_AT if by_input else I_AT, 0] for _, places in known])
        own = np.concatenate([places[:, I_AT if by_input else O_AT, 0] for _, places in known])
        return _found("example", target, {"n": own, small: indices[small]}, shared, "n")
    if name == SLICE:
        target = indices["row"]
        keys = {key: indices[key] for key in (small, "g", f"{small} within the group", "n") if key in indices}
        return _found("weight slice", target, keys, shared, small)
    right = f"(g*{of.totals(known[0][0])[1]}/groups + {within})" if "groups" in shared else within
    keys = {key: indices[key] for key in ("g", within, small, f"{small} within the group", "n") if key in indices}
    if "groups" not in shared:
        keys.pop("g", None)
    else:
        keys[right] = indices["channel right"]
    what = "output channel" if known[0][0].transposed else "input channel"
    return _found(what, indices["channel"], keys, shared, right.strip("()"))


def _found(what: str, target: Array, keys: Columns, shared: Mapping[str, Array], right: str) -> str:
    """`weight slice: m % 32, should be m`; empty where no short formula gives the target."""
    constants = dict.fromkeys((*CONSTANTS, int(target.max(initial=0)), int(target.max(initial=0)) + 1))
    found = Bank.of({**keys, **shared}, constants).giving(target)
    return f"{what}: {found.said}, should be {right}" if found else ""


def _of_position(known: Known, axis: int) -> str:
    """A position along one axis; where that is simpler, the element of the kernel that goes with it."""
    problem = known[0][0]
    small, large = of.positions(problem)
    where = f" on axis {axis}" if problem.dimensions > 1 else ""
    parts = [of.position(one, places, axis) for one, places in known]
    keys = of.joined(parts)
    target = keys[large]
    shared = of.repeated([(of.of_axis(one, axis) | of.of_others(one, axis), len(places)) for one, places in known])
    tap = (target + shared["padding"] - keys[small] * shared["stride"]) / shared["dilation"]
    if (tap == np.rint(tap)).all() and ((tap >= 0) & (tap < shared["K"])).all() and (shared["K"] > 1).any():
        others = {
            f"k[{other}]": np.concatenate([p[:, K_AT, 2 + other] for _, p in known]) for other in _others(problem, axis)
        }
        told = _found(
            f"kernel element{where}", tap.astype(np.int64), {"k": keys["k"], **others}, _sizes(shared, "K"), "k"
        )
        if told:
            return told
    right = f"{small}*stride + k*dilation - padding"
    exact = np.concatenate([right_position(one, places, axis) for one, places in known])
    affine = _affine(parts, [of.of_axis(one, axis) | of.of_others(one, axis) for one, _ in known], (small, large))
    if affine:
        return f"position{where}: {affine}, should be {right}"
    size = shared[large.upper()]
    others = {
        f"{letter}[{other}]": np.concatenate([of.position(one, p, other)[letter] for one, p in known])
        for other in _others(problem, axis)
        for letter in (small, "k")
    }
    leaves = {
        small: keys[small],
        "k": keys["k"],
        f"({right})": exact,
        f"clamped({right})": np.clip(exact, 0, size - 1),
        **others,
    }
    return _found(f"position{where}", target, leaves, shared, right)


def _sizes(shared: Columns, *names: str) -> Columns:
    """The parameters that matter for a component."""
    return {name: values for name, values in shared.items() if name.split("[")[0] in (*names, "stride", "dilation")}


def _others(problem: Problem, axis: int) -> Iterator[int]:
    return (other for other in range(problem.dimensions) if other != axis)


def _affine(parts: Sequence[Columns], named: Sequence[Mapping[str, int]], letters: tuple[str, str]) -> str:
    """a*o + b*k + c with short expressions of the parameters; empty where one problem is not of this form."""
    small, large = letters
    fitted = [_fit(part[small], part["k"], part[large]) for part in parts]
    if any(one is None for one in fitted):
        return ""
    said = list[str]()
    for place, letter in enumerate((small, "k", "")):
        rows = [number for number, one in enumerate(fitted) if one is not None and one[place] is not None]
        if not rows:
            continue
        values = np.array([fitted[row][place] for row in rows])  # type: ignore[index]
        if not values.any():
            continue
        known = of.repeated([(dict(named[row]), 1) for row in rows])
        sign = "-" if (values <= 0).all() else ""
        found = Bank.of(known, CONSTANTS[:5]).giving(-values if sign else values)
        if found is None:
            return ""
        text = found.within(TERM if letter or sign else SUM)
        said.append(sign + (letter if text == "1" and letter else f"{text}*{letter}" if letter else text))
    return " + ".join(said).replace("+ -", "- ")


def _fit(o: Array, k: Array, i: Array) -> tuple[int | None, int | None, int | None] | None:
    """(a, b, c) with i = a*o + b*k + c on every read; None for what is not determined, or where there are none."""
    varies = [len(np.unique(values)) > 1 for values in (o, k)]
    matrix = np.stack([*(v for v, there in zip((o, k), varies, strict=True) if there), np.ones_like(o)], axis=1)
    solved = np.rint(np.linalg.lstsq(matrix.astype(float), i.astype(float), rcond=None)[0]).astype(int)
    if not (matrix @ solved == i).all():
        return None
    if np.linalg.matrix_rank(matrix) < matrix.shape[1]:
        return None, None, None
    rest = iter(solved.tolist())
    a, b = (next(rest) if there else None for there in varies)
    return a, b, next(rest)


def _told(known: Known, labels: Sequence[Array], axis: int | None = None) -> str:
    """The comparison that tells these products from the others, by the fewest components; empty where none does."""
    indices, shared = _columns(known, axis)
    problem = known[0][0]
    truth = np.concatenate(labels)
    if truth.all() or not truth.any():
        return ""
    kept = _balanced_rows(truth)
    every = {name: values[kept] for name, values in indices.items() if name not in ("row", "channel", "channel right")}
    result = {name: values for name, values in every.items() if name in _of_result(problem)}
    sizes = {name: values[kept] for name, values in (_all_parameters(known) | dict(shared)).items()}
    for variables in (result, every):
        found = telling(truth[kept], variables, sizes, CONSTANTS)
        if found is not None:
            return found.said
    return ""


def _balanced_rows(truth: Array) -> Array:
    rng = np.random.default_rng(len(truth))
    true, false = np.flatnonzero(truth), np.flatnonzero(~truth)
    half = MOST_TERMS // 2
    return np.sort(np.concatenate([rng.permutation(true)[:half], rng.permutation(false)[:half]]))


def _all_parameters(known: Known) -> Columns:
    """The parameters of every axis, with the axis in brackets."""
    named = []
    for problem, places in known:
        values = of.parameters(problem)
        for axis in range(problem.dimensions):
            values |= {of.mark(problem, name, axis): value for name, value in of.of_axis(problem, axis).items()}
        named.append((values, len(places)))
    return of.repeated(named)


def _of_result(problem: Problem) -> set[str]:
    """The names of the components of the result's index."""
    small, within = of.named(problem)
    o, i = of.positions(problem)
    letters = {I_AT: i, K_AT: "k", O_AT: o}
    at = result_place(problem)
    found = {of.mark(problem, letters[at], axis) for axis in range(problem.dimensions)}
    return found | {I_AT: {"n", "channel"}, K_AT: {small, within}, O_AT: {"n", small, "g"}}[at]


def _of_missing(parts: Sequence[Parted]) -> Description:
    """Of products that are left out: of whole elements of the result, or of their sums."""
    at = result_place(parts[0].problem)
    whole = all(_empties(part, at) for part in parts)
    known = [(part.problem, part.right) for part in parts]
    if whole:
        firsts = [np.unique(part.right[:, at], axis=0, return_index=True)[1] for part in parts]
        known = [(part.problem, part.right[first]) for part, first in zip(parts, firsts, strict=True)]
        labels = [part.missing[first] for part, first in zip(parts, firsts, strict=True)]
    else:
        labels = [part.missing for part in parts]
    told = "all of them" if all(one.all() for one in labels) else _told(known, labels)
    if whole:
        return Description("output-not-written", f"those with {told}" if told else "")
    return Description("terms-dropped", f"those with {told}" if told else "")


def _empties(part: Parted, at: int) -> bool:
    """Whether each element of the result lacks all of its products, or none."""
    result = part.right[:, at]
    lacking, having = (np.unique(result[part.missing == value], axis=0) for value in (True, False))
    return not set(map(tuple, lacking.tolist())) & set(map(tuple, having.tolist()))


def _of_times(parts: Sequence[Parted]) -> Description:
    """Of products that are added several times, or multiplied."""
    known = [(part.problem, part.read) for part in parts]
    times = np.concatenate([part.times for part in parts])
    values = np.unique(times[times != 1])
    told = _told(known, [part.times != 1 for part in parts]) if (times == 1).any() else ""
    where = f", where {told}" if told else ""
    if (values == np.rint(values)).all() and (values > 1).all():
        count = f"{values[0]:g} times" if len(values) == 1 else _by_formula(known, times) or "several times"
        every = not (times == 1).any() and len(values) == 1
        return Description("result-scaled" if every else "terms-repeated", count + where)
    said = f"by {values[0]:g}" if len(values) == 1 else ""
    if not said and (1 / values == np.rint(1 / values)).all():
        divisor = _by_formula(known, np.where(times == 0, 0, 1 / times))
        said = f"divided by {divisor}" if divisor else ""
    every = not (times == 1).any()
    return Description("result-scaled" if every else "terms-scaled", said + where)


def _by_formula(known: Known, values: Array) -> str:
    """How often, as an expression; empty where none is short."""
    indices, _ = _columns(known)
    indices = {name: column for name, column in indices.items() if name != "channel right"}
    found = Bank.of({**indices, **_all_parameters(known)}, CONSTANTS[:5]).giving(np.rint(values).astype(np.int64))
    return found.said if found else ""


def _said_of_moved(places: Sequence[Moved]) -> str:
    """`output[n, m, o] is output[n, m, O - 1 - o]`, component by component."""
    problem, at = places[0].problem, result_place(places[0].problem)
    names = _components_of_result(problem, at)
    to = {name: np.concatenate([one.to[:, place] for one in places]) for place, name in enumerate(names)}
    known = [(one.problem, one.to) for one in places]
    named = []
    for one, rows in known:
        values = of.parameters(one)
        for axis in range(one.dimensions):
            values |= {of.mark(one, key, axis): value for key, value in of.of_axis(one, axis).items()}
        named.append((values, len(rows)))
    shared = of.repeated(named)
    flat = np.concatenate([_flat(one) for one in places])
    said = []
    for place, name in enumerate(names):
        target = np.concatenate([one.of[:, place] for one in places])
        if np.array_equal(target, to[name]):
            said.append(name)
            continue
        found = Bank.of({**to, "position in the plane": flat, **shared}, (0, 1, 2)).giving(target)
        if found is None:
            return ""
        said.append(found.said)
    returns = problem.operation.returns
    return f"{returns}[{', '.join(names)}] holds {returns}[{', '.join(said)}]"


def _flat(one: Moved) -> Array:
    """The position of elements of the result within their plane."""
    sizes = one.to[:, 2:].max(axis=0, initial=0) + 1
    flat: Array = np.ravel_multi_index(tuple(one.to[:, 2:].T), tuple(sizes))
    return flat


def _components_of_result(problem: Problem, at: int) -> list[str]:
    small, within = of.named(problem)
    o, i = of.positions(problem)
    lead, letter = {I_AT: (["n", "channel"], i), K_AT: ([small, within], "k"), O_AT: (["n", small], o)}[at]
    return [*lead, *(of.mark(problem, letter, axis) for axis in range(problem.dimensions))]


def _of_biases(read: Sequence[Computation]) -> Description | None:
    """Of the bias: which channel of it is added, and how often; None where it is right."""
    wrong = [one for one in read if not _bias_is_right(one)]
    return Description("bias-wrong", _said_of_biases(wrong)) if wrong else None


def _bias_of(one: Computation) -> Array:
    """(channel of the bias, example, channel, *position) by the formula."""
    found: Array = np.zeros_like(one.biases)
    for channel in range(one.problem.out_channels):
        found[channel, :, channel] = 1
    return found


def _bias_is_right(one: Computation) -> bool:
    return np.array_equal(one.biases, _bias_of(one))


def _said_of_biases(wrong: Sequence[Computation]) -> str:
    times = [one.biases[one.biases != 0] for one in wrong if one.biases is not None]
    if not any(map(len, times)):
        return "it is not added"
    factors = np.unique(np.concatenate(times))
    often = f"it is added {factors[0]:g} times" if len(factors) == 1 and factors[0] != 1 else ""
    rows = [np.argwhere(one.biases != 0) for one in wrong]
    target = np.concatenate([row[:, 0] for row in rows])
    channel = np.concatenate([row[:, 2] for row in rows])
    if np.array_equal(target, channel):
        return often
    shared = of.repeated([(of.parameters(one.problem), len(row)) for one, row in zip(wrong, rows, strict=True)])
    keys = {"n": np.concatenate([row[:, 1] for row in rows]), "m": channel}
    return _found("bias", target, keys, shared, "m") or often
