"""PyTorch's parameters, and the words that people have for them.

Joined to the worker's text, and self-contained like it.
"""

from __future__ import annotations

ORDER: dict[str, tuple[str, ...]] = {
    "conv": ("input", "weight", "bias", "stride", "padding", "dilation", "groups"),
    "conv_transpose": ("input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation"),
    "conv_input": ("input_size", "weight", "grad_output", "stride", "padding", "dilation", "groups"),
    "conv_weight": ("input", "weight_size", "grad_output", "stride", "padding", "dilation", "groups"),
}
"""PyTorch's parameters, in its order, of torch.nn.functional and torch.nn.grad."""

PER_AXIS = ("stride", "padding", "output_padding", "dilation")
GEOMETRY = (*PER_AXIS, "groups")
DEFAULTS = {"stride": 1, "padding": 0, "output_padding": 0, "dilation": 1, "groups": 1}

SYNONYMS: dict[str, tuple[str, ...]] = {
    "input": ("input", "x", "inp", "inputs", "image", "images", "img", "data", "signal", "a", "in_", "a_prev", "lhs"),
    "weight": ("weight", "w", "weights", "kernel", "kernels", "filter", "filters", "wt", "k", "f", "rhs"),
    "bias": ("bias", "b", "biases"),
    "grad_output": ("grad_output", "dy", "grad_out", "grad", "gy", "dout", "delta", "g_out", "cotangent", "dz"),
    "input_size": ("input_size", "input_shape", "x_shape", "x_size", "in_shape"),
    "weight_size": ("weight_size", "weight_shape", "w_shape", "w_size", "filter_shape", "kernel_shape"),
    "stride": ("stride", "strides", "s", "window_strides", "subsample"),
    "padding": ("padding", "pad", "pads", "p", "padding_size", "zero_padding"),
    "output_padding": ("output_padding", "output_pad", "outpad", "out_pad", "adj"),
    "groups": ("groups", "group", "g", "n_groups", "num_groups", "feature_group_count"),
    "dilation": ("dilation", "dilations", "dilate", "d", "rate", "dilation_rate", "rhs_dilation"),
}
"""PyTorch's names to those that people give to the same thing."""

SIZES: dict[str, tuple[str, ...]] = {
    "in_channels": ("in_channels", "c_in", "in_ch", "cin", "input_channels", "nin", "n_in", "in_planes", "channels_in"),
    "out_channels": (
        *("out_channels", "c_out", "out_ch", "cout", "output_channels", "nout", "n_out", "num_filters", "n_filters"),
        *("out_planes", "channels_out", "filters"),
    ),
    "kernel_size": ("kernel_size", "ksize", "filter_size", "k_size", "size", "kernel_shape", "kernel", "k", "f"),
    "has_bias": ("bias", "use_bias", "has_bias"),
}
"""What a constructor takes of an operand: its sizes, and whether there is a bias."""

_MEANING = {word: name for name, words in SYNONYMS.items() for word in words}
_OF_SIZE = {word: name for name, words in SIZES.items() for word in words}


def meaning(word: str) -> str:
    """PyTorch's name of what a parameter with this name is; '' where it has none."""
    return _MEANING.get(word.lower().strip("_").removesuffix("_tensor"), "")


def size_meant(word: str) -> str:
    """Which of SIZES a constructor's parameter is, or PyTorch's name of what else it is; '' where it is none."""
    return _OF_SIZE.get(word.lower().strip("_"), "") or meaning(word)
