"""S3, S5, S8, S13: integrals and the sums that stand for them, against closed forms, sympy and torch."""

import math
from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
import sympy
import torch

from conv_oracle.errors import GeometryError
from conv_oracle.formulas.closed_forms import (
    PAIRS,
    box,
    exponential,
    exponential_with_box,
    gaussian,
    gaussian_derivative,
    lorentzian,
    sinc,
    triangle,
)
from conv_oracle.formulas.continuous import (
    UNIT_ROUNDOFF,
    convolution_derivative,
    cross_correlation_derivative,
    rounding_bound,
    sampled_convolution,
    sampled_cross_correlation,
    samples,
)
from conv_oracle.formulas.discrete import convolve, cross_correlate

CLAIMS = [(pair, claim) for pair in PAIRS for claim in pair.claims]
HALVINGS = [Fraction(1, 2**e) for e in (2, 3, 4, 5, 6)]
QUARTERS = [Fraction(n, 4) for n in range(-10, 11)]
BY_NAME = {pair.name: pair for pair in PAIRS}


def claim_id(value):
    return value.name.replace(" ", "") if hasattr(value, "name") else f"{value.rule}-{value.order or 'error'}"


def observed_order(coarse, fine):
    return math.log2(abs(coarse / fine))


def errors(pair, claim, x):
    return [sampled_convolution(pair.f, pair.g, x, h, claim.rule, claim.reach) - pair.closed(x) for h in claim.steps]


def violations(pair, claim):
    """Every point where a claim does not hold. Rational arithmetic has no bound: the error is exactly as predicted."""
    wrong = []
    for x in claim.points:
        found = errors(pair, claim, x)
        if claim.order is not None and not abs(observed_order(found[-2], found[-1]) - claim.order) <= 0.1:
            wrong.append((x, "order", found))
        if claim.error is not None:
            for h, error in zip(claim.steps, found, strict=True):
                off = abs(error - claim.error(x, h))
                if isinstance(off, int | Fraction):
                    bound = 0
                else:
                    bound = rounding_bound(pair.f, pair.g, pair.roundings, x, h, claim.rule, claim.reach)
                    bound += claim.tail(x, claim.reach) if claim.tail else 0
                if not off <= bound:
                    wrong.append((x, h, error, off, bound))
    return wrong


@pytest.mark.parametrize(("pair", "claim"), CLAIMS, ids=claim_id)
def test_every_closed_form_and_its_error(pair, claim):
    assert (claim.error is None) != (claim.order is None)
    assert violations(pair, claim) == []


@pytest.mark.parametrize("pair", PAIRS, ids=claim_id)
def test_a_wrong_closed_form_is_caught(pair):
    moved = replace(pair, closed=lambda x: pair.closed(x) + Fraction(1, 1000))
    assert any(violations(moved, claim) for claim in pair.claims)
    wider = replace(pair, g=pair.g.moved(Fraction(1, 8)))
    assert any(violations(wider, claim) for claim in pair.claims)


def test_polynomial_pairs_are_checked_in_rational_arithmetic():
    for name in ("box * box", "box * triangle", "triangle * triangle"):
        pair = BY_NAME[name]
        for claim in pair.claims:
            assert all(isinstance(error, int | Fraction) for x in claim.points for error in errors(pair, claim, x))


@pytest.mark.parametrize(
    ("name", "coefficient"),
    [("box * box", Fraction(1, 2)), ("exponential(1) * exponential(1)", None)],
)
def test_a_jump_needs_its_half_value(name, coefficient):
    # What the three rules make of one pair at its peak: first order, first order with half the error, exact.
    pair, h = BY_NAME[name], Fraction(1, 64)
    x = 0 if coefficient else 1
    size = {
        rule: abs(sampled_convolution(pair.f, pair.g, x, h, rule) - pair.closed(x))
        for rule in ("one-sided", "half-value", "midpoint")
    }
    if coefficient:
        assert size == {"one-sided": h, "half-value": coefficient * h, "midpoint": 0}
    else:
        assert size["one-sided"] > 1e6 * max(size["half-value"], size["midpoint"])


# S3 and S5


SIGNALS = [box.moved(Fraction(3, 4)), triangle, exponential(1), gaussian(1, 2)]
# (two exponentials overlap without end in a correlation: 3000 terms, and nothing new)
COUPLES = [(f, g) for f, g in product(SIGNALS, repeat=2) if (f, g) != (SIGNALS[2], SIGNALS[2])]


@pytest.mark.parametrize(("f", "g"), COUPLES, ids=lambda s: s.name)
@pytest.mark.parametrize("rule", ["half-value", "midpoint"])
def test_convolution_commutes_and_correlation_turns(f, g, rule):
    h = Fraction(1, 4)

    def bound(f, g, x):
        return rounding_bound(f, g, 0, x, h, rule)

    for x in (Fraction(-5, 4), Fraction(1, 2)):
        there, back = sampled_convolution(f, g, x, h, rule), sampled_convolution(g, f, x, h, rule)
        assert abs(there - back) <= bound(f, g, x) + bound(g, f, x)
        there, back = sampled_cross_correlation(g, f, x, h, rule), sampled_cross_correlation(f, g, -x, h, rule)
        assert abs(there - back) <= bound(g.turned(), f, x) + bound(f.turned(), g, -x)
        turned = sampled_convolution(f.turned(), g, x, h, rule)
        assert abs(sampled_cross_correlation(f, g, x, h, rule) - turned) <= 2 * bound(f.turned(), g, x)


def test_the_printed_equality_of_cross_correlation_fails():
    # f(z) = e^-z for z >= 0, g the normal density: [f#g](x) = e^(x + 1/2) (1 - Phi(x + 1)).
    f, g = exponential(1), gaussian(1)

    def closed(x):
        return math.exp(x + 0.5) * math.erfc((x + 1) / math.sqrt(2)) / 2

    assert [round(closed(x), 6) for x in (1, -1)] == [0.101959, 0.303265]
    for x in (1, Fraction(1, 2)):
        for found in (
            [sampled_cross_correlation(f, g, x, h) - closed(x) for h in HALVINGS],
            [sampled_cross_correlation(g, f, -x, h) - closed(x) for h in HALVINGS],
        ):
            assert abs(observed_order(found[-2], found[-1]) - 2) <= 0.1
    for h in HALVINGS:
        # At x = -1 the product is half of an even Gaussian, and the half-value rule is exact but for e^(-2 pi^2 / h^2).
        bound = rounding_bound(f.turned(), g, 8, -1, h, "half-value")
        assert abs(sampled_cross_correlation(f, g, -1, h) - closed(-1)) <= bound
        assert abs(sampled_cross_correlation(g, f, 1, h) - closed(-1)) <= bound
        # As printed, [g#f](1) would be [f#g](1). It stays .2 away, however small the step.
        assert abs(sampled_cross_correlation(g, f, 1, h) - closed(1)) > 0.2


def test_correlation_commutes_only_when_it_is_even():
    h, low = Fraction(1, 8), Fraction(1, 2)
    for x in QUARTERS:
        assert sampled_cross_correlation(box, triangle, x, h) == sampled_cross_correlation(triangle, box, x, h)
    moved = box.moved(low)
    assert sampled_cross_correlation(moved, triangle, low, h) != sampled_cross_correlation(triangle, moved, low, h)
    assert sampled_cross_correlation(moved, triangle, low, h) == sampled_cross_correlation(triangle, moved, -low, h)


def test_convolution_is_equivariant_in_the_position():
    h, b = Fraction(1, 8), Fraction(3, 4)
    for x in QUARTERS:
        for rule in ("one-sided", "half-value", "midpoint"):
            plain = sampled_convolution(box, triangle, x - b, h, rule)
            assert sampled_convolution(box, triangle.moved(b), x, h, rule) == plain
            correlated = sampled_cross_correlation(box, triangle, x - b, h, rule)
            assert sampled_cross_correlation(box, triangle.moved(b), x, h, rule) == correlated
            back = sampled_cross_correlation(box, triangle, x + b, h, "half-value")
            assert sampled_cross_correlation(box.moved(b), triangle, x, h, "half-value") == back
    assert sampled_convolution(box, triangle.moved(b), 0, h) != sampled_convolution(box, triangle, 0, h)


# S8: the figures


def test_box_with_itself_is_the_triangle():
    h = Fraction(1, 16)
    for x in QUARTERS:
        assert sampled_convolution(box, box, x, h, "midpoint") == triangle(x) == max(0, 1 - abs(x))


def test_the_spiky_function_with_a_box_has_three_branches():
    z, x = sympy.symbols("z x", real=True)
    half = sympy.Rational(1, 2)
    middle = sympy.integrate(sympy.exp(-z), (z, 0, x + half))
    late = sympy.integrate(sympy.exp(-z), (z, x - half, x + half))
    assert sympy.simplify(middle - (1 - sympy.exp(-(x + half)))) == 0
    assert sympy.simplify(late - (sympy.exp(half) - sympy.exp(-half)) * sympy.exp(-x)) == 0
    assert middle.subs(x, half) == sympy.simplify(late.subs(x, half)), "the branches meet"
    for at in (*QUARTERS, Fraction(1, 2**40) - Fraction(1, 2)):  # just after its start it is small, and no difference
        branch = 0 if at <= -Fraction(1, 2) else middle if at <= Fraction(1, 2) else late
        exact = sympy.S(branch).subs(x, sympy.Rational(at.numerator, at.denominator)).evalf(30)
        # sinh or expm1, exp, and a product: two ulps of a C library each and one rounding.
        assert abs(exponential_with_box(at) - exact) <= 6 * UNIT_ROUNDOFF * exact


# S13: the derivative theorem


def derivative_errors(h):
    """[box*gaussian'](x) against d/dx [box*gaussian](x) = gaussian(x + 1/2) - gaussian(x - 1/2), over a grid of x."""
    closed = BY_NAME["box * gaussian(1/4)'"].closed
    return max(
        abs(convolution_derivative(box, gaussian_derivative(Fraction(1, 4)), x, h) - closed(x)) for x in QUARTERS
    )


def test_the_derivative_theorem():
    x = sympy.symbols("x", real=True)
    s, half = sympy.sqrt(2), sympy.Rational(1, 2)
    position = (sympy.erf((x + half) * s) - sympy.erf((x - half) * s)) / 2  # the closed form of box*gaussian(1/4)
    density = sympy.exp(-2 * x**2) * sympy.sqrt(2 / sympy.pi)
    slope = density.subs(x, x + half) - density.subs(x, x - half)
    assert sympy.simplify(sympy.diff(position, x) - slope) == 0
    found = [derivative_errors(h) for h in (Fraction(1, 2), *HALVINGS)]
    assert [f"{error:.1e}" for error in found[:3]] == ["9.8e-02", "2.4e-02", "5.9e-03"]
    assert abs(observed_order(found[-2], found[-1]) - 2) <= 0.1


def test_the_derivative_falls_on_either_operand_and_changes_sign_in_correlation():
    # Gaussians of different means: neither f#g nor g#f is even, so no sign is hidden. All sums here are exact but for
    # aliases below e^(-2 pi^2 S^2 / h^2) with S^2 >= 1/5 and h = 1/4, under e^-63: beneath every rounding.
    v, w, m, n, h = 1, Fraction(1, 4), Fraction(1, 2), Fraction(-5, 4), Fraction(1, 4)
    f, g, df, dg = gaussian(v, m), gaussian(w, n), gaussian_derivative(v, m), gaussian_derivative(w, n)
    convolved, correlated = gaussian_derivative(v + w, m + n), gaussian_derivative(v + w, n - m)
    for x in QUARTERS[::4]:
        rounding = rounding_bound(f, dg, 24, x, h, "half-value") + rounding_bound(df, g, 24, x, h, "half-value")
        by_second = convolution_derivative(f, dg, x, h)
        assert abs(by_second - convolved(x)) <= rounding
        assert abs(by_second - sampled_convolution(df, g, x, h)) <= rounding
        rounding = rounding_bound(f.turned(), dg, 24, x, h, "half-value")
        rounding += rounding_bound(df.turned(), g, 24, x, h, "half-value")
        by_second, by_first = cross_correlation_derivative(f, dg, x, h), sampled_cross_correlation(df, g, x, h)
        assert abs(by_second - correlated(x)) <= rounding
        assert abs(by_second + by_first) <= rounding, "(f#g)' = f#g' = -(f'#g)"
        if abs(by_second) > rounding:
            assert not abs(by_second - by_first) <= rounding, "without the sign it fails"


def test_the_derivative_in_position_is_not_the_one_of_backpropagation():
    # d/dx of h(x) = (W * input)(x) and dL/dW are different things: one has a value per position, one per weight.
    W, x = torch.tensor([1.0, 2.0, 4.0], requires_grad=True), torch.tensor([3.0, 1.0, 5.0, 2.0, 7.0])
    h = torch.conv1d(x[None], W[None, None])[0]
    (by_operand,) = torch.autograd.grad(h.sum(), W)
    in_position = np.diff(h.detach().numpy())
    assert np.array_equal(in_position, cross_correlate(W.detach().numpy(), np.diff(x.numpy()), "valid"))
    assert by_operand.tolist() == [9.0, 8.0, 14.0]
    assert len(by_operand) == len(W) != len(in_position)


# From the integral to the sum that a CNN computes


def torch_convolution(F, G):
    """Full convolution by torch: conv1d and conv2d cross-correlate, so the kernel is turned first."""
    F, G = np.array(F, dtype=np.float64), np.array(G, dtype=np.float64)
    weight = torch.tensor(F[(slice(None, None, -1),) * F.ndim].copy())[None, None]
    image = torch.tensor(G)[None, None]
    return getattr(torch, f"conv{F.ndim}d")(image, weight, padding=tuple(n - 1 for n in F.shape))[0, 0].numpy()


@pytest.mark.parametrize("steps", [4, 8, 16, 32])
def test_conv1d_of_samples_is_the_sampled_sum_and_the_integral(steps):
    h = Fraction(1, steps)
    near, far = range(-steps, steps + 1), range(-2 * steps, 2 * steps + 1)
    F, G = samples(box, h, [near]), samples(triangle, h, [far])
    ours, theirs = h * convolve(F, G), float(h) * torch_convolution(F, G)
    assert np.array_equal(theirs, ours.astype(float)), "dyadic samples: every sum is exact"
    for i, value in enumerate(ours, near.start + far.start):
        assert value == sampled_convolution(box, triangle, i * h, h) == BY_NAME["box * triangle"].closed(i * h)


def test_conv1d_without_the_turn_is_the_correlation():
    h, near = Fraction(1, 4), range(-8, 9)
    F, G = samples(triangle.moved(1), h, [near]), samples(box, h, [near])
    weight, image = (torch.tensor(a.astype(float))[None, None] for a in (F, G))
    theirs = float(h) * torch.conv1d(image, weight, padding=len(F) - 1)[0, 0].numpy()
    lags = range(near.start - near[-1], near[-1] - near.start + 1)
    assert theirs.tolist() == [float(sampled_cross_correlation(triangle.moved(1), box, i * h, h)) for i in lags]
    assert theirs.tolist() != [float(sampled_convolution(triangle.moved(1), box, i * h, h)) for i in lags]


def test_conv1d_of_samples_converges_to_the_integral_as_fast_as_predicted():
    pair, worst = BY_NAME["box * gaussian(1/4)"], []
    for steps in (4, 8, 16, 32):
        h = Fraction(1, steps)
        near, far = range(-steps, steps + 1), range(-6 * steps, 6 * steps + 1)
        F, G = samples(pair.f, h, [near]), samples(pair.g, h, [far])
        theirs = float(h) * torch_convolution(F, G)
        found = []
        for x in (Fraction(-1, 2), 0, Fraction(1, 4), 1):
            value = theirs[int(x / h) - near.start - far.start]
            bound = rounding_bound(pair.f, pair.g, 0, x, h, "half-value")
            assert abs(value - sampled_convolution(pair.f, pair.g, x, h)) <= 2 * bound
            found.append(abs(value - pair.closed(x)))
        worst.append(max(found))
    assert abs(observed_order(worst[-2], worst[-1]) - 2) <= 0.1


def on_plane(covariance):
    """The normal density on the plane, not a product of its axes."""
    (a, b), (_, c) = covariance
    determinant = a * c - b * b

    def density(x, y):
        return math.exp(-(c * x * x - 2 * b * x * y + a * y * y) / (2 * determinant)) / (
            2 * math.pi * math.sqrt(determinant)
        )

    return density


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_conv2d_of_samples_is_the_integral_over_the_plane(steps):
    P, Q = ((0.5, 0.25), (0.25, 0.375)), ((0.25, -0.125), (-0.125, 0.3125))
    R = tuple(tuple(p + q for p, q in zip(*rows, strict=True)) for rows in zip(P, Q, strict=True))
    h, reach = Fraction(1, steps), range(-7 * steps, 7 * steps + 1)
    f, g, closed = on_plane(P), on_plane(Q), on_plane(R)
    F, G = samples(f, h, [reach, reach]), samples(g, h, [reach, reach])
    theirs = float(h) ** 2 * torch_convolution(F, G)
    mass = float(h) ** 2 * torch_convolution(np.abs(F), np.abs(G))
    # The product F_x is a Gaussian of precision P^-1 + Q^-1: its alias at (k, l)/h, and the terms left out beyond 7.
    precision = np.linalg.inv(np.array(P)) + np.linalg.inv(np.array(Q))
    spread = np.linalg.inv(precision)
    waves = [np.array((k, l)) for k in range(-4, 5) for l in range(-4, 5) if (k, l) != (0, 0)]
    alias = sum(math.exp(-2 * math.pi**2 * steps**2 * float(wave @ spread @ wave)) for wave in waves)
    beyond = sum(2 * math.exp(-(7**2) / (2 * np.linalg.eigvalsh(V).max())) / math.tau for V in (P, Q))
    beyond *= 4  # a density's peak is 1 / (tau sqrt(determinant)), and the determinants here are 1/8 and 1/16
    for i in range(-steps, steps + 1):
        for j in range(-steps, steps + 1):
            at = theirs[i - 2 * reach.start, j - 2 * reach.start]
            exact = closed(float(i * h), float(j * h))
            rounding = (F.size + 64) * UNIT_ROUNDOFF * mass[i - 2 * reach.start, j - 2 * reach.start]
            assert abs(at - exact) <= exact * alias + beyond + rounding
    assert alias < 1e-9 or steps < 4


def test_conv2d_of_boxes_is_exact():
    steps = 4
    h, reach = Fraction(1, steps), range(-2 * steps, 2 * steps + 1)
    F = samples(lambda x, y: triangle(x) * box(y), h, [reach, reach])
    G = samples(lambda x, y: box(x) * triangle(y), h, [reach, reach])
    theirs = float(h) ** 2 * torch_convolution(F, G)
    spline = BY_NAME["box * triangle"].closed
    for i in range(-6, 7):
        for j in range(-6, 7):
            at = theirs[i - 2 * reach.start, j - 2 * reach.start]
            assert at == spline(i * h) * spline(j * h)


def test_what_is_refused():
    with pytest.raises(GeometryError, match="a rule is one of one-sided, half-value, midpoint: rule='left'"):
        sampled_convolution(box, box, 0, Fraction(1, 4), "left")
    with pytest.raises(GeometryError, match="a positive step and finite limits"):
        sampled_convolution(lorentzian(1), sinc(1), 0, 1)
    with pytest.raises(GeometryError, match="a positive step and finite limits: h=0"):
        sampled_cross_correlation(box, box, 0, 0)
