"""Convolutions that are wrong at the sizes of the layers that people run."""

from __future__ import annotations

from audit.usage.entry import Usage, tensors, usage

SHAPES: tuple[Usage, ...] = (
    usage("shapes:winograd_tiles"),
    usage("shapes:winograd_of_four", narrow=True),
    usage("shapes:rest_of_a_row"),
    usage("shapes:rest_of_32", narrow=True),
    usage("shapes:pixels_as_a_matrix"),
    usage("shapes:depthwise_rows"),
    usage("shapes:depthwise_of_stride_2", narrow=True),
    usage("shapes:stem"),
    usage("shapes:colours_by_four", narrow=True),
    usage("shapes:patches"),
    usage("shapes:atrous", narrow=True),
    usage("shapes:atrous_on_wide_images", narrow=True),
    usage("shapes:switches_at_sizes", narrow=True),
    usage("shapes:one_channel"),
    usage("shapes:bias_where_something_is_read"),
    usage("shapes:causal", op="conv1d", narrow=True),
    usage("shapes:filters_of_a_sequence", op="conv1d"),
    usage("shapes:conv3d", op="conv3d", narrow=True),
    usage("shapes:conv_transpose2d", op="conv_transpose2d"),
    usage("shapes:upsampled_by_tiles", op="conv_transpose2d", narrow=True),
    tensors("shapes:conv2d_weight", op="conv2d_weight", narrow=True),
    tensors("shapes:conv2d_input", op="conv2d_input"),
    tensors("shapes:bottleneck", narrow=True),
    tensors("shapes:residual", narrow=True),
)
