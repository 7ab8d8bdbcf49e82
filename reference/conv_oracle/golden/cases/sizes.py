"""Sizes of results."""

from __future__ import annotations

from conv_oracle.golden.cases.case import Case

OUTPUT_SIZE = (
    Case("size-note", "I - K + 1, the lecture note's.", "conv1d x1x1x9 w1x1x4"),
    Case("size-stem-7x7-2", "224 by 224 to 112 by 112.", "conv2d x1x3x224x224 w64x3x7x7 s2 p3"),
    Case("size-3x3-keeps", "Padding 1 keeps the size.", "conv2d x8x16x31x47 w32x16x3x3 p1"),
    Case("size-floor", "The division is rounded down.", "conv2d x2x3x10x11 w4x3x3x2 s4,5 p1,0"),
    Case("size-dilated", "The kernel spans d * (K - 1) + 1.", "conv2d x2x3x20x23 w4x3x3x5 d4,5"),
    Case("size-asymmetric", "Before and after both count.", "conv1d x2x3x10 w4x3x4 s3 p2:5"),
    Case("size-same-odd", "'same' keeps an even kernel's size too.", "conv2d x2x3x9x10 w4x3x4x6 psame d1,3"),
    Case("size-valid", "'valid' is no padding.", "conv3d x2x3x7x8x9 w4x3x2x3x4 s2,1,3 pvalid"),
    Case("size-exact-fit", "The kernel is the padded input.", "conv2d x2x3x5x4 w4x3x7x4 p1,0"),
    Case("size-long-stride", "One output, whatever is left.", "conv1d x2x3x30 w4x3x3 s100"),
    Case("size-unbatched", "No batch in, no batch out.", "conv2d x3x13x17 w5x3x4x2 s3,2"),
    Case("size-empty-batch", "No examples, but a shape.", "conv2d x0x3x13x17 w5x3x4x2 s3,2"),
    Case(
        "size-transposed",
        "(I - 1) * s - 2p + d * (K - 1) + o + 1.",
        "conv_transpose2d x2x3x5x7 w3x4x4x3 s2,3 p1,0 o1,2",
    ),
    Case(
        "size-transposed-dilated", "The kernel's span again.", "conv_transpose3d x2x4x3x4x5 w4x2x2x3x4 s1,2,3 d4,3,2 g2"
    ),
    Case("size-kernel-too-long", "No output.", "conv1d x2x3x6 w4x3x4 d3 p1", conventions=("refused", "empty")),
    Case(
        "size-same-strided",
        "Every 'same' keeps ceil(10 / 4) outputs.",
        "conv1d x2x3x10 w4x3x3 s4 psame",
        conventions=("refused", "same-upper", "same-lower", "same-at-stride-one"),
    ),
    Case("size-stride-zero", "A stride is 1 or more.", "conv1d x2x3x6 w4x3x3 s0", "stride"),
    Case("size-remainder-0", "7 = 2 * 2 + 3: nothing is left.", "conv1d x2x3x7 w4x3x3 s2"),
    Case("size-remainder-1", "One input is left.", "conv1d x2x3x8 w4x3x3 s2"),
    Case("size-remainder-2-of-3", "Two inputs are left.", "conv1d x2x3x11 w4x3x3 s3"),
    Case("size-padding-per-axis", "Other padding, other size.", "conv2d x2x3x9x11 w4x3x4x3 p2,0"),
    Case("size-dilation-per-axis", "Spans of 9 and 4.", "conv2d x2x3x12x14 w4x3x3x2 d4,3"),
    Case(
        "size-everything", "Three axes, every parameter.", "conv3d x2x4x9x10x11 w6x2x3x2x4 s2,3,1 p1:2,0:3,2 d2,1,3 g2"
    ),
    Case("size-single", "One pixel, one tap.", "conv3d x1x1x1x1x1 w1x1x1x1x1"),
    Case("size-same-dilated", "'same' keeps the size under any dilation.", "conv3d x1x2x5x6x7 w3x2x2x3x4 psame d3,2,1"),
    Case("size-transposed-stride", "(4 - 1) * 3 + 2.", "conv_transpose1d x2x3x4 w3x4x2 s3"),
    Case("size-transposed-crop", "Padding makes it smaller.", "conv_transpose2d x2x3x6x5 w3x4x3x4 p1,2"),
    Case(
        "size-transposed-asymmetric",
        "Before and after both count.",
        "conv_transpose2d x2x3x6x5 w3x4x3x4 s2,3 p1:0,0:2",
    ),
    Case("size-transposed-doubles", "The layer of generators.", "conv_transpose2d x1x64x16x16 w64x32x4x4 s2 p1"),
    Case(
        "size-transposed-output-padding",
        "Which of the sizes that a stride maps to the same.",
        "conv_transpose3d x1x2x3x4x5 w2x3x3x2x4 s3,2,4 o2,1,3",
    ),
    Case("size-dilation-zero", "A dilation is 1 or more.", "conv1d x2x3x6 w4x3x3 d0", "dilation"),
    Case("size-padding-negative", "A padding is 0 or more.", "conv1d x2x3x6 w4x3x3 p-1", "padding"),
    Case(
        "size-transposed-output-padding-too-wide",
        "It is below the stride or the dilation.",
        "conv_transpose1d x2x3x6 w3x4x3 s2 d3 o3",
        "output_padding",
    ),
)
