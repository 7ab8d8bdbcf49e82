"""The axes by name, and the tiles that a loop over an extent runs in."""

from __future__ import annotations

TILES = (2, 4, 8, 16, 32)
RARE_TILES = tuple(sorted(set(range(3, 65)) - set(TILES)))
"""Those that are looked for only where nothing else explains what came."""


def axis_name(axis: int, axes: int) -> str:
    """Depth, height and width, of which the last are there; the length of one axis."""
    return "the length" if axes == 1 else ("the depth", "the height", "the width")[axis - axes]


def together_and_alone(axes: int) -> list[tuple[int, ...]]:
    """All axes at once, then each by itself where there are several."""
    alone = [(axis,) for axis in range(axes)]
    return [tuple(range(axes)), *(alone if axes > 1 else [])]


def along(chosen: tuple[int, ...], axes: int) -> str:
    """'along the height' of one axis among several; empty of all axes."""
    return f"along {axis_name(chosen[0], axes)}" if len(chosen) < axes else ""


def comma_along(chosen: tuple[int, ...], axes: int) -> str:
    """', along the height' of one axis among several; empty of all axes."""
    return f", {along(chosen, axes)}" if len(chosen) < axes else ""


def comma_along_each(chosen: tuple[int, ...], axes: int) -> str:
    """', along the height' of one axis among several, ', along every axis' of all; empty where there is only one."""
    return comma_along(chosen, axes) or (", along every axis" if axes > 1 else "")
