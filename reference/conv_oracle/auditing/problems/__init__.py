"""The problems to test: lists by level, layer, extent and constants of a source; smaller problems for reduction."""

from conv_oracle.auditing.problems.constants import mined, own_source, source_texts
from conv_oracle.auditing.problems.extents import MOST_MULTIPLY_ADDS, affordable, extents
from conv_oracle.auditing.problems.lists import invalid_arguments, problems, unsolvable
from conv_oracle.auditing.problems.smaller import smaller

__all__ = [
    "MOST_MULTIPLY_ADDS",
    "affordable",
    "extents",
    "invalid_arguments",
    "mined",
    "own_source",
    "problems",
    "smaller",
    "source_texts",
    "unsolvable",
]
