"""The blocks that a large contraction is computed in, so that what it unfolds stays in the cache."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from conv_oracle.geometry import Shape

Box = tuple[slice, ...]


def pieces(size: int, most: int) -> list[slice]:
    """The fewest slices of at most `most` that cover `size`, as equal as can be."""
    count = -(-size // max(1, most))
    return [slice(i * size // count, (i + 1) * size // count) for i in range(count)]


def boxes(size: Shape, most: int) -> Iterator[Box]:
    """Boxes of at most `most` elements that cover `size`, each one stretch of memory in an array of that shape."""
    if len(size) == 1 or prod(size[1:]) <= most:
        for rows in pieces(size[0], most // prod(size[1:])):
            yield rows, *(slice(0, s) for s in size[1:])
    else:
        for row in range(size[0]):
            for rest in boxes(size[1:], most):
                yield slice(row, row + 1), *rest


def lengths(box: Box) -> Shape:
    """The shape of a box."""
    return tuple(part.stop - part.start for part in box)
