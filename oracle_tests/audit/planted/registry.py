"""The planted faults: edits of the index map under every trigger and in every style, and those written by hand."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

from audit.planted.hand_written import PLANTS as HAND_WRITTEN
from audit.planted.maps import EDITS, STYLES, TRIGGERS
from audit.planted.plant import Plant

MAPS = Path(__file__).with_name("maps.py")

FAMILIES = ("conv{}d", "conv_transpose{}d", "conv{}d_input", "conv{}d_weight")

FAULTS = {
    "flip_last": "kernel_flip kernel-flipped",
    "flip_first": "kernel_flip kernel-flipped",
    "flip_all": "kernel_flip kernel-flipped",
    "stride_swapped": "axis_swapped stride-axes-exchanged",
    "dilation_swapped": "axis_swapped dilation-axes-exchanged",
    "padding_swapped": "axis_swapped padding-axes-exchanged",
    "dilation_ignored": "dilation_mishandled dilation-ignored",
    "stride_ignored": "stride_remainder stride-ignored",
    "padding_side": "same_pad_side origin-shifted",
    "origin_late": "same_pad_side origin-shifted",
    "origin_early": "same_pad_side origin-shifted",
    "wraps_around": "uninit_or_oob reads-around-the-border",
    "last_tap_dropped": "tail_tile kernel-element-dropped",
    "first_tap_dropped": "tail_tile kernel-element-dropped",
    "last_column_dropped": "tail_tile output-not-written",
    "first_row_dropped": "tail_tile output-not-written",
    "one_border_pixel": "tail_tile one-read-dropped",
    "one_corner_tap": "tail_tile one-read-dropped",
    "one_middle_read": "tail_tile one-read-dropped",
    "group_offset": "group_offset group-offset-wrong",
    "groups_interleaved": "group_offset groups-interleaved",
    "channels_reversed": "group_offset channels-reversed",
    "multiplier_order": "depth_multiplier groups-interleaved",
    "last_channel_dropped": "tail_tile channel-dropped",
    "tail_of_four": "tail_tile channel-tail-dropped",
}
"""The class of a fault that an edit is, and its name."""

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
    fault, called = FAULTS[edit].split()
    return Plant(
        f"maps:{name}", f"{MAPS}:{name}", op, fault, frozenset([called]), narrow=trigger not in BROAD, own_kind=True
    )


PLANTS = (*_everywhere(), *_narrow(), *HAND_WRITTEN)
