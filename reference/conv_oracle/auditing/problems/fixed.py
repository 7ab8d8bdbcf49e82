"""The problems of one layer whose parameters are fixed, as those of a model file: images and batches vary."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count, product

from conv_oracle.auditing.problems.extents import affordable
from conv_oracle.errors import NotationError, TargetError
from conv_oracle.operation import Operation
from conv_oracle.problem import Problem, parse
from conv_oracle.space import solvable

LEAST_SIZES = 60
BATCHES = (2, 1, 3)
LONGER = (0, 1, 2, 3, 5, 4, 7, 6, 13, 16, 29, 30)
"""By how much an image is longer than the shortest that has an output: every remainder of small strides and tiles."""

LONG = (31, 32, 33, 63, 64, 65, 127, 129)
"""By how much one axis is longer, the others short: beyond tiles and blocks."""

ESSENTIAL_SIZES = 24
"""So many of the smallest sizes must be answered for the layer to conform."""


def layer(op: Operation, notation: str) -> Problem:
    """The layer that a notation without an input describes, on its shortest image: 'w4x3x3x3 s2 p1 bias'.

    Raises TargetError for one that describes no layer of the operation.
    """
    words = notation.split()
    if not words or not words[0].startswith("w"):
        raise TargetError(
            f"a fixed layer begins with the weight's shape: fix={notation!r}; 'w4x3x3x3 s2 p1' would fit {op}"
        )
    if any(word.rstrip("0123456789") in ("float", "bfloat", "complex", "int", "uint") for word in words[1:]):
        raise TargetError(f"a fixed layer has no dtype: fix={notation!r}; --dtype would fit")
    try:
        shape = [int(size) for size in words[0][1:].split("x")]
        groups = next((int(word[1:]) for word in words[1:] if word[0] == "g" and word[1:].isdigit()), 1)
        channels = shape[0] if op.transposed else shape[1] * groups
        for size in count(1):
            image = "x".join(["1", str(channels), *[str(size)] * op.axes])
            made = parse(f"{op} x{image} {notation}")
            if solvable(made):
                return made
            if size > 4 * max(1, *shape) + 4096:
                break
    except (NotationError, ValueError, IndexError) as error:
        raise TargetError(
            f"a fixed layer is a weight's shape and parameters: fix={notation!r} ({error}); "
            f"'w4x3x3x3 s2 p1' would fit conv2d"
        ) from None
    raise TargetError(f"a fixed layer must have an output on some image: fix={notation!r}; 'w4x3x3x3 s2 p1' would fit")


def of_layer(fixed: Problem) -> tuple[Problem, ...]:
    """The layer on at least LEAST_SIZES images and batches, the smallest first."""
    if not fixed.operation.forward:
        fixed = replace(fixed, bias=False)
    shortest = _shortest(fixed)
    listed: dict[Problem, None] = {}
    for number, more in enumerate(_longer(fixed.dimensions)):
        batch = BATCHES[number % len(BATCHES)]
        sizes = tuple(size + extra for size, extra in zip(shortest, more, strict=True))
        made = replace(fixed, input_shape=(batch, fixed.input_shape[1], *sizes))
        if solvable(made) and affordable(made):
            listed[made] = None
    if not listed:
        raise TargetError(f"a fixed layer must be small enough to test: fix={fixed} has more than 2,000,000 products")
    return tuple(sorted(listed, key=lambda problem: problem.multiply_adds))


def _shortest(fixed: Problem) -> tuple[int, ...]:
    """Per axis the shortest image that has an output."""
    front, sizes = fixed.input_shape[:2], list(fixed.input_shape[2:])
    for axis in range(fixed.dimensions):
        while sizes[axis] > 1:
            fewer = [*sizes[:axis], sizes[axis] - 1, *sizes[axis + 1 :]]
            if not solvable(replace(fixed, input_shape=(*front, *fewer))):
                break
            sizes = fewer
    return tuple(sizes)


def _longer(axes: int) -> Iterator[tuple[int, ...]]:
    """By how much each axis is longer: alike on all axes, then different ones, with a whole cross of the small."""
    if axes == 1:
        yield from ((more,) for more in dict.fromkeys((*range(LEAST_SIZES + 10), *LONG)))
        return
    seen: dict[tuple[int, ...], None] = {}
    for number in range(len(LONGER)):
        turned = tuple(LONGER[(number + 2 * axis) % len(LONGER)] for axis in range(axes))
        seen[turned] = None
        seen[(LONGER[number],) * axes] = None
    seen |= dict.fromkeys(product(LONGER[:8], repeat=2)) if axes == 2 else dict.fromkeys(product(range(4), repeat=axes))
    for number, more in enumerate(LONG):
        for axis in range(axes):
            seen[tuple(more if axis == other else number % 3 for other in range(axes))] = None
    yield from seen
