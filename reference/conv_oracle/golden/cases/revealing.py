"""Cases for faults that usual small numbers and shapes hide: tiles, channels, large batches, wide and tiny values."""

from __future__ import annotations

from collections.abc import Iterator

from conv_oracle.golden.cases.case import Case

AXIS_NAMES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}

WIDE, TINY = 100_003, -30
"""Integers of 17 bits, beyond float16 and bfloat16; and a power of two that takes every operand below 1e-8."""

LONG = 39
"""No multiple of 2, 4, 8, 16 or 32, and beyond all of them."""

OPERANDS = {"input": "x", "weight": "w", "cotangent": "dy"}

LAYERS = (
    Case("conv1d-speech-stem", "The first layer of a speech model.", "conv1d x2x1x21 w3x1x10 s5 bias"),
    Case("conv1d-causal", "All of the padding in front.", "conv1d x2x3x9 w4x3x3 p4:0 d2 bias"),
    Case("conv1d-codec", "Kernel twice the stride.", "conv1d x1x2x17 w3x2x8 s4 p2 bias"),
    Case("conv2d-stem-7x7-2", "The first layer of a residual network.", "conv2d x1x2x11x12 w3x2x7x7 s2 p3"),
    Case("conv2d-3x3", "The usual layer.", "conv2d x2x3x6x7 w4x3x3x3 p1 bias"),
    Case("conv2d-3x3-2", "It halves the size.", "conv2d x2x3x8x7 w4x3x3x3 s2 p1 bias"),
    Case("conv2d-1x1-2", "The shortcut of a residual block.", "conv2d x2x4x7x6 w5x4x1x1 s2"),
    Case("conv2d-patches-4x4", "Patches that do not overlap.", "conv2d x2x3x9x13 w4x3x4x4 s4 bias"),
    Case("conv2d-depthwise-7x7", "One large kernel per channel.", "conv2d x2x3x8x9 w3x1x7x7 p3 g3 bias"),
    Case("conv2d-atrous", "Dilated, and as large as its input.", "conv2d x2x3x9x10 w4x3x3x3 p4 d4"),
    Case("conv2d-1x7", "The first of two factors.", "conv2d x2x3x4x9 w4x3x1x7 p0,3 bias"),
    Case("conv2d-7x1", "The second of two factors.", "conv2d x2x3x9x4 w4x3x7x1 p3,0 bias"),
    Case("conv3d-3x3x3", "The usual layer of a video model.", "conv3d x1x2x4x5x3 w3x2x3x3x3 p1 bias"),
    Case("conv3d-1x3x3", "In space only.", "conv3d x1x2x3x4x5 w3x2x1x3x3 p0,1,1 bias"),
    Case("conv3d-1x1x3", "Along the width only, taps apart.", "conv3d x1x2x2x3x7 w3x2x1x1x3 s1,1,2 d1,1,2 bias"),
    Case("conv3d-3x1x1", "In time only.", "conv3d x1x2x5x3x4 w3x2x3x1x1 p1,0,0 bias"),
)


def _shape(axes: int, place: int, long: int, others: tuple[int, ...]) -> str:
    sizes = list(others[: axes - 1])
    sizes.insert(place, long)
    return "x".join(map(str, sizes))


def _tiles(family: str) -> Iterator[Case]:
    for axes, names in AXIS_NAMES.items():
        for place, name in enumerate(names):
            kernel, others = _shape(axes, place, 2, (1, 3)), (3, 4)
            if family == "conv":
                shapes = f"x1x2x{_shape(axes, place, LONG + 1, others)} w3x2x{kernel}"
            else:
                shapes = f"x1x2x{_shape(axes, place, LONG, others)} w2x3x{kernel}"
            said = f"{LONG} positions along the {name}: no multiple of 2 to 32."
            yield Case(f"{family}{axes}d-long-{name}", said, f"{family}{axes}d {shapes} bias", limits={"dy": 2})


def _special(family: str) -> Iterator[Case]:
    transposed = family == "conv_transpose"
    for axes in AXIS_NAMES:
        op = f"{family}{axes}d"
        few = "x".join(("3", "4", "2")[:axes])
        kernel = "x".join(("3", "2", "1")[:axes])
        narrow = "x".join(("2", "1", "1")[:axes])
        roomy = "x".join(("3", "2", "1")[:axes])
        wide_w = f"w39x35x{narrow}" if transposed else f"w35x39x{narrow}"
        yield Case(
            f"{op}-many-channels",
            "39 channels in, 35 out: no multiples of 2 to 32.",
            f"{op} x1x39x{roomy} {wide_w} bias",
            limits={"x": 2, "w": 2, "dy": 2},
        )
        ones = "x".join("1" * axes)
        yield Case(
            f"{op}-batch-of-1030",
            "More examples than one launch takes, and no multiple of a tile.",
            f"{op} x1030x1x{ones} {'w1x3' if transposed else 'w3x1'}x{ones} bias",
            limits={"x": 1, "dy": 1},
        )
        yield Case(
            f"{op}-square-channels",
            "As many channels in as out: a weight whose first two axes are exchanged still fits.",
            f"{op} x2x3x{few} w3x3x{kernel} bias",
        )
        yield Case(
            f"{op}-square-channels-grouped",
            "As many channels per group in as out.",
            f"{op} x3x4x{few} w4x2x{kernel} p{','.join(('1', '1', '0')[:axes])} g2 bias",
        )
        for name, operand in OPERANDS.items():
            shapes = f"x2x1x{'x'.join(('5', '4', '2')[:axes])} {'w1x3' if transposed else 'w3x1'}x{kernel}"
            yield Case(
                f"{op}-wide-{name}",
                f"17 bits in {operand}: what float16, bfloat16 or TF32 loses, and what a clamp cuts.",
                f"{op} {shapes} bias",
                limits={operand: WIDE},
            )
            yield Case(
                f"{op}-tiny-{name}",
                f"{operand} below 1e-8: what is taken for zero, or rounded to decimals.",
                f"{op} {shapes} bias",
                exponents={operand: TINY},
            )


def _little(family: str) -> Iterator[Case]:
    """What is at the edge of having anything: one pixel, one tap, one channel, no example; on every number of axes."""
    transposed = family == "conv_transpose"
    for axes in AXIS_NAMES:
        op = f"{family}{axes}d"
        ones = "x".join("1" * axes)
        few = "x".join(("3", "4", "2")[:axes])
        kernel = "x".join(("3", "2", "1")[:axes])
        yield Case(f"{op}-one-product", "One product, without a bias.", f"{op} x1x1x{ones} w1x1x{ones}")
        yield Case(
            f"{op}-one-channel",
            "One channel in, one out.",
            f"{op} x2x1x{few} w1x1x{kernel} p{','.join(('1', '1', '0')[:axes])} bias",
        )
        w = _weight(4, 3, transposed)
        yield Case(f"{op}-one-tap", "A kernel of one element.", f"{op} x2x3x{few} {w}x{ones} bias")
        yield Case(f"{op}-one-example", "A batch of one.", f"{op} x1x3x{few} {w}x{kernel} bias")
        yield Case(f"{op}-pixel-in-padding", "One pixel, and the kernel around it.", _pixel(op, axes, transposed))
        yield Case(
            f"{op}-no-examples-grouped",
            "No examples, in groups: dw and db are zero.",
            f"{op} x0x4x{few} {'w4x3' if transposed else 'w6x2'}x{kernel} s2 p1 g2 bias",
        )


def _weight(outputs: int, inputs: int, transposed: bool) -> str:
    return f"w{inputs}x{outputs}" if transposed else f"w{outputs}x{inputs}"


def _pixel(op: str, axes: int, transposed: bool) -> str:
    ones = "x".join("1" * axes)
    kernel = "x".join(("3", "5", "2")[:axes])
    shapes = f"x2x3x{ones} {'w3x4' if transposed else 'w4x3'}x{kernel}"
    return f"{op} {shapes} {'' if transposed else 'p' + ','.join(('2', '4', '1')[:axes])} bias"


def _complex(family: str) -> Iterator[Case]:
    for axes in AXIS_NAMES:
        few, kernel = "x".join(("5", "4", "3")[:axes]), "x".join(("3", "2", "1")[:axes])
        w = "w2x3" if family == "conv_transpose" else "w3x2"
        yield Case(
            f"{family}{axes}d-complex-strided",
            "Complex numbers, a stride and a crop.",
            f"{family}{axes}d x1x2x{few} {w}x{kernel} s2 p{'1,0,0'[: 2 * axes - 1]} bias complex64",
        )


REVEALING = (*LAYERS, *_tiles("conv"), *_special("conv"), *_little("conv"), *_complex("conv"))
REVEALING_TRANSPOSE = (
    Case(
        "conv_transpose2d-2x2-2",
        "It doubles the size, and no windows overlap.",
        "conv_transpose2d x2x3x3x4 w3x4x2x2 s2",
    ),
    Case(
        "conv_transpose3d-2x2x2",
        "A kernel whose axes fit each other.",
        "conv_transpose3d x1x2x2x3x4 w2x3x2x2x2 p1 bias",
    ),
    *_tiles("conv_transpose"),
    *_special("conv_transpose"),
    *_little("conv_transpose"),
    *_complex("conv_transpose"),
)
