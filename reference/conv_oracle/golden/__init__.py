"""Golden vectors: the cases of fixtures/, built from the definition, and read back without trust.

`load(directory)` is what a consumer in Python needs, `conv_oracle.vectors` says where a set is. `fixtures/README.md`
describes the format for every other language. Writing is `conv_oracle.golden.write`, which needs file locks.
"""

from conv_oracle.golden.build import build
from conv_oracle.golden.families import FAMILIES, Entry, Family, FixtureError
from conv_oracle.golden.generator import small_integers
from conv_oracle.golden.read import load, read
from conv_oracle.golden.verify import differences, errors_in

__all__ = [
    "FAMILIES",
    "Entry",
    "Family",
    "FixtureError",
    "build",
    "differences",
    "errors_in",
    "load",
    "read",
    "small_integers",
]
