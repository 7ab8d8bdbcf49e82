"""What a verdict looks like: in a terminal, and as JSON."""

from conv_oracle.report.document import SCHEMA_VERSION, document
from conv_oracle.report.terminal import print_verdict

__all__ = ["SCHEMA_VERSION", "document", "print_verdict"]
