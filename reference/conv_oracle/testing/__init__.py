"""Audits in a test suite: an assertion, of a target or of an object of the running process.

The plugin for pytest is `pytest_conv_oracle`, beside this package: pytest loads it in every run, so it imports none of
this before a test asks for it.
"""

from conv_oracle.testing.asserting import assert_conforms
from conv_oracle.testing.subjects import target_of

__all__ = ["assert_conforms", "target_of"]
