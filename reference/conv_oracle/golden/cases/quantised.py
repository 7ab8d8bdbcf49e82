"""Cases of integers of eight bits: sums of 32 bits, and results that are requantised."""

from __future__ import annotations

from dataclasses import dataclass

Zero = int | tuple[int, ...]


@dataclass(frozen=True)
class QuantisedCase:
    """ONNX's ConvInteger or QLinearConv. x and w are of these dtypes, and y of the dtype `returns`.

    Zero points are one number, that of w perhaps one per output channel; scales, of QLinearConv, are numerators over
    2^20: x, w (one, or one per output channel) and y. Operands have values up to `limit`.
    """

    id: str
    comment: str
    operator: str
    problem: str
    x: str
    w: str
    returns: str
    x_zero: int = 0
    w_zero: Zero = 0
    y_zero: int = 0
    scales: tuple[int, tuple[int, ...], int] | None = None
    limit: int = 127
    since: int = 2


def _sums(name: str, said: str, problem: str, x: str, w: str, x_zero: int = 0, w_zero: Zero = 0) -> QuantisedCase:
    return QuantisedCase(name, said, "ConvInteger", problem, x, w, "int32", x_zero, w_zero)


def _requantised(
    name: str, said: str, problem: str, dtypes: tuple[str, str, str], zeros: tuple[int, Zero, int], *scales: int
) -> QuantisedCase:
    first, *weight, last = scales
    return QuantisedCase(name, said, "QLinearConv", problem, *dtypes, *zeros, (first, tuple(weight), last))


ONE = 2**20
SIGNED, UNSIGNED = ("int8", "int8", "int8"), ("uint8", "int8", "uint8")

QUANTISED = (
    _sums("conv1d-int8", "Sums of products of int8.", "conv1d x2x3x9 w4x3x3 s2 p1", "int8", "int8"),
    _sums("conv2d-int8", "Sums beyond 16 bits.", "conv2d x2x5x6x7 w4x5x3x2 p1", "int8", "int8"),
    _sums("conv2d-int8-grouped", "Groups, dilated.", "conv2d x1x4x7x6 w6x2x2x3 p1,2 d2,1 g2", "int8", "int8"),
    _sums("conv3d-int8", "Three axes.", "conv3d x1x2x3x4x5 w3x2x2x3x1 s1,2,1", "int8", "int8"),
    _sums(
        "conv2d-uint8-zero-point",
        "Padding is the zero point, and so counts as zero.",
        "conv2d x2x3x5x6 w4x3x3x2 p1,2",
        "uint8",
        "int8",
        131,
    ),
    _sums(
        "conv2d-uint8-both-zero-points",
        "Zero points of both operands.",
        "conv2d x2x3x5x6 w4x3x2x3 s2,1 p1",
        "uint8",
        "uint8",
        119,
        140,
    ),
    _sums("conv1d-uint8-zero-point", "One axis.", "conv1d x2x3x8 w4x3x3 p2", "uint8", "uint8", 7, 250),
    _requantised(
        "conv1d-requantised", "One scale each.", "conv1d x2x3x9 w4x3x3 p1", SIGNED, (3, 0, -5), 52613, 9311, 911777
    ),
    _requantised(
        "conv2d-requantised",
        "Results of uint8; some saturate.",
        "conv2d x2x3x6x7 w4x3x3x2 s1,2 p1 bias",
        UNSIGNED,
        (131, 0, 117),
        31337,
        10007,
        61007,
    ),
    _requantised(
        "conv2d-requantised-per-channel",
        "A scale for every output channel.",
        "conv2d x2x4x5x6 w6x2x3x2 p1,0 g2 bias",
        UNSIGNED,
        (120, 0, 130),
        20011,
        *(9001, 15013, 20021, 7001, 12007, 30011),
        777001,
    ),
    QuantisedCase(
        "conv2d-requantised-ties",
        "Halves, which are rounded to the even integer: powers of two, exact in any order.",
        "QLinearConv",
        "conv2d x2x3x5x6 w4x3x2x3 p1",
        *SIGNED,
        y_zero=1,
        scales=(ONE // 2, (ONE // 4,), ONE // 2),
        limit=3,
    ),
    _requantised(
        "conv2d-requantised-saturated",
        "Most results are beyond the dtype.",
        "conv2d x1x3x5x4 w5x3x3x2 p1",
        SIGNED,
        (1, 0, -3),
        ONE // 2,
        ONE // 2,
        ONE * 2,
    ),
    _requantised(
        "conv2d-requantised-depthwise",
        "One kernel for every channel, of uint8.",
        "conv2d x2x4x6x5 w4x1x3x2 p1 g4 bias",
        ("uint8", "uint8", "uint8"),
        (128, 121, 3),
        40009,
        50021,
        881003,
    ),
)
