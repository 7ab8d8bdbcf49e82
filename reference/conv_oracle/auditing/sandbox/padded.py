"""A padding that a subject has of its own accord, found by trying: that of a causal or a 'same' convolution."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from conv_oracle.auditing.sandbox.samples import usual
from conv_oracle.auditing.sandbox.signature import Binding
from conv_oracle.auditing.sandbox.trials import RIGHT, Trials
from conv_oracle.auditing.targets import PADS
from conv_oracle.problem import Problem
from conv_oracle.space import solvable

TRIED = (*(rule for rule in PADS if rule != "full"), "1", "2", "3")
"""Rules that are tried. A full padding in place of none is a fault that is known, and is only declared."""

SHOWN = 6
"""On so many problems, the answers must be right."""


def padding_itself(trials: Trials, binding: Binding, sample: Problem) -> Binding:
    """The binding with the padding that the subject has of its own accord, where all answers are right with it.

    sample: a problem that is answered, and not rightly.
    """
    if "padding" in binding.parameters or trials.op.transposed or not trials.op.forward or binding.layer:
        return binding
    answer = trials.answer(binding, sample)
    for rule in TRIED:
        way = replace(binding, pads=rule)
        fitted = way.fitted(sample)
        if not answer.parts or not solvable(fitted) or answer.parts[0].shape != fitted.result_shape:
            continue
        shown = [trials.score(way, one) == RIGHT for one in islice(_shows(trials, way), SHOWN)]
        if len(shown) == SHOWN and all(shown):
            return way
    return binding


def _shows(trials: Trials, way: Binding) -> Iterator[Problem]:
    """Problems that are padded, and can be called in this way."""
    for one in usual(trials.op, trials.seed):
        fitted = way.fitted(replace(one, bias=False))
        padded = not isinstance(fitted.padding, str) and any(map(any, fitted.padding))
        if padded and solvable(fitted) and way.refuses(fitted) is None:
            yield fitted
