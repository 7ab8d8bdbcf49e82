"""Padding that differs between the two sides of an axis, for targets that can be given it."""

from __future__ import annotations

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
    """The sides that TensorFlow and Keras call SAME: where odd in all, the side behind has more.

    A convolution has ceil(size / stride) outputs with it, a transposed one size * stride.
    """
    sides = []
    sizes = problem.input_shape[-problem.dimensions :]
    for i, k, s, d in zip(sizes, problem.weight_shape[2:], problem.stride, problem.dilation, strict=True):
        span = (k - 1) * d + 1
        whole = max(span - s if problem.transposed else (-(-i // s) - 1) * s + span - i, 0)
        sides.append((whole // 2, whole - whole // 2))
    return tuple(sides)
