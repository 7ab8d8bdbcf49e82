"""Targets: how what somebody points at becomes a function with PyTorch's arguments."""

from conv_oracle.auditing.targets.making import PLAIN, Making

__all__ = ["PLAIN", "Making"]
