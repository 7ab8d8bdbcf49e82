"""The right subjects that are made for some layers alone, as kernels for a GPU are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from audit.right.people.entry import (
    DILATED,
    GEOMETRY,
    GROUPED,
    LONG,
    NOTHING,
    PER_AXIS,
    SAME,
    STRIDED,
    UNBATCHED,
    People,
    people,
)

REFUSED = f"{UNBATCHED}; {LONG}"
"""What all that is restricted refuses with a ValueError; a word for the padding is a TypeError."""


VALUES = {"ValueError": REFUSED, "TypeError": SAME}
FOURS = {"ValueError": "x2x4x2x2 w4x4x5x5", "TypeError": "x2x4x8x8 w4x4x3x3 psame"}
GENERAL = "x2x3x8x9 w4x3x3x2 s2,1 p1,0; x1x2x5x5 w3x2x2x2 bias; x0x3x8x8 w4x3x3x3"


def _limited(function: str, takes: tuple[str, ...], supports: str, refuses: Mapping[str, str], **more: Any) -> People:
    op = more.pop("op", "conv2d")
    return people(f"limited_scope:{function}", op, takes, supports, refuses, **more)


def _channels_and_kernels() -> Iterator[People]:
    by_four = "x2x4x8x9 w8x4x3x2 s2,1 p1,0; x1x8x5x5 w4x8x2x2 bias; x0x4x8x8 w4x4x3x3"
    odd = "x2x3x8x8 w4x3x3x3; x2x4x8x8 w6x4x3x3"
    yield _limited("channels_by_four", STRIDED, by_four, {"AssertionError": odd, **FOURS})
    yield _limited(
        "conv1d_channels_by_eight",
        DILATED,
        "x2x8x9 w16x8x3 s2 p1 d2; x1x16x6 w16x16x2 bias; x0x8x9 w32x8x3",
        {"ValueError": "x2x3x9 w4x3x3; x2x8x9 w12x8x3; x8x9 w16x8x3", "TypeError": "x2x8x9 w16x8x3 psame"},
        op="conv1d",
    )
    yield _limited(
        "winograd",
        ("bias", "padding"),
        "x2x3x8x9 w4x3x3x3 p1,0; x1x2x3x3 w3x2x3x3 bias; x0x3x8x8 w4x3x3x3; x2x2x5x4 w2x2x3x3 p2",
        {"NotImplementedError": "x2x3x8x8 w4x3x5x3; x2x3x8x8 w4x3x1x1", "ValueError": f"{UNBATCHED}; {SAME}"},
        arithmetic="inexact",
    )
    wide = {"RuntimeError": "x1x1x9x9 w1x1x8x2; x1x1x9x15 w1x1x1x11", **VALUES}
    yield _limited("kernels_up_to_seven", DILATED, f"{GENERAL}; x1x1x7x8 w2x1x7x7", wide)
    yield _limited(
        "strides_of_one_and_two",
        STRIDED,
        "x2x3x8x9 w4x3x3x2 s2 p1,0; x1x2x5x5 w3x2x2x2 bias",
        {"NotImplementedError": "x2x3x8x8 w4x3x3x3 s3; x2x3x8x8 w4x3x3x3 s2,1", **VALUES},
        ints="TypeError",
    )
    deep = "x2x3x8x9 w3x1x3x2 s2,1 p1,0 g3; x1x2x5x5 w4x1x2x2 g2 bias; x0x3x8x8 w3x1x3x3 g3"
    yield _limited(
        "depthwise",
        GEOMETRY,
        deep,
        {
            "ValueError": f"x2x3x8x8 w4x3x3x3; x2x4x8x8 w4x2x3x3 g2; {REFUSED}",
            "TypeError": "x2x3x8x8 w3x1x3x3 psame g3",
        },
    )


def _batches_and_outputs() -> Iterator[People]:
    yield _limited(
        "pointwise",
        ("bias",),
        "x2x3x8x9 w4x3x1x1; x1x2x5x5 w3x2x1x1 bias; x0x3x8x8 w4x3x1x1",
        {"AssertionError": "x2x3x8x8 w4x3x3x3; x2x3x8x8 w4x3x1x2", "ValueError": "x3x8x8 w4x3x1x1"},
    )
    single = "x1x3x8x9 w4x3x3x2 s2,1 p1,0; x1x2x5x5 w3x2x2x2 bias"
    yield _limited(
        "one_example",
        STRIDED,
        single,
        {
            "NotImplementedError": f"x2x3x8x8 w4x3x3x3; {NOTHING}",
            "ValueError": "x1x3x2x2 w4x3x5x5",
            "TypeError": "x1x3x8x8 w4x3x3x3 psame",
        },
    )
    yield _limited(
        "one_channel",
        (),
        "x2x1x8x9 w1x1x3x2; x1x1x5x5 w1x1x5x5; x0x1x8x8 w1x1x3x3",
        {"ValueError": "x2x3x8x8 w4x3x3x3; x2x1x8x8 w2x1x3x3; x1x8x8 w1x1x3x3; x2x1x2x2 w1x1x5x5"},
    )
    yield _limited(
        "even_outputs",
        STRIDED,
        "x2x3x8x9 w4x3x3x2 s1,2 p1,0; x1x2x5x5 w3x2x2x2 bias",
        {
            "AssertionError": "x2x3x7x8 w4x3x3x3; x2x3x8x7 w4x3x3x3",
            "ValueError": f"{LONG}; {SAME}",
            "IndexError": UNBATCHED,
        },
    )
    yield _limited(
        "padding_below_kernel", STRIDED, GENERAL, {**VALUES, "ValueError": f"x2x3x8x8 w4x3x2x3 p2,1; {REFUSED}"}
    )


def _parameters() -> Iterator[People]:
    yield _limited(
        "nothing_padded",
        DILATED,
        "x2x3x8x9 w4x3x3x2 s2,1 d1,3; x1x2x5x5 w3x2x2x2 bias; x2x3x8x8 w4x3x3x3 pvalid",
        {"NotImplementedError": f"x2x3x8x8 w4x3x3x3 p1; {SAME}", "ValueError": f"{UNBATCHED}; {LONG}"},
    )
    grouped = f"{GENERAL}; x2x4x6x7 w6x2x3x3 g2"
    dilated = "x2x3x9x9 w4x3x3x3 d2; x2x3x9x9 w4x3x3x3 d1,2"
    yield _limited("dilation_asserted", GEOMETRY, grouped, {"AssertionError": dilated, **VALUES})
    ends = f"{GENERAL}; x2x3x8x9 w6x1x3x2 g3"
    yield _limited("one_group_or_all", GROUPED, ends, {"RuntimeError": "x2x4x8x8 w6x2x3x3 g2", **VALUES})
    yield _limited(
        "groups_of_two_channels",
        GROUPED,
        "x2x4x8x9 w4x2x3x2 s2,1 p1,0 g2; x1x2x5x5 w4x2x2x2 bias; x0x8x8x8 w8x4x3x3 g2",
        {"AssertionError": "x2x3x8x8 w4x3x3x3; x2x4x8x8 w6x2x3x3 g2", **FOURS},
    )
    small = "x2x3x2x8 w4x3x3x3 p1; x2x3x8x2 w4x3x3x3 p1"
    yield _limited("image_at_least_the_kernel", STRIDED, GENERAL, {**VALUES, "ValueError": f"{small}; {REFUSED}"})
    rows = "x2x3x7x8 w4x3x3x2 s2,1 p1,0; x1x2x5x4 w3x2x2x2 bias; x0x3x8x8 w4x3x3x3"
    yield _limited("width_by_four", STRIDED, rows, {**VALUES, "ValueError": f"x2x3x8x9 w4x3x3x3; {REFUSED}"})


def _layers() -> Iterator[People]:
    yield _limited(
        "looked_up",
        ("stride", "padding"),
        "x2x3x8x9 w4x3x3x3 s2 p1; x1x2x5x5 w3x2x1x1 p2; x1x2x7x6 w3x2x5x5; x0x3x8x8 w4x3x3x3",
        {
            "KeyError": "x2x3x8x8 w4x3x2x2; x2x3x8x8 w4x3x3x3 s3; x2x3x8x8 w4x3x3x2; x2x3x8x8 w4x3x1x1 s2",
            "ValueError": "x3x8x8 w4x3x3x3; x2x3x2x2 w4x3x5x5",
            "TypeError": "x2x3x8x8 w4x3x1x1 psame; x2x3x8x8 w4x3x3x3 psame",
        },
        plain=PER_AXIS,
        tuples="KeyError",
    )
    yield _limited(
        "patches",
        ("bias", "stride"),
        "x2x3x8x9 w4x3x4x3 s4,3; x1x2x6x6 w3x2x2x2 s2 bias; x0x3x8x8 w4x3x4x4 s4; x2x3x4x4 w2x3x1x1",
        {"ValueError": "x2x3x8x8 w4x3x4x4; x2x3x9x8 w4x3x4x4 s4; x2x3x8x8 w4x3x4x4 s4,2; x3x8x8 w4x3x4x4 s4"},
        ints="TypeError",
    )
    full = {"RuntimeError": "x1x1x9x9 w1x1x1x1; x1x3x20x20 w2x3x3x3 s2", **VALUES}
    yield _limited("threads_of_a_block", STRIDED, GENERAL, full)
    yield _limited(
        "conv3d_without_padding",
        ("bias", "stride"),
        "x1x3x5x6x7 w4x3x2x2x2 s2,1,3; x1x2x3x3x4 w2x2x3x3x3 bias",
        {
            "AssertionError": "x2x3x5x6x7 w4x3x2x2x2; x1x3x5x6x7 w4x3x2x2x3; x3x5x6x7 w4x3x2x2x2",
            "ValueError": "x1x2x2x2x2 w2x2x3x3x3",
        },
        op="conv3d",
    )
    yield _limited(
        "conv_transpose2d_stride_two",
        (*STRIDED, "output_padding"),
        "x2x3x5x4 w3x2x4x4 s2 p1; x1x2x1x3 w2x3x4x4 s2 p1 bias; x0x2x3x3 w2x3x4x4 s2 p1",
        {
            "NotImplementedError": "x2x3x5x4 w3x2x4x4; x2x3x5x4 w3x2x3x3 s2 p1; x2x3x5x4 w3x2x4x4 s2 p1 o1",
            "ValueError": "x3x5x4 w3x2x4x4 s2 p1",
        },
        op="conv_transpose2d",
    )


KERNELS: tuple[People, ...] = (*_channels_and_kernels(), *_batches_and_outputs(), *_parameters(), *_layers())
