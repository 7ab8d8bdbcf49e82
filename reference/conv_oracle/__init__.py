"""conv-oracle: what a convolution is, and whether somebody's convolution is right.

The functions here are PyTorch's, with its names and signatures, on NumPy arrays; the N-D forms take any number of axes.
The definitions that they are proved against carry the same names in `conv_oracle.formulas`.
"""

from conv_oracle.auditing import Verdict, audit
from conv_oracle.errors import ConvOracleError, GeometryError, NotationError, OperandError
from conv_oracle.problem import Problem, parse, problem
from conv_oracle.truth import (
    conv,
    conv1d,
    conv1d_input,
    conv1d_weight,
    conv2d,
    conv2d_input,
    conv2d_weight,
    conv3d,
    conv3d_input,
    conv3d_weight,
    conv_bias,
    conv_double_backward,
    conv_input,
    conv_transpose,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
    conv_transpose_double_backward,
    conv_transpose_input,
    conv_transpose_weight,
    conv_weight,
)

__version__ = "0.1.0"

__all__ = [
    "ConvOracleError",
    "GeometryError",
    "NotationError",
    "OperandError",
    "Problem",
    "Verdict",
    "__version__",
    "audit",
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
    "parse",
    "problem",
]
