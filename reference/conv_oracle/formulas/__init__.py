"""The definitions, as the mathematics reads. Nothing here is fast, and nothing here knows of the fast form.

The formulas of the source, a lecture note on CNNs, one line each (# is cross-correlation). Where the note is wrong or
loose, the docstring of the function says so.

    S1   h_i = sigma(sum_{j=1..p} W_ij x_j)                  `dense_layer`
    S2   h_i = sigma(sum_{j=1..p} V_j x_{i+j-1})             `banded_layer`, `band_matrix`, `convolution_matrix`,
                                                             `parameter_counts`
    S3   [f*g](x) = integral f(z) g(x-z) dz                  `sampled_convolution`
    S4   [f*g](i) = sum_a f(a) g(i-a)                        `convolve`
    S5   [f#g](x) = integral f(z) g(x+z) dz                  `sampled_cross_correlation`
    S6   [f#g](i) = sum_a f(a) g(i+a)                        `cross_correlate`
    S7   f*(t_b g) = t_b(f*g): equivariant                   `translate`, `Signal.moved`
    S8   box*box, spiky*box                                  `triangle`, `exponential_with_box`, all of `PAIRS`
    S9   choosing a kernel changes an image                  `KERNELS`, `filter_image`
    S10  sum_{a} f(a) g(i+a) in 1, 2, 3, d dimensions        `cross_correlate`, `on_patch`
    S11  O = floor((I + p + q - d(K-1) - 1) / s) + 1         `geometry.conv_output_size`, `conv_transpose_output_size`
    S12  y[m] = b[m] + sum_c w[m,c] # x[c]                   `sum_over_channels`, `stack_of_kernels`, `conv`
    S13  d/dx [f*g] = [f*g']                                 `convolution_derivative`, `cross_correlation_derivative`
    S14  dL/dx_m = sum_i delta_i W_{m-i+1}                   `input_gradient`, `conv_input`
    S15  dL/dW_i = sum_j delta_j x_{i+j-1}                   `weight_gradient`, `conv_weight`

All of a CNN's passes, for any number of axes and every parameter, are the contractions of one index map: `definition`,
and under the names of PyTorch `conv1d` to `conv3d_weight`.
"""

from conv_oracle.formulas.backpropagation import input_gradient, weight_gradient
from conv_oracle.formulas.channels import stack_of_kernels, sum_over_channels
from conv_oracle.formulas.closed_forms import PAIRS, exponential_with_box, triangle
from conv_oracle.formulas.continuous import (
    Signal,
    convolution_derivative,
    cross_correlation_derivative,
    sampled_convolution,
    sampled_cross_correlation,
    samples,
)
from conv_oracle.formulas.contraction import to_input, to_output, to_weight
from conv_oracle.formulas.dense import (
    band_matrix,
    banded_layer,
    convolution_matrix,
    dense_layer,
    parameter_counts,
)
from conv_oracle.formulas.discrete import (
    convolution_positions,
    convolve,
    correlation_lags,
    cross_correlate,
    on_patch,
    translate,
)
from conv_oracle.formulas.images import KERNELS, filter_image, image_kernel
from conv_oracle.passes import Passes

definition = Passes(to_output, to_input, to_weight)

conv = definition.conv
conv_input = definition.conv_input
conv_weight = definition.conv_weight
conv_bias = definition.conv_bias
conv_double_backward = definition.conv_double_backward
conv_transpose = definition.conv_transpose
conv_transpose_input = definition.conv_transpose_input
conv_transpose_weight = definition.conv_transpose_weight
conv_transpose_double_backward = definition.conv_transpose_double_backward

_named = [definition.named(dimensions, __name__) for dimensions in (1, 2, 3)]
conv1d, conv2d, conv3d = (functions.conv for functions in _named)
conv_transpose1d, conv_transpose2d, conv_transpose3d = (functions.conv_transpose for functions in _named)
conv1d_input, conv2d_input, conv3d_input = (functions.conv_input for functions in _named)
conv1d_weight, conv2d_weight, conv3d_weight = (functions.conv_weight for functions in _named)

__all__ = [
    "KERNELS",
    "PAIRS",
    "Signal",
    "band_matrix",
    "banded_layer",
    "conv",
    "conv1d",
    "conv1d_input",
    "conv1d_weight",
    "conv2d",
    "conv2d_input",
    "conv2d_weight",
    "conv3d",
    "conv3d_input",
    "conv3d_weight",
    "conv_bias",
    "conv_double_backward",
    "conv_input",
    "conv_transpose",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "conv_transpose_double_backward",
    "conv_transpose_input",
    "conv_transpose_weight",
    "conv_weight",
    "convolution_derivative",
    "convolution_matrix",
    "convolution_positions",
    "convolve",
    "correlation_lags",
    "cross_correlate",
    "cross_correlation_derivative",
    "definition",
    "dense_layer",
    "exponential_with_box",
    "filter_image",
    "image_kernel",
    "input_gradient",
    "on_patch",
    "parameter_counts",
    "sampled_convolution",
    "sampled_cross_correlation",
    "samples",
    "stack_of_kernels",
    "sum_over_channels",
    "translate",
    "triangle",
    "weight_gradient",
]
