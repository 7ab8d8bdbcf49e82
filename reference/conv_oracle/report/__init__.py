"""Reports: a verdict in a terminal, as JSON, Markdown or a script; and the catalogue entry of a fault."""

from conv_oracle.report.document import SCHEMA_VERSION, document
from conv_oracle.report.explain import explained
from conv_oracle.report.markdown import markdown
from conv_oracle.report.output import STANDARD_OUTPUT, OutputError, console, unbroken, write
from conv_oracle.report.script import ScriptError, script
from conv_oracle.report.terminal import print_lines, print_verdict, replay_line

__all__ = [
    "SCHEMA_VERSION",
    "STANDARD_OUTPUT",
    "OutputError",
    "ScriptError",
    "console",
    "document",
    "explained",
    "markdown",
    "print_lines",
    "print_verdict",
    "replay_line",
    "script",
    "unbroken",
    "write",
]
