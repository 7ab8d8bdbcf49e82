"""Edges: problems on which conventions differ, so that an audit tells how they are answered, and decides by others.

An empty batch, an unbatched input, a padding given as a word, and an output_padding that reaches the stride, which
PyTorch takes where the dilation is larger. Problems without an output and invalid arguments are edges too; they have no
right answer, and are listed in lists.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Literal, get_args

from conv_oracle.problem import Problem

Edge = Literal[
    "an empty batch",
    "an unbatched input",
    "a padding given as a word",
    "output_padding of at least the stride",
    "a problem without an output",
    "arguments that contradict each other",
]
EDGES: tuple[Edge, ...] = get_args(Edge)
"""In the order of the report; the last two have no right answer."""


def edge_of(problem: Problem) -> Edge | None:
    """The edge that a problem with a solution is on; None for an ordinary one."""
    if not problem.batched:
        return "an unbatched input"
    if problem.input_shape[0] == 0:
        return "an empty batch"
    if isinstance(problem.padding, str):
        return "a padding given as a word"
    if any(extra >= stride for extra, stride in zip(problem.output_padding, problem.stride, strict=True) if extra):
        return "output_padding of at least the stride"
    return None


def ordinary(problem: Problem) -> Problem | None:
    """The problem without its edge, so that what else it asks is asked; None where it needs the edge.

    A padding of 'same' is written in numbers where it is the same on both sides.
    """
    if not problem.batched:
        problem = replace(problem, input_shape=(1, *problem.input_shape))
    if problem.input_shape[0] == 0:
        problem = replace(problem, input_shape=(2, *problem.input_shape[1:]))
    if isinstance(problem.padding, str):
        sides = problem.geometry.padding
        if any(before != after for before, after in sides):
            return None
        problem = replace(problem, padding=sides)
    within = zip(problem.output_padding, problem.stride, strict=True)
    return replace(problem, output_padding=tuple(min(extra, stride - 1) for extra, stride in within))


def on_edges(listed: Iterable[Problem], most: int | None) -> Iterator[Problem]:
    """The problems on an edge, at most so many of each; None is all."""
    count: dict[Edge, int] = {}
    for problem in listed:
        edge = edge_of(problem)
        if edge is not None and (most is None or count.get(edge, 0) < most):
            count[edge] = count.get(edge, 0) + 1
            yield problem
