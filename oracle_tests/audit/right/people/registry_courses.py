"""The right subjects of courses and of little frameworks."""

from __future__ import annotations

from collections.abc import Iterator

from audit.right.people.entry import (
    DILATED,
    GEOMETRY,
    LONG,
    NOTHING,
    ONE_INT,
    PAD,
    PER_AXIS,
    SAME,
    STRIDED,
    UNBATCHED,
    People,
    people,
)


def _loops_and_columns() -> Iterator[People]:
    always = {"needs_bias": True, "names": PAD, **ONE_INT}
    odd = {"AssertionError": "x2x3x8x8 w4x3x3x3 s2 bias"}
    types = {"TypeError": SAME}
    values = {"ValueError": f"{UNBATCHED}; {LONG}"}
    plain = "x2x3x7x9 w4x3x3x5 s2 p1 bias; x1x3x6x5 w2x3x2x1 bias; x0x3x8x8 w4x3x3x3 bias"
    yield people("course_code:naive", "conv2d", STRIDED, plain, {**odd, **types, **values}, **always)
    yield people("course_code:without_its_cache", "conv2d", STRIDED, plain, {**odd, **types, **values}, **always)
    rows = "x2x3x8x9 w4x3x3x5 s2 p1; x1x3x6x5 w2x3x2x1 bias; x3x2x5x5 w4x2x3x3 s3 p2"
    values = {"ValueError": f"{UNBATCHED}; {LONG}; {NOTHING}"}
    yield people("course_code:im2col_rows", "conv2d", STRIDED, rows, {**types, **values}, **ONE_INT)
    even = "x2x3x7x9 w4x3x3x5 s2 p1 bias; x1x3x6x5 w2x3x2x1 bias"
    yield people(
        "course_code:by_fancy_indices",
        "conv2d",
        STRIDED,
        even,
        {"Exception": "x2x3x8x8 w4x3x3x3 s2 bias", **types, "ValueError": f"{UNBATCHED}; {LONG}"},
        needs_bias=True,
        **ONE_INT,
    )


def _square_and_centred() -> Iterator[People]:
    yield people(
        "course_code:square_by_int",
        "conv2d",
        STRIDED,
        "x2x3x8x8 w4x3x3x3 s2 p1; x3x2x7x7 w5x2x4x4 s3 bias; x0x3x8x8 w4x3x3x3",
        {"AssertionError": f"x2x3x8x9 w4x3x3x3; x2x3x8x8 w4x3x3x2; {LONG}", "TypeError": SAME, "ValueError": UNBATCHED},
        **ONE_INT,
    )
    yield people(
        "course_code:step_by_step",
        "conv2d",
        STRIDED,
        "x2x3x8x7 w4x3x3x3 s2 p1 bias; x1x2x5x6 w3x2x2x2 bias",
        {"ValueError": f"{UNBATCHED}; {LONG}; x2x3x8x8 w4x3x3x2 bias", "TypeError": SAME},
        needs_bias=True,
        names=PAD,
        **ONE_INT,
    )
    yield people(
        "course_code:odd_and_centred",
        "conv2d",
        ("bias", "padding"),
        "x2x3x8x7 w4x3x3x3 p1; x1x2x5x6 w3x2x5x5 p2 bias; x2x2x3x4 w2x2x1x1",
        {"ValueError": f"{UNBATCHED}; {SAME}; x2x3x8x8 w4x3x4x4 p2; x2x3x8x8 w4x3x3x5 p1; x2x3x8x8 w4x3x3x3"},
        plain=PER_AXIS,
        tuples="ValueError",
    )


def _other_courses() -> Iterator[People]:
    yield people(
        "course_code:conv1d_dots",
        "conv1d",
        ("stride",),
        "x2x3x9 w4x3x3 s2; x1x2x5 w3x2x5; x0x3x9 w4x3x3",
        {"ValueError": "x3x9 w4x3x3; x2x3x2 w4x3x3"},
        **ONE_INT,
    )
    yield people(
        "course_code:conv1d_correlate",
        "conv1d",
        (),
        "x2x3x9 w4x3x3; x1x2x5 w3x2x5; x0x3x9 w4x3x3",
        {"ValueError": "x2x3x2 w4x3x3", "IndexError": "x3x9 w4x3x3"},
    )
    yield people(
        "course_code:conv3d_loops",
        "conv3d",
        ("bias", "stride"),
        "x2x3x5x6x7 w4x3x2x3x4 s2; x1x2x3x3x4 w2x2x3x3x3 bias",
        {"ValueError": "x3x5x6x7 w4x3x2x3x3; x1x2x2x2x2 w2x2x4x4x4"},
        **ONE_INT,
    )
    yield people(
        "course_code:divides_evenly",
        "conv2d",
        STRIDED,
        "x2x3x7x9 w4x3x3x5 s2 p1 bias; x1x3x6x5 w2x3x2x1",
        {"ValueError": f"x2x3x8x8 w4x3x3x3 s2; {NOTHING}; {LONG}", "TypeError": SAME, "IndexError": UNBATCHED},
        **ONE_INT,
    )
    yield people(
        "course_code:no_empty_batch",
        "conv2d",
        GEOMETRY,
        "x2x4x8x9 w6x2x3x2 s2,1 p1,0 d1,2 g2; x1x3x6x5 w2x3x2x1 bias",
        {"ValueError": f"{NOTHING}; {UNBATCHED}; {LONG}", "TypeError": SAME},
    )


def _backward_passes() -> Iterator[People]:
    strided = ("stride", "padding")
    backward = {"names": PAD, **ONE_INT}
    problems = "x2x3x7x9 w4x3x3x5 s2 p1; x1x3x6x5 w2x3x2x1; x3x2x6x6 w4x2x3x3 s1 p2"
    yield people(
        "course_backward:conv2d_input", "conv2d_input", strided, f"{problems}; x2x3x8x8 w4x3x3x3 s2", {}, **backward
    )
    odd = {"AssertionError": "x2x3x8x8 w4x3x3x3 s2"}
    yield people("course_backward:conv2d_weight", "conv2d_weight", strided, problems, odd, **backward)
    empty = {"ValueError": "x0x3x8x8 w4x3x3x3"}
    for function, op in (("conv2d_input_col2im", "conv2d_input"), ("conv2d_weight_rows", "conv2d_weight")):
        where = f"course_backward:{function}"
        tuples = "ValueError" if op == "conv2d_weight" else "TypeError"
        yield people(where, op, strided, f"{problems}; x2x3x8x8 w4x3x3x3 s2", empty, plain=PER_AXIS, tuples=tuples)


def _transposed() -> Iterator[People]:
    up = "x2x3x5x4 w3x4x3x2 s2 p1; x1x2x4x4 w2x3x4x4 s3 bias"
    yield people(
        "course_backward:conv_transpose2d",
        "conv_transpose2d",
        STRIDED,
        f"{up}; x0x3x4x4 w3x2x2x2",
        {"ValueError": "x3x5x4 w3x4x3x2; x2x3x2x2 w3x4x2x2 p2"},
        **ONE_INT,
    )
    yield people(
        "course_backward:conv_transpose2d_tuples",
        "conv_transpose2d",
        (*STRIDED, "output_padding"),
        f"{up}; x2x3x5x4 w3x4x3x2 s2,3 p1,0 o1,2; x0x3x4x4 w3x2x2x2",
        {"ValueError": "x3x5x4 w3x4x3x2; x2x3x2x2 w3x4x2x2 p2; x0x3x2x2 w3x4x2x2 p2"},
        ints="TypeError",
    )
    yield people(
        "course_backward:conv_transpose1d",
        "conv_transpose1d",
        (*GEOMETRY, "output_padding"),
        "x2x3x5 w3x4x3 s2 p1 d2; x1x2x4 w2x3x4 s3 bias; x0x2x4 w2x3x2",
        {
            "NotImplementedError": "x2x4x5 w4x3x3 g2; x2x3x5 w3x4x3 s2 o1",
            "ValueError": "x3x5 w3x4x3; x2x3x2 w3x4x2 p2",
        },
    )


def _layer_style() -> Iterator[People]:
    square = "x2x3x8x9 w4x3x3x3 s2 p1 bias; x1x2x5x5 w3x2x2x2 bias; x0x3x8x8 w4x3x3x3 bias"
    values = f"{UNBATCHED}; {LONG}"
    oblong = "x2x3x8x8 w4x3x3x2 bias"
    yield people(
        "layer_style:one_layer_a_call",
        "conv2d",
        STRIDED,
        square,
        {"ValueError": f"{values}; {oblong}", "TypeError": SAME},
        needs_bias=True,
        plain=PER_AXIS,
        tuples="ValueError",
    )
    yield people(
        "layer_style:kept_layers",
        "conv2d",
        STRIDED,
        f"{square}; x2x3x8x8 w4x3x5x5 p2",
        {"AssertionError": oblong, "ValueError": values, "TypeError": SAME},
        plain=PER_AXIS,
        tuples="ValueError",
    )
    yield people(
        "layer_style:channels_last",
        "conv2d",
        ("stride", "padding"),
        "x2x3x8x9 w4x3x3x2 s2,1 p1,0; x1x2x5x5 w3x2x2x2; x0x3x8x8 w4x3x3x3",
        {"ValueError": "x3x8x8 w4x3x3x3; x2x3x2x2 w4x3x5x5; x2x3x8x8 w4x3x3x3 psame"},
        names={"stride": "strides", "padding": "pads"},
        ints="TypeError",
    )
    yield people(
        "layer_style:sequential",
        "conv2d",
        ("stride", "padding"),
        "x2x3x8x9 w4x3x3x2 s2 p1; x1x2x5x5 w3x2x2x2; x0x3x8x8 w4x3x3x3",
        {"ValueError": "x2x3x2x2 w4x3x5x5", "TypeError": "x2x3x8x8 w4x3x3x3 psame", "AxisError": "x3x8x8 w4x3x3x3"},
        plain=PER_AXIS,
        tuples="ValueError",
    )
    yield people(
        "layer_style:conv1d_depthwise",
        "conv1d",
        ("bias", "stride", "groups"),
        "x2x3x9 w3x1x3 s2 g3; x1x4x5 w4x1x5 g4 bias; x0x3x9 w3x1x3 g3; x2x1x6 w1x1x2",
        {"AssertionError": "x2x3x9 w4x3x3; x2x3x9 w6x1x3 g3", "ValueError": "x2x3x2 w3x1x3 g3"},
        **ONE_INT,
    )
    yield people(
        "layer_style:conv1d",
        "conv1d",
        DILATED,
        "x2x3x9 w4x3x3 s2 p1 d2; x1x2x5 w3x2x5 bias; x0x3x9 w4x3x3",
        {"ValueError": "x3x9 w4x3x3; x2x3x2 w4x3x3", "TypeError": "x2x3x9 w4x3x3 psame"},
    )


COURSES: tuple[People, ...] = (
    *_loops_and_columns(),
    *_square_and_centred(),
    *_other_courses(),
    *_backward_passes(),
    *_transposed(),
    *_layer_style(),
)
