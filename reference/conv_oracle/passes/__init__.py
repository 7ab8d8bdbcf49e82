"""Every pass of a convolution, from the three contractions of its index map.

    y[o]  = sum T[i, k, o] x[i] w[k]       to_output
    x[i]  = sum T[i, k, o] w[k] y[o]       to_input
    w[k]  = sum T[i, k, o] x[i] y[o]       to_weight

    arrays       operands as arrays, results in their dtype
    direction    which contraction is the forward pass, and which its gradients
    operations   `Passes`: the operations on any number of axes
    pytorch      the same on one, two or three axes, with PyTorch's signatures

A `Passes` turns one way of computing these three into every operation of PyTorch, under its name.
The definition (`conv_oracle.formulas`) and the fast form (`conv_oracle.truth`) are two of them; an
implementation with a fault planted in one contraction is another.
"""

from conv_oracle.passes.arrays import Array, as_array, rounded
from conv_oracle.passes.direction import Contraction, DoubleBackward
from conv_oracle.passes.operations import ConvParameters, Passes

__all__ = ["Array", "Contraction", "ConvParameters", "DoubleBackward", "Passes", "as_array", "rounded"]
