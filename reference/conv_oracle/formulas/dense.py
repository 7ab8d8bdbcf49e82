"""A dense layer, and a convolution seen as one: a matrix of few shared weights   (S1, S2)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, SupportsIndex, Unpack

import numpy.typing as npt

from conv_oracle.errors import GeometryError
from conv_oracle.formulas.contraction import numbers, zeros
from conv_oracle.formulas.discrete import sequence
from conv_oracle.geometry import Geometry, check_shape, conv_geometry
from conv_oracle.index_map import terms
from conv_oracle.passes import Array, ConvParameters, as_array, rounded

Activation = Callable[[Any], Any]


def identity(z: Any) -> Any:
    """sigma(z) = z: the layer without its activation."""
    return z


def relu(z: Any) -> Any:
    """sigma(z) = max(0, z)."""
    return max(0, z)


def logistic(z: Any) -> float:
    """sigma(z) = 1 / (1 + e^-z)."""
    return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))


def dense_layer(W: npt.ArrayLike, x: npt.ArrayLike, sigma: Activation = identity) -> Array:
    """h_i = sigma(sum_{j=1..p} W_ij x_j)   (S1).

    W      (outputs, p), any numbers; p is the length of the INPUT
    x      (p,)
    sigma  the activation, of one number; none by default

    Returns (outputs,), Python numbers in an object array. Raises GeometryError for shapes that do not go together.
    """
    weights, values = numbers(as_array("W", W)), numbers(as_array("x", x))
    if weights.ndim != 2 or values.ndim != 1:
        raise GeometryError(
            f"a dense layer is a matrix and a vector: W.shape={weights.shape}, x.shape={values.shape}; "
            f"(1, {values.size}) and ({values.size},) would fit"
        )
    outputs, p = weights.shape
    check_shape("x", values.shape, (p,), "be as long as a row of W")
    h = zeros((outputs,))
    for i in range(outputs):
        h[i] = sigma(sum(weights[i, j] * values[j] for j in range(p)))
    return h


def banded_layer(V: npt.ArrayLike, x: npt.ArrayLike, sigma: Activation = identity) -> Array:
    """h_i = sigma(sum_{j=1..p} V_j x_{i+j-1})   (S2).

    V      (p,), any numbers
    x      (n,), n >= p
    sigma  the activation, of one number; none by default

    Returns (n - p + 1,), Python numbers. Raises GeometryError for other shapes.
    Here p is the length of the KERNEL V, while in S1 it is the input's: the source uses one letter for both. With n the
    input's length, i runs from 1 to n - p + 1; were p the input's length, i = 1 alone would be left.
    It is S1 with the matrix W_ij = V_{j-i+1}, zero outside its band: `band_matrix`.
    """
    kernel, values = numbers(sequence("V", V)), numbers(sequence("x", x))
    conv_geometry((1, len(values)), (1, 1, len(kernel)))
    p, n = len(kernel), len(values)
    h = zeros((n - p + 1,))
    for i in range(n - p + 1):
        h[i] = sigma(sum(kernel[j] * values[i + j] for j in range(p)))
    return h


def band_matrix(V: npt.ArrayLike, n: int) -> Array:
    """W_ij = V_{j-i+1} for 1 <= j - i + 1 <= p, else 0: the matrix of S2 for an input of length n.

    V is (p,), any numbers. Returns (n - p + 1, n) in V's dtype; every row holds the same p weights, one column further
    on. Raises GeometryError where n is below p.
    """
    shared = sequence("V", V)
    conv_geometry((1, n), (1, 1, len(shared)))
    kernel, p = numbers(shared), len(shared)
    W = zeros((n - p + 1, n))
    for i in range(n - p + 1):
        for j in range(p):
            W[i, i + j] = kernel[j]
    return rounded(W, shared)


def convolution_matrix(
    weight: npt.ArrayLike, input_shape: Sequence[SupportsIndex], **parameters: Unpack[ConvParameters]
) -> Array:
    """W[o, i] = sum over k of T[i, k, o] weight[k]: any convolution of one example as a dense layer   (S2).

    weight       (M, C / groups, *K), any numbers
    input_shape  (C, *I): a matrix acts on one example; GeometryError with a batch
    parameters   stride, padding, dilation, groups, padding_mode and their errors are those of `conv`

    Returns one row per output element and one column per input element, each in the order of reshape(-1):

        matrix @ input.reshape(-1)              = conv(input, weight).reshape(-1)
        matrix.conj().T @ grad_output.reshape(-1) = conv_input(input.shape, weight, grad_output).reshape(-1)
        matrix.T                                 is the matrix of conv_transpose with the same weight

    With reflect, replicate or circular padding one input element may meet an output through several taps: they add.
    """
    w = as_array("weight", weight)
    geometry = _one_example(input_shape, w.shape, parameters)
    taps = numbers(w)
    W = zeros((*geometry.output_shape, *geometry.input_shape))
    for i, k, o in terms(geometry):
        W[o + i] += taps[k]
    return rounded(W.reshape(math.prod(geometry.output_shape), math.prod(geometry.input_shape)), w)


@dataclass(frozen=True)
class ParameterCounts:
    """The weights of one layer under three readings, biases left out.

    dense   every output reads every input   (S1)
    local   only the matrix entries that the convolution uses, each its own number
    shared  the convolution's own weights   (S2)
    """

    dense: int
    local: int
    shared: int


def parameter_counts(
    weight_shape: Sequence[SupportsIndex], input_shape: Sequence[SupportsIndex], **parameters: Unpack[ConvParameters]
) -> ParameterCounts:
    """How many weights the layer has as S1 and as S2.

    weight_shape (M, C / groups, *K), input_shape and parameters are those of `convolution_matrix`.
    """
    geometry = _one_example(input_shape, weight_shape, parameters)
    return ParameterCounts(
        dense=math.prod(geometry.output_shape) * math.prod(geometry.input_shape),
        local=len({(o, i) for i, _, o in terms(geometry)}),
        shared=math.prod(geometry.weight_shape),
    )


def _one_example(
    input_shape: Sequence[SupportsIndex], weight_shape: Sequence[SupportsIndex], parameters: ConvParameters
) -> Geometry:
    geometry = conv_geometry(input_shape, weight_shape, **parameters)
    if geometry.batched:
        raise GeometryError(
            f"a matrix acts on one example, without a batch: input_shape={geometry.input_shape}; "
            f"{geometry.input_shape[1:]} would fit"
        )
    return geometry
