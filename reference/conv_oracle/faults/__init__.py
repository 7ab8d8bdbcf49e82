"""The catalogue of faults: what each is, and convolutions that have it."""

from conv_oracle.faults.catalogue import CATALOGUE, rare_variants, variants
from conv_oracle.faults.edits import Edit
from conv_oracle.faults.fault import Fault, Variant

__all__ = ["CATALOGUE", "Edit", "Fault", "Variant", "rare_variants", "variants"]
