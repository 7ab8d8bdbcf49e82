"""What is summed: every result of a pass as a sum of products, and perhaps a constant.

A `Sums` is real: sum over its products of T[i, k, o] first * second, plus a constant. The double backward's
grad_output has two products, each part of a complex result has two, and a bias is a constant. The gradient by the bias
is one product, of grad_output and ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import gcd, isfinite, prod

import numpy as np

from conv_oracle.errors import OperandError
from conv_oracle.geometry import Geometry, Shape, conv_geometry
from conv_oracle.passes import Array, Contraction, DoubleBackward, Passes
from conv_oracle.problem import Problem
from conv_oracle.truth.blocks import pieces
from conv_oracle.truth.contraction import most_drawn, to_input, to_output, to_weight


@dataclass(frozen=True, eq=False)
class Product:
    """One contraction of two float64 arrays."""

    contract: Contraction
    first: Array
    second: Array
    geometry: Geometry

    def compute(self, first: Array, second: Array) -> Array:
        """The contraction of other operands of the same shapes: float64 sums."""
        return self.contract(first, second, self.geometry)

    @property
    def shape(self) -> Shape:
        """The result's, batched."""
        g = self.geometry
        if self.contract is to_output:
            return g.output_shape
        return g.input_shape if self.contract is to_input else g.weight_shape


@dataclass(frozen=True, eq=False)
class Sums:
    """sum of products + constant. The constant broadcasts to the products' shape; `shape` is that of the result."""

    products: tuple[Product, ...]
    constant: Array | None
    shape: Shape


Parts = tuple[Sums, ...]
"""The real part, and the imaginary part of what is complex."""


def of_problem(problem: Problem, operands: Mapping[str, Array]) -> Parts:
    """The result of a problem's operation."""
    wide = _checked(operands)
    bias = wide.pop("bias", None)
    recorder = _Recorder()
    result = replace(problem, bias=False).compute(recorder.passes, wide)
    return _parts(tuple(recorder.products), _per_channel(bias, problem.dimensions), result.shape)


def of_bias(grad_output: Array, *, dimensions: int) -> Parts:
    """The gradient by the bias: (M,)."""
    (dy,) = _checked({"grad_output": grad_output}).values()
    batched = dy if dy.ndim == dimensions + 2 else dy[None]
    ones = np.ones((len(batched), 1, *batched.shape[2:]))
    geometry = conv_geometry(ones.shape, (batched.shape[1], 1, *(1,) * dimensions))
    return _parts((Product(to_weight, ones, batched, geometry),), None, batched.shape[1:2])


def of_double_backward(problem: Problem, operands: Mapping[str, Array]) -> DoubleBackward:
    """The three results of a forward problem's double backward, each `Parts`.

    Operands are input, weight, grad_output, grad_grad_input, grad_grad_weight and perhaps grad_grad_bias.
    """
    wide = _checked(operands)
    bias = wide.pop("grad_grad_bias", None)
    recorder = _Recorder()
    passes = recorder.passes
    again = passes.conv_transpose_double_backward if problem.transposed else passes.conv_double_backward
    names = ("input", "weight", "grad_output", "grad_grad_input", "grad_grad_weight")
    shapes = again(*(wide[name] for name in names), **problem.parameters)
    one, other, by_input, by_weight = recorder.products
    constant = _per_channel(bias, problem.dimensions)
    return DoubleBackward(
        _parts((by_input,), None, shapes.input.shape),  # type: ignore[arg-type]
        _parts((by_weight,), None, shapes.weight.shape),  # type: ignore[arg-type]
        _parts((one, other), constant, shapes.grad_output.shape),  # type: ignore[arg-type]
    )


class _Recorder:
    """Passes that write down the contractions that they are made of, and return zeros."""

    def __init__(self) -> None:
        self.products: list[Product] = []
        self.passes = Passes(*(self._recording(contract) for contract in (to_output, to_input, to_weight)))

    def _recording(self, contract: Contraction) -> Callable[[Array, Array, Geometry], Array]:
        def record(first: Array, second: Array, geometry: Geometry) -> Array:
            product = Product(contract, first, second, geometry)
            self.products.append(product)
            return np.zeros(product.shape, np.result_type(first, second))

        return record


def _checked(operands: Mapping[str, Array]) -> dict[str, Array]:
    wide = {}
    for name, operand in operands.items():
        array = np.asarray(operand)
        wide[name] = array.astype(np.complex128 if array.dtype.kind == "c" else np.float64, copy=False)
        parts = (wide[name].real, wide[name].imag) if array.dtype.kind == "c" else (wide[name],)
        if not all(isfinite(largest_of(part)) for part in parts):
            value = array[~np.isfinite(wide[name])][0]
            raise OperandError(f"an exact sum needs finite operands: {name} has {value}; a finite number would fit")
    return wide


def largest_of(a: Array) -> float:
    """The largest absolute value; not a number where one is not."""
    return float(np.maximum(a.max(), -a.min())) if a.size else 0.0


def _per_channel(bias: Array | None, dimensions: int) -> Array | None:
    return None if bias is None else bias.reshape(-1, *(1,) * dimensions)


def _parts(products: tuple[Product, ...], constant: Array | None, shape: Shape) -> Parts:
    operands = [a for product in products for a in (product.first, product.second)]
    if not any(np.iscomplexobj(a) for a in [*operands, *([] if constant is None else [constant])]):
        return (Sums(products, constant, shape),)
    real, imaginary = [], []
    for product in products:
        a, b = np.asarray(product.first), np.asarray(product.second)
        ar, ai, br, bi = (np.ascontiguousarray(part) for part in (a.real, a.imag, b.real, b.imag))
        real += [replace(product, first=ar, second=br), replace(product, first=-ai, second=bi)]
        imaginary += [replace(product, first=ar, second=bi), replace(product, first=ai, second=br)]
    no = constant is None
    return (
        Sums(tuple(real), None if no else np.asarray(constant).real, shape),
        Sums(tuple(imaginary), None if no else np.asarray(constant).imag, shape),
    )


def count(product: Product) -> int:
    """The most terms that an output can have."""
    g = product.geometry
    if product.contract is to_output:
        return g.in_channels_per_group * prod(g.kernel_size)
    if product.contract is to_weight:
        return g.batch * prod(g.output_size)
    reads = most_drawn(g)
    for kernel, stride, dilation in zip(g.kernel_size, g.stride, g.dilation, strict=True):
        reads *= -(-kernel // (stride // gcd(stride, dilation)))
    return g.out_channels_per_group * reads


def in_blocks(product: Product, terms: int) -> list[Product]:
    """Products that sum to this one, each of about so many terms an output, along channels or the batch."""
    g = product.geometry
    if count(product) < 2 * terms or (g.groups > 1 and product.contract is not to_weight):
        return [product]
    a, b = product.first, product.second
    if product.contract is to_output:
        per_channel = prod(g.kernel_size)
        parts = pieces(g.in_channels, max(1, terms // per_channel))
        return [
            replace(product, first=a[:, s], second=b[:, s], geometry=replace(g, in_channels=s.stop - s.start))
            for s in parts
        ]
    if product.contract is to_input:
        parts = pieces(g.out_channels, max(1, terms * g.out_channels // count(product)))
        return [
            replace(product, first=a[s], second=b[:, s], geometry=replace(g, out_channels=s.stop - s.start))
            for s in parts
        ]
    parts = pieces(g.batch, max(1, terms // prod(g.output_size)))
    return [replace(product, first=a[s], second=b[s], geometry=replace(g, batch=s.stop - s.start)) for s in parts]
