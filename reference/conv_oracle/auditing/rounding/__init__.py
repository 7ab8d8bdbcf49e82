"""How well a subject rounds: which arithmetic it is, by a bound for each, and no tolerance."""

from conv_oracle.auditing.rounding.allowed import ALLOWED, DEFAULT, Allowed
from conv_oracle.auditing.rounding.judged import Outcome, judged_rounding
from conv_oracle.auditing.rounding.plan import passes_of
from conv_oracle.auditing.rounding.summary import Rounding

__all__ = ["ALLOWED", "DEFAULT", "Allowed", "Outcome", "Rounding", "judged_rounding", "passes_of"]
