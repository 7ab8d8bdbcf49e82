"""Operands: number formats, exact draws, memory layouts, gradients, coded operands, and the expected results."""

from conv_oracle.auditing.operands import coded, float8
from conv_oracle.auditing.operands.coded import Index, Probe, coded_operand, readings, reads, roles_of
from conv_oracle.auditing.operands.draws import Draws, draw, generator, given
from conv_oracle.auditing.operands.exactness import (
    GUARD_BITS,
    density,
    exact_radius,
    holds_all,
    products_per_output,
    survival,
)
from conv_oracle.auditing.operands.expected import PARTS, expected
from conv_oracle.auditing.operands.formats import ACCUMULATOR_BITS, DTYPES, DType, from_bytes, to_bytes
from conv_oracle.auditing.operands.gradients import SECOND, Gradients, by_all, by_some
from conv_oracle.auditing.operands.layouts import differs, forms
from conv_oracle.auditing.operands.styles import SAID, STYLES, Style, fits

__all__ = [
    "ACCUMULATOR_BITS",
    "DTYPES",
    "GUARD_BITS",
    "PARTS",
    "SAID",
    "SECOND",
    "STYLES",
    "DType",
    "Draws",
    "Gradients",
    "Index",
    "Probe",
    "Style",
    "by_all",
    "by_some",
    "coded",
    "coded_operand",
    "density",
    "differs",
    "draw",
    "exact_radius",
    "expected",
    "fits",
    "float8",
    "forms",
    "from_bytes",
    "generator",
    "given",
    "holds_all",
    "products_per_output",
    "readings",
    "reads",
    "roles_of",
    "survival",
    "to_bytes",
]
