"""The diagnosis, from wrong answers to findings: causes, conditions, smallest problems, evidence."""

from conv_oracle.auditing.diagnosis.conditions import Condition, learned, traits
from conv_oracle.auditing.diagnosis.evidence import ROLES, Role, evidence, listed, number, sum_at
from conv_oracle.auditing.diagnosis.findings import STATE, SUMMARIES, UNNAMED, findings, folded, in_order
from conv_oracle.auditing.diagnosis.invalid import invalid_findings
from conv_oracle.auditing.diagnosis.naming import named
from conv_oracle.auditing.diagnosis.relations import demonstrations
from conv_oracle.auditing.diagnosis.unsupported import withdraw_unsupported

__all__ = [
    "ROLES",
    "STATE",
    "SUMMARIES",
    "UNNAMED",
    "Condition",
    "Role",
    "demonstrations",
    "evidence",
    "findings",
    "folded",
    "in_order",
    "invalid_findings",
    "learned",
    "listed",
    "named",
    "number",
    "sum_at",
    "traits",
    "withdraw_unsupported",
]
