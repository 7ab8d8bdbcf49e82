"""The foreign faults: convolutions as people write them, each with one mistake, and what that may be called."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit.subject import Subject

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Foreign(Subject):
    """One wrong convolution as one operation; `named`: the faults of the catalogue that its mistake may be called."""

    name: str
    target: str
    op: str
    named: frozenset[str]
    arrays: str = "numpy"
    dtypes: tuple[str, ...] = ("float64",)
    gradients: bool = False


def foreign(where: str, named: str, op: str = "conv2d", **rest: Any) -> Foreign:
    """`where` is module:function, `named` the acceptable faults with spaces between."""
    module, _, function = where.partition(":")
    return Foreign(where, f"{HERE / module}.py:{function}", op, frozenset(named.split()), **rest)


LOOPS = (
    foreign("loops:kernel_flipped", "kernel-flipped"),
    foreign("loops:strides_swapped", "stride-axes-exchanged"),
    foreign("loops:last_row_missing", "output-not-written"),
    foreign("loops:first_row_unread", "input-border-unread"),
    foreign("loops:last_column_of_the_kernel_missing", "kernel-element-dropped"),
    foreign("loops:dilation_not_read", "dilation-ignored"),
    foreign("loops:dilation_not_in_the_size", "size-formula-wrong wrong-result-shape"),
    foreign("loops:group_offset_missing", "group-offset-wrong"),
    foreign("loops:weight_as_in_out", "weight-channels-exchanged"),
    foreign("loops:depthwise_multiplier_first", "group-offset-wrong groups-interleaved"),
    foreign("loops:bias_of_the_first_group", "bias-wrong"),
    foreign("loops:first_example_for_all", "batch-offset-wrong"),
    foreign("loops:paddings_swapped", "padding-axes-exchanged"),
    foreign("loops:negative_index", "reads-around-the-border", "conv1d"),
    foreign("loops:first_stride_for_both", "stride-of-one-axis-for-all"),
    foreign("loops:first_dilation_for_all", "dilation-of-one-axis-for-all", "conv3d"),
)

IM2COL = (
    foreign("im2col:pads_the_edge", "padding-is-not-zero"),
    foreign("im2col:pads_by_reflection", "padding-is-not-zero"),
    foreign("im2col:pads_around", "padding-is-not-zero reads-around-the-border"),
    foreign("im2col:size_rounded_up", "size-formula-wrong"),
    foreign("im2col:columns_channel_last", "weight-channels-exchanged"),
    foreign("im2col:result_not_transposed", "batch-offset-wrong output-misplaced"),
    foreign("im2col:kernel_columns_first", "kernel-axes-exchanged"),
    foreign("im2col:all_padding_in_front", "padding-on-one-side"),
    foreign("im2col:pointwise_without_stride", "stride-ignored"),
    foreign("im2col:sixteen_examples_at_a_time", "batch-offset-wrong tile-tail-dropped"),
    foreign("im2col:groups_interleaved", "groups-interleaved"),
    foreign("im2col:weight_flipped_in_place", "operand-changed"),
    foreign("im2col:padding_ignored", "padding-ignored"),
    foreign("im2col:pads_one_too_few_in_front", "origin-shifted"),
)

EINSUM = (
    foreign("einsum:output_channels_interleaved", "groups-interleaved"),
    foreign("einsum:relu_fused", "activation-fused"),
    foreign("einsum:clamped_to_a_byte", "result-clamped"),
    foreign("einsum:absolute", "activation-fused"),
    foreign("einsum:in_float32", "precision-lost low-precision-accumulation reduced-precision-operands"),
    foreign("einsum:in_float16", "precision-lost low-precision-accumulation reduced-precision-operands"),
    foreign("einsum:bias_once_per_input_channel", "bias-wrong"),
    foreign("einsum:bias_for_the_first_example", "bias-wrong"),
    foreign("einsum:bias_forgotten", "bias-wrong"),
    foreign("einsum:as_a_list", "no-array-returned"),
    foreign("einsum:float32_with_a_bias", "wrong-result-dtype"),
    foreign("einsum:square_kernel_transposed", "kernel-axes-exchanged"),
)

STRIDED = (
    foreign("strided:strides_as_if_contiguous", "strides-ignored"),
    foreign("strided:steps_swapped", "stride-axes-exchanged"),
    foreign("strided:same_pads_more_in_front", "same-pads-the-wrong-side"),
    foreign("strided:centre_of_even_kernels", "origin-shifted", "conv1d"),
    foreign("strided:eight_channels_at_a_time", "channel-tail-dropped"),
    foreign("strided:returns_its_workspace", "workspace-returned"),
    foreign("strided:weight_prepared_by_shape", "stale-cache"),
    foreign("strided:border_not_initialised", "varies padding-is-not-zero"),
    foreign("strided:input_cleared_in_place", "operand-changed"),
    foreign("strided:last_dilated_tap", "size-formula-wrong wrong-result-shape"),
)

WITH_SCIPY = (
    foreign("with_scipy:convolved", "kernel-flipped"),
    foreign("with_scipy:convolved_with_one_axis_flipped", "kernel-flipped"),
    foreign("with_scipy:kernel_may_be_longer", "output-invented"),
    foreign("with_scipy:numpy_convolve", "kernel-flipped", "conv1d"),
    foreign("with_scipy:one_image_at_a_time", "empty-batch-refused"),
    foreign("with_scipy:same_by_cropping_full", "origin-shifted"),
)

FFT = (
    foreign("fft:without_conjugate", "kernel-flipped"),
    foreign("fft:circular", "reads-around-the-border padding-is-not-zero", "conv1d"),
    foreign("fft:in_single_precision", "precision-lost fast-algorithm-inaccurate"),
    foreign("fft:stride_from_the_second", "origin-shifted"),
)

COMPILED = (
    foreign("compiled:takes_the_raw_pointer", "strides-ignored"),
    foreign("compiled:sums_in_float", "precision-lost low-precision-accumulation"),
    foreign("compiled:sums_in_int", "integer-overflow", dtypes=("int64",)),
    foreign("compiled:columns_by_four", "tile-tail-dropped"),
    foreign("compiled:terms_by_four", "reduction-tail-dropped"),
    foreign("compiled:columns_not_checked", "reads-around-the-border padding-is-not-zero"),
    foreign("compiled:dies_with_groups", "crashes"),
)

TRANSPOSED = (
    foreign("transposed_and_gradients:output_padding_ignored", "output-padding-mishandled", "conv_transpose2d"),
    foreign("transposed_and_gradients:output_padding_of_zeros", "output-padding-mishandled", "conv_transpose2d"),
    foreign("transposed_and_gradients:padding_not_cropped", "padding-ignored", "conv_transpose2d"),
    foreign("transposed_and_gradients:transposed_kernel_flipped", "kernel-flipped", "conv_transpose2d"),
    foreign("transposed_and_gradients:transposed_groups_overwritten", "group-offset-wrong", "conv_transpose1d"),
    foreign("transposed_and_gradients:overlaps_overwritten", "overlaps-overwritten", "conv_transpose2d"),
)

GRADIENTS = (
    foreign("transposed_and_gradients:weight_gradient_flipped", "kernel-flipped", "conv2d_weight"),
    foreign("transposed_and_gradients:weight_gradient_of_one_example", "batch-offset-wrong", "conv2d_weight"),
    foreign("transposed_and_gradients:weight_gradient_averaged", "result-scaled", "conv1d_weight"),
    foreign(
        "transposed_and_gradients:weight_gradient_stride_as_dilation", "stride-and-dilation-exchanged", "conv2d_weight"
    ),
    foreign("transposed_and_gradients:weight_gradient_without_dilation", "dilation-ignored", "conv3d_weight"),
    foreign("transposed_and_gradients:input_gradient_without_stride", "stride-ignored", "conv2d_input"),
    foreign("transposed_and_gradients:input_gradient_flipped", "kernel-flipped", "conv2d_input"),
    foreign("transposed_and_gradients:input_gradient_channels_exchanged", "weight-channels-exchanged", "conv1d_input"),
)

TORCH = {"arrays": "torch", "dtypes": ("float32",)}
DERIVED = {"arrays": "torch", "gradients": True}

WITH_TORCH = (
    foreign("with_torch:pads_in_the_wrong_order", "padding-axes-exchanged", **TORCH),
    foreign("with_torch:pads_before_and_after_confused", "unknown wrong-result-shape", **TORCH),
    foreign("with_torch:dilation_is_a_word_only", "dilation-ignored", **TORCH),
    foreign("with_torch:weight_flipped_in_place", "operand-changed", **TORCH),
    foreign("with_torch:in_half", "precision-lost reduced-precision-operands", **TORCH),
    foreign("with_torch:contiguous_strides_assumed", "strides-ignored", **TORCH),
    foreign("with_torch:depthwise_channels_repeated", "group-offset-wrong groups-interleaved", **TORCH),
    foreign("with_torch:transposed_by_zeros_not_flipped", "kernel-flipped", "conv_transpose1d", **TORCH),
    foreign("with_torch:input_gradient_flipped", "kernel-flipped", **DERIVED),
    foreign("with_torch:weight_gradient_flipped", "kernel-flipped", **DERIVED),
    foreign("with_torch:gradients_averaged", "result-scaled", **DERIVED),
    foreign("with_torch:bias_gradient_of_one_example", "bias-wrong batch-offset-wrong", **DERIVED),
    foreign("with_torch:input_detached_in_the_backward", "double-backward-wrong", **DERIVED),
)

SUBJECTS = LOOPS + IM2COL + EINSUM + STRIDED + WITH_SCIPY + FFT + COMPILED + TRANSPOSED + GRADIENTS + WITH_TORCH

RIGHT = (
    *(
        foreign(f"{module}:right", "")
        for module in ("loops", "im2col", "einsum", "strided", "with_scipy", "fft", "compiled")
    ),
    foreign("transposed_and_gradients:right_transposed", "", "conv_transpose2d"),
    foreign("transposed_and_gradients:right_weight", "", "conv2d_weight"),
    foreign("transposed_and_gradients:right_input", "", "conv2d_input"),
    foreign("with_torch:right", "", **TORCH),
    foreign("with_torch:right_gradients", "", **DERIVED),
)
"""What the others are, but for their mistake."""
