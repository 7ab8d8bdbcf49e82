"""The condition under which a fault shows, learned from the problems that fail and from those that pass."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import combinations

import numpy as np

from conv_oracle.auditing.problems import extents
from conv_oracle.problem import Problem

MULTIPLES = (2, 3, 4, 8, 16, 32)
MOST_SINGLE = 40
"""The number of predicates whose pairs are tried."""

MOST_FALSE = 4
"""A condition is reported if at most one passing problem meets it per so many failing ones."""


@dataclass(frozen=True)
class Condition:
    """A predicate on problems. said: it as text; holds: it as a function; cost: how complex it is to a reader.

    edge: of a threshold, (measure, the largest of a problem found right, the smallest of one that fails).
    """

    said: str
    holds: Callable[[Problem], bool] = field(compare=False)
    cost: int = 1
    edge: tuple[str, int, int] | None = field(default=None, compare=False)

    def also(self, other: Condition) -> Condition:
        """Both."""
        return Condition(
            f"{self.said} and {other.said}", lambda p: self.holds(p) and other.holds(p), self.cost + other.cost
        )


ALWAYS = Condition("", lambda _: True, 0)


def learned(
    failing: Sequence[Problem], passing: Sequence[Problem], *, traits_alone: bool = False
) -> tuple[Condition, int]:
    """The simplest condition that all failing problems and the fewest passing ones meet, and the number of the latter.

    traits_alone: whether only traits are used, without sizes and remainders.
    """
    if not failing or not passing:
        return ALWAYS, len(passing)
    numbers = [measures(problem) for problem in failing], [measures(problem) for problem in passing]
    of_sizes = () if traits_alone else (*_thresholds(*numbers), *_one_of_both(numbers[0]), *_layer(failing))
    remainders = () if traits_alone else _remainders(*numbers)
    candidates = (*_of_traits(failing), *of_sizes, *remainders)
    single = [condition for condition in candidates if all(map(condition.holds, failing))]
    scored = sorted(((_wrong(c, passing), c.cost, number) for number, c in enumerate(single)), key=lambda s: s[:2])
    best = [(wrong, cost, single[number]) for wrong, cost, number in scored[:MOST_SINGLE]]
    if best and best[0][0] == 0:
        return best[0][2], 0
    pairs = [(a.also(b)) for (_, _, a), (_, _, b) in combinations(best, 2)]
    tried = [(wrong, cost, c) for wrong, cost, c in best] + [(_wrong(c, passing), c.cost + 1, c) for c in pairs]
    tried.append((len(passing), 0, ALWAYS))
    wrong, _, condition = min(tried, key=lambda entry: (entry[0], entry[1]))
    return condition, wrong


def discriminates(false_matches: int, failing: int) -> bool:
    """Whether a condition is worth reporting that `failing` problems meet, and `false_matches` passing ones."""
    return MOST_FALSE * false_matches <= failing


PER_AXIS = ("input", "output", "kernel", "stride", "dilation", "padding")
REMAINDER = "the remainder of the stride"
SUMMARIES = {*(f"the {end} {name}" for end in ("largest", "smallest") for name in PER_AXIS), REMAINDER}
"""Measures of all axes at once."""

TOTALS = ("numbers in all", "numbers of input and weight", "products")
"""Measures of everything at once: said only where nothing simpler is."""

SHOWN = {
    "input": "input size",
    "output": "output size",
    "reduction": "reduction length",
    REMAINDER: "(input + padding - kernel span) % stride",
}
"""How measures are shown, where their names say too little."""


@lru_cache(maxsize=8192)
def measures(problem: Problem) -> dict[str, int]:
    """The extents and parameters of a problem by name, per axis ('kernel 1') and over all axes."""
    found = extents(problem)
    geometry, axes = problem.geometry, range(problem.dimensions)
    for name, values in (
        ("stride", problem.stride),
        ("dilation", problem.dilation),
        ("padding", [max(sides) for sides in geometry.padding]),
        ("output_padding", problem.output_padding),
    ):
        found |= {f"{name} {axis}": values[axis] for axis in axes}
    for name in PER_AXIS:
        values = [found[f"{name} {axis}"] for axis in axes]
        found |= {f"the largest {name}": max(values), f"the smallest {name}": min(values)}
    found["stride - kernel"] = max(s - k for s, k in zip(problem.stride, geometry.kernel_size, strict=True))
    numbers = [math.prod(shape) for shape in (problem.input_shape, problem.weight_shape, problem.output_shape)]
    found |= {"numbers in all": sum(numbers), "numbers of input and weight": sum(numbers[:2])}
    found["products"] = problem.multiply_adds
    found["kernel - input"] = max(k - i for i, k in zip(geometry.input_size, geometry.kernel_size, strict=True))
    found["padding - kernel"] = max(p[0] - k for p, k in zip(geometry.padding, geometry.kernel_size, strict=True))
    steps = zip(
        geometry.input_size, geometry.padding, geometry.dilation, geometry.kernel_size, geometry.stride, strict=True
    )
    found[REMAINDER] = max((i + sum(p) - d * (k - 1) - 1) % s for i, p, d, k, s in steps)
    return found


@lru_cache(maxsize=8192)
def traits(problem: Problem) -> frozenset[str]:
    """The traits of a problem, as text: which features of the operation it uses."""
    found = set()
    geometry = problem.geometry
    axes = range(problem.dimensions)
    kernel, strides, dilations = problem.weight_shape[2:], problem.stride, problem.dilation
    for said, true in (
        ("an unbatched input", not problem.batched),
        ("batch 0", geometry.batch == 0),
        ("batch > 1", geometry.batch > 1),
        ("groups > 1", problem.groups > 1),
        ("groups > 1 and more than one output channel per group", _several_per_group(problem)),
        ("more than one input channel per group", _inputs_per_group(problem) > 1),
        ("a bias", problem.bias),
        ("no bias", not problem.bias),
        ("string padding", isinstance(problem.padding, str)),
        ("padding 'same'", problem.padding == "same"),
        ("a kernel of more than one element", max(kernel) > 1),
        ("stride > 1", max(strides) > 1),
        ("dilation > 1", max(dilations) > 1),
        ("dilation > 1 and kernel > 1", any(d > 1 and k > 1 for d, k in zip(dilations, kernel, strict=True))),
        ("padding > 0", any(max(sides) > 0 for sides in geometry.padding)),
        ("output_padding > 0", max(problem.output_padding) > 0),
        ("a stride that differs between the axes", len(set(strides)) > 1),
        ("a dilation that differs between the axes", len(set(dilations)) > 1),
        ("a padding that differs between the axes", len(set(geometry.padding)) > 1),
        ("a kernel that differs between the axes", len(set(kernel)) > 1),
        ("an even kernel", any(k % 2 == 0 for k in kernel)),
        ("an input size that differs between the axes", len(set(geometry.input_size)) > 1),
        ("an output size that differs between the axes", len(set(geometry.output_size)) > 1),
        *_relations(problem),
    ):
        if true:
            found.add(said)
    if problem.dimensions > 1:
        for axis in axes:
            for name, values, default in (
                ("stride", strides, 1),
                ("dilation", dilations, 1),
                ("kernel", kernel, 1),
                ("padding", [max(sides) for sides in geometry.padding], 0),
                ("output_padding", problem.output_padding, 0),
            ):
                if values[axis] > default:
                    found.add(f"{name} > {default} on axis {axis}")
    return frozenset(found)


def _relations(problem: Problem) -> Iterator[tuple[str, bool]]:
    """Relations between the parameters of an axis, and whether one axis has them."""
    g = problem.geometry
    i, o, k, s, d, q = (
        np.array(values)
        for values in (g.input_size, g.output_size, g.kernel_size, g.stride, g.dilation, problem.output_padding)
    )
    before, after = np.array(g.padding).T
    reach = d * (k - 1)
    for said, true in (
        ("stride > kernel", s > k),
        ("kernel > stride > 1", (k > s) & (s > 1)),
        ("a stride that does not divide the kernel", k % s > 0),
        ("a stride and a dilation with a common factor", np.gcd(s, d) > 1),
        ("padding > dilation*(kernel - 1)", np.maximum(before, after) > reach),
        ("whole sums in the padding", before > reach),
        ("unlike padding before and behind", before != after),
        ("output_padding >= stride", (q >= s) & (q > 0)),
        ("output size > input size", o > i),
        ("an odd input size", i % 2 == 1),
        ("an odd output size", o % 2 == 1),
    ):
        yield f"{said} on one axis" if problem.dimensions > 1 else said, bool(true.any())


COMMON = ("batch", "groups", "in_channels", "out_channels", "in_channels/group", "out_channels/group", "reduction")


def _of_traits(failing: Sequence[Problem]) -> list[Condition]:
    def has(said: str) -> Callable[[Problem], bool]:
        return lambda problem: said in traits(problem)

    return [Condition(said, has(said)) for said in sorted(frozenset.intersection(*map(traits, failing)))]


def _said(name: str, relation: str) -> str:
    """A statement on a measure: `batch > 16`, `the largest input size = 9`, `kernel > 3 on axis 1`."""
    bare, _, axis = name.rpartition(" ")
    if axis.isdigit():
        return f"{SHOWN.get(bare, bare)} {relation} on axis {axis}"
    if bare.startswith("the ") and name != REMAINDER:
        return f"{bare} {SHOWN.get(axis, axis)} {relation}"
    return f"{SHOWN.get(name, name)} {relation}"


def _cost(name: str) -> int:
    if name in TOTALS:
        return 3
    return 1 if name in COMMON or name in SUMMARIES else 2


def _measured(name: str, test: Callable[[int], bool]) -> Callable[[Problem], bool]:
    return lambda problem: test(measures(problem)[name])


def _thresholds(failing: Sequence[dict[str, int]], passing: Sequence[dict[str, int]]) -> list[Condition]:
    """At least what all failing ones have, at most that, or exactly."""
    found = []
    for name in failing[0]:
        values, others = [p[name] for p in failing], [p[name] for p in passing]
        least, most = min(values), max(values)
        below = max((v for v in others if v < least), default=None)
        above = min((v for v in others if v > most), default=None)
        cost = _cost(name)
        if below is not None:
            edge = (name, below, least)
            found.append(Condition(_said(name, f"> {below}"), _measured(name, below.__lt__), cost, edge))
        if above is not None:
            found.append(Condition(_said(name, f"< {above}"), _measured(name, above.__gt__), cost + 1))
        if least == most and len(set(values + others)) > 1:
            found.append(Condition(_said(name, f"= {least}"), _measured(name, least.__eq__), cost))
    return found


def at_least(name: str, least: int, cost: int) -> Condition:
    """The threshold whose constant is exact."""
    return Condition(_said(name, f">= {least}"), _measured(name, least.__le__), cost)


def _one_of_both(failing: Sequence[dict[str, int]]) -> list[Condition]:
    """A value that every failing problem has on the input's or on the output's side."""

    def has(pair: tuple[str, str], value: int) -> Callable[[Problem], bool]:
        return lambda problem: value in {measures(problem)[name] for name in pair}

    found = []
    for pair, said in BOTH_SIDES.items():
        common = set.intersection(*({p[name] for name in pair} for p in failing))
        found += [Condition(f"{said} = {value}", has(pair, value), 2) for value in sorted(common)]
    return found


BOTH_SIDES = {
    ("in_channels", "out_channels"): "in_channels or out_channels",
    ("the largest input", "the largest output"): "the largest input or output size",
}


def _layer(failing: Sequence[Problem]) -> list[Condition]:
    """One kernel, stride, padding and dilation on every axis of all failing problems: a path for one kind of layer."""
    if len({setting for problem in failing for setting in _settings(problem)}) != 1:
        return []
    (wanted,) = _settings(failing[0])
    said = ", ".join(f"{name} {value}" for name, value in zip(SETTING, wanted, strict=True))
    return [Condition(f"{said} on every axis", lambda problem: _settings(problem) == {wanted}, 2)]


SETTING = ("kernel", "stride", "padding", "dilation")


def _settings(problem: Problem) -> set[tuple[int, ...]]:
    g = problem.geometry
    return {(k, s, p[0], d) for k, s, p, d in zip(g.kernel_size, g.stride, g.padding, g.dilation, strict=True)}


def _remainders(failing: Sequence[dict[str, int]], passing: Sequence[dict[str, int]]) -> list[Condition]:
    found = []
    for name in failing[0]:
        for multiple in MULTIPLES:
            left = {p[name] % multiple for p in failing}
            if len({p[name] % multiple for p in (*failing, *passing)}) == 1:
                continue
            if 0 not in left and multiple > 2:
                found.append(
                    Condition(_said(name, f"% {multiple} != 0"), _rest(name, multiple, 0, same=False), _cost(name) + 1)
                )
            if len(left) == 1:
                (rest,) = left
                said = _said(name, f"% {multiple} = {rest}")
                found.append(Condition(said, _rest(name, multiple, rest, same=True), _cost(name) + (multiple > 2)))
    return found


def _rest(name: str, multiple: int, rest: int, *, same: bool) -> Callable[[Problem], bool]:
    return lambda problem: (measures(problem)[name] % multiple == rest) == same


def _wrong(condition: Condition, passing: Sequence[Problem]) -> int:
    return sum(map(condition.holds, passing))


def _inputs_per_group(problem: Problem) -> int:
    return problem.weight_shape[0] // problem.groups if problem.transposed else problem.weight_shape[1]


def _several_per_group(problem: Problem) -> bool:
    outputs = problem.weight_shape[1] if problem.transposed else problem.weight_shape[0] // problem.groups
    return problem.groups > 1 and outputs > 1
