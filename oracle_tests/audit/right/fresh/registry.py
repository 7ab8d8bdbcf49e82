"""Right programs of a maker who had not seen the others: how each is pointed at. An audit finds nothing on any.

One answers where there is no output, as its quotient is rounded towards zero: that is a fault by our rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from audit.right.registry import SPECIAL
from audit.subject import Subject
from conv_oracle.auditing import Verdict

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Program(Subject):
    """One right program. words: what says its convention.

    finite: right for finite numbers alone. invents: it answers where the image is smaller than the kernel.
    """

    name: str
    op: str = "conv2d"
    arrays: str = "numpy"
    dtypes: tuple[str, ...] = ("float64",)
    gradients: bool = False
    finite: bool = False
    invents: bool = False
    words: Mapping[str, Any] = field(default_factory=dict)

    @property
    def target(self) -> str:
        """The file and the name in it."""
        file, _, name = self.name.partition(":")
        return f"{HERE / file}.py:{name}"

    @property
    def options(self) -> dict[str, Any]:
        """The keyword arguments of `audit` besides the target."""
        return {**super().options, **self.words}

    def holds(self, verdict: Verdict) -> bool:
        """Whether a verdict accuses it of nothing."""
        known = {*SPECIAL * self.finite, *("output-invented",) * self.invents}
        found = [one for one in verdict.findings if one.fault not in known]
        return not found and (bool(verdict.findings) or verdict.verdict == "conforms")


def program(name: str, op: str = "conv2d", **rest: Any) -> Program:
    """The words of a convention beside the fields."""
    fields = {key: rest.pop(key) for key in ("arrays", "dtypes", "gradients", "finite", "invents") if key in rest}
    return Program(name, op, **fields, words=rest)


TORCH = {"arrays": "torch"}
ONE_NUMBER = {"ints": True}

SUBJECTS: tuple[Program, ...] = (
    program("homework:conv_forward_naive", parameters="conv_param={'stride', 'pad'}", result="y, *", **ONE_NUMBER),
    program(
        "homework:conv_forward_strides",
        parameters="conv_param={'stride', 'pad'}",
        result="y, *",
        backward="conv_backward_strides(dout, cache) -> dx, dw, db",
        gradients=True,
        **ONE_NUMBER,
    ),
    program(
        "homework:conv_forward",
        layout="x=NHWC w=HWIO b=1,1,1,C y=NHWC",
        parameters="hparameters={'stride', 'pad'}",
        result="y, *",
        square=True,
        invents=True,
    ),
    program("homework:corr2d", layout="x=HW w=HW y=HW"),
    program("homework:corr2d_multi_in_out", layout="x=CHW w=OIHW y=CHW"),
    program("homework:forward_with_column_bias", layout="b=C,1", **ONE_NUMBER),
    program("homework:same_filter", layout="x=HWC w=HWIO y=HWC", pads="k//2"),
    program("homework:lists_inside"),
    program("homework:convolve", layout="x=HW w=HW y=HW", true_convolution=True),
    program("homework:square_images", square=True),
    program("homework:padding_mode"),
    program("homework:in_a_dictionary", result="{'out': y}"),
    program("homework:settings", parameters="settings={'stride', 'padding', 'dilation'}"),
    program("layouts:images_last", layout="x=CHWN w=IHWO y=CHWN"),
    program("layouts:lite", layout="x=NHWC w=OHWI y=NHWC"),
    program("layouts:conv1d_time_major", "conv1d", layout="x=NLC w=LIO y=NLC"),
    program("layouts:conv3d_video", "conv3d", layout="x=NDHWC w=DHWIO y=NDHWC"),
    program("layouts:conv1d_causal", "conv1d", pads="causal"),
    program("layouts:patches", square=True),
    program("layouts:pointwise"),
    program("layouts:depthwise"),
    program("layouts:depthwise_multiplier"),
    program("layouts:Conv2d", construct="in_channels, out_channels, kernel_size, stride=stride, padding=padding"),
    program("layouts:Conv1d", "conv1d", construct="in_channels, out_channels, kernel_size, stride, dilation"),
    program("engineered:indices_remembered"),
    program("engineered:preallocated"),
    program("engineered:threaded"),
    program("engineered:by_generator"),
    program("engineered:tiled"),
    program("engineered:correlate2d", finite=True),
    program("engineered:by_fft", finite=True),
    program("engineered:windows_einsum"),
    program("engineered:in_double", dtypes=("float32",)),
    program("engineered:integers_only", dtypes=("int32", "int64")),
    program("engineered:conv1d_numpy_convolve", "conv1d"),
    program("engineered:conv1d_strided_dot", "conv1d"),
    program("engineered:conv3d_plain", "conv3d"),
    program("engineered:conv_transpose2d_zeros_between", "conv_transpose2d", finite=True),
    program("engineered:conv_transpose1d_scatter", "conv_transpose1d"),
    program("engineered:gradient_by_input", "conv2d_input"),
    program("engineered:gradient_by_weight", "conv2d_weight"),
    program("torched:unfolded", **TORCH),
    program("torched:conv_transpose2d_folded", "conv_transpose2d", **TORCH),
    program("torched:own_function", gradients=True, **TORCH),
    program(
        "torched:OwnConv2d",
        construct="in_channels, out_channels, kernel_size, stride=stride, padding=padding, groups=groups",
        **TORCH,
    ),
    program("torched:conv1d_as_conv2d", "conv1d", **TORCH),
)
