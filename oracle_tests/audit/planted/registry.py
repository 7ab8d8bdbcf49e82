"""The planted faults: edits of the index map under every trigger and in every style, and those of their own."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

from audit.planted.maps import EDITS, STYLES, TRIGGERS
from audit.planted.own import PLANTS as OWN
from audit.planted.plant import Plant

MAPS = Path(__file__).with_name("maps.py")

FAMILIES = ("conv{}d", "conv_transpose{}d", "conv{}d_input", "conv{}d_weight")

FAULTS = {
    "flip_last": "kernel_flip",
    "flip_first": "kernel_flip",
    "flip_all": "kernel_flip",
    "stride_swapped": "axis_swapped",
    "dilation_swapped": "axis_swapped",
    "padding_swapped": "axis_swapped",
    "dilation_ignored": "dilation_mishandled",
    "stride_ignored": "stride_remainder",
    "padding_side": "same_pad_side",
    "origin_late": "same_pad_side",
    "origin_early": "same_pad_side",
    "wraps_around": "uninit_or_oob",
    "last_tap_dropped": "tail_tile",
    "first_tap_dropped": "tail_tile",
    "last_column_dropped": "tail_tile",
    "first_row_dropped": "tail_tile",
    "one_border_pixel": "tail_tile",
    "one_corner_tap": "tail_tile",
    "one_middle_read": "tail_tile",
    "group_offset": "group_offset",
    "groups_interleaved": "group_offset",
    "channels_reversed": "group_offset",
    "multiplier_order": "depth_multiplier",
    "last_channel_dropped": "tail_tile",
    "tail_of_four": "tail_tile",
}
"""The class of a fault that an edit is."""

BETWEEN_AXES = ("stride_swapped", "dilation_swapped", "padding_swapped", "flip_first")
"""Edits that are none, or another one, where there is one axis."""

UNDER_TRIGGERS = ("flip_last", "origin_late", "one_border_pixel", "last_channel_dropped", "last_tap_dropped")
"""Edits that show on every problem that is large enough, for triggers that fire on few."""

BROAD = ("always", "odd_width", "remainder")


def _everywhere() -> Iterator[Plant]:
    """Every edit on every family of operations; the number of axes and the style in turn."""
    styles, axes = cycle(STYLES), cycle((2, 1, 3))
    for edit in EDITS:
        for family in FAMILIES if edit != "right" else ():
            dimensions = next(axes)
            if dimensions == 1 and edit in BETWEEN_AXES:
                dimensions = next(axes)
            yield _map(family.format(dimensions), edit, "always", next(styles))


def _narrow() -> Iterator[Plant]:
    """Every trigger on every family, each with one of the edits that show whenever it fires.

    The slow styles are not for three axes: an audit of standard level would end before it is through.
    """
    styles, axes, edits = cycle(STYLES), cycle((1, 2, 3)), cycle(UNDER_TRIGGERS)
    for trigger in TRIGGERS:
        for family in FAMILIES if trigger != "always" else ():
            dimensions, style = next(axes), next(styles)
            yield _map(family.format(dimensions), next(edits), trigger, "columns" if dimensions == 3 else style)


def _map(op: str, edit: str, trigger: str, style: str) -> Plant:
    name = f"{op}__{edit}__{trigger}__{style}"
    return Plant(f"maps:{name}", f"{MAPS}:{name}", op, FAULTS[edit], narrow=trigger not in BROAD)


PLANTS = (*_everywhere(), *_narrow(), *OWN)
