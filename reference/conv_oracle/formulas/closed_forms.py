"""Convolutions with a closed form, and what a sampled sum makes of each   (S8 and the pairs beside it).

By Poisson's formula the sampled sum is off by the spectrum of the product F_x(z) = f(z) g(x - z) at multiples of 1/h:

    h sum_a F_x(a h) - [f*g](x) = sum over k != 0 of the Fourier transform of F_x at k/h

so the smoother the product, the sooner the sum is exact; a jump or a kink of F_x costs an order. `PAIRS` states it for
each pair as claims, with the points and steps where they hold. Wherever there are jumps and kinks, they and the points
are multiples of the step.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from conv_oracle.formulas.continuous import HALF, Real, Rule, Signal, continuous

_HALVINGS = tuple(Fraction(1, 2**e) for e in (2, 3, 4, 5, 6))
_UNDERFLOW = 746
"""e^-746 is zero in a float."""


@dataclass(frozen=True)
class Claim:
    """What the sampled sum of a pair does at some points, by one rule: its error is error(x, h), or falls as h^order.

    points and steps are the x and h where this holds.
    """

    rule: Rule
    points: tuple[Real, ...]
    error: Callable[[Real, Real], Real] | None = None
    order: int | None = None
    steps: tuple[Real, ...] = _HALVINGS
    reach: Real = math.inf
    """Where an infinite sum is truncated, and `tail(x, reach)` bounds what that leaves out."""
    tail: Callable[[Real, Real], Real] | None = None


@dataclass(frozen=True)
class Pair:
    """Two signals f and g, their convolution in closed form, and claims about its sampled sum   (S8).

    `roundings` bounds the rounding error of the closed form and the predicted error together, as a multiple of
    2^-53 [|f|*|g|](x).
    """

    f: Signal
    g: Signal
    closed: Callable[[Real], Real]
    claims: tuple[Claim, ...]
    roundings: int = 0

    @property
    def name(self) -> str:
        """The pair as a formula."""
        return f"{self.f.name} * {self.g.name}"


box = Signal("box", lambda x: int(-HALF <= x < HALF), lambda x: int(-HALF < x <= HALF), (-HALF, HALF))
"""1 on [-1/2, 1/2], 0 outside."""

triangle = continuous("triangle", lambda x: max(0, 1 - abs(x)), (-1, 1))
"""1 - |x| on [-1, 1], 0 outside: box*box, the note's first figure."""


def exponential(rate: int = 1) -> Signal:
    """e^(-rate t) for t >= 0, 0 before: the note's spiky function."""
    return Signal(
        f"exponential({rate})",
        lambda t: math.exp(-rate * t) if t >= 0 else 0,
        lambda t: math.exp(-rate * t) if t > 0 else 0,
        (0, Fraction(_UNDERFLOW, rate)),
        roundings=2,
    )


def gaussian(variance: Real = 1, mean: Real = 0) -> Signal:
    """The normal density e^(-(x - mean)^2 / (2 variance)) / sqrt(2 pi variance)."""
    reach = math.isqrt(math.ceil(2 * _UNDERFLOW * variance)) + 1
    return continuous(
        f"gaussian({variance})" if not mean else f"gaussian({variance}, {mean})",
        lambda x: math.exp(-((x - mean) ** 2) / (2 * variance)) / math.sqrt(2 * math.pi * variance),
        (mean - reach, mean + reach),
        roundings=6,
    )


def gaussian_derivative(variance: Real = 1, mean: Real = 0) -> Signal:
    """d/dx gaussian(variance, mean)(x) = -(x - mean) / variance gaussian(variance, mean)(x)."""
    density = gaussian(variance, mean)
    return continuous(
        f"{density.name}'", lambda x: -(x - mean) / variance * density.right(x), density.support, density.roundings + 2
    )


def lorentzian(a: Real = 1) -> Signal:
    """[lorentzian(a)](x) = a / (pi (x^2 + a^2)), with infinite support."""
    return continuous(f"lorentzian({a})", lambda x: a / (math.pi * (x * x + a * a)), (-math.inf, math.inf), roundings=6)


def sinc(W: Real) -> Signal:
    """sin(2 pi W x) / (pi x), 2 W at 0: the function whose spectrum is 1 on [-W, W] and 0 outside."""
    return continuous(
        f"sinc({W})",
        lambda x: _sine_of_turns(W * x) / (math.pi * x) if x else 2 * W,
        (-math.inf, math.inf),
        roundings=7,
    )


def quadratic_spline(x: Real) -> Real:
    """box*triangle = box*box*box: 3/4 - x^2 on [-1/2, 1/2], (3/2 - |x|)^2 / 2 to 3/2, then 0."""
    if abs(x) <= HALF:
        return Fraction(3, 4) - x * x
    return max(0, Fraction(3, 2) - abs(x)) ** 2 * HALF


def cubic_spline(x: Real) -> Real:
    """triangle*triangle: 2/3 - x^2 + |x|^3 / 2 on [-1, 1], (2 - |x|)^3 / 6 to 2, then 0."""
    if abs(x) <= 1:
        return Fraction(2, 3) - x * x + abs(x) ** 3 * HALF
    return max(0, 2 - abs(x)) ** 3 * Fraction(1, 6)


def exponential_with_box(x: Real) -> float:
    """exponential(1)*box: 0 before -1/2, then 1 - e^-(x + 1/2) up to 1/2, then (e^(1/2) - e^(-1/2)) e^-x   (S8)."""
    if x <= -HALF:
        return 0.0
    if x <= HALF:
        return -math.expm1(-(x + HALF))
    return 2 * math.sinh(0.5) * math.exp(-x)


def _sine_of_turns(turns: Real) -> float:
    """sin(2 pi turns) to a few ulps everywhere: the turns are folded into a quarter before pi comes in."""
    folded = math.fmod(abs(turns), 1)
    sign = math.copysign(1, turns) * (1 if folded < 0.5 else -1)
    folded = math.fmod(folded, 0.5)
    return sign * math.sin(2 * math.pi * min(folded, 0.5 - folded))


def _exact(_x: Real, _h: Real) -> int:
    return 0


def _box_box_one_sided(x: Real, h: Real) -> Real:
    """Where the product's closed end lies: before 0 both ends are closed, from 0 on both are open."""
    return h if -1 <= x < 0 else -h if 0 <= x < 1 else 0


def _box_triangle_one_sided(x: Real, h: Real) -> Real:
    return h * HALF * (triangle(x + HALF) - triangle(x - HALF))


def _bend(x: Real) -> Real:
    """The sum of the jumps of the slope of triangle(z) triangle(x - z), halved."""
    return triangle(x + 1) - 2 * triangle(x) + triangle(x - 1)


def _trapezoid_of_exponential(h: Real) -> Real:
    """What the trapezoid rule with step h adds to the integral of e^z, relative to it."""
    return h / 2 / math.tanh(h / 2) - 1


def _midpoint_of_exponential(h: Real) -> Real:
    """What the midpoint rule with step h adds to the integral of e^z, relative to it."""
    return h / 2 / math.sinh(h / 2) - 1


def _gaussians(v: Real, w: Real) -> Pair:
    """gaussian(v)*gaussian(w) = gaussian(v + w).

    F_x is a Gaussian too, of variance v w / (v + w) about x v / (v + w), and so is its spectrum.
    """
    closed = gaussian(v + w).right

    def error(x: Real, h: Real, shift: int) -> Real:
        spectrum = (
            (-1) ** (k * shift)
            * math.exp(-2 * math.pi**2 * k**2 * v * w / (v + w) / h**2)
            * math.cos(2 * math.pi * k * x * v / (v + w) / h)
            for k in range(1, 9)
        )
        return 2 * closed(x) * sum(spectrum)

    points = (0, Fraction(3), Fraction(-6))
    steps = tuple(Fraction(h) for h in ("2", "3/2", "1", "3/4", "1/2", "3/8", "1/4"))
    return Pair(
        gaussian(v),
        gaussian(w),
        closed,
        (
            Claim("half-value", points, lambda x, h: error(x, h, 0), steps=steps),
            Claim("midpoint", points, lambda x, h: error(x, h, 1), steps=steps),
        ),
        roundings=24,
    )


def _lorentzians(a: Real, b: Real) -> Pair:
    """lorentzian(a)*lorentzian(b) = lorentzian(a + b).

    F_x has its poles at +-ia and x +- ib; the error is what their residues leave of cot(pi z / h).
    """
    closed = lorentzian(a + b).right

    def error(x: Real, h: Real, shift: int) -> Real:
        sign = -1 if shift else 1
        near_f, near_g = sign * cmath.exp(-2 * math.pi * a / h), sign * cmath.exp(2j * math.pi * complex(x, b) / h)
        at_f = b / (math.pi * (complex(x, -a) ** 2 + b * b))
        at_g = a / (math.pi * (complex(x, b) ** 2 + a * a))
        return 2 * (at_f * near_f / (1 - near_f) + at_g * near_g / (1 - near_g)).real

    def tail(x: Real, reach: Real) -> Real:
        return 2 * a * b / (3 * math.pi**2 * (reach - abs(x) - 1) ** 3)

    points, steps, reach = (0.0, 1.0, -2.0), (1.0, 0.5, 0.25), 1024
    return Pair(
        lorentzian(a),
        lorentzian(b),
        closed,
        (
            Claim("half-value", points, lambda x, h: error(x, h, 0), steps=steps, reach=reach, tail=tail),
            Claim("midpoint", points, lambda x, h: error(x, h, 1), steps=steps, reach=reach, tail=tail),
        ),
        roundings=24,
    )


def _sincs(V: Real, W: Real) -> Pair:
    """sinc(V)*sinc(W) = sinc(min(V, W)). F_x has no spectrum beyond V + W: exact for h < 1 / (V + W)."""
    closed = sinc(min(V, W)).right

    def error(h: Real, shift: int) -> Real:
        """At x = 0, where the spectrum of the product is a trapezium."""
        overlaps = (
            (-1) ** (k * shift) * max(0, min(2 * V, 2 * W, V + W - k / h)) for k in range(1, math.ceil((V + W) * h) + 1)
        )
        return 2 * sum(overlaps)

    def tail(x: Real, reach: Real) -> Real:
        return 2 / (math.pi**2 * (reach - abs(x) - 1))

    fine, coarse, reach = (0.5, 0.25), (1.0, 2.0), 512
    return Pair(
        sinc(V),
        sinc(W),
        closed,
        (
            Claim("half-value", (0.0, 1.0, -2.5), _exact, steps=fine, reach=reach, tail=tail),
            Claim("midpoint", (0.0, 1.0, -2.5), _exact, steps=fine, reach=reach, tail=tail),
            Claim("half-value", (0.0,), lambda _x, h: error(h, 0), steps=coarse, reach=reach, tail=tail),
            Claim("midpoint", (0.0,), lambda _x, h: error(h, 1), steps=coarse, reach=reach, tail=tail),
        ),
        roundings=16,
    )


_QUARTERS = tuple(Fraction(n, 4) for n in range(-9, 10))
_AWAY_FROM_JUMPS = tuple(x for x in _QUARTERS if x not in (-1, 0, 1))
_AFTER_ZERO = tuple(Fraction(n, 4) for n in (1, 2, 3, 4, 8, 16))
_PEAKED = Fraction(1, 4)

PAIRS = (
    Pair(
        box,
        box,
        triangle,
        (
            Claim("midpoint", _QUARTERS, _exact),
            Claim("half-value", _AWAY_FROM_JUMPS, _exact),
            Claim("half-value", (0,), lambda _x, h: -h / 2),  # both ends hold 1/2 * 1/2, where 1/2 is due
            Claim("half-value", (-1, 1), lambda _x, h: h / 4),
            Claim("one-sided", _QUARTERS, _box_box_one_sided),
        ),
    ),
    Pair(
        box,
        triangle,
        quadratic_spline,
        (
            Claim("midpoint", _QUARTERS, _exact),
            Claim("half-value", _QUARTERS, _exact),
            Claim("one-sided", _QUARTERS, _box_triangle_one_sided),
        ),
    ),
    Pair(
        triangle,
        triangle,
        cubic_spline,
        (
            Claim("midpoint", _QUARTERS, lambda x, h: h * h * _bend(x) / 12),
            Claim("half-value", _QUARTERS, lambda x, h: -h * h * _bend(x) / 6),
            Claim("midpoint", (0, 1), order=2),
            Claim("half-value", (0, 1), order=2),
        ),
    ),
    Pair(
        exponential(1),
        exponential(2),
        lambda x: -math.exp(-x) * math.expm1(-x) if x > 0 else 0.0,
        (
            Claim("midpoint", _AFTER_ZERO, order=2),
            Claim("half-value", _AFTER_ZERO, order=2),
            Claim("half-value", (0,), lambda _x, h: h / 4),
            Claim("one-sided", _AFTER_ZERO, order=1),
            Claim("midpoint", _AFTER_ZERO, lambda x, h: -math.exp(-x) * math.expm1(-x) * _midpoint_of_exponential(h)),
            Claim(
                "half-value", _AFTER_ZERO, lambda x, h: -math.exp(-x) * math.expm1(-x) * _trapezoid_of_exponential(h)
            ),
        ),
        roundings=16,
    ),
    Pair(
        exponential(1),
        exponential(1),
        lambda x: x * math.exp(-x) if x > 0 else 0.0,
        (
            Claim("midpoint", (-1, 0, *_AFTER_ZERO), _exact),
            Claim("half-value", (-1, *_AFTER_ZERO), _exact),
            Claim("half-value", (0,), lambda _x, h: h / 4),
            Claim("one-sided", (0, *_AFTER_ZERO), lambda x, h: h * math.exp(-x)),
        ),
        roundings=8,
    ),
    Pair(
        exponential(1),
        box,
        exponential_with_box,
        (
            Claim("midpoint", _QUARTERS, lambda x, h: exponential_with_box(x) * _midpoint_of_exponential(h)),
            Claim(
                "half-value",
                tuple(x for x in _QUARTERS if abs(x) != HALF),
                lambda x, h: exponential_with_box(x) * _trapezoid_of_exponential(h),
            ),
            Claim("half-value", (-HALF, HALF), order=1),
            Claim("one-sided", (Fraction(1, 4), 1), order=1),
            Claim("midpoint", (Fraction(1, 4), 1), order=2),
            Claim("half-value", (Fraction(1, 4), 1), order=2),
        ),
        roundings=16,
    ),
    Pair(
        box,
        gaussian(_PEAKED),
        lambda x: (math.erf((x + HALF) * math.sqrt(2)) - math.erf((x - HALF) * math.sqrt(2))) / 2,
        (
            Claim("midpoint", (0, Fraction(1, 4), 1), order=2),
            Claim("half-value", (0, Fraction(1, 4), 1), order=2),
            Claim("one-sided", (Fraction(1, 4), 1), order=1),
        ),
    ),
    Pair(
        box,
        gaussian_derivative(_PEAKED),
        lambda x: gaussian(_PEAKED)(x + HALF) - gaussian(_PEAKED)(x - HALF),
        (
            Claim("midpoint", (Fraction(1, 4), Fraction(-1, 4), 1), order=2),
            Claim("half-value", (Fraction(1, 4), Fraction(-1, 4), 1), order=2),
        ),
    ),
    _gaussians(1, _PEAKED),
    _lorentzians(1.0, 0.5),
    _sincs(0.5, 0.25),
)
"""The closed-form pairs. That of box with gaussian' is the derivative theorem: d/dx [box*gaussian] in closed form."""
