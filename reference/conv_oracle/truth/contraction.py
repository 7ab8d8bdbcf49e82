"""The fast form: the three contractions by windows and GEMM, in bounded memory."""

from __future__ import annotations

from conv_oracle.geometry import Geometry
from conv_oracle.passes import Array


def to_output(x: Array, w: Array, geometry: Geometry) -> Array:
    """y[o] = sum T[i, k, o] x[i] w[k]."""
    raise NotImplementedError


def to_input(w: Array, y: Array, geometry: Geometry) -> Array:
    """x[i] = sum T[i, k, o] w[k] y[o]."""
    raise NotImplementedError


def to_weight(x: Array, y: Array, geometry: Geometry) -> Array:
    """w[k] = sum T[i, k, o] x[i] y[o]."""
    raise NotImplementedError
