"""What would help where a finding may be a convention that was not declared: the option that would say it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from conv_oracle.auditing.finding import Finding
from conv_oracle.auditing.options import AuditOptions

SHAPES = re.compile(r"broadcast|shape|size of tensor|dimension|matmul|aligned")
"""What exceptions of NumPy and PyTorch say of arrays that do not fit together."""


def hinted(findings: Sequence[Finding], options: AuditOptions, parameters: frozenset[str]) -> tuple[Finding, ...]:
    """The findings of a Python function, with the option that would declare a convention; others as they are.

    parameters: those that the target takes.
    """
    if options.command or options.native:
        return tuple(findings)
    return tuple(replace(one, hint=_hint(one, options, parameters)) for one in findings)


def _hint(finding: Finding, options: AuditOptions, parameters: frozenset[str]) -> str:
    """The first convention that the finding may be; '' where none is known."""
    said, kind = finding.evidence.text, finding.kind
    unsaid = not options.result and kind == "not-an-array"
    misfit = (kind == "raised" and bool(SHAPES.search(said))) or kind == "wrong-shape"
    possible = (
        (
            unsaid and ("tuple" in said or "list" in said),
            "--result 'y, *', if the first of what is returned is the output",
        ),
        (unsaid and "dict" in said, "--result \"{'y': y}\", if the entry 'y' is the output"),
        (
            misfit and finding.problem.bias and "b=" not in options.layout,
            "--layout b=C,1, if the bias is a column; b=1,C,1,1 and the like are written so too",
        ),
        (
            kind == "wrong-shape" and not finding.problem.bias and not options.pads and "padding" not in parameters,
            "--pads SAME, causal or another rule, if the target pads of its own accord",
        ),
        (
            finding.fault == "kernel-flipped" and finding.problems == finding.asked and not options.true_convolution,
            "--true-convolution, if the kernel is flipped by convention",
        ),
    )
    return next((hint for true, hint in possible if true), "")
