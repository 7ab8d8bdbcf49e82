"""The pieces of this folder: how each is pointed at, and what an audit of it must say."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Piece:
    """A target with the words that point at it. named: what a faulty one may be called; () is a right one."""

    name: str
    op: str
    named: tuple[str, ...] = ()
    words: Mapping[str, Any] = field(default_factory=dict)

    @property
    def right(self) -> bool:
        """Whether it must conform."""
        return not self.named

    @property
    def target(self) -> str:
        """The file and the name in it."""
        file, _, name = self.name.partition(":")
        return f"{HERE / file}.py:{name}"

    @property
    def options(self) -> dict[str, Any]:
        """What an audit of it takes besides."""
        return {"op": self.op, **self.words}


def both(
    right: str, faulty: str, *named: str, op: str = "conv2d", only: Mapping[str, Any] | None = None, **words: Any
) -> tuple[Piece, Piece]:
    """A right target and a faulty one, pointed at with the same words. only: words of the faulty one."""
    file = right.partition(":")[0]
    return Piece(right, op, (), words), Piece(f"{file}:{faulty}", op, named, {**words, **(only or {})})


NG = {"layout": "x=NHWC w=HWIO b=1,1,1,C y=NHWC", "parameters": "hparameters={'stride', 'pad'}", "square": True}
LAST = {"layout": "x=NHWC w=HWIO y=NHWC"}
TORCH = {"arrays": "torch"}

PIECES = (
    *both("course:conv_forward_naive", "conv_forward_naive_faulty", "kernel-flipped"),
    *both(
        *("course:conv_forward_naive", "conv_forward_naive", "output-not-written"),
        gradients=True,
        backward="conv_backward_naive(dout, cache) -> dx, dw, db",
        only={"backward": "conv_backward_naive_faulty"},
    ),
    *both("course:conv_forward", "conv_forward_faulty", "kernel-axes-exchanged", "kernel-transposed", **NG),
    *both("course:corr2d", "corr2d_faulty", "kernel-flipped", layout="x=HW w=HW y=HW"),
    *both("course:convolve", "corr2d", "kernel-flipped", layout="x=HW w=HW y=HW", true_convolution=True),
    *both(
        "functions:conv2d_tf",
        "conv2d_tf_pads_as_pytorch",
        "same-pads-the-wrong-side",
        "padding-sides-exchanged",
        padding_as="SAME",
        **LAST,
    ),
    *both("functions:conv_keras", "conv_keras_kernel_not_flipped_back", "kernel-flipped", padding_as="same", **LAST),
    *both(
        "functions:conv_general",
        "conv_general_sides_exchanged",
        "same-pads-the-wrong-side",
        "padding-sides-exchanged",
        padding_as="pairs",
    ),
    *both(
        "functions:conv_onnx",
        "conv_onnx_ends_first",
        "padding-sides-exchanged",
        "same-pads-the-wrong-side",
        "padding-sides-exchanged",
        padding_as="flat",
    ),
    *both("functions:conv2d_into", "conv2d_into_all_but_the_last_row", "output-not-written"),
    *both("functions:conv2d_in_a_dictionary", "conv2d_in_a_dictionary_stride_exchanged", "stride-axes-exchanged"),
    *both(
        *("functions:layer", "layer_without_padding", "padding-ignored"),
        parameters="a=weight, f=input, k='xcorr', step=stride, edge=padding",
    ),
    *both(
        "functions:conv1d_nlc",
        "conv1d_nlc_off_by_one",
        "position-misread",
        "origin-shifted",
        op="conv1d",
        layout="x=NLC w=LIO y=NLC",
    ),
    *both(
        *("functions:conv3d_ndhwc", "conv3d_ndhwc_depth_and_height_exchanged", "kernel-axes-exchanged"),
        op="conv3d",
        layout="x=NDHWC w=DHWIO y=NDHWC",
    ),
    *both(
        *("functions:conv2d_transpose", "conv2d_transpose_last_column_dropped", "output-not-written", "terms-dropped"),
        op="conv_transpose2d",
        layout="x=NHWC w=HWOI y=NHWC",
    ),
    Piece("functions:backward", "conv2d_input", (), {"result": "dx, dw, db"}),
    *both("functions:backward", "backward_dw_of_transposed", "kernel-axes-exchanged", op="conv2d_weight"),
    *both(
        "functions:square_only",
        "square_only_transposed",
        "output-axes-exchanged",
        "output-misplaced",
        ints=True,
        square=True,
    ),
    Piece("functions:causal_conv1d", "conv1d"),
    *both("functions:causal_conv1d", "causal_conv1d_looks_ahead", "origin-shifted", op="conv1d", pads="causal"),
    Piece("functions:conv1d_padded_by_one", "conv1d"),
    *both("functions:conv1d_padded_by_one", "conv1d_padded_by_one_flipped", "kernel-flipped", op="conv1d", pads="1"),
    Piece("functions:conv1d_same", "conv1d"),
    *both(
        *("functions:conv1d_same", "conv1d_same_more_in_front", "same-pads-the-wrong-side", "padding-sides-exchanged"),
        op="conv1d",
        pads="SAME",
    ),
    *both("functions:conv1d_bias_column", "conv1d_bias_column_reversed", "bias-wrong", op="conv1d", layout="b=C,1"),
    *both("functions:conv1d_into_zeros", "conv1d_into_what_is_there", "output-not-written", op="conv1d"),
    *both("layers:Conv2D", "Conv2DKeepsItsFirstWeight", "stale-cache"),
    *both("layers:Conv2D", "Conv2DBiasGradientOfOneExample", "bias-wrong", gradients=True, backward="backward"),
    *both("layers:Convolution", "ConvolutionOffByOne", "position-misread", "origin-shifted"),
    *both(
        *("layers:OneMatrix", "OneMatrixFlipped", "kernel-flipped"),
        gradients=True,
        backward="backward(dout) -> dX, dw=.grads['W'], db=.grads['b']",
    ),
    *both("layers:ChannelsLast", "ChannelsLastSecondChannelTwice", "input-channel-misread"),
    *both("modules:OwnConv", "OwnConvDilationIgnored", "dilation-ignored", **TORCH),
    *both(
        *("modules:ZeroInserting", "ZeroInsertingAsItIs", "kernel-flipped"),
        op="conv_transpose2d",
        gradients=True,
        **TORCH,
    ),
    *both("modules:ModelNew", "ModelNewTileOf8", "terms-dropped", "tile-tail-dropped", **TORCH),
    *both("modules:Function", "FunctionOfItsFirstExample", "batch-offset-wrong", gradients=True, **TORCH),
    *both("modules:convolution", "convolution_groups_reversed", "group-offset-wrong", **TORCH),
    *both(
        "modules:convolution",
        "convolution_groups_reversed",
        "group-offset-wrong",
        "weight-slice-misread",
        op="conv_transpose2d",
        **TORCH,
    ),
    *both("modules:custom_kernel", "custom_kernel_misses_the_last_column", "output-not-written", **TORCH),
    *both("modules:MADE", "MADE_WRONG_ON_ODD_WIDTHS", "position-misread", fix="w4x3x3x3 s2 p1", **TORCH),
)
"""Right and faulty pieces in the styles that people write."""
