"""The catalogue of faults: what each is, and convolutions that have it.

Each entry stands below the code that makes its ways, in a file by what is edited: kernel, parameters, borders, outputs,
transposed, channels, memory, examples, bias, values. rounding and behaviour hold those that no edit of one call makes.
"""

from conv_oracle.faults.catalogue import CATALOGUE, rare_variants, variants
from conv_oracle.faults.departures import DEPARTURES
from conv_oracle.faults.edits import Edit
from conv_oracle.faults.fault import Fault, Variant, title_of

__all__ = [
    "CATALOGUE",
    "DEPARTURES",
    "Edit",
    "Fault",
    "Variant",
    "rare_variants",
    "title_of",
    "variants",
]
