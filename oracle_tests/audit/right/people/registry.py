"""The right subjects as people write them: all of them, and here those that demand, transform, compile or use torch."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from audit.right.people.entry import (
    DILATED,
    GEOMETRY,
    GROUPED,
    LONG,
    NOTHING,
    ONE_INT,
    PER_AXIS,
    SAME,
    STRIDED,
    UNBATCHED,
    People,
    people,
)
from audit.right.people.registry_courses import COURSES
from audit.right.people.registry_kernels import KERNELS

GENERAL = "x2x3x8x9 w4x3x3x2 s2,1 p1,0; x1x2x5x5 w3x2x2x2 bias"
EMPTY = "x0x3x8x8 w4x3x3x3"
EQUAL = "x2x3x8x9 w4x3x3x2 s2 p1; x1x2x5x5 w3x2x2x2 bias"
GROUPS = "x2x4x8x9 w6x2x3x2 s2,1 p1,0 d1,2 g2"
VALUES = {"ValueError": f"{UNBATCHED}; {LONG}", "TypeError": SAME}
WORDLESS = {"ValueError": f"{UNBATCHED}; {LONG}; {SAME}"}
BARE = {"ValueError": "x3x8x8 w4x3x3x3; x2x3x2x2 w4x3x5x5"}
BY_INDEX = {"IndexError": "x3x8x8 w4x3x3x3", "ValueError": "x2x3x2x2 w4x3x5x5"}
UNORDERED = ("transposed", "sliced", "reversed")
"""The forms that are not contiguous."""


def _memory() -> Iterator[People]:
    disorder = dict.fromkeys(UNORDERED, "ValueError")
    yield people(
        "array_demands:contiguous", "conv2d", GEOMETRY, f"{GENERAL}; {EMPTY}; {GROUPS}", VALUES, forms=disorder
    )
    yield people(
        "array_demands:bytes_of",
        "conv2d",
        (),
        "x2x3x8x9 w4x3x3x2; x1x2x5x5 w3x2x2x2",
        {**BARE, "TypeError": EMPTY},
        forms=dict.fromkeys(UNORDERED, "TypeError"),
    )
    everything = f"{GENERAL}; {EMPTY}; {GROUPS}"
    narrow = {**VALUES, "TypeError": f"{SAME}; x2x3x8x9 w4x3x3x2 float64"}
    yield people("array_demands:float32_alone", "conv2d", GEOMETRY, everything, narrow, dtypes=("float32",))
    wrong = {"TypeError": everything}
    yield people("array_demands:float32_alone", "conv2d", GEOMETRY, "", wrong, expected="no-target")
    four = {"AssertionError": UNBATCHED, "ValueError": LONG, "TypeError": SAME}
    yield people("array_demands:four_axes", "conv2d", STRIDED, f"{GENERAL}; {EMPTY}", four)
    frozen = {"read-only": "ValueError"}
    yield people("array_demands:writeable", "conv2d", STRIDED, f"{GENERAL}; {EMPTY}", VALUES, forms=frozen)
    strided = "x2x3x8x9 w4x3x3x2 s2,1; x1x2x5x5 w3x2x2x2 bias; x0x3x8x8 w4x3x3x3"
    forms = {"reversed": "ValueError"}
    values = {"ValueError": f"{UNBATCHED}; {LONG}"}
    yield people("array_demands:positive_strides", "conv2d", ("bias", "stride"), strided, values, forms=forms)
    yield people(
        "array_demands:carray",
        "conv2d",
        ("bias", "stride"),
        "x2x3x8x9 w4x3x3x2 s2,1 bias; x1x2x5x5 w3x2x2x2 bias; x0x3x8x8 w4x3x3x3 bias",
        values,
        needs_bias=True,
        forms=dict.fromkeys((*UNORDERED, "read-only"), "TypeError"),
    )


def _arguments() -> Iterator[People]:
    ints = {"ValueError": f"{UNBATCHED}; {LONG}", "TypeError": SAME}
    yield people("array_demands:ints_alone", "conv2d", DILATED, f"{EQUAL}; {EMPTY}", ints, **ONE_INT)
    tuples = f"{GENERAL}; {EMPTY}; x2x3x8x9 w4x3x3x2 d1,2"
    yield people("array_demands:tuples_alone", "conv2d", DILATED, tuples, WORDLESS, ints="TypeError")
    yield people(
        "array_demands:conv1d_either",
        "conv1d",
        STRIDED,
        "x2x3x9 w4x3x3 s2 p1; x1x2x5 w3x2x5 bias; x0x3x9 w4x3x3",
        {"ValueError": "x3x9 w4x3x3; x2x3x2 w4x3x3", "TypeError": "x2x3x9 w4x3x3 psame"},
    )
    yield people(
        "array_demands:square_and_whole",
        "conv2d",
        ("bias", "stride"),
        "x2x3x8x8 w4x3x3x3 s2 bias; x1x2x5x5 w3x2x2x2 bias",
        {"NotImplementedError": f"x2x3x8x9 w4x3x3x3 bias; x2x3x8x8 w4x3x3x2 bias; {NOTHING}", "ValueError": LONG},
        needs_bias=True,
    )
    yield people(
        "array_demands:square_kernels",
        "conv2d",
        STRIDED,
        "x2x3x8x9 w4x3x3x3 s2 p1; x1x2x5x5 w3x2x2x2 bias",
        {
            "NotImplementedError": f"x2x3x8x8 w4x3x3x2; {NOTHING}",
            "ValueError": f"{UNBATCHED}; {LONG}",
            "TypeError": SAME,
        },
        plain=PER_AXIS,
        tuples="ValueError",
    )
    bare = "x2x3x8x9 w4x3x3x2; x1x2x5x5 w3x2x2x2; x0x3x8x8 w4x3x3x3"
    yield people(
        "array_demands:nothing_but_data",
        "conv2d",
        (),
        bare,
        {"IndexError": "x3x8x8 w4x3x3x3", "ValueError": "x2x3x2x2 w4x3x5x5"},
    )


def _with_scipy() -> Iterator[People]:
    biased = "x2x3x8x9 w4x3x3x2; x1x2x5x5 w3x2x2x2 bias; x0x3x8x8 w4x3x3x3"
    shifted = "x2x3x8x9 w4x3x3x2 s2 p1; x1x2x5x5 w3x2x2x2; x0x3x8x8 w4x3x3x3"
    yield people("fast_forms:correlate2d", "conv2d", ("bias",), biased, BY_INDEX)
    yield people(
        "fast_forms:correlated_directly",
        "conv2d",
        ("stride", "padding"),
        shifted,
        {**BARE, "TypeError": "x2x3x8x8 w4x3x3x3 psame"},
        plain=PER_AXIS,
        tuples="ValueError",
    )
    inexact: dict[str, Any] = {"arithmetic": "inexact", "finite": True}
    yield people(
        "fast_forms:conv1d_fftconvolve",
        "conv1d",
        ("bias",),
        "x2x3x9 w4x3x3; x1x2x5 w3x2x5 bias",
        {"ValueError": "x2x3x2 w4x3x3", "IndexError": "x3x9 w4x3x3"},
        **inexact,
    )
    yield people(
        "fast_forms:rfft2",
        "conv2d",
        ("padding",),
        "x2x3x8x9 w4x3x3x2 p1; x1x2x5x5 w3x2x2x2; x0x3x8x8 w4x3x3x3",
        {**BY_INDEX, "ValueError": "x2x3x2x2 w4x3x5x5; x2x3x8x8 w4x3x3x3 psame"},
        **ONE_INT,
        **inexact,
    )
    yield people(
        "fast_forms:conv3d_fft",
        "conv3d",
        ("bias",),
        "x2x3x5x6x7 w4x3x2x3x4; x1x2x3x3x4 w2x2x3x3x3 bias",
        {"ValueError": "x3x5x6x7 w4x3x2x3x3; x1x2x2x2x2 w2x2x3x3x3"},
        **inexact,
    )


def _windows() -> Iterator[People]:
    values = {"ValueError": f"{UNBATCHED}; {LONG}"}
    yield people(
        "fast_forms:einsum_of_windows",
        "conv2d",
        DILATED,
        f"{GENERAL}; {EMPTY}; x2x3x8x9 w4x3x3x2 d1,2",
        WORDLESS,
        ints="TypeError",
    )
    yield people(
        "fast_forms:as_strided",
        "conv2d",
        STRIDED,
        EQUAL,
        {**values, "TypeError": SAME},
        plain=PER_AXIS,
        tuples="ValueError",
    )
    yield people(
        "fast_forms:conv1d_taps",
        "conv1d",
        DILATED,
        "x2x3x9 w4x3x3 s2 p1 d2; x1x2x5 w3x2x5 bias; x0x3x9 w4x3x3",
        {"ValueError": "x2x3x2 w4x3x4", "TypeError": "x2x3x9 w4x3x3 psame"},
        plain=PER_AXIS,
        tuples="ValueError",
    )
    yield people(
        "fast_forms:conv1d_toeplitz",
        "conv1d",
        (),
        "x2x3x9 w4x3x3; x1x2x5 w3x2x5; x0x3x9 w4x3x3",
        {"ValueError": "x3x9 w4x3x3; x2x3x2 w4x3x4"},
        finite=True,
    )
    yield people(
        "fast_forms:moveaxis_and_matmul",
        "conv2d",
        ("bias", "stride", "groups"),
        "x2x4x8x9 w6x2x3x2 s2 g2; x1x2x5x5 w3x2x2x2 bias; x0x3x8x8 w4x3x3x3",
        {"AxisError": UNBATCHED, "ValueError": LONG},
        **ONE_INT,
    )


def _compiles_first() -> Iterator[People]:
    mixed = {"ValueError": f"{UNBATCHED}; {LONG}", "TypeError": SAME}
    yield people("compiles_first:plan_per_shape", "conv2d", STRIDED, f"{EQUAL}; {EMPTY}", mixed, seconds=0.3, **ONE_INT)
    for function, seconds in (("three_seconds", 3.0), ("twelve_seconds", 12.0), ("slow", 0.05)):
        yield people(f"compiles_first:{function}", "conv2d", GEOMETRY, f"{GENERAL}; {GROUPS}", VALUES, seconds=seconds)
    yield people("compiles_first:very_slow", "conv2d", STRIDED, GENERAL, VALUES, seconds=0.2)
    if shutil.which("cc"):
        yield people(
            "in_c:conv2d",
            "conv2d",
            STRIDED,
            f"{EQUAL}; {EMPTY}",
            {**mixed, "ArgumentError": "x2x3x8x9 w4x3x3x2 float64"},
            dtypes=("float32",),
            forms=dict.fromkeys(UNORDERED, "ArgumentError"),
            **ONE_INT,
        )


TORCH: dict[str, Any] = {"arrays": "torch", "dtypes": ("float32",)}
BOTH: dict[str, Any] = {"arrays": "torch", "dtypes": ("float32", "float64"), "gradients": True}
ORDINARY = f"{GENERAL}; {EMPTY}"
RUNTIME = {"RuntimeError": f"{UNBATCHED}; {LONG}"}


def _differentiable() -> Iterator[People]:
    yield people(
        "tensor_style:unfold_and_matmul",
        "conv2d",
        DILATED,
        f"{GENERAL}; x2x3x8x9 w4x3x3x2 d1,2",
        {"ValueError": f"{UNBATCHED}; {SAME}", "RuntimeError": f"{LONG}; {NOTHING}"},
        **TORCH,
    )
    yield people(
        "tensor_style:tensor_unfold",
        "conv2d",
        ("stride",),
        "x2x3x8x9 w4x3x3x2 s2; x0x3x8x8 w4x3x3x3",
        {"RuntimeError": "x3x8x8 w4x3x3x3; x2x3x2x2 w4x3x5x5"},
        forms={"transposed": "AssertionError", "sliced": "AssertionError"},
        **TORCH,
        **ONE_INT,
    )
    yield people(
        "tensor_style:hand_written",
        "conv2d",
        STRIDED,
        EQUAL,
        {"ValueError": f"{UNBATCHED}; {NOTHING}", "RuntimeError": LONG, "TypeError": SAME},
        **BOTH,
        **ONE_INT,
    )
    module = people(
        "tensor_style:as_function_of_a_module",
        "conv2d",
        GEOMETRY,
        f"{ORDINARY}; {GROUPS}; {UNBATCHED}; {SAME}",
        {"RuntimeError": LONG, "ValueError": f"{SAME} s2"},
        **BOTH,
    )
    yield module
    yield replace(module, name=f"{module.name} without gradients", gradients=False)


def _modules_and_matrices() -> Iterator[People]:
    yield people(
        "tensor_style:conv1d_kept_module",
        "conv1d",
        STRIDED,
        "x2x3x9 w4x3x3 s2 p1 bias; x3x9 w4x3x3 bias",
        {"RuntimeError": "x2x3x2 w4x3x3 bias", "ValueError": "x2x3x9 w4x3x3 s2 psame bias"},
        needs_bias=True,
        **TORCH,
    )
    yield people(
        "tensor_style:toeplitz",
        "conv2d",
        (),
        "x2x3x8x9 w4x3x3x2; x0x3x8x8 w4x3x3x3",
        {"ValueError": "x3x8x8 w4x3x3x3", "RuntimeError": "x2x3x2x2 w4x3x5x5"},
        finite=True,
        **TORCH,
    )
    yield people(
        "tensor_style:conv1d_spectral",
        "conv1d",
        ("bias", "padding"),
        "x2x3x9 w4x3x3 p1; x1x2x5 w3x2x5 bias",
        {"RuntimeError": "x3x9 w4x3x3; x2x3x2 w4x3x3; x0x3x9 w4x3x3", "TypeError": "x2x3x9 w4x3x3 psame"},
        arithmetic="inexact",
        finite=True,
        **TORCH,
    )
    yield people(
        "tensor_style:into_a_buffer",
        "conv2d",
        STRIDED,
        f"{EQUAL}; {EMPTY}",
        {"RuntimeError": LONG, "ValueError": UNBATCHED, "TypeError": SAME},
        **BOTH,
        **ONE_INT,
    )


def _extensions() -> Iterator[People]:
    yield people(
        "tensor_style:checks_like_an_extension",
        "conv2d",
        STRIDED,
        ORDINARY,
        RUNTIME,
        forms={"transposed": "RuntimeError", "sliced": "RuntimeError"},
        **TORCH,
    )
    yield people(
        "tensor_style:scripted",
        "conv2d",
        STRIDED,
        "x2x3x8x9 w4x3x3x2 s2 p1 bias",
        RUNTIME,
        needs_bias=True,
        **TORCH,
        plain=PER_AXIS,
        tuples="RuntimeError",
    )
    yield people(
        "tensor_style:conv_transpose2d_fold",
        "conv_transpose2d",
        STRIDED,
        "x2x3x5x4 w3x4x3x2 s2 p1; x1x2x4x4 w2x3x4x4 s3 bias",
        {"ValueError": "x3x5x4 w3x4x3x2", "RuntimeError": "x2x3x2x2 w3x4x2x2 p2"},
        **TORCH,
        **ONE_INT,
    )
    yield people(
        "tensor_style:conv_transpose1d_no_output_padding",
        "conv_transpose1d",
        (*GROUPED, "output_padding"),
        "x2x4x5 w4x3x3 s2 p1 g2; x1x2x4 w2x3x4 s3 bias",
        {"ValueError": "x2x3x5 w3x4x3 s2 o1"},
        **TORCH,
    )


SUBJECTS: tuple[People, ...] = (
    *COURSES,
    *KERNELS,
    *_memory(),
    *_arguments(),
    *_with_scipy(),
    *_windows(),
    *_compiles_first(),
    *_differentiable(),
    *_modules_and_matrices(),
    *_extensions(),
)
