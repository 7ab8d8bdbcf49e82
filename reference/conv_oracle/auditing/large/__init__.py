"""Level large: arrays beyond 2^31 elements and bytes, sparse operands, and the index that has too few bits."""

from conv_oracle.auditing.large.concluded import large_verdict
from conv_oracle.auditing.large.sizes import is_large

__all__ = ["is_large", "large_verdict"]
