"""Transposed convolutions that are there for one thing each."""

from __future__ import annotations

from conv_oracle.golden.cases.case import Case

CONV_TRANSPOSE = (
    Case("conv_transpose1d-plain", "Every parameter at its default.", "conv_transpose1d x2x3x5 w3x4x3"),
    Case("conv_transpose1d-stride", "Windows that overlap by one.", "conv_transpose1d x2x3x4 w3x5x3 s2 bias"),
    Case("conv_transpose1d-stride-beyond-kernel", "Gaps hold the bias.", "conv_transpose1d x2x3x4 w3x4x2 s4 bias"),
    Case("conv_transpose1d-output-padding", "Two elements more.", "conv_transpose1d x2x3x4 w3x4x2 s3 p1 o2 bias"),
    Case("conv_transpose1d-same-size", "Padding undoes the growth.", "conv_transpose1d x2x3x6 w3x4x5 p2 bias"),
    Case("conv_transpose1d-unbatched", "An input of (C, I).", "conv_transpose1d x3x5 w3x4x3 s2 p1 bias"),
    Case("conv_transpose1d-empty-batch", "No examples.", "conv_transpose1d x0x3x5 w3x4x3 s2 bias"),
    Case("conv_transpose1d-single-pixel", "The output is the kernel, scaled.", "conv_transpose1d x1x1x1 w1x2x4 bias"),
    Case("conv_transpose1d-group-bias", "Each group adds its own bias.", "conv_transpose1d x1x2x1 w2x1x1 g2 bias"),
    Case("conv_transpose2d-plain", "Every parameter at its default.", "conv_transpose2d x2x3x3x4 w3x4x3x2"),
    Case(
        "conv_transpose2d-everything",
        "Every parameter at once.",
        "conv_transpose2d x3x4x4x3 w4x3x3x2 s2,3 p1,2 o1,2 d2,1 g2 bias",
    ),
    Case("conv_transpose2d-stride-4x4-2", "The layer of generators.", "conv_transpose2d x2x3x3x2 w3x5x4x4 s2 p1 bias"),
    Case("conv_transpose2d-stride-per-axis", "A stride per axis.", "conv_transpose2d x2x3x3x4 w3x4x2x3 s3,2 bias"),
    Case("conv_transpose2d-dilation", "Taps apart, on both axes.", "conv_transpose2d x2x3x3x4 w3x4x3x2 d2,3 bias"),
    Case(
        "conv_transpose2d-output-padding-by-dilation",
        "Below the dilation, although not below the stride.",
        "conv_transpose2d x2x3x3x4 w3x4x2x3 o1,2 d2,3 bias",
    ),
    Case(
        "conv_transpose2d-padding-asymmetric",
        "Four different crops.",
        "conv_transpose2d x2x3x3x4 w3x4x4x3 s1,2 p0:2,1:3 bias",
    ),
    Case(
        "conv_transpose3d-padding-asymmetric-everywhere",
        "Another crop on every side of every axis.",
        "conv_transpose3d x1x2x3x2x4 w2x3x2x3x1 s2,1,1 p0:1,1:0,0:2 bias",
        since=2,
    ),
    Case("conv_transpose2d-groups", "Two channels in, three out.", "conv_transpose2d x2x6x3x2 w6x3x2x3 s2,1 g3 bias"),
    Case(
        "conv_transpose2d-depthwise-multiplier",
        "Two outputs per channel.",
        "conv_transpose2d x2x3x4x3 w3x2x3x2 s2,1 p1,0 g3 bias",
    ),
    Case("conv_transpose2d-crop", "Almost everything is cropped.", "conv_transpose2d x2x3x2x3 w3x4x3x4 p1,2"),
    Case("conv_transpose2d-complex", "Not the conjugate.", "conv_transpose2d x2x3x3x2 w3x4x2x3 s2,1 bias complex64"),
    Case("conv_transpose3d-plain", "Every parameter at its default.", "conv_transpose3d x1x2x2x3x4 w2x3x3x1x2"),
    Case(
        "conv_transpose3d-everything",
        "Every parameter at once.",
        "conv_transpose3d x2x4x3x2x1 w4x3x2x3x4 s2,1,3 p0,1,2 o1,0,2 d1,3,2 g2 bias",
    ),
    Case(
        "conv_transpose3d-groups", "Two in, three out.", "conv_transpose3d x2x4x2x3x4 w4x3x3x1x2 s1,2,1 p1,0,0 g2 bias"
    ),
    Case(
        "conv_transpose3d-depthwise-multiplier",
        "Two outputs per channel.",
        "conv_transpose3d x2x3x2x3x4 w3x2x3x1x2 s2,1,1 p1,0,1 g3 bias",
    ),
    Case("conv_transpose3d-unbatched", "An input of (C, D, H, W).", "conv_transpose3d x2x2x3x4 w2x3x2x3x1 s1,2,3 bias"),
    Case(
        "conv_transpose2d-output-padding-too-wide",
        "output_padding is below the stride or the dilation.",
        "conv_transpose2d x2x3x3x4 w3x4x3x2 s2,3 o2,0",
        "output_padding",
    ),
    Case(
        "conv_transpose2d-channels-do-not-match",
        "The input's channels are the weight's first size.",
        "conv_transpose2d x2x4x3x5 w3x4x3x2",
        "channels",
    ),
    Case(
        "conv_transpose2d-bias-length",
        "The bias goes with the output's channels, groups times the weight's second size.",
        "conv_transpose2d x2x4x3x5 w4x3x3x2 g2 bias",
        "bias",
        shapes={"b": (3,)},
    ),
    Case(
        "conv_transpose1d-no-output",
        "Everything is cropped. PyTorch 2.13 refuses in float64 and answers in float32.",
        "conv_transpose1d x2x3x2 w3x4x3 p2",
        conventions=("refused", "empty"),
    ),
)
