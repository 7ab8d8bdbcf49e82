"""What somebody accepts: the findings of a verdict that do not decide, each with the reason."""

from conv_oracle.accepting.baseline import Baseline, Known, baseline_text, read_baseline
from conv_oracle.accepting.choice import Choice, accept, stale

__all__ = ["Baseline", "Choice", "Known", "accept", "baseline_text", "read_baseline", "stale"]
