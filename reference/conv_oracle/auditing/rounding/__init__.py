"""How well a subject rounds: which arithmetic it is, by a bound for each, and no tolerance."""

from conv_oracle.auditing.rounding.allowed import ALLOWED, DEFAULT, Allowed
from conv_oracle.auditing.rounding.carriers import Pass
from conv_oracle.auditing.rounding.classes import Beside, Measured
from conv_oracle.auditing.rounding.data import suites
from conv_oracle.auditing.rounding.foreseen import foreseen
from conv_oracle.auditing.rounding.judged import Outcome, judged_rounding
from conv_oracle.auditing.rounding.ladder import measured
from conv_oracle.auditing.rounding.measures import sample
from conv_oracle.auditing.rounding.plan import of_problem, passes_of
from conv_oracle.auditing.rounding.probes import probes
from conv_oracle.auditing.rounding.summary import Rounding

__all__ = [
    "ALLOWED",
    "DEFAULT",
    "Allowed",
    "Beside",
    "Measured",
    "Outcome",
    "Pass",
    "Rounding",
    "foreseen",
    "judged_rounding",
    "measured",
    "of_problem",
    "passes_of",
    "probes",
    "sample",
    "suites",
]
