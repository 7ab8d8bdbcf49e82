"""The same values, fast: windows and GEMM. Nothing here knows of the definitions or of the index map."""

from conv_oracle.passes import Passes
from conv_oracle.truth.contraction import to_input, to_output, to_weight
from conv_oracle.truth.pool import threads as threads

fast = Passes(to_output, to_input, to_weight)

conv = fast.conv
conv_input = fast.conv_input
conv_weight = fast.conv_weight
conv_bias = fast.conv_bias
conv_double_backward = fast.conv_double_backward
conv_transpose = fast.conv_transpose
conv_transpose_input = fast.conv_transpose_input
conv_transpose_weight = fast.conv_transpose_weight
conv_transpose_double_backward = fast.conv_transpose_double_backward

conv1d, conv2d, conv3d = (fast.named(d).conv for d in (1, 2, 3))
conv_transpose1d, conv_transpose2d, conv_transpose3d = (fast.named(d).conv_transpose for d in (1, 2, 3))
conv1d_input, conv2d_input, conv3d_input = (fast.named(d).conv_input for d in (1, 2, 3))
conv1d_weight, conv2d_weight, conv3d_weight = (fast.named(d).conv_weight for d in (1, 2, 3))
