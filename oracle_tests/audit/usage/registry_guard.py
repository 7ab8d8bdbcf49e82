"""What touches memory beside an operand, and has the right values all the same."""

from __future__ import annotations

from audit.usage.entry import Usage, tensors, usage

GUARD: tuple[Usage, ...] = (
    usage("guard:one_behind_input"),
    usage("guard:one_before_input"),
    usage("guard:weight_by_eight", dtypes=("float32",)),
    usage("guard:bias_by_eight", dtypes=("float32",)),
    usage("guard:sentinel_behind_weight"),
    usage("guard:byte_written_before_weight"),
    usage("guard:windows_over_the_edge"),
    usage("guard:next_row_fetched", dtypes=("int32",)),
    usage("guard:conv1d_last_sample_twice", op="conv1d", dtypes=("float32",)),
    usage("guard:conv_transpose2d_scatters_behind", op="conv_transpose2d"),
    usage("guard:weight_tail_of_five", dtypes=("float32",), narrow=True),
    usage("guard:before_input_where_padded_and_dilated", narrow=True),
    usage("guard:bias_tail_of_three", narrow=True),
    usage("guard:group_behind_the_last", narrow=True),
    tensors("guard_tensors:one_behind_weight"),
    tensors("guard_tensors:input_by_lines"),
    tensors("guard_tensors:zero_written_behind_bias"),
    tensors("guard_tensors:before_weight_of_even_kernels", narrow=True),
    tensors("guard_tensors:backward_behind_its_cotangent", gradients=True),
)
