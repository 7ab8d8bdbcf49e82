"""Convolution and cross-correlation of functions on Z^d, as sums over all integers   (S4, S6, S7, S10).

    [f*g](i) = sum_a f(a) g(i - a)      `convolve`
    [f#g](i) = sum_a f(a) g(i + a)      `cross_correlate`

An array stands for a function on Z^d: its first element sits at 0 on every axis, and it is zero outside its box. The
sums are then finite, and the result is an array again. Where that array's first element sits is not 0 in general, so
`convolution_positions` and `correlation_lags` give the positions of its elements.

A CNN's convolution is `cross_correlate` of the kernel with the image, mode 'valid'.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from itertools import product
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from conv_oracle.errors import GeometryError
from conv_oracle.formulas.contraction import numbers, zeros
from conv_oracle.index_map import Position
from conv_oracle.passes import Array, as_array, rounded

Mode = Literal["full", "same", "valid"]
MODES: tuple[Mode, ...] = get_args(Mode)


def convolve(f: npt.ArrayLike, g: npt.ArrayLike, mode: str = "full") -> Array:
    """[f*g](i) = sum_a f(a) g(i - a)   (S4).

    f and g are arrays of the same number of axes, of any numbers; the result has their common dtype. On each axis, with
    n and m the sizes of f and g, it has
        full    n + m - 1 elements: every i where a product exists
        same    max(n, m) elements: the middle of full (the one nearer its start when there are two)
        valid   |n - m| + 1 elements: every i where the shorter operand lies wholly on the longer
    as numpy.convolve has it. scipy.signal.convolve agrees, except that its 'same' has the size of f also where g is
    longer, and its 'valid' refuses operands of which neither is the longer on every axis.

    Commutative and associative: f*g = g*f and f*(g*h) = (f*g)*h.
    Raises GeometryError for an unknown mode, for an empty operand, and for different numbers of axes; OperandError for
    what is not numbers.
    """
    return _sum(f, g, mode, convolution_positions, operator.sub)


def cross_correlate(f: npt.ArrayLike, g: npt.ArrayLike, mode: str = "full") -> Array:
    """[f#g](i) = sum_a f(a) g(i + a)   (S6, S10), without a conjugate, as printed.

    Operands, modes and errors are those of `convolve`; i counts from `correlation_lags`, on each axis from -(n - 1) to
    m - 1 in mode full.

    The source prints sum_a f(a) g(i + a) = sum_a f(i + a) g(a). That is FALSE. Substituting a -> a - i gives
        [f#g](i) = sum_a f(a - i) g(a) = [g#f](-i)
    so exchanging the operands reverses the result: for f = [1, 2, 3] and g = [4, 5, 6], f#g = [12, 23, 32, 17, 6]
    at the lags -2 to 2, and g#f = [6, 17, 32, 23, 12]. Nor is it associative: f#(g#h) = (f*g)#h.
    With the conjugate on the first operand, f#g = sum_a conj(f(a)) g(i + a), the exchange conjugates too:
    [g#f](i) = conj([f#g](-i)).

    NumPy and SciPy slide their SECOND operand, and conjugate it:
        cross_correlate(f, g, mode) = numpy.correlate(g, conj(f), mode)
    for every length and mode; in mode 'same' both start at lag -(n // 2) where g is the longer (PyTorch's
    padding='same' starts at -((n - 1) // 2), one later for even n), and at -(n - 1 - m // 2) where f is.
    scipy.signal.correlate(g, conj(f), mode) is the same on any number of axes, with the exceptions named in `convolve`:
    'same' has the size of g. (Its correlation_lags(m, n, 'same') names the lags one too late for m odd and n even.)

    The 1-D form is also printed as sum_{p=1..d} f(p) g(i + p). With g's elements counted from 1, its first whole window
    is i = 0, while S2's sum_j V_j x_{i+j-1} has its first at i = 1; read for i = 1, 2, ... it is one sample late:
    it skips x_1 and over-runs the end. Both origins:
        counted from 1:  h_i = sum_{j=1..d} f_j g_{i+j-1},  i = 1 .. n - d + 1
        counted from 0:  h_i = sum_{j=0..d-1} f_j g_{i+j},  i = 0 .. n - d
    """
    return _sum(f, g, mode, correlation_lags, operator.add)


def convolution_positions(f: Sequence[int], g: Sequence[int], mode: str = "full") -> tuple[range, ...]:
    """The i of each element of `convolve`, per axis, for operands of the shapes f and g   (S4).

    mode and the errors are those of `convolve`.
    """
    return tuple(_from_zero(n, m, _mode(mode)) for n, m in _axes(f, g))


def correlation_lags(f: Sequence[int], g: Sequence[int], mode: str = "full") -> tuple[range, ...]:
    """The i of each element of `cross_correlate`, per axis, for operands of the shapes f and g   (S6).

    mode and the errors are those of `convolve`.
    """
    return tuple(_lags(n, m, _mode(mode)) for n, m in _axes(f, g))


def on_patch(f: npt.ArrayLike, g: npt.ArrayLike, i: Sequence[int]) -> object:
    """The elementwise product of f and of the patch of g that starts at i, summed   (S10).

    sum over a of f(a) g(i + a): one element of `cross_correlate` in mode 'valid', read off the image.
    f and g are arrays of the same number of axes, of any numbers, and i has one position per axis, from 0 on.
    Raises GeometryError where the patch is not inside g.
    """
    kernel, image = numbers(as_array("f", f)), numbers(as_array("g", g))
    patch = image[tuple(slice(at, at + size) for at, size in zip(i, kernel.shape, strict=True))]
    if patch.shape != kernel.shape:
        raise GeometryError(
            f"a patch lies inside the image: i={tuple(i)}, f.shape={kernel.shape}, g.shape={image.shape}; "
            f"{(0,) * image.ndim} would fit if f is no larger than g"
        )
    return (kernel * patch).sum()


def translate(g: npt.ArrayLike, b: Sequence[int]) -> Array:
    """[t_b g](i) = g(i - b): g moved by b >= 0 steps on each axis; the box grows, nothing is lost   (S7).

    The source calls convolution "translation invariant". It is EQUIVARIANT: moving the operand moves the result,
        f*(t_b g) = t_b(f*g)        f#(t_b g) = t_b(f#g)        (t_b f)#g = t_-b(f#g)
    and an invariant map would give the same result. In a CNN the input must move by a multiple of the stride, and the
    equality holds where no window touches zero padding (circular padding has no such edge).
    Raises GeometryError unless b has one number, 0 or more, per axis of the array g.
    """
    image = as_array("g", g)
    if len(b) != image.ndim or min(b, default=0) < 0:
        raise GeometryError(
            f"a translation is 0 or more steps on each axis: b={tuple(b)}, g.shape={image.shape}; "
            f"{(0,) * image.ndim} would fit"
        )
    moved = np.zeros([size + steps for size, steps in zip(image.shape, b, strict=True)], dtype=image.dtype)
    moved[tuple(slice(steps, None) for steps in b)] = image
    return moved


def sequence(name: str, operand: npt.ArrayLike) -> Array:
    """The operand as a sequence of numbers. Raises GeometryError for any other number of axes."""
    array = as_array(name, operand)
    if array.ndim != 1:
        raise GeometryError(f"a sequence has one axis: {name}.shape={array.shape}; ({array.size},) would fit")
    return array


def _sum(
    f: npt.ArrayLike,
    g: npt.ArrayLike,
    mode: str,
    positions: Callable[[Sequence[int], Sequence[int], str], tuple[range, ...]],
    reads: Callable[[int, int], int],
) -> Array:
    """H(i) = sum_a f(a) g(reads(i, a)) at the given positions, g zero outside its box."""
    first, second = as_array("f", f), as_array("g", g)
    where = positions(first.shape, second.shape, mode)
    f, g, h = numbers(first), numbers(second), zeros(tuple(map(len, where)))
    for o, i in zip(np.ndindex(h.shape), product(*where), strict=True):
        for a in np.ndindex(f.shape):
            b = tuple(map(reads, i, a))
            if _inside(b, g.shape):
                h[o] += f[a] * g[b]
    return rounded(h, first, second)


def _inside(position: Position, box: Sequence[int]) -> bool:
    return all(0 <= at < size for at, size in zip(position, box, strict=True))


def _from_zero(n: int, m: int, mode: Mode) -> range:
    """The positions of a convolution of n elements with m."""
    small, large = sorted((n, m))
    if mode == "full":
        return range(n + m - 1)
    if mode == "same":
        return range((small - 1) // 2, (small - 1) // 2 + large)
    return range(small - 1, large)


def _lags(n: int, m: int, mode: Mode) -> range:
    """The lags of n elements under m; the window of 'same' is mirrored where the operands change roles."""
    if mode == "same" and n > m:
        return range(-(n - 1 - m // 2), m // 2 + 1)
    positions = _from_zero(n, m, mode)
    return range(positions.start - (n - 1), positions.stop - (n - 1))


def _axes(f: Sequence[int], g: Sequence[int]) -> list[tuple[int, int]]:
    if len(f) != len(g) or 0 in (*f, *g):
        raise GeometryError(
            f"two functions on Z^d have the same number of axes, and at least one element on each: f.shape={tuple(f)}, "
            f"g.shape={tuple(g)}; {(1,) * len(f)} for both would fit"
        )
    return list(zip(f, g, strict=True))


def _mode(mode: str) -> Mode:
    for known in MODES:
        if mode == known:
            return known
    raise GeometryError(f"a mode is one of {', '.join(MODES)}: mode={mode!r}; 'full' would fit")
