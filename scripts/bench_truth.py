#!/usr/bin/env python3
"""Time correctly rounded truth beside the plain float64 form, in the same process and on the same operands.

Times are of the processor, so that what else the machine does counts little: set OPENBLAS_NUM_THREADS=1. The sides
take turns, and the fastest of each counts. math.fsum and Fraction sum sampled outputs of the same problem; their time
is that of the sample, for all outputs, and their values must be the truth's: exit code 1 when they are not.
"""

from __future__ import annotations

import math
import resource
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from functools import partial

import click
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from conv_oracle.passes import Array
from conv_oracle.problem import Problem, parse
from conv_oracle.truth import fast
from conv_oracle.truth.rounded import rounded
from conv_oracle.truth.sums import of_problem
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
SINGLE = ("normal", "cancelling")
DOUBLE = {"normal": 0, "spread 1e4": 13, "spread 1e8": 27, "spread 1e30": 100, "spread 1e90": 300}
LONG = 10_000
SAMPLE = 3


def values(random: np.random.Generator, shape: tuple[int, ...], spread: int, pair: int | None, dtype: str) -> Array:
    """Normal numbers times powers of two up to 2^+-spread; `pair` names an axis whose halves repeat each other."""
    made = random.standard_normal(shape)
    if spread:
        made *= 2.0 ** random.uniform(-spread, spread, shape)
    if pair is not None:
        half = shape[pair] // 2
        halves = np.moveaxis(made, pair, 0)
        halves[half : 2 * half] = halves[:half]
    return made.astype(dtype)


def operands(problem: Problem, spread: int = 0, *, cancelling: bool = False) -> dict[str, Array]:
    """Operands in the problem's dtype. Cancelling ones come in pairs along the axis that is summed over.

    One in eight of a pair's second factors is not exactly the first's negative, but 2^-20 beside it.
    """
    random = np.random.default_rng(7)
    shapes = problem.operand_shapes
    if not cancelling:
        return {name: values(random, shape, spread, None, problem.dtype) for name, shape in shapes.items()}
    summed = {"input": 1, "weight": 0 if problem.transposed or "_input" in problem.operation else 1, "grad_output": 1}
    if problem.operation.endswith("_weight"):
        summed = {"input": len(shapes["input"]) - 1, "grad_output": len(shapes["input"]) - 1}
        if problem.input_shape[0] > 1:
            summed = {"input": 0, "grad_output": 0}
    made = {name: values(random, shape, spread, summed[name], problem.dtype) for name, shape in shapes.items()}
    last = list(made)[-1]
    half = made[last].shape[summed[last]] // 2
    halves = np.moveaxis(made[last], summed[last], 0)
    near = 1 + 2.0**-20 * (random.random(halves[half : 2 * half].shape) < 0.125)
    halves[half : 2 * half] *= -near
    return made


def fastest(calls: list[Callable[[], object]], seconds: float = 1.0) -> list[float]:
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
    for x, w in zip(first, second, strict=True):
        math.fsum((x * w).tolist())
    middle = time.process_time()
    exact = [
        sum(Fraction(a) * Fraction(b) for a, b in zip(x.tolist(), w.tolist(), strict=True))
        for x, w in zip(first, second, strict=True)
    ]
    end = time.process_time()
    same = all(_is_nearest(truth.reshape(-1)[i], e) for i, e in zip(at, exact, strict=True))
    return (middle - start) / SAMPLE * truth.size, (end - middle) / SAMPLE * truth.size, same


def _is_nearest(value: np.floating, exact: Fraction | int) -> bool:
    beside = (np.nextafter(value, value.dtype.type(side)) for side in (-np.inf, np.inf))
    return all(abs(Fraction(float(value)) - exact) <= abs(Fraction(float(b)) - exact) for b in beside)


@click.command()
@click.option("--only", default="", help="Layers whose name holds this.")
@click.option("--seconds", default=1.0, help="How long to time a row.")
def main(only: str, seconds: float) -> None:
    """Print the table; exit 1 when a value is wrong."""
    table = Table(
        "layer", "multiply-adds", "operands", "float64 form", "truth", "over it", "at most", "fsum", "Fraction", "peak"
    )
    wrong = 0
    rows = [(name, "float32", kind, 0) for name in LAYERS for kind in SINGLE]
    rows += [(name, "float64", kind, spread) for name in LAYERS for kind, spread in DOUBLE.items()]
    rows = [row for row in rows if only in row[0] + " " + row[1]]
    for name, dtype, kind, spread in track(rows, console=Console(stderr=True), transient=True):
        problem = parse(f"{LAYERS[name]} {dtype}")
        given = operands(problem, spread, cancelling=kind == "cancelling")
        wide = {key: operand.astype(np.float64) for key, operand in given.items()}
        plain, ours = fastest([partial(problem.compute, fast, wide), partial(rounded, problem, given)], seconds)
        fsum, fraction, same = one_by_one(problem, given, rounded(problem, given))
        wrong += not same
        if dtype == "float32":
            (sums,) = of_problem(problem, given)
            n = factors(sums.products[0], np.zeros(1, np.int64))[0].shape[1]
            most = "30" if kind == "cancelling" else "10" if n > LONG else "3"
        else:
            most = "35" if spread <= 27 else ""
        ratio = ours / plain
        missed = most and ratio > float(most)
        table.add_row(
            name,
            f"{problem.multiply_adds:.1e}",
            f"{dtype} {kind}",
            f"{plain * 1e3:.1f} ms",
            f"{ours * 1e3:.1f} ms",
            f"[red]{ratio:.1f}[/red]" if missed else f"{ratio:.1f}",
            most,
            f"{fsum / plain:,.0f}",
            f"{fraction / plain:,.0f}",
            f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MiB",
        )
    Console(width=150).print(table)
    if wrong:
        sys.exit(f"{wrong} rows have a sampled output that is not correctly rounded")


if __name__ == "__main__":
    main()
