"""Gradients by the input, the weight and the bias that are there for one thing each."""

from __future__ import annotations

from conv_oracle.golden.cases.case import Case

CONV_INPUT = (
    Case("conv1d-input-unread-tail", "dx is zero where no window reads.", "conv1d_input x2x3x10 w4x3x3 s4"),
    Case("conv2d-input-holes", "Stride beyond the kernel leaves zeros between.", "conv2d_input x2x3x8x9 w4x3x1x2 s3,4"),
    Case(
        "conv2d-input-groups", "Each group's kernels reach its channels only.", "conv2d_input x2x6x4x5 w4x3x3x2 p1 g2"
    ),
    Case("conv2d-input-dilated", "Two taps far apart.", "conv2d_input x2x3x7x6 w4x3x3x2 s2,1 p1,2 d2,3"),
    Case("conv2d-input-cropped", "Padding beyond the kernel drops cotangents.", "conv2d_input x2x3x3x4 w4x3x2x1 p3,2"),
    Case("conv3d-input-strided", "Three strides, three remainders.", "conv3d_input x1x2x4x6x7 w3x2x1x2x3 s2,3,3"),
    Case(
        "conv2d-input-wrong-cotangent",
        "grad_output has the shape of the output.",
        "conv2d_input x2x3x5x6 w4x3x3x2",
        "grad_output",
        shapes={"dy": (2, 4, 3, 4)},
    ),
)

CONV_WEIGHT = (
    Case("conv1d-weight-batch", "A sum over five examples.", "conv1d_weight x5x2x6 w3x2x4 p1"),
    Case(
        "conv2d-weight-remainder", "More kernel would fit than there is.", "conv2d_weight x2x3x7x8 w4x3x2x3 s3,2 p1,0"
    ),
    Case("conv2d-weight-dilated", "Taps two and three apart.", "conv2d_weight x2x3x7x8 w4x3x3x2 d2,3"),
    Case("conv2d-weight-depthwise", "One input channel feeds two kernels.", "conv2d_weight x2x3x5x4 w6x1x3x2 p1,0 g3"),
    Case("conv2d-weight-untouched", "Taps that only ever read zeros.", "conv2d_weight x2x3x2x4 w4x3x5x3 p2,1"),
    Case("conv3d-weight-groups", "Two groups on three axes.", "conv3d_weight x2x4x3x4x2 w6x2x2x3x1 p1,0,1 g2"),
    Case(
        "conv2d-weight-wrong-cotangent",
        "grad_output has the batch of the input.",
        "conv2d_weight x2x3x5x6 w4x3x3x2",
        "grad_output",
        shapes={"dy": (3, 4, 3, 5)},
    ),
)

CONV_BIAS = (
    Case("conv1d-bias-gradient", "db sums over examples and positions.", "conv1d x3x2x6 w5x2x3 s2 bias"),
    Case(
        "conv2d-bias-gradient-groups",
        "One number per output channel, not per group.",
        "conv2d x2x4x4x5 w6x2x3x2 g2 bias",
    ),
    Case("conv3d-bias-gradient-unbatched", "No batch to sum over.", "conv3d x2x3x2x4 w3x2x2x1x3 bias"),
    Case("conv2d-bias-gradient-empty-batch", "An empty sum is zero.", "conv2d x0x2x4x3 w5x2x3x2 bias"),
    Case("conv_transpose2d-bias-gradient", "Of the larger side.", "conv_transpose2d x2x3x2x3 w3x4x2x3 s2,1 bias"),
    Case("conv1d-bias-gradient-grouped", "Six channels, one sum each.", "conv1d x2x4x7 w6x2x3 g2 bias"),
    Case("conv1d-bias-gradient-unbatched", "A sum over positions alone.", "conv1d x2x6 w3x2x2 bias"),
    Case("conv2d-bias-gradient-padded", "Outputs that read padding alone count too.", "conv2d x2x3x2x3 w4x3x2x1 p3,2"),
    Case("conv2d-bias-gradient-one-output", "A sum over examples alone.", "conv2d x5x2x3x2 w3x2x3x2 bias"),
    Case("conv3d-bias-gradient", "Over a batch and three axes.", "conv3d x2x3x3x4x2 w4x3x2x3x1 s1,2,1 bias"),
    Case("conv3d-bias-gradient-empty-batch", "An empty sum is zero.", "conv3d x0x2x3x4x2 w4x2x2x3x1 bias"),
    Case("conv_transpose1d-bias-gradient", "Overlaps do not count twice.", "conv_transpose1d x2x3x4 w3x4x3 s2 o1 bias"),
    Case("conv_transpose1d-bias-gradient-groups", "Two groups.", "conv_transpose1d x3x4x3 w4x3x2 s3 g2 bias"),
    Case("conv_transpose3d-bias-gradient", "With a crop.", "conv_transpose3d x1x2x3x2x4 w2x3x2x1x3 p1,0,1 bias"),
)
