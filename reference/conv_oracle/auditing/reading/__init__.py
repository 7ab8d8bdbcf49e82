"""Reading: the whole computation of a subject, from calls of it, and what in its index map departs from the formula."""

from conv_oracle.auditing.reading.computation import MOST_CALLS, Answers, Computation, Operands, computation, needed
from conv_oracle.auditing.reading.describing import Description, described

__all__ = ["MOST_CALLS", "Answers", "Computation", "Description", "Operands", "computation", "described", "needed"]
