"""Styles: what the numbers of a draw may look like besides uniform, as the numbers of people do.

All stay integers times powers of two whose sums are exact: no product is larger than that of two uniform integers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from conv_oracle.auditing.operands.formats import DTYPES, DType
from conv_oracle.auditing.operands.layouts import Layout, viewed
from conv_oracle.passes import Array
from conv_oracle.problem import Problem

Style = Literal[
    "sparse",
    "wide",
    "positive",
    "negative",
    "extreme",
    "constant",
    "zero",
    "centred",
    "activations",
    "pixels",
    "rank-one",
    "symmetric",
    "empty-rows",
]
STYLES: tuple[Style, ...] = (
    "sparse",
    "wide",
    "positive",
    "centred",
    "centred",
    "extreme",
    "rank-one",
    "rank-one",
    "symmetric",
    "symmetric",
    "activations",
    "activations",
    "negative",
    "wide",
    "pixels",
    "constant",
    "empty-rows",
    "empty-rows",
    "zero",
)
"""In turn. No confidence is claimed for these: each is there for a kind of value-dependent fault.

    sparse, zero, empty-rows        skipped zeros
    positive, negative, constant    a fused activation, a sign, a box filter
    extreme                         saturation; of integers the lowest and the highest of the dtype
    wide                            one operand of many bits, and +-1 in the others: operands that are rounded
    centred                         weights as initialisers give them, |w| < 1/2, and inputs of fractions, |x| < 4
    activations                     inputs from 0 to 1, half of them 0, as after a ReLU; weights as above
    pixels                          inputs from 0 to 255, as far as they fit
    rank-one, symmetric             kernels with a fast path of their own

They are a prime number, and no list of problems has rounds of so many: every kind of layer meets every style. What does
not fit a problem gives its place to the next: to `extreme` where numbers are integers, to `symmetric` on one axis.
"""

SAID: Mapping[Style, str] = {
    "centred": "small centred values",
    "activations": "inputs as a ReLU leaves them",
    "pixels": "pixels from 0 to 255",
    "rank-one": "kernels of rank one",
    "symmetric": "symmetric kernels",
    "empty-rows": "rows of zeros",
}
"""What reports call a style, where that is not '<style> values'."""

SPARSE, ACTIVE = 0.15, 0.5
EMPTY = (0.4, 0.2)
"""The share of examples or filters that is empty, and of what is in them."""
BRIGHTEST = 255


class Mirrored(NamedTuple):
    """A symmetry: along one axis, each axis, all of them at once or none; diagonal: with the last two exchanged."""

    along: Literal["one", "each", "all", "none"]
    diagonal: bool = False


MIRRORED = (
    Mirrored("one"),
    Mirrored("one"),
    Mirrored("each"),
    Mirrored("all"),
    Mirrored("none", True),
    Mirrored("each", True),
)
"""The last two need a square."""

FEW_EXPONENTS = -14
"""The least exponent of float16: where an arithmetic that is allowed has the exponents of float16 alone."""


@dataclass(frozen=True)
class Looks:
    """What a style has to fit into.

    places: per operand its layout, and where in the block that begins. axes: the number of spatial axes. radius: the
    largest magnitude of a uniform integer; most: of any. dtype: the operands'. lowest: the least exponent that may
    come up. whole: whether no element has to stay zero.
    """

    places: Mapping[str, tuple[Layout, int]]
    axes: int
    radius: int
    most: int
    dtype: DType
    lowest: int
    whole: bool

    def view(self, row: Array, name: str) -> Array:
        """An operand in a block."""
        view: Array = viewed(row[None], *self.places[name])[0]
        return view

    @property
    def image(self) -> str:
        """The operand that is most like an image."""
        return "input" if "input" in self.places else "grad_output"

    @property
    def kernel(self) -> str:
        """The operand that is most like a kernel."""
        return "weight" if "weight" in self.places else "grad_output"

    @property
    def factors(self) -> list[str]:
        """The operands that are multiplied: a bias is not."""
        return [name for name in self.places if "bias" not in name]

    @property
    def signed(self) -> bool:
        """Whether the dtype has negative numbers."""
        return self.dtype.kind != "u"

    @property
    def fractions(self) -> int:
        """The bits of the largest integer that may be a fraction; 0 in a dtype of integers."""
        return 0 if self.dtype.kind in "iu" else min(self.radius.bit_length(), -self.lowest // 2 - 1)

    def integers(self, most: int, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Uniform ones, from -most (unsigned: 0) to most."""
        return rng.integers(-most if self.signed else 0, most + 1, shape).astype(np.float64)


def fits(style: Style, problem: Problem) -> bool:
    """Whether a problem has numbers of a style: a kernel of rank one has two axes, and a fraction is no integer."""
    kind, shapes = DTYPES[problem.dtype].kind, problem.operand_shapes
    long = [size for size in shapes.get("weight", problem.output_shape)[-problem.dimensions :] if size > 1]
    least = {"rank-one": 2, "symmetric": 1}.get(style, 0)
    return (
        len(long) >= least and not (style == "negative" and kind == "u") and not (style == "centred" and kind in "iu")
    )


def restyle(row: Array, style: Style, looks: Looks, rng: np.random.Generator) -> None:
    """Make a block of uniform integers into one of a style, in place."""
    if style == "sparse":
        row *= rng.random(row.size) < SPARSE
    elif style == "wide":
        _widen(row, looks, rng)
    elif style in ("positive", "negative"):
        row[:] = np.abs(row.real) * (-1 if style == "negative" else 1)
    elif style == "extreme":
        _to_the_ends(row, looks, rng)
    elif style in ("centred", "activations"):
        _as_in_a_network(row, looks, rng, active=style == "activations")
    elif style == "pixels":
        _as_pixels(row, looks, rng)
    elif style == "rank-one":
        _of_rank_one(looks.view(row, looks.kernel), looks, rng)
    elif style == "symmetric":
        kernel = looks.view(row, looks.kernel)
        kernel[...] = _symmetric(kernel.copy(), looks.axes, rng)
    elif style == "empty-rows":
        for name in looks.factors:
            _empty_rows(looks.view(row, name), rng)
    else:
        for layout, start in looks.places.values():
            row[start : start + layout.size] = row[start : start + 1] if style == "constant" else 0


def exponents_of(style: Style, looks: Looks) -> tuple[int, int, int] | None:
    """The powers of two by which input, weight and grad_output are scaled; None where a style leaves them."""
    bits = looks.fractions
    if style == "pixels":
        return 0, 0, 0
    if style not in ("centred", "activations") or not bits:
        return None
    return (1 - bits if style == "activations" else min(3 - bits, -1)), -1 - bits, -1 - bits


def _widen(row: Array, looks: Looks, rng: np.random.Generator) -> None:
    """R^2 in one operand and 1 in the others: n products of them make no larger sum than n of R and R."""
    chosen, dtype = looks.factors[int(rng.integers(len(looks.factors)))], looks.dtype
    most = min(looks.radius**2, looks.most, _largest(dtype))
    for name in looks.factors:
        layout, start = looks.places[name]
        part = row[start : start + layout.size]
        if name == chosen:
            part[:] = looks.integers(most, (layout.size,), rng)
        else:
            part[:] = np.sign(part.real) if looks.signed else part.real > 0


def _largest(dtype: DType) -> int:
    """The largest integer up to which a format has all of them."""
    return int(np.iinfo(dtype.storage).max) if dtype.kind in "iu" else 2**dtype.bits


def _to_the_ends(row: Array, looks: Looks, rng: np.random.Generator) -> None:
    """Every number the largest, of either sign; of integers, the lowest or the highest of the dtype."""
    if looks.dtype.kind in "iu":
        ends = np.iinfo(looks.dtype.storage)
        row[:] = np.where(rng.random(row.size) < 0.5, row.dtype.type(ends.min), row.dtype.type(ends.max))
    else:
        row[:] = looks.radius * np.sign(row.real)


def _as_in_a_network(row: Array, looks: Looks, rng: np.random.Generator, *, active: bool) -> None:
    """Integers that become fractions by their exponents, none of them zero but for the inactive inputs.

    Inputs have half the radius, which makes room for a bias as large as a product.
    """
    image, bits, radius = looks.view(row, looks.image), looks.fractions, looks.radius
    if bits:
        numbers = row.view(np.float64)
        top = min(radius, 2**bits - 1)
        numbers[:] = np.fix(numbers / -(-radius // top))
        numbers[(numbers == 0) & looks.whole] = 1
        image[...] = _away_from_zero(image / 2)
        if "bias" in looks.places:
            looks.view(row, "bias")[...] *= 2.0 ** max(0, top.bit_length() - 2)
    if active:
        image[...] = np.abs(image.real) * (rng.random(image.shape) < ACTIVE)


def _away_from_zero(values: Array) -> Array:
    """Halves as the next integer; of complex numbers, both components."""
    if values.dtype.kind == "c":
        return _away_from_zero(values.real) + 1j * _away_from_zero(values.imag)
    rounded: Array = np.sign(values) * np.ceil(np.abs(values))
    return rounded


def _as_pixels(row: Array, looks: Looks, rng: np.random.Generator) -> None:
    """The image from 0 to 255, the other operands so small that no product is larger than R and R."""
    square = looks.radius**2
    top = max(1, min(BRIGHTEST, square, looks.most, _largest(looks.dtype)))
    for name in looks.factors:
        part = looks.view(row, name)
        if name == looks.image:
            part[...] = rng.integers(0, top + 1, part.shape)
        elif square // top < looks.radius:
            part[...] = looks.integers(square // top, part.shape, rng)


def _of_rank_one(kernel: Array, looks: Looks, rng: np.random.Generator) -> None:
    """Of every pair of channels the outer product of a vector per axis, without a zero."""
    most = max(1, int(looks.radius ** (1 / looks.axes) + 1e-9))
    outer = np.ones(())
    for axis in range(kernel.ndim - looks.axes, kernel.ndim):
        others = range(kernel.ndim - looks.axes, kernel.ndim)
        shape = tuple(1 if n in others and n != axis else size for n, size in enumerate(kernel.shape))
        sign = rng.choice((-1.0, 1.0), shape) if looks.signed else 1.0
        outer = outer * rng.integers(1, most + 1, shape) * sign
    kernel[...] = outer


def _symmetric(kernel: Array, axes: int, rng: np.random.Generator) -> Array:
    """A kernel with one of the symmetries."""
    spatial = kernel.shape[-axes:]
    if 0 in kernel.shape:
        return kernel
    longer = [axis - axes for axis, size in enumerate(spatial) if size > 1]
    square = axes > 1 and len(set(spatial[-2:])) == 1
    way = int(rng.integers(len(MIRRORED) if square else len(MIRRORED) - 2))
    if MIRRORED[way].diagonal:
        upper = np.triu(np.ones(spatial[-2:], bool))
        kernel = np.where(upper, kernel, kernel.swapaxes(-1, -2))
    if MIRRORED[way].along == "all":
        return _mirrored(kernel.reshape(*kernel.shape[:-axes], math.prod(spatial)), -1).reshape(kernel.shape)
    chosen = {"none": [], "one": longer and [longer[int(rng.integers(len(longer)))]], "each": longer}
    for axis in chosen[MIRRORED[way].along]:
        kernel = _mirrored(kernel, axis)
    return kernel


def _mirrored(array: Array, axis: int) -> Array:
    """The first half along an axis, and the same backwards."""
    size = array.shape[axis]
    there = np.arange(size)
    mirrored: Array = array.take(np.minimum(there, size - 1 - there), axis)
    return mirrored


def _empty_rows(part: Array, rng: np.random.Generator) -> None:
    """Zeros in some of the rows, of the images and of the examples (of a weight: the filters), whole."""
    for depth in range(1, max(part.ndim, 2)):
        if math.prod(part.shape[:depth]) > 1:
            part[rng.random(part.shape[:depth]) < EMPTY[depth > 1]] = 0
