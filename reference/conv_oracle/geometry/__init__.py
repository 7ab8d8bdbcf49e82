"""The shape arithmetic of convolution: the only place that computes a size or validates a parameter.

    sizes        the formulas of one axis   (S11)
    parameters   stride, padding, dilation ... as a caller may write them, made canonical
    checked      `Geometry`: the sizes of one convolution, all checked, and the refusals

A `Geometry` describes the *index map* between an input side (N, C, *I) and an output side (N, M, *O), through
a weight (M, C / groups, *K). A convolution goes from the input side to the output side; a transposed
convolution with the same weight goes back. Both are built here and carry the same type, so whatever is written for a
geometry serves both.

What is refused is what PyTorch 2.13 refuses, and what PyTorch accepts is accepted, with these exceptions:
an input of no channels gives outputs that equal the bias (PyTorch gives an output of no channels);
a `grad_output` of the wrong batch is refused (PyTorch's `conv*_weight` reads past it); and an empty batch excuses
neither a dilation of 0 nor an output_padding that is too large (PyTorch does not look where nothing is computed).
"""

from conv_oracle.geometry.checked import Geometry, check_bias, check_shape, conv_geometry, conv_transpose_geometry
from conv_oracle.geometry.parameters import (
    PADDING_MODES,
    IntOrTuple,
    Padding,
    PaddingMode,
    per_axis_padding,
)
from conv_oracle.geometry.sizes import (
    Pair,
    Shape,
    conv_output_size,
    conv_transpose_output_size,
    kernel_span,
    same_padding,
)

__all__ = [
    "PADDING_MODES",
    "Geometry",
    "IntOrTuple",
    "Padding",
    "PaddingMode",
    "Pair",
    "Shape",
    "check_bias",
    "check_shape",
    "conv_geometry",
    "conv_output_size",
    "conv_transpose_geometry",
    "conv_transpose_output_size",
    "kernel_span",
    "per_axis_padding",
    "same_padding",
]
