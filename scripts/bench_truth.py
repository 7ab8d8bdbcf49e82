#!/usr/bin/env python3
"""Time correctly rounded truth against the plain float64 form, in the same process and on the same operands.

Both run on one thread, and times are processor time, so that other load on the machine matters little. The sides take
turns, and the fastest of each counts. math.fsum and Fraction sum sampled outputs of the same problem; their time is
extrapolated from the sample to all outputs. Fraction's values must equal the truth, and fsum's where products are
exact: exit code 1 when they do not. MiB are the peak memory of arrays, in the truth and in the plain form.
"""

from __future__ import annotations

import math
import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial

import click
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table
from threadpoolctl import threadpool_limits

from conv_oracle.passes import Array
from conv_oracle.problem import Problem, parse
from conv_oracle.truth import fast
from conv_oracle.truth.rounded import rounded
from conv_oracle.truth.sums import count, of_problem
from conv_oracle.truth.terms import factors

LAYERS = {
    "3x3, n 576": "conv2d x1x64x32x32 w64x64x3x3 p1",
    "3x3, n 1152": "conv2d x2x128x28x28 w128x128x3x3 p1",
    "1x1, n 256": "conv2d x4x256x28x28 w128x256x1x1",
    "stem 7x7/2, n 147": "conv2d x1x3x224x224 w64x3x7x7 s2 p3",
    "3x3, n 4608": "conv2d x1x512x14x14 w512x512x3x3 p1",
    "5x5, n 10000": "conv2d x1x400x16x16 w64x400x5x5 p2",
    "grouped 8, n 144": "conv2d x4x128x28x28 w128x16x3x3 p1 g8",
    "transposed 4x4/2": "conv_transpose2d x2x128x16x16 w128x64x4x4 s2 p1",
    "by input, n 1152": "conv2d_input x2x128x28x28 w128x128x3x3 p1",
    "by weight, n 1024": "conv2d_weight x1x64x32x32 w64x64x3x3 p1",
    "by weight, n 9216": "conv2d_weight x16x64x24x24 w64x64x3x3 p1",
    "by weight, n 100352": "conv2d_weight x32x32x56x56 w32x32x3x3 p1",
}
SINGLE = {"normal": 3, "cancelling": 30, "to zero": 30}
DOUBLE = {"normal": 35, "spread 1e4": 35, "spread 1e8": 35, "by place 1e8": 35}
GROWTH = ("to zero", "spread 1e30", "spread 1e90")
POWERS = {"1e4": 13, "1e8": 27, "1e30": 100, "1e90": 300}
LONG = 10_000
BEYOND = 10
SAMPLE = 3


def operands(problem: Problem, kind: str) -> dict[str, Array]:
    """Operands in the problem's dtype, of a kind.

    normal, spread      normal numbers, times powers of two that are spread evenly as far as that each way
    by place            the same power for all that share a place on an axis, so that some outputs are small as a whole
    to zero             what is summed over comes in pairs that cancel
    cancelling          the same, but one in eight of a pair's second factors is 1 + 2^-20 times the first's negative
    """
    random = np.random.default_rng(7)
    made = {name: random.standard_normal(shape) for name, shape in problem.operand_shapes.items()}
    power = POWERS.get(kind.rsplit(maxsplit=1)[-1], 0)
    for values in made.values():
        if kind.startswith("spread"):
            values[...] *= 2.0 ** random.uniform(-power, power, values.shape)
        if kind.startswith("by place"):
            axes = [axis for axis in range(values.ndim) if axis != 1]
            for axis in axes:
                powers = random.integers(-power // len(axes), power // len(axes) + 1, values.shape[axis])
                np.moveaxis(values, axis, -1)[...] *= 2.0**powers
    if kind in {"to zero", "cancelling"}:
        first, second = (_halves(problem, name, made[name]) for name in list(made)[:2])
        first[1][...], second[1][...] = first[0], -second[0]
        if kind == "cancelling":
            second[1][...] *= 1 + 2.0**-20 * (random.random(second[1].shape) < 0.125)
    return {name: values.astype(problem.dtype) for name, values in made.items()}


def _halves(problem: Problem, name: str, values: Array) -> tuple[Array, Array]:
    """Two views, of what comes in pairs along the axis that is summed over. What is left over is set to zero."""
    if problem.operation.by_weight:
        axis, groups = (0 if len(values) > 1 else values.ndim - 1), 1
    elif name == "weight":
        by_rows = problem.transposed or problem.operation.by_input
        axis, groups = (0, problem.groups) if by_rows else (1, 1)
    else:
        axis, groups = 1, problem.groups
    shape = values.shape
    split = np.moveaxis(values.reshape(*shape[:axis], groups, shape[axis] // groups, *shape[axis + 1 :]), axis + 1, 0)
    half = len(split) // 2
    split[2 * half :] = 0
    return split[:half], split[half : 2 * half]


def peak(call: Callable[[], object]) -> int:
    """The most bytes that arrays take while it runs, beyond what there was."""
    tracemalloc.start()
    call()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def fastest(calls: Sequence[Callable[[], object]], seconds: float = 1.0) -> list[float]:
    """The least processor time of each, in turns."""
    best = [math.inf] * len(calls)
    end, turns = time.process_time() + seconds, 0
    while turns < 2 or (time.process_time() < end and turns < 30):
        for i, call in enumerate(calls):
            start = time.process_time()
            call()
            best[i] = min(best[i], time.process_time() - start)
        turns += 1
    return best


def one_by_one(problem: Problem, given: dict[str, Array], truth: Array) -> tuple[float, float, bool]:
    """(seconds of fsum, of Fraction, for all outputs, from a sample; whether the sample's values are the truth's)."""
    (sums,) = of_problem(problem, given)
    at = np.random.default_rng(3).integers(0, truth.size, SAMPLE)
    first, second = factors(sums.products[0], at)
    start = time.process_time()
    summed = [math.fsum((x * w).tolist()) for x, w in zip(first, second, strict=True)]
    middle = time.process_time()
    exact = [
        sum(Fraction(a) * Fraction(b) for a, b in zip(x.tolist(), w.tolist(), strict=True))
        for x, w in zip(first, second, strict=True)
    ]
    end = time.process_time()
    same = all(_is_nearest(truth.reshape(-1)[i], e) for i, e in zip(at, exact, strict=True))
    if problem.dtype == "float32":  # whose products are float64 numbers
        same = same and truth.reshape(-1)[at].tolist() == np.array(summed, np.float32).tolist()
    return (middle - start) / SAMPLE * truth.size, (end - middle) / SAMPLE * truth.size, same


def _is_nearest(value: np.floating, exact: Fraction | int) -> bool:
    beside = (np.nextafter(value, value.dtype.type(side)) for side in (-np.inf, np.inf))
    return all(abs(Fraction(float(value)) - exact) <= abs(Fraction(float(b)) - exact) for b in beside)


@click.command()
@click.option("--only", default="", help="Only layers whose name contains this.")
@click.option("--seconds", default=1.0, help="Time to spend on each row.")
def main(only: str, seconds: float) -> None:
    """Print the table; exit 1 when a value is wrong."""
    threadpool_limits(limits=1)
    table = Table(
        "layer", "multiply-adds", "operands", "float64 form", "truth", "over it", "at most", "fsum", "Fraction", "MiB"
    )
    wrong = 0
    rows = [(name, "float32", kind, most) for name in LAYERS for kind, most in SINGLE.items()]
    rows += [(name, "float64", kind, most) for name in LAYERS for kind, most in DOUBLE.items()]
    rows += [(name, "float64", kind, 0) for name in LAYERS for kind in GROWTH]
    rows = [row for row in rows if only in " ".join(row[:3])]
    for name, dtype, kind, given_most in track(rows, console=Console(stderr=True), transient=True):
        problem = parse(f"{LAYERS[name]} {dtype}")
        given = operands(problem, kind)
        wide = {key: operand.astype(np.float64) for key, operand in given.items()}
        calls = [partial(problem.compute, fast, wide), partial(rounded, problem, given)]
        plain, ours = fastest(calls, seconds)
        peaks = [peak(call) for call in calls]
        fsum, fraction, same = one_by_one(problem, given, rounded(problem, given))
        wrong += not same
        (sums,) = of_problem(problem, given)
        most = BEYOND if given_most == SINGLE["normal"] and count(sums.products[0]) > LONG else given_most
        ratio = ours / plain
        missed = most and ratio > most
        table.add_row(
            name,
            f"{problem.multiply_adds:.1e}",
            f"{dtype} {kind}",
            f"{plain * 1e3:.1f} ms",
            f"{ours * 1e3:.1f} ms",
            f"[red]{ratio:.1f}[/red]" if missed else f"{ratio:.1f}",
            str(most or ""),
            f"{fsum / plain:,.0f}",
            f"{fraction / plain:,.0f}",
            "/".join(f"{most_bytes / 2**20:.0f}" for most_bytes in peaks[::-1]),
        )
    Console(width=150).print(table)
    if wrong:
        sys.exit(f"{wrong} rows have a sampled output that is not correctly rounded")


if __name__ == "__main__":
    main()
