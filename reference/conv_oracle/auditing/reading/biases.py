"""What departs in the bias: which channel of it is added where, and how often."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from conv_oracle.auditing.reading import columns as of
from conv_oracle.auditing.reading.computation import Computation
from conv_oracle.auditing.reading.departures import result_place
from conv_oracle.auditing.reading.expressions import Bank
from conv_oracle.passes import Array


def bias_is_right(one: Computation, *, everywhere: bool = False) -> bool:
    """Whether every element of the result that has products has the bias of its channel, once.

    everywhere: or every element; then False where no bias was read.
    """
    if one.biases is None:
        return not everywhere
    wanted: Array = np.zeros_like(one.biases)
    for channel in range(one.problem.out_channels):
        wanted[channel, :, channel] = 1
    if everywhere:
        return bool(np.array_equal(one.biases, wanted))
    written = _written(one)
    return bool(np.array_equal(one.biases[:, written], wanted[:, written]))


def _written(one: Computation) -> Array:
    """The elements of the result that have a product, or none by the formula: others lack more than their bias."""
    at = result_place(one.problem)
    shape = one.biases.shape[1:] if one.biases is not None else ()
    found, wanted = np.zeros(shape, bool), np.zeros(shape, bool)
    found[tuple(one.read.places[:, at].T)] = True
    wanted[tuple(one.right.places[:, at].T)] = True
    return found | ~wanted


def said_of_biases(wrong: Sequence[Computation], end: float) -> str:
    """What is added in these, as one line; empty where no short formula tells."""
    found = [one.biases for one in wrong if one.biases is not None]
    times = np.concatenate([biases[biases != 0] for biases in found])
    if not len(times):
        return "it is not added"
    factors = np.unique(times)
    often = f"it is added {factors[0]:g} times" if len(factors) == 1 and factors[0] != 1 else ""
    rows = [np.argwhere(biases != 0) for biases in found]
    added, example, channel = (np.concatenate([row[:, place] for row in rows]) for place in (0, 1, 2))
    if np.array_equal(added, channel):
        return often
    shared = of.repeated([(of.parameters(one.problem), len(row)) for one, row in zip(wrong, rows, strict=True)])
    told = Bank.of({"n": example, "m": channel, **shared}, (0, 1, 2, 4, 8)).giving(added, end)
    return f"bias of channel {told.said}, should be m" if told else often
