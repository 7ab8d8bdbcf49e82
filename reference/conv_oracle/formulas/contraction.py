"""The definition: the three contractions of the index map, product by product.

Slow on purpose: each is the formula and nothing else. They take any number that adds and multiplies.
"""

from __future__ import annotations

import numpy as np

from conv_oracle.geometry import Geometry, Shape
from conv_oracle.index_map import terms
from conv_oracle.passes import Array


def to_output(x: Array, w: Array, geometry: Geometry) -> Array:
    """y[o] = sum T[i, k, o] x[i] w[k]."""
    x, w, y = numbers(x), numbers(w), zeros(geometry.output_shape)
    for i, k, o in terms(geometry):
        y[o] += x[i] * w[k]
    return y


def to_input(w: Array, y: Array, geometry: Geometry) -> Array:
    """x[i] = sum T[i, k, o] w[k] y[o]."""
    w, y, x = numbers(w), numbers(y), zeros(geometry.input_shape)
    for i, k, o in terms(geometry):
        x[i] += w[k] * y[o]
    return x


def to_weight(x: Array, y: Array, geometry: Geometry) -> Array:
    """w[k] = sum T[i, k, o] x[i] y[o]."""
    x, y, w = numbers(x), numbers(y), zeros(geometry.weight_shape)
    for i, k, o in terms(geometry):
        w[k] += x[i] * y[o]
    return w


def numbers(array: Array) -> Array:
    """The same values as Python numbers, which neither wrap nor overflow."""
    if array.dtype.kind not in "iufcO":
        array = array.astype(np.float64)
    return array.astype(object)


def zeros(shape: Shape) -> Array:
    """An array of the number 0, to which anything that adds can be added."""
    return np.full(shape, 0, dtype=object)
