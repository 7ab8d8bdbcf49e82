"""Convolution and cross-correlation of functions of a real variable, by sampled sums   (S3, S5, S8, S13).

    [f*g](x) = integral f(z) g(x - z) dz      ~  h sum_a f(z_a) g(x - z_a)      `sampled_convolution`
    [f#g](x) = integral f(z) g(x + z) dz      ~  h sum_a f(z_a) g(x + z_a)      `sampled_cross_correlation`

The samples are h apart. What a sum makes of an integral depends on where they lie, and on the value taken at a jump:

    one-sided     z_a = a h, and a jump has the limit from its right
    half-value    z_a = a h, and a jump has the mean of its two limits
    midpoint      z_a = (a + 1/2) h

For x on the grid the sum is h times a DISCRETE convolution of samples: [f*g](i h) ~ h sum_a F(a) G(i - a) with
F(a) = f(a h), G(a) = g(a h). That is the sum that a CNN computes, without the factor h: `samples`, then `convolve`, or
`cross_correlate` for #.

How far the sum is from the integral is known: `closed_forms` says it for each of its pairs. Functions take and give
any real number; those made of polynomials are exact on Fractions.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any, Literal, get_args

import numpy as np

from conv_oracle.errors import GeometryError
from conv_oracle.passes import Array

Real = Any
"""An int, a Fraction or a float."""

Rule = Literal["one-sided", "half-value", "midpoint"]
RULES: tuple[Rule, ...] = get_args(Rule)

HALF = Fraction(1, 2)
UNIT_ROUNDOFF = 2.0**-53


@dataclass(frozen=True)
class Signal:
    """A function of a real variable   (S3, S5).

    name       as it is printed
    right      its limit from the right at x, for any real x
    left       its limit from the left; the two differ at a jump only
    support    (low, high), outside of which it is zero, or too small for a float
    roundings  bounds the relative error of one value, in units of 2^-53, for arguments that are exact: 2 for a function
               of the C library, 1 for an operation, 0 if exact
    """

    name: str
    right: Callable[[Real], Real]
    left: Callable[[Real], Real]
    support: tuple[Real, Real]
    roundings: int = 0

    def __call__(self, x: Real) -> Real:
        """The mean of the two limits at x: the half-value at a jump, the value elsewhere."""
        return (self.right(x) + self.left(x)) * HALF

    def turned(self) -> Signal:
        """[turned f](x) = f(-x): what was the limit from the left is the one from the right."""
        low, high = self.support
        return Signal(
            f"turned {self.name}", lambda x: self.left(-x), lambda x: self.right(-x), (-high, -low), self.roundings
        )

    def moved(self, b: Real) -> Signal:
        """[t_b f](x) = f(x - b); f*(t_b g) = t_b(f*g)   (S7)."""
        low, high = self.support
        return Signal(
            f"{self.name} moved by {b}",
            lambda x: self.right(x - b),
            lambda x: self.left(x - b),
            (low + b, high + b),
            self.roundings,
        )


def continuous(name: str, value: Callable[[Real], Real], support: tuple[Real, Real], roundings: int = 0) -> Signal:
    """A signal without jumps."""
    return Signal(name, value, value, support, roundings)


def sampled_convolution(
    f: Signal, g: Signal, x: Real, h: Real, rule: str = "half-value", reach: Real = math.inf
) -> Real:
    """[f*g](x) = integral f(z) g(x - z) dz = integral f(x - z) g(z) dz   (S3), as h sum_a f(z_a) g(x - z_a).

    f, g   signals
    x      where, a real number: a Fraction or an int keeps polynomials exact
    h      the step between samples, above 0
    rule   where the samples lie, and what they take at a jump: 'half-value', 'one-sided' or 'midpoint'
    reach  truncates the sum to |z| <= reach; needed where both supports are infinite

    Commutative: z -> x - z turns one integral into the other, and the sums are equal too when x is a multiple of h.
    (The source closes with `[g*f]*(x)`, where it means [g*f](x): the star behind the bracket has no second operand.)
    Raises GeometryError for an unknown rule, a step that is not above 0, and a sum without an end.
    """
    return h * sum(_products(f, g, x, h, rule, reach, operator.sub))


def sampled_cross_correlation(
    f: Signal, g: Signal, x: Real, h: Real, rule: str = "half-value", reach: Real = math.inf
) -> Real:
    """[f#g](x) = integral f(z) g(x + z) dz   (S5), as h sum_a f(z_a) g(x + z_a); real, or without a conjugate.

    f, g, x, h, rule, reach and the errors are those of `sampled_convolution`.

    The source prints it as equal to integral f(x + z) g(z) dz, and so as commutative. That is FALSE: z -> z - x gives
    integral f(z - x) g(z) dz, hence
        [g#f](x) = [f#g](-x)
    and conj([f#g](-x)) where the first operand is conjugated. The two are equal when f#g is even, as for f = g or
    f and g both even. For f(z) = e^-z (z >= 0) and g the normal density, [f#g](1) = .101959 and [g#f](1) = .303265.
    """
    return h * sum(_products(f, g, x, h, rule, reach, operator.add))


def convolution_derivative(f: Signal, dg: Signal, x: Real, h: Real, rule: str = "half-value") -> Real:
    """d/dx [f*g](x) = [f*g'](x), for the derivative dg of g   (S13); equal to [f'*g](x) where f has one.

    f, x, h, rule and the errors are those of `sampled_convolution`; dg is a signal.
    Right as printed, but it is a derivative in the POSITION x. The source offers it to explain backpropagation, which
    differentiates by the OPERANDS, the values of x and W: that is S14 and S15, and does not follow from this.
    """
    return sampled_convolution(f, dg, x, h, rule)


def cross_correlation_derivative(f: Signal, dg: Signal, x: Real, h: Real, rule: str = "half-value") -> Real:
    """d/dx [f#g](x) = [f#g'](x), for the derivative dg of g   (S13); equal to -[f'#g](x), with a sign.

    f, x, h, rule and the errors are those of `sampled_convolution`; dg is a signal.
    """
    return sampled_cross_correlation(f, dg, x, h, rule)


def rounding_bound(
    f: Signal, g: Signal, closed_roundings: int, x: Real, h: Real, rule: str, reach: Real = math.inf
) -> float:
    """|computed - exact| of the sampled sum, and of the closed form it is compared with: (n + r) u A.

    n terms, A = h sum |f(z_a) g(x - z_a)|, u = 2^-53, and r the roundings inside one term, those of f, of g and of two
    products, and inside the closed form, closed_roundings (Higham, lemma 3.1, to first order). It holds for arguments
    z_a and x - z_a that are floats exactly. f, g, x, h, rule and reach are those of `sampled_convolution`.
    """
    sizes = [abs(term) for term in _products(f, g, x, h, rule, reach, operator.sub)]
    return (len(sizes) + f.roundings + g.roundings + closed_roundings + 2) * UNIT_ROUNDOFF * float(h * sum(sizes))


def samples(f: Callable[..., Real], h: Real, ranges: Sequence[range]) -> Array:
    """F(a) = f(a h) for a function f of d real variables, a running through one of the ranges per axis, steps h apart.

    [f*g](i h) ~ h^d [F*G](i) then for `convolve`, [f#g](i h) ~ h^d [F#G](i) for `cross_correlate`: i counts from the
    starts of the two ranges, added for *, subtracted for #.
    """
    F = np.empty(tuple(map(len, ranges)), dtype=object)
    for at, a in zip(np.ndindex(F.shape), product(*ranges), strict=True):
        F[at] = f(*(steps * h for steps in a))
    return F


def _products(
    f: Signal, g: Signal, x: Real, h: Real, rule: str, reach: Real, reads: Callable[[Real, Real], Real]
) -> Iterator[Real]:
    """f(z_a) g(reads(x, z_a)) for every sample where neither is outside its support."""
    if rule not in RULES:
        raise GeometryError(f"a rule is one of {', '.join(RULES)}: rule={rule!r}; 'midpoint' would fit")
    ends = [end - x if reads is operator.add else x - end for end in g.support]
    low, high = max(f.support[0], min(ends), -reach), min(f.support[1], max(ends), reach)
    if not h > 0 or math.isinf(low) or math.isinf(high):
        raise GeometryError(
            f"a sampled sum has a positive step and finite limits: h={h}, reach={reach}, f.support={f.support}, "
            f"g.support={g.support}; h=1 and reach=1 would fit"
        )
    offset = HALF if rule == "midpoint" else 0
    first, second = (f.right, g.right) if rule == "one-sided" else (f, g)
    for a in range(math.ceil(low / h - offset), math.floor(high / h - offset) + 1):
        z = (a + offset) * h
        yield first(z) * second(reads(x, z))
