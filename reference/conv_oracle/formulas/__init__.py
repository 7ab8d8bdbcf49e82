"""The definitions, as the mathematics reads. Nothing here is fast, and nothing here knows of the fast form."""

from conv_oracle.formulas.contraction import to_input, to_output, to_weight
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

conv1d, conv2d, conv3d = (definition.named(d).conv for d in (1, 2, 3))
conv_transpose1d, conv_transpose2d, conv_transpose3d = (definition.named(d).conv_transpose for d in (1, 2, 3))
conv1d_input, conv2d_input, conv3d_input = (definition.named(d).conv_input for d in (1, 2, 3))
conv1d_weight, conv2d_weight, conv3d_weight = (definition.named(d).conv_weight for d in (1, 2, 3))
