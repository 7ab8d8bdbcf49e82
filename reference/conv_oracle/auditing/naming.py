"""The names of faults that no single answer shows: told by the kind of finding and by its circumstance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from conv_oracle.auditing.asking import PARTIAL, Ask
from conv_oracle.auditing.gradients import SECOND
from conv_oracle.auditing.judge import Judgement
from conv_oracle.auditing.verdict import Kind
from conv_oracle.faults import CATALOGUE, Fault
from conv_oracle.problem import Problem

RIGHT_AT_FIRST = "wrong during the audit, right when asked first in a fresh process"

BY_KIND: Mapping[Kind, str] = {
    "wrong-value": "unknown",
    "wrong-shape": "wrong-result-shape",
    "wrong-dtype": "wrong-result-dtype",
    "not-an-array": "no-array-returned",
    "raised": "raises",
    "crashed": "crashes",
    "hung": "hangs",
    "out-of-memory": "memory-exhausted",
    "malformed": "pipe-written",
    "mutated-operand": "operand-changed",
    "stale-answer": "stale-cache",
    "answer-changed": "workspace-returned",
    "varies": "varies",
    "accepted-but-invalid": "output-invented",
    "rounding": "rounding-beyond-bound",
    "special-value": "nonfinite-dropped",
}


def named(kind: Kind, ask: Ask, judgement: Judgement, failing: Sequence[Problem]) -> Fault:
    """The fault that a finding is, by its kind, and by what sets its calls apart."""
    read_only = "read-only" in ask.forms.values() and "read-only" in judgement.text
    if kind == "raised" and read_only:
        slug = "operand-changed"
    elif kind == "raised" and failing and all(problem.geometry.batch == 0 for problem in failing):
        slug = "empty-batch-refused"
    elif kind == "varies" and judgement.text == RIGHT_AT_FIRST:
        slug = "stale-cache"
    elif kind == "wrong-value" and ask.forms:
        slug = "strides-ignored"
    elif kind == "wrong-value" and ask.circumstance.startswith(PARTIAL):
        slug = "partial-gradients-wrong"
    elif kind == "wrong-value" and judgement.part in SECOND:
        slug = "double-backward-wrong"
    elif kind == "wrong-value" and judgement.part == "grad_bias":
        slug = "bias-wrong"
    elif kind == "wrong-value" and ask.circumstance_of(0) not in ("", "coded operands"):
        slug = "depends-on-values"
    else:
        slug = BY_KIND[kind]
    return CATALOGUE[slug]


def never_written(judgement: Judgement) -> bool:
    """Whether all wrong numbers are zero, or all are none."""
    got, expected = judgement.got, judgement.expected
    if got is None or expected is None or got.shape != expected.shape or got.dtype.kind not in "fciu":
        return False
    with np.errstate(invalid="ignore"):
        wrong = got[~(got == expected)]
    return wrong.size > 0 and bool((wrong == 0).all() or np.isnan(wrong).all())
