"""What is wrong as modules, training loops and deployments call it."""

from __future__ import annotations

from audit.usage.entry import tensors

TENSORS = (
    tensors("tensors:parameters_are_transposed"),
    tensors("tensors:a_parameter_as_bias_counts_twice", narrow=True),
    tensors("tensors:without_gradients_it_folds_the_bias"),
    tensors("tensors:in_inference_mode_it_drops_the_remainder", narrow=True),
    tensors("tensors:a_weight_that_requires_grad_is_rounded"),
    tensors("tensors:a_leaf_is_computed_by_unfold", narrow=True),
    tensors("tensors:packed_on_the_weight"),
    tensors("tensors:algorithm_kept_on_the_weight", narrow=True),
    tensors("tensors:with_threads_rows_are_lost"),
    tensors("tensors:a_second_backward_is_scaled", gradients=True),
    tensors("tensors:gradients_in_one_buffer", gradients=True),
    tensors("tensors:its_rules_for_transforms_are_wrong", more=(("transforms", True),)),
)
