"""The cases: what each problem is, and why it is there. Everything else in `fixtures/` follows from this list.

A name is kept for ever: it is the case's seed. Unless a case is about it, nothing in a case is square, constant or
symmetric: sizes, kernels and parameters differ per axis, N, C and M differ, and a stride leaves a remainder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Result = Literal["valid", "invalid", "acceptable"]


@dataclass(frozen=True)
class Case:
    """One problem, in its notation (without a dtype: float32).

    `refusal` is the word that a refusal must be about; `conventions` are the allowed answers where there are several;
    `shapes` replaces an operand's shape by one that does not fit; `limits` bounds an operand's values.
    """

    id: str
    comment: str
    problem: str
    refusal: str = ""
    conventions: tuple[str, ...] = ()
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)

    @property
    def result(self) -> Result:
        """What a consumer should expect of the case."""
        return "invalid" if self.refusal else "acceptable" if self.conventions else "valid"


@dataclass(frozen=True)
class Sequences:
    """Two sequences and how they are combined."""

    id: str
    comment: str
    operation: str
    mode: str
    f: tuple[int, ...]
    g: tuple[int, ...]
    refusal: str = ""
    conventions: tuple[str, ...] = ()

    @property
    def result(self) -> Result:
        """What a consumer should expect of the case."""
        return "invalid" if self.refusal else "acceptable" if self.conventions else "valid"


CONV = (
    Case("conv1d-plain", "Every parameter at its default.", "conv1d x2x3x8 w4x3x3"),
    Case("conv1d-bias", "One number per output channel is added.", "conv1d x3x2x7 w5x2x3 bias"),
    Case("conv1d-padding-int", "Zeros on both sides.", "conv1d x2x3x6 w4x3x3 p2 bias"),
    Case("conv1d-padding-asymmetric", "Fewer zeros before than after.", "conv1d x2x3x6 w4x3x4 p1:3 bias"),
    Case("conv1d-padding-beyond-kernel", "Outputs that read zeros only: the bias.", "conv1d x2x3x4 w5x3x2 p3 bias"),
    Case("conv1d-same-even", "'same', kernel 3: one zero on each side.", "conv1d x2x3x7 w4x3x3 psame bias"),
    Case("conv1d-same-odd", "'same', kernel 4: the odd zero goes after.", "conv1d x2x3x7 w5x3x4 psame bias"),
    Case("conv1d-same-odd-dilated", "'same', kernel 2 dilated by 3.", "conv1d x2x3x7 w4x3x2 psame d3"),
    Case("conv1d-valid", "'valid' is no padding.", "conv1d x2x3x7 w4x3x3 pvalid bias"),
    Case("conv1d-stride-remainder", "The last input is never read.", "conv1d x2x3x9 w4x3x2 s3 bias"),
    Case("conv1d-stride-beyond-kernel", "Inputs between the windows are skipped.", "conv1d x2x3x12 w4x3x2 s4"),
    Case("conv1d-dilation", "Taps three apart.", "conv1d x2x3x11 w4x3x3 d3 bias"),
    Case("conv1d-dilation-into-padding", "The span exceeds the input.", "conv1d x2x3x5 w4x3x3 p4 d4 bias"),
    Case("conv1d-kernel-as-long-as-input", "One output position.", "conv1d x2x3x5 w4x3x5 bias"),
    Case("conv1d-pointwise", "A kernel of one element mixes channels.", "conv1d x2x3x5 w4x3x1 bias"),
    Case("conv1d-groups", "Two groups, each with 3 channels in and 2 out.", "conv1d x3x6x7 w4x3x3 g2 bias"),
    Case("conv1d-depthwise", "One kernel per channel.", "conv1d x2x3x8 w3x1x4 g3 bias"),
    Case("conv1d-depthwise-multiplier", "Two kernels per channel.", "conv1d x2x3x7 w6x1x3 p1 g3 bias"),
    Case("conv1d-unbatched", "An input of (C, I) gives (M, O).", "conv1d x3x8 w4x3x3 s2 p1 bias"),
    Case("conv1d-empty-batch", "No examples: dw is zero, not undefined.", "conv1d x0x3x8 w4x3x3 p1 bias"),
    Case("conv1d-single-pixel", "One product and a bias, by hand.", "conv1d x1x1x1 w1x1x1 bias"),
    Case("conv1d-complex", "Gradients take a conjugate.", "conv1d x2x3x7 w4x3x3 s2 p1 bias complex64"),
    Case(
        "conv1d-orientation",
        "The name says convolution; deep learning means cross-correlation.",
        "conv1d x2x3x7 w4x3x3 bias",
        conventions=("correlation", "convolution"),
    ),
    Case(
        "conv1d-complex-orientation",
        "Signal processing conjugates the second operand of a correlation.",
        "conv1d x2x3x6 w4x3x2 complex64",
        conventions=("correlation", "conjugated-correlation"),
    ),
    Case(
        "conv1d-same-side",
        "An odd total of padding at stride 1: which side takes the odd zero.",
        "conv1d x2x3x7 w4x3x4 psame",
        conventions=("same-upper", "same-lower"),
    ),
    Case(
        "conv2d-same-strided",
        "'same' with a stride: PyTorch refuses, others keep ceil(I / stride) outputs.",
        "conv2d x2x3x8x9 w4x3x5x4 s3,2 psame",
        conventions=("refused", "same-upper", "same-lower", "same-at-stride-one"),
    ),
    Case(
        "conv2d-no-output",
        "The kernel does not fit into the padded input.",
        "conv2d x2x3x3x6 w4x3x6x2 p1,0",
        conventions=("refused", "empty"),
    ),
    Case("conv2d-plain", "Every parameter at its default.", "conv2d x2x3x5x6 w4x3x3x2"),
    Case("conv2d-everything", "Every parameter at once.", "conv2d x3x4x8x7 w6x2x3x2 s2,3 p1,2 d2,1 g2 bias"),
    Case("conv2d-padding-int", "One padding for all sides.", "conv2d x2x3x4x5 w4x3x2x3 p1 bias"),
    Case("conv2d-padding-per-axis", "More padding on one axis.", "conv2d x2x3x4x5 w4x3x3x2 p2,1 bias"),
    Case("conv2d-padding-asymmetric", "Four different paddings.", "conv2d x2x3x4x5 w4x3x2x3 p1:0,2:3 bias"),
    Case("conv2d-same-even", "'same', both totals even.", "conv2d x2x3x4x6 w4x3x3x5 psame bias"),
    Case("conv2d-same-odd", "'same', both totals odd.", "conv2d x2x3x5x6 w4x3x2x4 psame bias"),
    Case("conv2d-same-mixed", "'same', dilated: 3 in all, and 4.", "conv2d x2x3x5x6 w4x3x2x3 psame d3,2"),
    Case("conv2d-valid", "'valid' is no padding.", "conv2d x2x3x5x6 w4x3x2x3 pvalid bias"),
    Case("conv2d-stride-int", "One stride; one axis leaves a remainder.", "conv2d x2x3x7x8 w4x3x3x2 s3 bias"),
    Case("conv2d-stride-per-axis", "A stride per axis, with remainders.", "conv2d x2x3x6x9 w4x3x2x3 s3,2 p1 bias"),
    Case("conv2d-stride-beyond-kernel", "Most of the input is never read.", "conv2d x2x3x9x8 w5x3x2x1 s4,3 bias"),
    Case("conv2d-dilation-per-axis", "A dilation per axis.", "conv2d x2x3x8x9 w4x3x3x2 d2,4 bias"),
    Case("conv2d-groups", "Three groups of two channels each.", "conv2d x2x6x4x5 w9x2x3x2 p1,0 g3 bias"),
    Case("conv2d-depthwise", "One kernel per channel.", "conv2d x2x5x6x7 w5x1x3x4 s2,1 p1 g5 bias"),
    Case("conv2d-depthwise-multiplier", "Three kernels per channel.", "conv2d x2x3x5x6 w9x1x2x3 d1,2 g3"),
    Case("conv2d-pointwise-strided", "A kernel of one element on a grid.", "conv2d x2x4x7x8 w5x4x1x1 s2,3 bias"),
    Case("conv2d-row-kernel", "Flat: 1 by 4.", "conv2d x2x3x4x7 w4x3x1x4 p0,2 bias"),
    Case("conv2d-column-kernel", "Tall: 4 by 1.", "conv2d x2x3x6x5 w4x3x4x1 s2,1 p2,0 bias"),
    Case("conv2d-reflect", "The padding mirrors without its edge.", "conv2d x2x3x4x5 w4x3x3x2 p2,3 reflect bias"),
    Case("conv2d-replicate", "The padding repeats the edge.", "conv2d x2x3x4x3 w4x3x3x2 s1,2 p2,4 replicate"),
    Case("conv2d-circular", "The padding wraps around.", "conv2d x2x3x4x5 w4x3x2x3 p1,4 circular bias"),
    Case("conv2d-reflect-asymmetric", "Mirrored on one side only.", "conv2d x2x3x4x5 w4x3x2x3 p2:0,0:3 reflect"),
    Case("conv2d-unbatched", "An input of (C, H, W) gives (M, *O).", "conv2d x3x5x6 w4x3x2x3 s1,2 bias"),
    Case("conv2d-empty-batch", "No examples.", "conv2d x0x3x5x6 w4x3x3x2 bias"),
    Case("conv2d-single-pixel", "One pixel; the rest of the kernel lies in padding.", "conv2d x2x3x1x1 w4x3x2x4 p1,2"),
    Case("conv2d-complex", "Complex, grouped, strided.", "conv2d x2x4x5x4 w6x2x3x2 s2,1 p1,0 g2 bias complex64"),
    Case("conv3d-plain", "Every parameter at its default.", "conv3d x1x2x4x3x5 w3x2x2x1x3"),
    Case("conv3d-everything", "Every parameter at once.", "conv3d x2x4x6x5x4 w6x2x3x2x1 s2,3,1 p1,2,0 d2,1,3 g2 bias"),
    Case("conv3d-same", "'same', totals odd, even and 0.", "conv3d x1x2x3x4x5 w3x2x2x3x1 psame bias"),
    Case("conv3d-padding-asymmetric", "Six different paddings.", "conv3d x1x2x3x4x2 w3x2x2x3x4 s2,1,3 p0:2,1:0,3:1"),
    Case("conv3d-depthwise-multiplier", "Two kernels per channel.", "conv3d x2x3x3x4x5 w6x1x2x1x3 s1,2,1 p1,0,2 g3"),
    Case("conv3d-circular", "The padding wraps around.", "conv3d x1x2x2x3x4 w3x2x2x3x1 p2,1,3 circular bias"),
    Case("conv3d-unbatched", "An input of (C, D, H, W).", "conv3d x2x3x5x4 w3x2x1x2x3 s1,2,1 bias"),
    Case("conv3d-empty-batch", "No examples.", "conv3d x0x2x3x4x5 w3x2x2x3x1 bias"),
    Case("conv2d-groups-do-not-divide", "M = 5 is no multiple of 2.", "conv2d x2x4x5x6 w5x2x3x2 g2", "groups"),
    Case("conv2d-channels-do-not-match", "C is groups times the weight's.", "conv2d x2x5x5x6 w4x2x3x2 g2", "channels"),
    Case("conv2d-groups-zero", "There is at least one group.", "conv2d x2x4x5x6 w4x4x3x2 g0", "groups"),
    Case("conv2d-stride-zero", "A stride is 1 or more.", "conv2d x2x3x5x6 w4x3x3x2 s1,0", "stride"),
    Case("conv2d-dilation-zero", "A dilation is 1 or more.", "conv2d x2x3x5x6 w4x3x3x2 d0,1", "dilation"),
    Case("conv2d-padding-negative", "A padding is 0 or more.", "conv2d x2x3x5x6 w4x3x3x2 p0,-1", "padding"),
    Case("conv2d-empty-axis", "Examples, but no pixels.", "conv2d x2x3x0x6 w4x3x1x2 p1,0", "axis"),
    Case(
        "conv2d-reflect-too-wide",
        "A mirror is shorter than its input.",
        "conv2d x2x3x4x5 w4x3x3x2 p4,1 reflect",
        "padding",
    ),
    Case(
        "conv2d-bias-length",
        "A bias has one number per output channel.",
        "conv2d x2x3x5x6 w4x3x3x2 bias",
        "bias",
        shapes={"b": (3,)},
    ),
)

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
)

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
)

SEQUENCE = (
    Sequences("convolve-note", "By hand: 4, 5 + 8, 6 + 10 + 12, ...", "convolve", "full", (1, 2, 3), (4, 5, 6)),
    Sequences("cross_correlate-note", "By hand: 12 at lag -2.", "cross_correlate", "full", (1, 2, 3), (4, 5, 6)),
    Sequences("cross_correlate-exchanged", "The note's, reversed.", "cross_correlate", "full", (4, 5, 6), (1, 2, 3)),
    Sequences("convolve-unequal", "Four with three.", "convolve", "full", (1, -2, 3, 5), (2, 7, -1)),
    Sequences("cross_correlate-unequal", "Three over four.", "cross_correlate", "full", (2, 7, -1), (1, -2, 3, 5)),
    Sequences("convolve-same", "The middle of full.", "convolve", "same", (1, -2, 3, 5, 4), (2, 7, -1)),
    Sequences(
        "cross_correlate-same", "Centred on the signal.", "cross_correlate", "same", (2, 7, -1), (1, -2, 3, 5, 4)
    ),
    Sequences("convolve-valid", "Where the shorter lies on the longer.", "convolve", "valid", (1, -2, 3, 5), (2, 7)),
    Sequences("convolve-valid-exchanged", "It commutes.", "convolve", "valid", (2, 7), (1, -2, 3, 5)),
    Sequences("cross_correlate-valid", "What a CNN computes.", "cross_correlate", "valid", (2, 7), (1, -2, 3, 5)),
    Sequences("cross_correlate-valid-longer-first", "Its lags.", "cross_correlate", "valid", (1, -2, 3, 5), (2, 7)),
    Sequences("convolve-single", "One product.", "convolve", "full", (3,), (-2,)),
    Sequences("convolve-shift", "A unit impulse at 2 shifts by 2.", "convolve", "full", (0, 0, 1), (4, -5, 6, 7)),
    Sequences("cross_correlate-shift", "And the other way.", "cross_correlate", "full", (0, 0, 1), (4, -5, 6, 7)),
    Sequences("convolve-boxes", "Two boxes make a triangle.", "convolve", "full", (1, 1, 1), (1, 1, 1)),
    Sequences(
        "convolve-same-even",
        "An even length has no middle element.",
        "convolve",
        "same",
        (1, -2, 3, 5, 4),
        (2, 7, -1, 3),
        conventions=("middle-rounded-down", "middle-rounded-up"),
    ),
    Sequences(
        "convolve-same-longer-second",
        "As long as the longer, or as the first.",
        "convolve",
        "same",
        (2, 7, -1),
        (1, -2, 3, 5, 4),
        conventions=("as-long-as-the-longer", "as-long-as-the-first"),
    ),
    Sequences(
        "cross_correlate-order",
        "Which operand slides.",
        "cross_correlate",
        "full",
        (1, 2, 3),
        (4, -5, 6, 7),
        conventions=("first-slides", "second-slides"),
    ),
    Sequences("convolve-empty", "A sequence has an element.", "convolve", "full", (), (4, 5), "element"),
    Sequences(
        "cross_correlate-unknown-mode", "full, same or valid.", "cross_correlate", "central", (1, 2), (4, 5), "mode"
    ),
)

CASES: dict[str, tuple[Case, ...]] = {
    "conv": CONV,
    "conv_transpose": CONV_TRANSPOSE,
    "conv_input": CONV_INPUT,
    "conv_weight": CONV_WEIGHT,
    "conv_bias": CONV_BIAS,
    "output_size": OUTPUT_SIZE,
}
