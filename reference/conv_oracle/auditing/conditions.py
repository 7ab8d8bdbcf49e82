"""Where a fault is seen: what the failing problems have in common and the passing ones lack."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from conv_oracle.problem import Problem


def traits(problem: Problem) -> frozenset[str]:
    """What can be said of a problem, in words that a signature's reader knows."""
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
        ("padding in words", isinstance(problem.padding, str)),
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


def condition(failing: Sequence[Problem], passing: Sequence[Problem]) -> str:
    """The fewest traits that all failing problems have and that single them out; '' where nothing failed."""
    if not failing:
        return ""
    if not passing:
        return "on every problem that was compared"
    names, innocent = _singled_out(failing, passing)
    if not names:
        return f"on {len(failing)} of {len(failing) + len(passing)} problems, with nothing visible in common"
    said = " and ".join(names)
    return f"only with {said}; {innocent} of {len(passing)} right answers have that too" if innocent else f"with {said}"


def shared(failing: Sequence[Problem], passing: Sequence[Problem]) -> list[str]:
    """The fewest traits that all failing problems have, and fewest passing ones; none where nothing parts them."""
    return _singled_out(failing, passing)[0] if failing and passing else []


def _singled_out(failing: Sequence[Problem], passing: Sequence[Problem]) -> tuple[list[str], int]:
    """(at most two traits of all failing problems, the number of passing ones that have them too)."""
    common = frozenset.intersection(*map(traits, failing))
    others = [traits(problem) for problem in passing]
    sets = [set(names) for size in (0, 1, 2) for names in combinations(sorted(common), size)]
    innocent, _, names = min((sum(names <= other for other in others), len(names), sorted(names)) for names in sets)
    return names, innocent


def _inputs_per_group(problem: Problem) -> int:
    return problem.weight_shape[0] // problem.groups if problem.transposed else problem.weight_shape[1]


def _several_per_group(problem: Problem) -> bool:
    outputs = problem.weight_shape[1] if problem.transposed else problem.weight_shape[0] // problem.groups
    return problem.groups > 1 and outputs > 1
