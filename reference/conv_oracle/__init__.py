"""conv-oracle: what a convolution is, and whether somebody's convolution is right.

The functions here are PyTorch's, with its names and signatures, on NumPy arrays; the N-D forms take any number of axes.
The definitions that they are proved against carry the same names in `conv_oracle.formulas`.
"""

from conv_oracle.agents import Reward, reward
from conv_oracle.auditing import LEVELS, AuditOptions, Level, Verdict, adapt, audit
from conv_oracle.errors import ConvOracleError, GeometryError, NotationError, OperandError, SubjectError, TargetError
from conv_oracle.problem import Problem, parse, problem
from conv_oracle.report import in_a_notebook
from conv_oracle.truth import fast
from conv_oracle.version import __version__

Verdict.shown = staticmethod(in_a_notebook)

conv = fast.conv
conv_input = fast.conv_input
conv_weight = fast.conv_weight
conv_bias = fast.conv_bias
conv_double_backward = fast.conv_double_backward
conv_transpose = fast.conv_transpose
conv_transpose_input = fast.conv_transpose_input
conv_transpose_weight = fast.conv_transpose_weight
conv_transpose_double_backward = fast.conv_transpose_double_backward

_named = [fast.named(dimensions, __name__) for dimensions in (1, 2, 3)]
conv1d, conv2d, conv3d = (functions.conv for functions in _named)
conv_transpose1d, conv_transpose2d, conv_transpose3d = (functions.conv_transpose for functions in _named)
conv1d_input, conv2d_input, conv3d_input = (functions.conv_input for functions in _named)
conv1d_weight, conv2d_weight, conv3d_weight = (functions.conv_weight for functions in _named)

__all__ = [
    "LEVELS",
    "AuditOptions",
    "ConvOracleError",
    "GeometryError",
    "Level",
    "NotationError",
    "OperandError",
    "Problem",
    "Reward",
    "SubjectError",
    "TargetError",
    "Verdict",
    "__version__",
    "adapt",
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
    "reward",
]
