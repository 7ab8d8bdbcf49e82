"""Targets: how what somebody points at becomes a function with PyTorch's arguments."""

from conv_oracle.auditing.targets.arranged import own_sides, same_sides, same_sides_transposed
from conv_oracle.auditing.targets.called import Called, called
from conv_oracle.auditing.targets.commands import commanded, operation_in
from conv_oracle.auditing.targets.compiled import Native, is_native, making_of, understood
from conv_oracle.auditing.targets.declared import adapt
from conv_oracle.auditing.targets.making import PLAIN, Making
from conv_oracle.auditing.targets.names import DEFAULTS, GEOMETRY, ORDER, PER_AXIS, meaning
from conv_oracle.auditing.targets.onnx_targets import is_model, onnx_making
from conv_oracle.auditing.targets.words import PADDING_AS, PADS, Words, is_padding, making

__all__ = [
    "DEFAULTS",
    "GEOMETRY",
    "ORDER",
    "PADDING_AS",
    "PADS",
    "PER_AXIS",
    "PLAIN",
    "Called",
    "Making",
    "Native",
    "Words",
    "adapt",
    "called",
    "commanded",
    "is_model",
    "is_native",
    "is_padding",
    "making",
    "making_of",
    "meaning",
    "onnx_making",
    "operation_in",
    "own_sides",
    "same_sides",
    "same_sides_transposed",
    "understood",
]
