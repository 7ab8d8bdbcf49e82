"""The audit: problems, a subject in its sandbox, its answers against the truth, and the verdict."""

from conv_oracle.auditing.journal import Journal
from conv_oracle.auditing.rounding import ALLOWED, DEFAULT
from conv_oracle.auditing.run import OPERATIONS, Progress, audit
from conv_oracle.auditing.sandbox import TargetError
from conv_oracle.auditing.verdict import (
    Earlier,
    Evidence,
    Exercise,
    Finding,
    Repetition,
    Rounding,
    Scope,
    Term,
    Verdict,
)

__all__ = [
    "ALLOWED",
    "DEFAULT",
    "OPERATIONS",
    "Earlier",
    "Evidence",
    "Exercise",
    "Finding",
    "Journal",
    "Progress",
    "Repetition",
    "Rounding",
    "Scope",
    "TargetError",
    "Term",
    "Verdict",
    "audit",
]
