"""The cases: what each problem is, and why it is there. Everything else in `fixtures/` follows from these lists.

A name is kept for ever: it is the case's seed. Unless a case is about it, nothing in a case is square, constant or
symmetric: sizes, kernels and parameters differ per axis, N, C and M differ, and a stride leaves a remainder.
"""

from conv_oracle.golden.cases.case import Case, Sequences
from conv_oracle.golden.cases.conv import CONV
from conv_oracle.golden.cases.conv_transpose import CONV_TRANSPOSE
from conv_oracle.golden.cases.crossed import CROSSED, CROSSED_GRADIENTS, CROSSED_TRANSPOSE, REMAINDERS
from conv_oracle.golden.cases.gradients import CONV_BIAS, CONV_INPUT, CONV_WEIGHT
from conv_oracle.golden.cases.history import VERSIONS, history
from conv_oracle.golden.cases.layers import LAYERS, LayerCase
from conv_oracle.golden.cases.layouts import LAYOUTS, LayoutCase
from conv_oracle.golden.cases.quantised import QUANTISED, QuantisedCase
from conv_oracle.golden.cases.refusals import REFUSED, REFUSED_TRANSPOSE
from conv_oracle.golden.cases.revealing import REVEALING, REVEALING_TRANSPOSE
from conv_oracle.golden.cases.rounding import ROUNDING, RoundingCase
from conv_oracle.golden.cases.sequences import SEQUENCE
from conv_oracle.golden.cases.sizes import OUTPUT_SIZE
from conv_oracle.golden.cases.special import SPECIAL, SpecialCase

CASES: dict[str, tuple[Case, ...]] = {
    "conv": (*CONV, *CROSSED, *REVEALING, *REFUSED),
    "conv_transpose": (*CONV_TRANSPOSE, *CROSSED_TRANSPOSE, *REVEALING_TRANSPOSE, *REFUSED_TRANSPOSE),
    "conv_input": (*CONV_INPUT, *REMAINDERS["input"], *CROSSED_GRADIENTS["input"]),
    "conv_weight": (*CONV_WEIGHT, *REMAINDERS["weight"], *CROSSED_GRADIENTS["weight"]),
    "conv_bias": CONV_BIAS,
    "output_size": OUTPUT_SIZE,
}

__all__ = [
    "CASES",
    "LAYERS",
    "LAYOUTS",
    "QUANTISED",
    "ROUNDING",
    "SEQUENCE",
    "SPECIAL",
    "VERSIONS",
    "Case",
    "LayerCase",
    "LayoutCase",
    "QuantisedCase",
    "RoundingCase",
    "Sequences",
    "SpecialCase",
    "history",
]
