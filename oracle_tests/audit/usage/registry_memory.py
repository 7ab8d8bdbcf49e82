"""What is wrong where operands or the process are as users of NumPy have them."""

from __future__ import annotations

from audit.usage.entry import usage

MEMORY = (
    usage("memory:owned_images_are_padded_in_place"),
    usage("memory:owned_weights_are_packed_by_eight", narrow=True),
    usage("memory:one_array_twice"),
    usage("memory:overlapping_memory", narrow=True),
    usage("memory:packed_by_the_object"),
    usage("memory:checks_the_first_row", narrow=True),
    usage("memory:a_plan_by_the_weight"),
    usage("memory:in_other_threads_nothing_is_set"),
    usage("memory:in_other_threads_the_stride_is_forgotten", narrow=True),
    usage("memory:one_workspace_for_all_threads", more=(("edges", "fault"),)),
    usage("memory:in_a_forked_process"),
    usage("memory:in_a_forked_process_with_groups", narrow=True),
    usage("memory:with_many_threads"),
    usage("memory:with_many_threads_on_large_layers", narrow=True),
    usage("memory:borders_of_the_padded_image_are_not_cleared"),
)
