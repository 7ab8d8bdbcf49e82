"""Targets: how what somebody points at becomes a function with PyTorch's arguments."""

from conv_oracle.auditing.targets.called import Called, called
from conv_oracle.auditing.targets.making import PLAIN, Making
from conv_oracle.auditing.targets.names import DEFAULTS, GEOMETRY, ORDER, PER_AXIS, meaning
from conv_oracle.auditing.targets.words import Words, making, written

__all__ = [
    "DEFAULTS",
    "GEOMETRY",
    "ORDER",
    "PER_AXIS",
    "PLAIN",
    "Called",
    "Making",
    "Words",
    "called",
    "making",
    "meaning",
    "written",
]
