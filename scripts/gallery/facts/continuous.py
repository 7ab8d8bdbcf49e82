"""S3, S5, S8 and S13: integrals by sampled sums, whose error is known, and the same sums by torch.conv1d."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from conv_oracle import formulas
from conv_oracle.formulas import (
    PAIRS,
    Signal,
    convolution_derivative,
    convolve,
    cross_correlate,
    exponential_with_box,
    sampled_convolution,
    sampled_cross_correlation,
    samples,
    triangle,
)
from conv_oracle.formulas.closed_forms import Pair, box, exponential, gaussian, quadratic_spline
from conv_oracle.formulas.continuous import rounding_bound
from gallery.agreement import agree, agree_within, tensor, twice_the_sum_bound
from gallery.errors import GalleryError

FINE = Fraction(1, 32)
"""The step of the curves that are drawn."""

STEP = Fraction(1, 8)
"""The step of the sliders."""

HALVINGS = tuple(Fraction(1, 2**e) for e in range(2, 7))
_PAIRS = {pair.name: pair for pair in PAIRS}


def torch_sum(f: Signal, g: Signal, h: Fraction, reach: int, *, turned: bool) -> None:
    """Agree on the whole sampled sum of two signals: ours by convolve or cross_correlate, torch's by conv1d."""
    steps = range(-int(reach / h), int(reach / h) + 1)
    F, G = samples(f, h, [steps]), samples(g, h, [steps])
    ours = (convolve if turned else cross_correlate)(F, G)
    kernel = tensor((F[::-1] if turned else F).astype(float))
    theirs = torch.conv1d(tensor(G.astype(float))[None], kernel[None, None], padding=len(F) - 1)[0]
    agree_within(f"the sums of {f.name} and {g.name}", ours.astype(float), theirs, twice_the_sum_bound(F, G))


def moving(
    f: Signal,
    g: Signal,
    low: int,
    high: int,
    value: Callable[[Fraction], Any],
    step: Fraction = STEP,
    **more: Any,
) -> dict[str, Any]:
    """What the sliding picture draws: both curves on [low, high], and the result at every step of its slider."""
    fine = [low + k * FINE for k in range(int((high - low) / FINE) + 1)]
    coarse = [low + k * step for k in range(int((high - low) / step) + 1)]
    reach = high - low
    wide = [-reach + k * FINE for k in range(int(2 * reach / FINE) + 1)]
    return {
        "low": low,
        "high": high,
        "fine": float(FINE),
        "step": float(step),
        "f": _limits(f, fine),
        "g": _limits(g, wide),
        "y": [float(value(x)) for x in coarse],
        **more,
    }


def _limits(f: Signal, points: list[Fraction]) -> list[float]:
    """The limits of a signal from the left and from the right at each point, one after the other, for drawing."""
    return [round(float(value), 4) for z in points for value in (f.left(z), f.right(z))]


def convolution() -> dict[str, Any]:
    """S3: box * triangle by midpoint sums, exact at every step; and exchanged."""
    x, h = Fraction(1, 4), Fraction(1, 4)
    ours = sampled_convolution(box, triangle, x, h, "midpoint")
    exchanged = sampled_convolution(triangle, box, x, h, "midpoint")
    agree("S3, the closed form", [ours, exchanged], [quadratic_spline(x)] * 2)
    torch_sum(box, triangle, h, 3, turned=True)
    rows = []
    for a in range(-2, 2):
        z = (a + Fraction(1, 2)) * h
        rows.append({"z": z, "f": box(z), "g": triangle(x - z), "product": box(z) * triangle(x - z)})
    agree("S3, the rows", h * sum(row["product"] for row in rows), ours)
    value = quadratic_spline
    return {
        "x": x,
        "h": h,
        "rows": rows,
        "value": ours,
        "exchanged": exchanged,
        "picture": {
            "pairs": {
                "f*g": moving(box, triangle, -2, 2, value, turned=True, names=["box", "triangle"]),
                "g*f": moving(triangle, box, -2, 2, value, turned=True, names=["triangle", "box"]),
            }
        },
    }


def correlation_of(f: Signal, g: Signal) -> Callable[[Fraction], Any]:
    """[f#g](x) as a sum of midpoints 1/128 apart, for signals that are next to nothing beyond 12."""
    return lambda x: sampled_cross_correlation(f, g, float(x), 2.0**-7, "midpoint", reach=12)


def correlation() -> dict[str, Any]:
    """S5: f#g and g#f of e^-z and the normal density, ever finer: apart at 1, however small the step."""
    f, g = exponential(1), gaussian(1)
    torch_sum(f, g, Fraction(1, 8), 8, turned=False)
    rows = [
        {
            "h": h,
            "fg": sampled_cross_correlation(f, g, 1, h),
            "gf": sampled_cross_correlation(g, f, 1, h),
            "turned": sampled_cross_correlation(f, g, -1, h),
        }
        for h in HALVINGS
    ]
    for row in rows:
        bound = 2 * rounding_bound(f.turned(), g, 0, -1, row["h"], "half-value")
        agree_within("S5, [g#f](1) = [f#g](-1)", row["gf"], row["turned"], bound)
        if not abs(row["fg"] - row["gf"]) > 0.125:
            raise GalleryError("S5: f#g and g#f are more than 1/8 apart at 1: the sums say something else")
    names = ["exponential", "normal"]
    return {
        "rows": rows,
        "fg": sampled_cross_correlation(f, g, 1.0, 2.0**-8, "midpoint", reach=12),
        "gf": sampled_cross_correlation(g, f, 1.0, 2.0**-8, "midpoint", reach=12),
        "picture": {
            "pairs": {
                "f#g": moving(f, g, -4, 4, correlation_of(f, g), turned=False, names=names, step=2 * STEP),
                "g#f": moving(g, f, -4, 4, correlation_of(g, f), turned=False, names=names[::-1], step=2 * STEP),
            }
        },
    }


def figures() -> dict[str, Any]:
    """S8: the two figures as closed forms, what sampled sums make of them, and the other pairs."""
    for f, g in ((box, box), (exponential(1), box)):
        torch_sum(f, g, Fraction(1, 8), 4, turned=True)
    points = [Fraction(n, 4) for n in range(-4, 9)]
    rows = []
    for x in points:
        sampled = sampled_convolution(box, box, x, Fraction(1, 8), "midpoint")
        agree("S8, box * box", sampled, triangle(x))
        spiky = sampled_convolution(exponential(1), box, x, Fraction(1, 8), "midpoint")
        rows.append({"x": x, "box": triangle(x), "spiky": exponential_with_box(x), "sampled": spiky})
    pairs = [{"name": pair.name, **_claimed(pair)} for pair in PAIRS]
    return {
        "rows": rows,
        "pairs": pairs,
        "peak": exponential_with_box(Fraction(1, 2)),
        "picture": {
            "pairs": {
                "box*box": moving(box, box, -2, 2, triangle, turned=True, names=["box", "box"]),
                "spiky*box": moving(
                    exponential(1), box, -2, 4, exponential_with_box, turned=True, names=["spiky", "box"]
                ),
            }
        },
    }


def _claimed(pair: Pair) -> dict[str, Any]:
    """The first claim of a pair: its point, step and rule, the sum there, the closed form, and the error as claimed."""
    claim = next(one for one in pair.claims if one.error is not None or one.order is not None)
    x = claim.points[len(claim.points) // 2]
    h = claim.steps[1]
    found = sampled_convolution(pair.f, pair.g, x, h, claim.rule, claim.reach)
    said = None if claim.error is None else claim.error(x, h)
    return {
        "x": x,
        "h": h,
        "rule": claim.rule,
        "sum": found,
        "closed": pair.closed(x),
        "said": said,
        "order": claim.order,
    }


def derivative() -> dict[str, Any]:
    """S13: box * gaussian and its slope, which is box * gaussian'; and the other derivative, by the weights."""
    peaked = Fraction(1, 4)
    position, slope = _PAIRS["box * gaussian(1/4)"], _PAIRS["box * gaussian(1/4)'"]
    torch_sum(slope.f, slope.g, Fraction(1, 8), 4, turned=True)
    rows = [
        {
            "x": x,
            "value": position.closed(x),
            "slope": slope.closed(x),
            "sampled": convolution_derivative(box, slope.g, x, Fraction(1, 64), "midpoint"),
        }
        for x in (Fraction(n, 4) for n in range(-4, 5))
    ]
    W, x = [1, 2, 4], [3, 1, 5, 2, 7]
    weight = tensor(W).requires_grad_()
    h = torch.conv1d(tensor(x)[None], weight[None, None])[0]
    (by_weight,) = torch.autograd.grad(h.sum(), weight)
    by_operand = formulas.weight_gradient(x, [1] * len(h))
    agree("S13, by the operand", by_operand, by_weight)
    values = formulas.banded_layer(W, x)
    agree("S13, the layer", values, h.detach())
    in_position = cross_correlate(W, np.diff(x), "valid")
    agree("S13, in position", in_position, np.diff(values))
    return {
        "variance": peaked,
        "rows": rows,
        "W": W,
        "input": x,
        "h": values.tolist(),
        "in_position": in_position.tolist(),
        "by_operand": by_operand.tolist(),
        "picture": {
            "pairs": {
                "f*g": moving(
                    box, gaussian(peaked), -2, 2, position.closed, turned=True, names=["box", "gauss"],
                    slope=[float(slope.closed(-2 + k * STEP)) for k in range(int(4 / STEP) + 1)],
                )
            }
        },
    }  # fmt: skip
