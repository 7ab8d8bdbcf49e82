"""Faults with a numeric parameter: it is fitted to wrong answers, and must then explain all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from conv_oracle.faults import CATALOGUE, Edit, Fault, Variant
from conv_oracle.passes import Array

LARGEST_DIVISOR = 1 << 20


def fitted(pairs: Sequence[tuple[Array, Array]]) -> Iterator[tuple[Fault, Variant]]:
    """Variants of faults with the parameter that (got, right) of the wrong answers, in floating point, suggest."""
    alike = [(got, right) for got, right in pairs if got.shape == right.shape and got.dtype.kind == "f"]
    if not alike or not all(np.isfinite(got).all() for got, _ in alike):
        return
    got = np.concatenate([one.ravel() for one, _ in alike]).astype(np.float64)
    right = np.concatenate([one.ravel() for _, one in alike]).astype(np.float64)
    yield from (*_scales(got, right), *_bounds(got, right), *_thresholds(got, right))


def _way(slug: str, said: str, change: Callable[[Array], Array], *, continues: bool = False) -> tuple[Fault, Variant]:
    edit = Edit(answer=(lambda _, __, found: change(found),))
    return CATALOGUE[slug], Variant(said, edit, continues=continues)


def _scales(got: Array, right: Array) -> Iterator[tuple[Fault, Variant]]:
    """A factor, or a divisor, the same for every non-zero element."""
    there = right != 0
    if not there.any() or got[~there].any() or not got[there].all():
        return
    factor, divisor = got[there][0] / right[there][0], right[there][0] / got[there][0]
    if divisor == np.rint(divisor) and 1 < abs(divisor) <= LARGEST_DIVISOR:
        yield _way("result-scaled", f"divided by {divisor:g}", lambda y: y / divisor)
    else:
        yield _way("result-scaled", f"multiplied by {factor:g}", lambda y: y * factor)


def _bounds(got: Array, right: Array) -> Iterator[tuple[Fault, Variant]]:
    """The bounds within which all answers lie, where some right values do not."""
    least, most = got.min(), got.max()
    if right.max() > most:
        yield _way("result-clamped", f"to at most {most:g}", lambda y: np.minimum(y.real, most), continues=True)
    if right.min() < least:
        yield _way("result-clamped", f"to at least {least:g}", lambda y: np.maximum(y.real, least), continues=True)
    if right.max() > most and right.min() < least:
        said = f"to {least:g} ... {most:g}"
        yield _way("result-clamped", said, lambda y: np.clip(y.real, least, most), continues=True)


def _thresholds(got: Array, right: Array) -> Iterator[tuple[Fault, Variant]]:
    """The magnitude up to which answers are zero."""
    lost = (got == 0) & (right != 0)
    kept = got != 0
    if not lost.any() or not kept.any():
        return
    most = np.abs(right[lost]).max()
    if most < np.abs(right[kept]).min():
        said = f"results of at most {most:g} in magnitude"
        yield _way("small-values-skipped", said, lambda y: np.where(np.abs(y) <= most, 0, y))
