"""Padding that differs between the two sides of an axis, for targets that can be given it."""

from __future__ import annotations

from conv_oracle.auditing.targets import own_sides, same_sides, same_sides_transposed
from conv_oracle.problem import Problem


def unlike_sides(problem: Problem) -> tuple[tuple[int, int], ...]:
    """The padding of a problem, where its sizes are even with one more behind, or one less where that gives outputs."""
    if isinstance(problem.padding, str):
        return ()
    sizes = problem.input_shape[-problem.dimensions :]
    more = -1 if problem.transposed else 1
    return tuple(
        (before, max(behind + more, 0)) if size % 2 == 0 else (before, behind)
        for (before, behind), size in zip(problem.padding, sizes, strict=True)
    )


def same_sides_of(problem: Problem) -> tuple[tuple[int, int], ...]:
    """The sides of every axis that TensorFlow and Keras call SAME."""
    sizes = problem.input_shape[-problem.dimensions :]
    return tuple(
        same_sides_transposed(k, s, d) if problem.transposed else same_sides(i, k, s, d)
        for i, k, s, d in zip(sizes, problem.weight_shape[2:], problem.stride, problem.dilation, strict=True)
    )


def own_sides_of(problem: Problem, rule: str) -> tuple[tuple[int, int], ...]:
    """The sides of every axis of a target that pads of its own accord."""
    sizes = problem.input_shape[-problem.dimensions :]
    return tuple(
        own_sides(rule, i, k, s, d)
        for i, k, s, d in zip(sizes, problem.weight_shape[2:], problem.stride, problem.dilation, strict=True)
    )
