"""What is wrong in one way of writing the arguments."""

from __future__ import annotations

from audit.usage.entry import usage

CALLS = (
    usage("calls:ints_mean_the_first_axis"),
    usage("calls:an_int_pads_the_last_axis"),
    usage("calls:an_int_dilates_by_one_less", narrow=True),
    usage("calls:strides_of_zero_dimensions"),
    usage("calls:strides_by_the_kernel"),
    usage("calls:pads_where_nothing_is_said"),
    usage("calls:groups_by_the_weight", narrow=True),
    usage("calls:consumes_its_lists"),
    usage("calls:lists_are_x_before_y"),
    usage("calls:lists_of_strides_lose_the_padding", narrow=True),
    usage("calls:by_position_padding_comes_first"),
    usage("calls:the_last_position_is_dropped", narrow=True),
    usage("calls:by_keyword_it_remembers"),
    usage("calls:an_explicit_none_is_a_bias_of_ones"),
    usage("calls:an_explicit_none_loses_the_groups", narrow=True),
)
