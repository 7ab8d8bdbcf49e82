"""The gradients of the one-dimensional convolution h_i = sum_j W_j x_{i+j-1}, as printed   (S14, S15).

L is any loss that x and W reach only through h, and delta_i = dL/dh_i. Both gradients follow from the chain
rule alone, and both are sums of the same kind again. The general forms are `conv_input` and `conv_weight`.
"""

from __future__ import annotations

import numpy.typing as npt

from conv_oracle.formulas.contraction import numbers, zeros
from conv_oracle.formulas.discrete import sequence
from conv_oracle.geometry import conv_geometry
from conv_oracle.passes import Array, rounded


def input_gradient(W: npt.ArrayLike, delta: npt.ArrayLike) -> Array:
    """dL/dx_m = sum_i delta_i W_{m-i+1}   (S14).

    x_m enters h_i with the weight W_{m-i+1}, because m = i + j - 1: the error reaches x_3 through W_3, W_2 and W_1,
        dL/dx_3 = delta_1 W_3 + delta_2 W_2 + delta_3 W_1
    W is (K,) and delta (O,), of any numbers; the result is (O + K - 1,) in their common dtype, and GeometryError is
    raised for other shapes. It is the convolution delta * W in mode full: the kernel
    comes back turned round. No conjugate is taken: for complex operands put conj(W).
    """
    kernel, error = sequence("W", W), sequence("delta", delta)
    conv_geometry((1, len(error) + len(kernel) - 1), (1, 1, len(kernel)))
    w, d = numbers(kernel), numbers(error)
    x = zeros((len(d) + len(w) - 1,))
    for m in range(len(x)):
        for i in range(len(d)):
            if 0 <= m - i < len(w):
                x[m] += d[i] * w[m - i]
    return rounded(x, error, kernel)


def weight_gradient(x: npt.ArrayLike, delta: npt.ArrayLike) -> Array:
    """dL/dW_i = sum_j delta_j x_{i+j-1}   (S15).

    W_i enters h_j with the input x_{i+j-1}:
        dL/dW_1 = delta_1 x_1 + delta_2 x_2 + delta_3 x_3
    x is (n,) and delta (O,), of any numbers; the result is (n - O + 1,) in their common dtype, and GeometryError is
    raised for other shapes. It is the cross-correlation delta # x in mode valid: the
    error slides over the input as the kernel did. No conjugate is taken: for complex operands put conj(x).
    """
    values, error = sequence("x", x), sequence("delta", delta)
    conv_geometry((1, len(values)), (1, 1, len(error)))
    v, d = numbers(values), numbers(error)
    w = zeros((len(v) - len(d) + 1,))
    for i in range(len(w)):
        for j in range(len(d)):
            w[i] += d[j] * v[i + j]
    return rounded(w, error, values)
