"""Cases that cross one parameter with another: every padding with a stride, a dilation, groups and no batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from conv_oracle.golden.cases.case import Case

Words = Mapping[str, str]
"""Words of notation by what they say: shapes x and w, and s, p, o, d, g, mode, bias."""

AXES = (1, 2, 3)

PLAIN: dict[int, Words] = {
    1: {"x": "x2x3x7", "w": "w4x3x3", "bias": "bias"},
    2: {"x": "x2x3x7x8", "w": "w4x3x3x2", "bias": "bias"},
    3: {"x": "x1x2x4x6x5", "w": "w3x2x2x3x1", "bias": "bias"},
}

PADDINGS: dict[str, tuple[str, dict[int, Words]]] = {
    "padding-int": ("Zeros, as many on every side", {1: {"p": "p1"}, 2: {"p": "p1"}, 3: {"p": "p1"}}),
    "padding-per-axis": ("Zeros, a number per axis", {2: {"p": "p2,1"}, 3: {"p": "p1,0,2"}}),
    "padding-asymmetric": (
        "Zeros, other numbers before than after",
        {1: {"p": "p1:3"}, 2: {"p": "p1:0,2:3"}, 3: {"p": "p0:2,1:0,2:1"}},
    ),
    "padding-beyond-kernel": (
        "More zeros than the kernel is long",
        {1: {"p": "p4"}, 2: {"p": "p4,3"}, 3: {"p": "p2,4,1"}},
    ),
    "same": ("'same'", {1: {"p": "psame"}, 2: {"p": "psame"}, 3: {"p": "psame"}}),
    "valid": ("'valid'", {1: {"p": "pvalid"}, 2: {"p": "pvalid"}, 3: {"p": "pvalid"}}),
    **{
        mode: (
            f"{mode.capitalize()} padding",
            {1: {"p": "p3", "m": mode}, 2: {"p": "p2,3", "m": mode}, 3: {"p": "p1,3,2", "m": mode}},
        )
        for mode in ("reflect", "replicate", "circular")
    },
    **{
        f"{mode}-asymmetric": (
            f"{mode.capitalize()} padding, other numbers before than after",
            {1: {"p": "p1:4", "m": mode}, 2: {"p": "p1:0,2:3", "m": mode}, 3: {"p": "p0:2,1:0,3:1", "m": mode}},
        )
        for mode in ("reflect", "replicate", "circular")
    },
}

WITH: dict[str, tuple[str, dict[int, Words]]] = {
    "strided": ("a stride per axis", {1: {"s": "s3"}, 2: {"s": "s3,2"}, 3: {"s": "s2,3,1"}}),
    "dilated": ("a dilation per axis", {1: {"d": "d2"}, 2: {"d": "d2,3"}, 3: {"d": "d3,2,1"}}),
    "grouped": (
        "two groups",
        {
            1: {"x": "x3x4x7", "w": "w6x2x3", "g": "g2"},
            2: {"x": "x3x4x5x6", "w": "w6x2x3x2", "g": "g2"},
        },
    ),
    "unbatched": ("no batch", {2: {"x": "x3x5x6"}}),
}

PLAIN_TRANSPOSE: dict[int, Words] = {
    1: {"x": "x2x3x5", "w": "w3x4x3", "bias": "bias"},
    2: {"x": "x2x3x3x4", "w": "w3x4x3x2", "bias": "bias"},
    3: {"x": "x1x2x2x3x4", "w": "w2x3x3x1x2", "bias": "bias"},
}

PADDINGS_TRANSPOSE: dict[str, tuple[str, dict[int, Words]]] = {
    "no-padding": ("Nothing is cropped", {axes: {} for axes in AXES}),
    "padding-int": ("As much is cropped on every side", {1: {"p": "p1"}, 2: {"p": "p1"}}),
    "padding-per-axis": ("A number per axis is cropped", {2: {"p": "p2,1"}, 3: {"p": "p1,0,1"}}),
    "padding-asymmetric": (
        "Less is cropped before than after",
        {1: {"p": "p0:2"}, 2: {"p": "p0:2,1:0"}, 3: {"p": "p0:2,0:0,1:0"}},
    ),
    "output-padding": (
        "A larger result, after a crop",
        {
            1: {"s": "s2", "p": "p1", "o": "o1"},
            2: {"s": "s3,4", "p": "p1,0", "o": "o1,2"},
            3: {"s": "s2,1,3", "o": "o1,0,2"},
        },
    ),
}

WITH_TRANSPOSE: dict[str, tuple[str, dict[int, Words]]] = {
    "strided": ("a stride per axis", {1: {"s": "s3"}, 2: {"s": "s2,3"}, 3: {"s": "s3,2,4"}}),
    "dilated": ("a dilation per axis", {1: {"d": "d2"}, 2: {"d": "d2,3"}, 3: {"d": "d2,1,3"}}),
    "grouped": (
        "two groups",
        {
            1: {"x": "x3x4x5", "w": "w4x3x3", "g": "g2"},
            2: {"x": "x3x4x3x4", "w": "w4x3x3x2", "g": "g2"},
        },
    ),
    "depthwise": (
        "two outputs per channel",
        {
            1: {"x": "x2x3x5", "w": "w3x2x3", "g": "g3"},
            2: {"x": "x2x3x3x4", "w": "w3x2x3x2", "g": "g3"},
        },
    ),
    "unbatched": ("no batch", {2: {"x": "x3x3x4"}}),
}

GRADIENTS: dict[str, tuple[str, dict[int, Words]]] = {
    "strided": ("Every stride leaves a remainder", {1: {"s": "s3"}, 2: {"s": "s3,2"}, 3: {"s": "s3,2,4"}}),
    "dilated": ("Taps apart", {1: {"d": "d3"}, 2: {"d": "d2,3"}, 3: {"d": "d3,2,1"}}),
    "padded": ("Zeros, a number per axis", {1: {"p": "p2"}, 2: {"p": "p2,1"}, 3: {"p": "p1,2,0"}}),
    "asymmetric": (
        "Other zeros before than after",
        {1: {"p": "p0:3"}, 2: {"p": "p1:0,2:3"}, 3: {"p": "p0:2,1:0,2:1"}},
    ),
    "everything": (
        "Stride, padding and dilation at once",
        {
            1: {"s": "s2", "p": "p2", "d": "d2"},
            2: {"s": "s3,2", "p": "p1,2", "d": "d2,3"},
            3: {"s": "s2,3,1", "p": "p1,2,0", "d": "d3,2,1"},
        },
    ),
    "grouped": (
        "Two groups, strided",
        {
            1: {"x": "x3x4x8", "w": "w6x2x3", "s": "s2", "g": "g2"},
            2: {"x": "x3x4x6x5", "w": "w6x2x3x2", "s": "s2,3", "g": "g2"},
            3: {"x": "x2x4x4x6x3", "w": "w6x2x2x3x1", "s": "s3,2,1", "g": "g2"},
        },
    ),
    "multiplier": (
        "Depthwise, two kernels per channel",
        {
            1: {"x": "x2x3x8", "w": "w6x1x3", "s": "s2", "p": "p1", "g": "g3"},
            2: {"x": "x2x3x6x5", "w": "w6x1x3x2", "s": "s1,2", "p": "p1,0", "g": "g3"},
            3: {"x": "x2x3x4x5x3", "w": "w6x1x2x3x1", "s": "s2,1,1", "p": "p1,2,0", "g": "g3"},
        },
    ),
}


def _notation(operation: str, *layers: Words) -> str:
    """The words of all layers, a later one over an earlier one."""
    words: dict[str, str] = {}
    for layer in layers:
        words |= layer
    order = ("x", "w", "s", "p", "o", "d", "g", "m", "bias")
    return " ".join([operation, *(words[name] for name in order if name in words)])


def _crossed() -> Iterator[Case]:
    for padding, (said, paddings) in PADDINGS.items():
        for other, (more, others) in WITH.items():
            if (padding, other) == ("same", "strided"):  # PyTorch refuses it
                continue
            for axes, words in ((axes, paddings[axes]) for axes in paddings if axes in others):
                notation = _notation(f"conv{axes}d", PLAIN[axes], others[axes], words)
                yield Case(f"conv{axes}d-{padding}-{other}", f"{said}; {more}.", notation)


def _crossed_transpose() -> Iterator[Case]:
    for padding, (said, paddings) in PADDINGS_TRANSPOSE.items():
        for other, (more, others) in WITH_TRANSPOSE.items():
            for axes, words in ((axes, paddings[axes]) for axes in paddings if axes in others):
                notation = _notation(f"conv_transpose{axes}d", PLAIN_TRANSPOSE[axes], words, others[axes])
                yield Case(f"conv_transpose{axes}d-{padding}-{other}", f"{said}; {more}.", notation)


def _gradients(side: str) -> Iterator[Case]:
    shapes: dict[int, Words] = {
        1: {"x": "x2x3x9", "w": "w4x3x3"},
        2: {"x": "x2x3x6x8", "w": "w4x3x3x2"},
        3: {"x": "x1x2x5x6x3", "w": "w3x2x2x3x1"},
    }
    for name, (said, settings) in GRADIENTS.items():
        for axes, words in settings.items():
            notation = _notation(f"conv{axes}d_{side}", shapes[axes], words)
            yield Case(f"conv{axes}d_{side}-{name}", f"{said}.", notation)


def _remainders(side: str) -> Iterator[Case]:
    """Every number of inputs that a stride can leave over, which only the input's size tells."""
    for stride in (2, 3, 4):
        for left in range(stride):
            size = 3 + 2 * stride + left
            yield Case(
                f"conv1d_{side}-{left}-of-{stride}-left",
                f"Stride {stride}, and {left} inputs that no window reads.",
                f"conv1d_{side} x2x3x{size} w4x3x3 s{stride}",
            )


CROSSED = tuple(_crossed())
CROSSED_TRANSPOSE = tuple(_crossed_transpose())
CROSSED_GRADIENTS = {side: tuple(_gradients(side)) for side in ("input", "weight")}
REMAINDERS = {side: tuple(_remainders(side)) for side in ("input", "weight")}
