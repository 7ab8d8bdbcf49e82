"""Series of calls, the judgement of each answer (right, rounded, wrong, refused), and the ledger of all of them."""

from conv_oracle.auditing.judging.asking import Ask, Asking
from conv_oracle.auditing.judging.circumstance import (
    AFTER_REFUSAL,
    CODED,
    FIRST_CALL,
    PLAIN,
    ROUNDING,
    SPECIAL,
    THREADED,
    Circumstance,
)
from conv_oracle.auditing.judging.judge import Formats, Judgement, is_wider, judge, judge_refusal, returned
from conv_oracle.auditing.judging.ledger import Doubt, Ledger, Symptom
from conv_oracle.auditing.judging.observation import Observation
from conv_oracle.auditing.judging.session import Session

__all__ = [
    "AFTER_REFUSAL",
    "CODED",
    "FIRST_CALL",
    "PLAIN",
    "ROUNDING",
    "SPECIAL",
    "THREADED",
    "Ask",
    "Asking",
    "Circumstance",
    "Doubt",
    "Formats",
    "Judgement",
    "Ledger",
    "Observation",
    "Session",
    "Symptom",
    "is_wider",
    "judge",
    "judge_refusal",
    "returned",
]
