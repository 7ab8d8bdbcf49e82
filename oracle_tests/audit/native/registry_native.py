"""The convolutions in C and C++ of this folder, and the same with one mistake each, with what that may be called."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from audit.brief import HURRIED

HERE = Path(__file__).parent

LEAST = replace(
    HURRIED,
    covering=6,
    one_axis=4,
    tails=3,
    pairs=1,
    large=1,
    layers=1,
    sorts=1,
    crossed=1,
    drawn=1,
    constants=1,
    edges=1,
    outside=1,
    after_invalid=1,
    first_calls=0,
    rounding=0.0,
    more_calls=30,
    diagnosis_seconds=1.0,
)
"""The essential problems, and little more."""

COLUMNS = "workspace=workspace[in_channels//groups*kernel_height*kernel_width*output_height*output_width]"


@dataclass(frozen=True)
class Source:
    """A file, its function, and the options that its audit needs."""

    file: str
    function: str
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def target(self) -> str:
        return f"{HERE / self.file}:{self.function}"


@dataclass(frozen=True)
class Planted:
    """A source in which `old` stands once, and `new` is put in its place. named: what the mistake may be called."""

    of: Source
    name: str
    old: str
    new: str
    named: str
    said: str = ""

    def written(self, folder: Path) -> str:
        """The target, of a file with the mistake in this folder."""
        text = (HERE / self.of.file).read_text()
        assert text.count(self.old) == 1, self.name
        file = folder / self.of.file
        file.write_text(text.replace(self.old, self.new))
        return f"{file}:{self.of.function}"


NAIVE = Source("naive.c", "conv2d")
IM2COL = Source("im2col.c", "forward_conv2d", {"roles": COLUMNS})
OPENMP = Source("openmp.c", "conv2d")
DEPTHWISE = Source("depthwise.c", "depthwise_conv2d", {"roles": "kernel=3 padding=1"})
SIGNAL = Source("signal.c", "conv1d")
TRANSPOSED = Source("transposed.c", "conv_transpose2d")
EXTERN_C = Source("extern_c.cpp", "conv2d_int8")
GRADIENT = Source("gradient.c", "conv2d_weight", {"roles": "return=owned_output"})
RIGHT = (NAIVE, IM2COL, OPENMP, DEPTHWISE, SIGNAL, TRANSPOSED, EXTERN_C, GRADIENT)

SUM = """double sum = 0;
        for (size_t i = 0; i < m; i++)
            sum += x[o * stride + i] * k[i];"""
AHEAD = """double sum = 0, next = x[o * stride];
        for (size_t i = 0; i < m; i++) {
            double now = next;
            next = ((volatile const double *)x)[o * stride + i + 1];
            sum += now * k[i];
        }"""

PLANTED = (
    Planted(NAIVE, "one stride", "s * sw - pw", "s * sh - pw", "stride-of-one-axis-for-all"),
    Planted(NAIVE, "a column too many is read", "q < w_)", "q <= w_)", "position-misread memory-overrun"),
    Planted(NAIVE, "a column too many is written", "s < ow; s++", "s <= ow; s++", "memory-overrun", "behind output"),
    Planted(IM2COL, "never zeroed", "memset(output", "if (!batch) memset(output", "varies"),
    Planted(
        NAIVE, "written before the output", "* ow + s] = sum", "* ow + s - 1] = sum", "memory-overrun", "before output"
    ),
    Planted(IM2COL, "columns one row short", "h < height_col; ++h", "h < height_col - 1; ++h", "varies"),
    Planted(
        IM2COL,
        "columns beyond the workspace",
        "w < width_col; ++w",
        "w <= width_col; ++w",
        "memory-overrun",
        "behind workspace",
    ),
    Planted(
        OPENMP,
        "padding once",
        "2 * padding - kernel) / stride + 1;\n    int out_width",
        "padding - kernel) / stride + 1;\n    int out_width",
        "varies size-formula-wrong output-not-written output-misplaced unknown",
    ),
    Planted(
        DEPTHWISE,
        "filter transposed",
        "(c * 3 + u + 1) * 3 + v + 1",
        "(c * 3 + v + 1) * 3 + u + 1",
        "kernel-axes-exchanged weight-slice-misread",
    ),
    Planted(
        OPENMP,
        "the remainder is nobody's",
        "(out_channels + threads - 1) / threads",
        "out_channels / threads",
        "varies",
    ),
    Planted(
        SIGNAL,
        "one sample ahead",
        SUM,
        AHEAD,
        "memory-overrun",
        "behind input",
    ),
    Planted(SIGNAL, "stride ignored", "o * stride + i", "o + i", "stride-ignored"),
    Planted(
        TRANSPOSED,
        "group offset",
        "k / of_input * of_output + o) * oh",
        "k % groups * of_output + o) * oh",
        "group-offset-wrong groups-interleaved",
    ),
    Planted(TRANSPOSED, "dilation of one axis", "v * dilation[1]", "v * dilation[0]", "dilation-of-one-axis-for-all"),
    Planted(EXTERN_C, "first image for all", "x[((i * c + k) * h", "x[(k * h", "batch-offset-wrong"),
    Planted(EXTERN_C, "sums too narrow", "std::vector<Sum> row(ow)", "std::vector<short> row(ow)", "integer-overflow"),
    Planted(
        GRADIENT,
        "kernel flipped",
        "dw[((o * c + ch) * r + u) * s + v]",
        "dw[((o * c + ch) * r + u) * s + s - 1 - v]",
        "kernel-flipped",
    ),
)
