"""The index relation of a subject per axis, fitted to what coded probes read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product

import numpy as np

from conv_oracle.auditing.operands import Probe, reads
from conv_oracle.operation import Operation
from conv_oracle.passes import Array
from conv_oracle.problem import Problem
from conv_oracle.space import AxisSetting, Channels, compose, solvable

MOST_AWAY = 4


def revealed(problem: Problem) -> int:
    """A score of how much of the relation a problem can show: extents beyond 1, and parameters not at the default."""
    g = problem.geometry
    found = sum(min(o, 3) + min(k, 3) for o, k in zip(g.output_size, g.kernel_size, strict=True))
    found += 2 * sum(s > 1 for s in g.stride) + 2 * sum(d > 1 for d in g.dilation)
    return found + sum(max(sides) > 0 for sides in g.padding)


def demonstrations(op: Operation, dtype: str) -> Iterator[Problem]:
    """Problems that are easy to read: a small image, and a kernel that differs between the axes."""
    family, dimensions = op.family, op.axes
    for stride, padding, dilation in product((1, 2), (1, 0), (1, 2)):
        last = AxisSetting(6 if family == "conv" else 3, 3, stride, (padding, padding), dilation)
        others = [AxisSetting(4 if family == "conv" else 2, 2, 1, (padding, padding), 1)] * (dimensions - 1)
        for axes in ([*others, last], [replace(last, size=last.size - 1), *others[1:], last][-dimensions:]):
            problem = compose(family, axes, Channels(1, 1, 1), 1, bias=False, dtype=dtype)
            problem = replace(problem, operation=op)
            if solvable(problem):
                yield problem


def said(problem: Problem, probes: Sequence[Probe], answers: Sequence[Array]) -> list[str]:
    """`reads x[2*o + k - 1], the formula says x[o + 2*k - 1]` for every axis where they differ, or single reads.

    probes, answers: all coded probes of the problem and their answers.
    """
    d, g = problem.dimensions, problem.geometry
    triples = [(i[-d:], k[-d:], o[-d:]) for i, k, o in reads(problem, probes, answers)]
    if not triples:
        return []
    found: list[str] = []
    i, k, o = (np.array([triple[part] for triple in triples]) for part in range(3))
    for axis in range(d):
        right = (g.stride[axis], g.dilation[axis], -g.padding[axis][0])
        fitted = _fit(i[:, axis], o[:, axis], k[:, axis], right)
        where = f"on axis {axis}, " if d > 1 else ""
        if fitted is None:
            expected = right[0] * o[:, axis] + right[1] * k[:, axis] + right[2]
            away = np.flatnonzero(i[:, axis] != expected)
            if 0 < len(away) < len(i):
                found += _departures(where, i[away, axis], o[away, axis], k[away, axis], len(i))
        elif fitted != right:
            found.append(f"{where}reads x[{_affine(fitted)}], the formula says x[{_affine(right)}]")
    return found


def _fit(i: Array, o: Array, k: Array, right: tuple[int, int, int]) -> tuple[int, int, int] | None:
    """(a, b, c) with i = a*o + b*k + c on every read; undetermined coefficients are those of the formula."""
    if (i == right[0] * o + right[1] * k + right[2]).all():
        return right
    columns = [(0, o)] * (len(set(o.tolist())) > 1) + [(1, k)] * (len(set(k.tolist())) > 1)
    matrix = np.stack([*(values for _, values in columns), np.ones_like(i)], axis=1).astype(float)
    known = sum(right[place] * values for place, values in ((0, o), (1, k)) if place not in dict(columns))
    solved = np.rint(np.linalg.lstsq(matrix, (i - known).astype(float), rcond=None)[0]).astype(int)
    found = list(right)
    for (place, _), value in zip(columns, solved, strict=False):
        found[place] = int(value)
    found[2] = int(solved[-1])
    a, b, c = found
    return (a, b, c) if (i == a * o + b * k + c).all() else None


def _departures(where: str, i: Array, o: Array, k: Array, of: int) -> Iterator[str]:
    yield f"{where}{len(i)} of {of} reads differ from the formula:"
    for place in range(min(len(i), MOST_AWAY)):
        yield f"    o={o[place]} k={k[place]} reads x[{i[place]}]"


def _affine(values: tuple[int, int, int]) -> str:
    """`2*o - k + 1`, without zero terms and factors of one."""
    a, b, c = values
    named = [(n, f"{'' if abs(n) == 1 else f'{abs(n)}*'}{name}") for n, name in ((a, "o"), (b, "k"))]
    terms = [(n, said) for n, said in (*named, (c, str(abs(c)))) if n]
    whole = "".join(f" {'-' if n < 0 else '+'} {said}" for n, said in terms)
    return whole.removeprefix(" + ").replace(" - ", "-", 1) if whole.startswith(" - ") else whole[3:] or "0"
