"""Each component of the index as a formula of a problem's parameters, fitted to the products that were read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from conv_oracle.auditing.reading import columns as of
from conv_oracle.auditing.reading.columns import I_AT, K_AT, O_AT, right_position
from conv_oracle.auditing.reading.comparisons import telling
from conv_oracle.auditing.reading.departures import EXAMPLE, SLICE, result_place
from conv_oracle.auditing.reading.expressions import SUM, TERM, Bank, Columns
from conv_oracle.passes import Array
from conv_oracle.problem import Problem

MOST_TERMS = 3000
CONSTANTS = (0, 1, 2, 3, 4, 8, 16, 32, 64)
FEW_CONSTANTS = CONSTANTS[:5]

ROWS_FOR_A_LEAF = 2
"""A long expression that fits a few problems fits them by chance."""

Known = Sequence[tuple[Problem, Array]]
"""Problems, each with the places of products that were read."""


def of_component(known: Known, name: str, end: float) -> str:
    """`weight slice: m % 32, should be m`: the formula of an example, a weight slice or a channel; empty where none."""
    problem = known[0][0]
    indices, shared = columns(known)
    small, within = of.named(problem)
    inside = f"{small} within the group"
    if name == EXAMPLE:
        target, own = (O_AT, I_AT) if result_place(problem) == I_AT else (I_AT, O_AT)
        column = {place: np.concatenate([places[:, place, 0] for _, places in known]) for place in (I_AT, O_AT)}
        return _found("example", column[target], {"n": column[own], small: indices[small]}, shared, "n", end)
    if name == SLICE:
        keys = {key: indices[key] for key in (small, "g", inside, "n") if key in indices}
        return _found("weight slice", indices["row"], keys, shared, small, end)
    keys = {key: indices[key] for key in ("g", within, small, inside, "n") if key in indices}
    right = within
    if "groups" in shared:
        right = f"(g*{of.totals(problem)[1]}/groups + {within})"
        keys[right] = indices["channel right"]
    else:
        keys.pop("g")
    what = "output channel" if problem.transposed else "input channel"
    return _found(what, indices["channel"], keys, shared, right.strip("()"), end)


def of_position(known: Known, axes: Sequence[int], end: float, *, taps: bool = True) -> str:
    """The formula of the position along axes that have one in common; where simpler, of the element of the kernel.

    taps: whether it may be that of the kernel.
    """
    problem = known[0][0]
    small, large = of.positions(problem)
    alone = len(axes) == 1
    rows = [(one, places, axis) for axis in axes for one, places in known if axis < one.dimensions]
    keys = of.joined([of.position(one, places, axis) for one, places, axis in rows])
    named = [of.of_axis(one, axis) | (of.of_others(one, axis) if alone else {}) for one, _, axis in rows]
    shared = of.repeated([(values, len(places)) for values, (_, places, _) in zip(named, rows, strict=True)])
    where = f" on axis {axes[0]}" if alone and problem.dimensions > 1 else ""
    others = _of_other_axes(rows, axes[0], (small, "k")) if alone else {}
    tap = (keys[large] + shared["padding"] - keys[small] * shared["stride"]) / shared["dilation"]
    if taps and _is_tap(tap, shared["K"]):
        own = {"k": keys["k"], **{key: values for key, values in others.items() if key[0] == "k"}}
        sizes = {key: values for key, values in shared.items() if key[0] == "K" or key in ("stride", "dilation")}
        told = _found(f"kernel element{where}", tap.astype(np.int64), own, sizes, "k", end)
        if told:
            return told
    right = f"{small}*stride + k*dilation - padding"
    most = 3 if alone else 2
    affine = _affine([of.position(one, places, axis) for one, places, axis in rows], named, (small, large), end, most)
    if affine:
        return f"position{where}: {affine}, should be {right}"
    exact = np.concatenate([right_position(one, places, axis) for one, places, axis in rows])
    inside = np.clip(exact, 0, shared[large.upper()] - 1)
    leaves = {small: keys[small], "k": keys["k"], f"({right})": exact, f"clamped({right})": inside, **others}
    return _found(f"position{where}", keys[large], leaves, shared, right, end)


def where(known: Known, labels: Sequence[Array], end: float) -> str:
    """The comparison that tells these products from the others, by the result's index if that tells; else empty."""
    indices, _ = columns(known)
    truth = np.concatenate(labels)
    if truth.all() or not truth.any():
        return ""
    kept = _balanced(truth)
    every = {name: values[kept] for name, values in indices.items() if name not in ("row", "channel right")}
    result = {name: values for name, values in every.items() if name in _with_group(known[0][0])}
    sizes = {name: values[kept] for name, values in every_parameter(known).items()}
    for variables in (result, every):
        found = telling(truth[kept], variables, sizes, CONSTANTS, end)
        if found is not None:
            return found.said
    return ""


def times(known: Known, values: Array, end: float) -> str:
    """How often, as an expression of components and parameters; empty where none is short."""
    indices, _ = columns(known)
    indices = {name: column for name, column in indices.items() if name != "channel right"}
    bank = Bank.of({**indices, **every_parameter(known)}, FEW_CONSTANTS)
    found = bank.giving(np.rint(values).astype(np.int64), end)
    return found.said if found else ""


def some(places: Array) -> Array:
    """So many products at most."""
    if len(places) <= MOST_TERMS:
        return places
    return places[np.sort(np.random.default_rng(len(places)).choice(len(places), MOST_TERMS, replace=False))]


def columns(known: Known) -> tuple[Columns, Columns]:
    """(components, parameters that all axes share) of products of several problems."""
    indices = of.joined([of.components(problem, places) for problem, places in known])
    return indices, of.repeated([(of.parameters(problem), len(places)) for problem, places in known])


def every_parameter(known: Known) -> Columns:
    """The parameters of every axis, with the axis in brackets."""
    named = []
    for problem, places in known:
        values = of.parameters(problem) | of.lengths(problem)
        for axis in range(problem.dimensions):
            values |= {of.mark(problem, name, axis): value for name, value in of.of_axis(problem, axis).items()}
        named.append((values, len(places)))
    return of.repeated(named)


def of_result(problem: Problem) -> list[str]:
    """The names of the components of the result's index, in their order."""
    small, within = of.named(problem)
    o, i = of.positions(problem)
    lead, letter = {I_AT: (["n", "channel"], i), K_AT: ([small, within], "k"), O_AT: (["n", small], o)}[
        result_place(problem)
    ]
    return [*lead, *(of.mark(problem, letter, axis) for axis in range(problem.dimensions))]


def _with_group(problem: Problem) -> set[str]:
    """The same, and the group where the result's channel tells it."""
    return {*of_result(problem), *(["g"] if result_place(problem) == O_AT else [])}


def _found(what: str, target: Array, keys: Columns, shared: Columns, right: str, end: float) -> str:
    most = int(target.max(initial=0))
    found = Bank.of({**keys, **shared}, (*CONSTANTS, most, most + 1)).giving(target, end)
    return f"{what}: {found.said}, should be {right}" if found else ""


def _of_other_axes(rows: Sequence[tuple[Problem, Array, int]], own: int, letters: Sequence[str]) -> Columns:
    """The positions along the other axes, with the axis in brackets."""
    return {
        f"{letter}[{other}]": np.concatenate([of.position(one, places, other)[letter] for one, places, _ in rows])
        for other in _others(rows[0][0], own)
        for letter in letters
    }


def _others(problem: Problem, axis: int) -> Iterator[int]:
    return (other for other in range(problem.dimensions) if other != axis)


def _is_tap(tap: Array, kernel: Array) -> bool:
    """Whether these are elements of a kernel of more than one."""
    return bool((tap == np.rint(tap)).all() and ((tap >= 0) & (tap < kernel)).all() and (kernel > 1).any())


def _affine(
    parts: Sequence[Columns], named: Sequence[Mapping[str, int]], letters: tuple[str, str], end: float, most: int
) -> str:
    """a*o + b*k + c with expressions of at most so many leaves; empty where one problem is not of this form."""
    small, large = letters
    fitted = [one for part in parts if (one := _fit(part[small], part["k"], part[large])) is not None]
    if len(fitted) < len(parts):
        return ""
    said = list[str]()
    for place, letter in enumerate((small, "k", "")):
        rows = [(one[place], values) for one, values in zip(fitted, named, strict=True) if one[place] is not None]
        wanted = np.array([value for value, _ in rows])
        if not rows:  # it never varied, so that nothing is known of it
            return ""
        if not wanted.any():
            continue
        sign = "-" if (wanted <= 0).all() else ""
        bank = Bank.of(of.repeated([(dict(values), 1) for _, values in rows]), FEW_CONSTANTS)
        found = bank.giving(-wanted if sign else wanted, end, most)
        if found is None or len({_own(values) for _, values in rows}) < ROWS_FOR_A_LEAF * found.leaves:
            return ""
        text = found.within(TERM if letter or sign else SUM)
        said.append(sign + (letter if text == "1" and letter else f"{text}*{letter}" if letter else text))
    return " + ".join(said).replace("+ -", "- ")


def _own(values: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """The parameters of the axis itself."""
    return tuple(pair for pair in values.items() if "[" not in pair[0])


def _fit(o: Array, k: Array, i: Array) -> tuple[int | None, int | None, int | None] | None:
    """(a, b, c) with i = a*o + b*k + c on every read, None for what is not determined; None where there are none."""
    varies = [len(np.unique(values)) > 1 for values in (o, k)]
    matrix = np.stack([*(v for v, there in zip((o, k), varies, strict=True) if there), np.ones_like(o)], axis=1)
    if np.linalg.matrix_rank(matrix) < matrix.shape[1]:
        return None, None, None
    solved = np.rint(np.linalg.lstsq(matrix.astype(float), i.astype(float), rcond=None)[0]).astype(int)
    if not (matrix @ solved == i).all():
        return None
    rest = iter(solved.tolist())
    a, b = (next(rest) if there else None for there in varies)
    at_zero = all(there or not values.any() for values, there in zip((o, k), varies, strict=True))
    return a, b, next(rest) if at_zero else None


def _balanced(truth: Array) -> Array:
    """At most MOST_TERMS rows, as many that are true as others."""
    rng = np.random.default_rng(len(truth))
    true, false = np.flatnonzero(truth), np.flatnonzero(~truth)
    half = MOST_TERMS // 2
    return np.sort(np.concatenate([rng.permutation(true)[:half], rng.permutation(false)[:half]]))
