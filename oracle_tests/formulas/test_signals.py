"""Signals: their limits, their supports, the rounding of their values, and the bound of a sampled sum."""

import math
from dataclasses import replace
from fractions import Fraction
from functools import cache

import pytest
import sympy

from conv_oracle.formulas.closed_forms import (
    box,
    exponential,
    gaussian,
    gaussian_derivative,
    lorentzian,
    sinc,
    triangle,
)
from conv_oracle.formulas.continuous import (
    UNIT_ROUNDOFF,
    Signal,
    rounding_bound,
    sampled_convolution,
    sampled_cross_correlation,
)

QUARTERS = [Fraction(n, 4) for n in range(-12, 13)]
NEAR = Fraction(1, 2**30)


def steep(x):
    """A change that no signal here makes within NEAR, but at a jump: its slope is 2 at the most."""
    return 4 * float(NEAR) * (1 + abs(float(x)))


def wrong_limits(signal):
    """Where `right` and `left` are not the limits from the right and from the left, at its own values beside x."""
    wrong = []
    for x in QUARTERS:
        if abs(signal.right(x) - signal(x + NEAR)) > steep(x):
            wrong.append((x, "right"))
        if abs(signal.left(x) - signal(x - NEAR)) > steep(x):
            wrong.append((x, "left"))
    return wrong


def leaks(signal):
    """Where the signal is not zero outside its support."""
    low, high = signal.support
    inside = [x for x in QUARTERS if signal.right(x) or signal.left(x)]
    return [x for x in inside if not low <= x <= high]


JUMPS = [box, box.moved(Fraction(3, 4)), exponential(1), exponential(2).moved(Fraction(-1, 4))]


@pytest.mark.parametrize("signal", [*JUMPS, triangle, gaussian(1, 2)], ids=lambda s: s.name)
def test_turned_and_moved_signals_keep_their_sides(signal):
    for made, value in (
        (signal, signal),
        (signal.turned(), lambda x: signal(-x)),
        (signal.moved(Fraction(1, 2)), lambda x: signal(x - Fraction(1, 2))),
        (signal.moved(Fraction(1, 2)).turned(), lambda x: signal(-x - Fraction(1, 2))),
        (signal.turned().turned(), signal),
    ):
        assert wrong_limits(made) == []
        assert leaks(made) == []
        assert all(made(x) == value(x) for x in QUARTERS)
        assert made.support[1] - made.support[0] == signal.support[1] - signal.support[0]
        assert made.roundings == signal.roundings


def test_the_spiky_function_turned_jumps_from_one_to_zero():
    turned = exponential(1).turned()
    assert (turned.left(0), turned.right(0), turned(0)) == (1, 0, Fraction(1, 2))
    assert turned.support == (-746, 0)


def as_turned(signal, **changed):
    return replace(signal.turned(), **changed)


TURNED = {
    "limits not exchanged": lambda s: as_turned(s, right=lambda x: s.right(-x), left=lambda x: s.left(-x)),
    "one limit for both": lambda s: as_turned(s, left=lambda x: s.left(-x)),
    "not turned": lambda s: s,
    "support not turned": lambda s: as_turned(s, support=s.support),
}


@pytest.mark.parametrize("fault", TURNED)
def test_a_signal_wrongly_turned_is_seen(fault):
    signal = box.moved(Fraction(3, 4))
    wrong = TURNED[fault](signal)
    assert wrong_limits(wrong) or leaks(wrong) or any(wrong(x) != signal(-x) for x in QUARTERS)


@pytest.mark.parametrize("fault", [None, "limits not exchanged", "not turned", "support not turned"])
def test_the_one_sided_rule_sees_the_side_of_a_turned_jump(fault):
    # [turned box * box](0) samples both ends of the box. By limits from the right one end of each is 0.
    h, signal = Fraction(1, 4), box.moved(Fraction(3, 4))
    turned = TURNED[fault](signal) if fault else signal.turned()
    sums = [sampled_convolution(turned, box, x, h, "one-sided") for x in QUARTERS]
    right = [
        h
        * sum(
            int(-Fraction(5, 4) <= z < -Fraction(1, 4)) * int(-Fraction(1, 2) <= x - z < Fraction(1, 2)) for z in grid
        )
        for x in QUARTERS
        for grid in [[a * h for a in range(-20, 21)]]
    ]
    assert (sums == right) == (fault is None)


@cache
def exact_value(name, x):
    """The signal's formula in 40 digits."""
    t = sympy.Rational(x.numerator, x.denominator)
    density = sympy.exp(-((t - 2) ** 2) / 2) / sympy.sqrt(2 * sympy.pi)
    return {
        "exponential(2)": sympy.exp(-2 * t) if t >= 0 else sympy.Integer(0),
        "gaussian(1, 2)": density,
        "gaussian(1, 2)'": -(t - 2) * density,
        "lorentzian(1/2)": sympy.Rational(1, 2) / (sympy.pi * (t * t + sympy.Rational(1, 4))),
        "sinc(3/8)": sympy.sin(sympy.pi * t * 3 / 4) / (sympy.pi * t) if t else sympy.Rational(3, 4),
    }[name].evalf(40)


def badly_rounded(signal):
    """Where a value is farther from the formula than the signal's own bound of its relative error."""
    points = [Fraction(n, 16) for n in range(-100, 101)]
    far = []
    for x in points:
        exact = exact_value(signal.name, x)
        if abs(sympy.Rational(str(Fraction(signal.right(x)))) - exact) > abs(exact) * signal.roundings * UNIT_ROUNDOFF:
            far.append(x)
    return far


SMOOTH = [exponential(2), gaussian(1, 2), gaussian_derivative(1, 2), lorentzian(Fraction(1, 2)), sinc(Fraction(3, 8))]


@pytest.mark.parametrize("signal", SMOOTH, ids=lambda s: s.name)
def test_values_round_no_worse_than_they_say(signal):
    assert badly_rounded(signal) == []
    assert badly_rounded(replace(signal, roundings=0)) != []
    assert badly_rounded(replace(signal, right=lambda x: signal.right(x) * (1 + 2.0**-48))) != []


@pytest.mark.parametrize("signal", SMOOTH[:3], ids=lambda s: s.name)
def test_nothing_is_left_beyond_the_support(signal):
    low, high = signal.support
    ends = [high - 1, low + 1 if low else low - NEAR]
    assert all(abs(signal.right(x)) < 1e-300 for x in ends)
    assert all(signal.right(x) == 0 for x in (low - NEAR, high + NEAR))


def expected_bound(f, g, closed_roundings, x, h, offset, reach=math.inf):
    """(n + r) u A of the docstring, from the grid of samples itself."""
    grid = [(a + offset) * h for a in range(-200, 201)]
    (low, high), (least, most) = f.support, g.support
    used = [z for z in grid if low <= z <= high and least <= x - z <= most and abs(z) <= reach]
    roundings = f.roundings + g.roundings + closed_roundings + 2
    return (len(used) + roundings) * UNIT_ROUNDOFF * float(h * sum(abs(f(z) * g(x - z)) for z in used))


BOUNDED = [
    (box, triangle, 0, Fraction(1, 4), Fraction(1, 8), "half-value", math.inf),
    (box, exponential(1), 7, Fraction(1), Fraction(1, 8), "midpoint", math.inf),
    (gaussian_derivative(1), box.moved(1), 0, Fraction(0), Fraction(1, 4), "half-value", math.inf),
    (lorentzian(1), sinc(1), 16, Fraction(1, 2), Fraction(1, 4), "half-value", 8),
]


def disagreements(bound):
    """How many of the cases a bound is not equal to n u A on, but for its last digits."""
    count = 0
    for f, g, closed, x, h, rule, reach in BOUNDED:
        offset = Fraction(1, 2) if rule == "midpoint" else 0
        expected = expected_bound(f, g, closed, x, h, offset, reach)
        count += not abs(bound(f, g, closed, x, h, rule, reach) - expected) <= 1e-12 * expected
    return count


def test_the_rounding_bound_is_n_u_a():
    assert disagreements(rounding_bound) == 0
    assert rounding_bound(box, triangle, 0, Fraction(1, 4), Fraction(1, 8), "half-value") < 2 * 12 * UNIT_ROUNDOFF


BOUNDS = {
    "a hundredfold": lambda *case: 100 * rounding_bound(*case),
    "half": lambda *case: rounding_bound(*case) / 2,
    "one term less": lambda f, g, closed, *case: rounding_bound(f, g, closed - 1, *case),
    "without the roundings of g": lambda f, g, *case: rounding_bound(f, replace(g, roundings=0), *case),
    "of the signed sum": lambda f, g, closed, x, h, rule, reach: (
        rounding_bound(f, g, closed, x, h, rule, reach) * 0 + abs(float(sampled_convolution(f, g, x, h, rule, reach)))
    ),
    "of the correlation": lambda f, g, *case: rounding_bound(f, g.turned(), *case),
}


@pytest.mark.parametrize("fault", BOUNDS)
def test_another_bound_is_seen(fault):
    assert disagreements(BOUNDS[fault]) > 0


def test_a_cut_sum_ends_at_its_reach_on_both_sides():
    ones = Signal("ones", lambda _x: 1, lambda _x: 1, (-math.inf, math.inf))
    for reach, terms in ((2, 17), (Fraction(17, 8), 17), (Fraction(9, 4), 19)):
        assert sampled_convolution(ones, ones, 0, Fraction(1, 4), "half-value", reach) == terms * Fraction(1, 4)
    assert sampled_cross_correlation(ones, ones, 5, Fraction(1, 4), "midpoint", 2) == 16 * Fraction(1, 4)
    assert sampled_convolution(ones, ones, 0, Fraction(1, 4), "one-sided", 0) == Fraction(1, 4)
