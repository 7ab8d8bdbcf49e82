"""The convolutions that are wrong on values that people have."""

from __future__ import annotations

from audit.usage.entry import tensors, usage

FLOAT32, INT8, INT16, UINT8 = ("float32",), ("int8",), ("int16",), ("uint8",)

VALUES = (
    usage("values:relu_of_a_relu"),
    usage("values:relu_of_a_depthwise_relu", narrow=True),
    usage("values:weights_below_one_are_integers"),
    usage("values:centred_weights_in_eight_bits"),
    usage("values:pointwise_layers_forget_the_bias", narrow=True),
    usage("values:inputs_around_zero_are_standardised"),
    usage("values:pixels_are_signed_bytes"),
    usage("values:white_is_transparent", dtypes=UINT8),
    usage("values:first_layers_of_bytes", narrow=True),
    usage("values:blank_rows_take_the_next_with_them"),
    usage("values:blank_images_forget_the_bias"),
    usage("values:blank_filters_move_up"),
    usage("values:symmetric_rows_count_the_middle_twice"),
    usage("values:symmetric_columns_are_read_from_the_edge", narrow=True),
    usage("values:point_symmetry_for_mirror_symmetry"),
    usage("values:kernels_equal_to_their_transpose", narrow=True),
    usage("values:separable_kernels_the_other_way"),
    usage("values:separable_strided_kernels", narrow=True),
    usage("values:lowest_byte_has_no_magnitude", dtypes=INT8),
    usage("values:highest_is_moved_by_a_zero_point", dtypes=INT16),
    usage("values:pairs_of_products_saturate", dtypes=INT8),
    usage("values:long_integers_as_floats", dtypes=("int64",)),
    usage("values:highest_of_32_bits_is_missing", dtypes=("int32",)),
    usage("values:depthwise_in_half", dtypes=FLOAT32),
    usage("values:dilated_in_eleven_bits", dtypes=FLOAT32),
    usage("values:patches_in_eleven_bits", dtypes=FLOAT32),
    usage("values:groups_share_a_nan"),
    usage("values:neighbouring_groups_share_a_nan", narrow=True),
    usage("values:workspace_keeps_what_is_not_finite"),
    usage("values:depthwise_layers_fall_back_for_ever", narrow=True),
    tensors("values_torch:relu_of_a_relu"),
    tensors("values_torch:trained_layers_in_bfloat16", op="conv1d"),
    tensors("values_torch:binomial_filters_upsample", op="conv_transpose2d"),
    tensors("values_torch:empty_rows_of_the_gradient", op="conv2d_weight"),
)
