"""The sandbox: workers in processes of their own, their pipes, and the signature of a subject."""

from conv_oracle.auditing.sandbox.bindings import bindings
from conv_oracle.auditing.sandbox.calibration import calibrated, differentiable_twice, gradients_raised, returned_dtype
from conv_oracle.auditing.sandbox.frames import Answer, Guard, Introduction, Part, Series, Side, Step
from conv_oracle.auditing.sandbox.pool import Sandbox
from conv_oracle.auditing.sandbox.processes import Limits, adopting, unreadable
from conv_oracle.auditing.sandbox.recorder import recorded_layers
from conv_oracle.auditing.sandbox.signature import Binding, geometry_values
from conv_oracle.auditing.sandbox.sparse import MOST_SENT
from conv_oracle.auditing.sandbox.uncallable import ACCIDENTS
from conv_oracle.auditing.sandbox.uses import EARLIER, PLAINLY, USES, Use, uses_of
from conv_oracle.auditing.sandbox.workers import Subject

__all__ = [
    "ACCIDENTS",
    "EARLIER",
    "MOST_SENT",
    "PLAINLY",
    "USES",
    "Answer",
    "Binding",
    "Guard",
    "Introduction",
    "Limits",
    "Part",
    "Sandbox",
    "Series",
    "Side",
    "Step",
    "Subject",
    "Use",
    "adopting",
    "bindings",
    "calibrated",
    "differentiable_twice",
    "geometry_values",
    "gradients_raised",
    "recorded_layers",
    "returned_dtype",
    "unreadable",
    "uses_of",
]
